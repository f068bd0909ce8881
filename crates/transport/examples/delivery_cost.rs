//! What a delivery costs, and what of it is the look at the recipient's out-of-office setting.
//!
//! `cargo run --release -p fieldpost-transport --example delivery_cost -- DIRECTORY` makes a store there and delivers 4,000 mails of 33 KiB
//! to 200 accounts, one after the other, with and without the hook. Processor time is that of the whole process, from the kernel.

use std::{
    error::Error,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use fieldpost_directory::{Directory, NewAccount};
use fieldpost_mailbox::Mailboxes;
use fieldpost_store::{Store, embedded};
use fieldpost_transport::{Envelope, Hook, OutOfOfficeReplies, Settings, Transport};

const ACCOUNTS: usize = 200;
const MAILS: usize = 4_000;
const MAIL: usize = 33 * 1024;
const LOOKS: usize = 200_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let place = std::env::args().nth(1).ok_or("a directory is needed")?;
    let settings = embedded::Settings::default();
    let store: Arc<dyn Store> = embedded::EmbeddedStore::open(Path::new(&place), settings)?;
    let directory =
        Directory::open(Arc::clone(&store), fieldpost_directory::Settings::default()).await?;
    for number in 0..ACCOUNTS {
        let address = format!("u{number}@demo.test").parse()?;
        directory.add(NewAccount::new(address)).await?;
    }
    let mailboxes = Mailboxes::new(Arc::clone(&store), fieldpost_mailbox::Settings::default());
    let hook: Arc<dyn Hook> = Arc::new(OutOfOfficeReplies);
    for (name, hooks) in [
        ("to warm up", Vec::new()),
        ("without the hook", Vec::new()),
        ("with it", vec![Arc::clone(&hook)]),
        ("without the hook", Vec::new()),
        ("with it", vec![hook]),
    ] {
        let transport = Transport::with_hooks(
            Arc::clone(&directory),
            Arc::clone(&mailboxes),
            Settings::default(),
            hooks,
        );
        let (start, spent) = (Instant::now(), processor_time());
        for number in 0..MAILS {
            deliver(&transport, number).await?;
        }
        let (took, spent) = (start.elapsed(), processor_time().saturating_sub(spent));
        println!(
            "a delivery {name}: {:?}, processor {:?}",
            took / MAILS as u32,
            spent / MAILS as u32
        );
    }
    let (start, spent) = (Instant::now(), processor_time());
    for number in 0..LOOKS {
        let account = directory
            .resolve(&format!("u{}@demo.test", number % ACCOUNTS))
            .ok_or("no account")?;
        mailboxes.open(account).await?.out_of_office().await?;
    }
    let (took, spent) = (start.elapsed(), processor_time().saturating_sub(spent));
    println!(
        "a look at a setting: {:?}, processor {:?}",
        took / LOOKS as u32,
        spent / LOOKS as u32
    );
    store.close().await?;
    Ok(())
}

async fn deliver(transport: &Arc<Transport>, number: usize) -> Result<(), Box<dyn Error>> {
    let address = format!("u{}@demo.test", number % ACCOUNTS).parse()?;
    let recipients = vec![transport.recipient(&address)?];
    let mut incoming = transport.receive(&recipients, None).await?;
    let header = format!("From: x@far.test\r\nTo: {address}\r\nSubject: mail {number}\r\n\r\n");
    incoming.write(header.into()).await?;
    let line = format!("Line of mail {number}, which is like all others.\r\n");
    incoming
        .write(line.repeat(MAIL / line.len()).into())
        .await?;
    incoming.write(Bytes::from_static(b"End.\r\n")).await?;
    let received = incoming.finish().await?;
    let envelope = Envelope {
        sender: Some("x@far.test".parse()?),
        ..Envelope::default()
    };
    for result in transport
        .deliver(envelope, received, recipients)
        .all()
        .await
    {
        result?;
    }
    Ok(())
}

/// Of all threads, user and system.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks = fields.split(' ').skip(11).take(2);
    let ticks = ticks
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum::<u64>();
    // USER_HZ is 100 on every architecture that matters here.
    Duration::from_millis(ticks * 10)
}
