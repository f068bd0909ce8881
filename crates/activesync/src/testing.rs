//! What this crate's tests share: a server over a store in memory, and a device that speaks to it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use fieldpost_directory::{Argon2Cost, Directory, NewAccount};
use fieldpost_mailbox::{Device, DeviceId, Mailbox, Mailboxes};
use fieldpost_store::{MemoryStore, Store};
use fieldpost_transport::Transport;
use fieldpost_wbxml::{Element, Encoder, Limits, Tag};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, StatusCode, header::HeaderMap};

use crate::{Body, Ended, Origin, Service, Settings};

/// The password of everybody.
pub const PASSWORD: &str = "correct horse";

/// When it is, unless a test says otherwise: 2026-11-23T18:01:10Z.
pub const NOW: i64 = 1_795_456_870;

/// A connection over TLS.
pub const SECURE: Origin = Origin {
    peer: None,
    secure: true,
    connection: 7,
};

/// A server with the accounts alice, bob (whose alias is robert) and carol, all at demo.test.
pub struct Fixture {
    pub service: Arc<Service>,
    pub directory: Arc<Directory>,
    pub mailboxes: Arc<Mailboxes>,
    clock: Arc<AtomicI64>,
}

impl Fixture {
    pub async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub async fn with(settings: Settings) -> Self {
        let store: Arc<dyn Store> = MemoryStore::new();
        let directory_settings = fieldpost_directory::Settings {
            argon2: Argon2Cost::CHEAPEST,
            scram_iterations: 4096,
            default_domain: Some("demo.test".to_owned()),
            ..fieldpost_directory::Settings::default()
        };
        let directory = Directory::open(Arc::clone(&store), directory_settings)
            .await
            .unwrap();
        for (name, display_name) in [
            ("alice", "Alice Adams"),
            ("bob", "Bob Brown"),
            ("carol", ""),
        ] {
            let mut account = NewAccount::new(format!("{name}@demo.test").parse().unwrap());
            account.display_name = display_name.to_owned();
            account.password = Some(PASSWORD.into());
            if name == "bob" {
                account.aliases = vec!["robert@demo.test".parse().unwrap()];
            }
            directory.add(account).await.unwrap();
        }
        let clock = Arc::new(AtomicI64::new(NOW));
        let time = Arc::clone(&clock);
        let mailboxes = Mailboxes::new(
            store,
            fieldpost_mailbox::Settings {
                clock: Arc::new(move || time.load(Ordering::Relaxed)),
                ..fieldpost_mailbox::Settings::default()
            },
        );
        let transport = Transport::new(
            Arc::clone(&directory),
            Arc::clone(&mailboxes),
            fieldpost_transport::Settings::default(),
        );
        let service = Service::new(
            Arc::clone(&directory),
            Arc::clone(&mailboxes),
            transport,
            settings,
        );
        Self {
            service,
            directory,
            mailboxes,
            clock,
        }
    }

    /// The same accounts and mailboxes under other settings, as after a restart.
    pub fn restarted(&self, settings: Settings) -> Self {
        let transport = Transport::new(
            Arc::clone(&self.directory),
            Arc::clone(&self.mailboxes),
            fieldpost_transport::Settings::default(),
        );
        Self {
            service: Service::new(
                Arc::clone(&self.directory),
                Arc::clone(&self.mailboxes),
                transport,
                settings,
            ),
            directory: Arc::clone(&self.directory),
            mailboxes: Arc::clone(&self.mailboxes),
            clock: Arc::clone(&self.clock),
        }
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    pub async fn mailbox(&self, name: &str) -> Mailbox {
        let account = self
            .directory
            .resolve(&format!("{name}@demo.test"))
            .unwrap();
        self.mailboxes.open(account).await.unwrap()
    }

    /// The record of alice's device.
    pub async fn device(&self, id: &str) -> Option<Device> {
        let id = DeviceId::new(id).unwrap();
        self.mailbox("alice").await.device(&id).await.unwrap()
    }

    /// One request, and its response in one piece.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        self.try_send(request, SECURE).await.unwrap()
    }

    pub async fn try_send(
        &self,
        request: Request<Full<Bytes>>,
        origin: Origin,
    ) -> Result<Answer, Ended> {
        let response: Response<Body> = self.service.handle(request, origin).await?;
        let (parts, body) = response.into_parts();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        })
    }
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Its document as XML.
    pub fn xml(&self) -> String {
        assert_eq!(self.status, StatusCode::OK);
        Element::parse(&self.body, Limits::default())
            .unwrap()
            .to_xml(|_| false)
    }
}

/// A request of alice's device `d1` at 14.1, to be changed as a test needs it.
pub struct Asking {
    pub method: &'static str,
    pub path: String,
    pub user: &'static str,
    pub query: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// A command without a document.
pub fn ask(command: &str) -> Asking {
    Asking {
        method: "POST",
        path: "/Microsoft-Server-ActiveSync".into(),
        user: "alice@demo.test",
        query: format!("Cmd={command}&User=alice%40demo.test&DeviceId=d1&DeviceType=Phone"),
        headers: vec![
            ("ms-asprotocolversion", "14.1".into()),
            ("user-agent", "Test/1".into()),
        ],
        body: Vec::new(),
    }
}

impl Asking {
    pub fn version(self, version: &str) -> Self {
        self.header("ms-asprotocolversion", version)
    }

    pub fn key(self, key: u32) -> Self {
        self.header("x-ms-policykey", &key.to_string())
    }

    /// Puts a header in the place of one with that name.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self
    }

    pub fn query(mut self, query: &str) -> Self {
        self.query = query.into();
        self
    }

    pub fn device(mut self, id: &str) -> Self {
        self.query = self.query.replace("DeviceId=d1", &format!("DeviceId={id}"));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// With a document that `write` writes.
    pub fn document(self, write: impl FnOnce(&mut Encoder)) -> Self {
        let mut encoder = Encoder::new();
        write(&mut encoder);
        self.body(encoder.finish())
    }

    pub fn build(self) -> Request<Full<Bytes>> {
        let credentials = STANDARD.encode(format!("{}:{PASSWORD}", self.user));
        let mut request = Request::builder()
            .method(self.method)
            .uri(format!("{}?{}", self.path, self.query));
        if !self.user.is_empty() {
            request = request.header("authorization", format!("Basic {credentials}"));
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request.body(Full::new(self.body.into())).unwrap()
    }

    pub async fn of(self, fixture: &Fixture) -> Answer {
        fixture.send(self.build()).await
    }
}

/// An element with others in it.
pub fn within(encoder: &mut Encoder, tag: Tag, write: impl FnOnce(&mut Encoder)) {
    encoder.start(tag);
    write(encoder);
    encoder.end();
}
