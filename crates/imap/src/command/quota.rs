//! `GETQUOTA`, `GETQUOTAROOT`, `SETQUOTA` (RFC 9208): one root, the account. STORAGE is in units of 1024 octets.

use crate::{
    answer::{Answer, Refusal},
    codec::{mailbox_name::write_mailbox, request::MailboxName, response::Code},
    output::Output,
    user::User,
};

pub(crate) async fn get(
    user: &User,
    root: &str,
    output: &mut Output<'_>,
) -> Result<Answer, Refusal> {
    if root != ROOT && !root.is_empty() {
        return Err(Answer::no(Code::NonExistent, "No such quota root").into());
    }
    tell(user, root, output).await?;
    Ok(Answer::ok("That is all"))
}

pub(crate) async fn root(
    user: &User,
    mailbox: &MailboxName,
    output: &mut Output<'_>,
) -> Result<Answer, Refusal> {
    user.folder(mailbox).await?;
    let buffer = output.buffer();
    buffer.extend_from_slice(b"* QUOTAROOT ");
    write_mailbox(buffer, &mailbox.0, user.enabled.is_utf8());
    buffer.extend_from_slice(format!(" \"{ROOT}\"\r\n").as_bytes());
    tell(user, ROOT, output).await?;
    Ok(Answer::ok("That is all"))
}

/// Limits are the operator's.
pub(crate) fn set() -> Answer {
    Answer::no(
        Code::Cannot,
        "Quotas are set by the operator: fieldpost account set",
    )
}

async fn tell(user: &User, root: &str, output: &mut Output<'_>) -> Result<(), Refusal> {
    let quota = user.mailbox.quota().await?;
    let mut resources = Vec::new();
    if quota.limits.bytes > 0 {
        let kib = |bytes: u64| bytes.div_ceil(1024);
        resources.push(format!(
            "STORAGE {} {}",
            kib(quota.used_bytes),
            quota.limits.bytes / 1024
        ));
    }
    if quota.limits.items > 0 {
        resources.push(format!(
            "MESSAGE {} {}",
            quota.used_items, quota.limits.items
        ));
    }
    output
        .replies()
        .data(format_args!("QUOTA \"{root}\" ({})", resources.join(" ")));
    Ok(())
}

/// The account's root.
const ROOT: &str = "account";
