//! One event for each sign-in and each change, through `tracing`, under the target `fieldpost::audit`. The field names
//! are stable: log readers (fail2ban and the like) rely on them. A password is never among them, and neither is anything
//! derived from one.
//!
//! ActiveSync signs in with every request: there an accepted sign-in is told at level info when the account has not come from
//! that address for [`NEWS_AGAIN`], and at debug otherwise.
//!
//! | field | of sign-ins | of changes |
//! |---|---|---|
//! | `event` | `sign_in` | `account_added`, `account_changed`, `account_removed`, `password_changed`, `send_as_changed`, `send_on_behalf_changed` |
//! | `outcome` | `accepted`, `refused` | |
//! | `reason` | of a refusal | |
//! | `login` | the name as sent, cut and escaped | |
//! | `account`, `address` | if there is such an account | whose |
//! | `gained`, `lost` | | the accounts that may now, or no longer, send in its name |
//! | `protocol`, `mechanism`, `peer`, `secure`, `connection` | how and whence | |

use std::{net::IpAddr, time::Duration};

use fieldpost_store::AccountId;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    Account, Identity, Protocol, SendRight, SignInContext, SignInError, bounded::Generations,
    sasl::Mechanism,
};

/// Which clients signed in a short while ago, where every request does so: their first sign-in is news, the rest is not.
#[derive(Debug)]
pub(crate) struct Arrivals(Mutex<Generations<(AccountId, Option<IpAddr>), Instant>>);

impl Arrivals {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Generations::new(CAPACITY)))
    }

    /// Whether that the account is signed in, in that way and from there, is news.
    fn is_news(&self, account: AccountId, context: &SignInContext, now: Instant) -> bool {
        if context.protocol != Protocol::ActiveSync {
            // A connection signs in once.
            return true;
        }
        let mut seen = self.0.lock();
        let key = (account, context.peer.map(|peer| peer.to_canonical()));
        if seen
            .get_mut(key)
            .is_some_and(|told| now.duration_since(*told) < NEWS_AGAIN)
        {
            return false;
        }
        seen.insert(key, now);
        true
    }
}

/// A sign-in that was accepted.
pub(crate) fn accepted(
    login: &[u8],
    identity: &Identity,
    context: &SignInContext,
    arrivals: &Arrivals,
) {
    macro_rules! event {
        ($level:ident) => {
            tracing::$level!(
                target: TARGET,
                event = "sign_in",
                outcome = "accepted",
                login = %printable(login),
                account = identity.account.0,
                address = %identity.address,
                protocol = context.protocol.name(),
                mechanism = mechanism_name(identity.mechanism),
                peer = %peer(context),
                secure = context.secure,
                connection = context.connection,
                "signed in"
            )
        };
    }
    if arrivals.is_news(identity.account, context, Instant::now()) {
        event!(info);
    } else {
        event!(debug);
    }
}

/// A sign-in that was refused.
pub(crate) fn refused(
    login: &[u8],
    account: Option<AccountId>,
    mechanism: Option<Mechanism>,
    error: &SignInError,
    context: &SignInContext,
) {
    tracing::warn!(
        target: TARGET,
        event = "sign_in",
        outcome = "refused",
        reason = error.reason(),
        login = %printable(login),
        account = account.map(|id| id.0),
        protocol = context.protocol.name(),
        mechanism = mechanism_name(mechanism),
        peer = %peer(context),
        secure = context.secure,
        connection = context.connection,
        "sign-in refused"
    );
}

/// Something an administrator did.
pub(crate) fn managed(event: &'static str, account: &Account) {
    tracing::info!(
        target: TARGET,
        event,
        account = account.id.0,
        address = %account.address,
        "directory changed"
    );
}

/// An administrator gave or took a right to send in the name of `account`.
pub(crate) fn send_right_changed(
    account: &Account,
    right: SendRight,
    gained: &[AccountId],
    lost: &[AccountId],
) {
    let list = |ids: &[AccountId]| {
        let ids: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
        ids.join(" ")
    };
    tracing::info!(
        target: TARGET,
        event = match right {
            SendRight::SendAs => "send_as_changed",
            SendRight::SendOnBehalf => "send_on_behalf_changed",
        },
        account = account.id.0,
        address = %account.address,
        gained = list(gained),
        lost = list(lost),
        "directory changed"
    );
}

fn mechanism_name(mechanism: Option<Mechanism>) -> &'static str {
    // POP3's USER and PASS, IMAP's LOGIN, HTTP's Basic.
    mechanism.map_or("password", Mechanism::name)
}

fn peer(context: &SignInContext) -> String {
    context.peer.map_or_else(
        || "local".to_owned(),
        |peer| peer.to_canonical().to_string(),
    )
}

/// A name from a peer as it may stand in a log: one line, no control characters, not long.
fn printable(login: &[u8]) -> String {
    let cut = &login[..login.len().min(128)];
    let text = String::from_utf8_lossy(cut);
    text.chars().flat_map(char::escape_debug).collect()
}

const TARGET: &str = "fieldpost::audit";

/// After so long a client that comes all the time is told of once more.
const NEWS_AGAIN: Duration = Duration::from_hours(12);

/// Clients in a generation; two of them take about 4 MiB when full. One that is forgotten is told of too often, no more.
const CAPACITY: usize = 32_768;
