//! `fieldpost doctor`

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    process::Output,
};

use serde_json::Value;

use crate::{names::Names, support::Site};

const LISTENERS: &str = "[tls]\ncertificates = [{ cert = \"server.crt\", key = \"server.key\" }]\n\
    [[listener]]\nprotocol = \"pop3\"\naddress = \"127.0.0.1:0\"\n\
    [[listener]]\nprotocol = \"lmtp\"\nunix = \"lmtp.sock\"\n";

/// The findings of an area, as state and text.
fn area(output: &Output, area: &str) -> Vec<(String, String)> {
    let findings: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = findings.as_array().unwrap().iter();
    findings
        .filter(|finding| finding["area"] == area)
        .map(|finding| {
            // Whatever is not well comes with what to do.
            let well = finding["state"] == "ok";
            assert_eq!(finding["next_step"].is_null(), well, "{finding}");
            (text(&finding["state"]), text(&finding["text"]))
        })
        .collect()
}

fn states(output: &Output, of: &str) -> Vec<String> {
    area(output, of)
        .into_iter()
        .map(|(state, _)| state)
        .collect()
}

/// A port of the kernel's choice is known once it listens; the configuration then has to name it.
fn fixed(listeners: &str) -> String {
    let free = || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let mut text = listeners.to_owned();
    while text.contains("127.0.0.1:0\"") {
        text = text.replacen("127.0.0.1:0", &free(), 1);
    }
    text
}

#[test]
fn a_server_that_is_well() {
    let more = "[[listener]]\nprotocol = \"imaps\"\naddress = \"127.0.0.1:0\"\n[acme]\nca_file = \"ca.crt\"\n\
        [relay]\nmx = true\ndkim = [{ domain = \"example.org\", selector = \"fp1\", key = \"dkim.pem\" }]\n";
    let site = Site::new(&fixed(&format!("{LISTENERS}{more}")));
    site.certificate("server", &["mail.test"]);
    fs::write(site.path().join("dkim.pem"), include_str!("dkim.pem")).unwrap();
    site.add("anna@example.org", "correct horse 9");
    let names = Names::start();
    names.add("mail.test. IN A 192.0.2.7");
    for line in site.ok(&["dns", "example.org"]).lines() {
        if line.contains(" IN ") && !line.starts_with(';') {
            names.add(line);
        }
    }
    let _server = site.serve();
    let output = site.run(&["--json", "doctor", "--dns-server", &names.address()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    for (of, count) in [
        ("server", 1),
        ("store", 2),
        ("certificates", 1),
        ("listeners", 3),
        ("dns", 2),
    ] {
        assert_eq!(
            states(&output, of),
            vec!["ok"; count],
            "{of}: {:?}",
            area(&output, of)
        );
    }
    assert!(
        area(&output, "store")[1]
            .1
            .contains("1 accounts in 1 domains")
    );

    // For people.
    let text = site.ok(&["doctor", "--dns-server", &names.address()]);
    assert!(
        text.contains("imaps at") && text.contains("over TLS, as mail.test"),
        "{text}"
    );

    // A record goes: a warning, since the server itself still works.
    names.forget("_imaps._tcp.example.org");
    let output = site.run(&["--json", "doctor", "--dns-server", &names.address()]);
    assert_eq!(output.status.code(), Some(0));
    let dns = area(&output, "dns");
    assert!(
        dns[1].0 == "warning" && dns[1].1.contains("_imaps._tcp.example.org is missing"),
        "{dns:?}"
    );
}

#[test]
fn a_server_that_does_not_run_and_has_no_account() {
    let site = Site::new(LISTENERS);
    site.certificate("server", &["other.test"]);
    let output = site.run(&["--json", "doctor", "--offline"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(states(&output, "server"), ["problem"]);
    assert_eq!(states(&output, "store"), ["ok", "warning"]);
    let certificates = area(&output, "certificates");
    assert!(
        certificates[1].1.contains("none is for mail.test"),
        "{certificates:?}"
    );
    assert!(states(&output, "listeners").is_empty() && states(&output, "dns").is_empty());
}

#[test]
fn a_certificate_that_clients_refuse_and_one_that_does_not_come() {
    let more = "[[listener]]\nprotocol = \"imaps\"\naddress = \"127.0.0.1:0\"\n\
        [[listener]]\nprotocol = \"acme\"\naddress = \"127.0.0.1:0\"\n\
        [acme]\nnames = [\"mail.test\"]\nterms_agreed = true\nca_file = \"ca.crt\"\ndirectory = \"https://127.0.0.1:9/\"\n";
    let site = Site::new(&fixed(&format!("{LISTENERS}{more}")));
    site.certificate("server", &["other.test"]);
    let server = site.serve();
    server.wait_for("no certificate was got");
    let output = site.run(&["--json", "doctor", "--offline"]);
    assert_eq!(output.status.code(), Some(1));
    let certificates = area(&output, "certificates");
    let failed = certificates.last().unwrap();
    assert!(
        failed.0 == "problem" && failed.1.contains("1 attempts in a row failed"),
        "{certificates:?}"
    );
    let listeners = area(&output, "listeners");
    assert!(
        listeners
            .iter()
            .any(|(state, text)| state == "warning" && text.contains("clients refuse")),
        "{listeners:?}"
    );
}

#[test]
fn mail_that_leaves_unsigned() {
    let site = Site::new("[relay]\nmx = true\n");
    site.add("anna@example.org", "correct horse 9");
    let names = Names::start();
    names.add("mail.test. IN A 192.0.2.7");
    for line in site.ok(&["dns", "example.org"]).lines() {
        if line.contains(" IN ") && !line.starts_with(';') {
            names.add(line);
        }
    }
    let output = site.run(&["--json", "doctor", "--dns-server", &names.address()]);
    let dns = area(&output, "dns");
    let warnings: Vec<_> = dns.iter().filter(|(state, _)| state == "warning").collect();
    assert!(
        warnings.len() == 1 && warnings[0].1.contains("example.org leaves unsigned"),
        "{dns:?}"
    );
}

#[test]
fn a_smarthost_that_does_not_take_our_mail() {
    let smarthost = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = smarthost.local_addr().unwrap();
    let relay = format!("[relay]\nsmarthost = \"{address}\"\nca_file = \"ca.crt\"\n");
    let site = Site::new(&format!("{LISTENERS}{relay}"));
    site.certificate("server", &["mail.test"]);
    let names = Names::start();
    std::thread::spawn(move || {
        let (mut stream, _) = smarthost.accept().unwrap();
        stream.write_all(b"554 not you\r\n").unwrap();
        // Until it has gone.
        drop(BufReader::new(stream).read_line(&mut String::new()));
    });
    let output = site.run(&["--json", "doctor", "--dns-server", &names.address()]);
    let relay = area(&output, "relay");
    assert!(
        relay[0].0 == "problem" && relay[0].1.contains("not you"),
        "{relay:?}"
    );
    assert_eq!(
        states(&output, "dns"),
        ["problem"],
        "mail.test has no address"
    );
}
