//! A server on a store in memory, and the plainest client there is.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use fieldpost_connection::{Connection, ConnectionId, Origin, Peer};
use fieldpost_directory::{Directory, NewAccount, Secret};
use fieldpost_mailbox::{Mailboxes, SpecialUse};
use fieldpost_smtp::{Service, Settings, Submission, SubmissionSettings};
use fieldpost_store::{MemoryStore, Store};
use fieldpost_transport::{QueueEntry, Relay, Transport};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};
use tokio_util::sync::CancellationToken;

/// Submission for alice@demo.test (also al@demo.test), bob@demo.test and carol@demo.test, all with the password `secret`;
/// mail for others goes into the queue, which nobody looks after.
pub struct Server {
    pub directory: Arc<Directory>,
    pub mailboxes: Arc<Mailboxes>,
    pub transport: Arc<Transport>,
    service: Arc<Service>,
}

/// base64 of \0alice@demo.test\0secret
pub const ALICE: &str = "AGFsaWNlQGRlbW8udGVzdABzZWNyZXQ=";

impl Server {
    pub async fn new() -> Self {
        Self::with(SubmissionSettings::default(), Settings::default()).await
    }

    pub async fn with(submission: SubmissionSettings, mut settings: Settings) -> Self {
        "mail.demo.test".clone_into(&mut settings.hostname);
        let store: Arc<dyn Store> = MemoryStore::new();
        let directory_settings = fieldpost_directory::Settings {
            argon2: fieldpost_directory::Argon2Cost::CHEAPEST,
            ..fieldpost_directory::Settings::default()
        };
        let directory = Directory::open(Arc::clone(&store), directory_settings)
            .await
            .unwrap();
        for name in ["alice", "bob", "carol"] {
            let mut account = NewAccount::new(format!("{name}@demo.test").parse().unwrap());
            account.password = Some(Secret::from("secret"));
            "Somebody".clone_into(&mut account.display_name);
            if name == "alice" {
                account.aliases = vec!["al@demo.test".parse().unwrap()];
            }
            directory.add(account).await.unwrap();
        }
        let mailboxes = Mailboxes::new(store, fieldpost_mailbox::Settings::default());
        let transport = Transport::new(
            Arc::clone(&directory),
            Arc::clone(&mailboxes),
            fieldpost_transport::Settings {
                relay: Relay::Smarthost,
                ..fieldpost_transport::Settings::default()
            },
        );
        Self {
            service: Arc::new(Service {
                transport: Arc::clone(&transport),
                settings,
                submission: Some(Submission::new(Arc::clone(&directory), submission)),
            }),
            directory,
            mailboxes,
            transport,
        }
    }

    /// A connection from this machine, where passwords may be sent.
    pub fn connect(&self) -> Client {
        self.connect_from(Peer::Unix(None))
    }

    /// One from far away, without TLS.
    pub fn connect_from_far(&self) -> Client {
        let far: SocketAddr = "192.0.2.7:1000".parse().unwrap();
        self.connect_from(Peer::Inet(far))
    }

    fn connect_from(&self, peer: Peer) -> Client {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let origin = Origin {
            id: ConnectionId::next(),
            peer,
            local: None,
            tls: None,
            shutdown: CancellationToken::new(),
            write_timeout: Duration::from_secs(30),
        };
        let connection = Connection::new(ours, origin);
        tokio::spawn(fieldpost_smtp::serve(connection, Arc::clone(&self.service)));
        Client(theirs)
    }

    /// A connection on which alice has signed in.
    pub async fn alice(&self) -> Client {
        let mut client = self.connect();
        client.expect("220 mail.demo.test ESMTP").await;
        client.ehlo().await;
        client.ask(format!("AUTH PLAIN {ALICE}"), "235 2.7.0").await;
        client
    }

    pub async fn texts(&self, name: &str, folder: SpecialUse) -> Vec<String> {
        let account = self
            .directory
            .resolve(&format!("{name}@demo.test"))
            .unwrap();
        let mailbox = self.mailboxes.open(account).await.unwrap();
        let folder = mailbox.special(folder).await.unwrap().id;
        let view = mailbox.view(folder).await.unwrap();
        let mut texts = Vec::new();
        for row in view.rows() {
            let item = mailbox.item(folder, row.uid).await.unwrap();
            let reader = mailbox.read(&item, 0..u64::MAX).await.unwrap();
            let bytes = reader.read_to_end(1 << 30).await.unwrap();
            texts.push(String::from_utf8(bytes.to_vec()).unwrap());
        }
        texts
    }

    pub async fn queue(&self) -> Vec<QueueEntry> {
        self.transport.queue(None, 100).await.unwrap()
    }
}

/// The other end of a connection.
pub struct Client(UnixStream);

impl Client {
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    pub async fn line_or_end(&mut self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            let mut byte = [0];
            match self.0.read(&mut byte).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => line.push(byte[0]),
            }
            if line.ends_with(b"\r\n") {
                line.truncate(line.len() - 2);
                return Some(String::from_utf8(line).unwrap());
            }
        }
    }

    /// The next line must begin with `start`.
    pub async fn expect(&mut self, start: &str) -> String {
        let line = self
            .line_or_end()
            .await
            .expect("the server has closed the connection");
        assert!(line.starts_with(start), "expected {start:?}, got {line:?}");
        line
    }

    /// Sends a command, and the next line must begin with `start`.
    pub async fn ask(&mut self, command: impl AsRef<str>, start: &str) -> String {
        self.send(format!("{}\r\n", command.as_ref())).await;
        self.expect(start).await
    }

    pub async fn ehlo(&mut self) -> Vec<String> {
        self.send("EHLO client.test\r\n").await;
        let mut lines = Vec::new();
        loop {
            let line = self.expect("250").await;
            lines.push(line[4..].to_owned());
            if line.as_bytes()[3] == b' ' {
                return lines;
            }
        }
    }

    pub async fn envelope(&mut self, recipients: &[&str]) {
        self.ask("MAIL FROM:<alice@demo.test>", "250 2.1.0").await;
        for recipient in recipients {
            self.ask(format!("RCPT TO:<{recipient}>"), "250 2.1.5")
                .await;
        }
    }

    /// Sends a message to these; the reply.
    pub async fn message(&mut self, recipients: &[&str], text: &str) -> String {
        self.envelope(recipients).await;
        self.ask("DATA", "354").await;
        self.send(format!("{text}.\r\n")).await;
        self.expect("").await
    }
}
