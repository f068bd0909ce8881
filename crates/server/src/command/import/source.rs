//! What mail is beside its bytes and flags: which folders there are, and what items were called where they come from.
//!
//! In a mail stream of `import` and `export` the first chunk of each item is its [`Origin`].

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// What clients knew an item by.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Origin {
    /// IMAP's uid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// POP3's unique-id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uidl: Option<String>,
    /// The folder's uids; in an export only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uids: Option<Uids>,
}

/// What IMAP clients know a folder by.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Uids {
    /// Its UIDVALIDITY.
    pub validity: u32,
    /// Its UIDNEXT.
    pub next: u32,
}

/// A folder that mail comes from, or goes to.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct SourceFolder {
    /// Its names from the top down.
    pub path: Vec<String>,
    /// If its uids are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uids: Option<Uids>,
    /// Whether the user wants to see it.
    #[serde(default)]
    pub subscribed: bool,
    /// What it is for, where the source says so; otherwise its name may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
}

/// What a folder is for (RFC 6154 §2).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

/// The names of folders in a subscriptions file of Dovecot's. Its second version separates levels by tabs and begins with a
/// line that says so; the first separates them as its folders are named, by `separator`.
pub fn subscriptions(text: &str, separator: char) -> HashSet<Vec<String>> {
    let second = text.strip_prefix("V\t2\n");
    let separator = if second.is_some() { '\t' } else { separator };
    second
        .unwrap_or(text)
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            line.split(separator)
                .filter(|level| !level.is_empty())
                .map(super::modified_utf7::decode)
                .collect()
        })
        .collect()
}

/// A subscriptions file with those of `folders` that are subscribed.
pub fn subscriptions_of(folders: &[SourceFolder]) -> String {
    let mut text = String::from("V\t2\n\n");
    for folder in folders.iter().filter(|folder| folder.subscribed) {
        let levels: Vec<String> = folder
            .path
            .iter()
            .map(|level| super::modified_utf7::encode(level))
            .collect();
        text.push_str(&levels.join("\t"));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_subscriptions_are_read() {
        let names = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let wanted = HashSet::from([names(&["Work", "Sub"]), names(&["Entwürfe"])]);
        assert_eq!(
            subscriptions("V\t2\n\nWork\tSub\nEntw&APw-rfe\n", '.'),
            wanted
        );
        assert_eq!(subscriptions("Work.Sub\nEntw&APw-rfe", '.'), wanted);
        assert_eq!(subscriptions("", '.'), HashSet::new());
        let folders: Vec<_> = [
            (&["Work", "Sub"][..], true),
            (&["a"][..], false),
            (&["Entwürfe"][..], true),
        ]
        .into_iter()
        .map(|(path, subscribed)| SourceFolder {
            path: names(path),
            subscribed,
            ..SourceFolder::default()
        })
        .collect();
        assert_eq!(subscriptions(&subscriptions_of(&folders), '.'), wanted);
    }
}
