//! Real POP3 clients read what LMTP delivered: Python's poplib, curl, fetchmail, mpop, getmail6; by TLS from the first octet, by STLS and, on
//! loopback, in the clear. Each must show the octets that were delivered.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use fieldpost_tests::{
    Demo, lmtp, pop3,
    programs::{run, succeeded},
};

/// A demo server, its second account emptied, and the mails that were then delivered to it.
struct Post {
    demo: Demo,
    address: String,
    password: String,
    mails: Vec<Vec<u8>>,
    /// For what the clients need and make.
    room: PathBuf,
    _directory: tempfile::TempDir,
}

impl Post {
    fn delivered() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let demo = Demo::start(&directory.path().join("demo"));
        let room = directory.path().join("room");
        fs::create_dir(&room).unwrap();
        let (address, password) = demo.account(1);

        let mut session =
            pop3::Client::sign_in(&demo.address("pop3"), &address, &password).unwrap();
        for (number, _) in session.uidl().unwrap() {
            session.command(&format!("DELE {number}")).unwrap();
        }
        session.quit().unwrap();

        let mails = mails(&address);
        let mut lmtp = lmtp::Client::connect(&demo.address("lmtp")).unwrap();
        for mail in &mails {
            let replies = lmtp
                .deliver("sender@example.org", &[&address], mail)
                .unwrap();
            assert!(replies[0].starts_with("250 "), "{replies:?}");
        }
        Self {
            demo,
            address,
            password,
            mails,
            room,
            _directory: directory,
        }
    }

    fn ca(&self) -> String {
        self.demo.facts["ca"].as_str().unwrap().to_owned()
    }

    fn port(&self, key: &str) -> String {
        self.demo
            .address(key)
            .rsplit_once(':')
            .unwrap()
            .1
            .to_owned()
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.room.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// The unique ids of what is in the maildrop, read by the plainest client.
    fn unique_ids(&self) -> Vec<String> {
        let mut session =
            pop3::Client::sign_in(&self.demo.address("pop3"), &self.address, &self.password)
                .unwrap();
        let ids = session
            .uidl()
            .unwrap()
            .into_iter()
            .map(|(_, id)| id)
            .collect();
        session.quit().unwrap();
        ids
    }

    /// Demands that `read` is the mail of that number (from 0) behind the fields that a delivery adds. Line ends are compared as CRLF.
    fn assert_is(&self, number: usize, read: &[u8]) {
        let read = with_crlf(read);
        let mail = &self.mails[number];
        assert!(
            read.ends_with(mail),
            "mail {number}: {} octets read, {} delivered\n{}",
            read.len(),
            mail.len(),
            String::from_utf8_lossy(&read[..read.len().min(1000)])
        );
        let added = String::from_utf8_lossy(&read[..read.len() - mail.len()]).into_owned();
        assert!(
            added.contains("Return-Path: <sender@example.org>\r\n"),
            "{added}"
        );
        assert!(
            added.contains(&format!("Delivered-To: {}\r\n", self.address)),
            "{added}"
        );
    }

    /// The same for a directory of files with a mail each, in any order.
    fn assert_are_all(&self, directory: &Path) {
        let mut files: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| fs::read(entry.unwrap().path()).unwrap())
            .collect();
        assert_eq!(files.len(), self.mails.len());
        for number in 0..self.mails.len() {
            let marker = format!("Message-ID: <{number}@pop3-clients.test>");
            let place = files
                .iter()
                .position(|file| {
                    file.windows(marker.len())
                        .any(|part| part == marker.as_bytes())
                })
                .unwrap_or_else(|| panic!("mail {number} was not fetched"));
            self.assert_is(number, &files.swap_remove(place));
        }
    }
}

