//! `fieldpost account password ADDRESS`

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::Password;
use crate::{
    command::Context,
    engine::{self, Engine},
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `account password`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  fieldpost account password anna@example.org\n  \
                  fieldpost account password anna@example.org --generate"
)]
pub struct Arguments {
    /// The account, by any of its addresses.
    address: String,
    /// Read the password from the first line of standard input.
    #[arg(long, conflicts_with_all = ["generate", "remove"])]
    password_stdin: bool,
    /// Make a random password and print it.
    #[arg(long, conflicts_with = "remove")]
    generate: bool,
    /// Take the password away: nobody can sign in until a new one is set.
    #[arg(long)]
    remove: bool,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    address: String,
    password: Option<Password>,
}

/// Nothing but that it is done.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    address: String,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let password = if arguments.remove {
        None
    } else if arguments.generate {
        Some(Password::generate()?)
    } else {
        Some(Password::read(arguments.password_stdin)?)
    };
    let shown = password.clone().filter(|_| arguments.generate);
    let answer: Answer = context.call(Operation::AccountPassword(Request {
        address: arguments.address,
        password,
    }))?;
    let mut json = serde_json::to_value(&answer)?;
    if let Some(password) = &shown {
        json["password"] = password.expose().into();
    }
    context.print(&json, |out| {
        writeln!(out, "the password of {} is changed", answer.address)?;
        match &shown {
            Some(password) => writeln!(out, "password: {}", password.expose()),
            None => Ok(()),
        }
    })
}

/// Sets it.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<Answer, Failure> {
    let account = engine.account(&request.address)?;
    let secret = request.password.as_ref().map(Password::secret);
    engine
        .directory
        .set_password(account.id, secret)
        .await
        .map_err(engine::of_directory)?;
    Ok(Answer {
        address: account.address.to_unicode(),
    })
}
