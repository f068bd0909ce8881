//! FolderSync: the list of folders (MS-ASCMD §2.2.1.5).

use fieldpost_mailbox::device::{HierarchyChange, HierarchyState, SyncKey};
use fieldpost_wbxml::{Encoder, tags::folder_hierarchy as tag};

use super::folder_type;
use crate::{
    reply::{Failure, Reply},
    session::Session,
};

/// Statuses of the folder commands (MS-ASCMD §2.2.3.177.4 and its neighbours).
pub mod status {
    pub const SUCCESS: u16 = 1;
    pub const EXISTS: u16 = 2;
    pub const SPECIAL: u16 = 3;
    pub const NOT_FOUND: u16 = 4;
    pub const PARENT_NOT_FOUND: u16 = 5;
    pub const SERVER_ERROR: u16 = 6;
    pub const INVALID_KEY: u16 = 9;
    pub const BAD_FORMAT: u16 = 10;
}

/// Tells the device what has changed in the list of folders since the key that it shows.
///
/// Status 9: a key that is not known (MS-ASCMD_R4083); 10: no key at all (MS-ASCMD_R4086).
pub async fn run(session: &mut Session) -> Result<Reply, Failure> {
    let body = session.request.body.clone();
    let Some(key) = Session::document(&body)?.and_then(|root| {
        root.text_of(tag::SYNC_KEY)
            .map(std::borrow::Cow::into_owned)
    }) else {
        return Err(Failure::Status(status::BAD_FORMAT));
    };
    let is_first = key == "0";
    session.first_sync = is_first;
    let state = if is_first {
        session
            .mailbox
            .begin_hierarchy(&session.device.id)
            .await?
            .ok_or(Failure::RetryAfter(crate::reply::status::STATE_LOCKED, 5))?
    } else {
        open(session, &key).await?
    };
    let changes = changes(session, &state).await?;
    // With nothing to tell the key stays: nothing is written, and nothing can be lost. If the last response was lost, what
    // it told must not be taken for known: a waiting request would speak of changes for ever.
    let key = if changes.is_empty() && state.is_newest() && !is_first {
        state.key()
    } else {
        state.advance(&changes).await?
    };
    Ok(Reply::Document(document(key, &changes)))
}

/// A device speaks of what it was told, and nothing is known of it: a backup was put back that is older than the device, or it was
/// forgotten. It would take no news for good news, and wait for ever; so it is to hear that it has to begin anew, of the list of
/// folders (MS-ASCMD_R4258) and of each folder.
pub async fn meet_again(session: &Session) -> Result<(), Failure> {
    let device = &session.device.id;
    if !session.mailbox.has_hierarchy(device).await? {
        session.mailbox.forget_unknown(device).await?;
    }
    Ok(())
}

/// The state that a device's key names; status 9 if there is none.
pub async fn open(session: &Session, key: &str) -> Result<HierarchyState, Failure> {
    let key: SyncKey = key
        .parse()
        .map_err(|()| Failure::Status(status::INVALID_KEY))?;
    meet_again(session).await?;
    session
        .mailbox
        .open_hierarchy(&session.device.id, Some(key))
        .await?
        .ok_or(Failure::Status(status::INVALID_KEY))
}

/// What the device has to be told, as far as a client of its version can be told. The rest it does not know: it hears of
/// it once it speaks a later version, and never of its going.
pub async fn changes(
    session: &Session,
    state: &HierarchyState,
) -> Result<Vec<HierarchyChange>, Failure> {
    let mut changes = state.plan().await?.changes;
    changes.retain(|change| match change {
        HierarchyChange::Add(folder) | HierarchyChange::Update(folder) => {
            folder_type::is_known_to(session.version(), folder.kind)
        }
        HierarchyChange::Delete(_) => true,
    });
    Ok(changes)
}

fn document(key: SyncKey, changes: &[HierarchyChange]) -> Vec<u8> {
    let mut out = Encoder::new();
    out.start(tag::FOLDER_SYNC);
    out.number(tag::STATUS, status::SUCCESS);
    out.text(tag::SYNC_KEY, &key.to_string());
    out.start(tag::CHANGES);
    out.number(tag::COUNT, changes.len());
    // MS-ASCMD §2.2.1.5: Update, then Delete, then Add would fit the schema as well; parents stand before their children.
    for change in changes {
        match change {
            HierarchyChange::Add(folder) => folder_type::write(&mut out, tag::ADD, folder),
            HierarchyChange::Update(folder) => folder_type::write(&mut out, tag::UPDATE, folder),
            HierarchyChange::Delete(folder) => {
                out.start(tag::DELETE);
                out.number(tag::SERVER_ID, folder);
                out.end();
            }
        }
    }
    out.end();
    out.end();
    out.finish()
}

#[cfg(test)]
mod tests;
