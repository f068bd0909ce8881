//! FolderCreate (MS-ASCMD §2.2.1.3).

use fieldpost_mailbox::{Error, NewFolder, device::HierarchyChange};
use fieldpost_wbxml::{Encoder, tags::folder_hierarchy as tag};

use super::{
    folder_sync::{open, status},
    folder_type,
};
use crate::{
    reply::{Failure, Reply},
    session::Session,
};

/// Makes a folder. The device knows of it and is not told of it again. Status 2: the name is taken (MS-ASCMD_R4013); 5: there
/// is no such parent (MS-ASCMD_R4019).
pub async fn run(session: &mut Session) -> Result<Reply, Failure> {
    let body = session.request.body.clone();
    let root = Session::document(&body)?.ok_or(Failure::Status(status::BAD_FORMAT))?;
    let text = |tag| root.text_of(tag).ok_or(Failure::Status(status::BAD_FORMAT));
    let kind = text(tag::TYPE)?
        .parse()
        .ok()
        .and_then(folder_type::kind)
        .ok_or(Failure::Status(status::BAD_FORMAT))?;
    let state = open(session, &text(tag::SYNC_KEY)?).await?;
    let parent = text(tag::PARENT_ID)?;
    let new = NewFolder {
        parent: match &*parent {
            "0" => None,
            id => Some(folder_type::parse_id(id).ok_or(Failure::Status(status::PARENT_NOT_FOUND))?),
        },
        name: text(tag::DISPLAY_NAME)?.into_owned(),
        kind,
    };
    let folder = session
        .mailbox
        .create_folder(&new)
        .await
        .map_err(|error| Failure::Status(status_of(&error)))?;
    let id = folder.id;
    let key = state.advance(&[HierarchyChange::Add(folder)]).await?;
    let mut out = Encoder::new();
    out.start(tag::FOLDER_CREATE);
    out.number(tag::STATUS, status::SUCCESS);
    out.text(tag::SYNC_KEY, &key.to_string());
    out.number(tag::SERVER_ID, id);
    out.end();
    Ok(Reply::Document(out.finish()))
}

/// What a failure to make, move or delete a folder is told as.
pub fn status_of(error: &Error) -> u16 {
    match error {
        Error::FolderExists(_) => status::EXISTS,
        Error::SpecialFolder(_) => status::SPECIAL,
        Error::NoSuchFolder(_) => status::PARENT_NOT_FOUND,
        Error::Name(_) | Error::Cycle(_) => status::BAD_FORMAT,
        Error::TooManyFolders(_) => 151,
        error => {
            tracing::warn!(%error, "a folder was not changed");
            status::SERVER_ERROR
        }
    }
}
