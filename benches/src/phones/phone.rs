//! A phone: it signs in, takes its policy, learns its folders, syncs its INBOX and waits in Ping.

use std::{borrow::Cow, fmt::Write as _, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fieldpost_wbxml::{
    Command, Element, Encoder, Limits,
    tags::{air_sync, air_sync_base, folder_hierarchy, ping, provision, settings},
};

use super::{Options, Outcome, http::Connection, options::User};

/// A phone that knows its INBOX.
pub struct Phone {
    options: Arc<Options>,
    number: usize,
    user: User,
    policy_key: String,
    inbox: String,
    sync_key: String,
    connection: Option<Connection>,
    /// What it has sent and got so far.
    pub traffic: Traffic,
}

/// Requests and bytes.
#[derive(Clone, Copy, Default)]
pub struct Traffic {
    /// Requests sent.
    pub requests: u64,
    /// Bytes of bodies that came.
    pub bytes: u64,
}

/// What a Sync brought.
#[derive(Clone, Copy, Default)]
pub struct Synced {
    /// New, changed and removed mails.
    pub items: u64,
    /// Whether there is more to get.
    pub more: bool,
}

impl Phone {
    /// A new device of that user, of that number among all: OPTIONS, FolderSync, and Provision where it is asked for.
    pub async fn new(options: Arc<Options>, number: usize, user: User) -> Outcome<Self> {
        let mut phone = Self {
            options,
            number,
            user,
            policy_key: "0".into(),
            inbox: String::new(),
            sync_key: "0".into(),
            connection: None,
            traffic: Traffic::default(),
        };
        phone.exchange("OPTIONS", None, &[]).await?;
        phone.inbox = phone.find_inbox().await?;
        Ok(phone)
    }

    /// The key 0, and the first one in its place: no items yet.
    pub async fn begin_sync(&mut self) -> Outcome<()> {
        self.sync_key = "0".into();
        self.sync(0).await?;
        Ok(())
    }

    /// Syncs the INBOX once.
    pub async fn sync(&mut self, window: usize) -> Outcome<Synced> {
        let document = self.sync_document(window);
        let body = self.ask(Command::Sync, &document).await?;
        if body.is_empty() {
            return Ok(Synced::default());
        }
        let root = Element::parse(&body, Limits::default())?;
        let collection = root
            .child(air_sync::COLLECTIONS)
            .and_then(|all| all.child(air_sync::COLLECTION))
            .ok_or_else(|| unexpected("Sync", &root))?;
        if collection.text_of(air_sync::STATUS).as_deref() != Some("1") {
            return Err(unexpected("Sync", &root).into());
        }
        let key = collection.text_of(air_sync::SYNC_KEY);
        self.sync_key = key.ok_or("no SyncKey")?.into_owned();
        let items = collection.child(air_sync::COMMANDS);
        Ok(Synced {
            items: items.map_or(0, |items| items.children().count() as u64),
            more: collection.child(air_sync::MORE_AVAILABLE).is_some(),
        })
    }

    /// Syncs until there is no more; how many items came.
    pub async fn sync_all(&mut self) -> Outcome<u64> {
        let mut items = 0;
        loop {
            let synced = self.sync(self.options.window).await?;
            items += synced.items;
            if !synced.more {
                return Ok(items);
            }
        }
    }

    /// Sends a Ping for the INBOX; [`Phone::wait`] has its answer.
    pub async fn begin_ping(&mut self, heartbeat: u32) -> Outcome<()> {
        let mut out = Encoder::new();
        out.start(ping::PING);
        out.number(ping::HEARTBEAT_INTERVAL, heartbeat);
        out.start(ping::FOLDERS);
        out.start(ping::FOLDER);
        out.text(ping::ID, &self.inbox);
        out.text(ping::CLASS, "Email");
        self.send("POST", Some(Command::Ping), &out.finish()).await
    }

    /// Waits for the answer to a Ping: its status, and the heartbeat that it may name.
    pub async fn wait(&mut self) -> Outcome<(u16, Option<u32>)> {
        let response = self.receive().await?;
        if response.status != 200 {
            return Err(format!("Ping: {}", response.head).into());
        }
        let root = Element::parse(&response.body, Limits::default())?;
        let status = root.text_of(ping::STATUS).unwrap_or_default().parse()?;
        let heartbeat = root.text_of(ping::HEARTBEAT_INTERVAL);
        Ok((status, heartbeat.and_then(|text| text.parse().ok())))
    }

    async fn find_inbox(&mut self) -> Outcome<String> {
        let mut out = Encoder::new();
        out.start(folder_hierarchy::FOLDER_SYNC);
        out.text(folder_hierarchy::SYNC_KEY, "0");
        let body = self.ask(Command::FolderSync, &out.finish()).await?;
        let root = Element::parse(&body, Limits::default())?;
        let inbox = root
            .child(folder_hierarchy::CHANGES)
            .into_iter()
            .flat_map(|changes| changes.all(folder_hierarchy::ADD))
            .find(|folder| folder.text_of(folder_hierarchy::TYPE).as_deref() == Some("2"))
            .and_then(|folder| folder.text_of(folder_hierarchy::SERVER_ID));
        let inbox = inbox.ok_or_else(|| unexpected("FolderSync", &root))?;
        Ok(inbox.into_owned())
    }

    fn sync_document(&self, window: usize) -> Vec<u8> {
        let mut out = Encoder::new();
        out.start(air_sync::SYNC);
        out.start(air_sync::COLLECTIONS);
        out.start(air_sync::COLLECTION);
        if self.options.is_old() {
            out.text(air_sync::CLASS, "Email");
        }
        out.text(air_sync::SYNC_KEY, &self.sync_key);
        out.text(air_sync::COLLECTION_ID, &self.inbox);
        if self.sync_key != "0" {
            out.boolean(air_sync::DELETES_AS_MOVES, true);
            out.boolean(air_sync::GET_CHANGES, true);
            out.number(air_sync::WINDOW_SIZE, window);
            out.start(air_sync::OPTIONS);
            out.text(air_sync::FILTER_TYPE, "0");
            for kind in ["2", "1"] {
                out.start(air_sync_base::BODY_PREFERENCE);
                out.text(air_sync_base::TYPE, kind);
                out.text(air_sync_base::TRUNCATION_SIZE, "32768");
                out.end();
            }
        }
        out.finish()
    }

    /// Carries a command out; where the server wants its policy taken first, takes it.
    async fn ask(&mut self, command: Command, document: &[u8]) -> Outcome<Vec<u8>> {
        for _ in 0..2 {
            let response = self.exchange("POST", Some(command), document).await?;
            if response.status == 449 || is_unprovisioned(&response.body) {
                self.provision().await?;
                continue;
            }
            if response.status != 200 {
                return Err(format!("{}: {}", command.name(), response.head).into());
            }
            return Ok(response.body);
        }
        Err("the server wants a policy taken that was taken".into())
    }

    async fn provision(&mut self) -> Outcome<()> {
        self.policy_key = "0".into();
        for acknowledges in [false, true] {
            let mut out = Encoder::new();
            out.start(provision::PROVISION);
            if !acknowledges && !self.options.is_old() {
                out.start(settings::DEVICE_INFORMATION);
                out.start(settings::SET);
                out.text(settings::MODEL, "Bench");
                out.end();
                out.end();
            }
            out.start(provision::POLICIES);
            out.start(provision::POLICY);
            out.text(provision::POLICY_TYPE, "MS-EAS-Provisioning-WBXML");
            if acknowledges {
                out.text(provision::POLICY_KEY, &self.policy_key);
                out.text(provision::STATUS, "1");
            }
            let response = self
                .exchange("POST", Some(Command::Provision), &out.finish())
                .await?;
            let root = Element::parse(&response.body, Limits::default())?;
            let key = root
                .child(provision::POLICIES)
                .and_then(|all| all.child(provision::POLICY))
                .and_then(|policy| policy.text_of(provision::POLICY_KEY))
                .map(Cow::into_owned);
            self.policy_key = key.ok_or_else(|| unexpected("Provision", &root))?;
        }
        Ok(())
    }

    async fn exchange(
        &mut self,
        method: &str,
        command: Option<Command>,
        document: &[u8],
    ) -> Outcome<super::http::Response> {
        let reuses = self.connection.is_some();
        self.send(method, command, document).await?;
        match self.receive().await {
            // It was closed while the request was on its way.
            Err(_) if reuses => {
                self.connection = None;
                self.send(method, command, document).await?;
                self.receive().await
            }
            received => received,
        }
    }

    async fn send(
        &mut self,
        method: &str,
        command: Option<Command>,
        document: &[u8],
    ) -> Outcome<()> {
        let head = self.head(method, command, document.len());
        self.traffic.requests += 1;
        // The server may have closed the connection since the last response.
        if let Some(connection) = &mut self.connection
            && connection.send(&head, document).await.is_ok()
        {
            return Ok(());
        }
        let mut connection = Connection::open(&self.options, self.number).await?;
        connection.send(&head, document).await?;
        self.connection = Some(connection);
        Ok(())
    }

    async fn receive(&mut self) -> Outcome<super::http::Response> {
        let connection = self.connection.as_mut().ok_or("nothing was sent")?;
        connection.rest();
        let response = connection.receive().await?;
        if response.closes || self.options.close {
            self.connection = None;
        }
        self.traffic.bytes += response.body.len() as u64;
        Ok(response)
    }

    fn head(&self, method: &str, command: Option<Command>, length: usize) -> String {
        let options = &self.options;
        let User { name, password } = &self.user;
        let mut head = format!("{method} {}", options.path);
        if let Some(command) = command {
            let user = name.replace('@', "%40");
            let _ = write!(
                head,
                "?Cmd={}&User={user}&DeviceId=B{}X{}&DeviceType=Bench",
                command.name(),
                std::process::id(),
                self.number
            );
        }
        let credentials = STANDARD.encode(format!("{name}:{password}"));
        let _ = write!(
            head,
            " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}\r\nUser-Agent: Bench/1\r\nMS-ASProtocolVersion: {}\r\n\
             X-MS-PolicyKey: {}\r\nContent-Length: {length}\r\n",
            options.version, self.policy_key
        );
        if length > 0 {
            head.push_str("Content-Type: application/vnd.ms-sync.wbxml\r\n");
        }
        if options.close {
            head.push_str("Connection: close\r\n");
        }
        for header in &options.headers {
            let _ = write!(head, "{header}\r\n");
        }
        head.push_str("\r\n");
        head
    }
}

/// Whether a document says that the policy is to be taken (statuses 140 to 144).
fn is_unprovisioned(body: &[u8]) -> bool {
    // It says so and nothing else.
    if body.len() > 200 {
        return false;
    }
    let Ok(root) = Element::parse(body, Limits::default()) else {
        return false;
    };
    root.children().any(|child| {
        child.tag.name() == Some("Status")
            && child
                .text()
                .parse()
                .is_ok_and(|status: u16| (140..=144).contains(&status))
    })
}

fn unexpected(command: &str, root: &Element<'_>) -> String {
    let mut xml = root.to_xml(|_| false);
    xml.truncate(xml.floor_char_boundary(500));
    format!("{command} answered {xml}")
}
