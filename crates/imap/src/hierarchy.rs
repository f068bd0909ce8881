//! The account's mail folders as IMAP names them: paths with `/` between the levels.

use std::{collections::HashMap, sync::Arc};

use fieldpost_mailbox::{Error, Folder, FolderId, FolderKind, SpecialUse};

use crate::{
    answer::{Answer, Refusal},
    codec::request::MailboxName,
    user::User,
};

/// Between two levels. A folder's own name can't have it.
pub(crate) const SEPARATOR: char = '/';

impl User {
    /// The mail folder of that name.
    pub(crate) async fn folder(&self, name: &MailboxName) -> Result<Arc<Folder>, Refusal> {
        self.find(name)
            .await?
            .ok_or_else(|| Answer::no_such_mailbox().into())
    }

    /// The mail folder of that name, if there is one.
    pub(crate) async fn find(&self, name: &MailboxName) -> Result<Option<Arc<Folder>>, Error> {
        let path: Vec<&str> = name.0.split(SEPARATOR).collect();
        let found = self.mailbox.folder_at(&path).await?;
        Ok(found.filter(|folder| folder.kind == FolderKind::Mail))
    }

    /// All mail folders with their paths, sorted as they are listed: the inbox first, then by name.
    pub(crate) async fn paths(&self) -> Result<Vec<Path>, Error> {
        let folders = self.mailbox.folders().await?;
        Ok(paths(&folders))
    }
}

/// A mail folder and its name.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) name: String,
    pub(crate) folder: Arc<Folder>,
    /// Whether mail folders lie below it.
    pub(crate) has_children: bool,
}

fn paths(folders: &[Arc<Folder>]) -> Vec<Path> {
    let mail = |folder: &&Arc<Folder>| folder.kind == FolderKind::Mail;
    let by_id: HashMap<FolderId, &Arc<Folder>> = folders
        .iter()
        .filter(mail)
        .map(|folder| (folder.id, folder))
        .collect();
    let parents: std::collections::HashSet<FolderId> =
        by_id.values().filter_map(|folder| folder.parent).collect();
    let mut paths: Vec<Path> = by_id
        .values()
        .filter_map(|folder| {
            let mut levels = vec![folder.name.as_str()];
            let mut above = folder.parent;
            while let Some(id) = above {
                // A parent that is no mail folder, or a circle that damage made: not to be named.
                let parent = by_id.get(&id)?;
                if levels.len() > fieldpost_mailbox::MAX_FOLDER_DEPTH {
                    return None;
                }
                levels.push(&parent.name);
                above = parent.parent;
            }
            levels.reverse();
            Some(Path {
                name: levels.join("/"),
                has_children: parents.contains(&folder.id),
                folder: Arc::clone(folder),
            })
        })
        .collect();
    let rank = |path: &Path| path.folder.special_use != Some(SpecialUse::Inbox);
    paths.sort_by(|one, other| (rank(one), &one.name).cmp(&(rank(other), &other.name)));
    paths
}

/// The attribute of a special use (RFC 6154 §2, RFC 8457 §3).
pub(crate) fn special_use_attribute(folder: &Folder) -> Option<&'static str> {
    match folder.special_use? {
        SpecialUse::Drafts => Some("\\Drafts"),
        SpecialUse::Sent => Some("\\Sent"),
        SpecialUse::Trash => Some("\\Trash"),
        SpecialUse::Junk => Some("\\Junk"),
        SpecialUse::Archive => Some("\\Archive"),
        SpecialUse::Important => Some("\\Important"),
        SpecialUse::Inbox
        | SpecialUse::Calendar
        | SpecialUse::Contacts
        | SpecialUse::Tasks
        | SpecialUse::Notes => None,
    }
}

/// The special use of an attribute.
pub(crate) fn special_use_of(attribute: &str) -> Option<SpecialUse> {
    [
        ("\\Drafts", SpecialUse::Drafts),
        ("\\Sent", SpecialUse::Sent),
        ("\\Trash", SpecialUse::Trash),
        ("\\Junk", SpecialUse::Junk),
        ("\\Archive", SpecialUse::Archive),
        ("\\Important", SpecialUse::Important),
    ]
    .into_iter()
    .find(|(name, _)| name.eq_ignore_ascii_case(attribute))
    .map(|(_, special_use)| special_use)
}
