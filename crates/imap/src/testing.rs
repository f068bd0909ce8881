//! A small office for conversation tests: one account on a store, in memory unless told otherwise, and clients that talk to the real driver over sockets.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use fieldpost_connection::{Connection, ConnectionId, Origin, Peer};
use fieldpost_directory::{Address, Directory, NewAccount, Secret};
use fieldpost_mailbox::{FolderId, Mailbox, Mailboxes, NewItem, SpecialUse};
use fieldpost_store::{MemoryStore, Store};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::UnixStream,
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

use crate::{Service, Settings, serve};

/// The account.
pub(crate) const ADDRESS: &str = "alice@demo.test";
/// Another one, whose mailbox nobody else may see.
pub(crate) const OTHER: &str = "bob@demo.test";
/// The password of both.
pub(crate) const PASSWORD: &str = "correct horse";
/// Somebody who is not on this machine (RFC 5737).
pub(crate) const NETWORK: Peer = Peer::Inet(SocketAddr::V4(std::net::SocketAddrV4::new(
    std::net::Ipv4Addr::new(192, 0, 2, 1),
    40_000,
)));

/// The accounts, a mailbox, and the service that clients of a test talk to.
pub(crate) struct Office {
    pub(crate) service: Arc<Service>,
    pub(crate) mailbox: Mailbox,
    pub(crate) mailboxes: Arc<Mailboxes>,
    pub(crate) inbox: FolderId,
    tls: Option<TlsAcceptor>,
    pub(crate) shutdown: CancellationToken,
}

impl Office {
    /// With the default settings.
    pub(crate) async fn open() -> Self {
        Self::with(|_| ()).await
    }

    /// With settings that `change` makes.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::over(MemoryStore::new(), change).await
    }

    /// The same on a store, where the accounts may be already.
    pub(crate) async fn over(store: Arc<dyn Store>, change: impl FnOnce(&mut Settings)) -> Self {
        let directory = Directory::open(
            store.clone(),
            fieldpost_directory::Settings {
                argon2: fieldpost_directory::Argon2Cost::CHEAPEST,
                scram_iterations: 4096,
                ..Default::default()
            },
        )
        .await
        .unwrap();
        if !directory.is_local_domain("demo.test") {
            directory.add_domain("demo.test").await.unwrap();
        }
        let mut ids = Vec::new();
        for address in [ADDRESS, OTHER] {
            if let Some(id) = directory.resolve(address) {
                ids.push(id);
                continue;
            }
            let mut account = NewAccount::new(Address::parse(address).unwrap());
            account.password = Some(Secret::from(PASSWORD));
            ids.push(directory.add(account).await.unwrap().id);
        }
        let mailboxes = Mailboxes::new(store, fieldpost_mailbox::Settings::default());
        let mailbox = mailboxes.open(ids[0]).await.unwrap();
        let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
        let mut settings = Settings::default();
        change(&mut settings);
        Self {
            service: Service::new(directory, mailboxes.clone(), settings),
            mailbox,
            mailboxes,
            inbox,
            tls: None,
            shutdown: CancellationToken::new(),
        }
    }

    /// Puts a message into the inbox.
    pub(crate) async fn deliver(&self, text: impl AsRef<[u8]>) -> u32 {
        self.deliver_item(text, |_| ()).await
    }

    /// Puts a message into the inbox after `change`.
    pub(crate) async fn deliver_item(
        &self,
        text: impl AsRef<[u8]>,
        change: impl FnOnce(&mut NewItem),
    ) -> u32 {
        let account = self.mailbox.account();
        let mut incoming = self.mailboxes.receive(account, None).await.unwrap();
        incoming.write(text.as_ref().to_vec().into()).await.unwrap();
        let mut item = NewItem::new(incoming.finish().await.unwrap());
        item.internal_date = Some(837_565_465);
        change(&mut item);
        self.mailbox.append(self.inbox, &item).await.unwrap().uid
    }

    /// Offers TLS to the clients that come from now on; how they connect to it.
    pub(crate) fn offer_tls(&mut self) -> TlsConnector {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let server = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        self.tls = Some(TlsAcceptor::from(Arc::new(server)));
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(client))
    }

    /// A client on this machine, greeted.
    pub(crate) async fn connect(&self) -> Client {
        self.connect_from(Peer::Unix(None)).await
    }

    /// A client at `peer`, greeted.
    pub(crate) async fn connect_from(&self, peer: Peer) -> Client {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let origin = Origin {
            id: ConnectionId::next(),
            peer,
            local: None,
            tls: self.tls.clone(),
            shutdown: self.shutdown.clone(),
            write_timeout: PATIENCE,
        };
        let task = tokio::spawn(serve(Connection::new(ours, origin), self.service.clone()));
        let mut client = Client {
            stream: BufReader::new(Box::new(theirs)),
            task,
            last_tag: 0,
        };
        let greeting = client.line().await;
        assert!(
            greeting.starts_with("* OK [CAPABILITY IMAP4rev1 "),
            "{greeting}"
        );
        client
    }

    /// A client on this machine, signed in.
    pub(crate) async fn signed_in(&self) -> Client {
        let mut client = self.connect().await;
        client.signs_in(ADDRESS).await;
        client
    }

    /// A client on this machine that has the inbox selected.
    pub(crate) async fn selected(&self) -> Client {
        let mut client = self.signed_in().await;
        client.ok("SELECT INBOX").await;
        client
    }
}

