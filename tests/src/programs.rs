//! Programs that the tests run.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

/// The `fieldpost` binary of this build, built now if it is older than its sources.
///
/// # Panics
/// If it does not build.
pub fn fieldpost() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let test = std::env::current_exe().expect("a test knows its own path");
        // target/PROFILE/deps/test-HASH
        let profile = test
            .ancestors()
            .nth(2)
            .expect("tests lie in target/PROFILE/deps");
        let release = profile.ends_with("release");
        let mut build = Command::new(env!("CARGO"));
        build.args([
            "build",
            "--quiet",
            "--package",
            "fieldpost-server",
            "--bin",
            "fieldpost",
        ]);
        build.current_dir(env!("CARGO_MANIFEST_DIR"));
        // What cargo tells a test of its package would look like a change to build scripts that ask for it (ring's does), and with it
        // half of the binary would be built anew.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                build.env_remove(&*name);
            }
        }
        if let Some(target) = profile.parent() {
            build.arg("--target-dir").arg(target);
        }
        if release {
            build.arg("--release");
        }
        assert!(
            build.status().expect("cargo runs").success(),
            "fieldpost does not build"
        );
        profile.join("fieldpost")
    })
}

/// Runs a foreign program to its end. One that is not installed is a failure that names the Debian package to install.
///
/// # Panics
/// If the program is not there.
pub fn run(package: &str, command: &mut Command) -> Output {
    match command.output() {
        Ok(output) => output,
        Err(error) => panic!(
            "{}: {error}; run `apt-get install {package}`, or `./test`, which installs all that the tests speak to",
            command.get_program().display()
        ),
    }
}

/// Demands that a program ended well; shows what it printed if it did not.
///
/// # Panics
/// If it did not end well.
pub fn succeeded(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}
