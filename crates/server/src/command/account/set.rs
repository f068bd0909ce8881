//! `fieldpost account set ADDRESS …`

use std::sync::Arc;

use clap::{Args, ValueEnum};
use fieldpost_directory::{Account, AccountUpdate, Address, Protocol, SendRight};
use fieldpost_mailbox::{Limits, Mailbox};
use serde::{Deserialize, Serialize};

use super::{AccountRow, parse_address};
use crate::{
    command::Context,
    config::ByteSize,
    engine::{self, Engine},
    exchange::{Failure, FailureKind},
    operation::Operation,
};

/// Arguments of `account set`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  fieldpost account set anna@example.org --add-alias sales@example.org\n  \
                  fieldpost account set anna@example.org --disable\n  \
                  fieldpost account set office@example.org --add-send-on-behalf anna@example.org\n  \
                  fieldpost account set anna@example.org --quota-bytes \"5 GiB\" --without pop3"
)]
pub struct Arguments {
    /// The account, by any of its addresses.
    address: String,
    #[command(flatten)]
    change: Change,
}

#[derive(Args, Deserialize, Serialize)]
#[group(required = true, multiple = true)]
struct Change {
    /// A new primary address; the old one stays as a further one.
    #[arg(long, value_name = "ADDRESS")]
    primary: Option<String>,
    /// A further address to add; may be given several times.
    #[arg(long = "add-alias", value_name = "ADDRESS")]
    add_aliases: Vec<String>,
    /// A further address to take away.
    #[arg(long = "remove-alias", value_name = "ADDRESS")]
    remove_aliases: Vec<String>,
    /// The person's name.
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Let its user sign in.
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Let its user sign in no more; mail to it is refused.
    #[arg(long)]
    disable: bool,
    /// Allow a protocol: pop3, imap, activesync, submission, web.
    #[arg(long = "with", value_name = "PROTOCOL")]
    with: Vec<String>,
    /// Forbid a protocol.
    #[arg(long = "without", value_name = "PROTOCOL")]
    without: Vec<String>,
    /// Another account that may send as this one.
    #[arg(long, value_name = "ADDRESS")]
    add_send_as: Vec<String>,
    /// One that may no longer.
    #[arg(long, value_name = "ADDRESS")]
    remove_send_as: Vec<String>,
    /// Another account that may send on behalf of this one: recipients see who sent it.
    #[arg(long, value_name = "ADDRESS")]
    add_send_on_behalf: Vec<String>,
    /// One that may no longer.
    #[arg(long, value_name = "ADDRESS")]
    remove_send_on_behalf: Vec<String>,
    /// Whether a copy of what its user submits is put into Sent, for programs that keep none themselves; "default" = as
    /// `[submission] save_sent` says.
    #[arg(long, value_name = "WHEN")]
    save_sent: Option<SaveSent>,
    /// The most it may hold, such as "2 GiB"; 0 = no bound.
    #[arg(long, value_name = "SIZE")]
    quota_bytes: Option<ByteSize>,
    /// The most items it may hold; 0 = no bound.
    #[arg(long, value_name = "N")]
    quota_items: Option<u64>,
}

#[derive(Clone, Copy, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum SaveSent {
    Yes,
    No,
    Default,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    address: String,
    change: Change,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let row: AccountRow = context.call(Operation::AccountSet(Request {
        address: arguments.address,
        change: arguments.change,
    }))?;
    context.print(&row, |out| {
        writeln!(out, "account {} is changed", row.address)
    })
}

/// Changes the account.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<AccountRow, Failure> {
    let account = engine.account(&request.address)?;
    let change = request.change;
    let addresses = |list: &[String]| {
        list.iter()
            .map(|text| parse_address(text))
            .collect::<Result<Vec<_>, _>>()
    };
    let mut protocols = account.protocols;
    for name in &change.with {
        protocols = protocols.with(protocol(name)?);
    }
    for name in &change.without {
        protocols = protocols.without(protocol(name)?);
    }
    let primary = change.primary.as_deref().map(parse_address).transpose()?;
    let remove_aliases = addresses(&change.remove_aliases)?;
    for address in &remove_aliases {
        check_removal(address, &account, primary.as_ref())?;
    }
    let find = |texts: &[String]| -> Result<Vec<_>, Failure> {
        let ids = texts.iter().map(|text| Ok(engine.account(text)?.id));
        ids.collect()
    };
    let senders = [
        (
            SendRight::SendAs,
            find(&change.add_send_as)?,
            find(&change.remove_send_as)?,
        ),
        (
            SendRight::SendOnBehalf,
            find(&change.add_send_on_behalf)?,
            find(&change.remove_send_on_behalf)?,
        ),
    ];
    let update = AccountUpdate {
        address: primary,
        add_aliases: addresses(&change.add_aliases)?,
        remove_aliases,
        display_name: change.display_name,
        enabled: match (change.enable, change.disable) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        },
        protocols: (protocols != account.protocols).then_some(protocols),
        save_sent: change.save_sent.map(|wanted| match wanted {
            SaveSent::Yes => Some(true),
            SaveSent::No => Some(false),
            SaveSent::Default => None,
        }),
    };
    let account = engine
        .directory
        .set(account.id, update)
        .await
        .map_err(engine::of_directory)?;
    for (right, add, remove) in senders {
        if !add.is_empty() || !remove.is_empty() {
            let set = engine.directory.set_senders(account.id, right, add, remove);
            set.await.map_err(engine::of_directory)?;
        }
    }
    if change.quota_bytes.is_some() || change.quota_items.is_some() {
        let mailbox = engine.open_mailbox(account.id).await?;
        set_quota(
            &mailbox,
            change.quota_bytes.map(ByteSize::bytes),
            change.quota_items,
        )
        .await?;
    }
    Ok(AccountRow::of(&account))
}

/// Whether `address` can be taken from `account`, which is to have `primary` as its primary address from now on if that is
/// given.
fn check_removal(
    address: &Address,
    account: &Account,
    primary: Option<&Address>,
) -> Result<(), Failure> {
    let unicode = address.to_unicode();
    if address == primary.unwrap_or(&account.address) {
        return Err(Failure::new(
            FailureKind::Usage,
            format!("{unicode} is the primary address, which an account always has"),
        )
        .advise("name another one with --primary ADDRESS, and this one becomes a further one"));
    }
    if *address != account.address && !account.aliases.contains(address) {
        return Err(Failure::new(
            FailureKind::NotFound,
            format!("{} has no address {unicode}", account.address.to_unicode()),
        )
        .advise(format!(
            "fieldpost account show {} tells which it has",
            account.address.to_unicode()
        )));
    }
    Ok(())
}

/// Sets what is given of a quota, and leaves the rest.
pub async fn set_quota(
    mailbox: &Mailbox,
    bytes: Option<u64>,
    items: Option<u64>,
) -> Result<(), Failure> {
    if bytes.is_none() && items.is_none() {
        return Ok(());
    }
    let now = mailbox.quota().await.map_err(engine::of_mailbox)?.limits;
    let limits = Limits {
        bytes: bytes.unwrap_or(now.bytes),
        items: items.unwrap_or(now.items),
    };
    mailbox.set_quota(limits).await.map_err(engine::of_mailbox)
}

fn protocol(name: &str) -> Result<Protocol, Failure> {
    Protocol::from_name(name).ok_or_else(|| {
        let known: Vec<_> = Protocol::ALL.iter().map(|one| one.name()).collect();
        Failure::new(
            FailureKind::Usage,
            format!("there is no protocol {name}; known: {}", known.join(", ")),
        )
    })
}
