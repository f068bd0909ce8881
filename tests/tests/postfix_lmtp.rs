//! Debian's Postfix delivers over LMTP, and Debian's fetchers read what it delivered.
//!
//! Postfix runs with a configuration, a queue and a port of its own, all below a temporary directory, so that the
//! system's Postfix is never touched. Its master process insists on being root.
#![allow(clippy::unwrap_used)]

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

use fieldpost_tests::{Demo, lines::Lines, pop3, programs};

/// Postfix takes mail by SMTP, hands it over by LMTP, and tells the sender of the recipient that does not exist.
#[test]
fn postfix_delivers_and_fetchers_read() {
    let home = tempfile::tempdir().unwrap();
    let demo = Demo::start(&home.path().join("demo"));
    let postfix = Postfix::start(home.path(), &demo.address("lmtp"));
    let ((alice, alice_password), (bob, _)) = (demo.account(0), demo.account(1));

    let subject = "Postfix says: gr\u{fc}\u{df}e \u{2709}";
    let body = format!(
        ".a dot\r\n..two dots\r\n.\r\nlast \u{e9}t\u{e9}\r\n{}\r\n",
        "x".repeat(900)
    );
    let message = format!(
        "From: <{bob}>\r\nTo: <{alice}>\r\nSubject: {subject}\r\nMessage-ID: <postfix-test@demo.test>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}"
    );
    postfix.submit(&bob, &[&alice, &bob, "nobody@demo.test"], &message);

    // Each recipient's fate, as Postfix's log tells it.
    postfix.wait_for(1, &[&format!("to=<{alice}>"), "status=sent (250 2.0.0"]);
    postfix.wait_for(1, &["to=<nobody@demo.test>", "status=bounced", "550 5.1.1"]);
    // Bob gets the message, and the notice that nobody did not.
    postfix.wait_for(2, &[&format!("to=<{bob}>"), "status=sent (250 2.0.0"]);

    let copy = by_pop3(&demo, 0, subject);
    assert!(
        copy.starts_with(&format!(
            "Return-Path: <{bob}>\r\nDelivered-To: {alice}\r\nReceived: from mta.demo.test"
        )),
        "{copy}"
    );
    assert!(copy.ends_with(&format!("\r\n\r\n{body}")), "{copy}");
    assert!(by_pop3(&demo, 1, subject).contains(&format!("Delivered-To: {bob}\r\n")));
    let notice = by_pop3(&demo, 1, "Undelivered Mail Returned to Sender");
    assert!(notice.starts_with("Return-Path: <>\r\n"), "{notice}");
    assert!(notice.contains("nobody@demo.test"));

    let fetched = [
        by_curl(&demo, &alice, &alice_password),
        by_poplib(&demo, &alice, &alice_password),
        by_mpop(home.path(), &demo, &alice, &alice_password),
    ];
    for (mail, fetcher) in fetched.iter().zip(["curl", "poplib", "mpop"]) {
        assert!(mail.contains(subject), "{fetcher} has not fetched it");
        assert!(mail.contains("\n..two dots"), "{fetcher}: dots");
        assert!(mail.contains(&"x".repeat(900)), "{fetcher}: long line");
    }
}

/// The message with that subject, read by our own plain client.
fn by_pop3(demo: &Demo, account: usize, subject: &str) -> String {
    let (address, password) = demo.account(account);
    let mut client = pop3::Client::sign_in(&demo.address("pop3"), &address, &password).unwrap();
    let numbers: Vec<u32> = client
        .uidl()
        .unwrap()
        .into_iter()
        .map(|(number, _)| number)
        .collect();
    let heads = client.tops(&numbers).unwrap();
    let number = heads
        .iter()
        .position(|head| String::from_utf8_lossy(head).contains(subject))
        .unwrap_or_else(|| panic!("no message with subject {subject:?} for {address}"));
    let message = client.retr(numbers[number]).unwrap();
    client.quit().unwrap();
    String::from_utf8(message).unwrap()
}

/// `curl pop3s://` reads the newest message.
fn by_curl(demo: &Demo, user: &str, password: &str) -> String {
    let (host, port) = host_and_port(&demo.address("pop3s"));
    let ca = demo.facts["ca"].as_str().unwrap();
    let curl = |path: &str| {
        let url = format!("pop3s://{host}:{port}/{path}");
        let arguments = ["--silent", "--show-error", "--cacert", ca];
        let mut command = Command::new("curl");
        command
            .args(arguments)
            .args(["--user", &format!("{user}:{password}"), &url]);
        programs::succeeded(&programs::run("curl", &mut command))
    };
    let newest = curl("").lines().count();
    curl(&newest.to_string())
}

