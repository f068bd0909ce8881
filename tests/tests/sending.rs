//! Real programs send, and a real Postfix is the smarthost: mail for others goes to it over TLS that is verified, what it refuses
//! comes back, and kill -9 of either loses nothing and doubles nothing but what the other's lost reply was about.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
};

use fieldpost_tests::{
    Demo, Restarts, lmtp, pop3,
    postfix::{Postfix, Role, host_and_port},
    programs, queue, smtp,
};

/// A demo whose smarthost is a Postfix.
struct Office {
    demo: Demo,
    postfix: Postfix,
    ca: String,
}

impl Office {
    fn open(home: &Path, keys: &[(&'static str, &str)]) -> Self {
        fs::set_permissions(home, fs::Permissions::from_mode(0o755)).unwrap();
        let directory = home.join("demo");
        let ca = directory.join("tls/ca.crt").display().to_string();
        let demo = Demo::start_with(&directory, |base| {
            let mut all = vec![
                (
                    "RELAY__SMARTHOST",
                    format!("localhost:{}", base + SMARTHOST),
                ),
                ("RELAY__CA_FILE", ca.clone()),
                ("RELAY__FIRST_RETRY", "1s".to_owned()),
                ("RELAY__LONGEST_RETRY", "2s".to_owned()),
                ("LOG__LEVEL", "info".to_owned()),
                ("LOG__FORMAT", "json".to_owned()),
            ];
            all.extend(keys.iter().map(|(key, value)| (*key, (*value).to_owned())));
            all
        });
        let role = Role::Smarthost {
            certificate: directory.join("tls/server.crt"),
            key: directory.join("tls/server.key"),
        };
        let postfix = Postfix::start(home, demo.port_base() + SMARTHOST, &role);
        Self { demo, postfix, ca }
    }

    fn inbox(&self, account: usize) -> Vec<String> {
        let (address, password) = self.demo.account(account);
        let mut client =
            pop3::Client::sign_in(&self.demo.address("pop3"), &address, &password).unwrap();
        let numbers: Vec<u32> = client
            .uidl()
            .unwrap()
            .into_iter()
            .map(|(number, _)| number)
            .collect();
        let texts = numbers
            .into_iter()
            .map(|number| String::from_utf8_lossy(&client.retr(number).unwrap()).into_owned())
            .collect();
        client.quit().unwrap();
        texts
    }

    fn one(&self, account: usize, part: &str) -> String {
        let found: Vec<String> = self
            .inbox(account)
            .into_iter()
            .filter(|text| text.contains(part))
            .collect();
        assert_eq!(found.len(), 1, "{part}: {found:?}");
        found.into_iter().next().unwrap()
    }
}

#[test]
fn programs_send_through_us_and_postfix_takes_it_on() {
    let home = tempfile::tempdir().unwrap();
    let key = home.path().join("dkim.pem");
    let mut generate = Command::new("openssl");
    generate.args(["genrsa", "-out"]).arg(&key).arg("2048");
    programs::succeeded(&programs::run("openssl", &mut generate));
    let signer = format!(
        "[{{ domain = \"demo.test\", selector = \"s1\", key = \"{}\" }}]",
        key.display()
    );
    let mut office = Office::open(home.path(), &[("RELAY__DKIM", &signer)]);
    let ((alice, password), (bob, _)) = (office.demo.account(0), office.demo.account(1));
    by_smtplib(
        &office,
        &alice,
        &password,
        &[&bob, "u1@far.test", "nobody@far.test"],
    );
    by_swaks(&office, &alice, &password, &[&bob, "u2@far.test"]);
    by_msmtp(
        home.path(),
        &office,
        &alice,
        &password,
        &[&bob, "u3@far.test"],
    );
    by_curl(home.path(), &office, &alice, &password, "u4@far.test");
    queue::drained(&mut office.demo);
    for (user, subject) in [
        ("u1", "by smtplib"),
        ("u2", "by swaks"),
        ("u3", "by msmtp"),
        ("u4", "by curl"),
    ] {
        let mail = wait_for_mail(&office.postfix, user);
        assert_eq!(mail.len(), 1, "{user}");
        assert!(
            mail[0].contains(&format!("Subject: {subject}")),
            "{}",
            mail[0]
        );
        assert!(mail[0].contains("with ESMTPSA"), "{}", mail[0]);
        assert!(
            mail[0].contains("Message-ID: ") || mail[0].contains("Message-Id: "),
            "{}",
            mail[0]
        );
        assert!(!mail[0].contains("Bcc:"), "{}", mail[0]);
        assert!(mail[0].contains("\n.a dot\n"), "{}", mail[0]);
        verify(&key, &mail[0]);
    }
    for subject in ["by smtplib", "by swaks", "by msmtp"] {
        office.one(1, &format!("Subject: {subject}"));
    }
    let notice = office.one(0, "Subject: Undelivered mail");
    assert!(
        notice.contains("Final-Recipient: rfc822; nobody@far.test"),
        "{notice}"
    );
    assert!(notice.contains("Status: 5.1.1"), "{notice}");
}

/// Debian's DKIM verifies the signature, with what the DNS would say.
fn verify(key: &Path, mail: &str) {
    const SCRIPT: &str = "
import dkim, sys
key, mail = sys.argv[1:]
public = ''.join(key.split('\\n')[1:-2])
def dns(name, timeout=5):
    assert name == b's1._domainkey.demo.test.', name
    return b'v=DKIM1; k=rsa; p=' + public.encode()
assert dkim.verify(mail.encode(), dnsfunc=dns)
assert not dkim.verify(mail.replace('a dot', 'two dots').encode(), dnsfunc=dns)
";
    let mut public = Command::new("openssl");
    public.args(["rsa", "-pubout", "-in"]).arg(key);
    let public = programs::succeeded(&programs::run("openssl", &mut public));
    // Debian's own Python, which has Debian's packages.
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", SCRIPT, &public, mail]);
    programs::succeeded(&programs::run("python3-dkim", &mut command));
}

/// Waits until the Maildir of `user` has something in it: Postfix says when it put it there.
fn wait_for_mail(postfix: &Postfix, user: &str) -> Vec<String> {
    postfix.wait_for(1, &[&format!("to=<{user}@far.test>"), "status=sent"]);
    postfix.mail(user)
}

fn by_smtplib(office: &Office, user: &str, password: &str, recipients: &[&str]) {
    const SCRIPT: &str = "
import smtplib, ssl, sys
host, port, ca, user, password, *recipients = sys.argv[1:]
with smtplib.SMTP_SSL(host, int(port), context=ssl.create_default_context(cafile=ca)) as smtp:
    smtp.login(user, password)
    refused = smtp.sendmail(user, recipients, 'Subject: by smtplib\\r\\nBcc: secret@far.test\\r\\n\\r\\n.a dot\\r\\n')
    assert not refused, refused
    try:
        smtp.sendmail('ceo@far.test', recipients, 'Subject: forged\\r\\n\\r\\nx\\r\\n')
        raise SystemExit('a forged sender was taken')
    except smtplib.SMTPSenderRefused as refused:
        assert refused.smtp_code == 553, refused
";
    let (_, port) = host_and_port(&office.demo.address("submissions"));
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT, "localhost", &port, &office.ca, user, password]);
    command.args(recipients);
    programs::succeeded(&programs::run("python3", &mut command));
}

