//! Certificates by ACME, from a real authority (Pebble): both challenges, renewal, failure, external accounts.
#![allow(clippy::unwrap_used)]

mod pebble;
#[path = "../support/mod.rs"]
mod support;

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Output};

use pebble::{Pebble, Ports, free_port};
use rcgen::{CertificateParams, KeyPair};
use support::{Lines, Server, Site, curl, succeeded};

/// Two names, so that an order has two questions.
const NAMES: &str = "names = [\"mail.test\", \"autodiscover.test\"]";

fn ports() -> Ports {
    Ports {
        directory: free_port(),
        http: free_port(),
        tls: free_port(),
    }
}

fn listeners(ports: Ports) -> String {
    format!(
        "[[listener]]\nprotocol = \"acme\"\naddress = \"127.0.0.1:{}\"\n\
         [[listener]]\nprotocol = \"https\"\naddress = \"127.0.0.1:{}\"\n\
         [[listener]]\nprotocol = \"pop3\"\naddress = \"127.0.0.1:0\"\n",
        ports.http, ports.tls
    )
}

fn configure(site: &Site, ports: Ports, pebble: &Pebble, more: &str) {
    site.configure(&format!(
        "[acme]\n{NAMES}\ndirectory = \"{}\"\nterms_agreed = true\ncontact = \"ops@mail.test\"\nca_file = \"ca.crt\"\n{more}\n{}",
        pebble.directory(),
        listeners(ports)
    ));
}

/// Asks over HTTPS, under `name`, trusting `ca` alone.
fn ask(server: &Server, name: &str, ca: &Path) -> Output {
    let port = server.address("https").port();
    let resolve = format!("{name}:{port}:127.0.0.1");
    let url = format!("https://{name}:{port}/healthz/live");
    curl(ca, &["--resolve", &resolve, &url])
}

/// A certificate for all names that nobody knows, with so many days behind it and before it, where ours is kept.
fn keep_own(site: &Site, behind: i64, before: i64) -> Vec<u8> {
    let names = ["mail.test".to_owned(), "autodiscover.test".to_owned()];
    let mut params = CertificateParams::new(names).unwrap();
    let now = rcgen::date_time_ymd(1970, 1, 1);
    let today = jiff::Timestamp::now().as_second() / 86_400;
    let day = |day: i64| now + std::time::Duration::from_hours(u64::try_from(day * 24).unwrap());
    params.not_before = day(today - behind);
    params.not_after = day(today + before);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let home = site.path().join("data/acme");
    std::fs::create_dir_all(&home).unwrap();
    let both = format!("{}{certificate}", key.serialize_pem());
    std::fs::write(home.join("certificate.pem"), &both).unwrap();
    std::fs::write(site.path().join("own.crt"), certificate).unwrap();
    both.into_bytes()
}

fn issued_to_both_names(site: &Site, pebble: &Pebble, server: &Server) {
    server.wait_for("new certificate in force");
    let root = site.path().join("root.crt");
    pebble.root(&root);
    for name in ["mail.test", "autodiscover.test"] {
        succeeded(&ask(server, name, &root));
    }
}

#[test]
fn http_01_from_no_certificate_to_one_that_is_kept() {
    let (site, ports) = (Site::new(""), ports());
    let pebble = Pebble::start(&site, ports, None);
    configure(&site, ports, &pebble, "");
    assert!(site.ok(&["check"]).contains("mail.test"));
    let server = site.serve();
    // A session from before the certificate came goes on after it.
    let mut session = Lines::connect(server.address("pop3"));
    assert!(session.line().starts_with("+OK"));
    issued_to_both_names(&site, &pebble, &server);
    assert!(session.ask("NOOP").starts_with("-ERR"));
    let home = site.path().join("data/acme");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home), 0o700);
    let mut kept = 0;
    for file in std::fs::read_dir(&home).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
        kept += 1;
    }
    assert_eq!(kept, 3, "account, attempts, certificate");
    // At port 80 nothing else is told, and the question is closed.
    let other = format!("http://127.0.0.1:{}/healthz/live", ports.http);
    let answer = curl(
        &site.path().join("ca.crt"),
        &["-o", "/dev/null", "-w", "%{http_code}", &other],
    );
    assert_eq!(succeeded(&answer), "404");
    server.stop();

    // What is kept is used, and nobody is asked.
    let server = site.serve();
    succeeded(&ask(&server, "mail.test", &site.path().join("root.crt")));
    assert!(!server.log().contains("asking for a certificate"));
}

