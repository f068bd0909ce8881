//! `fieldpost import ADDRESS --imap HOST`: an account of another server that runs, folder by folder.
//!
//! The process that has the store open talks to the other server itself: mail goes from one connection into the store, a
//! piece at a time. What broke off goes on where it stopped.

pub mod client;
mod folder;
pub mod value;

use std::{
    collections::VecDeque,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use fieldpost_mailbox::{Mailbox, Mailboxes};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    intake::Tally,
    pop3::{AskError, UniqueIds},
    remote::{RemoteError, Security, Server, Trust, fingerprint},
    source::SourceFolder,
    target::{Target, Targets},
};
use crate::{
    command::{Context, account::Password, show},
    engine::Engine,
    exchange::{Exchange, Failure, FailureKind},
    operation::Operation,
};
use client::{Client, Listed, Status};

/// What `import` needs to know of another server.
#[derive(Args)]
#[group(skip)]
pub struct Arguments {
    /// Read the mail of another server by IMAP.
    #[arg(long, value_name = "HOST[:PORT]", conflicts_with_all = ["store", "mbox", "maildir", "eml", "folder"])]
    imap: Option<String>,
    /// The name to sign in with there; the address if left out. A master user of Dovecot's signs in as anna*master.
    #[arg(long, value_name = "NAME", requires = "imap")]
    user: Option<String>,
    /// Read the password from the first line of this file.
    #[arg(long, value_name = "FILE", requires = "imap")]
    password_file: Option<PathBuf>,
    /// Read the password from the first line of standard input.
    #[arg(long, requires = "imap", conflicts_with = "password_file")]
    password_stdin: bool,
    /// How TLS begins there.
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        default_value = "implicit",
        requires = "imap"
    )]
    tls: Security,
    /// Believe certificates of the authorities in this PEM file instead of this machine's.
    #[arg(long, value_name = "FILE", requires = "imap")]
    ca: Option<PathBuf>,
    /// Believe the certificate with this SHA-256 fingerprint only.
    #[arg(long, value_name = "SHA256", requires = "imap", conflicts_with = "ca")]
    fingerprint: Option<String>,
    /// Believe any certificate: somebody in between can read the password and all mail.
    #[arg(long, requires = "imap", conflicts_with_all = ["ca", "fingerprint"])]
    insecure: bool,
    /// Take POP3's unique-ids over from there, so that POP3 clients download nothing again.
    #[arg(long, value_name = "HOST[:PORT]", requires = "imap")]
    pop3: Option<String>,
    /// Only this folder there, names separated by `/`, with all below it; more than one with the option again.
    #[arg(long, value_name = "FOLDER", requires = "imap")]
    only: Vec<String>,
    /// Not this folder there, nor any below it.
    #[arg(long, value_name = "FOLDER", requires = "imap")]
    exclude: Vec<String>,
    /// So many connections at once.
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8), requires = "imap")]
    connections: u8,
    /// Say what would be taken in, and take nothing in.
    #[arg(long, requires = "imap")]
    dry_run: bool,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    address: String,
    imap: Server,
    pop3: Option<Server>,
    trust: Trust,
    user: String,
    password: Password,
    only: Vec<Vec<String>>,
    exclude: Vec<Vec<String>>,
    connections: u8,
    dry_run: bool,
}

/// What came in.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    folders: Vec<FolderAnswer>,
    items: u64,
    bytes: u64,
    /// Items that had come before.
    known: u64,
    /// Those among them that are marked otherwise by now.
    changed: u64,
    /// What did not come along.
    left_out: Vec<String>,
}

/// What came of one folder.
#[derive(Deserialize, Serialize)]
pub struct FolderAnswer {
    path: Vec<String>,
    items: u64,
    bytes: u64,
    known: u64,
    changed: u64,
}

impl Arguments {
    /// Whether another server is named.
    pub fn is_there(&self) -> bool {
        self.imap.is_some()
    }
}

