//! The running server: signals, reload, limits, the control socket.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    process::Command,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use support::{FIELDPOST, Lines, Server, Site, curl, succeeded};

const LISTENERS: &str = "[tls]\ncertificates = [{ cert = \"server.crt\", key = \"server.key\" }]\nhandshake_timeout = \"5s\"\n\
    [[listener]]\nprotocol = \"pop3\"\naddress = \"127.0.0.1:0\"\n\
    [[listener]]\nprotocol = \"pop3s\"\naddress = \"127.0.0.1:0\"\n\
    [[listener]]\nprotocol = \"lmtp\"\nunix = \"lmtp.sock\"\n\
    [[listener]]\nprotocol = \"https\"\naddress = \"127.0.0.1:0\"\n";

fn site() -> Site {
    let site = Site::new(LISTENERS);
    site.certificate("server", &["localhost"]);
    site
}

#[test]
fn sigterm_drains_and_cuts_within_its_time() {
    let site = site();
    let mut server = site.serve();
    let mut idle = Lines::connect(server.address("pop3"));
    assert!(idle.line().starts_with("+OK"));
    server.signal(Signal::TERM);
    let took = server.wait();
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(server.log().contains("\"message\":\"stopped\""));
    // The client was not left hanging.
    idle.rest();
    assert!(!site.path().join("lmtp.sock").exists());
    assert!(!site.path().join("data/control.sock").exists());
}

#[test]
fn sighup_logs_the_difference_and_takes_what_can_be_taken() {
    let site = site();
    let server = site.serve();
    let port = server.address("https").port();
    let ready = format!("https://new.test:{port}/healthz/ready");
    let resolve = format!("new.test:{port}:127.0.0.1");
    let ask = || {
        curl(
            &site.path().join("ca.crt"),
            &["--resolve", &resolve, &ready],
        )
    };
    assert!(!ask().status.success(), "the certificate is for localhost");

    site.certificate("server", &["localhost", "new.test"]);
    site.configure(&format!(
        "level = \"debug\"\n{LISTENERS}[quota]\nitems = 5\n"
    ));
    server.signal(Signal::HUP);
    server.wait_for("\"message\":\"reloaded\"");
    let log = server.log();
    assert!(log.contains("\"key\":\"log.level\""), "{log}");
    assert!(log.contains("new certificate in force"), "{log}");
    let restart = server.wait_for("takes a restart");
    assert!(
        restart.contains("quota.items") && restart.contains("\"after\":\"5\""),
        "{restart}"
    );
    assert!(succeeded(&ask()).contains("\"ready\":true"));

    // A configuration that cannot be used changes nothing.
    site.configure("[nonsense]\n");
    server.signal(Signal::HUP);
    server.wait_for("not reloaded");
    assert!(ask().status.success());
    server.stop();
}

#[test]
fn commands_go_through_the_running_server_and_only_its_user_may_ask() {
    let site = site();
    let server = site.serve();
    site.add("anna@example.org", "a long enough password");
    // The server knows of it at once: the command did not open a store of its own.
    let mut pop3 = Lines::connect(server.address("pop3"));
    pop3.line();
    pop3.ask("USER anna@example.org");
    assert!(pop3.ask("PASS a long enough password").starts_with("+OK"));
    assert!(
        !server.log().contains("long enough"),
        "a password in the log"
    );

    let socket = site.path().join("data/control.sock");
    assert_eq!(
        std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777,
        0o600
    );
    if rustix::process::geteuid().is_root() {
        // Let others get as far as the socket: the peer's credentials are what keeps them out then.
        for path in [site.path(), &site.path().join("data"), &socket] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
        }
        std::fs::set_permissions(site.config(), std::fs::Permissions::from_mode(0o644)).unwrap();
        let program = site.path().join("fieldpost");
        std::fs::copy(FIELDPOST, &program).unwrap();
        let output = Command::new("setpriv")
            .args(["--reuid=65534", "--clear-groups", "--regid=65534"])
            .arg(&program)
            .arg("--config")
            .arg(site.config())
            .args(["account", "list"])
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains("root and its own user only"), "{error}");
        server.wait_for("control connection refused");
    }
    server.stop();
}

