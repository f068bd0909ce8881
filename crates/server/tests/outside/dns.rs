//! `fieldpost dns`

use std::fs;

use serde_json::Value;

use crate::{names::Names, support::Site};

const SETUP: &str = "[[listener]]\nprotocol = \"pop3\"\naddress = \"127.0.0.1:110\"\n\
    [http]\npublic_url = \"https://mail.test\"\n";

/// The records that stand in the printed zone.
fn zone(site: &Site) -> Vec<String> {
    let text = site.ok(&["dns", "Example.org"]);
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with(';'));
    lines.map(str::to_owned).collect()
}

fn states(output: &std::process::Output) -> Vec<(String, String)> {
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        (
            format!("{} {}", text(&row["kind"]), text(&row["name"])),
            text(&row["state"]),
        )
    })
    .collect()
}

#[test]
fn what_is_printed_is_right_once_it_stands_in_dns() {
    let site = Site::new(SETUP);
    let names = Names::start();
    let zone = zone(&site);
    assert!(
        zone.contains(&"_pop3._tcp.example.org. IN SRV 0 0 110 mail.test.".to_owned()),
        "{zone:#?}"
    );
    assert!(zone.contains(&"autodiscover.example.org. IN CNAME mail.test.".to_owned()));
    for line in &zone {
        names.add(line);
    }
    let check = [
        "dns",
        "example.org",
        "--check",
        "--dns-server",
        &names.address(),
    ];
    let shown = site.ok(&check);
    assert_eq!(shown.matches("right").count(), zone.len(), "{shown}");
}

#[test]
fn each_record_is_right_missing_or_different() {
    let site = Site::new(SETUP);
    let names = Names::start();
    for line in zone(&site) {
        names.add(&line);
    }
    for name in [
        "_dmarc.example.org",
        "example.org",
        "_imaps._tcp.example.org",
        "autoconfig.example.org",
        "autodiscover.example.org",
    ] {
        names.forget(name);
    }
    names.add("example.org. IN MX 10 old.example.net.");
    names.add("example.org. IN TXT \"v=spf1 mx ~all\"");
    names.add("example.org. IN TXT \"v=spf1 -all\"");
    // Its addresses do as well as its name.
    names.add("mail.test. IN A 192.0.2.7");
    names.add("autoconfig.example.org. IN A 192.0.2.7");
    names.add("autodiscover.example.org. IN A 192.0.2.9");
    let server = names.address();
    let output = site.run(&[
        "--json",
        "dns",
        "example.org",
        "--check",
        "--dns-server",
        &server,
    ]);
    assert_eq!(output.status.code(), Some(1));
    let mut wrong = states(&output);
    wrong.retain(|(_, state)| state != "right");
    let wrong: Vec<String> = wrong
        .iter()
        .map(|(record, state)| format!("{record} {state}"))
        .collect();
    assert_eq!(
        wrong,
        [
            "MX example.org different",
            "TXT example.org different",
            "TXT _dmarc.example.org missing",
            "CNAME autodiscover.example.org different",
            "SRV _imaps._tcp.example.org missing",
        ]
    );
}

/// Two strings in the zone are one text to whoever asks; it may be written otherwise, but has to be of the key that signs.
#[test]
fn the_key_that_signs_is_told_and_compared() {
    let signer = "{ domain = \"EXAMPLE.org\", selector = \"fp1\", key = \"dkim.pem\" }";
    let site = Site::new(&format!("{SETUP}[relay]\nmx = true\ndkim = [{signer}]\n"));
    let check = ["--json", "dns", "example.org", "--check", "--dns-server"];
    let error = site.fails(3, &["dns", "example.org"]);
    assert!(
        error.contains("dkim.pem") && error.contains("next:"),
        "{error}"
    );
    let checked = site.run(&["check"]);
    assert_eq!(checked.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&checked.stdout).contains("[relay] dkim"));
    fs::write(site.path().join("dkim.pem"), include_str!("dkim.pem")).unwrap();
    let zone = zone(&site);
    let name = "fp1._domainkey.example.org";
    let start = format!("{name}. IN TXT \"v=DKIM1; k=rsa; p=");
    let key = zone.iter().find(|line| line.starts_with(&start)).unwrap();
    assert_eq!(key.matches("\" \"").count(), 1, "{key}");
    let names = Names::start();
    for line in &zone {
        names.add(line);
    }
    let state = || {
        let output = site.run(&[&check[..], &[&names.address()]].concat());
        let mut states = states(&output);
        states.retain(|(record, _)| record.ends_with(name));
        assert_eq!(states.len(), 1, "{output:?}");
        states.remove(0).1
    };
    assert_eq!(state(), "right");
    for (written, told) in [
        (key.replace("v=DKIM1; k=rsa; ", "v=DKIM1;t=s;"), "right"),
        (key.replace("p=MII", "p=MIX"), "different"),
        (format!("{name}. IN TXT \"v=DKIM1; p=\""), "different"),
        (format!("{name}. IN TXT \"something else\""), "missing"),
    ] {
        names.forget(name);
        names.add(&written);
        assert_eq!(state(), told, "{written}");
    }
    names.add(key);
    names.add(key);
    assert_eq!(
        state(),
        "different",
        "of two keys nobody knows which counts"
    );
}

#[test]
fn a_dns_server_that_does_not_answer_is_no_missing_record() {
    let site = Site::new(SETUP);
    // Bound, so that nobody else is there, and dropped: nobody is.
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let output = site.run(&[
        "--json",
        "dns",
        "example.org",
        "--check",
        "--dns-server",
        &nobody.to_string(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(states(&output).iter().all(|(_, state)| state == "unknown"));
}

#[test]
fn what_is_no_domain_is_wrong_use() {
    let site = Site::new(SETUP);
    assert!(site.fails(2, &["dns", "a b"]).contains("no domain"));
}