/// One client's side of a conversation.
pub(crate) struct Client {
    stream: BufReader<Box<dyn Socket>>,
    task: JoinHandle<()>,
    last_tag: u32,
}

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

impl Client {
    /// Sends octets as they are.
    pub(crate) async fn sends(&mut self, octets: impl AsRef<[u8]>) {
        self.stream
            .get_mut()
            .write_all(octets.as_ref())
            .await
            .unwrap();
    }

    /// Reads one response, the literals in it included, without its last CRLF.
    pub(crate) async fn response(&mut self) -> String {
        let mut response = Vec::new();
        loop {
            let read = self.stream.read_until(b'\n', &mut response);
            let count = tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
            assert!(
                count > 0,
                "it broke off: {}",
                String::from_utf8_lossy(&response)
            );
            assert!(
                response.ends_with(b"\r\n"),
                "{}",
                String::from_utf8_lossy(&response)
            );
            let line = &response[..response.len() - 2];
            let Some(size) = literal_size(line) else {
                response.truncate(response.len() - 2);
                return String::from_utf8(response).unwrap_or_else(|wrong| {
                    String::from_utf8_lossy(wrong.as_bytes()).into_owned()
                });
            };
            let start = response.len();
            response.resize(start + size, 0);
            let read = self.stream.read_exact(&mut response[start..]);
            tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        }
    }

    /// Reads one line, without its CRLF.
    pub(crate) async fn line(&mut self) -> String {
        self.response().await
    }

    /// Reads one line however long it takes: for tests whose clock is paused, and runs ahead.
    pub(crate) async fn line_in_its_own_time(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.unwrap();
        line.trim_end().to_owned()
    }

    /// Sends a command; the untagged responses to it and the tagged one without its tag.
    pub(crate) async fn asks(&mut self, command: &str) -> (Vec<String>, String) {
        self.last_tag += 1;
        let tag = format!("a{}", self.last_tag);
        self.sends(format!("{tag} {command}\r\n")).await;
        self.until(&tag).await
    }

    /// Reads up to the tagged response.
    pub(crate) async fn until(&mut self, tag: &str) -> (Vec<String>, String) {
        let mut untagged = Vec::new();
        loop {
            let response = self.response().await;
            match response
                .strip_prefix(tag)
                .and_then(|rest| rest.strip_prefix(' '))
            {
                Some(rest) => return (untagged, rest.to_owned()),
                None => untagged.push(response),
            }
        }
    }

    /// Sends a command that goes well; the untagged responses to it.
    pub(crate) async fn ok(&mut self, command: &str) -> Vec<String> {
        let (untagged, tagged) = self.asks(command).await;
        assert!(tagged.starts_with("OK"), "{command}: {tagged}");
        untagged
    }

    /// Sends a command and compares its tagged response; a `*` at the end stands for anything.
    pub(crate) async fn says(&mut self, command: &str, expected: &str) {
        let (_, tagged) = self.asks(command).await;
        compare(command, &tagged, expected);
    }

    /// Sends a command that goes well and compares all untagged responses.
    pub(crate) async fn tells(&mut self, command: &str, expected: &[&str]) {
        let untagged = self.ok(command).await;
        assert_eq!(untagged.len(), expected.len(), "{command}: {untagged:#?}");
        for (got, expected) in untagged.iter().zip(expected) {
            compare(command, got, expected);
        }
    }

    /// LOGIN.
    pub(crate) async fn signs_in(&mut self, address: &str) {
        self.ok(&format!("LOGIN {address} \"{PASSWORD}\"")).await;
    }

    /// Reads what comes next, as it comes.
    pub(crate) async fn octets(&mut self) -> Vec<u8> {
        let mut room = vec![0; 4096];
        let read = self.stream.read(&mut room);
        let count = tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        room.truncate(count);
        room
    }

    /// Does the client's part of a TLS handshake.
    pub(crate) async fn start_tls(self, connector: &TlsConnector) -> Self {
        let name = ServerName::try_from("localhost").unwrap();
        let stream = connector
            .connect(name, self.stream.into_inner())
            .await
            .unwrap();
        Self {
            stream: BufReader::new(Box::new(stream)),
            ..self
        }
    }

    /// Nothing more comes, whatever was said last.
    pub(crate) async fn ends(mut self) {
        let mut rest = Vec::new();
        let read = self.stream.read_to_end(&mut rest);
        tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        self.task.await.unwrap();
    }
}

fn compare(command: &str, got: &str, expected: &str) {
    match expected.strip_suffix('*') {
        Some(start) => assert!(got.starts_with(start), "{command}: {got}, not {expected}"),
        None => assert_eq!(got, expected, "{command}"),
    }
}

fn literal_size(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}")?;
    let open = line.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&line[open + 1..]).ok()?.parse().ok()
}

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A message of a few header fields and a body.
pub(crate) fn message(subject: &str, body: &str) -> String {
    format!(
        "From: Anna <anna@example.org>\r\nTo: alice@demo.test\r\nSubject: {subject}\r\nDate: Wed, 17 Jul 1996 02:23:25 -0700\r\nMessage-ID: <{}@example.org>\r\n\r\n{body}\r\n",
        subject.replace(' ', ".")
    )
}