/// Python's poplib reads the newest message.
fn by_poplib(demo: &Demo, user: &str, password: &str) -> String {
    const SCRIPT: &str = "
import poplib, ssl, sys
host, port, ca, user, password = sys.argv[1:]
box = poplib.POP3_SSL(host, int(port), context=ssl.create_default_context(cafile=ca))
box.user(user)
box.pass_(password)
count, size = box.stat()
sys.stdout.buffer.write(b'\\n'.join(box.retr(count)[1]))
box.quit()
";
    let (host, port) = host_and_port(&demo.address("pop3s"));
    let ca = demo.facts["ca"].as_str().unwrap();
    let mut command = Command::new("python3");
    command.args([
        "-c",
        SCRIPT,
        host.as_str(),
        port.as_str(),
        ca,
        user,
        password,
    ]);
    programs::succeeded(&programs::run("python3", &mut command))
}

/// mpop fetches all mail into an mbox file.
fn by_mpop(home: &Path, demo: &Demo, user: &str, password: &str) -> String {
    let (host, port) = host_and_port(&demo.address("pop3s"));
    let ca = demo.facts["ca"].as_str().unwrap();
    let mbox = home.join("mpop.mbox");
    let configuration = home.join("mpoprc");
    let text = format!(
        "account default\nhost {host}\nport {port}\ntls on\ntls_starttls off\ntls_trust_file {ca}\nuser {user}\n\
         password {password}\nkeep on\nuidls_file {}\ndelivery mbox {}\n",
        home.join("uidls").display(),
        mbox.display()
    );
    fs::write(&configuration, text).unwrap();
    fs::set_permissions(&configuration, fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = Command::new("mpop");
    command.arg("--file").arg(&configuration).env("HOME", home);
    programs::succeeded(&programs::run("mpop", &mut command));
    String::from_utf8_lossy(&fs::read(mbox).unwrap()).into_owned()
}

fn host_and_port(address: &str) -> (String, String) {
    let (host, port) = address.rsplit_once(':').unwrap();
    (host.to_owned(), port.to_owned())
}

/// A Postfix of our own; stopped when dropped.
struct Postfix {
    configuration: PathBuf,
    smtp: u16,
    child: Child,
    log: Receiver<String>,
    /// The log so far.
    seen: RefCell<Vec<String>>,
}

impl Postfix {
    /// Starts one below `home` that hands mail for demo.test over to `lmtp`.
    fn start(home: &Path, lmtp: &str) -> Self {
        // Its processes run as users of their own, who must find their way to the queue.
        fs::set_permissions(home, fs::Permissions::from_mode(0o755)).unwrap();
        let configuration = home.join("postfix");
        for directory in ["postfix", "queue", "data"] {
            fs::create_dir(home.join(directory)).unwrap();
        }
        programs::succeeded(&programs::run(
            "postfix",
            Command::new("chown").arg("postfix").arg(home.join("data")),
        ));
        let smtp = free_port();
        fs::write(configuration.join("main.cf"), main_cf(home, lmtp)).unwrap();
        fs::write(configuration.join("master.cf"), master_cf(smtp)).unwrap();
        let mut child = Command::new("postfix")
            .arg("-c")
            .arg(&configuration)
            .arg("start-fg")
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("postfix starts; `apt-get install postfix` if it is not there");
        let stdout = child.stdout.take().unwrap();
        let (sender, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let postfix = Self {
            configuration,
            smtp,
            child,
            log,
            seen: RefCell::default(),
        };
        postfix.wait_for(1, &["daemon started"]);
        postfix
    }

    /// Sends a message by SMTP.
    fn submit(&self, sender: &str, recipients: &[&str], message: &str) {
        let mut smtp = Lines::connect(&format!("127.0.0.1:{}", self.smtp)).unwrap();
        let mut expect = |command: Option<String>, code: &str| {
            if let Some(command) = command {
                smtp.send(command.as_bytes()).unwrap();
            }
            loop {
                let line = smtp.line().unwrap();
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
    fn wait_for(&self, count: usize, parts: &[&str]) {
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

fn main_cf(home: &Path, lmtp: &str) -> String {
    let home = home.display();
    let (host, port) = host_and_port(lmtp);
    format!(
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
virtual_mailbox_domains = demo.test
virtual_mailbox_maps = static:all
virtual_transport = lmtp:inet:[{host}]:{port}
lmtp_destination_recipient_limit = 10
"
    )
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
        ("showq", "-", "-", "showq"),
        ("error", "-", "-", "error"),
        ("retry", "-", "-", "error"),
        ("discard", "-", "-", "discard"),
        ("anvil", "-", "1", "anvil"),
        ("scache", "-", "1", "scache"),
    ] {
        let private = match name {
            "pickup" | "cleanup" | "qmgr" | "flush" | "showq" => "n",
            _ => "y",
        };
        writeln!(
            services,
            "{name} unix {private} - n {wakeup} {limit} {program}"
        )
        .unwrap();
    }
    services + "postlog unix-dgram n - n - 1 postlogd\n"
}

/// A port that nobody listens on now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
