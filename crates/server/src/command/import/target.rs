//! The folders that imported mail goes to.

use std::collections::HashMap;

use fieldpost_mailbox::{Folder, FolderId, FolderKind, Mailbox, NewFolder, SpecialUse};

use super::{
    mail::unnamed,
    source::{Purpose, SourceFolder},
};
use crate::{
    engine,
    exchange::{Failure, FailureKind},
};

/// Where the mail of each folder goes.
pub struct Targets {
    by_source: HashMap<Vec<String>, Target>,
    /// Folders whose uids cannot be kept.
    new_uids: Vec<String>,
}

/// Where mail goes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The folder.
    pub folder: FolderId,
    /// Whether it takes items' uids over.
    pub keeps_uids: bool,
}

impl Targets {
    /// Finds or makes all folders, before any mail comes.
    pub async fn prepare(
        mailbox: &Mailbox,
        sources: &[SourceFolder],
        is_tree: bool,
    ) -> Result<Self, Failure> {
        let specials = if is_tree {
            specials(mailbox, sources).await?
        } else {
            HashMap::new()
        };
        let mut targets = Self {
            by_source: HashMap::new(),
            new_uids: Vec::new(),
        };
        for source in sources {
            let mut path = source.path.clone();
            if is_tree {
                // The innermost folder above it that is a special one, itself included.
                let special = (1..=path.len())
                    .rev()
                    .find_map(|depth| Some((depth, specials.get(&path[..depth])?)));
                let rest = special.map_or(0, |(depth, _)| depth);
                let below = path[rest..].iter().map(|name| admissible(name));
                let above = special.map(|(_, special)| special.clone());
                path = above.into_iter().flatten().chain(below).collect();
            }
            let folder = find_or_make(mailbox, &path, is_tree).await?;
            let mut keeps_uids = false;
            if let Some(uids) = source.uids {
                keeps_uids = mailbox
                    .adopt_uids(folder, uids.validity, uids.next)
                    .await
                    .map_err(engine::of_mailbox)?;
                if !keeps_uids && uids.next > 1 {
                    targets.new_uids.push(path.join("/"));
                }
            }
            if source.subscribed {
                mailbox
                    .subscribe(folder, true)
                    .await
                    .map_err(engine::of_mailbox)?;
            }
            let target = Target { folder, keeps_uids };
            targets.by_source.insert(source.path.clone(), target);
        }
        Ok(targets)
    }

    /// Where mail from `source` goes.
    pub fn of(&self, source: &[String]) -> Result<Target, Failure> {
        self.by_source.get(source).copied().ok_or_else(|| {
            let what = format!("mail in a folder not named before: {}", source.join("/"));
            Failure::new(FailureKind::Failed, what)
        })
    }

    /// What to say of folders whose uids are not kept.
    pub fn uids_left_out(&self) -> impl Iterator<Item = String> {
        self.new_uids.iter().map(|path| {
            format!(
                "{path} is not new, so its mail gets new uids and IMAP clients download it again"
            )
        })
    }

    /// All mail is there.
    pub async fn finish(&self, mailbox: &Mailbox) -> Result<(), Failure> {
        for target in self.by_source.values().filter(|target| target.keeps_uids) {
            mailbox
                .end_adoption(target.folder)
                .await
                .map_err(engine::of_mailbox)?;
        }
        Ok(())
    }
}

/// Which folders of a tree are the account's special ones, whatever those are called: those of which the source says so,
/// else top folders of certain names. Where a tree has two for one use, the first one wins, by name the one that comes first
/// in the list, and the other is a folder like any other. So is one whose name a folder of the account has that is for
/// nothing special.
async fn specials(
    mailbox: &Mailbox,
    sources: &[SourceFolder],
) -> Result<HashMap<Vec<String>, Vec<String>>, Failure> {
    let mut specials = HashMap::new();
    for (special_use, names) in SPECIAL_NAMES {
        // The account may have none by now.
        let Ok(special) = mailbox.special(special_use).await else {
            continue;
        };
        let path = path_of(mailbox, &special).await?;
        let told = sources
            .iter()
            .find(|source| source.purpose.map(special_use_of) == Some(special_use));
        if let Some(told) = told {
            specials.insert(told.path.clone(), path);
            continue;
        }
        for name in names {
            let found = sources
                .iter()
                .filter_map(|source| source.path.first())
                .find(|first| first.eq_ignore_ascii_case(name));
            let Some(found) = found else {
                continue;
            };
            let same = mailbox
                .folder_at(&[found.as_str()])
                .await
                .map_err(engine::of_mailbox)?;
            if same.is_none_or(|same| same.id == special.id) {
                specials.insert(vec![found.clone()], path);
                break;
            }
        }
    }
    Ok(specials)
}

