//! The store, as the process that has it open sees it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Finding;
use crate::{
    command::Context,
    engine::{self, CHECK_IT, Engine},
    exchange::Failure,
    operation::Operation,
};

/// Nothing is needed.
#[derive(Deserialize, Serialize)]
pub struct Request {}

/// What can be told without a walk over everything.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    accounts: usize,
    domains: Vec<String>,
    /// Why it takes no writes.
    read_only: Option<String>,
    damage: Vec<String>,
    upkeep_error: Option<String>,
}

/// Asks for it. Returns the domains.
pub fn look(context: &Context, findings: &mut Vec<Finding>) -> Vec<String> {
    let area = "store";
    let answer: Answer = match context.call(Operation::Doctor(Request {})) {
        Ok(answer) => answer,
        Err(error) => {
            let (text, next) = match error.downcast::<Failure>() {
                Ok(failure) => (failure.message, failure.next_step),
                Err(error) => (format!("{error:#}"), None),
            };
            let next = next.unwrap_or_else(|| CHECK_IT.into());
            findings.push(Finding::problem(area, text, next));
            return Vec::new();
        }
    };
    findings.push(match answer.read_only {
        None => Finding::ok(area, "takes writes"),
        Some(reason) => Finding::problem(
            area,
            format!("takes no writes: {reason}"),
            "make room on its disk, or look at the disk's health; then restart the server",
        ),
    });
    for damage in answer.damage {
        findings.push(Finding::problem(
            area,
            format!("damage: {damage}"),
            CHECK_IT,
        ));
    }
    if let Some(error) = answer.upkeep_error {
        findings.push(Finding::problem(
            area,
            format!("upkeep failed: {error}"),
            CHECK_IT,
        ));
    }
    findings.push(if answer.accounts == 0 {
        Finding::warning(area, "there is no account", "fieldpost account add ADDRESS")
    } else {
        let (accounts, domains) = (answer.accounts, answer.domains.len());
        Finding::ok(area, format!("{accounts} accounts in {domains} domains"))
    });
    answer.domains
}

/// Reads it.
pub fn operate(_: Request, engine: &Arc<Engine>) -> Result<Answer, Failure> {
    let stats = engine.storage.embedded().stats();
    let stats = stats.map_err(engine::of_store)?;
    let damage = stats.damage.iter().take(MAX_DAMAGE);
    Ok(Answer {
        accounts: engine.directory.accounts(),
        domains: engine
            .directory
            .domains()
            .into_iter()
            .map(|(domain, _)| domain)
            .collect(),
        read_only: stats.read_only,
        damage: damage.map(|damage| format!("{damage:?}")).collect(),
        upkeep_error: stats.upkeep_error,
    })
}

/// The most damaged places that are told; `fieldpost fsck` tells all.
const MAX_DAMAGE: usize = 20;
