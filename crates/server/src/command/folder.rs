//! `fieldpost folder …`

pub mod list;

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use clap::Subcommand;
use fieldpost_mailbox::{Folder, FolderId, FolderKind, Mailbox};
use serde::{Deserialize, Serialize};

use super::{Context, show};
use crate::{engine, exchange::Failure};

/// What to do with folders.
#[derive(Subcommand)]
pub enum Command {
    /// List an account's folders with what they hold.
    List(list::Arguments),
}

/// Runs one of them.
pub fn run(command: Command, context: &Context) -> anyhow::Result<()> {
    match command {
        Command::List(arguments) => list::run(arguments, context),
    }
}

/// A folder as listings show it.
#[derive(Debug, Deserialize, Serialize)]
pub struct FolderRow {
    /// Its id, for ever.
    pub id: u64,
    /// Its name after its parents', with `/` between.
    pub path: String,
    /// What it holds: mail, calendar, contacts, tasks, notes.
    pub kind: String,
    /// What it is for, if it is one of the special folders.
    pub special_use: Option<String>,
    /// Items.
    pub items: u32,
    /// Items not seen.
    pub unseen: u32,
    /// Bytes of all items.
    pub bytes: u64,
    /// IMAP's UIDVALIDITY.
    pub uid_validity: u32,
    /// IMAP's UIDNEXT.
    pub uid_next: u32,
}

impl FolderRow {
    /// All folders of a mailbox.
    pub async fn all(mailbox: &Mailbox) -> Result<Vec<Self>, Failure> {
        let folders = mailbox.folders().await.map_err(engine::of_mailbox)?;
        let by_id: BTreeMap<FolderId, &Folder> = folders
            .iter()
            .map(|folder| (folder.id, &**folder))
            .collect();
        Ok(folders
            .iter()
            .map(|folder| Self {
                id: folder.id.0,
                path: path(folder, &by_id).join("/"),
                kind: kind(folder.kind).into(),
                special_use: folder
                    .special_use
                    .map(|special| special.default_name().to_lowercase()),
                items: folder.counters.exists,
                unseen: folder.counters.unseen,
                bytes: folder.counters.size,
                uid_validity: folder.uid_validity,
                uid_next: folder.uid_next,
            })
            .collect())
    }

    /// Writes them as a table.
    pub fn table(out: &mut dyn Write, folders: &[Self]) -> io::Result<()> {
        let mut rows = vec![
            [
                "FOLDER",
                "KIND",
                "ITEMS",
                "UNSEEN",
                "SIZE",
                "UIDVALIDITY",
                "UIDNEXT",
            ]
            .map(String::from)
            .to_vec(),
        ];
        for folder in folders {
            rows.push(vec![
                folder.path.clone(),
                folder.kind.clone(),
                folder.items.to_string(),
                folder.unseen.to_string(),
                show::size(folder.bytes),
                folder.uid_validity.to_string(),
                folder.uid_next.to_string(),
            ]);
        }
        show::table(out, &rows)
    }
}

/// The names from the top down to `folder`.
pub fn path(folder: &Folder, by_id: &BTreeMap<FolderId, &Folder>) -> Vec<String> {
    let mut names = vec![folder.name.clone()];
    let mut at = folder.parent;
    // Bounded by the number of folders, should parents ever form a circle.
    while let Some(parent) = at.and_then(|id| by_id.get(&id))
        && names.len() <= by_id.len()
    {
        names.push(parent.name.clone());
        at = parent.parent;
    }
    names.reverse();
    names
}

fn kind(kind: FolderKind) -> &'static str {
    match kind {
        FolderKind::Mail => "mail",
        FolderKind::Calendar => "calendar",
        FolderKind::Contacts => "contacts",
        FolderKind::Tasks => "tasks",
        FolderKind::Notes => "notes",
    }
}
