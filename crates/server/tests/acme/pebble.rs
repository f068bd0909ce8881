//! A real authority: Pebble, Let's Encrypt's own for tests, with a DNS that leads every name to this machine.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::support::{Site, curl, succeeded};

/// A running Pebble; stopped when dropped.
pub struct Pebble {
    children: Vec<Child>,
    /// Its own site's authority, which vouches for the directory.
    ca: PathBuf,
    directory: u16,
    management: u16,
}

/// What it asks, and where.
#[derive(Clone, Copy)]
pub struct Ports {
    /// Where the directory is.
    pub directory: u16,
    /// Where http-01 is asked.
    pub http: u16,
    /// Where tls-alpn-01 is asked.
    pub tls: u16,
}

impl Pebble {
    /// Starts one whose files lie in `site`. With `external`, accounts need that key identifier and MAC key.
    pub fn start(site: &Site, ports: Ports, external: Option<(&str, &str)>) -> Self {
        site.certificate("pebble", &["localhost"]);
        let (dns, management) = (free_port(), free_port());
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{}", ports.directory),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": site.path().join("pebble.crt"),
            "privateKey": site.path().join("pebble.key"),
            "httpPort": ports.http,
            "tlsPort": ports.tls,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": external.is_some(),
            "externalAccountMACKeys": external.iter().copied().collect::<std::collections::HashMap<_, _>>(),
        }});
        let file = site.path().join("pebble.json");
        std::fs::write(&file, config.to_string()).unwrap();
        let names = run(
            Command::new("pebble-challtestsrv")
                .args([
                    "-defaultIPv6",
                    "",
                    "-http01",
                    "",
                    "-https01",
                    "",
                    "-tlsalpn01",
                    "",
                ])
                .arg("-dns01")
                .arg(format!("127.0.0.1:{dns}"))
                .arg("-management")
                .arg(format!("127.0.0.1:{}", free_port())),
            "Starting management server",
        );
        let authority = run(
            Command::new("pebble")
                .arg("-config")
                .arg(&file)
                .arg("-dnsserver")
                .arg(format!("127.0.0.1:{dns}"))
                .args(["-strict", "true"])
                .env("PEBBLE_VA_NOSLEEP", "1")
                // Of nonces that are good, so many are refused.
                .env("PEBBLE_WFE_NONCEREJECT", "2"),
            "ACME directory available",
        );
        Self {
            children: vec![names, authority],
            ca: site.path().join("ca.crt"),
            directory: ports.directory,
            management,
        }
    }

    /// The directory's URL.
    pub fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.directory)
    }

    /// Writes the certificate that vouches for what it gives, to `file`.
    pub fn root(&self, file: &Path) {
        let url = format!("https://localhost:{}/roots/0", self.management);
        std::fs::write(file, succeeded(&curl(&self.ca, &[&url]))).unwrap();
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for child in &mut self.children {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Starts a program and waits until it says `ready`.
fn run(command: &mut Command, ready: &str) -> Child {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("pebble is needed (Debian: apt-get install pebble)");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = String::new();
    let found = lines.by_ref().map_while(Result::ok).any(|line| {
        said.push_str(&line);
        said.push('\n');
        line.contains(ready)
    });
    assert!(found, "it ended:\n{said}");
    // Its further words are read, so that it can go on saying them.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    child
}
