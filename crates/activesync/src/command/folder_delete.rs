//! FolderDelete (MS-ASCMD §2.2.1.4).

use fieldpost_mailbox::{Error, Folder, FolderId, device::HierarchyChange};
use fieldpost_wbxml::{Encoder, tags::folder_hierarchy as tag};

use super::{
    folder_sync::{open, status},
    folder_type,
};
use crate::{
    reply::{Failure, Reply},
    session::Session,
};

/// Deletes a folder and those below it, with all that is in them. Those that every account has stay (MS-ASCMD_R4047:
/// status 3).
pub async fn run(session: &mut Session) -> Result<Reply, Failure> {
    let body = session.request.body.clone();
    let root = Session::document(&body)?.ok_or(Failure::Status(status::BAD_FORMAT))?;
    let text = |tag| root.text_of(tag).ok_or(Failure::Status(status::BAD_FORMAT));
    let state = open(session, &text(tag::SYNC_KEY)?).await?;
    let id =
        folder_type::parse_id(&text(tag::SERVER_ID)?).ok_or(Failure::Status(status::NOT_FOUND))?;
    let folders = session.mailbox.folders().await?;
    let doomed = below(&folders, id).ok_or(Failure::Status(status::NOT_FOUND))?;
    if doomed.iter().any(|folder| folder.is_of_every_account()) {
        return Err(Failure::Status(status::SPECIAL));
    }
    let mut changes = Vec::new();
    for folder in doomed.iter().rev() {
        match session.mailbox.delete_folder(folder.id).await {
            // Somebody else was quicker.
            Ok(()) | Err(Error::NoSuchFolder(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let device = &session.device.id;
        session.mailbox.drop_states(device, Some(folder.id)).await?;
        changes.push(HierarchyChange::Delete(folder.id));
    }
    let key = state.advance(&changes).await?;
    let mut out = Encoder::new();
    out.start(tag::FOLDER_DELETE);
    out.number(tag::STATUS, status::SUCCESS);
    out.text(tag::SYNC_KEY, &key.to_string());
    out.end();
    Ok(Reply::Document(out.finish()))
}

/// The folder and all below it, parents first; `None`: it is not there.
pub fn below(folders: &[std::sync::Arc<Folder>], id: FolderId) -> Option<Vec<&Folder>> {
    let root = folders.iter().find(|folder| folder.id == id)?;
    let mut all = vec![&**root];
    let mut at = 0;
    while let Some(parent) = all.get(at).map(|folder| folder.id) {
        let children = folders
            .iter()
            .filter(|folder| folder.parent == Some(parent));
        all.extend(children.map(|folder| &**folder));
        at += 1;
    }
    Some(all)
}
