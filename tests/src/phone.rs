//! A phone: ActiveSync 14.1 over HTTPS, as much of it as mail needs.

use std::io;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fieldpost_wbxml::{
    Command, Element, Encoder, Limits, Tag, Version,
    schema::{Direction, validate},
    tags::{ping, provision},
};

use crate::{
    Demo,
    http::{Connection, Request, Site},
};

/// A device that has taken its policy.
#[derive(Debug)]
pub struct Phone {
    access: Access,
    policy_key: String,
    connection: Option<Connection>,
}

/// Where the server is, and who the device is.
#[derive(Clone, Debug)]
pub struct Access {
    /// The server.
    pub site: Site,
    /// The account's address.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The device's id.
    pub device: String,
}

impl Access {
    /// A device of one of the demo's accounts.
    ///
    /// # Panics
    /// If the demo has no such account.
    pub fn new(demo: &Demo, account: usize, device: &str) -> io::Result<Self> {
        let ca = demo.facts["ca"].as_str().unwrap_or_default();
        let (user, password) = demo.account(account);
        Ok(Self {
            site: Site::new(demo.address("https"), ca)?,
            user,
            password,
            device: device.to_owned(),
        })
    }

    /// The value of `Authorization`.
    pub fn authorization(&self) -> String {
        let credentials = format!("{}:{}", self.user, self.password);
        format!("Basic {}", STANDARD.encode(credentials))
    }
}

impl Phone {
    /// Connects and takes the policy.
    pub fn new(access: Access) -> io::Result<Self> {
        const KIND: &str = "<provision:PolicyType>MS-EAS-Provisioning-WBXML</provision:PolicyType>";
        let mut phone = Self {
            access,
            policy_key: "0".into(),
            connection: None,
        };
        let device = "<settings:DeviceInformation><settings:Set><settings:Model>T</settings:Model></settings:Set></settings:DeviceInformation>";
        for step in 0..2 {
            let (device, accepted) = match step {
                0 => (device, String::new()),
                _ => (
                    "",
                    format!(
                        "<provision:PolicyKey>{}</provision:PolicyKey><provision:Status>1</provision:Status>",
                        phone.policy_key
                    ),
                ),
            };
            let answer = phone.ask("Provision", &format!("<provision:Provision>{device}<provision:Policies><provision:Policy>{KIND}{accepted}</provision:Policy></provision:Policies></provision:Provision>"))?;
            let root = parse(&answer)?;
            let policy = root
                .child(provision::POLICIES)
                .and_then(|policies| policies.child(provision::POLICY));
            let key = policy.and_then(|policy| policy.text_of(provision::POLICY_KEY));
            let key = key.ok_or_else(|| io::Error::other(root.to_xml(|_| false)))?;
            phone.policy_key = key.into_owned();
        }
        Ok(phone)
    }

    /// The same device with a second connection: what it sends there is not in the way of what waits here.
    pub fn beside(&self) -> Self {
        Self {
            access: self.access.clone(),
            policy_key: self.policy_key.clone(),
            connection: None,
        }
    }

    /// Sends a command and reads its answer: a document that the schema of 14.1 allows, or nothing. After an error the next
    /// command has a new connection.
    pub fn ask(&mut self, command: &str, xml: &str) -> io::Result<Vec<u8>> {
        self.send(command, wbxml(xml))?;
        self.answer(command)
    }

    /// Sends a command.
    pub fn send(&mut self, command: &str, document: Vec<u8>) -> io::Result<()> {
        let Access { user, device, .. } = &self.access;
        let user = user.replace('@', "%40");
        let request = Request {
            method: "POST",
            target: format!(
                "/Microsoft-Server-ActiveSync?Cmd={command}&User={user}&DeviceId={device}&DeviceType=Phone"
            ),
            fields: vec![
                ("Authorization", self.access.authorization()),
                ("MS-ASProtocolVersion", "14.1".into()),
                ("X-MS-PolicyKey", self.policy_key.clone()),
                ("User-Agent", "Test/1".into()),
                ("Content-Type", "application/vnd.ms-sync.wbxml".into()),
            ],
            body: document,
        };
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.access.site.connect()?,
        };
        connection.send(&request)?;
        self.connection = Some(connection);
        Ok(())
    }

    /// Reads the answer to the command that was sent.
    pub fn answer(&mut self, command: &str) -> io::Result<Vec<u8>> {
        let connection = self.connection.take();
        let mut connection = connection.ok_or_else(|| io::Error::other("nothing was sent"))?;
        let response = connection.response()?;
        self.connection = Some(connection);
        if response.status != 200 {
            let said = String::from_utf8_lossy(&response.body).into_owned();
            let problem = format!("{command}: HTTP {} {said}", response.status);
            return Err(io::Error::other(problem));
        }
        if !response.body.is_empty() {
            let root = parse(&response.body)?;
            let known = Command::from_name(command).map(|command| {
                let answer = Direction::Response;
                validate(&root, command, answer, Version::V14_1)
            });
            if !matches!(known, Some(Ok(()))) {
                let xml = root.to_xml(|_| false);
                return Err(io::Error::other(format!("{command}: {known:?} in {xml}")));
            }
        }
        Ok(response.body)
    }

    /// A Ping of some folders; its status.
    pub fn ping(&mut self, folders: &[&str]) -> io::Result<String> {
        self.send_ping(folders)?;
        let answer = self.answer("Ping")?;
        let root = parse(&answer)?;
        let status = root.text_of(ping::STATUS);
        let status = status.ok_or_else(|| io::Error::other(root.to_xml(|_| false)))?;
        Ok(status.into_owned())
    }

    /// Sends a Ping of some folders, for the shortest time that the server takes.
    pub fn send_ping(&mut self, folders: &[&str]) -> io::Result<()> {
        let folders: Vec<String> = folders
            .iter()
            .map(|id| format!("<ping:Folder><ping:Id>{id}</ping:Id><ping:Class>Email</ping:Class></ping:Folder>"))
            .collect();
        let asked = format!(
            "<ping:Ping><ping:HeartbeatInterval>60</ping:HeartbeatInterval><ping:Folders>{}</ping:Folders></ping:Ping>",
            folders.concat()
        );
        self.send("Ping", wbxml(&asked))
    }
}

/// The document in an answer.
pub fn parse(answer: &[u8]) -> io::Result<Element<'_>> {
    Element::parse(answer, Limits::default()).map_err(io::Error::other)
}

/// A document written as XML: `<airsync:Sync>…</airsync:Sync>`, without attributes.
///
/// # Panics
/// If it is not well-formed, or has a tag that no code page has.
pub fn wbxml(xml: &str) -> Vec<u8> {
    let mut out = Encoder::new();
    let mut rest = xml.trim();
    while let Some((text, behind)) = rest.split_once('<') {
        if !text.is_empty() {
            let text = text.replace("&lt;", "<").replace("&gt;", ">");
            out.push_text(&text.replace("&amp;", "&"));
        }
        let (name, behind) = behind.split_once('>').expect("a tag ends");
        rest = behind;
        if name.starts_with('/') {
            out.end();
            continue;
        }
        let plain = name.trim_end_matches('/');
        let tag = plain
            .split_once(':')
            .and_then(|(prefix, local)| Tag::find(prefix, local));
        out.start(tag.unwrap_or_else(|| panic!("no tag {plain}")));
        if name.ends_with('/') {
            out.end();
        }
    }
    out.finish()
}
