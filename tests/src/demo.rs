//! `fieldpost demo` in a directory and on ports of its own.

use std::{
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use crate::programs;

/// A running demo server; killed when dropped.
#[derive(Debug)]
pub struct Demo {
    directory: PathBuf,
    ports: Ports,
    child: Option<Child>,
    /// Laid over its configuration.
    environment: Vec<(String, String)>,
    /// What `demo.json` says.
    pub facts: serde_json::Value,
}

impl Demo {
    /// Starts one in `directory` (kept between runs) and waits until it is ready.
    ///
    /// # Panics
    /// If it does not become ready.
    pub fn start(directory: &Path) -> Self {
        Self::start_with(directory, |_| Vec::new())
    }

    /// The same with keys of its configuration set, each as `SECTION__KEY`; they may name ports above its base that it does not
    /// use itself.
    ///
    /// # Panics
    /// If it does not become ready.
    pub fn start_with(
        directory: &Path,
        keys: impl FnOnce(u16) -> Vec<(&'static str, String)>,
    ) -> Self {
        let ports = Ports::reserve();
        let keys = keys(ports.base);
        let mut demo = Self {
            environment: keys
                .into_iter()
                .map(|(key, value)| (format!("FIELDPOST_{key}"), value))
                .collect(),
            directory: directory.to_owned(),
            ports,
            child: None,
            facts: serde_json::Value::Null,
        };
        demo.start_again();
        demo
    }

    /// Starts it again, in the same directory and on the same ports, after [`Self::kill`] or [`Self::stop`].
    ///
    /// # Panics
    /// If it does not become ready.
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "it is running");
        let mut child = Command::new(programs::fieldpost())
            .arg("demo")
            .arg("--dir")
            .arg(&self.directory)
            .arg("--port-base")
            .arg(self.ports.base.to_string())
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("fieldpost starts");
        let stdout = child.stdout.take().expect("stdout is a pipe");
        let stderr = child.stderr.take().expect("stderr is a pipe");
        let log = std::thread::spawn(move || {
            BufReader::new(stderr)
                .lines()
                .map_while(Result::ok)
                .collect::<Vec<_>>()
        });
        if let Err(printed) = wait_until_ready(stdout) {
            let status = child.wait();
            panic!(
                "demo is not ready: {status:?}\n{printed}\n{}",
                log.join().unwrap_or_default().join("\n")
            );
        }
        self.child = Some(child);
        let facts = std::fs::read(self.directory.join("demo.json"))
            .expect("demo.json is there once the demo is ready");
        self.facts = serde_json::from_slice(&facts).expect("demo.json is JSON");
    }

    /// kill -9.
    ///
    /// # Panics
    /// If the process can't be killed.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the process is ours");
            child.wait().expect("the process is ours");
        }
    }

    /// SIGTERM, and waits for its end.
    ///
    /// # Panics
    /// If it does not end well.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = child.id().to_string();
            programs::succeeded(&programs::run(
                "procps",
                Command::new("kill").args(["-TERM", &pid]),
            ));
            let status = child.wait().expect("the process is ours");
            assert!(status.success(), "{status}");
        }
    }

    /// What its ports stand above.
    pub fn port_base(&self) -> u16 {
        self.ports.base
    }

    /// The process id of the running server.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A listener's `address:port`, by its key in `demo.json`.
    ///
    /// # Panics
    /// If there is none.
    pub fn address(&self, key: &str) -> String {
        self.facts[key]
            .as_str()
            .unwrap_or_else(|| panic!("demo.json has no {key}"))
            .to_owned()
    }

    /// Address and password of an account.
    ///
    /// # Panics
    /// If there is none.
    pub fn account(&self, number: usize) -> (String, String) {
        let account = &self.facts["accounts"][number];
        let text = |key: &str| {
            account[key]
                .as_str()
                .unwrap_or_else(|| panic!("account has no {key}"))
                .to_owned()
        };
        (text("address"), text("password"))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Reads what the demo prints until it says that it is ready; what it printed if it never does.
fn wait_until_ready(stdout: ChildStdout) -> Result<(), String> {
    let mut printed = String::new();
    let mut lines = BufReader::new(stdout);
    loop {
        let start = printed.len();
        match lines.read_line(&mut printed) {
            Ok(0) | Err(_) => return Err(printed),
            Ok(_) if printed[start..].to_lowercase().contains("ready") => break,
            Ok(_) => {}
        }
    }
    // The rest is read and forgotten, so that the server never waits for us.
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    Ok(())
}

/// A port base that no other test uses: the port at the base itself is held for as long as this lives.
#[derive(Debug)]
struct Ports {
    base: u16,
    _held: TcpListener,
}

impl Ports {
    fn reserve() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        // Below the kernel's ephemeral ports (32768 and up), so that no outgoing connection takes one of ours.
        let bases = 10..31;
        let start = std::process::id() as u16 % 21;
        for _ in bases.clone() {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            let base = 1000 * (10 + (start + step) % 21);
            if let Ok(held) = TcpListener::bind((Ipv4Addr::LOCALHOST, base)) {
                return Self { base, _held: held };
            }
        }
        panic!("no free port base between 10000 and 31000");
    }
}
