//! Makes the demo's directory, once: configuration, certificates, accounts, mail; and tells how to connect.

use std::{
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use fieldpost_directory::{Address, NewAccount, Secret};
use fieldpost_mailbox::{Flags, NewItem, SpecialUse};
use serde::{Deserialize, Serialize};

use super::{Authority, Ports, mails};
use crate::{
    command::Context,
    config::Config,
    engine::{self, Engine},
    exchange::{Failure, FailureKind},
};

/// The demo's directory, ready for a start.
pub struct Prepared {
    directory: PathBuf,
    ports: Ports,
    /// The configuration that the server starts with.
    pub config: Config,
    /// Where it is written.
    pub config_file: PathBuf,
}

/// An account as `demo.json` tells it.
#[derive(Clone, Deserialize, Serialize)]
pub struct DemoAccount {
    /// Its address.
    pub address: String,
    /// Its password.
    pub password: String,
}

/// `demo.json`. A protocol's key is there once the protocol is.
#[derive(Deserialize, Serialize)]
struct Facts {
    /// The certificate of the demo's authority, to be trusted.
    ca: PathBuf,
    imap: String,
    imaps: String,
    pop3: String,
    pop3s: String,
    lmtp: String,
    #[serde(default)]
    submission: String,
    #[serde(default)]
    submissions: String,
    https: String,
    accounts: Vec<DemoAccount>,
}

impl Prepared {
    /// Makes what is missing of the directory.
    pub fn prepare(directory: &Path, ports: Ports) -> Result<Self, Failure> {
        engine::make_private_directory(directory)?;
        let certificates = directory.join("tls");
        engine::make_private_directory(&certificates)?;
        let authority = authority(&certificates)?;
        server_certificate(&certificates, &authority)?;
        let config_file = directory.join("fieldpost.toml");
        let text = config_text(ports);
        write_private(&config_file, text.as_bytes())?;
        let config = Config::load(&config_file)
            .map_err(|error| Failure::new(FailureKind::Configuration, error))?;
        Ok(Self {
            directory: directory.to_owned(),
            ports,
            config,
            config_file,
        })
    }

    /// Writes `demo.json`, in one step: whoever sees it sees all of it.
    pub fn write_facts(&self, accounts: &[DemoAccount]) -> Result<(), Failure> {
        let local = |port: u16| format!("127.0.0.1:{port}");
        let facts = Facts {
            ca: self.authority_file(),
            imap: local(self.ports.imap),
            imaps: local(self.ports.imaps),
            pop3: local(self.ports.pop3),
            pop3s: local(self.ports.pop3s),
            lmtp: local(self.ports.lmtp),
            submission: local(self.ports.submission),
            submissions: local(self.ports.submissions),
            https: local(self.ports.https),
            accounts: accounts.to_vec(),
        };
        let mut json = serde_json::to_vec_pretty(&facts)
            .map_err(|error| Failure::new(FailureKind::Failed, error))?;
        json.push(b'\n');
        write_private(&self.facts_file(), &json)
    }

    fn authority_file(&self) -> PathBuf {
        self.directory.join("tls/ca.crt")
    }

    fn facts_file(&self) -> PathBuf {
        self.directory.join("demo.json")
    }

    /// The accounts of an earlier run.
    fn known_accounts(&self) -> Vec<DemoAccount> {
        std::fs::read(self.facts_file())
            .ok()
            .and_then(|json| serde_json::from_slice::<Facts>(&json).ok())
            .map(|facts| facts.accounts)
            .unwrap_or_default()
    }
}

/// Makes the accounts that are missing, with mail; tells the passwords of all. A password that nobody knows any more
/// (`demo.json` is gone) is set anew.
pub async fn fill(
    prepared: &Prepared,
    engine: &Engine,
    context: &Context,
) -> anyhow::Result<Vec<DemoAccount>> {
    let known = prepared.known_accounts();
    let mut accounts = Vec::new();
    let now = jiff::Timestamp::now();
    for (address, name) in [
        ("alice@demo.test", "Alice Lindqvist"),
        ("bob@demo.test", "Bob Okafor"),
    ] {
        let before = known.iter().find(|one| one.address == address);
        let password = match before {
            Some(before) => Secret::new(before.password.as_bytes()),
            None => Secret::generate()?,
        };
        let shown = String::from_utf8_lossy(password.expose()).into_owned();
        let id = if let Some(id) = engine.directory.resolve(address) {
            if before.is_none() {
                engine.directory.set_password(id, Some(password)).await?;
            }
            id
        } else {
            let mut new = NewAccount::new(Address::parse(address)?);
            name.clone_into(&mut new.display_name);
            new.password = Some(password);
            engine.directory.add(new).await?.id
        };
        // An account whose mail was interrupted half-way (kill -9 in the first second) gets the rest.
        let mailbox = engine.mailboxes.open(id).await?;
        let inbox = mailbox.special(SpecialUse::Inbox).await?;
        if inbox.uid_next == 1 || before.is_none() {
            let mails = if address.starts_with("alice") {
                mails::for_alice(now)
            } else {
                mails::for_bob(now)
            };
            let bar = context.progress_bar();
            bar.set_length(mails.len() as u64);
            bar.set_message(format!("mail for {address}"));
            let there = inbox.counters.exists as usize;
            for mail in mails.into_iter().skip(there) {
                put(engine, &mailbox, inbox.id, mail).await?;
                bar.inc(1);
            }
            bar.finish_and_clear();
        }
        accounts.push(DemoAccount {
            address: address.into(),
            password: shown,
        });
    }
    Ok(accounts)
}

/// Tells people how to connect.
pub fn print_welcome(prepared: &Prepared, accounts: &[DemoAccount]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let Ports {
        imap,
        imaps,
        pop3,
        pop3s,
        lmtp,
        submission,
        submissions,
        https,
    } = prepared.ports;
    let ca = prepared.authority_file();
    let ca = ca.display();
    writeln!(
        out,
        "fieldpost {} demo, in {}\n",
        env!("CARGO_PKG_VERSION"),
        prepared.directory.display()
    )?;
    for account in accounts {
        writeln!(
            out,
            "  {:<18} password {}",
            account.address, account.password
        )?;
    }
    writeln!(
        out,
        "\n  IMAP    127.0.0.1:{imap}  (STARTTLS)\n  IMAPS   127.0.0.1:{imaps}\n  POP3    127.0.0.1:{pop3}  (STLS)\n  POP3S   127.0.0.1:{pop3s}\n  LMTP    127.0.0.1:{lmtp}\n  SMTP    127.0.0.1:{submission}  (submission, STARTTLS)\n  SMTPS   127.0.0.1:{submissions}\n  HTTPS   127.0.0.1:{https}  (ActiveSync)\n"
    )?;
    if let Some(first) = accounts.first() {
        let user = format!("{}:{}", first.address, first.password);
        writeln!(out, "List the mailboxes, read the newest mail:\n")?;
        writeln!(
            out,
            "  curl --cacert {ca} -u '{user}' imaps://localhost:{imaps}/"
        )?;
        writeln!(
            out,
            "  curl --cacert {ca} -u '{user}' 'imaps://localhost:{imaps}/INBOX;MAILINDEX=*'\n"
        )?;
        writeln!(out, "The same mailbox by POP3:\n")?;
        writeln!(
            out,
            "  curl --cacert {ca} -u '{user}' pop3s://localhost:{pop3s}/1\n"
        )?;
        writeln!(out, "Send one, and ask how the server is:\n")?;
        writeln!(
            out,
            "  printf 'Subject: hello\\n\\nIt works.\\n' | fieldpost --config {} deliver {}",
            prepared.config_file.display(),
            first.address
        )?;
        writeln!(
            out,
            "  curl --cacert {ca} https://localhost:{https}/healthz/ready\n"
        )?;
        writeln!(
            out,
            "With a mail program: IMAP, server localhost, port {imaps}, SSL/TLS, and SMTP, port {submissions}, user {}; trust {ca} first.",
            first.address
        )?;
        writeln!(
            out,
            "With a phone: Exchange (ActiveSync), this machine's name and port {https}, user {}; it must trust {ca}, and the demo listens on loopback only:\ndocs/activesync.md tells more.",
            first.address
        )?;
    }
    writeln!(out, "For programs: {}\n", prepared.facts_file().display())?;
    writeln!(out, "Ready. Ctrl-C stops it; the mail stays.")?;
    out.flush()
}

async fn put(
    engine: &Engine,
    mailbox: &fieldpost_mailbox::Mailbox,
    folder: fieldpost_mailbox::FolderId,
    mail: mails::Mail,
) -> anyhow::Result<()> {
    let size = mail.bytes.len() as u64;
    let mut incoming = engine
        .mailboxes
        .receive(mailbox.account(), Some(size))
        .await?;
    incoming.write(mail.bytes.into()).await?;
    let mut item = NewItem::new(incoming.finish().await?);
    item.internal_date = Some(mail.date.as_second());
    if mail.seen {
        item.flags |= Flags::SEEN;
    }
    if mail.flagged {
        item.flags |= Flags::FLAGGED;
    }
    mailbox.append(folder, &item).await?;
    Ok(())
}

/// The authority of an earlier run, or a new one.
fn authority(directory: &Path) -> Result<Authority, Failure> {
    let (certificate, key) = (directory.join("ca.crt"), directory.join("ca.key"));
    if let (Ok(certificate), Ok(key)) = (
        std::fs::read_to_string(&certificate),
        std::fs::read_to_string(&key),
    ) && let Ok(authority) = Authority::from_pem(&certificate, &key)
    {
        return Ok(authority);
    }
    let authority = Authority::new("fieldpost demo authority").map_err(of_rcgen)?;
    // The key first: a certificate without its key would be replaced at the next start, under those who trust it.
    write_private(&key, authority.key_pem().as_bytes())?;
    write_private(&certificate, authority.certificate_pem().as_bytes())?;
    Ok(authority)
}

/// A new server certificate at each start, so that it never ends under a demo that is kept.
fn server_certificate(directory: &Path, authority: &Authority) -> Result<(), Failure> {
    let hostname = Config::default().hostname();
    let mut hosts = vec!["localhost", "127.0.0.1", "::1"];
    if !hosts.contains(&hostname.as_str()) {
        hosts.push(&hostname);
    }
    let (certificate, key) = authority
        .issue(&hosts)
        // A host name that no certificate can hold.
        .or_else(|_| authority.issue(&hosts[..3]))
        .map_err(of_rcgen)?;
    write_private(&directory.join("server.key"), key.as_bytes())?;
    write_private(&directory.join("server.crt"), certificate.as_bytes())
}

fn config_text(ports: Ports) -> String {
    use std::fmt::Write;
    let mut text = String::from(
        "# Written by `fieldpost demo` at each start.\n\n[server]\nhostname = \"localhost\"\ndata_dir = \"data\"\n\n\
         [log]\nlevel = \"warn\"\n\n\
         [tls]\ncertificates = [{ cert = \"tls/server.crt\", key = \"tls/server.key\" }]\n\n\
         [directory]\ndefault_domain = \"demo.test\"\n",
    );
    for (protocol, port) in ports.listeners() {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n[[listener]]\nprotocol = \"{protocol}\"\naddress = \"127.0.0.1:{port}\"\n"
        );
    }
    text
}

/// Writes a file that only its owner reads, whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let beside = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write()
        .map_err(|error| Failure::new(FailureKind::Failed, format!("{}: {error}", path.display())))
}

fn of_rcgen(error: rcgen::Error) -> Failure {
    Failure::new(
        FailureKind::Failed,
        format!("cannot make a certificate: {error}"),
    )
}
