//! A Postfix of our own: in front of the server, handing mail over by LMTP, or behind it, as its smarthost.
//!
//! It runs with a configuration, a queue and a port of its own, all below a temporary directory, so that the system's Postfix
//! is never touched. Its master process insists on being root.

use std::{
    cell::RefCell,
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use crate::{lines::Lines, programs};

/// What it is for.
#[derive(Clone, Debug)]
pub enum Role {
    /// Mail for demo.test goes to this LMTP address.
    Front {
        /// `address:port`.
        lmtp: String,
    },
    /// Mail for far.test goes into Maildirs of its own; TLS with this certificate and key is required.
    Smarthost {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}

/// A running Postfix; stopped when dropped.
#[derive(Debug)]
pub struct Postfix {
    home: PathBuf,
    configuration: PathBuf,
    smtp: u16,
    child: Child,
    log: Receiver<String>,
    /// The log so far.
    seen: RefCell<Vec<String>>,
}

impl Postfix {
    /// Starts one below `home`, which listens on `smtp`.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(home: &Path, smtp: u16, role: &Role) -> Self {
        // Its processes run as users of their own, who must find their way to the queue.
        let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755));
        open(home).expect("the directory is ours");
        let configuration = home.join("postfix");
        for directory in ["postfix", "queue", "data", "mail"] {
            fs::create_dir_all(home.join(directory)).expect("the directory is ours");
        }
        let owns = |user: &str, directory: &str| {
            let mut chown = Command::new("chown");
            chown.arg(user).arg(home.join(directory));
            programs::succeeded(&programs::run("postfix", &mut chown));
        };
        owns("postfix", "data");
        owns("nobody", "mail");
        // Users u1 to u9 have a Maildir, nobody else is there.
        let mut users = String::new();
        for number in 1..10 {
            writeln!(users, "u{number}@far.test u{number}/").expect("a String takes it");
        }
        fs::write(configuration.join("users"), users).expect("the directory is ours");
        fs::write(configuration.join("main.cf"), main_cf(home, role))
            .expect("the directory is ours");
        fs::write(configuration.join("master.cf"), master_cf(smtp)).expect("the directory is ours");
        let (child, log) = run(&configuration);
        let postfix = Self {
            home: home.to_owned(),
            configuration,
            smtp,
            child,
            log,
            seen: RefCell::default(),
        };
        postfix.wait_for(1, &["daemon started"]);
        postfix
    }

    /// The messages in the Maildir of `user` at far.test.
    ///
    /// # Panics
    /// If a file can't be read.
    pub fn mail(&self, user: &str) -> Vec<String> {
        let new = self.home.join("mail/far.test").join(user).join("new");
        let Ok(files) = fs::read_dir(new) else {
            return Vec::new();
        };
        files
            .map(|file| fs::read(file.expect("a directory is read").path()))
            .map(|bytes| String::from_utf8_lossy(&bytes.expect("a file is read")).into_owned())
            .collect()
    }

    /// kill -9 for all its processes, and a start anew on what they left.
    ///
    /// # Panics
    /// If it does not start.
    pub fn kill_and_start(&mut self) {
        // The master leads a group of its own, which all its processes are in.
        let pid = fs::read_to_string(self.home.join("queue/pid/master.pid"));
        let group = format!("-{}", pid.expect("the master's pid is written").trim());
        let mut kill = Command::new("kill");
        kill.args(["-KILL", "--", &group]);
        programs::succeeded(&programs::run("procps", &mut kill));
        drop(self.child.wait());
        // What it says again counts from here.
        self.seen
            .borrow_mut()
            .retain(|line| !line.contains("daemon started"));
        let (child, log) = run(&self.configuration);
        self.child = child;
        self.log = log;
        self.wait_for(1, &["daemon started"]);
    }

    /// Sends a message by SMTP.
    ///
    /// # Panics
    /// If it is not taken.
    pub fn submit(&self, sender: &str, recipients: &[&str], message: &str) {
        let mut smtp =
            Lines::connect(&format!("127.0.0.1:{}", self.smtp)).expect("Postfix answers");
        let mut expect = |command: Option<String>, code: &str| {
            if let Some(command) = command {
                smtp.send(command.as_bytes()).expect("Postfix answers");
            }
            loop {
                let line = smtp.line().expect("Postfix answers");
                assert!(line.starts_with(code), "{line}");
                if line.as_bytes()[3] == b' ' {
                    return;
                }
            }
        };
        expect(None, "220");
        expect(Some("EHLO client.test\r\n".into()), "250");
        let parameters = "BODY=8BITMIME SMTPUTF8";
        expect(
            Some(format!("MAIL FROM:<{sender}> {parameters}\r\n")),
            "250",
        );
        for recipient in recipients {
            expect(Some(format!("RCPT TO:<{recipient}>\r\n")), "250");
        }
        expect(Some("DATA\r\n".into()), "354");
        let stuffed = message.replace("\r\n.", "\r\n..");
        expect(Some(format!("{stuffed}.\r\n")), "250");
        expect(Some("QUIT\r\n".into()), "221");
    }

    /// Waits until `count` log lines hold all of `parts`.
    ///
    /// # Panics
    /// If that takes more than a minute.
    pub fn wait_for(&self, count: usize, parts: &[&str]) {
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut seen = self.seen.borrow_mut();
        let is_one = |line: &String| parts.iter().all(|part| line.contains(part));
        while seen.iter().filter(|line| is_one(line)).count() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.log.recv_timeout(left) {
                Ok(line) => seen.push(line),
                Err(error) => panic!("{parts:?}: {error}; the log:\n{}", seen.join("\n")),
            }
        }
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let mut stop = Command::new("postfix");
        stop.arg("-c").arg(&self.configuration).arg("stop");
        stop.stderr(Stdio::null()).stdout(Stdio::null());
        drop(stop.status());
        drop(self.child.wait());
    }
}

