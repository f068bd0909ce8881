//! FolderUpdate: a folder's new name or parent (MS-ASCMD §2.2.1.6).

use fieldpost_mailbox::{Error, device::HierarchyChange};
use fieldpost_wbxml::{Encoder, tags::folder_hierarchy as tag};

use super::{
    folder_create::status_of,
    folder_sync::{open, status},
    folder_type,
};
use crate::{
    reply::{Failure, Reply},
    session::Session,
};

/// Renames or moves a folder. Those that every account has stay (MS-ASCMD_R4102: status 2).
pub async fn run(session: &mut Session) -> Result<Reply, Failure> {
    let body = session.request.body.clone();
    let root = Session::document(&body)?.ok_or(Failure::Status(status::BAD_FORMAT))?;
    let text = |tag| root.text_of(tag).ok_or(Failure::Status(status::BAD_FORMAT));
    let state = open(session, &text(tag::SYNC_KEY)?).await?;
    let id =
        folder_type::parse_id(&text(tag::SERVER_ID)?).ok_or(Failure::Status(status::NOT_FOUND))?;
    let parent = match &*text(tag::PARENT_ID)? {
        "0" => None,
        id => Some(folder_type::parse_id(id).ok_or(Failure::Status(status::PARENT_NOT_FOUND))?),
    };
    let folder = session
        .mailbox
        .folder(id)
        .await
        .map_err(|_| Failure::Status(status::NOT_FOUND))?;
    if folder.is_of_every_account() {
        return Err(Failure::Status(status::EXISTS));
    }
    session
        .mailbox
        .move_folder(id, parent, &text(tag::DISPLAY_NAME)?)
        .await
        .map_err(|error| {
            Failure::Status(match error {
                Error::NoSuchFolder(missing) if missing == id => status::NOT_FOUND,
                error => status_of(&error),
            })
        })?;
    let folder = session.mailbox.folder(id).await?;
    let key = state.advance(&[HierarchyChange::Update(folder)]).await?;
    let mut out = Encoder::new();
    out.start(tag::FOLDER_UPDATE);
    out.number(tag::STATUS, status::SUCCESS);
    out.text(tag::SYNC_KEY, &key.to_string());
    out.end();
    Ok(Reply::Document(out.finish()))
}
