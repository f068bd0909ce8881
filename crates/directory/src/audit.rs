//! One event for each sign-in and each change, through `tracing`, under the target `fieldpost::audit`. The field names
//! are stable: log readers (fail2ban and the like) rely on them. A password is never among them, and neither is anything
//! derived from one.
//!
//! | field | of sign-ins | of changes |
//! |---|---|---|
//! | `event` | `sign_in` | `account_added`, `account_changed`, `account_removed`, `password_changed` |
//! | `outcome` | `accepted`, `refused` | |
//! | `reason` | of a refusal | |
//! | `login` | the name as sent, cut and escaped | |
//! | `account`, `address` | if there is such an account | whose |
//! | `protocol`, `mechanism`, `peer`, `secure`, `connection` | how and whence | |

use fieldpost_store::AccountId;

use crate::{Account, Identity, SignInContext, SignInError, sasl::Mechanism};

/// A sign-in that was accepted.
pub(crate) fn accepted(login: &[u8], identity: &Identity, context: &SignInContext) {
    tracing::info!(
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
    );
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
