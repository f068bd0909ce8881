//! `fieldpost demo` in a directory and on ports of its own.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use crate::{log::Log, programs};

/// A running demo server; killed when dropped.
#[derive(Debug)]
pub struct Demo {
    directory: PathBuf,
    ports: Ports,
    child: Option<Child>,
    /// What each of its lives said.
    logs: Vec<Log>,
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
    /// use itself. `{life}` in them is 1 at its first start, 2 when it is started again, and so on.
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
            logs: Vec::new(),
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
        let life = (self.logs.len() + 1).to_string();
        let keys = self.environment.iter();
        let mut child = Command::new(programs::fieldpost())
            .arg("demo")
            .arg("--dir")
            .arg(&self.directory)
            .arg("--port-base")
            .arg(self.ports.base.to_string())
            .envs(keys.map(|(key, value)| (key, value.replace("{life}", &life))))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("fieldpost starts");
        let log = Log::default();
        log.hear(child.stdout.take().expect("stdout is a pipe"));
        log.hear(child.stderr.take().expect("stderr is a pipe"));
        self.logs.push(log.clone());
        self.child = Some(child);
        log.wait_for(1, &["Ready. Ctrl-C"]);
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

    /// What each of its lives said, the last one still goes on.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// Runs `fieldpost` with its configuration; what it printed.
    ///
    /// # Panics
    /// If it fails.
    pub fn fieldpost(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(programs::fieldpost());
        command
            .arg("--config")
            .arg(self.directory.join("fieldpost.toml"));
        programs::succeeded(&programs::run("fieldpost", command.args(arguments)))
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
