//! `fieldpost device log ADDRESS DEVICE`

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::Which;
use crate::{
    command::Context,
    config::Span,
    engine::{self, Engine},
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `device log`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// For how long: `30m`, `2h`. It ends by itself, after a day at most.
    #[arg(long = "for", value_name = "TIME", default_value = "1h")]
    time: Span,
    /// Ends it now.
    #[arg(long, conflicts_with = "time")]
    off: bool,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    which: Which,
    seconds: u64,
}

/// Until when the log is written.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    device: String,
    seconds: u64,
}

/// A log of everything that is forgotten would fill the disk and tell too much.
const LONGEST: u64 = 24 * 60 * 60;

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let seconds = if arguments.off {
        0
    } else {
        arguments.time.duration().as_secs().clamp(1, LONGEST)
    };
    let answer: Answer = context.call(Operation::DeviceLog(Request {
        which: arguments.which,
        seconds,
    }))?;
    context.print(&answer, |out| {
        if answer.seconds == 0 {
            return writeln!(out, "what device {} says is no longer logged", answer.device);
        }
        writeln!(
            out,
            "what device {} says and is told goes into the server's log (\"wire log\") for {} minutes, without the text of mails",
            answer.device,
            answer.seconds.div_ceil(60)
        )
    })
}

/// Sets until when the log is written.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<Answer, Failure> {
    let (mailbox, mut device) = request.which.find(engine).await?;
    let now = (engine.mailboxes.settings().clock)();
    device.wire_log_until = if request.seconds == 0 {
        0
    } else {
        now + request.seconds.min(LONGEST) as i64
    };
    mailbox
        .put_device(&device)
        .await
        .map_err(engine::of_mailbox)?;
    Ok(Answer {
        device: device.id.to_string(),
        seconds: request.seconds.min(LONGEST),
    })
}
