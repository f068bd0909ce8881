//! `fieldpost account import FILE`

use std::{fs::File, path::PathBuf, sync::Arc};

use clap::Args;
use fieldpost_directory::{ImportOptions, Line};
use serde::{Deserialize, Serialize};

use crate::{
    command::{Context, show},
    engine::{self, Engine},
    exchange::{Exchange, Failure, FailureKind},
    operation::Operation,
};

/// Arguments of `account import`.
#[derive(Args)]
#[command(
    after_help = "The file is a Dovecot passwd-file: user:{SCHEME}hash:uid:gid:gecos:home:shell:extra\n\
                  Schemes: ARGON2ID, SHA512-CRYPT, BLF-CRYPT, SSHA; PLAIN where [directory] allow_plain_import says so.\n\
                  Users keep their passwords; each hash is replaced by a better one when its user signs in next.\n\n\
                  Example:\n  fieldpost account import /etc/dovecot/users --default-domain example.org"
)]
pub struct Arguments {
    /// The passwd-file.
    file: PathBuf,
    /// The domain of users who have none.
    #[arg(long, value_name = "DOMAIN")]
    default_domain: Option<String>,
    /// Give accounts that exist already the file's password; otherwise they are left alone.
    #[arg(long)]
    replace_passwords: bool,
}

/// What the operation needs to know; the file is its input.
#[derive(Deserialize, Serialize)]
pub struct Request {
    default_domain: Option<String>,
    replace_passwords: bool,
}

/// What became of the file.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    taken: u64,
    skipped: Vec<SkippedLine>,
}

/// A line that was not taken.
#[derive(Deserialize, Serialize)]
pub struct SkippedLine {
    line: u64,
    user: String,
    reason: String,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let file = File::open(&arguments.file).map_err(|error| {
        Failure::new(
            FailureKind::NotFound,
            format!("{}: {error}", arguments.file.display()),
        )
    })?;
    let request = Operation::AccountImport(Request {
        default_domain: arguments.default_domain,
        replace_passwords: arguments.replace_passwords,
    });
    let answer: Answer = context.call_with(request, Some(Box::new(file)), &mut |_| Ok(()))?;
    context.print(&answer, |out| {
        writeln!(
            out,
            "{} accounts taken over, {} lines skipped",
            answer.taken,
            answer.skipped.len()
        )?;
        for line in &answer.skipped {
            writeln!(
                out,
                "  line {}: {}: {}",
                line.line,
                show::printable(&line.user),
                line.reason
            )?;
        }
        Ok(())
    })?;
    if !answer.skipped.is_empty() {
        context.remark(&format!(
            "fieldpost: {} lines were not taken over; correct them and import the file again: accounts that are there \
             are left as they are",
            answer.skipped.len()
        ));
    }
    Ok(())
}

/// Takes the accounts over.
pub async fn operate(
    request: Request,
    engine: &Arc<Engine>,
    exchange: &mut Exchange,
) -> Result<Answer, Failure> {
    let file = exchange.read_to_end(MAX_FILE).await?;
    let options = ImportOptions {
        default_domain: request.default_domain,
        allow_plain: engine.config.directory.allow_plain_import,
        replace_passwords: request.replace_passwords,
    };
    let import = engine
        .directory
        .import_passwd_file(std::io::Cursor::new(file), options)
        .await
        .map_err(engine::of_directory)?;
    let mut answer = Answer {
        taken: 0,
        skipped: Vec::new(),
    };
    let total = import.lines.len() as u64;
    for (done, (number, line)) in import.lines.into_iter().enumerate() {
        match line {
            Line::Taken(taken) => {
                answer.taken += 1;
                if let Some(quota) = taken.quota {
                    let mailbox = engine.open_mailbox(taken.account).await?;
                    super::set::set_quota(&mailbox, quota.bytes, quota.messages).await?;
                }
            }
            Line::Skipped { user, reason } => answer.skipped.push(SkippedLine {
                line: number,
                user,
                reason: reason.to_string(),
            }),
        }
        exchange.progress("accounts", done as u64 + 1, total);
    }
    Ok(answer)
}

/// The largest passwd-file: some hundred thousand users.
const MAX_FILE: usize = 64 << 20;
