//! Thunderbird, without a window, against the demo server: a profile with one account, as a user has it. It signs in, finds the
//! folders, takes all mail into its offline store, is told of what happens while it idles, and what it changes the server has. What its
//! user writes goes out by submission, and one copy of it stays in Sent.
#![allow(clippy::unwrap_used)]

use std::{
    fmt::Write,
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use fieldpost_tests::{Changes, Post, imap, marionette::Marionette};
use serde_json::{Value, json};

const SCRIPT: &str = include_str!("../clients/thunderbird.js");

struct Thunderbird {
    child: Child,
    control: Option<Marionette>,
}

impl Thunderbird {
    /// Starts it with a new profile in the room of `post`, and waits until it can be told what to do.
    fn start(post: &Post) -> Self {
        let profile = post.room.join("profile");
        fs::create_dir_all(profile.join(STORE)).unwrap();
        fs::write(profile.join("user.js"), preferences(post)).unwrap();
        let mut child = Command::new("thunderbird")
            .args(["--headless", "--no-remote", "--marionette"])
            // Without it newer versions keep scripts out of the chrome context; older ones pass it over.
            .arg("--remote-allow-system-access")
            .arg("--profile")
            .arg(&profile)
            .env("HOME", &post.room)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("thunderbird runs (`./test` installs it)");
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut thunderbird = Self {
            child,
            control: None,
        };
        let mut said = String::new();
        let port = loop {
            let start = said.len();
            let read = lines.read_line(&mut said).unwrap();
            assert!(read > 0, "thunderbird does not listen: {said}");
            if let Some((_, port)) = said[start..].split_once("Listening on port ") {
                break port.trim().parse().unwrap();
            }
        };
        // The rest is read and forgotten, so that Thunderbird never waits for us.
        thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        thunderbird.control = Some(Marionette::connect(port).unwrap());
        thunderbird
    }

    fn call(&mut self, function: &str, arguments: &Value) -> Value {
        let control = self.control.as_mut().unwrap();
        control.call(SCRIPT, function, arguments).unwrap()
    }

    /// Ends it as a user does.
    fn quit(mut self) {
        self.control.take().unwrap().quit().unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Thunderbird {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One IMAP account over TLS, which is not asked at a timer: what comes unasked comes by IDLE.
fn preferences(post: &Post) -> String {
    let port: u16 = post.port("imaps").parse().unwrap();
    let preferences = [
        ("marionette.port", json!(0)),
        ("mail.accountmanager.accounts", json!("account1")),
        ("mail.accountmanager.defaultaccount", json!("account1")),
        ("mail.account.account1.server", json!("server1")),
        ("mail.account.account1.identities", json!("id1")),
        ("mail.identity.id1.useremail", json!(post.address)),
        ("mail.identity.id1.valid", json!(true)),
        ("mail.server.server1.type", json!("imap")),
        ("mail.server.server1.hostname", json!("localhost")),
        (
            "mail.server.server1.directory-rel",
            json!(format!("[ProfD]{STORE}")),
        ),
        ("mail.server.server1.port", json!(port)),
        ("mail.server.server1.userName", json!(post.address)),
        // TLS from the first octet, a plain password in it.
        ("mail.server.server1.socketType", json!(3)),
        ("mail.server.server1.authMethod", json!(3)),
        ("mail.smtpservers", json!("smtp1")),
        ("mail.smtp.defaultserver", json!("smtp1")),
        ("mail.smtpserver.smtp1.hostname", json!("localhost")),
        ("mail.smtpserver.smtp1.username", json!(post.address)),
        ("mail.smtpserver.smtp1.authMethod", json!(3)),
        // It has the password only when we have told it.
        ("mail.server.server1.login_at_startup", json!(false)),
        ("mail.server.server1.check_new_mail", json!(false)),
        ("mail.server.server1.use_idle", json!(true)),
        ("mail.server.server1.offline_download", json!(true)),
        ("mail.server.server1.autosync_offline_stores", json!(true)),
        // Nothing of what it does on its own at a first start.
        ("mail.provider.suppress_dialog_on_startup", json!(true)),
        ("mail.spotlight.firstRunDone", json!(true)),
        ("mail.rights.version", json!(1)),
        ("datareporting.policy.dataSubmissionEnabled", json!(false)),
        ("app.update.enabled", json!(false)),
        ("extensions.update.enabled", json!(false)),
        ("network.captive-portal-service.enabled", json!(false)),
        ("network.connectivity-service.enabled", json!(false)),
    ];
    let mut text = String::new();
    for (name, value) in preferences {
        writeln!(text, "user_pref(\"{name}\", {value});").unwrap();
    }
    text
}

/// The messages in Thunderbird's offline store of the inbox.
fn stored(post: &Post) -> Vec<Vec<u8>> {
    let store = post.room.join("profile").join(STORE).join("INBOX");
    // It is made with the first message.
    let mbox = fs::read(store).unwrap_or_default();
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for line in mbox.split_inclusive(|octet| *octet == b'\n') {
        if line.starts_with(b"From - ") {
            messages.push(Vec::new());
        } else if let Some(message) = messages.last_mut() {
            message.extend_from_slice(line);
        }
    }
    // An empty line ends each message in an mbox; one that is being written has none yet.
    for message in &mut messages {
        let end = [&b"\r\n"[..], b"\n"];
        if let Some(end) = end.into_iter().find(|end| message.ends_with(end)) {
            message.truncate(message.len() - end.len());
        }
    }
    messages
}

#[test]
fn thunderbird_downloads_all_idles_and_changes() {
    let post = Post::delivered();
    let mut server =
        imap::Client::sign_in(&post.demo.address("imap"), &post.address, &post.password).unwrap();
    let selected = server.ok("SELECT INBOX").unwrap();
    let is_exists = |text: &str| {
        text.strip_prefix("* ")?
            .strip_suffix(" EXISTS")?
            .parse()
            .ok()
    };
    let mut texts = selected.untagged.iter();
    let exists: usize = texts.find_map(|one| is_exists(&one.text)).unwrap();

    let mut thunderbird = Thunderbird::start(&post);
    let ca = fs::read_to_string(post.ca()).unwrap();
    thunderbird.call("prepare", &json!([ca, post.address, post.password]));
    let store = Changes::of(&post.room.join("profile").join(STORE)).unwrap();
    thunderbird.call("getMessages", &json!([]));
    store.until("all mail is in the offline store", PATIENCE, || {
        let stored = stored(&post);
        stored.len() == exists && post.missing(&stored).is_empty()
    });
    let subjects = thunderbird.call("subjects", &json!([]));
    let subjects: Vec<&str> = subjects
        .as_array()
        .unwrap()
        .iter()
        .map(|subject| subject.as_str().unwrap())
        .collect();
    assert_eq!(subjects.len(), exists);
    for subject in ["plain", "dots", "Grüße", "parts", "large"] {
        assert!(subjects.contains(&subject), "{subject}: {subjects:?}");
    }
    let folders = thunderbird.call("folders", &json!([]));
    assert_eq!(
        folders["uses"],
        json!({
            "Inbox": "INBOX", "Drafts": "Drafts", "SentMail": "Sent",
            "Junk": "Junk", "Trash": "Trash", "Archive": "Archive",
        }),
        "{folders}"
    );

    // It idles: nobody asks it to look.
    post.deliver(
        b"From: a@example.org\r\nTo: you\r\nSubject: pushed\r\n\r\nThis came while you idled.\r\n",
    );
    store.until("the pushed mail is in the offline store", PATIENCE, || {
        let mut stored = stored(&post).into_iter();
        stored.any(|message| message.ends_with(b"This came while you idled.\r\n"))
    });
    let found = server.ok("UID SEARCH SUBJECT plain").unwrap();
    let mut found = found.untagged.iter();
    let uid = found.find_map(|one| one.text.strip_prefix("* SEARCH "));
    let uid: u32 = uid.unwrap().parse().unwrap();
    // It has the pushed mail as soon as the last octet is there, and may not idle again yet. What it is told while it is at something else
    // does not always show; what it is told in IDLE does.
    let is_shown = (0..5).any(|_| {
        for change in ["-", "+"] {
            server
                .ok(&format!("UID STORE {uid} {change}FLAGS (\\Answered)"))
                .unwrap();
        }
        thunderbird.call("whenAnswered", &json!(["plain", 15])) == true
    });
    assert!(is_shown, "the flag does not show");

    // What it changes, the server has.
    thunderbird.call("flag", &json!(["plain"]));
    let has_flag = |server: &mut imap::Client| {
        let fetched = server.ok(&format!("UID FETCH {uid} (FLAGS)")).unwrap();
        // What changed meanwhile is told behind the answer, and not again in IDLE.
        let all = fetched.fetched().filter(|one| one.uid == Some(uid));
        let flags = all.last().unwrap().flags.unwrap();
        flags.contains("\\Flagged") && flags.contains("\\Answered")
    };
    while !has_flag(&mut server) {
        server.idle().unwrap();
    }
    assert_eq!(thunderbird.call("moveToArchive", &json!(["dots"])), true);
    let mut count = |mailbox: &str| {
        let answer = server.ok(&format!("STATUS {mailbox} (MESSAGES)")).unwrap();
        answer.status("MESSAGES").unwrap().parse::<usize>().unwrap()
    };
    assert_eq!(count("Archive"), 1);
    // One was pushed, one has left.
    assert_eq!(count("INBOX"), exists);
    thunderbird.quit();
}

/// By either port; in the user's own name, and on behalf of a shared mailbox whose address is one of his identities.
#[test]
fn thunderbird_sends_and_keeps_one_copy() {
    let post = Post::delivered();
    let (other, password) = post.demo.account(0);
    let sign_in = |user: &str, password: &str| {
        imap::Client::sign_in(&post.demo.address("imap"), user, password).unwrap()
    };
    let mut recipient = sign_in(&other, &password);
    let mut sender = sign_in(&post.address, &post.password);
    let newest = |client: &mut imap::Client| {
        let fetched = client.ok("FETCH * (BODY.PEEK[])").unwrap();
        let body = fetched.fetched().find_map(|one| one.body).unwrap();
        String::from_utf8(body).unwrap()
    };
    let count = |client: &mut imap::Client, mailbox: &str| {
        let answer = client.ok(&format!("STATUS {mailbox} (MESSAGES)")).unwrap();
        answer.status("MESSAGES").unwrap().parse::<usize>().unwrap()
    };
    let (inbox, sent) = (count(&mut recipient, "INBOX"), count(&mut sender, "Sent"));
    recipient.ok("SELECT INBOX").unwrap();
    sender.ok("SELECT Sent").unwrap();
    let right = [
        "account",
        "set",
        &other,
        "--add-send-on-behalf",
        &post.address,
    ];
    post.demo.fieldpost(&right);

    let mut thunderbird = Thunderbird::start(&post);
    let ca = fs::read_to_string(post.ca()).unwrap();
    thunderbird.call("prepare", &json!([ca, post.address, post.password]));
    thunderbird.call("getMessages", &json!([]));
    assert_eq!(thunderbird.call("whenFound", &json!(["SentMail"])), "Sent");
    // STARTTLS, and TLS from the first octet.
    let ways = [("submission", 2, &post.address), ("submissions", 3, &other)];
    for (number, (listener, socket, from)) in ways.into_iter().enumerate() {
        let port: u16 = post.port(listener).parse().unwrap();
        let server = json!([port, socket, post.password]);
        thunderbird.call("sendBy", &server);
        let subject = format!("by {listener}");
        // Dots at the start, and what is not ASCII.
        let text = ".\n..\nGr\u{fc}\u{df}e aus K\u{f6}ln\n";
        thunderbird.call("send", &json!([from, other, subject, text]));
        // It is there before Thunderbird hears that it is sent.
        assert_eq!(count(&mut recipient, "INBOX"), inbox + number + 1);
        let got = newest(&mut recipient);
        for line in [
            format!("Return-Path: <{}>", post.address),
            format!("Subject: {subject}"),
            format!("From: {from}"),
            format!("To: {other}"),
        ] {
            assert!(got.lines().any(|one| one == line), "{line}: {got}");
        }
        let sender_line = got.lines().find(|line| line.starts_with("Sender: "));
        if *from == post.address {
            assert_eq!(sender_line, None);
        } else {
            assert!(
                sender_line
                    .unwrap()
                    .ends_with(&format!("<{}>", post.address))
            );
        }
        let (_, body) = got.split_once("\r\n\r\n").unwrap();
        let lines = ".\r\n..\r\nGr\u{fc}\u{df}e aus K\u{f6}ln\r\n";
        assert!(body.starts_with(lines), "{body}");
        // Its copy comes by IMAP, soon after.
        while count(&mut sender, "Sent") < sent + number + 1 {
            sender.idle().unwrap();
        }
        sender.ok("NOOP").unwrap();
        let (_, kept) = got.split_once("Message-ID: ").unwrap();
        let id = kept.lines().next().unwrap();
        assert!(newest(&mut sender).contains(id), "{id}");
    }
    thunderbird.quit();
    assert_eq!(count(&mut sender, "Sent"), sent + 2);
    assert_eq!(count(&mut recipient, "INBOX"), inbox + 2);
}

/// Its offline store, below the profile.
const STORE: &str = "ImapMail/localhost";

const PATIENCE: Duration = Duration::from_secs(40);
