//! Protocol versions, and sets of them.

use std::fmt;

/// A version of the protocol, as `MS-ASProtocolVersion` names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Version {
    /// 2.5, Exchange 2003 SP2.
    V2_5,
    /// 12.0, Exchange 2007.
    V12_0,
    /// 12.1, Exchange 2007 SP1.
    V12_1,
    /// 14.0, Exchange 2010.
    V14_0,
    /// 14.1, Exchange 2010 SP1.
    V14_1,
    /// 16.0, Exchange 2016.
    V16_0,
    /// 16.1, Exchange 2016 and later.
    V16_1,
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 7] = [
        Self::V2_5,
        Self::V12_0,
        Self::V12_1,
        Self::V14_0,
        Self::V14_1,
        Self::V16_0,
        Self::V16_1,
    ];

    /// Reads the value of `MS-ASProtocolVersion`: `14.1`. `None`: no such version.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == text)
    }

    /// As headers write it: `14.1`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2_5 => "2.5",
            Self::V12_0 => "12.0",
            Self::V12_1 => "12.1",
            Self::V14_0 => "14.0",
            Self::V14_1 => "14.1",
            Self::V16_0 => "16.0",
            Self::V16_1 => "16.1",
        }
    }

    /// Reads the first byte of a base64 request line (MS-ASHTTP 2.2.1.1.1.1): 141 for 14.1. `None`: no such version.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.code() == code)
    }

    /// Ten times the version, as a base64 request line has it: 141 for 14.1.
    pub const fn code(self) -> u8 {
        match self {
            Self::V2_5 => 25,
            Self::V12_0 => 120,
            Self::V12_1 => 121,
            Self::V14_0 => 140,
            Self::V14_1 => 141,
            Self::V16_0 => 160,
            Self::V16_1 => 161,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of versions: those that know a tag, those that allow an element in its place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Versions(u8);

impl Versions {
    /// None: tags that are seen in other people's tables and in no version's document.
    pub const NEVER: Self = Self(0);
    /// Every version.
    pub const ALWAYS: Self = Self::between(Version::V2_5, Version::V16_1);
    /// 2.5 alone.
    pub const UNTIL_2_5: Self = Self::between(Version::V2_5, Version::V2_5);
    /// 2.5 to 12.1.
    pub const UNTIL_12_1: Self = Self::between(Version::V2_5, Version::V12_1);
    /// 2.5 to 14.1.
    pub const UNTIL_14_1: Self = Self::between(Version::V2_5, Version::V14_1);
    /// 12.0 alone.
    pub const ONLY_12_0: Self = Self::between(Version::V12_0, Version::V12_0);
    /// 12.0 and later.
    pub const SINCE_12_0: Self = Self::between(Version::V12_0, Version::V16_1);
    /// 12.1 and later.
    pub const SINCE_12_1: Self = Self::between(Version::V12_1, Version::V16_1);
    /// 14.0 and later.
    pub const SINCE_14_0: Self = Self::between(Version::V14_0, Version::V16_1);
    /// 14.1 and later.
    pub const SINCE_14_1: Self = Self::between(Version::V14_1, Version::V16_1);
    /// 16.0 and later.
    pub const SINCE_16_0: Self = Self::between(Version::V16_0, Version::V16_1);
    /// 16.1 alone.
    pub const SINCE_16_1: Self = Self::between(Version::V16_1, Version::V16_1);

    /// From that one to that one, both included.
    pub const fn between(first: Version, last: Version) -> Self {
        let up_to_last = (1_u8 << (last as u8)) | ((1_u8 << (last as u8)) - 1);
        let below_first = (1_u8 << (first as u8)) - 1;
        Self(up_to_last & !below_first)
    }

    /// Whether that one is in it.
    pub const fn contains(self, version: Version) -> bool {
        self.0 & (1 << (version as u8)) != 0
    }

    /// Those that are in both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl fmt::Debug for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(
                Version::ALL
                    .iter()
                    .filter(|version| self.contains(**version)),
            )
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_as_it_is_written() {
        for version in Version::ALL {
            assert_eq!(Version::parse(version.as_str()), Some(version));
            assert_eq!(Version::from_code(version.code()), Some(version));
        }
        assert_eq!(Version::parse(" 14.1 "), Some(Version::V14_1));
        for wrong in ["", "1.0", "14", "14.10", "16.2"] {
            assert_eq!(Version::parse(wrong), None);
        }
        assert_eq!(Version::from_code(0), None);
    }

    #[test]
    fn a_set_has_its_ends_and_nothing_beyond() {
        let middle = Versions::between(Version::V12_1, Version::V14_1);
        let inside: Vec<_> = Version::ALL
            .into_iter()
            .filter(|version| middle.contains(*version))
            .collect();
        assert_eq!(inside, [Version::V12_1, Version::V14_0, Version::V14_1]);
        assert!(
            Version::ALL
                .into_iter()
                .all(|v| Versions::ALWAYS.contains(v))
        );
        assert!(
            !Version::ALL
                .into_iter()
                .any(|v| Versions::NEVER.contains(v))
        );
        assert_eq!(Versions::SINCE_12_1.and(Versions::UNTIL_14_1), middle);
    }
}
