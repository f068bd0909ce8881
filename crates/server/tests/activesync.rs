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
