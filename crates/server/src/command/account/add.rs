//! `fieldpost account add ADDRESS`

use std::sync::Arc;

use clap::Args;
use fieldpost_directory::NewAccount;
use serde::{Deserialize, Serialize};

use super::{AccountRow, Password, parse_address};
use crate::{
    command::Context,
    config::ByteSize,
    engine::{self, Engine},
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `account add`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  fieldpost account add anna@example.org --display-name \"Anna Berg\"\n  \
                  pwgen -s 20 1 | fieldpost account add bo@example.org --password-stdin\n  \
                  fieldpost account add info@example.org --generate --quota-bytes \"2 GiB\""
)]
pub struct Arguments {
    /// The account's address; its domain becomes a local domain.
    address: String,
    /// Read the password from the first line of standard input.
    #[arg(long, conflicts_with_all = ["generate", "no_password"])]
    password_stdin: bool,
    /// Make a random password and print it.
    #[arg(long)]
    generate: bool,
    /// No password yet: mail comes in, nobody signs in.
    #[arg(long, conflicts_with = "generate")]
    no_password: bool,
    /// The person's name.
    #[arg(long, default_value = "", value_name = "NAME")]
    display_name: String,
    /// A further address; may be given several times.
    #[arg(long = "alias", value_name = "ADDRESS")]
    aliases: Vec<String>,
    /// The most it may hold, such as "2 GiB"; 0 = no bound.
    #[arg(long, value_name = "SIZE")]
    quota_bytes: Option<ByteSize>,
    /// The most items it may hold; 0 = no bound.
    #[arg(long, value_name = "N")]
    quota_items: Option<u64>,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    address: String,
    aliases: Vec<String>,
    display_name: String,
    password: Option<Password>,
    quota_bytes: Option<u64>,
    quota_items: Option<u64>,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    // Before a password is asked for.
    parse_address(&arguments.address)?;
    let password = if arguments.no_password {
        None
    } else if arguments.generate {
        Some(Password::generate()?)
    } else {
        Some(Password::read(arguments.password_stdin)?)
    };
    let shown = password.clone().filter(|_| arguments.generate);
    let row: AccountRow = context.call(Operation::AccountAdd(Request {
        address: arguments.address,
        aliases: arguments.aliases,
        display_name: arguments.display_name,
        password,
        quota_bytes: arguments.quota_bytes.map(ByteSize::bytes),
        quota_items: arguments.quota_items,
    }))?;
    #[derive(Serialize)]
    struct Answer<'a> {
        #[serde(flatten)]
        row: &'a AccountRow,
        #[serde(skip_serializing_if = "Option::is_none")]
        password: Option<&'a str>,
    }
    let answer = Answer {
        row: &row,
        password: shown.as_ref().map(Password::expose),
    };
    context.print(&answer, |out| {
        writeln!(out, "account {} is {}", row.address, row.id)?;
        match answer.password {
            Some(password) => writeln!(out, "password: {password}"),
            None => Ok(()),
        }
    })
}

/// Makes the account.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<AccountRow, Failure> {
    let mut new = NewAccount::new(parse_address(&request.address)?);
    new.aliases = request
        .aliases
        .iter()
        .map(|alias| parse_address(alias))
        .collect::<Result<_, _>>()?;
    new.display_name = request.display_name;
    new.password = request.password.as_ref().map(Password::secret);
    let account = engine
        .directory
        .add(new)
        .await
        .map_err(engine::of_directory)?;
    let mailbox = engine.open_mailbox(account.id).await?;
    super::set::set_quota(&mailbox, request.quota_bytes, request.quota_items).await?;
    Ok(AccountRow::of(&account))
}