fn by_swaks(office: &Office, user: &str, password: &str, recipients: &[&str]) {
    let (_, port) = host_and_port(&office.demo.address("submission"));
    let mut command = Command::new("swaks");
    command.args([
        "--server",
        "localhost",
        "--port",
        &port,
        "--tls",
        "--tls-ca-path",
        &office.ca,
    ]);
    command.args([
        "--tls-verify",
        "--auth",
        "PLAIN",
        "--auth-user",
        user,
        "--auth-password",
        password,
    ]);
    command.args(["--from", user, "--to", &recipients.join(",")]);
    command.args(["--header", "Subject: by swaks", "--body", ".a dot\n"]);
    programs::succeeded(&programs::run("swaks", &mut command));
}

fn by_msmtp(home: &Path, office: &Office, user: &str, password: &str, recipients: &[&str]) {
    let (_, port) = host_and_port(&office.demo.address("submission"));
    let configuration = home.join("msmtprc");
    let text = format!(
        "account default\nhost localhost\nport {port}\ntls on\ntls_starttls on\ntls_trust_file {}\nauth on\nuser {user}\n\
         password {password}\nfrom {user}\n",
        office.ca
    );
    fs::write(&configuration, text).unwrap();
    fs::set_permissions(&configuration, fs::Permissions::from_mode(0o600)).unwrap();
    let mail = home.join("msmtp.eml");
    fs::write(&mail, "Subject: by msmtp\n\n.a dot\n").unwrap();
    let mut command = Command::new("msmtp");
    command.arg("--file").arg(&configuration).args(recipients);
    command.stdin(fs::File::open(mail).unwrap());
    programs::succeeded(&programs::run("msmtp", &mut command));
}

