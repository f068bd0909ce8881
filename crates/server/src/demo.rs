//! `fieldpost demo`: a server with accounts and mail in it, from one command, without root or configuration.
//!
//! All of it lies in one directory, kept between runs: a configuration file like any other, a certificate authority of
//! its own ([`Authority`]), the store with two accounts and their mail ([`mails`]), and `demo.json`, which tells
//! programs where to connect and with which passwords. Later runs change nothing of that but the ports.

mod authority;
mod compose;
mod files;
pub mod mails;
mod prepare;

use std::path::PathBuf;

use clap::Args;

use crate::{
    command::{Context, runtime},
    config::{Config, Protocol},
    exchange::{Failure, FailureKind},
    logging,
    server::{self, Server, Signals},
};

pub use authority::Authority;
use prepare::Prepared;

/// Arguments of `demo`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  fieldpost demo\n  fieldpost demo --dir /tmp/demo --port-base 20000\n\n\
                  Other commands work on the demo too, while it runs or not:\n  \
                  fieldpost --config DIR/fieldpost.toml account list"
)]
pub struct Arguments {
    /// Where to keep everything; made if it is not there.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Listen on N+143 (IMAP), N+993 (IMAP with TLS), N+110 (POP3), N+995 (POP3 with TLS), N+24 (LMTP), N+587
    /// (submission), N+465 (submission with TLS), N+443 (HTTPS), all on 127.0.0.1; left out, the ports are 1143, 1993, 1110, 1995,
    /// 1024, 1587, 1465 and 8443.
    #[arg(long, value_name = "N")]
    port_base: Option<u16>,
}

/// The ports of the demo.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ports {
    /// IMAP with STARTTLS.
    pub imap: u16,
    /// IMAP over TLS.
    pub imaps: u16,
    /// POP3 with STLS.
    pub pop3: u16,
    /// POP3 over TLS.
    pub pop3s: u16,
    /// LMTP.
    pub lmtp: u16,
    /// Submission with STARTTLS.
    pub submission: u16,
    /// Submission over TLS.
    pub submissions: u16,
    /// HTTPS.
    pub https: u16,
}

/// Runs the demo until a signal ends it.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let directory = match arguments.dir {
        Some(directory) => std::path::absolute(directory)?,
        None => default_directory()?,
    };
    let ports = Ports::from_base(arguments.port_base)?;
    server::raise_descriptor_limit();
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let mut signals = Signals::new()?;
        let prepared = Prepared::prepare(&directory, ports)?;
        let config: Config = prepared.config.clone();
        let log = logging::start(&config.log)
            .map_err(|error| Failure::new(FailureKind::Configuration, error))?;
        let start = Server::start(config, Some(prepared.config_file.clone()), Some(log));
        let Some(server) = signals.unless_stopped(start).await else {
            return Ok(());
        };
        let server = server?;
        let accounts = prepare::fill(&prepared, server.engine(), context).await?;
        prepared.write_facts(&accounts)?;
        server::notify(&[sd_notify::NotifyState::Ready]);
        prepare::print_welcome(&prepared, &accounts)?;
        server.run(signals).await?;
        Ok(())
    });
    runtime.shutdown_background();
    ended
}

impl Ports {
    /// The ports above `base`, or those of the demo without one.
    pub fn from_base(base: Option<u16>) -> Result<Self, Failure> {
        let Some(base) = base else {
            return Ok(Self {
                imap: 1143,
                imaps: 1993,
                pop3: 1110,
                pop3s: 1995,
                lmtp: 1024,
                submission: 1587,
                submissions: 1465,
                https: 8443,
            });
        };
        let above = |offset: u16| {
            base.checked_add(offset).ok_or_else(|| {
                Failure::new(
                    FailureKind::Usage,
                    format!("port base {base} is too high: {base} + {offset} is no port"),
                )
                .advise("64000 is the highest that works")
            })
        };
        Ok(Self {
            imap: above(143)?,
            imaps: above(993)?,
            pop3: above(110)?,
            pop3s: above(995)?,
            lmtp: above(24)?,
            submission: above(587)?,
            submissions: above(465)?,
            https: above(443)?,
        })
    }

    /// The listeners, in the order of the welcome.
    pub fn listeners(self) -> [(Protocol, u16); 8] {
        [
            (Protocol::Imap, self.imap),
            (Protocol::Imaps, self.imaps),
            (Protocol::Pop3, self.pop3),
            (Protocol::Pop3s, self.pop3s),
            (Protocol::Lmtp, self.lmtp),
            (Protocol::Submission, self.submission),
            (Protocol::Submissions, self.submissions),
            (Protocol::Https, self.https),
        ]
    }
}

fn default_directory() -> anyhow::Result<PathBuf> {
    let base = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".local/share")));
    match base {
        Some(base) => Ok(base.join("fieldpost-demo")),
        None => Ok(std::env::current_dir()?.join("fieldpost-demo")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_stand_above_their_base_and_never_wrap() {
        let ports = Ports::from_base(Some(20_000)).unwrap();
        assert_eq!(
            (ports.imap, ports.imaps, ports.pop3, ports.pop3s),
            (20_143, 20_993, 20_110, 20_995)
        );
        assert_eq!((ports.lmtp, ports.https), (20_024, 20_443));
        assert_eq!((ports.submission, ports.submissions), (20_587, 20_465));
        assert_eq!(Ports::from_base(None).unwrap().lmtp, 1024);
        assert!(Ports::from_base(Some(65_000)).is_err());
    }
}