#[test]
fn tls_alpn_01() {
    let (site, ports) = (Site::new(""), ports());
    let pebble = Pebble::start(&site, ports, None);
    configure(&site, ports, &pebble, "challenge = \"tls-alpn-01\"");
    let server = site.serve();
    issued_to_both_names(&site, &pebble, &server);
    server.wait_for("an authority had what it asked for over TLS");
}

/// The authority has forgotten the account since, as Pebble does when it starts again.
#[test]
fn a_certificate_with_less_than_a_third_of_its_life_is_renewed() {
    let (site, ports) = (Site::new(""), ports());
    let pebble = Pebble::start(&site, ports, None);
    configure(&site, ports, &pebble, "");
    keep_own(&site, 50, 40);
    let server = site.serve();
    succeeded(&ask(&server, "mail.test", &site.path().join("own.crt")));
    assert!(
        !server.log().contains("asking for a certificate"),
        "it is young"
    );
    server.stop();

    keep_own(&site, 70, 20);
    let server = site.serve();
    issued_to_both_names(&site, &pebble, &server);
    server.stop();
    drop(pebble);

    let pebble = Pebble::start(&site, ports, None);
    keep_own(&site, 70, 20);
    // As an hour later.
    std::fs::remove_file(site.path().join("data/acme/attempts.json")).unwrap();
    let server = site.serve();
    issued_to_both_names(&site, &pebble, &server);
}

#[test]
fn a_failure_leaves_the_certificate_in_force_and_says_what_to_do() {
    let (site, ports) = (Site::new(""), ports());
    // The authority asks at a port where nobody is.
    let elsewhere = Ports {
        http: free_port(),
        ..ports
    };
    let pebble = Pebble::start(&site, elsewhere, None);
    configure(&site, ports, &pebble, "");
    let own = keep_own(&site, 80, 10);
    let server = site.serve();
    let line = server.wait_for("no certificate was got");
    assert!(
        line.contains("at port 80") && line.contains("was not proved to be ours"),
        "{line}"
    );
    succeeded(&ask(&server, "mail.test", &site.path().join("own.crt")));
    let home = site.path().join("data/acme");
    assert_eq!(std::fs::read(home.join("certificate.pem")).unwrap(), own);
    server.stop();

    // Started again, it does not ask again at once.
    let attempts = std::fs::read_to_string(home.join("attempts.json")).unwrap();
    let attempts: serde_json::Value = serde_json::from_str(&attempts).unwrap();
    assert_eq!(attempts["failures"], 1);
    assert!(attempts["not_before"].as_i64().unwrap() >= attempts["last"].as_i64().unwrap() + 60);
    let server = site.serve();
    succeeded(&ask(&server, "mail.test", &site.path().join("own.crt")));
    assert!(!server.log().contains("asking for a certificate"));
}

#[test]
fn an_account_that_the_authority_knows_by_other_ways() {
    let mac = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let (site, ports) = (Site::new(""), ports());
    let pebble = Pebble::start(&site, ports, Some(("kid-1", mac)));
    configure(&site, ports, &pebble, "");
    let server = site.serve();
    let line = server.wait_for("no certificate was got");
    assert!(line.contains("external_account_key_file"), "{line}");
    // Until there is one, clients get one that they refuse.
    assert!(
        !ask(&server, "mail.test", &site.path().join("ca.crt"))
            .status
            .success()
    );
    server.stop();

    std::fs::write(site.path().join("mac"), format!("{mac}\n")).unwrap();
    std::fs::remove_file(site.path().join("data/acme/attempts.json")).unwrap();
    let more = "external_account = \"kid-1\"\nexternal_account_key_file = \"mac\"";
    configure(&site, ports, &pebble, more);
    let server = site.serve();
    issued_to_both_names(&site, &pebble, &server);
}