/// Mails that have broken servers or clients: dots, 8-bit text, long lines, size, no body.
fn mails(to: &str) -> Vec<Vec<u8>> {
    let bodies = [
        "Hello,\r\n\r\nsee you.\r\n".to_owned(),
        ".\r\n..\r\n...\r\n.dot\r\nend.\r\n.\r\n".to_owned(),
        "Gr\u{fc}\u{df}e aus K\u{f6}ln, \u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}, \u{4f60}\u{597d}\r\n".to_owned(),
        format!("{}\r\n", "long ".repeat(190)),
        "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n".repeat(6000),
        ".stuffed at every line\r\n".repeat(20_000),
        String::new(),
        "\r\n\r\n\r\n".to_owned(),
    ];
    let mail = |(number, body): (usize, String)| {
        format!(
            "From: Sender <sender@example.org>\r\nTo: {to}\r\nSubject: mail {number}\r\n\
             Date: Mon, 2 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{number}@pop3-clients.test>\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n{body}"
        )
        .into_bytes()
    };
    bodies.into_iter().enumerate().map(mail).collect()
}

fn with_crlf(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        let line = line
            .strip_suffix(b"\n")
            .map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out
}

#[test]
fn poplib() {
    let post = Post::delivered();
    let script = post.file("read.py", POPLIB);
    let sizes = |read: &[usize]| read.iter().sum::<usize>();
    for mode in ["ssl", "stls", "plain"] {
        let out = post.room.join(format!("poplib-{mode}"));
        fs::create_dir(&out).unwrap();
        let port = post.port(if mode == "ssl" { "pop3s" } else { "pop3" });
        let printed = succeeded(&run(
            "python3",
            Command::new("python3")
                .arg(&script)
                .args([mode, &port, &post.ca(), &post.address, &post.password])
                .arg(&out),
        ));
        let mut read = Vec::new();
        for number in 0..post.mails.len() {
            let mail = fs::read(out.join(number.to_string())).unwrap();
            post.assert_is(number, &mail);
            read.push(mail.len());
        }
        let facts: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(
            facts["stat"],
            serde_json::json!([post.mails.len(), sizes(&read)]),
            "{mode}"
        );
        assert_eq!(facts["sizes"], serde_json::json!(read), "{mode}");
        assert_eq!(
            facts["unique_ids"],
            serde_json::json!(post.unique_ids()),
            "{mode}"
        );
        assert_eq!(facts["tops_agree"], true, "{mode}");
    }
}

#[test]
fn curl() {
    let post = Post::delivered();
    let curl = |arguments: &[&str]| {
        let output = run(
            "curl",
            Command::new("curl")
                .args([
                    "--silent",
                    "--show-error",
                    "--max-time",
                    "60",
                    "--cacert",
                    &post.ca(),
                ])
                .args(["--user", &format!("{}:{}", post.address, post.password)])
                .args(arguments),
        );
        succeeded(&output);
        output.stdout
    };
    let (pop3, pop3s) = (post.port("pop3"), post.port("pop3s"));
    for options in [
        &[&*format!("pop3s://localhost:{pop3s}/")][..],
        &[&*format!("pop3://localhost:{pop3}/"), "--ssl-reqd"],
        &[
            &*format!("pop3s://localhost:{pop3s}/"),
            "--login-options",
            "AUTH=PLAIN",
            "--sasl-ir",
        ],
        &[
            &*format!("pop3s://localhost:{pop3s}/"),
            "--login-options",
            "AUTH=LOGIN",
        ],
    ] {
        let (url, options) = (options[0], &options[1..]);
        let listing = String::from_utf8(curl(&[&[url], options].concat())).unwrap();
        assert_eq!(listing.lines().count(), post.mails.len(), "{listing}");
        let unique = String::from_utf8(curl(&[&[url, "--list-only"], options].concat())).unwrap();
        assert_eq!(unique.lines().count(), post.mails.len(), "{unique}");
        for number in 0..post.mails.len() {
            let one = format!("{url}{}", number + 1);
            let mail = curl(&[&[&*one], options].concat());
            post.assert_is(number, &mail);
            let size = listing
                .lines()
                .nth(number)
                .unwrap()
                .split_once(' ')
                .unwrap()
                .1
                .trim()
                .to_owned();
            assert_eq!(
                size,
                mail.len().to_string(),
                "LIST tells the octets that RETR sends"
            );
        }
    }
    let ids = String::from_utf8(curl(&[
        &*format!("pop3s://localhost:{pop3s}/"),
        "--request",
        "UIDL",
    ]))
    .unwrap();
    let expected: Vec<_> = (1..)
        .zip(post.unique_ids())
        .map(|(number, id)| format!("{number} {id}"))
        .collect();
    assert_eq!(ids.lines().collect::<Vec<_>>(), expected);

    curl(&[
        &*format!("pop3s://localhost:{pop3s}/2"),
        "--request",
        "DELE",
        "--list-only",
    ]);
    assert_eq!(post.unique_ids().len(), post.mails.len() - 1);
}

