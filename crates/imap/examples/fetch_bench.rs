//! What it costs to fetch bodies, in processor time of the serving thread.
//!
//! `cargo run --release -p fieldpost-imap --example fetch_bench [-- MAILS]` (1,000 by default). The store is the embedded one in a temporary
//! directory, with mails of 33 KB each of uneven words; the client is a thread of its own on the other end of a Unix socket.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use fieldpost_connection::{Connection, ConnectionId, Origin, Peer};
use fieldpost_directory::{Address, Directory, NewAccount, Secret};
use fieldpost_imap::{Service, serve};
use fieldpost_mailbox::{Mailboxes, NewItem, SpecialUse};
use fieldpost_store::embedded;

type Anything = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Anything> {
    let mails: u32 = std::env::args()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .unwrap_or(1_000);
    let place = tempfile::tempdir()?;
    let settings = embedded::Settings {
        background: false,
        ..embedded::Settings::default()
    };
    let store = embedded::EmbeddedStore::open(place.path(), settings)?;
    let directory =
        Directory::open(store.clone(), fieldpost_directory::Settings::default()).await?;
    directory.add_domain("demo.test").await?;
    let mut account = NewAccount::new(Address::parse("alice@demo.test")?);
    account.password = Some(Secret::from("correct horse"));
    let account = directory.add(account).await?.id;
    let mailboxes = Mailboxes::new(store, fieldpost_mailbox::Settings::default());
    let mailbox = mailboxes.open(account).await?;
    let inbox = mailbox.special(SpecialUse::Inbox).await?.id;
    let mut random = 42_u64;
    for number in 0..mails {
        let mut incoming = mailboxes.receive(account, None).await?;
        incoming.write(mail(number, &mut random)).await?;
        let new = NewItem::new(incoming.finish().await?);
        mailbox.append(inbox, &new).await?;
    }
    let service = Service::new(directory, mailboxes, fieldpost_imap::Settings::default());
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let client = std::thread::spawn(move || converse(theirs, mails));
    let origin = Origin {
        id: ConnectionId::next(),
        peer: Peer::Unix(None),
        local: None,
        tls: None,
        shutdown: tokio_util::sync::CancellationToken::new(),
        write_timeout: Duration::from_mins(1),
    };
    let ours = tokio::net::UnixStream::from_std(ours)?;
    serve(Connection::new(ours, origin), Arc::clone(&service)).await;
    client.join().map_err(|_| "the client has panicked")?
}

fn converse(stream: UnixStream, mails: u32) -> Result<(), Anything> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::with_capacity(1 << 20, stream);
    let mut ask = |command: &str| -> Result<u64, Anything> {
        writer.write_all(format!("a {command}\r\n").as_bytes())?;
        let mut octets = 0;
        let mut line = Vec::new();
        loop {
            line.clear();
            octets += reader.read_until(b'\n', &mut line)? as u64;
            if line.is_empty() || line.starts_with(b"a ") {
                return Ok(octets);
            }
            let literal = line
                .strip_suffix(b"}\r\n")
                .and_then(|line| line.rsplit(|byte| *byte == b'{').next())
                .and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u64>().ok());
            if let Some(size) = literal {
                octets += std::io::copy(&mut reader.by_ref().take(size), &mut std::io::sink())?;
            }
        }
    };
    ask("LOGIN alice@demo.test \"correct horse\"")?;
    ask("SELECT INBOX")?;
    for (what, command) in [
        ("BODY.PEEK[] of all", "FETCH 1:* BODY.PEEK[]"),
        ("UID and FLAGS of all", "FETCH 1:* (UID FLAGS)"),
    ] {
        ask(command)?;
        let before = serving_time()?;
        let times = 10;
        let mut octets = 0;
        for _ in 0..times {
            octets = ask(command)?;
        }
        let spent = serving_time()?.saturating_sub(before) / times;
        println!("{:>12.2?} a mail, {what} ({octets} octets)", spent / mails);
    }
    ask("LOGOUT")?;
    Ok(())
}

/// What the kernel has given to the thread that serves so far (Linux): the process's first.
fn serving_time() -> Result<Duration, Anything> {
    let path = format!("/proc/self/task/{}/schedstat", std::process::id());
    let stat = std::fs::read_to_string(path)?;
    let spent = stat.split_whitespace().next().unwrap_or_default();
    Ok(Duration::from_nanos(spent.parse()?))
}

fn mail(number: u32, random: &mut u64) -> Bytes {
    use std::fmt::Write as _;

    let mut mail = format!(
        "From: s{number}@example.org\r\nSubject: Number {number}\r\nMessage-ID: <{number}@example.org>\r\n\r\n"
    );
    while mail.len() < 33 * 1024 {
        *random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let word = *random >> 33;
        let _ = write!(mail, "{:x}", word % (1 << (word % 24)));
        mail.push_str(if word.is_multiple_of(11) { "\r\n" } else { " " });
    }
    mail.into()
}
