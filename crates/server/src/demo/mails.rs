//! The mails of the demo: a small surveying company over three weeks, and what else lands in a mailbox.
//!
//! All of it is written for this purpose. Threads, attachments, HTML, and text in many scripts and charsets, as they come
//! from real mail programs.

mod around;
mod bob;
mod harbour;
mod world;

use jiff::Timestamp;

use super::compose::Draft;

/// A mail for one of the demo's accounts.
#[derive(Clone, Debug)]
pub struct Mail {
    /// When it arrived.
    pub date: Timestamp,
    /// Whether its reader has seen it.
    pub seen: bool,
    /// Whether its reader has marked it.
    pub flagged: bool,
    /// The whole mail.
    pub bytes: Vec<u8>,
}

/// Alice's mails, oldest first, dated back from `first_start`.
pub fn for_alice(first_start: Timestamp) -> Vec<Mail> {
    let drafts: Vec<&Draft> = harbour::MAILS
        .iter()
        .chain(world::MAILS)
        .chain(around::MAILS)
        .collect();
    written(&drafts, first_start)
}

/// Bob's mails, oldest first.
pub fn for_bob(first_start: Timestamp) -> Vec<Mail> {
    written(&bob::MAILS.iter().collect::<Vec<_>>(), first_start)
}

fn written(drafts: &[&Draft], first_start: Timestamp) -> Vec<Mail> {
    let mut mails: Vec<Mail> = drafts
        .iter()
        .map(|draft| Mail {
            date: draft.date(first_start),
            seen: draft.seen,
            flagged: draft.flagged,
            bytes: draft.write(first_start, drafts),
        })
        .collect();
    mails.sort_by_key(|mail| mail.date);
    mails
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Mail> {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let mut all = for_alice(now);
        assert!(all.len() >= 50, "{}", all.len());
        all.extend(for_bob(now));
        all
    }

    #[test]
    fn mails_are_well_formed_and_the_same_each_time() {
        let first = all();
        let second = all();
        for (mail, again) in first.iter().zip(&second) {
            assert_eq!(mail.bytes, again.bytes);
            let text = String::from_utf8_lossy(&mail.bytes);
            let (headers, _) = text.split_once("\r\n\r\n").unwrap();
            for field in [
                "Date: ",
                "From: ",
                "To: ",
                "Subject: ",
                "Message-ID: <",
                "Content-Type: ",
            ] {
                assert_eq!(
                    headers.matches(&format!("\r\n{field}")).count()
                        + usize::from(headers.starts_with(field)),
                    1,
                    "{field} in {headers}"
                );
            }
            assert!(mail.bytes.ends_with(b"\r\n"));
            for line in mail.bytes.split_inclusive(|byte| *byte == b'\n') {
                assert!(line.ends_with(b"\r\n") && line.len() <= 998, "{}", text);
                assert!(line.is_ascii(), "{}", String::from_utf8_lossy(line));
            }
        }
    }

    #[test]
    fn charsets_threads_and_attachments_are_there() {
        let all = all();
        let has = |needle: &str| {
            all.iter()
                .filter(|mail| String::from_utf8_lossy(&mail.bytes).contains(needle))
                .count()
        };
        for charset in [
            "iso-2022-jp",
            "windows-1251",
            "gb18030",
            "iso-8859-7",
            "windows-1256",
            "koi8-r",
            "euc-kr",
            "big5",
            "utf-8",
            "us-ascii",
        ] {
            assert!(has(&format!("charset={charset}\r\n")) > 0, "{charset}");
        }
        assert!(has("References: ") >= 12, "{}", has("References: "));
        for kind in [
            "image/png",
            "application/pdf",
            "text/csv",
            "text/calendar",
            "message/rfc822",
            "text/html",
        ] {
            assert!(has(&format!("Content-Type: {kind}")) > 0, "{kind}");
        }
        assert!(all.iter().any(|mail| mail.seen) && all.iter().any(|mail| !mail.seen));
    }

    #[test]
    fn every_answer_has_its_question_and_comes_after_it() {
        let drafts: Vec<&Draft> = harbour::MAILS
            .iter()
            .chain(world::MAILS)
            .chain(around::MAILS)
            .collect();
        let mut ids = std::collections::HashSet::new();
        for draft in &drafts {
            assert!(ids.insert(draft.id), "{} twice", draft.id);
            if let Some(parent) = draft.answers {
                let parent = drafts.iter().find(|other| other.id == parent).unwrap();
                assert!(parent.minutes_ago > draft.minutes_ago, "{}", draft.id);
            }
        }
    }
}
