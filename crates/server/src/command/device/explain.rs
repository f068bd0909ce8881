//! `fieldpost device explain ADDRESS DEVICE`

use std::sync::Arc;

use clap::Args;
use fieldpost_directory::Protocol;
use fieldpost_mailbox::device::PolicyState;
use serde::{Deserialize, Serialize};

use super::{DeviceRow, Which, moment};
use crate::{
    command::{Context, folder::FolderRow, show},
    config::ActiveSyncSection,
    engine::{self, Engine},
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `device explain`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    which: Which,
}

/// How a device gets on.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    device: DeviceRow,
    /// Whether it may speak, and why.
    access: String,
    /// Which policy it has taken.
    policy: String,
    /// What it waits for.
    waits: String,
    /// What went wrong, oldest first.
    troubles: Vec<Trouble>,
    /// The folders that it holds something of.
    folders: Vec<String>,
}

/// A request that went wrong.
#[derive(Deserialize, Serialize)]
pub struct Trouble {
    time: i64,
    command: String,
    status: u16,
    detail: String,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let answer: Answer = context.call(Operation::DeviceExplain(Request {
        which: arguments.which,
    }))?;
    context.print(&answer, |out| {
        let mut lines = answer.device.lines();
        for (name, value) in [
            ("access", answer.access.clone()),
            ("policy", answer.policy.clone()),
            ("waits", answer.waits.clone()),
            ("folders", answer.folders.join(", ")),
        ] {
            lines.push(vec![name.to_owned(), value]);
        }
        show::table(out, &lines)?;
        if answer.troubles.is_empty() {
            return writeln!(out, "\nnothing went wrong lately");
        }
        writeln!(out)?;
        let mut rows = vec![
            ["WHEN", "COMMAND", "STATUS", "WHAT WENT WRONG"]
                .map(String::from)
                .to_vec(),
        ];
        rows.extend(answer.troubles.iter().map(|trouble| {
            vec![
                moment(trouble.time),
                trouble.command.clone(),
                trouble.status.to_string(),
                trouble.detail.clone(),
            ]
        }));
        show::table(out, &rows)
    })
}

/// Looks at all that decides about it.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<Answer, Failure> {
    let account = engine.account(&request.which.address)?;
    let (mailbox, device) = request.which.find(engine).await?;
    let access = if !account.enabled {
        "no: the account is disabled"
    } else if !account.protocols.allows(Protocol::ActiveSync) {
        "no: the account may not use ActiveSync"
    } else {
        "yes"
    };
    let section = &engine.config.activesync;
    let digest = section.settings(String::new()).policy.digest();
    let all = FolderRow::all(&mailbox).await?;
    let path = |id: u64| {
        all.iter()
            .find(|row| row.id == id)
            .map(|row| row.path.clone())
    };
    let held = mailbox
        .device_folders(&device.id)
        .await
        .map_err(engine::of_mailbox)?;
    let waits = match &device.attention {
        None => "it never asked for changes to be told".to_owned(),
        Some(attention) => {
            let folders: Vec<_> = attention
                .folders
                .iter()
                .filter_map(|folder| path(folder.0))
                .collect();
            format!("up to {} s, in {}", attention.heartbeat, folders.join(", "))
        }
    };
    Ok(Answer {
        access: access.into(),
        policy: explain_policy(&device.policy, digest, section).into(),
        waits,
        troubles: device
            .traces
            .iter()
            .map(|trace| Trouble {
                time: trace.time,
                command: trace.command.clone(),
                status: trace.status,
                detail: trace.detail.clone(),
            })
            .collect(),
        folders: held.iter().filter_map(|folder| path(folder.0)).collect(),
        device: DeviceRow::of(&device),
    })
}

fn explain_policy(state: &PolicyState, in_force: u64, section: &ActiveSyncSection) -> &'static str {
    match *state {
        PolicyState {
            key: 0, offered: 0, ..
        } if section.require_policy => {
            "none taken: it is turned away until it takes it ([activesync] require_policy)"
        }
        PolicyState {
            key: 0, offered: 0, ..
        } => "none taken, and none is required",
        PolicyState { key: 0, .. } => "offered; it has not confirmed it",
        PolicyState { taken, .. } if taken != in_force => {
            "an older one: it is turned away until it takes the one in force"
        }
        _ => "it has taken the one in force",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_of_a_policy_has_its_words() {
        let explain = |key, offered, taken, require_policy| {
            let state = PolicyState {
                key,
                offered,
                taken,
                on_offer: 9,
            };
            let section = ActiveSyncSection {
                require_policy,
                ..ActiveSyncSection::default()
            };
            explain_policy(&state, 9, &section)
        };
        assert!(explain(0, 0, 0, false).contains("none is required"));
        assert!(explain(0, 0, 0, true).contains("turned away"));
        assert!(explain(0, 5, 0, true).contains("offered"));
        assert!(explain(4, 5, 8, false).contains("older"));
        assert!(explain(4, 5, 9, false).contains("the one in force"));
    }
}