fn by_curl(home: &Path, office: &Office, user: &str, password: &str, recipient: &str) {
    let (_, port) = host_and_port(&office.demo.address("submissions"));
    let mail = home.join("curl.eml");
    fs::write(&mail, "Subject: by curl\r\n\r\n.a dot\r\n").unwrap();
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--cacert", &office.ca]);
    command.args(["--user", &format!("{user}:{password}"), "--mail-from", user]);
    command
        .args(["--mail-rcpt", recipient, "--upload-file"])
        .arg(mail);
    command.arg(format!("smtps://localhost:{port}/client.test"));
    programs::succeeded(&programs::run("curl", &mut command));
}

/// Fault 31, through us to a real Postfix: what some server takes for a message's end makes no second message there, submitted or
/// brought by LMTP.
#[test]
fn fault_31_nothing_is_smuggled_through_us_to_postfix() {
    let home = tempfile::tempdir().unwrap();
    let mut office = Office::open(home.path(), &[]);
    let (alice, password) = office.demo.account(0);
    let group = ["group", "add", "all@demo.test", "--member", "u1@far.test"];
    office.demo.fieldpost(&group);
    // The last one is a line with a dot as it must be sent, and must go on.
    let ends = [
        "\n.\n",
        "\n.\r\n",
        "\r.\r",
        "\r.\r\n",
        "\r\n.\n",
        "\r\n.\r",
        "\r\n..\r\n",
    ];
    let mut submission = smtp::Client::connect(&office.demo.address("submission")).unwrap();
    submission.sign_in(&alice, &password).unwrap();
    let mut lmtp = lmtp::Client::connect(&office.demo.address("lmtp")).unwrap();
    for end in ends {
        let text = format!(
            "Subject: first\r\n\r\nx{end}MAIL FROM:<evil@far.test>\r\nRCPT TO:<u2@far.test>\r\nDATA\r\n\
             Subject: smuggled\r\n\r\nx\r\n."
        );
        for (line, code) in [
            (format!("MAIL FROM:<{alice}>").as_str(), "250"),
            ("RCPT TO:<u1@far.test>", "250"),
            ("DATA", "354"),
            (&text, "250"),
        ] {
            submission.command(line, code).unwrap();
        }
        for (line, code) in [
            ("MAIL FROM:<sender@far.test>", "250"),
            ("RCPT TO:<all@demo.test>", "250"),
            ("DATA", "354"),
            (&text, "250"),
        ] {
            let reply = lmtp.command(line).unwrap();
            assert!(reply.starts_with(code), "{end:?}: {reply}");
        }
    }
    queue::drained(&mut office.demo);
    office.postfix.drained();
    let mail = office.postfix.mail("u1");
    assert_eq!(mail.len(), 2 * ends.len());
    for text in &mail {
        assert!(text.contains("Subject: first"), "{text}");
        assert!(text.contains("\nSubject: smuggled\n"), "{text}");
        assert!(!text.contains('\r'), "{text:?}");
    }
    assert!(office.postfix.mail("u2").is_empty());
}