/// A Postfix with this configuration, and what it says.
fn run(configuration: &Path) -> (Child, Receiver<String>) {
    let mut child = Command::new("postfix")
        .arg("-c")
        .arg(configuration)
        .arg("start-fg")
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("postfix starts; `apt-get install postfix` if it is not there");
    let stdout = child.stdout.take().expect("stdout is a pipe");
    let (sender, log) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    (child, log)
}

fn main_cf(home: &Path, role: &Role) -> String {
    let home = home.display();
    let common = format!(
        "compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = /dev/stdout
myhostname = mta.demo.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtputf8_enable = yes
alias_maps =
alias_database =
local_recipient_maps =
minimal_backoff_time = 1s
queue_run_delay = 1s
"
    );
    common
        + &match role {
            Role::Front { lmtp } => {
                let (host, port) = host_and_port(lmtp);
                format!(
                    "virtual_mailbox_domains = demo.test
virtual_mailbox_maps = static:all
virtual_transport = lmtp:inet:[{host}]:{port}
lmtp_destination_recipient_limit = 10
"
                )
            }
            Role::Smarthost { certificate, key } => format!(
                "virtual_mailbox_domains = far.test
virtual_transport = virtual
virtual_mailbox_base = {home}/mail/far.test
virtual_mailbox_maps = texthash:{home}/postfix/users
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {}
smtpd_tls_key_file = {}
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
",
                certificate.display(),
                key.display()
            ),
        }
}

fn master_cf(smtp: u16) -> String {
    let mut services = format!("127.0.0.1:{smtp} inet n - n - - smtpd\n");
    for (name, wakeup, limit, program) in [
        ("pickup", "60", "1", "pickup"),
        ("cleanup", "-", "0", "cleanup"),
        ("qmgr", "300", "1", "qmgr"),
        ("rewrite", "-", "-", "trivial-rewrite"),
        ("bounce", "-", "0", "bounce"),
        ("defer", "-", "0", "bounce"),
        ("trace", "-", "0", "bounce"),
        ("verify", "-", "1", "verify"),
        ("flush", "1000?", "0", "flush"),
        ("proxymap", "-", "-", "proxymap"),
        ("smtp", "-", "-", "smtp"),
        ("lmtp", "-", "-", "lmtp"),
        ("virtual", "-", "-", "virtual"),
        ("tlsmgr", "1000?", "1", "tlsmgr"),
        ("showq", "-", "-", "showq"),
        ("error", "-", "-", "error"),
        ("retry", "-", "-", "error"),
        ("discard", "-", "-", "discard"),
        ("anvil", "-", "1", "anvil"),
        ("scache", "-", "1", "scache"),
    ] {
        // It becomes the owner of each mailbox.
        let unprivileged = if name == "virtual" { "n" } else { "-" };
        let private = match name {
            "pickup" | "cleanup" | "qmgr" | "flush" | "showq" => "n",
            _ => "y",
        };
        writeln!(
            services,
            "{name} unix {private} {unprivileged} n {wakeup} {limit} {program}"
        )
        .expect("Postfix answers");
    }
    services + "postlog unix-dgram n - n - 1 postlogd\n"
}

/// Host and port of an `address:port`.
///
/// # Panics
/// If it is none.
pub fn host_and_port(address: &str) -> (String, String) {
    let (host, port) = address.rsplit_once(':').expect("an address has a port");
    (host.to_owned(), port.to_owned())
}

/// A port that nobody listens on now.
///
/// # Panics
/// If there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("a port is free").port()
}