fn special_use_of(purpose: Purpose) -> SpecialUse {
    match purpose {
        Purpose::Archive => SpecialUse::Archive,
        Purpose::Drafts => SpecialUse::Drafts,
        Purpose::Junk => SpecialUse::Junk,
        Purpose::Sent => SpecialUse::Sent,
        Purpose::Trash => SpecialUse::Trash,
    }
}

async fn path_of(mailbox: &Mailbox, folder: &Folder) -> Result<Vec<String>, Failure> {
    let folders = mailbox.folders().await.map_err(engine::of_mailbox)?;
    let by_id = folders
        .iter()
        .map(|folder| (folder.id, &**folder))
        .collect();
    Ok(crate::command::folder::path(folder, &by_id))
}

/// The folder at `path`, made with its parents if it is not there. In a tree, mail goes beside a folder that is for
/// something else, such as notes.
async fn find_or_make(
    mailbox: &Mailbox,
    path: &[String],
    is_tree: bool,
) -> Result<FolderId, Failure> {
    // Before any parent is made.
    if path.is_empty() || path.iter().any(String::is_empty) {
        return Err(unnamed(&path.join("/")));
    }
    let mut path = path.to_vec();
    let mut parent = None;
    let mut depth = 1;
    while depth <= path.len() {
        let level: Vec<&str> = path[..depth].iter().map(String::as_str).collect();
        let found = mailbox
            .folder_at(&level)
            .await
            .map_err(engine::of_mailbox)?;
        let id = match found {
            Some(found) if depth == path.len() && found.kind != FolderKind::Mail => {
                if is_tree {
                    path[depth - 1].push_str(" (mail)");
                    continue;
                }
                return Err(Failure::new(
                    FailureKind::Usage,
                    format!("{} is no folder for mail", path.join("/")),
                )
                .advise("name another folder with --folder; one that is not there is made"));
            }
            Some(found) => found.id,
            None => {
                let new = NewFolder {
                    parent,
                    name: path[depth - 1].clone(),
                    kind: FolderKind::Mail,
                };
                let made = mailbox.create_folder(&new).await;
                made.map_err(engine::of_mailbox)?.id
            }
        };
        parent = Some(id);
        depth += 1;
    }
    parent.ok_or_else(|| unnamed(""))
}

/// A name as a folder here may have it.
fn admissible(name: &str) -> String {
    let name: String = name
        .trim_matches(' ')
        .chars()
        .map(|char| match char {
            '/' | '\u{2028}' | '\u{2029}' => '_',
            char if char.is_control() => '_',
            char => char,
        })
        .collect();
    match name.as_str() {
        "" | "." | ".." => "_".into(),
        _ => name,
    }
}

/// By which names the special folders go, in Dovecot's examples and in the clients that made them.
const SPECIAL_NAMES: [(SpecialUse, &[&str]); 5] = [
    (SpecialUse::Drafts, &["Drafts", "Draft"]),
    (
        SpecialUse::Sent,
        &["Sent", "Sent Messages", "Sent Items", "Sent Mail"],
    ),
    (
        SpecialUse::Trash,
        &["Trash", "Deleted Messages", "Deleted Items"],
    ),
    (
        SpecialUse::Junk,
        &["Junk", "Spam", "Junk E-mail", "Junk Email", "Bulk Mail"],
    ),
    (SpecialUse::Archive, &["Archive", "Archives"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_one_that_a_folder_may_have() {
        for (name, made) in [
            ("a/b", "a_b"),
            (" x\n", "x_"),
            ("..", "_"),
            ("  ", "_"),
            ("Grüße", "Grüße"),
        ] {
            assert_eq!(admissible(name), made);
        }
    }
}
