//! `fieldpost init DIR`

use std::{
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;

use super::Context;
use crate::{
    config::{Config, REFERENCE},
    engine,
    exchange::{Failure, FailureKind},
};

/// Arguments of `init`.
#[derive(Args)]
#[command(
    after_help = "Writes DIR/fieldpost.toml, the commented reference with your values in it, and makes the data directory.\n\
                  Nothing that exists is overwritten.\n\n\
                  Examples:\n  sudo fieldpost init /etc/fieldpost --hostname mail.example.org\n  \
                  fieldpost init ./mail --data-dir ./mail/data"
)]
pub struct Arguments {
    /// Where to write the configuration; made if it is not there.
    directory: PathBuf,
    /// The name that the server greets with.
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// Where the store is to lie.
    #[arg(long, value_name = "DIR", default_value = SYSTEM_DATA)]
    data_dir: PathBuf,
    /// The certificate (PEM, whole chain); adds listeners for POP3S and HTTPS.
    #[arg(long, requires = "key", value_name = "FILE")]
    cert: Option<PathBuf>,
    /// Its key (PEM).
    #[arg(long, requires = "cert", value_name = "FILE")]
    key: Option<PathBuf>,
    /// The Unix socket on which the MTA delivers; a relative path counts from the data directory. Left out, it is
    /// /run/fieldpost/lmtp.sock beside the default data directory, and lmtp.sock in any other.
    #[arg(long, value_name = "PATH")]
    lmtp_socket: Option<PathBuf>,
}

/// What was written.
#[derive(Serialize)]
struct Answer {
    config: PathBuf,
    data_dir: PathBuf,
    next_steps: Vec<String>,
}

/// Writes the configuration.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    std::fs::create_dir_all(&arguments.directory).map_err(|error| {
        Failure::new(
            FailureKind::Failed,
            format!("{}: {error}", arguments.directory.display()),
        )
    })?;
    let file = arguments.directory.join("fieldpost.toml");
    let data_dir = std::path::absolute(&arguments.data_dir)?;
    let text = text(&arguments, &data_dir);
    // What we write must be what we read.
    let config = Config::parse(&text, &file, [])
        .map_err(|error| Failure::new(FailureKind::Configuration, error))?;
    let mut out = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&file)
        .map_err(|error| {
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                Failure::new(
                    FailureKind::Exists,
                    format!("{} exists already", file.display()),
                )
                .advise(format!(
                    "look at it with fieldpost check --config {}",
                    file.display()
                ))
            } else {
                Failure::new(FailureKind::Failed, format!("{}: {error}", file.display()))
            }
        })?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    engine::make_private_directory(&config.server.data_dir)?;
    let mut next_steps = vec![
        format!("fieldpost check --config {}", file.display()),
        format!(
            "fieldpost account add YOU@YOUR.DOMAIN --config {}",
            file.display()
        ),
        format!("fieldpost serve --config {}", file.display()),
    ];
    if arguments.cert.is_none() {
        next_steps.insert(
            0,
            format!(
                "name your certificate under [tls] in {}, and take POP3S and HTTPS into use",
                file.display()
            ),
        );
    }
    let answer = Answer {
        config: file,
        data_dir,
        next_steps,
    };
    context.print(&answer, |out| {
        writeln!(out, "configuration   {}", answer.config.display())?;
        writeln!(out, "data directory  {}\n", answer.data_dir.display())?;
        for step in &answer.next_steps {
            writeln!(out, "next: {step}")?;
        }
        Ok(())
    })
}

/// The reference file with the user's values in the place of the defaults, and listeners behind it.
fn text(arguments: &Arguments, data_dir: &Path) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut text = REFERENCE.replace(
        "data_dir = \"/var/lib/fieldpost\"",
        &format!("data_dir = {}", quoted(&data_dir.display().to_string())),
    );
    if let Some(hostname) = &arguments.hostname {
        text = text.replacen(
            "hostname = \"\"",
            &format!("hostname = {}", quoted(hostname)),
            1,
        );
    }
    let with_tls = if let (Some(cert), Some(key)) = (&arguments.cert, &arguments.key) {
        let absolute = |path: &PathBuf| {
            std::path::absolute(path)
                .unwrap_or_else(|_| path.clone())
                .display()
                .to_string()
        };
        text = text.replacen(
            "\ncertificates = []",
            &format!(
                "\ncertificates = [{{ cert = {}, key = {} }}]",
                quoted(&absolute(cert)),
                quoted(&absolute(key))
            ),
            1,
        );
        true
    } else {
        false
    };
    // Only the server may enter its data directory, so where an MTA of another user delivers, the socket lies elsewhere.
    let socket = match &arguments.lmtp_socket {
        Some(path) => data_dir.join(path),
        None if data_dir == Path::new(SYSTEM_DATA) => PathBuf::from("/run/fieldpost/lmtp.sock"),
        None => data_dir.join("lmtp.sock"),
    };
    text.push_str("\n[[listener]]\nprotocol = \"lmtp\"\nunix = ");
    text.push_str(&quoted(&socket.display().to_string()));
    text.push('\n');
    text.push_str(&format_listener("imap", "0.0.0.0:143"));
    text.push_str(&format_listener("pop3", "0.0.0.0:110"));
    if with_tls {
        for (protocol, address) in [
            ("imaps", "0.0.0.0:993"),
            ("imaps", "[::]:993"),
            ("pop3s", "0.0.0.0:995"),
            ("pop3s", "[::]:995"),
            ("https", "0.0.0.0:443"),
        ] {
            text.push_str(&format_listener(protocol, address));
        }
    }
    text
}

fn format_listener(protocol: &str, address: &str) -> String {
    format!("\n[[listener]]\nprotocol = \"{protocol}\"\naddress = \"{address}\"\n")
}

/// Where the packages keep the store.
const SYSTEM_DATA: &str = "/var/lib/fieldpost";