/// Fault: two processes on one data directory.
#[test]
fn fault_two_processes_on_one_data_directory() {
    let site = site();
    let server = site.serve();
    // A second server, with listeners of its own: the store is what it cannot have.
    let second = site.path().join("second.toml");
    std::fs::write(
        &second,
        "[server]\ndata_dir = \"data\"\ncontrol_socket = \"second.sock\"\n",
    )
    .unwrap();
    for command in [&["serve"][..], &["account", "list"]] {
        let output = Command::new(FIELDPOST)
            .arg("--config")
            .arg(&second)
            .args(command)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(6), "{error}");
        assert!(error.contains(&server.pid().to_string()), "{error}");
    }
    // The very same configuration: its addresses are taken, by a server that is ours.
    let port = server.address("pop3");
    let text = std::fs::read_to_string(site.config()).unwrap();
    let third = site.path().join("third.toml");
    let listener = format!("[[listener]]\nprotocol = \"pop3\"\naddress = \"{port}\"\n");
    std::fs::write(&third, text + &listener).unwrap();
    let output = Command::new(FIELDPOST)
        .arg("--config")
        .arg(&third)
        .arg("serve")
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(6), "{error}");
    assert!(error.contains("runs already"), "{error}");
    site.ok(&["account", "list"]);
    server.stop();
    site.ok(&["account", "list"]);
}

/// Fault 5: connections that never begin their handshake do not keep others out.
#[test]
fn fault_5_half_open_handshakes() {
    let site = site();
    site.configure(&LISTENERS.replace(
        "handshake_timeout = \"5s\"",
        "handshake_timeout = \"1h\"\nmax_handshakes = 20",
    ));
    let mut server = site.serve();
    let address = server.address("pop3s");
    // Descriptors of this process are the bound on how many there are at once.
    let count: usize =
        std::env::var("FIELDPOST_TEST_HALF_OPEN").map_or(500, |text| text.parse().unwrap());
    let silent: Vec<TcpStream> = (0..count)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    site.add("anna@example.org", "a long enough password");
    let url = format!("pop3s://localhost:{}/", address.port());
    let ca = site.path().join("ca.crt");
    succeeded(&curl(
        &ca,
        &["-u", "anna@example.org:a long enough password", &url],
    ));
    drop(silent);
    assert!(server.is_running());
    server.stop();
}

/// Fault: file descriptors used up. The server waits, says so, and goes on when there are some again.
#[test]
fn fault_file_descriptors_used_up() {
    let site = site();
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "ulimit -n 96; exec \"$0\" --config \"$1\" serve",
            FIELDPOST,
        ])
        .arg(site.config());
    let mut server = Server::start(command);
    let address = server.address("pop3");
    let held: Vec<TcpStream> = (0..150)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    let line = server.wait_for("cannot accept connections");
    assert!(line.contains("LimitNOFILE"), "{line}");
    drop(held);
    server.wait_for("accepting connections again");
    let mut pop3 = Lines::connect(address);
    assert!(pop3.line().starts_with("+OK"));
    assert!(server.is_running());
    server.stop();
}

/// Fault 6: connections that never sign in are bounded, and end by themselves.
#[test]
fn fault_6_idle_connections_before_sign_in_end() {
    let site = site();
    site.configure(&format!("{LISTENERS}[pop3]\nsign_in_timeout = \"1s\"\n"));
    let server = site.serve();
    let address = server.address("pop3");
    let began = Instant::now();
    let mut all: Vec<Lines> = (0..100).map(|_| Lines::connect(address)).collect();
    for connection in &mut all {
        connection.rest();
    }
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
    server.stop();
}
