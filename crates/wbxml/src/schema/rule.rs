//! A rule: what may stand in one place of a tree.

use crate::{Tag, Version, Versions};

/// Of which type an element's content is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Elements.
    Container,
    /// Elements, or a string in their place: `search:Query`.
    Mixed,
    /// Any string, opaque data as well.
    String,
    /// `0` or `1`; nothing means 1.
    Boolean,
    /// A whole number of 32 bits, signed or not.
    Integer,
    /// A number with a fraction.
    Decimal,
    /// `2010-04-08T18:16:00.000Z` or `20100408T181600Z`, the fraction of a second left out or not.
    DateTime,
    /// Opaque data, or base64.
    Opaque,
    /// Nothing.
    Empty,
}

/// What stands in one place: an element of that tag, so often, of that kind.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The element's tag.
    pub tag: Tag,
    /// Of which type it is.
    pub kind: Kind,
    /// How often it stands there at least.
    pub min: u16,
    /// How often it stands there at most; [`Rule::MANY`] is without bound.
    pub max: u16,
    /// Which versions have it there, of those that know the tag.
    pub versions: Versions,
    /// What stands in it: lists that may each serve several places.
    pub children: &'static [&'static [Rule]],
}

impl Rule {
    /// Of [`Rule::max`]: without bound.
    pub const MANY: u16 = u16::MAX;

    const fn new(tag: Tag, kind: Kind, children: &'static [&'static [Self]]) -> Self {
        Self {
            tag,
            kind,
            min: 0,
            max: 1,
            versions: Versions::ALWAYS,
            children,
        }
    }

    pub(super) const fn required(mut self) -> Self {
        self.min = 1;
        self
    }

    pub(super) const fn many(mut self) -> Self {
        self.max = Self::MANY;
        self
    }

    pub(super) const fn up_to(mut self, max: u16) -> Self {
        self.max = max;
        self
    }

    pub(super) const fn since(mut self, version: Version) -> Self {
        self.versions = Versions::between(version, Version::V16_1);
        self
    }

    pub(super) const fn until(mut self, version: Version) -> Self {
        self.versions = Versions::between(Version::V2_5, version);
        self
    }

    /// Whether that version has the element there.
    pub fn is_known_in(&self, version: Version) -> bool {
        self.versions.contains(version) && self.tag.is_known_in(version)
    }

    /// All rules for what stands in it.
    pub fn rules(&self) -> impl Iterator<Item = &'static Rule> + use<> {
        self.children.iter().copied().flatten()
    }

    /// The rule for elements of that tag in it. `None`: they may not stand there.
    pub fn child(&self, tag: Tag) -> Option<&'static Rule> {
        self.rules().find(|rule| rule.tag == tag)
    }
}

pub(super) const fn container(tag: Tag, children: &'static [&'static [Rule]]) -> Rule {
    Rule::new(tag, Kind::Container, children)
}

pub(super) const fn mixed(tag: Tag, children: &'static [&'static [Rule]]) -> Rule {
    Rule::new(tag, Kind::Mixed, children)
}

pub(super) const fn string(tag: Tag) -> Rule {
    Rule::new(tag, Kind::String, &[])
}

pub(super) const fn boolean(tag: Tag) -> Rule {
    Rule::new(tag, Kind::Boolean, &[])
}

pub(super) const fn integer(tag: Tag) -> Rule {
    Rule::new(tag, Kind::Integer, &[])
}

pub(super) const fn decimal(tag: Tag) -> Rule {
    Rule::new(tag, Kind::Decimal, &[])
}

pub(super) const fn date_time(tag: Tag) -> Rule {
    Rule::new(tag, Kind::DateTime, &[])
}

pub(super) const fn opaque(tag: Tag) -> Rule {
    Rule::new(tag, Kind::Opaque, &[])
}

pub(super) const fn empty(tag: Tag) -> Rule {
    Rule::new(tag, Kind::Empty, &[])
}
