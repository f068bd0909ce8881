//! Accounts that move here from a real Dovecot: its Maildir read from disk, and mail that it keeps in sdbox by IMAP and POP3.
//! mbsync and fetchmail, which had fetched all mail there, must find nothing to fetch here.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use fieldpost_tests::{
    Demo, Dovecot,
    programs::{self, run, succeeded},
};
use serde_json::Value;

/// A Dovecot with an account full of mail, a fieldpost with an empty one of the same address, and clients that know the former.
struct Move {
    dovecot: Dovecot,
    demo: Demo,
    address: String,
    room: PathBuf,
    _directory: tempfile::TempDir,
}

const PASSWORD: &str = "a long enough password";

/// Messages that the account has in all.
const MESSAGES: u64 = 71;

/// Those of its inbox.
const INBOX: usize = 57;

impl Move {
    fn prepare(format: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let (there, room) = (
            directory.path().join("dovecot"),
            directory.path().join("room"),
        );
        for path in [&there, &room] {
            fs::create_dir(path).unwrap();
        }
        let dovecot = Dovecot::start_to_move_from(&there, format);
        let demo = Demo::start(&directory.path().join("demo"));
        let (other, _) = demo.account(0);
        let address = format!("carla@{}", other.rsplit_once('@').unwrap().1);
        let moving = Self {
            dovecot,
            demo,
            address,
            room,
            _directory: directory,
        };
        moving.imap(FILL);
        // The folders there are older than the account here, as those of one that moves are. Dovecot's clock for them runs
        // ahead where many are made at once.
        let status = ["-f", "tab", "mailbox", "status", "-u", &moving.address];
        let folders = moving
            .dovecot
            .doveadm(&[&status[..], &["uidvalidity", "*"]].concat());
        // Behind the names of the columns.
        for (number, line) in folders.lines().enumerate().skip(1) {
            let folder = line.split('\t').next().unwrap();
            let validity = (1_500_000_000 + number).to_string();
            moving.dovecot.doveadm(&[
                "mailbox",
                "update",
                "-u",
                &moving.address,
                "--uid-validity",
                &validity,
                folder,
            ]);
        }
        let added = moving.fieldpost(
            &["account", "add", &moving.address, "--password-stdin"],
            PASSWORD,
        );
        succeeded(&added);
        moving
    }

    /// Runs fieldpost's command line, which talks to the running server.
    fn fieldpost(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(programs::fieldpost())
            .args(arguments)
            .arg("--config")
            .arg(self.demo.directory().join("fieldpost.toml"))
            .arg("--json")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // One that reads no input may be gone by now.
        drop(stdin.write_all(input.as_bytes()));
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    fn import(&self, arguments: &[&str], password: &str) -> Value {
        let output = self.fieldpost(&[&["import", &self.address], arguments].concat(), password);
        serde_json::from_str(&succeeded(&output)).unwrap()
    }

    /// Runs a Python program that has `imap`, signed in to Dovecot.
    fn imap(&self, program: &str) {
        let script = self.room.join("imap.py");
        fs::write(&script, format!("{SIGN_IN}{program}")).unwrap();
        let output = run(
            "python3",
            Command::new("python3")
                .arg(script)
                .arg(port(&self.dovecot.address))
                .args([&self.address, Dovecot::PASSWORD]),
        );
        succeeded(&output);
    }

    /// Synchronises both ways.
    fn mbsync(&self, whose: &Account<'_>) {
        let near = self.room.join("near");
        fs::create_dir_all(&near).unwrap();
        let config = self.room.join("mbsyncrc");
        let text = format!(
            "IMAPAccount far\nHost 127.0.0.1\nPort {}\nUser {}\nPass \"{}\"\nSSLType None\nAuthMechs LOGIN\n\n\
             IMAPStore far\nAccount far\n\nMaildirStore near\nPath {near}/\nInbox {near}/INBOX\nSubFolders Verbatim\n\n\
             Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nRemove None\nExpunge Both\nSyncState *\n",
            port(whose.imap),
            self.address,
            whose.password,
            near = near.display(),
        );
        fs::write(&config, text).unwrap();
        let output = run(
            "isync",
            Command::new("mbsync").arg("-c").arg(config).arg("-a"),
        );
        succeeded(&output);
    }

    /// fetchmail's exit code: 1 = there was nothing new.
    fn fetchmail(&self, whose: &Account<'_>) -> Option<i32> {
        let (home, out) = (self.room.join("fetchmail"), self.room.join("fetched"));
        for path in [&home, &out] {
            fs::create_dir_all(path).unwrap();
        }
        let agent = self.room.join("agent");
        fs::write(&agent, "#!/bin/sh\nexec cat > \"$1/$$\"\n").unwrap();
        fs::set_permissions(&agent, fs::Permissions::from_mode(0o700)).unwrap();
        let config = self.room.join("fetchmailrc");
        let text = format!(
            "set invisible\nset no bouncemail\npoll localhost service {} protocol pop3 uidl\n\
             user \"{}\" password \"{}\" sslproto \"\" keep\nno rewrite no mimedecode\nmda \"{} {}\"\n",
            port(whose.pop3),
            self.address,
            whose.password,
            agent.display(),
            out.display(),
        );
        fs::write(&config, text).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        let output = run(
            "fetchmail",
            Command::new("fetchmail")
                .env("FETCHMAILHOME", &home)
                // Root's would be the same for all that run at once.
                .arg("--pidfile")
                .arg(home.join("pid"))
                .args(["--nodetach", "--nosyslog", "--fetchmailrc"])
                .arg(config),
        );
        output.status.code()
    }

    /// How many messages fetchmail has fetched in all.
    fn fetched(&self) -> usize {
        fs::read_dir(self.room.join("fetched")).unwrap().count()
    }

    /// The account on its old server.
    fn there(&self) -> Account<'_> {
        Account {
            imap: &self.dovecot.address,
            pop3: &self.dovecot.pop3,
            password: Dovecot::PASSWORD,
        }
    }

