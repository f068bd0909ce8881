//! A server that follows a script, and a queue's worth of mail to send to it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fieldpost_mailbox::{AccountId, Mailbox, Mailboxes, NewOutgoing, Outgoing};
use fieldpost_smtp::client::{
    ClientSettings, ClientTimeouts, Credentials, Relay, RelayTls, Smarthost, unverified,
};
use fieldpost_store::{MemoryStore, Store};
use fieldpost_transport::{
    Envelope, Handed, NextHop, Outbound, Parcel, Pending, Refusal, Wire, WireSession,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

pub const MESSAGE: &str = "Subject: out\r\n\r\n.one dot\r\nLast line.\r\n";

/// One step of a server.
#[derive(Clone, Debug)]
pub enum Step {
    /// Says this.
    Say(&'static str),
    /// Reads a line, which must be this.
    Hear(&'static str),
    /// Reads a line, which must begin with this.
    HearStart(&'static str),
    /// Reads up to the dot.
    Message,
    /// Does a TLS handshake.
    Tls,
    /// Does nothing more, and keeps the connection.
    Wait,
    /// Reads the start of a handshake, and answers nonsense.
    Garbage,
    /// Says so many bytes without a line end.
    Flood(usize),
    /// Says nothing and waits for the client to go.
    Silence,
}

pub use Step::{Flood, Hear, HearStart, Message, Say, Silence};

/// The replies that begin most conversations.
pub fn greeted(capabilities: &'static str) -> Vec<Step> {
    vec![
        Say("220 mx.test ready\r\n"),
        Hear("EHLO mail.demo.test"),
        Say(capabilities),
    ]
}

pub const CAPABLE: &str = "250-mx.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 SIZE 1000000\r\n";
pub const PLAIN: &str = "250 mx.test\r\n";

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A server that takes one connection for each script.
pub struct Hop {
    pub port: u16,
    serving: JoinHandle<Vec<String>>,
}

impl Hop {
    pub async fn start(scripts: Vec<Vec<Step>>) -> Self {
        Self::with_tls(scripts, None).await
    }

    pub async fn with_tls(scripts: Vec<Vec<Step>>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(async move {
            let mut messages = Vec::new();
            for script in scripts {
                let (stream, _) = listener.accept().await.unwrap();
                let mut stream: BufReader<Box<dyn Duplex>> = BufReader::new(Box::new(stream));
                for step in script {
                    match step {
                        Say(text) => drop(stream.write_all(text.as_bytes()).await),
                        Flood(count) => drop(stream.write_all(&vec![b'2'; count]).await),
                        Hear(expected) => assert_eq!(line(&mut stream).await, expected),
                        HearStart(start) => {
                            let line = line(&mut stream).await;
                            assert!(line.starts_with(start), "{line:?} for {start:?}");
                        }
                        Message => messages.push(message(&mut stream).await),
                        Step::Tls => {
                            let accepted = tls.as_ref().unwrap().accept(stream.into_inner()).await;
                            match accepted {
                                Ok(secure) => stream = BufReader::new(Box::new(secure)),
                                Err(_) => break_off().await,
                            }
                        }
                        Step::Garbage => {
                            assert!(!stream.fill_buf().await.unwrap().is_empty());
                            drop(stream.write_all(b"nonsense\r\n").await);
                        }
                        Step::Wait => std::future::pending().await,
                        Silence => drop(line(&mut stream).await),
                    }
                }
            }
            messages
        });
        Self { port, serving }
    }

    /// The messages that it took, once all scripts are done.
    pub async fn messages(self) -> Vec<String> {
        self.serving.await.unwrap()
    }
}

async fn break_off() -> ! {
    // The client went away in the middle of the handshake, as it should; the script ends with the test.
    std::future::pending().await
}

async fn line(stream: &mut BufReader<Box<dyn Duplex>>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    line.trim_end_matches("\r\n").to_owned()
}

async fn message(stream: &mut BufReader<Box<dyn Duplex>>) -> String {
    let mut message = String::new();
    loop {
        let mut line = String::new();
        assert_ne!(
            stream.read_line(&mut line).await.unwrap(),
            0,
            "cut off: {message}"
        );
        if line == ".\r\n" {
            return message;
        }
        message.push_str(&line);
    }
}

/// A message that waits in an outbox.
pub struct Mail {
    mailbox: Mailbox,
    outgoing: Outgoing,
    pub envelope: Envelope,
    pub recipients: Vec<Pending>,
}

impl Mail {
    pub async fn new(recipients: &[&str]) -> Self {
        Self::of(MESSAGE, recipients).await
    }

    pub async fn of(text: &str, recipients: &[&str]) -> Self {
        let store: Arc<dyn Store> = MemoryStore::new();
        let mailboxes = Mailboxes::new(store, fieldpost_mailbox::Settings::default());
        let mut incoming = mailboxes.receive(AccountId(1), None).await.unwrap();
        incoming
            .write(Bytes::copy_from_slice(text.as_bytes()))
            .await
            .unwrap();
        let mailbox = mailboxes.open(AccountId(1)).await.unwrap();
        let message = NewOutgoing {
            received: incoming.finish().await.unwrap(),
            due: 0,
            envelope: Bytes::new(),
            recipients: vec![Bytes::new()],
        };
        let id = mailbox.post(&message, None).await.unwrap();
        Self {
            outgoing: mailbox.outgoing(id).await.unwrap().unwrap(),
            mailbox,
            envelope: Envelope {
                sender: "alice@demo.test".parse().ok(),
                ..Envelope::default()
            },
            recipients: recipients
                .iter()
                .map(|one| Pending::new(one.parse().unwrap(), 0))
                .collect(),
        }
    }

    pub async fn send(&self, session: &mut Box<dyn WireSession>) -> Handed {
        let parcel = Parcel {
            envelope: &self.envelope,
            recipients: &self.recipients,
            message: Outbound::new(&self.mailbox, &self.outgoing, Bytes::new())
                .await
                .unwrap(),
        };
        session.send(parcel).await
    }
}

pub fn settings(port: u16) -> ClientSettings {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientSettings {
        hostname: "mail.demo.test".to_owned(),
        smarthost: Some(Smarthost {
            host: "127.0.0.1".to_owned(),
            port,
            implicit_tls: false,
            credentials: None,
        }),
        exchangers: None,
        exchanger_port: port,
        tls: RelayTls::Opportunistic,
        tls_config: unverified(provider).unwrap(),
        timeouts: ClientTimeouts {
            message: Duration::from_millis(500),
            ..ClientTimeouts::default()
        },
    }
}

pub fn credentials() -> Credentials {
    Credentials {
        username: "me".to_owned(),
        password: "secret".into(),
    }
}

pub async fn connect(settings: ClientSettings) -> Result<Box<dyn WireSession>, Refusal> {
    Relay::new(settings).connect(&NextHop::Smarthost).await
}

/// What each recipient's result is, as code or 250.
pub fn codes(handed: &Handed) -> Vec<u16> {
    handed
        .results
        .iter()
        .map(|result| result.as_ref().map_or_else(|refusal| refusal.code, |_| 250))
        .collect()
}
