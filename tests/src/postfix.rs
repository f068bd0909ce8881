//! A Postfix of our own: in front of the server, handing mail over by LMTP, or behind it, as its smarthost.
//!
//! It runs with a configuration, a queue and a port of its own, all below a temporary directory, so that the system's Postfix
//! is never touched. Its master process insists on being root.

use std::{
    collections::HashSet,
    fmt::Write as _,
    fs::{self, File},
    io,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::fs::{CWD, FileType, Mode};

use crate::{log::Log, programs, smtp};

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
    smtp: u16,
    role: Role,
    child: Option<Child>,
    /// Keeps the pipe open that the log goes through, whatever program of Postfix's opens and closes it.
    pipe: Option<File>,
    /// What each of its lives said.
    logs: Vec<Log>,
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
        let configuration = home.join("postfix");
        fs::write(configuration.join("users"), users).expect("the directory is ours");
        fs::write(configuration.join("master.cf"), master_cf(smtp)).expect("the directory is ours");
        let mut postfix = Self {
            home: home.to_owned(),
            smtp,
            role: role.clone(),
            child: None,
            pipe: None,
            logs: Vec::new(),
        };
        postfix.start_again();
        postfix
    }

    /// Starts it on what it left, after [`Self::kill`]. It says `life2.mta.demo.test` in its second life when it delivers, and so on.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "it is running");
        let configuration = self.configuration();
        let life = self.logs.len() + 1;
        let text = main_cf(&self.home, &self.role, life);
        fs::write(configuration.join("main.cf"), text).expect("the directory is ours");
        let log = Log::default();
        let pipe = self.home.join(format!("log{life}"));
        self.pipe = Some(make_pipe(&pipe).expect("the directory is ours"));
        log.hear(File::open(&pipe).expect("a pipe opens"));
        let child = Command::new("postfix")
            .arg("-c")
            .arg(configuration)
            .arg("start-fg")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postfix starts; `apt-get install postfix` if it is not there");
        self.logs.push(log.clone());
        self.child = Some(child);
        log.wait_for(1, &["daemon started"]);
    }

    /// kill -9 for all its processes.
    ///
    /// # Panics
    /// If it is not running.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it is running");
        // The master leads a group of its own, which all its processes are in.
        let pid = fs::read_to_string(self.home.join("queue/pid/master.pid"));
        let group = format!("-{}", pid.expect("the master's pid is written").trim());
        let mut kill = Command::new("kill");
        kill.args(["-KILL", "--", &group]);
        programs::succeeded(&programs::run("procps", &mut kill));
        drop(child.wait());
        self.pipe = None;
    }

    /// What each of its lives said, the last one still goes on.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// Waits until its queue is empty; nobody may bring it mail meanwhile.
    ///
    /// # Panics
    /// If that takes more than five minutes.
    pub fn drained(&self) {
        let mut left: HashSet<String> = self.queue().into_iter().collect();
        if left.is_empty() {
            return;
        }
        self.flush();
        let log = self.logs.last().expect("it was started");
        let what = format!("the end of {left:?}");
        log.read_until(&what, Duration::from_mins(5), |line| {
            if let Some(id) = line
                .strip_suffix(": removed")
                .and_then(|line| line.rsplit(' ').next())
            {
                left.remove(id);
            }
            left.is_empty()
        });
    }

    /// Tries all that waits in its queue now.
    ///
    /// # Panics
    /// If that can't be asked for.
    pub fn flush(&self) {
        self.postqueue("-f");
    }

    /// The ids of what is in its queue.
    fn queue(&self) -> Vec<String> {
        let printed = self.postqueue("-j");
        let rows = printed.lines().map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("postqueue prints JSON")
        });
        rows.map(|row| {
            row["queue_id"]
                .as_str()
                .expect("an id is a string")
                .to_owned()
        })
        .collect()
    }

    fn postqueue(&self, option: &str) -> String {
        let mut postqueue = Command::new("postqueue");
        postqueue.arg("-c").arg(self.configuration()).arg(option);
        programs::succeeded(&programs::run("postfix", &mut postqueue))
    }

    fn configuration(&self) -> PathBuf {
        self.home.join("postfix")
    }

    /// Where it takes mail.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.smtp)
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

    /// Sends a message by SMTP.
    ///
    /// # Panics
    /// If it is not taken.
    pub fn submit(&self, sender: &str, recipients: &[&str], message: &str) {
        let mut client = smtp::Client::connect(&self.address()).expect("Postfix answers");
        let parameters = "BODY=8BITMIME SMTPUTF8";
        let sent = client.send(sender, parameters, recipients, message);
        sent.expect("Postfix takes it");
        client.command("QUIT", "221").expect("Postfix answers");
    }

    /// Waits until `count` log lines of its present life hold all of `parts`.
    ///
    /// # Panics
    /// If that takes more than a minute.
    pub fn wait_for(&self, count: usize, parts: &[&str]) {
        let log = self.logs.last().expect("it was started");
        log.wait_for(count, parts);
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let mut stop = Command::new("postfix");
        stop.arg("-c").arg(self.configuration()).arg("stop");
        stop.stderr(Stdio::null()).stdout(Stdio::null());
        drop(stop.status());
        drop(child.wait());
    }
}

/// Makes a pipe for the log of one life, and opens it; the next life has another, because the first one's end may be noticed late. Standard
/// output can't be opened by those of Postfix's programs that are not root.
fn make_pipe(path: &Path) -> io::Result<File> {
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
    File::options().read(true).write(true).open(path)
}

fn main_cf(home: &Path, role: &Role, life: usize) -> String {
    let home = home.display();
    let common = format!(
        "compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/log{life}
maillog_file_prefixes = {home}
myhostname = mta.demo.test
lmtp_lhlo_name = life{life}.$myhostname
enable_long_queue_ids = yes
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
maximal_backoff_time = 2s
queue_run_delay = 1s
in_flow_delay = 0
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
