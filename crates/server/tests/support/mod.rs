//! Runs the program as its users do: in a process of its own, with a configuration file in a directory of its own.
#![allow(dead_code, clippy::unwrap_used)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

/// The program under test.
pub const FIELDPOST: &str = env!("CARGO_BIN_EXE_fieldpost");

/// How long anything may take before it counts as hung.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A directory with a configuration.
pub struct Site {
    directory: tempfile::TempDir,
}

/// A running server.
pub struct Server {
    child: Child,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    lines: Mutex<(Vec<String>, bool)>,
    grown: Condvar,
}

impl Site {
    /// With `more` behind a configuration without listeners.
    pub fn new(more: &str) -> Self {
        let site = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        site.configure(more);
        site
    }

    /// Writes the configuration anew.
    pub fn configure(&self, more: &str) {
        let text = format!(
            "[server]\nhostname = \"mail.test\"\ndata_dir = \"data\"\ndrain = \"2s\"\n[log]\nformat = \"json\"\n{more}"
        );
        std::fs::write(self.config(), text).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("fieldpost.toml")
    }

    /// A certificate for `hosts`, by the site's authority; written as `name.crt` and `name.key`.
    pub fn certificate(&self, name: &str, hosts: &[&str]) {
        let (crt, key) = (self.path().join("ca.crt"), self.path().join("ca.key"));
        let authority = if crt.exists() {
            fieldpost_server::demo::Authority::from_pem(
                &std::fs::read_to_string(&crt).unwrap(),
                &std::fs::read_to_string(&key).unwrap(),
            )
            .unwrap()
        } else {
            let authority = fieldpost_server::demo::Authority::new("test").unwrap();
            std::fs::write(&crt, authority.certificate_pem()).unwrap();
            std::fs::write(&key, authority.key_pem()).unwrap();
            authority
        };
        let (certificate, key) = authority.issue(hosts).unwrap();
        std::fs::write(self.path().join(format!("{name}.crt")), certificate).unwrap();
        std::fs::write(self.path().join(format!("{name}.key")), key).unwrap();
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, b"")
    }

    /// The same, with `input` on standard input.
    pub fn run_with(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new(FIELDPOST)
            .arg("--config")
            .arg(self.config())
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads nothing closes its end.
        drop(child.stdin.take().unwrap().write_all(input));
        child.wait_with_output().unwrap()
    }

    /// Runs a command that must succeed; its standard output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        succeeded(&self.run(arguments))
    }

    /// The same with `--json`.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let mut all = vec!["--json"];
        all.extend(arguments);
        serde_json::from_str(&self.ok(&all)).unwrap()
    }

    /// Runs a command that must fail with `code`; its standard error.
    pub fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        error
    }

    /// Makes an account with a password.
    pub fn add(&self, address: &str, password: &str) {
        let output = self.run_with(
            &["account", "add", address, "--password-stdin"],
            format!("{password}\n").as_bytes(),
        );
        succeeded(&output);
    }

    /// Starts the server and waits until it is ready.
    pub fn serve(&self) -> Server {
        let mut command = Command::new(FIELDPOST);
        command.arg("--config").arg(self.config()).arg("serve");
        Server::start(command)
    }
}

impl Server {
    /// Starts `command` and waits until the log says that it is ready.
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Log::default());
        let stderr = child.stderr.take().unwrap();
        std::thread::spawn({
            let log = Arc::clone(&log);
            move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    log.lines.lock().unwrap().0.push(line);
                    log.grown.notify_all();
                }
                log.lines.lock().unwrap().1 = true;
                log.grown.notify_all();
            }
        });
        let server = Self { child, log };
        server.wait_for("\"message\":\"ready\"");
        server
    }

    /// Waits until a line of the log holds `text`; returns it.
    pub fn wait_for(&self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        let mut lines = self.log.lines.lock().unwrap();
        loop {
            if let Some(line) = lines.0.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            assert!(
                !lines.1,
                "the server has ended without {text}:\n{}",
                lines.0.join("\n")
            );
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {text} in:\n{}", lines.0.join("\n"));
            lines = self.log.grown.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// All of the log so far.
    pub fn log(&self) -> String {
        self.log.lines.lock().unwrap().0.join("\n")
    }

    /// Where `protocol` listens.
    pub fn address(&self, protocol: &str) -> SocketAddr {
        let lines = self.log.lines.lock().unwrap();
        lines
            .0
            .iter()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .find(|line| line["message"] == "listening" && line["protocol"] == protocol)
            .and_then(|line| line["endpoint"].as_str().unwrap().parse().ok())
            .unwrap()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end; how long it took.
    pub fn wait(&mut self) -> Duration {
        let began = Instant::now();
        let lines = self.log.lines.lock().unwrap();
        let goes_on = |lines: &mut (Vec<String>, bool)| !lines.1;
        let waited = self.log.grown.wait_timeout_while(lines, PATIENCE, goes_on);
        let is_over = !waited.unwrap().1.timed_out();
        assert!(is_over, "it does not end:\n{}", self.log());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}\n{}", self.log());
        began.elapsed()
    }

    /// SIGTERM and the end.
    pub fn stop(mut self) {
        self.signal(rustix::process::Signal::TERM);
        self.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A connection that is spoken to by lines.
pub struct Lines(BufReader<TcpStream>);

impl Lines {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    /// The next line; empty at the end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        drop(self.0.read_line(&mut line));
        line
    }

    /// Sends a line and reads one.
    pub fn ask(&mut self, line: &str) -> String {
        self.0
            .get_mut()
            .write_all(format!("{line}\r\n").as_bytes())
            .unwrap();
        self.line()
    }

    /// What comes until the end.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        drop(self.0.read_to_end(&mut rest));
        rest
    }
}

pub fn succeeded(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Runs curl with the site's authority.
pub fn curl(ca: &Path, arguments: &[&str]) -> Output {
    Command::new("curl")
        .args(["-sS", "--max-time", "30", "--cacert"])
        .arg(ca)
        .args(arguments)
        .output()
        .expect("curl is needed (Debian: apt-get install curl)")
}
