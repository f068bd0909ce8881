//! The contract on a real PostgreSQL server, started and stopped by the test.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use fieldpost_store::postgres::PostgresStore;

use super::suite;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    let server = Server::start();
    for (number, (name, check)) in suite::ALL.iter().enumerate() {
        println!("postgres: {name}");
        let database = format!("contract{number}");
        server.run(
            "createdb",
            &["-h", server.socket(), "-U", "fieldpost", &database],
        );
        let config = format!("host={} user=fieldpost dbname={database}", server.socket());
        check(PostgresStore::open(&config, 8).await.unwrap()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sweep_takes_what_nobody_holds() {
    use bytes::Bytes;
    use fieldpost_store::{AccountId, Commit, StageOptions, Store};

    let server = Server::start();
    let config = format!("host={} user=fieldpost dbname=postgres", server.socket());
    let store = PostgresStore::open(&config, 4).await.unwrap();
    let mut ids = Vec::new();
    for item in 0..2 {
        let mut writer = store.stage_body(StageOptions::default()).await.unwrap();
        writer.write(Bytes::from(vec![1; 100_000])).await.unwrap();
        let body = writer.finish().await.unwrap();
        ids.push(body.id);
        let mut commit = Commit::new(AccountId(1));
        commit.hold(body.id, item).bodies.push(body);
        store.commit(commit).await.unwrap();
    }
    let mut commit = Commit::new(AccountId(1));
    commit.release(ids[0], 0);
    store.commit(commit).await.unwrap();
    assert_eq!(
        store.sweep(3600.0).await.unwrap(),
        0,
        "within the grace period"
    );
    assert_eq!(store.sweep(0.0).await.unwrap(), 1);
    assert!(store.body(ids[0], 0..10).await.is_err());
    assert!(store.body(ids[1], 0..10).await.is_ok());
}

/// A server of its own, on a Unix socket in a directory of its own.
struct Server {
    programs: PathBuf,
    directory: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let server = Self {
            programs: programs(),
            directory: tempfile::tempdir().unwrap(),
        };
        // PostgreSQL refuses to run as root: then the directory is given to its own user.
        std::fs::set_permissions(server.directory.path(), PermissionsExt::from_mode(0o700))
            .unwrap();
        if is_root() {
            let path = server.directory.path().to_str().unwrap();
            assert!(
                Command::new("chown")
                    .args(["postgres", path])
                    .status()
                    .unwrap()
                    .success()
            );
        }
        let data = server.data();
        server.run(
            "initdb",
            &[
                "-D",
                &data,
                "-U",
                "fieldpost",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
            ],
        );
        let options = format!("-c listen_addresses= -k {}", server.socket());
        let log = format!("{}/log", server.socket());
        server.run(
            "pg_ctl",
            &["-D", &data, "-o", &options, "-l", &log, "-w", "start"],
        );
        server
    }

    fn data(&self) -> String {
        format!("{}/data", self.socket())
    }

    fn socket(&self) -> &str {
        self.directory.path().to_str().unwrap()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(&program);
            command
        } else {
            Command::new(&program)
        };
        // Into a file: the server that pg_ctl leaves behind would hold a pipe open.
        let errors = tempfile::NamedTempFile::new().unwrap();
        command
            .args(arguments)
            .current_dir("/")
            .stdout(Stdio::null())
            .stderr(errors.reopen().unwrap());
        let status = command.status().unwrap();
        let printed = std::fs::read_to_string(errors.path()).unwrap();
        assert!(
            status.success(),
            "{}: {status}\n{printed}",
            program.display()
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.run(
            "pg_ctl",
            &["-D", &self.data(), "-m", "immediate", "-w", "stop"],
        );
    }
}

/// Debian keeps the server's programs off the path, a directory a version.
fn programs() -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| {
            entries
                .flatten()
                .map(|entry| entry.path().join("bin"))
                .collect()
        })
        .unwrap_or_default();
    versions.retain(|path: &PathBuf| path.join("initdb").exists());
    versions.sort();
    versions
        .pop()
        .expect("PostgreSQL is not installed; run `apt-get install postgresql`")
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(Path::new("/proc/self")).unwrap().uid() == 0
}
