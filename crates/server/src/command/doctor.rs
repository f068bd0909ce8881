//! `fieldpost doctor`: looks at all that usually goes wrong, from the configuration to what the world sees.

mod certificates;
mod listeners;
mod machine;
mod network;
pub mod store;

use std::{io::Write, net::SocketAddr};

use clap::Args;
use serde::Serialize;

use super::{Context, check, context, show};
use crate::{
    config::Config,
    control,
    exchange::{Failure, FailureKind},
};

/// Arguments of `doctor`.
#[derive(Args)]
#[command(
    after_help = "Nothing is changed. Run it as root or as the server's user. Ends with 1 if something is a problem, with 0 if there are only \
                  warnings.\n\n\
                  Examples:\n  \
                  fieldpost doctor\n  \
                  fieldpost doctor --offline              what this machine alone can tell\n  \
                  fieldpost doctor --json | jq '.[] | select(.state != \"ok\")'"
)]
pub struct Arguments {
    /// Ask neither DNS nor the smarthost.
    #[arg(long)]
    offline: bool,
    /// Ask this DNS server, not the machine's own.
    #[arg(long, value_name = "ADDRESS:PORT")]
    dns_server: Option<SocketAddr>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// Where it belongs.
    area: &'static str,
    state: State,
    text: String,
    /// What to do about it; there unless all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_step: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Ok,
    /// It works, but should be looked at.
    Warning,
    /// It does not work, or soon will not.
    Problem,
}

impl Finding {
    fn ok(area: &'static str, text: impl Into<String>) -> Self {
        Self {
            area,
            state: State::Ok,
            text: text.into(),
            next_step: None,
        }
    }

    fn warning(area: &'static str, text: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self {
            state: State::Warning,
            next_step: Some(next_step.into()),
            ..Self::ok(area, text)
        }
    }

    fn problem(area: &'static str, text: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self {
            state: State::Problem,
            ..Self::warning(area, text, next_step)
        }
    }
}

/// Looks at everything.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let config = context.config()?;
    let findings = look(&arguments, &config, context)?;
    context.print(&findings, |out| write(&findings, out))?;
    let count = |state| findings.iter().filter(|one| one.state == state).count();
    let problems = count(State::Problem);
    if problems == 0 {
        return Ok(());
    }
    let warnings = count(State::Warning);
    let text = format!("{problems} problems, {warnings} warnings");
    Err(Failure::new(FailureKind::Failed, text)
        .advise("begin with the first problem: those after it may follow from it")
        .into())
}

fn look(arguments: &Arguments, config: &Config, context: &Context) -> anyhow::Result<Vec<Finding>> {
    let runtime = context::runtime()?;
    let now = jiff::Timestamp::now();
    let mut findings = configuration(config, now);
    let serving = runtime.block_on(server(config, &mut findings));
    findings.extend(machine::look(config, now));
    findings.extend(certificates::look(config, now));
    let domains = store::look(context, &mut findings);
    if serving {
        findings.extend(runtime.block_on(listeners::look(config)));
    }
    if !arguments.offline {
        let outside = network::look(config, &domains, arguments.dns_server);
        findings.extend(runtime.block_on(outside));
    }
    Ok(findings)
}

/// What `fieldpost check` finds.
fn configuration(config: &Config, now: jiff::Timestamp) -> Vec<Finding> {
    let report = check::examine(config, now);
    let (area, next) = ("configuration", "fieldpost check shows it in its place");
    let mut findings: Vec<Finding> = report
        .errors
        .into_iter()
        .map(|text| Finding::problem(area, text, next))
        .collect();
    let warnings = report.warnings.into_iter();
    findings.extend(warnings.map(|text| Finding::warning(area, text, next)));
    if findings.is_empty() {
        findings.push(Finding::ok(area, "nothing is wrong with it"));
    }
    findings
}

/// Whether the server runs, and is ours.
async fn server(config: &Config, findings: &mut Vec<Finding>) -> bool {
    let area = "server";
    let client = match control::connect(&config.control_socket()).await {
        Ok(Some(client)) => client,
        Ok(None) => {
            let text = format!("no server answers at {}", config.control_socket().display());
            findings.push(Finding::problem(
                area,
                text,
                "start it: systemctl start fieldpost; if it does not stay, journalctl -u fieldpost says why",
            ));
            return false;
        }
        Err(failure) => {
            let next = failure
                .next_step
                .unwrap_or_else(|| "look at its log".into());
            findings.push(Finding::problem(area, failure.message, next));
            return false;
        }
    };
    let (theirs, ours) = (client.version().to_owned(), env!("CARGO_PKG_VERSION"));
    findings.push(if theirs == ours {
        Finding::ok(area, format!("runs, version {theirs}"))
    } else {
        let text = format!("runs version {theirs}, and this is {ours}");
        Finding::warning(area, text, "systemctl restart fieldpost")
    });
    true
}

fn write(findings: &[Finding], out: &mut dyn Write) -> std::io::Result<()> {
    let mut area = "";
    for finding in findings {
        if finding.area != area {
            area = finding.area;
            writeln!(out, "{area}")?;
        }
        let state = match finding.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Problem => "PROBLEM",
        };
        writeln!(out, "  {state:8} {}", show::printable(&finding.text))?;
        if let Some(next_step) = &finding.next_step {
            writeln!(out, "           next: {}", show::printable(next_step))?;
        }
    }
    Ok(())
}
