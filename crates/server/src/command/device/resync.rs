//! `fieldpost device resync ADDRESS DEVICE`

use std::sync::Arc;

use clap::Args;
use fieldpost_mailbox::FolderId;
use serde::{Deserialize, Serialize};

use super::Which;
use crate::{
    command::{Context, folder::FolderRow},
    engine::{self, Engine},
    exchange::{Failure, FailureKind},
    operation::Operation,
};

/// Arguments of `device resync`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Only this folder, by its path; left out, the list of folders and all of them.
    #[arg(long, value_name = "PATH")]
    folder: Option<String>,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    which: Which,
    folder: Option<String>,
}

/// What the device will fetch anew.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    device: String,
    folder: Option<String>,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let answer: Answer = context.call(Operation::DeviceResync(Request {
        which: arguments.which,
        folder: arguments.folder,
    }))?;
    context.print(&answer, |out| {
        let what = answer.folder.as_deref().unwrap_or("everything");
        writeln!(out, "device {} fetches {what} anew", answer.device)
    })
}

/// Forgets what the device holds; it learns of that with its next request.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<Answer, Failure> {
    let (mailbox, device) = request.which.find(engine).await?;
    let folder = match &request.folder {
        None => None,
        Some(path) => {
            let folders = FolderRow::all(&mailbox).await?;
            let row = folders.iter().find(|row| row.path == *path);
            let row = row.ok_or_else(|| {
                Failure::new(FailureKind::NotFound, format!("there is no folder {path}")).advise(
                    format!(
                        "fieldpost folder list {} shows those there are",
                        request.which.address
                    ),
                )
            })?;
            Some(FolderId(row.id))
        }
    };
    mailbox
        .forget_states(&device.id, folder)
        .await
        .map_err(engine::of_mailbox)?;
    Ok(Answer {
        device: device.id.to_string(),
        folder: request.folder,
    })
}
