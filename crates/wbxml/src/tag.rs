//! A tag: a token on a code page.

use std::fmt;

use crate::{Version, tags};

/// A tag of an element: the code page and, on it, the token (MS-ASWBXML 2.1.2.1). Pages and tokens that no table lists are tags too.
///
/// `Debug` and `Display` print `airsync:Sync`, and `p7:x3F` where no name is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag {
    page: u8,
    token: u8,
}

impl Tag {
    /// The tag of that token on that page; of the token its lower 6 bits.
    pub const fn new(page: u8, token: u8) -> Self {
        Self {
            page,
            token: token & 0x3F,
        }
    }

    /// The code page, 0 to 25 where it is known.
    pub const fn page(self) -> u8 {
        self.page
    }

    /// The token, 0x05 to 0x3F.
    pub const fn token(self) -> u8 {
        self.token
    }

    /// Its name: `SyncKey`. `None`: no table lists it.
    pub fn name(self) -> Option<&'static str> {
        Some(tags::entry(self)?.name)
    }

    /// The XML namespace of its page: `AirSync`. `None`: there is no such page.
    pub fn namespace(self) -> Option<&'static str> {
        Some(tags::page(self.page)?.namespace)
    }

    /// The namespace in small letters, as [`crate::Element::to_xml`] writes it: `airsync`. `None`: there is no such page.
    pub fn prefix(self) -> Option<&'static str> {
        Some(tags::page(self.page)?.prefix)
    }

    /// Whether that version knows it. Microsoft's document speaks of 12.1 and later only; what it calls "All" holds for 2.5 and 12.0 too,
    /// and what only 2.5 had is listed from what clients of that time send.
    pub fn is_known_in(self, version: Version) -> bool {
        tags::entry(self).is_some_and(|entry| entry.versions.contains(version))
    }

    /// The tag of that prefix and name. `None`: there is none.
    pub fn find(prefix: &str, name: &str) -> Option<Self> {
        let (page, table) = tags::pages().find(|(_, page)| page.prefix == prefix)?;
        Some(Self::new(page, table.token(name)?))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.prefix(), self.name()) {
            (Some(prefix), Some(name)) => write!(f, "{prefix}:{name}"),
            _ => write!(f, "p{}:x{:02X}", self.page, self.token),
        }
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use crate::tags::{air_sync, email2, find, provision, rights_management};

    use super::*;

    #[test]
    fn a_tag_knows_its_name_and_its_versions() {
        let tag = air_sync::SYNC_KEY;
        assert_eq!((tag.page(), tag.token()), (0, 0x0B));
        assert_eq!(tag.name(), Some("SyncKey"));
        assert_eq!(tag.namespace(), Some("AirSync"));
        assert_eq!(tag.prefix(), Some("airsync"));
        assert!(tag.is_known_in(Version::V2_5) && tag.is_known_in(Version::V16_1));
        assert!(!find::FIND.is_known_in(Version::V16_0));
        assert!(!email2::SEND.is_known_in(Version::V14_1));
        assert!(!air_sync::TRUNCATION.is_known_in(Version::V12_0));
        assert_eq!(
            format!("{:?}", provision::EAS_PROVISION_DOC),
            "provision:EASProvisionDoc"
        );
        assert_eq!(
            rights_management::OWNER.to_string(),
            "rightsmanagement:Owner"
        );
    }

    #[test]
    fn unknown_tags_have_numbers_only() {
        for tag in [Tag::new(7, 0x3F), Tag::new(26, 0x05), Tag::new(255, 0x3F)] {
            assert_eq!(tag.name(), None);
            assert!(!Version::ALL.into_iter().any(|v| tag.is_known_in(v)));
        }
        assert_eq!(Tag::new(7, 0x3F).prefix(), Some("folderhierarchy"));
        assert_eq!(Tag::new(26, 0x05).prefix(), None);
        assert_eq!(format!("{:?}", Tag::new(26, 0x05)), "p26:x05");
    }

    #[test]
    fn a_tag_is_found_by_its_name() {
        assert_eq!(Tag::find("airsync", "SyncKey"), Some(air_sync::SYNC_KEY));
        assert_eq!(Tag::find("airsync", "synckey"), None);
        assert_eq!(Tag::find("nowhere", "SyncKey"), None);
    }
}
