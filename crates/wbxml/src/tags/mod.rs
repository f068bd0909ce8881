//! The code pages of MS-ASWBXML 2.1.2.1 (MS-ASWBXML_R10 to R3400), one module each, one constant a tag.
//!
//! A constant's name is the tag's in capitals: `SyncKey` is [`air_sync::SYNC_KEY`]. Tags that only 2.5 and the Windows Mobile devices of its
//! time had, and those that only other servers' tables have (known in no version), are listed too: they come from clients, and a name reads
//! better than a number.

use crate::{Tag, Versions};

/// A page's constants and its table.
macro_rules! page {
    ($page:literal, $namespace:literal, $prefix:literal; $($constant:ident = $token:literal $name:literal $versions:ident;)*) => {
        use crate::{Tag, Versions, tags::{Entry, Page}};

        $(
            #[doc = concat!("`", $prefix, ":", $name, "`, token ", stringify!($token), ".")]
            pub const $constant: Tag = Tag::new($page, $token);
        )*

        pub(super) static PAGE: Page = Page::new($namespace, $prefix, &[
            $(($token, Entry { name: $name, versions: Versions::$versions }),)*
        ]);
    };
}

pub mod air_notify;
pub mod air_sync;
pub mod air_sync_base;
pub mod calendar;
pub mod compose_mail;
pub mod contacts;
pub mod contacts2;
pub mod document_library;
pub mod email;
pub mod email2;
pub mod find;
pub mod folder_hierarchy;
pub mod gal;
pub mod get_item_estimate;
pub mod item_operations;
pub mod meeting_response;
pub mod move_items;
pub mod notes;
pub mod ping;
pub mod provision;
pub mod resolve_recipients;
pub mod rights_management;
pub mod search;
pub mod settings;
pub mod tasks;
pub mod validate_cert;

/// What is known of a tag.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    /// Its name, as MS-ASWBXML writes it.
    pub(crate) name: &'static str,
    /// Who knows it.
    pub(crate) versions: Versions,
}

/// A code page.
pub(crate) struct Page {
    /// `AirSync`.
    pub(crate) namespace: &'static str,
    /// `airsync`.
    pub(crate) prefix: &'static str,
    /// By token.
    entries: [Option<Entry>; 64],
}

impl Page {
    const fn new(namespace: &'static str, prefix: &'static str, list: &[(u8, Entry)]) -> Self {
        let mut entries = [None; 64];
        let mut index = 0;
        while index < list.len() {
            let (token, entry) = list[index];
            entries[token as usize] = Some(entry);
            index += 1;
        }
        Self {
            namespace,
            prefix,
            entries,
        }
    }

    /// The token of that name.
    pub(crate) fn token(&self, name: &str) -> Option<u8> {
        self.entries
            .iter()
            .position(|entry| entry.is_some_and(|entry| entry.name == name))
            .map(|token| token as u8)
    }
}

static PAGES: [&Page; 26] = [
    &air_sync::PAGE,
    &contacts::PAGE,
    &email::PAGE,
    &air_notify::PAGE,
    &calendar::PAGE,
    &move_items::PAGE,
    &get_item_estimate::PAGE,
    &folder_hierarchy::PAGE,
    &meeting_response::PAGE,
    &tasks::PAGE,
    &resolve_recipients::PAGE,
    &validate_cert::PAGE,
    &contacts2::PAGE,
    &ping::PAGE,
    &provision::PAGE,
    &search::PAGE,
    &gal::PAGE,
    &air_sync_base::PAGE,
    &settings::PAGE,
    &document_library::PAGE,
    &item_operations::PAGE,
    &compose_mail::PAGE,
    &email2::PAGE,
    &notes::PAGE,
    &rights_management::PAGE,
    &find::PAGE,
];

/// The page of that number.
pub(crate) fn page(number: u8) -> Option<&'static Page> {
    PAGES.get(usize::from(number)).copied()
}

/// All pages with their numbers.
pub(crate) fn pages() -> impl Iterator<Item = (u8, &'static Page)> {
    (0..).zip(PAGES)
}

/// What is known of that tag.
pub(crate) fn entry(tag: Tag) -> Option<Entry> {
    page(tag.page())?.entries[usize::from(tag.token())]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::Version;

    #[test]
    fn names_and_tokens_are_unique_on_their_page() {
        let mut count = 0;
        for (number, page) in pages() {
            for token in 0..64 {
                let Some(entry) = entry(Tag::new(number, token)) else {
                    continue;
                };
                assert!(token >= 5, "the first five are global");
                assert_eq!(page.token(entry.name), Some(token));
                count += 1;
            }
        }
        assert_eq!(count, 655);
    }

    /// MS-ASWBXML 2.1.2.1, and what older clients have besides: token for token.
    #[test]
    fn the_tables_are_those_of_the_shared_list() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/eas/codepages.tsv");
        if !file.parent().unwrap().is_dir() {
            return;
        }
        let text = std::fs::read_to_string(file).unwrap();
        let mut rows = 0;
        for line in text.lines().skip(1) {
            let row: Vec<&str> = line.split('\t').collect();
            let token = u8::from_str_radix(&row[2][2..], 16).unwrap();
            let tag = Tag::new(row[0].parse().unwrap(), token);
            assert_eq!(tag.namespace(), Some(row[1]), "{line}");
            assert_eq!(tag.name(), Some(row[3]), "{line}");
            assert_eq!(tag.prefix().unwrap(), row[1].to_lowercase());
            for version in Version::ALL {
                let listed = row[5].split(',').any(|listed| listed == version.as_str());
                assert_eq!(tag.is_known_in(version), listed, "{line}: {version}");
            }
            rows += 1;
        }
        assert_eq!(rows, 655);
    }
}
