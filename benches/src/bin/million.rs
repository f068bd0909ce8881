//! A million messages in the core: disk, memory, and how long the store takes to open after a clean stop, after kill -9, and
//! when the whole index has to be rebuilt.
//!
//! ```text
//! cargo run --release -p fieldpost-benches --bin million -- [--messages 1000000] [--accounts 100] [--size 2000]
//!     [--index sled|redb] [--dir DIR] [--keep] [--kills 3]
//! ```
//!
//! `--kills`: how often the store is killed while it is written to and opened again; between two kills some ten thousand
//! messages come in. `RUST_LOG=fieldpost_store=debug` shows what an open does, and when.
//!
//! Each step runs in a process of its own, which prints what it measured of itself.

use std::{
    error::Error,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use fieldpost_mailbox::{Mailboxes, NewItem, SpecialUse};
use fieldpost_store::{
    AccountId, Store,
    embedded::{EmbeddedStore, IndexKind, Settings},
};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let options = Options::parse()?;
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match options.step.as_deref() {
        None => all(&options),
        Some(step) => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?
            .block_on(run(step, &options)),
    }
}

/// Runs the steps one after the other, each in a process of its own.
fn all(options: &Options) -> Outcome<()> {
    let made = options.dir.is_none().then(tempfile::tempdir).transpose()?;
    let dir = options
        .dir
        .clone()
        .or_else(|| made.as_ref().map(|made| made.path().to_owned()))
        .ok_or("no directory")?;
    println!(
        "{} messages of about {} bytes in {} accounts, index {}",
        options.messages, options.size, options.accounts, options.index
    );
    println!("filled: {}", options.spawn("fill", &dir, true)?);
    println!("disk: {}", disk(&dir)?);
    for kill in 0..options.kills.max(1) {
        if kill > 0 {
            // Never at the same distance from a checkpoint.
            let more = Options {
                messages: 20_000 + 7_777 * kill,
                ..options.clone()
            };
            more.spawn("fill", &dir, true)?;
        }
        println!(
            "open after kill -9 while writing: {}",
            options.spawn("open", &dir, false)?
        );
    }
    println!(
        "open after a clean stop: {}",
        options.spawn("open", &dir, false)?
    );
    std::fs::remove_dir_all(dir.join("index"))?;
    println!(
        "open with a whole rebuild: {}",
        options.spawn("open", &dir, false)?
    );
    if options.keep {
        println!("kept in {}", dir.display());
        drop(made.map(tempfile::TempDir::keep));
    }
    Ok(())
}

async fn run(step: &str, options: &Options) -> Outcome<()> {
    let dir = options.dir.as_deref().ok_or("--dir")?;
    let start = Instant::now();
    let store = EmbeddedStore::open(
        dir,
        Settings {
            index: options.kind()?,
            ..Settings::default()
        },
    )?;
    let opened = start.elapsed();
    let opened_cpu = cpu()?;
    let mailboxes = Mailboxes::new(
        Arc::clone(&store) as Arc<dyn Store>,
        fieldpost_mailbox::Settings::default(),
    );
    match step {
        "fill" => {
            let start = Instant::now();
            fill(&mailboxes, options, options.messages).await?;
            let wall = start.elapsed().as_secs_f64();
            println!(
                "{:.0} messages/s, {:.3} ms CPU a message, {} MiB resident",
                options.messages as f64 / wall,
                cpu()?.as_secs_f64() * 1e3 / options.messages as f64,
                resident()?,
            );
            // Still writing when the parent kills us.
            fill(&mailboxes, options, u64::MAX).await?;
        }
        "open" => {
            let first = first_look(&mailboxes, options).await?;
            println!(
                "{:.2} s ({:.2} s CPU), first look into an INBOX of {} after {:.2} s more, {:.2} s CPU in all, {} MiB resident",
                opened.as_secs_f64(),
                opened_cpu.as_secs_f64(),
                first.0,
                first.1.as_secs_f64(),
                cpu()?.as_secs_f64(),
                resident()?
            );
            store.close().await?;
        }
        other => return Err(format!("no step {other}").into()),
    }
    Ok(())
}