#[test]
fn fetchmail() {
    let post = Post::delivered();
    let home = post.room.join("fetchmail");
    let maildir = post.room.join("fetched");
    for directory in [&home, &maildir] {
        fs::create_dir(directory).unwrap();
    }
    let fetch = |name: &str, options: &str, keep: &str| {
        let (port, tls) = match name {
            "pop3s" => (post.port("pop3s"), "ssl"),
            _ => (post.port("pop3"), "sslproto \"TLS1.2+\""),
        };
        let agent = post.file("agent", "#!/bin/sh\nexec cat > \"$1/$$\"\n");
        fs::set_permissions(&agent, fs::Permissions::from_mode(0o700)).unwrap();
        let config = post.file(
            "fetchmailrc",
            &format!(
                "set invisible\nset no bouncemail\npoll localhost service {port} protocol pop3 {options}\n\
                 user \"{}\" password \"{}\" {tls} sslcertck sslcertfile \"{}\" {keep}\n\
                 no rewrite no mimedecode\nmda \"{} {}\"\n",
                post.address,
                post.password,
                post.ca(),
                agent.display(),
                maildir.display(),
            ),
        );
        run(
            "fetchmail",
            Command::new("fetchmail")
                .env("FETCHMAILHOME", &home)
                .args(["--nodetach", "--nosyslog", "--fetchmailrc"])
                .arg(config),
        )
    };
    succeeded(&fetch("pop3s", "uidl", "keep fetchall"));
    post.assert_are_all(&maildir);
    // With its memory of unique ids, nothing is new (exit status 1: "there was no mail").
    assert_eq!(fetch("pop3s", "uidl", "keep").status.code(), Some(1));
    assert_eq!(fs::read_dir(&maildir).unwrap().count(), post.mails.len());

    for entry in fs::read_dir(&maildir).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    succeeded(&fetch("stls", "", "nokeep fetchall"));
    post.assert_are_all(&maildir);
    assert!(
        post.unique_ids().is_empty(),
        "what was fetched without `keep` is deleted"
    );
}

#[test]
fn mpop() {
    let post = Post::delivered();
    let ways = [
        ("pop3s", "off", "user"),
        ("pop3", "on", "plain"),
        ("pop3s", "off", "scram-sha-256"),
        ("pop3", "on", "login"),
    ];
    for (turn, (listener, starttls, auth)) in ways.into_iter().enumerate() {
        let keep = if turn + 1 < ways.len() { "on" } else { "off" };
        let maildir = post.room.join(format!("maildir-{turn}"));
        for part in ["new", "cur", "tmp"] {
            fs::create_dir_all(maildir.join(part)).unwrap();
        }
        let config = post.file(
            "mpoprc",
            &format!(
                "account default\nhost localhost\nport {}\ntls on\ntls_starttls {starttls}\ntls_trust_file {}\n\
                 auth {auth}\nuser {}\npassword \"{}\"\ndelivery maildir {}\nreceived_header off\nkeep {keep}\n\
                 uidls_file {}\n",
                post.port(listener),
                post.ca(),
                post.address,
                post.password,
                maildir.display(),
                post.room.join(format!("uidls-{turn}")).display(),
            ),
        );
        succeeded(&run(
            "mpop",
            Command::new("mpop").arg("--file").arg(&config),
        ));
        post.assert_are_all(&maildir.join("new"));
        if keep == "on" {
            succeeded(&run(
                "mpop",
                Command::new("mpop").arg("--file").arg(&config),
            ));
            let count = fs::read_dir(maildir.join("new")).unwrap().count();
            assert_eq!(count, post.mails.len(), "nothing is fetched twice");
        }
    }
    assert!(
        post.unique_ids().is_empty(),
        "what was fetched without `keep` is deleted"
    );
}

