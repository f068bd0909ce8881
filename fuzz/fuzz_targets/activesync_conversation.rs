//! Whole ActiveSync conversations of one device: every command with any document, in any order. The server answers each
//! request with a document that parses or with an HTTP status that says something, and touches nobody else's mailbox.
//!
//! Input: requests one after the other: a byte for the command, two for the length of the document, the document. `@K` in a
//! document stands for the sync key that was last answered.
#![no_main]

use std::{sync::Arc, sync::OnceLock};

use bytes::Bytes;
use fieldpost_activesync::{Origin, Service, Settings};
use fieldpost_directory::{Address, Argon2Cost, AttemptLimits, Directory, NewAccount, Secret};
use fieldpost_mailbox::{Mailbox, Mailboxes, NewItem, SpecialUse};
use fieldpost_store::MemoryStore;
use fieldpost_transport::Transport;
use fieldpost_wbxml::{Command, Element, Limits};
use http_body_util::{BodyExt, Full};
use tokio::runtime::{Builder, Runtime};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    static OFFICE: OnceLock<Office> = OnceLock::new();
    let office = OFFICE.get_or_init(Office::open);
    office.runtime.block_on(office.converse(input));
});

struct Office {
    runtime: Runtime,
    service: Arc<Service>,
    bob: Mailbox,
}

impl Office {
    fn open() -> Self {
        // Time that is waited out passes at once.
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let (service, bob) = runtime.block_on(async {
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
            (Service::new(directory, mailboxes, transport, settings), bob)
        });
        Self {
            runtime,
            service,
            bob,
        }
    }

    async fn converse(&self, mut input: &[u8]) {
        let before = self.bob.mod_seq().await.unwrap();
        let mut key = String::from("0");
        let mut sends = false;
        for _ in 0..16 {
            let [code, high, low, rest @ ..] = input else {
                break;
            };
            let length = (usize::from(*high) << 8 | usize::from(*low)).min(rest.len());
            let (document, rest) = rest.split_at(length);
            input = rest;
            let command = Command::ALL[usize::from(*code) % Command::ALL.len()];
            sends |= matches!(
                command,
                Command::SendMail | Command::SmartReply | Command::SmartForward
            );
            let version = ["14.1", "14.0", "12.1"][usize::from(*code) / Command::ALL.len() % 3];
            let document = with_key(document, &key);
            let request = hyper::Request::post(format!(
                "/Microsoft-Server-ActiveSync?Cmd={}&User=alice&DeviceId=d1&DeviceType=T",
                command.name()
            ))
            .header("authorization", "Basic YWxpY2VAZGVtby50ZXN0OnNlY3JldA==")
            .header("ms-asprotocolversion", version)
            .body(Full::new(Bytes::from(document)))
            .unwrap();
            let origin = Origin {
                peer: None,
                secure: true,
                connection: 1,
            };
            let Ok(response) = self.service.handle(request, origin).await else {
                continue;
            };
            let is_document = response
                .headers()
                .get("content-type")
                .is_some_and(|kind| kind == "application/vnd.ms-sync.wbxml");
            let status = response.status();
            assert_ne!(status, hyper::StatusCode::UNAUTHORIZED);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            if is_document {
                let xml = Element::parse(&body, Limits::default())
                    .expect("a document that parses")
                    .to_xml(|_| false);
                if let Some((_, rest)) = xml.split_once(":SyncKey>") {
                    key = rest.split('<').next().unwrap_or("0").to_owned();
                }
            }
        }
        if !sends {
            assert_eq!(self.bob.mod_seq().await.unwrap(), before);
        }
    }
}

fn with_key(document: &[u8], key: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(document.len() + 64);
    let mut rest = document;
    while let Some(at) = memchr::memmem::find(rest, b"@K") {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(key.as_bytes());
        rest = &rest[at + 2..];
    }
    out.extend_from_slice(rest);
    out
}

const MESSAGES: [&[u8]; 3] = [
    b"From: a@x.test\r\nTo: alice@demo.test\r\nSubject: plain\r\n\r\nText\r\n",
    b"From: b@x.test\r\nSubject: html\r\nContent-Type: text/html\r\n\r\n<p>Text &amp; more</p>\r\n",
    b"From: c@x.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nText\r\n--b\r\nContent-Type: image/png; name=x.png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n",
];
