//! The command line.

use std::{net::IpAddr, time::Duration};

use super::Outcome;

/// What a run is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// The first argument.
    pub scenario: String,
    /// `--label`: the server's name in the lines.
    pub label: String,
    /// `--host`, an address; default 127.0.0.1.
    pub host: IpAddr,
    /// `--port` of HTTP.
    pub port: u16,
    /// `--tls`: whether it is HTTPS; certificates are not checked.
    pub tls: bool,
    /// `--close`: a connection for each request, for servers that close them without saying so.
    pub close: bool,
    /// `--path`; default `/Microsoft-Server-ActiveSync`.
    pub path: String,
    /// `--header "Name: value"`, any number: what every request carries besides.
    pub headers: Vec<String>,
    /// `--users`: a file with a user a line, `name` or `name:password`.
    pub users: Vec<User>,
    /// `--version`: 14.1 or 12.1.
    pub version: String,
    /// `--pid`, any number, as `group=pid` or `pid`: the server's processes; their children count.
    pub pids: Vec<(String, u32)>,
    /// `--lmtp`: the port of LMTP at the same host.
    pub lmtp: u16,
    /// `--deliver`: a command that delivers mails instead; it gets a user and a number.
    pub deliver: Option<String>,
    /// `--count`: mails to fill an INBOX with, phones that wait.
    pub count: usize,
    /// `--connections` that fill.
    pub connections: usize,
    /// `--window`: the WindowSize of a Sync.
    pub window: usize,
    /// `--rounds` of new mails and of none.
    pub rounds: usize,
    /// `--new`: mails a round.
    pub new: usize,
    /// `--deliveries` while phones wait.
    pub deliveries: usize,
    /// `--pause-ms` between two of them.
    pub pause: Duration,
    /// `--told-within` seconds, or a phone was not told.
    pub told_within: Duration,
    /// `--heartbeat` of a Ping, in seconds.
    pub heartbeat: u32,
    /// `--sources`: loopback addresses that connections come from.
    pub sources: usize,
    /// `--seed` of the mails.
    pub seed: u64,
}

/// Somebody with a mailbox.
#[derive(Clone, Debug)]
pub struct User {
    /// The address that signs in and gets mail.
    pub name: String,
    /// The password.
    pub password: String,
}

impl Options {
    /// Reads a command line, without the program's name.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut options = Self {
            scenario: arguments.next().ok_or("which scenario?")?,
            ..Self::default()
        };
        while let Some(name) = arguments.next() {
            match name.as_str() {
                "--tls" => {
                    options.tls = true;
                    continue;
                }
                "--close" => {
                    options.close = true;
                    continue;
                }
                _ => {}
            }
            let value = arguments.next().ok_or(format!("{name} needs a value"))?;
            options
                .set(&name, value)
                .map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: String) -> Outcome<()> {
        match name {
            "--label" => self.label = value,
            "--host" => self.host = value.parse()?,
            "--port" => self.port = value.parse()?,
            "--path" => self.path = value,
            "--header" => self.headers.push(value),
            "--users" => self.users = read_users(&std::fs::read_to_string(value)?),
            "--version" => self.version = value,
            "--pid" => {
                let (group, pid) = value.split_once('=').unwrap_or(("server", &value));
                self.pids.push((group.to_owned(), pid.parse()?));
            }
            "--lmtp" => self.lmtp = value.parse()?,
            "--deliver" => self.deliver = Some(value),
            "--count" => self.count = value.parse()?,
            "--connections" => self.connections = value.parse()?,
            "--window" => self.window = value.parse()?,
            "--rounds" => self.rounds = value.parse()?,
            "--new" => self.new = value.parse()?,
            "--deliveries" => self.deliveries = value.parse()?,
            "--pause-ms" => self.pause = Duration::from_millis(value.parse()?),
            "--told-within" => self.told_within = Duration::from_secs(value.parse()?),
            "--heartbeat" => self.heartbeat = value.parse()?,
            "--sources" => self.sources = value.parse()?,
            "--seed" => self.seed = value.parse()?,
            _ => return Err("no such option".into()),
        }
        Ok(())
    }

    /// The first user.
    pub fn first_user(&self) -> Outcome<&User> {
        Ok(self.users.first().ok_or("--users names nobody")?)
    }

    /// Whether it is a version whose statuses below 100 are all there are, and whose collections have a class.
    pub fn is_old(&self) -> bool {
        self.version.starts_with("12") || self.version.starts_with('2')
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            scenario: String::new(),
            label: "server".into(),
            host: IpAddr::from([127, 0, 0, 1]),
            port: 443,
            tls: false,
            close: false,
            path: "/Microsoft-Server-ActiveSync".into(),
            headers: Vec::new(),
            users: Vec::new(),
            version: "14.1".into(),
            pids: Vec::new(),
            lmtp: 24,
            deliver: None,
            count: 1000,
            connections: 8,
            window: 100,
            rounds: 0,
            new: 10,
            deliveries: 100,
            pause: Duration::ZERO,
            told_within: Duration::from_secs(10),
            heartbeat: 3000,
            sources: 1,
            seed: 1,
        }
    }
}

fn read_users(text: &str) -> Vec<User> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (name, password) = line.split_once(':').unwrap_or((line, "pass"));
            User {
                name: name.to_owned(),
                password: password.to_owned(),
            }
        })
        .collect()
}