/// Runs the command.
pub fn run(address: String, arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let security = arguments.tls;
    let usage = |text: String| Failure::new(FailureKind::Usage, text);
    let imap = arguments.imap.unwrap_or_default();
    let (imap, pop3) = (
        server(&imap, security, (993, 143)).ok_or_else(|| usage(no_server(&imap)))?,
        match &arguments.pop3 {
            Some(pop3) => {
                Some(server(pop3, security, (995, 110)).ok_or_else(|| usage(no_server(pop3)))?)
            }
            None => None,
        },
    );
    let trust = match (&arguments.ca, &arguments.fingerprint, arguments.insecure) {
        (Some(file), _, _) => Trust::Authorities(read(file)?),
        (None, Some(text), _) => Trust::Fingerprint(fingerprint(text).ok_or_else(|| {
            usage(format!("\"{text}\" is no SHA-256 fingerprint"))
                .advise("openssl x509 -noout -fingerprint -sha256 prints one")
        })?),
        (None, None, true) => Trust::Anything,
        (None, None, false) => Trust::System,
    };
    let password = match &arguments.password_file {
        Some(file) => Password::of_line(read(file)?.as_bytes())?,
        None => Password::read_existing(arguments.password_stdin)?,
    };
    let paths = |folders: &[String]| -> Vec<Vec<String>> {
        folders
            .iter()
            .map(|folder| folder.split('/').map(String::from).collect())
            .collect()
    };
    let dry_run = arguments.dry_run;
    let answer: Answer = context.call(Operation::ImportImap(Request {
        user: arguments.user.unwrap_or_else(|| address.clone()),
        address,
        imap,
        pop3,
        trust,
        password,
        only: paths(&arguments.only),
        exclude: paths(&arguments.exclude),
        connections: arguments.connections,
        dry_run,
    }))?;
    context.print(&answer, |out| {
        for folder in &answer.folders {
            writeln!(
                out,
                "{}: {} new ({}), {} had come before",
                show::printable(&folder.path.join("/")),
                folder.items,
                show::size(folder.bytes),
                folder.known
            )?;
        }
        let verb = if dry_run { "would be taken" } else { "taken" };
        writeln!(
            out,
            "{} items {verb} in ({}); {} had come before, {} of them are marked otherwise by now",
            answer.items,
            show::size(answer.bytes),
            answer.known,
            answer.changed
        )?;
        for line in &answer.left_out {
            writeln!(out, "{}", show::printable(line))?;
        }
        Ok(())
    })
}