    fn with_here<T>(&self, act: impl FnOnce(&Account<'_>) -> T) -> T {
        act(&Account {
            imap: &self.demo.address("imap"),
            pop3: &self.demo.address("pop3"),
            password: PASSWORD,
        })
    }

    /// All mail that mbsync has here, by path, flags in the name included.
    fn near(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut open = vec![self.room.join("near")];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(&directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else if directory.ends_with("cur") || directory.ends_with("new") {
                    found.insert(path.clone(), fs::read(&path).unwrap());
                }
            }
        }
        found
    }

    /// What is in the account's folders here.
    fn folders(&self) -> Value {
        let output = self.fieldpost(&["folder", "list", &self.address], "");
        serde_json::from_str(&succeeded(&output)).unwrap()
    }

    fn clients_fetch_all_there(&self) {
        self.mbsync(&self.there());
        // Until nothing is left to tell each other.
        self.mbsync(&self.there());
        assert_eq!(self.near().len() as u64, MESSAGES);
        assert_eq!(self.fetchmail(&self.there()), Some(0));
        assert_eq!(self.fetched(), INBOX);
    }

    fn clients_fetch_nothing_here(&self) {
        let before = (self.near(), self.folders());
        self.with_here(|here| self.mbsync(here));
        assert_eq!((self.near(), self.folders()), before);
        assert_eq!(self.with_here(|here| self.fetchmail(here)), Some(1));
        assert_eq!(self.fetched(), INBOX);
    }

    /// One new message in the inbox there, and one that is marked otherwise.
    fn something_happens_there(&self) {
        self.imap(
            "imap.append('INBOX', None, None, message('latest'))\n\
             imap.select('INBOX')\n\
             imap.uid('STORE', '5', '+FLAGS', '(\\\\Flagged later)')\n",
        );
    }

    /// After [`Self::something_happens_there`] and one more import.
    fn clients_fetch_that_here(&self) {
        let before = self.near();
        self.with_here(|here| self.mbsync(here));
        let after = self.near();
        assert_eq!(after.len(), before.len() + 1);
        // The one that is flagged has another name by now.
        let renamed = before.keys().filter(|path| !after.contains_key(*path));
        assert_eq!(renamed.count(), 1);
        assert_eq!(self.with_here(|here| self.fetchmail(here)), Some(0));
        assert_eq!(self.fetched(), INBOX + 1);
    }
}

/// Where an account is read.
struct Account<'a> {
    imap: &'a str,
    pop3: &'a str,
    password: &'a str,
}

fn port(address: &str) -> &str {
    address.rsplit_once(':').unwrap().1
}

#[test]
fn a_maildir_on_disk() {
    let moving = Move::prepare("maildir");
    moving.clients_fetch_all_there();
    let mail = moving.dovecot.mail(&moving.address);
    let import = || moving.import(&["--maildir", mail.to_str().unwrap()], "");
    let answer = import();
    assert_eq!(answer["items"], MESSAGES, "{answer}");
    assert_eq!(answer["left_out"], serde_json::json!([]));
    moving.clients_fetch_nothing_here();

    assert_eq!(import()["items"], 0);
    moving.something_happens_there();
    let answer = import();
    assert_eq!(
        (&answer["items"], &answer["changed"]),
        (&1.into(), &1.into()),
        "{answer}"
    );
    moving.clients_fetch_that_here();
}