/// Messages sent while both sides are killed at random: each that got a 250 arrives; nothing of ours is doubled, and what Postfix
/// has twice is no more than the replies that the kills can have lost.
#[test]
fn kills_lose_nothing_and_double_nothing() {
    let rounds: u32 = from_environment("FIELDPOST_KILL_ROUNDS", 3);
    let messages: u32 = from_environment("FIELDPOST_KILL_MESSAGES", 60 * rounds);
    let home = tempfile::tempdir().unwrap();
    let mut office = Office::open(
        home.path(),
        &[
            ("SUBMISSION__MESSAGES_PER_HOUR", "0"),
            ("SUBMISSION__RECIPIENTS_PER_HOUR", "0"),
        ],
    );
    let (alice, password) = office.demo.account(0);
    let (bob, _) = office.demo.account(1);
    let address = office.demo.address("submission");
    let next = AtomicU32::new(0);
    let acknowledged: Mutex<Vec<u32>> = Mutex::default();
    let tried: Mutex<BTreeMap<u32, u32>> = Mutex::default();
    let restarts = Restarts::default();
    let (sent, progress) = mpsc::channel();
    let mut kills = 0;
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            let sent = sent.clone();
            let (address, alice, password, bob) = (&address, &alice, &password, &bob);
            let (next, acknowledged, tried, restarts) = (&next, &acknowledged, &tried, &restarts);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= messages {
                        return;
                    }
                    // A sender without a 250 sends again, as a program would.
                    loop {
                        let before = restarts.count();
                        *tried.lock().unwrap().entry(number).or_default() += 1;
                        match send(address, alice, password, bob, number) {
                            Ok(_) => break acknowledged.lock().unwrap().push(number),
                            // Nothing but a kill makes it fail.
                            Err(error) => assert!(restarts.wait(before), "{number}: {error}"),
                        }
                    }
                    let _ = sent.send(number);
                }
            });
        }
        drop(sent);
        for round in 0..rounds {
            let wanted = messages / (rounds + 1);
            let got = progress.iter().take(wanted as usize).count();
            if got == 0 {
                break;
            }
            kills += 1;
            if round % 2 == 0 {
                office.demo.kill();
                office.demo.start_again();
            } else {
                office.postfix.kill();
                office.postfix.start_again();
            }
            restarts.one_more();
        }
        progress.iter().for_each(drop);
    });
    let acknowledged = acknowledged.into_inner().unwrap();
    assert_eq!(acknowledged.len() as u32, messages);
    queue::drained(&mut office.demo);
    let tried = tried.into_inner().unwrap();
    office.postfix.drained();
    let far = numbers(&office.postfix.mail("u1"));
    let ours = numbers(&office.inbox(1));
    let mut doubled = 0;
    for number in acknowledged {
        let here = ours.get(&number).copied().unwrap_or(0);
        let tries = tried[&number];
        assert!(here >= 1, "{number} is lost here");
        assert!(
            here <= tries,
            "{number} is here {here} times for {tries} tries"
        );
        let there = far.get(&number).copied().unwrap_or(0);
        assert!(there >= 1, "{number} is lost there");
        doubled += there.saturating_sub(tries);
    }
    println!(
        "{messages} messages, {kills} kills, {doubled} twice at the smarthost without a try of the sender's"
    );
    // Four connections may have been waiting for the reply to a message at each kill.
    assert!(doubled <= kills * 4, "{doubled}");
}

/// How often each number is there.
fn numbers(mail: &[String]) -> HashMap<u32, u32> {
    let mut counts = HashMap::new();
    for text in mail {
        let number = text
            .lines()
            .find_map(|line| line.strip_prefix("Subject: number "))
            .and_then(|number| number.trim().parse().ok());
        if let Some(number) = number {
            *counts.entry(number).or_default() += 1;
        }
    }
    counts
}

/// Sends one message to bob and to u1@far.test; `Ok` is its 250.
fn send(
    address: &str,
    user: &str,
    password: &str,
    bob: &str,
    number: u32,
) -> std::io::Result<String> {
    let mut client = smtp::Client::connect(address)?;
    client.sign_in(user, password)?;
    let text = format!("Subject: number {number}\r\n\r\nHello.\r\n");
    client.send(user, "", &[bob, "u1@far.test"], &text)
}

fn from_environment(name: &str, default: u32) -> u32 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

const WRITERS: usize = 4;

/// Where Postfix listens, above the demo's base.
const SMARTHOST: u16 = 25;