/// Takes the mail in. What came before a failure stays.
pub async fn operate(
    request: Request,
    engine: &Arc<Engine>,
    exchange: &mut Exchange,
) -> Result<Answer, Failure> {
    let mailbox = engine.mailbox(&request.address).await?;
    let failed = |error: RemoteError| error.failure(&request.imap);
    let mut client = sign_in(&request).await?;
    let mut left_out = Vec::new();
    let mut found = Vec::new();
    for listed in client.folders().await.map_err(failed)? {
        if !request.wants(&listed.path) {
            continue;
        }
        let name = listed.path.join("/");
        if listed.is_virtual && request.only.is_empty() {
            left_out.push(format!(
                "{name} shows mail of other folders, so it is left out"
            ));
            continue;
        }
        match client.status(&listed.name).await.map_err(failed)? {
            Some(status) => found.push((listed, status)),
            None => left_out.push(format!("{name} cannot be opened there, so it is left out")),
        }
    }
    let sources: Vec<SourceFolder> = found
        .iter()
        .map(|(listed, status)| source(listed, status))
        .collect();
    let total = found.iter().map(|(_, status)| status.messages).sum();
    let unique_ids = match &request.pop3 {
        Some(pop3) if !request.dry_run => {
            let inbox = found.iter().find(|(listed, _)| listed.path == ["INBOX"]);
            unique_ids(&request, pop3, inbox.map(|(listed, _)| listed), &mut client).await?
        }
        Some(_) | None => UniqueIds::None,
    };
    let targets = if request.dry_run {
        None
    } else {
        Some(Targets::prepare(&mailbox, &sources, true).await?)
    };
    let mut jobs = VecDeque::new();
    for (place, ((listed, status), source)) in found.into_iter().zip(sources).enumerate() {
        jobs.push_back(Job {
            place,
            name: listed.name,
            target: match &targets {
                Some(targets) => Some(targets.of(&source.path)?),
                None => None,
            },
            messages: status.messages,
            source,
        });
    }
    let mut teller = exchange.teller("taking mail in");
    let shared = Arc::new(Shared {
        mailbox: mailbox.clone(),
        mailboxes: Arc::clone(&engine.mailboxes),
        jobs: Mutex::new(jobs),
        unique_ids: Mutex::new(unique_ids),
        progress: Mutex::new(Box::new({
            let mut done = 0;
            move |more| {
                done += more;
                teller(done, total);
            }
        })),
        stop: CancellationToken::new(),
    });
    let mut done = work(Arc::new(request), &shared, client, exchange).await?;
    if let Some(targets) = targets {
        targets.finish(&mailbox).await?;
        left_out.extend(targets.uids_left_out());
    }
    let left = shared.unique_ids.lock().left();
    if left > 0 {
        left_out.push(format!(
            "{left} unique-ids of POP3 belong to no new message of the inbox"
        ));
    }
    done.sort_by_key(|(place, _, _)| *place);
    let mut all = Tally::default();
    let mut folders = Vec::new();
    for (_, path, tally) in done {
        folders.push(FolderAnswer {
            path,
            items: tally.items,
            bytes: tally.bytes,
            known: tally.known,
            changed: tally.changed,
        });
        all.add(tally);
    }
    left_out.extend(all.left_out());
    Ok(Answer {
        folders,
        items: all.items,
        bytes: all.bytes,
        known: all.known,
        changed: all.changed,
        left_out,
    })
}

/// What all connections of one import share.
struct Shared {
    mailbox: Mailbox,
    mailboxes: Arc<Mailboxes>,
    /// The folders that nobody has taken up.
    jobs: Mutex<VecDeque<Job>>,
    unique_ids: Mutex<UniqueIds>,
    /// Told how many more messages are done.
    progress: Mutex<Box<dyn FnMut(u64) + Send>>,
    /// Nobody waits for the rest.
    stop: CancellationToken,
}

/// A folder to be taken in.
struct Job {
    place: usize,
    name: Vec<u8>,
    source: SourceFolder,
    /// `None`: it is only looked at.
    target: Option<Target>,
    messages: u64,
}

type Done = (usize, Vec<String>, Tally);

/// Works on all folders, with as many connections as were asked for. The first failure ends all of them.
async fn work(
    request: Arc<Request>,
    shared: &Arc<Shared>,
    client: Client,
    exchange: &Exchange,
) -> Result<Vec<Done>, Failure> {
    let mut workers = JoinSet::new();
    workers.spawn(worker(
        Arc::clone(&request),
        Arc::clone(shared),
        Some(client),
    ));
    for _ in 1..request.connections {
        workers.spawn(worker(Arc::clone(&request), Arc::clone(shared), None));
    }
    let mut done = Vec::new();
    let mut failure = None;
    loop {
        let ended = tokio::select! {
            ended = workers.join_next() => ended,
            () = exchange.abandoned(), if !shared.stop.is_cancelled() => {
                shared.stop.cancel();
                continue;
            }
        };
        let outcome = match ended {
            None => break,
            Some(Ok(outcome)) => outcome,
            Some(Err(error)) => Err(Failure::new(FailureKind::Failed, error)),
        };
        match outcome {
            Ok(some) => done.extend(some),
            Err(error) => {
                shared.stop.cancel();
                failure.get_or_insert(error);
            }
        }
    }
    match failure {
        Some(failure) => Err(failure),
        None => Ok(done),
    }
}

