//! The server that the ActiveSync targets speak to.

use std::sync::Arc;

use bytes::Bytes;
use fieldpost_activesync::{Origin, Service, Settings};
use fieldpost_directory::{Address, Argon2Cost, AttemptLimits, Directory, NewAccount, Secret};
use fieldpost_mailbox::{Mailbox, Mailboxes, NewItem, SpecialUse};
use fieldpost_store::MemoryStore;
use fieldpost_transport::Transport;
use fieldpost_wbxml::{Command, Element, Limits};
use http_body_util::{BodyExt, Full};
use tokio::runtime::{Builder, Runtime};

/// A server with mail for alice, who asks, and for bob, whom nothing of it concerns.
pub struct Office {
    pub runtime: Runtime,
    service: Arc<Service>,
    bob: Mailbox,
    /// The number of alice's inbox, as the protocol has it.
    pub inbox: u64,
}

impl Office {
    pub fn open() -> Self {
        // Time that is waited out passes at once.
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let (service, bob, inbox) = runtime.block_on(async {
            let store = MemoryStore::new();
            let settings = fieldpost_directory::Settings {
                argon2: Argon2Cost::CHEAPEST,
                scram_iterations: 4096,
                attempts: AttemptLimits {
                    free_per_account: u32::MAX,
                    free_per_network: u32::MAX,
                    ..AttemptLimits::default()
                },
                ..fieldpost_directory::Settings::default()
            };
            let directory = Directory::open(store.clone(), settings).await.unwrap();
            let mut ids = Vec::new();
            for name in ["alice", "bob"] {
                let address = Address::parse(&format!("{name}@demo.test")).unwrap();
                let mut account = NewAccount::new(address);
                account.password = Some(Secret::from("secret"));
                ids.push(directory.add(account).await.unwrap().id);
            }
            let mailboxes = Mailboxes::new(store, fieldpost_mailbox::Settings::default());
            let alice = mailboxes.open(ids[0]).await.unwrap();
            let bob = mailboxes.open(ids[1]).await.unwrap();
            for mailbox in [&alice, &bob] {
                let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
                for message in MESSAGES {
                    let mut incoming = mailboxes.receive(mailbox.account(), None).await.unwrap();
                    incoming.write(Bytes::from_static(message)).await.unwrap();
                    let item = NewItem::new(incoming.finish().await.unwrap());
                    mailbox.append(inbox, &item).await.unwrap();
                }
            }
            let transport = Transport::new(
                Arc::clone(&directory),
                Arc::clone(&mailboxes),
                fieldpost_transport::Settings::default(),
            );
            let settings = Settings {
                require_policy: false,
                ..Settings::default()
            };
            let inbox = alice.special(SpecialUse::Inbox).await.unwrap().id.0;
            (
                Service::new(directory, mailboxes, transport, settings),
                bob,
                inbox,
            )
        });
        Self {
            runtime,
            service,
            bob,
            inbox,
        }
    }

    /// One request of alice's device: whatever it says, it is answered, by a document that parses or by an HTTP status. The
    /// document, as XML; `None`: there was none.
    pub async fn ask(&self, command: Command, version: &str, document: Vec<u8>) -> Option<String> {
        let mut line = format!(
            "/Microsoft-Server-ActiveSync?Cmd={}&User=alice&DeviceId=d1&DeviceType=T",
            command.name()
        );
        if command == Command::GetAttachment {
            // It has no document: what it asks for stands in the request line.
            line.push_str("&AttachmentName=");
            line.extend(
                document
                    .iter()
                    .take(1024)
                    .map(|byte| format!("%{byte:02x}")),
            );
        }
        let request = hyper::Request::post(line)
            .header("authorization", "Basic YWxpY2VAZGVtby50ZXN0OnNlY3JldA==")
            .header("ms-asprotocolversion", version)
            .body(Full::new(Bytes::from(document)))
            .unwrap();
        let origin = Origin {
            peer: None,
            secure: true,
            connection: 1,
        };
        let response = self.service.handle(request, origin).await.ok()?;
        let is_document = response
            .headers()
            .get("content-type")
            .is_some_and(|kind| kind == "application/vnd.ms-sync.wbxml");
        assert_ne!(response.status(), hyper::StatusCode::UNAUTHORIZED);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        is_document.then(|| {
            Element::parse(&body, Limits::default())
                .expect("a document that parses")
                .to_xml(|_| false)
        })
    }

    /// Where bob's mailbox stands: only mail to him moves it.
    pub async fn of_bob(&self) -> u64 {
        self.bob.mod_seq().await.unwrap()
    }
}

/// Whether it may bring bob mail.
pub fn sends(command: Command) -> bool {
    matches!(
        command,
        Command::SendMail | Command::SmartReply | Command::SmartForward
    )
}

/// The first sync key in a document.
pub fn key_in(xml: &str) -> Option<&str> {
    xml.split_once(":SyncKey>")?.1.split('<').next()
}

/// The document with `value` in the place of each `name`.
pub fn with(document: &[u8], name: &str, value: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(document.len() + 64);
    let mut rest = document;
    while let Some(at) = memchr::memmem::find(rest, name.as_bytes()) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(value.as_bytes());
        rest = &rest[at + name.len()..];
    }
    out.extend_from_slice(rest);
    out
}

const MESSAGES: [&[u8]; 3] = [
    b"From: a@x.test\r\nTo: alice@demo.test\r\nSubject: plain\r\n\r\nText\r\n",
    b"From: b@x.test\r\nSubject: html\r\nContent-Type: text/html\r\n\r\n<p>Text &amp; more</p>\r\n",
    b"From: c@x.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nText\r\n--b\r\nContent-Type: image/png; name=x.png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n",
];
