//! Debian's Postfix delivers over LMTP, and Debian's fetchers read what it delivered.
#![allow(clippy::unwrap_used)]

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use fieldpost_tests::{
    Demo, pop3,
    postfix::{Postfix, Role, free_port, host_and_port},
    programs,
};

/// Postfix takes mail by SMTP, hands it over by LMTP, and tells the sender of the recipient that does not exist.
#[test]
fn postfix_delivers_and_fetchers_read() {
    let home = tempfile::tempdir().unwrap();
    let demo = Demo::start(&home.path().join("demo"));
    let postfix = Postfix::start(
        home.path(),
        free_port(),
        &Role::Front {
            lmtp: demo.address("lmtp"),
        },
    );
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
            "Return-Path: <{bob}>\r\nDelivered-To: {alice}\r\nReceived: from life1.mta.demo.test"
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