/// Takes up folder after folder on one connection.
async fn worker(
    request: Arc<Request>,
    shared: Arc<Shared>,
    mut client: Option<Client>,
) -> Result<Vec<Done>, Failure> {
    let mut done = Vec::new();
    loop {
        let Some(job) = shared.jobs.lock().pop_front() else {
            return Ok(done);
        };
        let open = match &mut client {
            Some(open) => open,
            None => client.insert(sign_in(&request).await?),
        };
        if job.messages == 0 {
            done.push((job.place, job.source.path, Tally::default()));
            continue;
        }
        let (place, path) = (job.place, job.source.path.clone());
        let tally = folder::take_in(open, job, &shared, &request.imap).await?;
        done.push((place, path, tally));
        if shared.stop.is_cancelled() {
            return Err(Failure::new(FailureKind::Temporary, "it was stopped")
                .advise("run the same command again: it goes on where it stopped"));
        }
    }
}

async fn sign_in(request: &Request) -> Result<Client, Failure> {
    Client::sign_in(
        &request.imap,
        &request.trust,
        &request.user,
        request.password.expose(),
    )
    .await
    .map_err(|error| error.failure(&request.imap))
}

async fn unique_ids(
    request: &Request,
    pop3: &Server,
    inbox: Option<&Listed>,
    client: &mut Client,
) -> Result<UniqueIds, Failure> {
    let Some(inbox) = inbox else {
        return Ok(UniqueIds::None);
    };
    let failed = |error: RemoteError| error.failure(&request.imap);
    client.examine(&inbox.name).await.map_err(failed)?;
    let messages = client.messages().await.map_err(failed)?;
    let who = (request.user.as_str(), request.password.expose());
    UniqueIds::ask(pop3, &request.trust, who, &messages, client)
        .await
        .map_err(|error| match error {
            AskError::Imap(error) => error.failure(&request.imap),
            AskError::Pop3(error) => error.failure(pop3),
        })
}

impl Request {
    /// Whether a folder is to be taken in.
    fn wants(&self, path: &[String]) -> bool {
        let is_below = |top: &Vec<String>| path.starts_with(top);
        (self.only.is_empty() || self.only.iter().any(is_below))
            && !self.exclude.iter().any(is_below)
    }
}

fn source(listed: &Listed, status: &Status) -> SourceFolder {
    SourceFolder {
        path: listed.path.clone(),
        uids: status.uids,
        subscribed: listed.subscribed,
        purpose: listed.purpose,
    }
}

/// `HOST` or `HOST:PORT`, an IPv6 address in brackets; the ports are those with TLS from the first byte and without.
fn server(text: &str, security: Security, (implicit, other): (u16, u16)) -> Option<Server> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            match rest {
                "" => (host, None),
                rest => (host, Some(rest.strip_prefix(':')?)),
            }
        }
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        None if security == Security::Implicit => implicit,
        None => other,
    };
    (!host.is_empty() && !host.contains(':') || text.starts_with('[')).then(|| Server {
        host: host.to_owned(),
        port,
        security,
    })
}

fn no_server(text: &str) -> String {
    format!("\"{text}\" is no server such as mail.example.org, mail.example.org:143 or [::1]:993")
}

fn read(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
        .map_err(|error| {
            Failure::new(
                FailureKind::NotFound,
                format!("{}: {error}", file.display()),
            )
        })?;
    Ok(text)
}

/// The largest file of a password or of authorities that is read.
const MAX_FILE: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_with_a_port_or_without() {
        for (text, host, port) in [
            ("mail.example.org", "mail.example.org", 993),
            ("mail.example.org:1143", "mail.example.org", 1143),
            ("[::1]", "::1", 993),
            ("[::1]:10993", "::1", 10993),
            ("127.0.0.1:5", "127.0.0.1", 5),
        ] {
            let found = server(text, Security::Implicit, (993, 143)).unwrap();
            assert_eq!((found.host.as_str(), found.port), (host, port));
        }
        let plain = server("a", Security::Starttls, (993, 143)).unwrap();
        assert_eq!(plain.port, 143);
        for wrong in ["", ":1", "a:", "a:0", "a:99999", "[::1", "[::1]1", "::1"] {
            assert_eq!(server(wrong, Security::None, (993, 143)), None, "{wrong}");
        }
    }
}