/// Appends `messages` in turn to the accounts' INBOXes, 32 at a time.
async fn fill(mailboxes: &Arc<Mailboxes>, options: &Options, messages: u64) -> Outcome<()> {
    let writers = 32;
    let mut tasks = Vec::new();
    for writer in 0..writers {
        let (mailboxes, accounts, size) = (Arc::clone(mailboxes), options.accounts, options.size);
        tasks.push(tokio::spawn(async move {
            let mut number = writer;
            while number < messages {
                let account = AccountId(1 + number % accounts);
                let mut incoming = mailboxes.receive(account, Some(size)).await?;
                incoming.write(message(number, size)).await?;
                let item = NewItem::new(incoming.finish().await?);
                let mailbox = mailboxes.open(account).await?;
                let inbox = mailbox.special(SpecialUse::Inbox).await?;
                mailbox.append(inbox.id, &item).await?;
                number += writers;
            }
            Ok::<(), fieldpost_mailbox::Error>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// Opens the first account's INBOX and reads its rows: what the first client after a start waits for.
async fn first_look(mailboxes: &Arc<Mailboxes>, options: &Options) -> Outcome<(usize, Duration)> {
    let start = Instant::now();
    let mailbox = mailboxes.open(AccountId(1 + options.accounts / 2)).await?;
    let inbox = mailbox.special(SpecialUse::Inbox).await?;
    let view = mailbox.view(inbox.id).await?;
    Ok((view.len(), start.elapsed()))
}

/// A plain mail of about `size` bytes; no two are alike.
fn message(number: u64, size: u64) -> Bytes {
    let mut random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut word = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        WORDS[(random % WORDS.len() as u64) as usize]
    };
    let mut text = format!(
        "Received: from mx.example.test by mail.example.test; Mon, 23 Nov 2026 12:00:00 +0000\r\nFrom: {} {} <{}@example.test>\r\n\
         To: You <you@example.test>\r\nSubject: {} {} {} {number}\r\nMessage-ID: <{number}.million@example.test>\r\n\
         Date: Mon, 23 Nov 2026 12:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
        word(),
        word(),
        word(),
        word(),
        word(),
        word()
    );
    let mut column = 0;
    while (text.len() as u64) < size {
        let next = word();
        column += next.len() + 1;
        text.push_str(next);
        if column > 70 {
            text.push_str("\r\n");
            column = 0;
        } else {
            text.push(' ');
        }
    }
    text.push_str("\r\n");
    text.into()
}

const WORDS: [&str; 32] = [
    "anchor", "bread", "candle", "drum", "ember", "field", "garden", "harbour", "island",
    "journey", "kettle", "lantern", "meadow", "needle", "orchard", "paper", "quarry", "river",
    "stone", "tide", "umbrella", "valley", "window", "yard", "zephyr", "post", "letter", "stamp",
    "road", "bridge", "cloud", "winter",
];

#[derive(Clone)]
struct Options {
    messages: u64,
    accounts: u64,
    size: u64,
    index: String,
    dir: Option<PathBuf>,
    keep: bool,
    kills: u64,
    step: Option<String>,
}

impl Options {
    fn parse() -> Outcome<Self> {
        let mut options = Self {
            messages: 1_000_000,
            accounts: 100,
            size: 2000,
            index: "sled".to_owned(),
            dir: None,
            keep: false,
            kills: 3,
            step: None,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
            match name.as_str() {
                "--messages" => options.messages = value()?.parse()?,
                "--accounts" => options.accounts = value()?.parse()?,
                "--kills" => options.kills = value()?.parse()?,
                "--size" => options.size = value()?.parse()?,
                "--index" => options.index = value()?,
                "--dir" => options.dir = Some(value()?.into()),
                "--step" => options.step = Some(value()?),
                "--keep" => options.keep = true,
                _ => return Err(format!("unknown option {name}").into()),
            }
        }
        Ok(options)
    }

    fn kind(&self) -> Outcome<IndexKind> {
        match self.index.as_str() {
            "sled" => Ok(IndexKind::Sled),
            "redb" => Ok(IndexKind::Redb),
            other => Err(format!("no index {other}: sled or redb").into()),
        }
    }

    /// Runs one step; the line it printed. `kill`: kills it -9 with its first line.
    fn spawn(&self, step: &str, dir: &Path, kill: bool) -> Outcome<String> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([
                "--step",
                step,
                "--index",
                &self.index,
                "--messages",
                &self.messages.to_string(),
            ])
            .args([
                "--accounts",
                &self.accounts.to_string(),
                "--size",
                &self.size.to_string(),
                "--dir",
            ])
            .arg(dir)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no stdout")?).read_line(&mut line)?;
        if kill {
            child.kill()?;
            child.wait()?;
        } else if !child.wait()?.success() {
            return Err(format!("step {step} failed").into());
        }
        Ok(line.trim().to_owned())
    }
}

/// The blocks that a directory takes, by its first level.
fn disk(dir: &Path) -> Outcome<String> {
    use std::os::unix::fs::MetadataExt;
    fn blocks(path: &Path) -> std::io::Result<u64> {
        let facts = std::fs::symlink_metadata(path)?;
        let mut sum = facts.blocks() * 512;
        if facts.is_dir() {
            for entry in std::fs::read_dir(path)? {
                sum += blocks(&entry?.path())?;
            }
        }
        Ok(sum)
    }
    let mut parts = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let mib = blocks(&path)? / (1024 * 1024);
        if mib > 0 {
            parts.push(format!(
                "{} {mib} MiB",
                path.file_name().unwrap_or_default().display()
            ));
        }
    }
    parts.sort();
    Ok(format!(
        "{} MiB in all ({})",
        blocks(dir)? / (1024 * 1024),
        parts.join(", ")
    ))
}

/// User and system time of this process. The kernel counts it in hundredths of a second.
fn cpu() -> Outcome<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0)
    };
    Ok(Duration::from_millis(10 * (ticks(11) + ticks(12))))
}

/// Resident memory of this process, in MiB.
fn resident() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? / 1024)
}