#[test]
fn an_sdbox_by_imap_and_pop3() {
    let moving = Move::prepare("sdbox");
    moving.clients_fetch_all_there();
    let user = format!("{}*master", moving.address);
    let run_it = |more: &[&str]| {
        let arguments = [
            &[
                "--imap",
                &moving.dovecot.address,
                "--pop3",
                &moving.dovecot.pop3,
            ][..],
            &["--tls", "starttls", "--user", &user, "--password-stdin"],
            more,
        ]
        .concat();
        moving.fieldpost(
            &[&["import", &moving.address][..], &arguments].concat(),
            Dovecot::MASTER_PASSWORD,
        )
    };
    // A certificate that nobody vouches for is not believed, nor another one than the one named.
    let other = "00".repeat(32);
    for more in [&[][..], &["--fingerprint", &other]] {
        let refused = run_it(more);
        assert!(!refused.status.success());
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("--fingerprint"), "{said}");
    }
    let pinned = ["--fingerprint", &moving.dovecot.fingerprint];
    let import = |more: &[&str]| -> Value {
        let output = run_it(&[&pinned[..], more].concat());
        serde_json::from_str(&succeeded(&output)).unwrap()
    };
    let answer = import(&["--dry-run"]);
    assert_eq!(answer["items"], MESSAGES, "{answer}");
    let answer = import(&[]);
    assert_eq!(answer["items"], MESSAGES, "{answer}");
    assert_eq!(answer["left_out"], serde_json::json!([]));
    moving.clients_fetch_nothing_here();

    let answer = import(&[]);
    assert_eq!(
        (&answer["items"], &answer["known"]),
        (&0.into(), &MESSAGES.into())
    );
    moving.something_happens_there();
    let answer = import(&[]);
    assert_eq!(
        (&answer["items"], &answer["changed"]),
        (&1.into(), &1.into()),
        "{answer}"
    );
    moving.clients_fetch_that_here();
}

/// A connection that breaks costs nothing but another run: what came stays, and nothing comes twice.
#[test]
fn a_connection_that_breaks_off_and_another_run() {
    let moving = Move::prepare("sdbox");
    moving.clients_fetch_all_there();
    let arguments = |imap: &str| -> Vec<String> {
        [
            "import",
            &moving.address,
            "--imap",
            imap,
            "--tls",
            "none",
            "--connections",
            "1",
        ]
        .into_iter()
        .chain(["--pop3", &moving.dovecot.pop3, "--password-stdin"])
        .map(String::from)
        .collect()
    };
    let proxy = cutting(&moving.dovecot.address, 150_000);
    let arguments_of = arguments(&proxy);
    let arguments_of: Vec<&str> = arguments_of.iter().map(String::as_str).collect();
    let broken = moving.fieldpost(&arguments_of, Dovecot::PASSWORD);
    assert_eq!(broken.status.code(), Some(75), "{broken:?}");
    let said = String::from_utf8_lossy(&broken.stderr).into_owned();
    assert!(said.contains("run the same command again"), "{said}");

    let arguments_of = arguments(&moving.dovecot.address);
    let arguments_of: Vec<&str> = arguments_of.iter().map(String::as_str).collect();
    let output = moving.fieldpost(&arguments_of, Dovecot::PASSWORD);
    let answer: Value = serde_json::from_str(&succeeded(&output)).unwrap();
    let (items, known) = (
        answer["items"].as_u64().unwrap(),
        answer["known"].as_u64().unwrap(),
    );
    assert_eq!(items + known, MESSAGES, "{answer}");
    assert!(items > 0 && known > 0, "{answer}");
    moving.clients_fetch_nothing_here();
}

/// Passes connections on to `server`, and cuts each off after so many bytes from there; its address.
fn cutting(server: &str, bytes: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = server.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            let server = TcpStream::connect(&server).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || drop(std::io::copy(&mut from, &mut to)));
            let mut out = client;
            drop(std::io::copy(&mut (&server).take(bytes), &mut out));
            drop(out.shutdown(std::net::Shutdown::Both));
            drop(server.shutdown(std::net::Shutdown::Both));
        }
    });
    address
}

/// Kept apart from [`FILL`], which comes behind it.
const SIGN_IN: &str = r"
import imaplib, sys
port, user, password = sys.argv[1:]
imap = imaplib.IMAP4('127.0.0.1', int(port))
imap.login(user, password)

def message(name, size=200):
    text = f'From: a@example.org\r\nTo: {user}\r\nSubject: {name}\r\nMessage-ID: <{name}@moving.test>\r\n\r\n'
    return (text + ('A line of text.\r\n' * (size // 17 + 1))).encode()

def must(answer):
    assert answer[0] == 'OK', answer
";

/// An inbox with holes in its uids, folders in folders, flags, keywords, dates, an empty folder, subscriptions.
const FILL: &str = r#"
for number in range(60):
    flags = ['', '(\\Seen)', '(\\Seen \\Answered work)', '(\\Flagged $Forwarded)'][number % 4]
    date = '"%02d-Jan-2020 10:%02d:00 +0100"' % (number % 28 + 1, number)
    must(imap.append('INBOX', flags, date, message(f'inbox-{number}', 100 * number)))
must(imap.select('INBOX'))
for uid in 3, 20, 60:
    must(imap.uid('STORE', str(uid), '+FLAGS', '(\\Deleted)'))
must(imap.expunge())
for folder, count in ('Projects/2024/Q1', 5), ('Entw&APw-rfe', 3), ('Sent', 4), ('Archive', 2), ('Empty', 0):
    imap.create(f'"{folder}"')
    for number in range(count):
        must(imap.append(f'"{folder}"', '(\\Seen)', None, message(f'{folder.replace("/", "-")}-{number}', 5000)))
must(imap.subscribe('"Projects/2024/Q1"'))
imap.logout()
"#;
