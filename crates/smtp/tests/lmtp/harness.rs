//! A server on a store in memory, and the plainest client there is.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fieldpost_connection::{Connection, ConnectionId, Origin, Peer};
use fieldpost_directory::{Directory, NewAccount};
use fieldpost_mailbox::{Limits, Mailbox, Mailboxes, SpecialUse};
use fieldpost_smtp::{Service, Settings};
use fieldpost_store::{MemoryStore, Store};
use fieldpost_transport::Transport;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// An LMTP service with the accounts alice@demo.test, bob@demo.test and carol@demo.test.
pub struct Server {
    pub store: Arc<MemoryStore>,
    pub directory: Arc<Directory>,
    pub mailboxes: Arc<Mailboxes>,
    pub service: Arc<Service>,
    pub shutdown: CancellationToken,
}

impl Server {
    pub async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub async fn with(settings: Settings) -> Self {
        Self::with_transport(settings, fieldpost_transport::Settings::default()).await
    }

    pub async fn with_transport(
        settings: Settings,
        transport: fieldpost_transport::Settings,
    ) -> Self {
        let store = MemoryStore::new();
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        Self::over(store, shared, settings, transport).await
    }

    /// A service over `shared`, which keeps everything in `store`.
    pub async fn over(
        store: Arc<MemoryStore>,
        shared: Arc<dyn Store>,
        mut settings: Settings,
        transport: fieldpost_transport::Settings,
    ) -> Self {
        "mail.demo.test".clone_into(&mut settings.hostname);
        let directory = Directory::open(
            Arc::clone(&shared),
            fieldpost_directory::Settings::default(),
        )
        .await
        .unwrap();
        for name in ["alice", "bob", "carol"] {
            let address = format!("{name}@demo.test").parse().unwrap();
            directory.add(NewAccount::new(address)).await.unwrap();
        }
        let mailboxes = Mailboxes::new(shared, fieldpost_mailbox::Settings::default());
        let transport = Transport::new(Arc::clone(&directory), Arc::clone(&mailboxes), transport);
        Self {
            store,
            directory,
            mailboxes,
            service: Arc::new(Service {
                transport,
                settings,
                submission: None,
            }),
            shutdown: CancellationToken::new(),
        }
    }

    /// A new connection; its greeting is still to be read.
    pub fn connect(&self) -> Client {
        self.connect_with_tls(None)
    }

    pub fn connect_with_tls(&self, tls: Option<TlsAcceptor>) -> Client {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let origin = Origin {
            id: ConnectionId::next(),
            peer: Peer::Unix(None),
            local: None,
            tls,
            shutdown: self.shutdown.clone(),
            write_timeout: Duration::from_secs(30),
        };
        let connection = Connection::new(ours, origin);
        let serving = tokio::spawn(fieldpost_smtp::serve(connection, Arc::clone(&self.service)));
        Client {
            stream: theirs,
            serving,
        }
    }

    /// A connection that has said LHLO.
    pub async fn greeted(&self) -> Client {
        let mut client = self.connect();
        client.expect("220 mail.demo.test").await;
        client.lhlo().await;
        client
    }

    pub async fn mailbox(&self, name: &str) -> Mailbox {
        let account = self
            .directory
            .resolve(&format!("{name}@demo.test"))
            .unwrap();
        self.mailboxes.open(account).await.unwrap()
    }

    /// The messages in somebody's inbox, whole, in the order of arrival.
    pub async fn inbox(&self, name: &str) -> Vec<String> {
        let mailbox = self.mailbox(name).await;
        let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap();
        let view = mailbox.view(inbox.id).await.unwrap();
        let mut messages = Vec::new();
        for row in view.rows() {
            let item = mailbox.item(inbox.id, row.uid).await.unwrap();
            let reader = mailbox.read(&item, 0..u64::MAX).await.unwrap();
            let message = reader.read_to_end(1 << 30).await.unwrap().to_vec();
            assert_eq!(message.len() as u64, row.size);
            messages.push(String::from_utf8(message).unwrap());
        }
        messages
    }

    pub async fn set_quota(&self, name: &str, bytes: u64) {
        let limits = Limits { bytes, items: 0 };
        self.mailbox(name).await.set_quota(limits).await.unwrap();
    }
}

/// The other end of a connection.
pub struct Client {
    pub stream: UnixStream,
    pub serving: JoinHandle<()>,
}

impl Client {
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next line, without its CRLF.
    pub async fn line(&mut self) -> String {
        let line = self.line_or_end().await;
        line.expect("the server has closed the connection")
    }

    /// The next line, or `None` at the end of the connection.
    pub async fn line_or_end(&mut self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            let mut byte = [0];
            match self.stream.read(&mut byte).await {
                Ok(0) | Err(_) => {
                    assert!(line.is_empty(), "half a line: {line:?}");
                    return None;
                }
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
        let line = self.line().await;
        assert!(line.starts_with(start), "expected {start:?}, got {line:?}");
        line
    }

    /// Sends a command, and the next line must begin with `start`.
    pub async fn ask(&mut self, command: impl AsRef<str>, start: &str) -> String {
        self.send(format!("{}\r\n", command.as_ref())).await;
        self.expect(start).await
    }

    /// Says LHLO and reads what the server can do.
    pub async fn lhlo(&mut self) -> Vec<String> {
        self.send("LHLO client.test\r\n").await;
        let mut lines = Vec::new();
        loop {
            let line = self.expect("250").await;
            lines.push(line[4..].to_owned());
            if line.as_bytes()[3] == b' ' {
                return lines;
            }
        }
    }

    /// MAIL and RCPT for each of `names` at demo.test.
    pub async fn envelope(&mut self, names: &[&str]) {
        self.ask("MAIL FROM:<sender@origin.test>", "250 2.1.0")
            .await;
        for name in names {
            self.ask(format!("RCPT TO:<{name}@demo.test>"), "250 2.1.5")
                .await;
        }
    }

    /// Nothing more comes: the server has closed the connection.
    pub async fn expect_end(&mut self) {
        assert_eq!(self.line_or_end().await, None);
    }
}

/// A message of ordinary shape.
pub const MESSAGE: &str = "From: <sender@origin.test>\r\nSubject: a test\r\n\r\nHello.\r\n";

/// Takes the header fields that we put on top off a message, and checks them.
pub fn without_trace<'a>(message: &'a str, recipient: &str, sender: &str) -> &'a str {
    let rest = message
        .strip_prefix(&format!(
            "Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\nReceived: from client.test\r\n\tby mail.demo.test (fieldpost) with "
        ))
        .unwrap_or_else(|| panic!("no trace on top of {message:?}"));
    let mut end = 0;
    for line in rest.split_inclusive("\r\n") {
        if end > 0 && !line.starts_with('\t') {
            break;
        }
        end += line.len();
    }
    &rest[end..]
}

/// Many bytes of text in lines.
pub fn text(bytes: usize) -> Bytes {
    let line = "The quick brown fox jumps over the lazy dog, and the dog does not mind.\r\n";
    let mut text = line.repeat(bytes / line.len() + 1);
    text.truncate(bytes.max(2) - 2);
    text = text.trim_end_matches(['\r', '\n']).to_owned() + "\r\n";
    text.into()
}
