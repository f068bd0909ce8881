//! `STATUS` (RFC 9051 §6.3.11; SIZE of RFC 8438, HIGHESTMODSEQ of RFC 7162, APPENDLIMIT of RFC 7889, MAILBOXID of RFC 8474). The
//! counters are kept on write: nothing is counted here.

use std::fmt::Write as _;

use bytes::BytesMut;
use fieldpost_mailbox::{Flags, Folder};

use crate::{
    answer::{Answer, Refusal},
    codec::{
        mailbox_name::write_mailbox,
        request::{StatusItem, StatusRequest},
    },
    command::capability,
    output::Output,
    user::User,
};

pub(crate) async fn answer(
    user: &mut User,
    request: &StatusRequest,
    output: &mut Output<'_>,
) -> Result<Answer, Refusal> {
    let folder = user.folder(&request.mailbox).await?;
    if request.items.contains(&StatusItem::HighestModSeq) {
        // RFC 7162 §3.1: a CONDSTORE enabling command.
        user.enabled.condstore = true;
    }
    line(user, &request.mailbox.0, &folder, &request.items, output).await?;
    Ok(Answer::ok("That is all"))
}

/// `* STATUS name (…)`
pub(crate) async fn line(
    user: &User,
    name: &str,
    folder: &Folder,
    items: &[StatusItem],
    output: &mut Output<'_>,
) -> Result<(), Refusal> {
    let mut values = String::new();
    for item in items {
        let separator = if values.is_empty() { "" } else { " " };
        values.push_str(separator);
        value(user, folder, *item, &mut values).await?;
    }
    let buffer: &mut BytesMut = output.buffer();
    buffer.extend_from_slice(b"* STATUS ");
    write_mailbox(buffer, name, user.enabled.is_utf8());
    buffer.extend_from_slice(b" (");
    buffer.extend_from_slice(values.as_bytes());
    buffer.extend_from_slice(b")\r\n");
    Ok(())
}

async fn value(
    user: &User,
    folder: &Folder,
    item: StatusItem,
    out: &mut String,
) -> Result<(), Refusal> {
    let counters = &folder.counters;
    // Writing to a String does not fail.
    let _ = match item {
        StatusItem::Messages => write!(out, "MESSAGES {}", counters.exists),
        StatusItem::Recent => {
            let account = user.mailbox.account().0;
            let from = user
                .service
                .recent(account, folder.id, folder.uid_next, false);
            // Only what came since the last SELECT: uids below may have holes, so the count is of the view.
            let count = if from >= folder.uid_next {
                0
            } else {
                let view = user.mailbox.view(folder.id).await?;
                let before = view.position(from).unwrap_or_else(|at| at);
                view.len() - before
            };
            write!(out, "RECENT {count}")
        }
        StatusItem::UidNext => write!(out, "UIDNEXT {}", folder.uid_next),
        StatusItem::UidValidity => write!(out, "UIDVALIDITY {}", folder.uid_validity),
        StatusItem::Unseen => write!(out, "UNSEEN {}", counters.unseen),
        StatusItem::Deleted => write!(out, "DELETED {}", counters.deleted),
        StatusItem::Size => write!(out, "SIZE {}", counters.size),
        StatusItem::HighestModSeq => write!(out, "HIGHESTMODSEQ {}", folder.highest_mod_seq),
        StatusItem::AppendLimit => match capability::append_limit(&user.service) {
            Some(limit) => write!(out, "APPENDLIMIT {limit}"),
            None => write!(out, "APPENDLIMIT NIL"),
        },
        StatusItem::MailboxId => write!(out, "MAILBOXID (F{})", folder.id.0),
        StatusItem::DeletedStorage => {
            let bytes: u64 = if counters.deleted == 0 {
                0
            } else {
                let view = user.mailbox.view(folder.id).await?;
                let deleted = view.rows().filter(|row| row.flags.contains(Flags::DELETED));
                deleted.map(|row| row.size).sum()
            };
            write!(out, "DELETED-STORAGE {}", bytes.div_ceil(1024))
        }
    };
    Ok(())
}
