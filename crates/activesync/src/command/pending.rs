//! Whether a Sync would tell a device anything: what waiting requests ask when something has changed.
//!
//! It is the same function that Sync itself uses, so that a Ping never says "changes" where a Sync would send none
//! (client-quirks B4).

use fieldpost_mailbox::{
    Error, FolderId, FolderKind, Watch,
    device::{Opened, Predicate},
};

use super::folder_sync;
use crate::{item::preferences::Preferences, reply::Failure, session::Session};

/// Hears of changes in these folders and in the list of folders, from now on.
pub fn watch(session: &Session, folders: &[FolderId]) -> Watch {
    let hierarchy = std::iter::once(FolderId::HIERARCHY);
    session
        .mailbox
        .watch(folders.iter().copied().chain(hierarchy))
}

/// Whether a Sync of this folder with the newest key would tell anything. A folder that was never synchronised has nothing
/// to tell (client-quirks C7).
pub async fn folder(session: &Session, folder: FolderId) -> Result<bool, Failure> {
    let opened = session
        .mailbox
        .open_collection(&session.device.id, folder, None)
        .await?;
    let collection = match opened {
        Opened::Known(collection) => collection,
        Opened::Unknown | Opened::Busy => return Ok(false),
    };
    let kind = match session.mailbox.folder(folder).await {
        Ok(folder) => folder.kind,
        Err(Error::NoSuchFolder(_)) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let predicate = predicate(session, kind, collection.base().options());
    let plan = collection.plan(predicate, 1).await?;
    // What can't be told from here on is told as status 3.
    Ok(plan.is_none_or(|plan| !plan.is_empty()))
}

/// Whether the device has to be told something of the list of folders. One that never asked for it has not.
pub async fn hierarchy(session: &Session) -> Result<bool, Failure> {
    let state = session
        .mailbox
        .open_hierarchy(&session.device.id, None)
        .await?;
    match state {
        None => Ok(false),
        Some(state) => Ok(!folder_sync::changes(session, &state).await?.is_empty()),
    }
}

/// What a collection with these options wants.
pub fn predicate(session: &Session, kind: FolderKind, options: &[u8]) -> Predicate {
    if kind != FolderKind::Mail {
        return Predicate::since(i64::MIN);
    }
    let preferences = Preferences::decode(options).unwrap_or_default();
    let preferences = session.service.settings.policy.bound(preferences);
    Predicate {
        cut: preferences.mail_cut(session.now()).unwrap_or(i64::MIN),
        conversations: preferences.conversations,
    }
}
