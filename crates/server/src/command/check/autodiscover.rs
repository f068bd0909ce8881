//! `fieldpost check autodiscover ADDRESS`: walks the ways by which mail programs find their server.

mod verdict;
mod walk;

use std::{io::Write, net::SocketAddr, path::PathBuf};

use clap::Args;
use fieldpost_directory::Address;
use serde::Serialize;

use crate::{
    command::{Context, context, show},
    exchange::{Failure, FailureKind},
};
use walk::Walk;

/// Arguments of `check autodiscover`.
#[derive(Args)]
#[command(
    after_help = "Run it where your users are, not only on the server. Without a password it sees whether the server is found and asks \
                  for one; with it, what a program is told.\n\n\
                  Examples:\n  \
                  fieldpost check autodiscover anna@example.org\n  \
                  fieldpost check autodiscover anna@example.org --password-stdin < password\n  \
                  fieldpost check autodiscover anna@example.org --connect 127.0.0.1:443 --insecure   before DNS leads here"
)]
pub struct Arguments {
    /// Whose program looks for its server.
    address: String,
    /// Read the password from standard input, and sign in with it.
    #[arg(long)]
    password_stdin: bool,
    /// Connect to this server whatever host a URL names, and ask DNS nothing.
    #[arg(long, value_name = "ADDRESS:PORT")]
    connect: Option<SocketAddr>,
    /// Take every certificate.
    #[arg(long)]
    insecure: bool,
    /// The authorities that may vouch for certificates, in one PEM file.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Ask this DNS server, not the machine's own.
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "connect")]
    dns_server: Option<SocketAddr>,
}

/// What came of the ways.
#[derive(Debug, Serialize)]
struct Report {
    address: String,
    ways: Vec<Way>,
    /// Programs that don't find their server.
    lost: Vec<&'static str>,
}

/// One way that programs go.
#[derive(Debug, Serialize)]
struct Way {
    /// For whom: a way that is no use to one program may be all that another knows.
    clients: Clients,
    url: String,
    outcome: Outcome,
    /// What came, for people.
    came: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_step: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Clients {
    /// Phones, Outlook, Apple's Mail: Autodiscover in XML (MS-OXDISCO §3.1.5).
    Autodiscover,
    /// Outlook for phones and newer ones: Autodiscover in JSON.
    AutodiscoverJson,
    /// Thunderbird and its kin.
    Thunderbird,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// It leads to the server.
    Found,
    /// Nothing is there: programs try the next way.
    Absent,
    /// Something is there that stops programs, or frightens their users.
    Problem,
    /// It was not tried.
    Skipped,
}

/// Walks all ways.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let address: Address = arguments.address.parse().map_err(|error| {
        Failure::new(
            FailureKind::Usage,
            format!("{:?}: {error}", arguments.address),
        )
    })?;
    let walk = Walk::new(&arguments, &address, context)?;
    let ways = context::runtime()?.block_on(walk.all())?;
    let report = Report {
        address: arguments.address,
        lost: lost(&ways),
        ways,
    };
    context.print(&report, |out| write(&report, out))?;
    if report.lost.is_empty() {
        return Ok(());
    }
    let failure = Failure::new(
        FailureKind::Failed,
        format!("not found by {}", report.lost.join(", ")),
    );
    Err(failure
        .advise(format!(
            "fieldpost dns {} --check tells which records lack",
            address.domain()
        ))
        .into())
}

/// Who finds no way at all.
fn lost(ways: &[Way]) -> Vec<&'static str> {
    let is_lost = |clients: Clients| {
        !ways
            .iter()
            .any(|way| way.clients == clients && way.outcome == Outcome::Found)
    };
    let mut lost = Vec::new();
    if is_lost(Clients::Autodiscover) {
        lost.push("phones, Outlook and Apple's Mail");
    }
    // Who speaks JSON speaks XML when there is none.
    if is_lost(Clients::Thunderbird) {
        lost.push("Thunderbird");
    }
    lost
}

fn write(report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    for (clients, head) in [
        (
            Clients::Autodiscover,
            "Phones, Outlook, Apple's Mail (Autodiscover)",
        ),
        (
            Clients::AutodiscoverJson,
            "Outlook for phones (Autodiscover in JSON)",
        ),
        (Clients::Thunderbird, "Thunderbird and its kin"),
    ] {
        writeln!(out, "{head}")?;
        for way in report.ways.iter().filter(|way| way.clients == clients) {
            let outcome = match way.outcome {
                Outcome::Found => "found",
                Outcome::Absent => "absent",
                Outcome::Problem => "problem",
                Outcome::Skipped => "skipped",
            };
            writeln!(out, "  {outcome:8} {}", way.url)?;
            writeln!(out, "           {}", show::printable(&way.came))?;
            if let Some(next_step) = &way.next_step {
                writeln!(out, "           next: {next_step}")?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_one_way_is_not_lost() {
        let one = |clients, outcome| Way {
            clients,
            url: String::new(),
            outcome,
            came: String::new(),
            next_step: None,
        };
        assert_eq!(lost(&[]).len(), 2);
        let ways = [
            one(Clients::Autodiscover, Outcome::Absent),
            one(Clients::Autodiscover, Outcome::Found),
            one(Clients::Thunderbird, Outcome::Problem),
        ];
        assert_eq!(lost(&ways), ["Thunderbird"]);
    }
}