#[test]
fn getmail6() {
    let post = Post::delivered();
    let home = post.room.join("getmail");
    fs::create_dir(&home).unwrap();
    let agent = post.file("agent", "#!/bin/sh\nexec cat > \"$1/$$\"\n");
    fs::set_permissions(&agent, fs::Permissions::from_mode(0o700)).unwrap();
    let fetch = |retriever: &str, port: &str, out: &Path, delete: bool| {
        fs::create_dir_all(out).unwrap();
        let config = post.file(
            "getmailrc",
            &format!(
                "[retriever]\ntype = {retriever}\nserver = localhost\nport = {port}\nusername = {}\n\
                 password = {}\nca_certs = {}\n\n\
                 [destination]\ntype = MDA_external\npath = {}\narguments = (\"{}\",)\n\
                 allow_root_commands = true\n\n\
                 [options]\nread_all = false\ndelete = {delete}\nreceived = false\ndelivered_to = false\n",
                post.address,
                post.password,
                post.ca(),
                agent.display(),
                out.display(),
            ),
        );
        succeeded(&run(
            "getmail6",
            Command::new("getmail")
                .env("HOME", &home)
                .arg("--getmaildir")
                .arg(&home)
                .arg("--rcfile")
                .arg(config),
        ))
    };
    let count = |out: &Path| fs::read_dir(out).unwrap().count();
    let kept = post.room.join("getmail-kept");
    let (pop3, pop3s) = (post.port("pop3"), post.port("pop3s"));
    fetch("SimplePOP3SSLRetriever", &pop3s, &kept, false);
    post.assert_are_all(&kept);
    fetch("SimplePOP3SSLRetriever", &pop3s, &kept, false);
    assert_eq!(count(&kept), post.mails.len(), "nothing is fetched twice");

    // With another port it is another mailbox to getmail.
    let taken = post.room.join("getmail-taken");
    fetch("SimplePOP3Retriever", &pop3, &taken, true);
    post.assert_are_all(&taken);
    assert!(
        post.unique_ids().is_empty(),
        "what was fetched with `delete` is deleted"
    );
}

/// Reads the whole maildrop with every command that poplib has, and prints what it was told.
const POPLIB: &str = r#"
import json, poplib, ssl, sys

mode, port, ca, user, password, out = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
if mode == "ssl":
    box = poplib.POP3_SSL("localhost", int(port), context=context, timeout=60)
else:
    box = poplib.POP3("localhost", int(port), timeout=60)
if mode == "stls":
    assert "STLS" in box.capa()
    box.stls(context)
assert "UIDL" in box.capa()
box.user(user)
box.pass_(password)
assert "IMPLEMENTATION" in box.capa()
count, total = box.stat()
sizes = [int(line.split()[1]) for line in box.list()[1]]
unique_ids = [line.split()[1].decode() for line in box.uidl()[1]]
agree = True
for number in range(1, count + 1):
    lines = box.retr(number)[1]
    with open(f"{out}/{number - 1}", "wb") as file:
        file.write(b"".join(line + b"\r\n" for line in lines))
    end = lines.index(b"") + 1
    agree &= box.top(number, 0)[1] == lines[:end]
    agree &= box.top(number, 2)[1] == lines[:end + 2]
    agree &= box.uidl(number).split()[2].decode() == unique_ids[number - 1]
box.dele(1)
box.rset()
box.noop()
box.quit()
print(json.dumps({"stat": [count, total], "sizes": sizes, "unique_ids": unique_ids, "tops_agree": agree}))
"#;
