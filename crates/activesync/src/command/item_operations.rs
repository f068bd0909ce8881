//! ItemOperations: fetch items and attachments, empty folders, move conversations (MS-ASCMD §2.2.1.10).

mod attachment;
mod fetch;

use bytes::Bytes;
use fieldpost_mailbox::{Error, Expunge, FolderKind, ThreadId, UidSet};
use fieldpost_wbxml::{
    Element, Encoder,
    tags::{air_sync, item_operations as tag},
};

pub use attachment::load;

use super::{folder_delete, folder_type};
use crate::{
    reply::{Failure, Reply, status as common},
    session::Session,
};

/// Statuses of ItemOperations (MS-ASCMD §2.2.3.177.8).
pub mod status {
    pub const SUCCESS: u16 = 1;
    pub const PROTOCOL: u16 = 2;
    /// The policy does not allow it.
    pub const DENIED: u16 = 5;
    pub const NOT_FOUND: u16 = 6;
    pub const RANGE: u16 = 8;
    pub const NO_STORE: u16 = 9;
    pub const TOO_LARGE: u16 = 11;
    pub const CONVERSION: u16 = 14;
    pub const ATTACHMENT: u16 = 15;
    pub const MOVE_DESTINATION: u16 = 156;
    /// Some of the subfolders could not be deleted.
    pub const PARTIAL: u16 = 17;
    /// `MoveAlways` is missing.
    pub const NOT_ALWAYS: u16 = 155;
}

/// Exchange's limit.
const MAX_OPERATIONS: usize = 100;

/// Carries out the operations in order, each with a status of its own.
pub async fn run(session: &mut Session) -> Result<Reply, Failure> {
    let body = session.request.body.clone();
    let root = Session::document(&body)?.ok_or(Failure::Status(common::INVALID_CONTENT))?;
    let operations: Vec<_> = root.children().collect();
    if operations.is_empty() {
        return Err(Failure::Status(status::PROTOCOL));
    }
    if operations.len() > MAX_OPERATIONS {
        return Err(Failure::Status(common::INVALID_XML));
    }
    // Known before anything is done, which nobody would hear of then.
    if !operations.iter().all(|operation| {
        matches!(
            operation.tag,
            tag::FETCH | tag::EMPTY_FOLDER_CONTENTS | tag::MOVE
        )
    }) {
        return Err(Failure::Status(status::PROTOCOL));
    }
    let mut room = session.service.settings.max_message;
    let mut parts: Option<Vec<Bytes>> = session.request.parameters.accepts_multipart.then(Vec::new);
    let mut out = Encoder::new();
    out.start(tag::ITEM_OPERATIONS);
    out.number(tag::STATUS, status::SUCCESS);
    out.start(tag::RESPONSE);
    for operation in operations {
        match operation.tag {
            tag::FETCH => {
                fetch::run(session, operation, &mut out, &mut parts, &mut room).await?;
            }
            tag::EMPTY_FOLDER_CONTENTS => empty(session, operation, &mut out).await?,
            _ => move_conversation(session, operation, &mut out).await?,
        }
    }
    out.end();
    out.end();
    let document = out.finish();
    Ok(match parts {
        None => Reply::Document(document),
        Some(parts) => Reply::Multipart(document, parts),
    })
}

/// EmptyFolderContents: all items of a folder, and its subfolders if that is asked for, are gone for good.
async fn empty(
    session: &Session,
    operation: &Element<'_>,
    out: &mut Encoder,
) -> Result<(), Failure> {
    let id = operation
        .text_of(air_sync::COLLECTION_ID)
        .map(std::borrow::Cow::into_owned)
        .unwrap_or_default();
    let with_folders = operation
        .child(tag::OPTIONS)
        .is_some_and(|options| options.child(tag::DELETE_SUB_FOLDERS).is_some());
    let status = match folder_type::parse_id(&id) {
        None => status::NOT_FOUND,
        Some(folder) => match session
            .mailbox
            .expunge(folder, &UidSet::all(), Expunge::All)
            .await
        {
            Ok(_) if with_folders => {
                let folders = session.mailbox.folders().await?;
                let below = folder_delete::below(&folders, folder).unwrap_or_default();
                let mut status = status::SUCCESS;
                for child in below.iter().skip(1).rev() {
                    if session.mailbox.delete_folder(child.id).await.is_err() {
                        status = status::PARTIAL;
                    }
                }
                status
            }
            Ok(_) => status::SUCCESS,
            Err(Error::NoSuchFolder(_)) => status::NOT_FOUND,
            Err(error) => return Err(error.into()),
        },
    };
    out.start(tag::EMPTY_FOLDER_CONTENTS);
    out.number(tag::STATUS, status);
    out.text(air_sync::COLLECTION_ID, &id);
    out.end();
    Ok(())
}

/// Move: all mails of a conversation into one folder. Those that come later stay where they arrive, although `MoveAlways`
/// has to be said (MS-ASCMD_R3475).
async fn move_conversation(
    session: &Session,
    operation: &Element<'_>,
    out: &mut Encoder,
) -> Result<(), Failure> {
    let id = operation
        .child(tag::CONVERSATION_ID)
        .map(|id| id.bytes().into_owned())
        .unwrap_or_default();
    let target = operation
        .text_of(tag::DST_FLD_ID)
        .and_then(|id| folder_type::parse_id(&id));
    let thread = id
        .get(8..16)
        .filter(|_| id.len() == 16)
        .and_then(|number| Some(ThreadId(u64::from_be_bytes(number.try_into().ok()?))));
    let folders = session.mailbox.folders().await?;
    let target = folders
        .iter()
        .find(|folder| Some(folder.id) == target && folder.kind == FolderKind::Mail);
    let is_always = operation
        .child(tag::OPTIONS)
        .is_some_and(|options| options.child(tag::MOVE_ALWAYS).is_some());
    let status = match (thread, target) {
        _ if !is_always => status::NOT_ALWAYS,
        (_, None) => status::MOVE_DESTINATION,
        (None, _) => status::NOT_FOUND,
        (Some(thread), Some(target)) => {
            let mut any = false;
            for folder in folders
                .iter()
                .filter(|folder| folder.kind == FolderKind::Mail && folder.id != target.id)
            {
                let view = session.mailbox.view(folder.id).await?;
                let uids: UidSet = view
                    .rows()
                    .filter(|row| row.thread == thread)
                    .map(|row| row.uid)
                    .collect();
                drop(view);
                if !uids.is_empty() {
                    any = true;
                    session
                        .mailbox
                        .move_items(folder.id, &uids, target.id)
                        .await?;
                }
            }
            if any {
                status::SUCCESS
            } else {
                status::NOT_FOUND
            }
        }
    };
    out.start(tag::MOVE);
    out.number(tag::STATUS, status);
    out.opaque(tag::CONVERSATION_ID, &id);
    out.end();
    Ok(())
}

#[cfg(test)]
mod tests;
