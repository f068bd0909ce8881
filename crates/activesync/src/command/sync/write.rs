//! What a collection of a Sync response holds.

use std::time::Instant;

use fieldpost_mailbox::{
    EntryId, Error, FolderId, Item, Row,
    device::{Action, Plan},
};
use fieldpost_wbxml::{Encoder, tags::air_sync as tag};

use super::{collection::Room, status};
use crate::{
    item::{mail::Mail, preferences::Preferences},
    reply::Failure,
    session::Session,
};

/// The answer to one of the client's commands. That a change or a delete went well is not said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// To an Add.
    Add {
        /// The client's name for it.
        client_id: String,
        /// How it went.
        status: u16,
    },
    /// To a Change that was not done.
    Change {
        /// Which item.
        server_id: String,
        /// Why not.
        status: u16,
    },
    /// To a Fetch.
    Fetch {
        /// Which item.
        server_id: String,
        /// Its entry, if the id can be one.
        entry: Option<EntryId>,
    },
}

/// The most bytes of one body in a Sync. What is longer is cut, and fetched by ItemOperations.
const MAX_BODY: usize = 1024 * 1024;

/// Writes `Commands`: the first `most` steps of a plan, or as many as there is room for. How many were written; at least
/// one is. Those that can't be shown are left out of the plan; those from before its cut come without a body.
pub async fn steps(
    session: &Session,
    out: &mut Encoder,
    folder: FolderId,
    plan: &mut Plan,
    most: usize,
    preferences: &Preferences,
    room: &mut Room,
) -> Result<usize, Failure> {
    if most == 0 {
        return Ok(0);
    }
    let labels = session.mailbox.labels().await?;
    let without_bodies = preferences.without_bodies();
    let before = out.checkpoint();
    out.start(tag::COMMANDS);
    let begin = out.len();
    let mut shown = 0;
    let mut written = 0;
    while written < most {
        let at = written;
        let place = out.checkpoint();
        let full = out.len() - begin >= room.bytes || Instant::now() >= room.until;
        if written > 0 && full {
            break;
        }
        written += 1;
        if plan.steps[at].left_out {
            continue;
        }
        match plan.steps[at].action {
            Action::Add(row) => {
                out.start(tag::ADD);
                out.text(tag::SERVER_ID, &server_id(folder, row.entry));
                out.start(tag::APPLICATION_DATA);
                let mail = Mail {
                    mailbox: &session.mailbox,
                    folder,
                    row: &row,
                    labels: &labels,
                    version: session.version(),
                };
                // MS-ASCMD_R2108: what comes along for its conversation only.
                let preferences = if row.window_date < plan.cut() {
                    &without_bodies
                } else {
                    preferences
                };
                match session.mailbox.item(folder, row.uid).await {
                    Ok(item) => {
                        if let Err(error) = mail.write(out, &item, preferences, MAX_BODY).await {
                            unreadable(session, folder, &row, &error)?;
                            out.rollback(place);
                            plan.leave_out(at);
                            continue;
                        }
                    }
                    // It may have gone while this was written, or it is damaged.
                    Err(error) => {
                        unreadable(session, folder, &row, &error)?;
                        out.rollback(place);
                        plan.leave_out(at);
                        continue;
                    }
                }
                out.end();
                out.end();
            }
            Action::Change(row) => {
                out.start(tag::CHANGE);
                out.text(tag::SERVER_ID, &server_id(folder, row.entry));
                out.start(tag::APPLICATION_DATA);
                Mail {
                    mailbox: &session.mailbox,
                    folder,
                    row: &row,
                    labels: &labels,
                    version: session.version(),
                }
                .write_changes(out);
                out.end();
                out.end();
            }
            Action::Delete(entry) | Action::SoftDelete(entry) => {
                let container = if matches!(plan.steps[at].action, Action::Delete(_)) {
                    tag::DELETE
                } else {
                    tag::SOFT_DELETE
                };
                out.start(container);
                out.text(tag::SERVER_ID, &server_id(folder, entry));
                out.end();
            }
        }
        shown += 1;
    }
    if shown == 0 {
        // All of them were unreadable: an empty container upsets Windows Phone (client-quirks D3).
        out.rollback(before);
    } else {
        out.end();
    }
    room.bytes = room.bytes.saturating_sub(out.len().saturating_sub(begin));
    Ok(written)
}

/// Writes `Responses`, if there are any.
pub async fn responses(
    session: &Session,
    out: &mut Encoder,
    folder: FolderId,
    responses: &[Response],
    preferences: &Preferences,
) -> Result<(), Failure> {
    if responses.is_empty() {
        return Ok(());
    }
    out.start(tag::RESPONSES);
    for response in responses {
        match response {
            Response::Add { client_id, status } => {
                out.start(tag::ADD);
                out.text(tag::CLIENT_ID, client_id);
                out.number(tag::STATUS, status);
                out.end();
            }
            Response::Change { server_id, status } => {
                out.start(tag::CHANGE);
                out.text(tag::SERVER_ID, server_id);
                out.number(tag::STATUS, status);
                out.end();
            }
            Response::Fetch { server_id, entry } => {
                out.start(tag::FETCH);
                out.text(tag::SERVER_ID, server_id);
                fetch(session, out, folder, *entry, preferences).await?;
                out.end();
            }
        }
    }
    out.end();
    Ok(())
}

async fn fetch(
    session: &Session,
    out: &mut Encoder,
    folder: FolderId,
    entry: Option<EntryId>,
    preferences: &Preferences,
) -> Result<(), Failure> {
    let place = out.checkpoint();
    let found = match entry {
        Some(entry) => find(session, folder, entry).await?,
        None => None,
    };
    if let Some((row, item)) = found {
        let labels = session.mailbox.labels().await?;
        out.number(tag::STATUS, status::SUCCESS);
        out.start(tag::APPLICATION_DATA);
        let mail = Mail {
            mailbox: &session.mailbox,
            folder,
            row: &row,
            labels: &labels,
            version: session.version(),
        };
        match mail.write(out, &item, preferences, MAX_BODY).await {
            Ok(()) => {
                out.end();
                return Ok(());
            }
            Err(error) => unreadable(session, folder, &row, &error)?,
        }
        out.rollback(place);
    }
    out.number(tag::STATUS, status::NOT_FOUND);
    Ok(())
}

/// An item's row and record; `None`: it is not there.
pub async fn find(
    session: &Session,
    folder: FolderId,
    entry: EntryId,
) -> Result<Option<(Row, Item)>, Failure> {
    let row = match session.mailbox.view(folder).await {
        Ok(view) => view.by_entry(entry).copied(),
        Err(Error::NoSuchFolder(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let Some(row) = row else {
        return Ok(None);
    };
    match session.mailbox.item(folder, row.uid).await {
        Ok(item) => Ok(Some((row, item))),
        Err(Error::NoSuchItem { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// An item that can't be shown is left out and told to the log: one bad item must not stop a device for good
/// (client-quirks A3). What may be readable later is a failure of the whole request.
fn unreadable(
    session: &Session,
    folder: FolderId,
    row: &Row,
    error: &Error,
) -> Result<(), Failure> {
    if error.is_temporary() {
        return Err(error.clone().into());
    }
    tracing::error!(device = %session.device.id, %folder, uid = row.uid, %error, "an item can't be shown; it is left out");
    Ok(())
}

/// How a client knows an item: unique in the whole mailbox.
pub fn server_id(folder: FolderId, entry: EntryId) -> String {
    format!("{folder}:{entry}")
}
