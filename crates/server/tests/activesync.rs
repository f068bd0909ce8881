//! ActiveSync through the running server: over TLS, over plain HTTP behind a proxy, and its devices on the command line.
#![allow(clippy::unwrap_used)]

mod support;

use support::{Site, curl, succeeded};

const LISTENERS: &str = "[tls]\ncertificates = [{ cert = \"server.crt\", key = \"server.key\" }]\n\
    [http]\ntrusted_proxies = [\"127.0.0.1\"]\n\
    [[listener]]\nprotocol = \"https\"\naddress = \"127.0.0.1:0\"\n\
    [[listener]]\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n";

const WHO: &str = "anna@example.org:a long enough password";

/// MS-ASHTTP_R319, R401, R518, R1107.
#[test]
fn options_is_answered_over_tls_and_behind_a_proxy_that_says_so() {
    let site = Site::new(LISTENERS);
    site.certificate("server", &["localhost"]);
    let server = site.serve();
    site.add("anna@example.org", "a long enough password");
    let ca = site.path().join("ca.crt");
    let path = "Microsoft-Server-ActiveSync";
    let https = format!(
        "https://localhost:{}/{path}",
        server.address("https").port()
    );
    let http = format!("http://localhost:{}/{path}", server.address("http").port());
    let ask = |url: &str, more: &[&str]| {
        let mut arguments = vec!["-4", "-i", "-X", "OPTIONS", "-u", WHO];
        arguments.extend(more);
        arguments.push(url);
        succeeded(&curl(&ca, &arguments))
    };
    let answer = ask(&https, &[]).to_lowercase();
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    assert!(
        answer.contains("ms-asprotocolversions: 12.1,14.0,14.1"),
        "{answer}"
    );
    let from = "X-Forwarded-For: 192.0.2.7";
    let forwarded = ask(&http, &["-H", from, "-H", "X-Forwarded-Proto: https"]);
    assert!(forwarded.starts_with("HTTP/1.1 200"), "{forwarded}");
    // The client's own address is the one that is logged, and slowed down.
    server.wait_for("192.0.2.7");
    let in_the_open = ask(&http, &["-H", from]);
    assert!(in_the_open.starts_with("HTTP/1.1 403"), "{in_the_open}");
    server.stop();
}

/// A phone appears in the listing with what it told, is explained, begins anew and is forgotten.
#[test]
fn devices_are_looked_at_and_forgotten_on_the_command_line() {
    let site = Site::new(LISTENERS);
    site.certificate("server", &["localhost"]);
    let server = site.serve();
    site.add("anna@example.org", "a long enough password");
    let url = format!(
        "https://localhost:{}/Microsoft-Server-ActiveSync?Cmd=ResolveRecipients&User=anna&DeviceId=d1&DeviceType=Phone",
        server.address("https").port()
    );
    let sent = curl(
        &site.path().join("ca.crt"),
        &[
            "-4",
            "-X",
            "POST",
            "-u",
            WHO,
            "-A",
            "Test/1",
            "-H",
            "MS-ASProtocolVersion: 14.1",
            "-H",
            "X-MS-PolicyKey: 5",
            &url,
        ],
    );
    succeeded(&sent);
    let anna = "anna@example.org";
    let list = site.json(&["device", "list", anna]);
    assert_eq!(list[0]["id"], "d1");
    assert_eq!(list[0]["user_agent"], "Test/1");
    assert!(site.ok(&["device", "show", anna, "d1"]).contains("Phone"));
    let explained = site.ok(&["device", "explain", anna, "d1"]);
    for part in ["access", "none is required", "144"] {
        assert!(explained.contains(part), "{part} in {explained}");
    }
    let anew = site.ok(&["device", "resync", anna, "d1", "--folder", "INBOX"]);
    assert!(anew.contains("INBOX anew"), "{anew}");
    site.fails(4, &["device", "resync", anna, "d1", "--folder", "Nowhere"]);
    site.ok(&["device", "resync", anna, "d1"]);
    site.ok(&["device", "forget", anna, "d1"]);
    site.fails(4, &["device", "show", anna, "d1"]);
    site.fails(4, &["device", "forget", anna, "<d1>"]);
    server.stop();
}

#[test]
fn an_account_is_cleared_after_a_question_and_keeps_its_folders() {
    let site = Site::new("");
    site.add("anna@example.org", "a long enough password");
    let anna = "anna@example.org";
    site.run_with(&["deliver", anna], b"Subject: x\r\n\r\ny\r\n");
    let error = site.fails(2, &["account", "clear", anna]);
    assert!(error.contains("--yes"), "{error}");
    assert_eq!(site.json(&["account", "show", anna])["used_items"], 1);
    let cleared = site.ok(&["account", "clear", anna, "--yes"]);
    assert!(cleared.contains("1 items removed"), "{cleared}");
    let shown = site.json(&["account", "show", anna]);
    assert_eq!(shown["used_items"], 0);
    assert!(!shown["folders"].as_array().unwrap().is_empty());
}
