//! The demo, as its users meet it.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use rustix::process::Signal;
use support::{FIELDPOST, curl, succeeded};

struct Demo(Child);

impl Demo {
    fn start(directory: &Path, base: u16) -> Self {
        let mut child = Command::new(FIELDPOST)
            .args(["demo", "--port-base", &base.to_string(), "--dir"])
            .arg(directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut printed = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        while !printed.contains("Ready") {
            if out.read_line(&mut printed).unwrap() == 0 {
                let output = child.wait_with_output().unwrap();
                panic!("{printed}\n{}", String::from_utf8_lossy(&output.stderr));
            }
        }
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        Self(child)
    }

    fn stop(mut self, signal: Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), signal).unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A base whose six ports are free now, below those that the kernel hands out.
fn free_base() -> u16 {
    let start = 5000 + (std::process::id() % 200) as u16 * 100;
    (start..31_000)
        .step_by(7)
        .find(|base| {
            [24, 110, 143, 443, 993, 995]
                .iter()
                .all(|offset| TcpListener::bind(("127.0.0.1", base + offset)).is_ok())
        })
        .unwrap()
}

#[test]
fn the_demo_serves_mail_and_keeps_it() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().join("demo");
    let base = free_base();
    let demo = Demo::start(&directory, base);
    let json = directory.join("demo.json");
    assert_eq!(
        std::fs::metadata(&json).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let facts: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(facts["pop3s"], format!("127.0.0.1:{}", base + 995));
    assert_eq!(facts["imap"], format!("127.0.0.1:{}", base + 143));
    assert_eq!(facts["imaps"], format!("127.0.0.1:{}", base + 993));
    let ca = Path::new(facts["ca"].as_str().unwrap());
    let user = |number: usize| {
        let account = &facts["accounts"][number];
        format!(
            "{}:{}",
            account["address"].as_str().unwrap(),
            account["password"].as_str().unwrap()
        )
    };

    let health = curl(
        ca,
        &[&format!("https://localhost:{}/healthz/ready", base + 443)],
    );
    assert!(succeeded(&health).contains("\"ready\":true"));
    let pop3s = format!("pop3s://localhost:{}/", base + 995);
    let list = succeeded(&curl(ca, &["-u", &user(0), &pop3s]));
    assert!(list.lines().count() >= 50, "{list}");
    let third = succeeded(&curl(ca, &["-u", &user(0), &format!("{pop3s}3")]));
    assert!(
        third.contains("Subject: ") && third.contains("MIME-Version: 1.0"),
        "{third}"
    );
    // STLS on the other port, by address instead of name.
    let stls = format!("pop3://127.0.0.1:{}/", base + 110);
    succeeded(&curl(ca, &["--ssl-reqd", "-u", &user(1), &stls]));
    let mut wrong = user(1);
    wrong.push('x');
    assert!(!curl(ca, &["-u", &wrong, &pop3s]).status.success());

    // The command line of the demo's own configuration.
    let config = directory.join("fieldpost.toml");
    let delivered = Command::new("sh")
        .args(["-c", "printf 'Subject: one more\\n\\nhello\\n' | \"$0\" --config \"$1\" deliver alice@demo.test"])
        .arg(FIELDPOST)
        .arg(&config)
        .output()
        .unwrap();
    assert!(succeeded(&delivered).contains("250"));
    demo.stop(Signal::INT);

    // The same accounts, the same mail, one more.
    let demo = Demo::start(&directory, base);
    let again: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(facts, again);
    let longer = succeeded(&curl(ca, &["-u", &user(0), &pop3s]));
    assert_eq!(longer.lines().count(), list.lines().count() + 1);
    demo.stop(Signal::TERM);
}

#[test]
fn a_port_base_that_is_too_high_is_refused_with_advice() {
    let output = Command::new(FIELDPOST)
        .args(["demo", "--port-base", "65000"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("64000"));
}
