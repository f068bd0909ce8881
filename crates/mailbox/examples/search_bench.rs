//! What searching, sorting, threading, copying and reading cost in processor time.
//!
//! `cargo run --release -p fieldpost-mailbox --example search_bench [-- MAILS [WHAT]]` (10,000 by default; WHAT: the beginning of what is measured). The store is the embedded one in a
//! temporary directory; the mails are 33 KB each in the mean: words of uneven frequency, plain, with HTML beside them, or with attachments. Each
//! operation runs once before it is measured; the time is that of all threads.

use std::{
    future::Future,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use fieldpost_mailbox::{
    Error, Flags, FolderId, Mailbox, Mailboxes, NewItem, Query, Settings, SortBy, SortKey,
    SpecialUse, Threading, UidSet, View,
};
use fieldpost_store::{AccountId, embedded};

const ALICE: AccountId = AccountId(1);

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Error> {
    let mails: u32 = std::env::args()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .unwrap_or(10_000);
    let Ok(directory) = tempfile::tempdir() else {
        println!("no temporary directory");
        return Ok(());
    };
    let settings = embedded::Settings {
        background: false,
        ..embedded::Settings::default()
    };
    let store = embedded::EmbeddedStore::open(directory.path(), settings)?;
    let mailboxes = Mailboxes::new(store.clone(), Settings::default());
    let mailbox = mailboxes.open(ALICE).await?;
    let inbox = mailbox.special(SpecialUse::Inbox).await?.id;
    let bytes = fill(&mailboxes, &mailbox, inbox, mails).await?;
    println!(
        "{mails} mails of {} bytes in the mean, processor time of one operation:",
        bytes / u64::from(mails.max(1))
    );
    let forgetful = Mailboxes::new(
        store,
        Settings {
            sort_memory: 0,
            ..Settings::default()
        },
    );
    let bench = Bench {
        forgetful: forgetful.open(ALICE).await?,
        view: mailbox.view(inbox).await?,
        mailbox,
        inbox,
    };
    bench.searches().await?;
    bench.sorts().await?;
    bench.threads().await?;
    bench.items().await
}

struct Bench {
    mailbox: Mailbox,
    /// The same mailbox, of which no keys stay in memory.
    forgetful: Mailbox,
    inbox: FolderId,
    view: Arc<View>,
}

impl Bench {
    async fn searches(&self) -> Result<(), Error> {
        let header = |field: &str, text: &str| Query::Header {
            field: field.into(),
            text: text.into(),
        };
        let unseen = Query::Not(Box::new(Query::Flags(Flags::SEEN)));
        let middle = 1_700_000_000 + i64::from(self.view.uid_next) * 30;
        let words = |count: usize, wrap: fn(String) -> Query| {
            Query::Any(
                (0..count)
                    .map(|number| wrap(format!("nowhere{number}")))
                    .collect(),
            )
        };
        for (what, query) in [
            ("ALL", Query::All),
            (
                "UNSEEN SINCE",
                Query::And(vec![unseen.clone(), Query::InternalDate(middle..i64::MAX)]),
            ),
            ("LARGER", Query::Larger(20_000)),
            (
                "2,000 keys of the rows",
                Query::And(
                    (0..2_000)
                        .map(|number| Query::Smaller((1 << 40) + number))
                        .collect(),
                ),
            ),
            ("SENTSINCE", Query::SentDay(19_680..i64::MAX)),
            ("SUBJECT", header("Subject", "needle")),
            ("FROM", header("From", "sender77@")),
            (
                "UNSEEN FROM",
                Query::And(vec![unseen, header("From", "sender77@")]),
            ),
            (
                "OR of 100 SUBJECTs",
                words(100, |text| Query::Header {
                    field: "Subject".into(),
                    text,
                }),
            ),
            (
                "HEADER, one that no summary has",
                header("X-Mailer", "benchmark"),
            ),
            ("BODY", Query::Body("zqxneedle".into())),
            ("TEXT", Query::Text("zqxneedle".into())),
            ("TEXT, not ASCII", Query::Text("zqxnädel".into())),
            ("OR of 100 TEXTs", words(100, Query::Text)),
        ] {
            let times = if matches!(query, Query::Body(_) | Query::Text(_)) || what.contains("TEXT")
            {
                2
            } else {
                10
            };
            measure(what, times, async || {
                let all = UidSet::all();
                let found = self
                    .mailbox
                    .search(self.inbox, &self.view, &query, &all, &mut || true)
                    .await?;
                Ok(found.len())
            })
            .await?;
        }
        Ok(())
    }

    async fn sorts(&self) -> Result<(), Error> {
        let uids: Vec<u32> = self.view.rows().map(|row| row.uid).collect();
        for (what, keys) in [
            ("SORT (ARRIVAL)", &[SortKey::InternalDate][..]),
            ("SORT (SIZE)", &[SortKey::Size]),
            ("SORT (DATE)", &[SortKey::SentDate]),
            ("SORT (SUBJECT)", &[SortKey::Subject]),
            ("SORT (FROM SIZE)", &[SortKey::From, SortKey::Size]),
            ("SORT (DISPLAYFROM)", &[SortKey::DisplayFrom]),
        ] {
            let keys: Vec<_> = keys.iter().map(|key| SortBy::ascending(*key)).collect();
            measure(what, 10, async || {
                let sorted = self
                    .mailbox
                    .sort(self.inbox, &self.view, &uids, &keys, &mut || true)
                    .await?;
                Ok(sorted.len())
            })
            .await?;
        }
        for (what, key) in [
            ("SORT (DATE), the first time", SortKey::SentDate),
            ("SORT (SUBJECT), the first time", SortKey::Subject),
        ] {
            measure(what, 10, async || {
                let by = [SortBy::ascending(key)];
                let sorted = self
                    .forgetful
                    .sort(self.inbox, &self.view, &uids, &by, &mut || true)
                    .await?;
                Ok(sorted.len())
            })
            .await?;
        }
        Ok(())
    }

    async fn items(&self) -> Result<(), Error> {
        let archive = self.mailbox.special(SpecialUse::Archive).await?.id;
        let first: UidSet = self.view.rows().take(1_000).map(|row| row.uid).collect();
        measure("COPY of 1,000", 20, async || {
            let copied = self.mailbox.copy(self.inbox, &first, archive).await?;
            Ok(copied.uids.len())
        })
        .await?;
        let items = self.mailbox.items(self.inbox, 1..=1_000, 1_000).await?;
        measure("the bodies of 1,000", 10, async || {
            let mut octets = 0;
            for item in &items {
                let mut body = self.mailbox.read(item, 0..u64::MAX).await?;
                while let Some(piece) = body.next().await? {
                    octets += piece.len();
                }
            }
            Ok(octets)
        })
        .await
    }

    async fn threads(&self) -> Result<(), Error> {
        let uids: Vec<u32> = self.view.rows().map(|row| row.uid).collect();
        for (what, threading) in [
            ("THREAD REFERENCES", Threading::References),
            ("THREAD ORDEREDSUBJECT", Threading::OrderedSubject),
        ] {
            measure(what, 10, async || {
                let threads = self
                    .mailbox
                    .threads(self.inbox, &self.view, &uids, threading, &mut || true)
                    .await?;
                Ok(threads.iter().filter(|one| one.depth == 0).count())
            })
            .await?;
        }
        Ok(())
    }
}

/// Fills the folder; how many bytes that took.
async fn fill(
    mailboxes: &Arc<Mailboxes>,
    mailbox: &Mailbox,
    folder: FolderId,
    mails: u32,
) -> Result<u64, Error> {
    let mut random = Random(42);
    let mut bytes = 0;
    let mut batch = Vec::new();
    for number in 0..mails {
        let mail = mail(number, &mut random);
        bytes += mail.len() as u64;
        let mut incoming = mailboxes.receive(ALICE, Some(mail.len() as u64)).await?;
        let mail = Bytes::from(mail);
        for chunk in mail.chunks(8192) {
            incoming.write(mail.slice_ref(chunk)).await?;
        }
        let mut new = NewItem::new(incoming.finish().await?);
        new.internal_date = Some(1_700_000_000 + i64::from(number) * 60);
        if number % 3 > 0 {
            new.flags = Flags::SEEN;
        }
        batch.push(new);
        if batch.len() == 100 || number + 1 == mails {
            mailbox.append_all(folder, &batch).await?;
            batch.clear();
        }
    }
    Ok(bytes)
}

fn mail(number: u32, random: &mut Random) -> String {
    let size = match random.below(1_000) {
        0..600 => 2_000 + random.below(6_000),
        600..880 => 8_000 + random.below(22_000),
        880..980 => 30_000 + random.below(70_000),
        980..995 => 100_000 + random.below(900_000),
        _ => 1_000_000 + random.below(4_000_000),
    } as usize;
    let thread = number - number % 5;
    let subject = words(30 + random.below(30) as usize, random);
    let subject = match random.below(100) {
        0..8 => format!(
            "=?utf-8?Q?{}_gr=C3=BCn?=",
            subject.trim_end().replace(' ', "_")
        ),
        8 => format!("{subject}needle"),
        _ => subject,
    };
    let (prefix, references) = if number == thread {
        ("", String::new())
    } else {
        let ids: Vec<_> = (thread..number)
            .map(|id| format!("<{id}@example.org>"))
            .collect();
        (
            "Re: ",
            format!(
                "In-Reply-To: <{}@example.org>\r\nReferences: {}\r\n",
                number - 1,
                ids.join("\r\n ")
            ),
        )
    };
    let sender = random.below(800);
    let mut mail = format!(
        "Return-Path: <sender{sender}@example.org>\r\nReceived: from mx{sender}.example.org by mail.example.net with ESMTP id {number};\r\n\tMon, 23 Nov 2026 10:00:00 +0000\r\n\
         From: Sender Number {sender} <sender{sender}@example.org>\r\nTo: Alice <alice@example.net>, bob@example.net\r\nSubject: {prefix}{}\r\n\
         Date: {}\r\nMessage-ID: <{number}@example.org>\r\n{references}X-Mailer: benchmark 1.0\r\nMIME-Version: 1.0\r\n",
        subject.trim_end(),
        fieldpost_message::date::format_rfc5322(
            1_700_000_000 + i64::from(number) * 60 - random.below(9_000) as i64,
            60
        ),
    );
    let text = |length: usize, random: &mut Random| {
        let mut text = words(length, random);
        if random.below(100) == 0 {
            text.push_str("zqxneedle\r\n");
        }
        text
    };
    match random.below(10) {
        0..5 if size < 100_000 => {
            mail.push_str("Content-Type: text/plain; charset=utf-8\r\n\r\n");
            mail.push_str(&text(size, random));
        }
        5..7 if size < 100_000 => {
            mail.push_str("Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
            mail.push_str(&text(size / 3, random));
            mail.push_str("\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<html><body>");
            while mail.len() < size {
                mail.push_str("<p style=3D\"margin:0\">");
                mail.push_str(&words(300, random));
                mail.push_str("=\r\n</p><br>\r\n");
            }
            mail.push_str("</body></html>\r\n--b--\r\n");
        }
        _ => {
            mail.push_str("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
            mail.push_str(&text((size / 4).min(6_000), random));
            mail.push_str("\r\n--b\r\nContent-Type: application/pdf; name=\"paper.pdf\"\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n");
            while mail.len() < size {
                mail.push_str("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3ODkwQUJD\r\n");
            }
            mail.push_str("--b--\r\n");
        }
    }
    mail
}

/// Words in lines, the short ones more often.
fn words(length: usize, random: &mut Random) -> String {
    let mut out = String::with_capacity(length + 80);
    let mut line = 0;
    while out.len() < length {
        let most = random.below(14);
        let mut rank = 1 + random.below(1 << most);
        let start = out.len();
        while rank > 0 {
            out.push(char::from(
                b"etaoinshrdlucmfwypvbgkjqxz"[(rank % 26) as usize],
            ));
            out.push(char::from(b"aeiou"[(rank % 5) as usize]));
            rank /= 26;
        }
        line += out.len() - start + 1;
        if line > 70 && length > 100 {
            out.push_str("\r\n");
            line = 0;
        } else {
            out.push(' ');
        }
    }
    out
}

struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below.max(1)
    }
}

async fn measure<F: Future<Output = Result<usize, Error>>>(
    what: &str,
    times: u32,
    operation: impl Fn() -> F,
) -> Result<(), Error> {
    if std::env::args()
        .nth(2)
        .is_some_and(|wanted| !what.starts_with(&wanted))
    {
        return Ok(());
    }
    let found = operation().await?;
    let (start, clock) = (processor_time(), Instant::now());
    for _ in 0..times {
        black_box(operation().await?);
    }
    let spent = match (start, processor_time()) {
        (Some(start), Some(end)) => end.saturating_sub(start),
        _ => clock.elapsed(),
    };
    println!("{:>12.2?}  {what} ({found})", spent / times);
    Ok(())
}

/// What the kernel has given to all threads so far (Linux).
fn processor_time() -> Option<Duration> {
    let mut spent = 0;
    for task in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
        let stat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        spent += stat.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(spent))
}
