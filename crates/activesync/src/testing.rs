//! What this crate's tests share: a server over a store in memory, and a device that speaks to it.

pub mod backup;
pub mod collection;

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
    pub store: Arc<dyn Store>,
    clock: Arc<AtomicI64>,
}

impl Fixture {
    pub async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub async fn with(settings: Settings) -> Self {
        let clock = Arc::new(AtomicI64::new(NOW));
        let fixture = Self::over(MemoryStore::new(), clock, settings).await;
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
            fixture.directory.add(account).await.unwrap();
        }
        fixture
    }

    /// A server that is started over what is there.
    async fn over(store: Arc<dyn Store>, clock: Arc<AtomicI64>, settings: Settings) -> Self {
        let directory_settings = fieldpost_directory::Settings {
            argon2: Argon2Cost::CHEAPEST,
            scram_iterations: 4096,
            default_domain: Some("demo.test".to_owned()),
            ..fieldpost_directory::Settings::default()
        };
        let directory = Directory::open(Arc::clone(&store), directory_settings)
            .await
            .unwrap();
        let time = Arc::clone(&clock);
        let mailboxes = Mailboxes::new(
            Arc::clone(&store),
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
            store,
            clock,
        }
    }

    /// A server that is started over a backup that was put back.
    pub async fn restored(&self, backup: Arc<dyn Store>) -> Self {
        fieldpost_mailbox::restored(Arc::clone(&backup), fieldpost_mailbox::Settings::default())
            .await
            .unwrap();
        Self::over(backup, Arc::clone(&self.clock), Settings::default()).await
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
            store: Arc::clone(&self.store),
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

    /// As somebody else.
    pub fn user(mut self, name: &str) -> Self {
        self.query = self.query.replace("User=alice", &format!("User={name}"));
        self.user = match name {
            "alice" => "alice@demo.test",
            "bob" => "bob@demo.test",
            _ => "carol@demo.test",
        };
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

/// A document written as XML in the notation of [`Answer::xml`]: `<airsync:Sync>…</airsync:Sync>`, without attributes.
pub fn wbxml(xml: &str) -> Vec<u8> {
    let mut out = Encoder::new();
    let mut rest = xml.trim();
    while let Some(at) = rest.find('<') {
        let text = rest[..at].trim();
        if !text.is_empty() {
            let plain = text
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&amp;", "&");
            out.push_text(&plain);
        }
        let end = at + rest[at..].find('>').unwrap();
        let name = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if name.starts_with('/') {
            out.end();
            continue;
        }
        let plain = name.trim_end_matches('/');
        let (prefix, local) = plain.split_once(':').unwrap();
        out.start(Tag::find(prefix, local).unwrap_or_else(|| panic!("no tag {plain}")));
        if name.ends_with('/') {
            out.end();
        }
    }
    out.finish()
}

/// A phone that has taken its policy: it knows its policy key and speaks one version.
pub struct Phone<'a> {
    pub fixture: &'a Fixture,
    pub user: &'static str,
    pub id: String,
    pub version: &'static str,
    pub policy_key: u32,
}

impl<'a> Phone<'a> {
    /// A new device of alice's that goes through Provision.
    pub async fn new(fixture: &'a Fixture, id: &str, version: &'static str) -> Self {
        Self::of(fixture, "alice", id, version).await
    }

    /// The same for somebody else.
    pub async fn of(
        fixture: &'a Fixture,
        user: &'static str,
        id: &str,
        version: &'static str,
    ) -> Self {
        let mut phone = Self {
            fixture,
            user,
            id: id.to_owned(),
            version,
            policy_key: 0,
        };
        let device = if version == "14.1" {
            "<settings:DeviceInformation><settings:Set><settings:Model>T</settings:Model></settings:Set></settings:DeviceInformation>"
        } else {
            ""
        };
        let kind = "<provision:PolicyType>MS-EAS-Provisioning-WBXML</provision:PolicyType>";
        let first = phone
            .ask(
                "Provision",
                &format!(
                    "<provision:Provision>{device}<provision:Policies><provision:Policy>{kind}</provision:Policy></provision:Policies></provision:Provision>"
                ),
            )
            .await
            .xml();
        phone.policy_key = text_of(&first, "provision:PolicyKey").parse().unwrap();
        let offered = phone.policy_key;
        let second = phone
            .ask(
                "Provision",
                &format!(
                    "<provision:Provision><provision:Policies><provision:Policy>{kind}<provision:PolicyKey>{offered}</provision:PolicyKey><provision:Status>1</provision:Status></provision:Policy></provision:Policies></provision:Provision>"
                ),
            )
            .await
            .xml();
        phone.policy_key = text_of(&second, "provision:PolicyKey").parse().unwrap();
        phone
    }

    /// A command with a document; every document that comes back is checked against the element tables.
    pub async fn ask(&self, command: &str, xml: &str) -> Answer {
        let answer = self.asking(command, xml).of(self.fixture).await;
        self.check(command, &answer);
        answer
    }

    pub fn asking(&self, command: &str, xml: &str) -> Asking {
        let asking = ask(command)
            .user(self.user)
            .device(&self.id)
            .version(self.version)
            .key(self.policy_key);
        if xml.is_empty() {
            asking
        } else {
            asking.body(wbxml(xml))
        }
    }

    fn check(&self, command: &str, answer: &Answer) {
        if answer.body.is_empty() || answer.status != StatusCode::OK {
            return;
        }
        let root = Element::parse(&answer.body, Limits::default()).unwrap();
        let command = fieldpost_wbxml::Command::from_name(command).unwrap();
        let version = fieldpost_wbxml::Version::parse(self.version).unwrap();
        let checked = fieldpost_wbxml::schema::validate(
            &root,
            command,
            fieldpost_wbxml::schema::Direction::Response,
            version,
        );
        if let Err(violation) = checked {
            panic!("{violation} in {}", root.to_xml(|_| false));
        }
    }
}

/// The text of the first element of that name.
pub fn text_of(xml: &str, name: &str) -> String {
    texts_of(xml, name)
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("no {name} in {xml}"))
}

/// The texts of all elements of that name that have no others in them.
pub fn texts_of(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open)
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(&close)?.0.to_owned()))
        .collect()
}
