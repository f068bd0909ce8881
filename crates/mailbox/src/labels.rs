//! Keywords and categories: the account's table behind the bits in the rows.
//!
//! A *keyword* is IMAP's: an atom, compared without regard to case (RFC 9051 §2.3.2). A *category* is any text
//! (ActiveSync's), compared exactly; IMAP sees it as a keyword that begins with `$`, made from it once. Both are one row
//! of this table, so that setting the keyword of a category sets the category: all protocols show the same item.

use std::fmt::Write as _;

use bytes::Bytes;

use crate::{
    Error,
    error::Malformed,
    record::{Reader, Writer},
};

/// How many keywords and categories an account may have in all: a row has one bit for each.
pub const MAX_LABELS: usize = 128;

/// Longest keyword, in bytes.
const MAX_KEYWORD: usize = 128;

/// Longest category, in bytes.
const MAX_CATEGORY: usize = 255;

/// A set of rows of the table: bit n stands for the table's row n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LabelSet(pub(crate) u128);

impl LabelSet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// Whether there is nothing in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` is in it.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// It without `other`.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn positions(self) -> impl Iterator<Item = usize> {
        (0..MAX_LABELS).filter(move |position| self.0 >> position & 1 != 0)
    }
}

/// The account's table of keywords and categories. Rows are only ever added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    rows: Vec<Label>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Label {
    keyword: String,
    /// Empty: a keyword only.
    category: String,
}

impl Labels {
    /// The keywords of `set`, those made from categories included, in the order in which they were first used.
    pub fn keywords(&self, set: LabelSet) -> impl Iterator<Item = &str> {
        set.positions()
            .filter_map(|position| Some(self.rows.get(position)?.keyword.as_str()))
    }

    /// The categories of `set`, in the order in which they were first used.
    pub fn categories(&self, set: LabelSet) -> impl Iterator<Item = &str> {
        set.positions()
            .filter_map(|position| Some(self.rows.get(position)?.category.as_str()))
            .filter(|category| !category.is_empty())
    }

    /// The set of all keywords (IMAP's FLAGS response lists them).
    pub fn all(&self) -> LabelSet {
        LabelSet(
            u128::MAX
                .checked_shr((MAX_LABELS - self.rows.len()) as u32)
                .unwrap_or(0),
        )
    }

    /// The set of all categories.
    pub fn all_categories(&self) -> LabelSet {
        let is_category = |(_, row): &(usize, &Label)| !row.category.is_empty();
        LabelSet(
            self.rows
                .iter()
                .enumerate()
                .filter(is_category)
                .fold(0, |set, (position, _)| set | 1 << position),
        )
    }

    /// Whether one more keyword can be added.
    pub fn has_room(&self) -> bool {
        self.rows.len() < MAX_LABELS
    }

    /// The set of one keyword, if it was ever used; in any case of letters.
    pub fn keyword(&self, keyword: &str) -> Option<LabelSet> {
        let position = self
            .rows
            .iter()
            .position(|row| row.keyword.eq_ignore_ascii_case(keyword))?;
        Some(LabelSet(1 << position))
    }

    /// The set of one category, if it was ever used.
    pub fn category(&self, category: &str) -> Option<LabelSet> {
        let position = self
            .rows
            .iter()
            .position(|row| !row.category.is_empty() && row.category == category)?;
        Some(LabelSet(1 << position))
    }

    /// The set of a keyword, added if it is new.
    pub(crate) fn add_keyword(&mut self, keyword: &str) -> Result<LabelSet, Error> {
        if let Some(known) = self.keyword(keyword) {
            return Ok(known);
        }
        if !is_keyword(keyword) {
            return Err(Error::BadKeyword(keyword.to_owned()));
        }
        self.add(keyword.to_owned(), String::new())
    }

    /// The set of a category, added if it is new.
    pub(crate) fn add_category(&mut self, category: &str) -> Result<LabelSet, Error> {
        if let Some(known) = self.category(category) {
            return Ok(known);
        }
        if category.is_empty()
            || category.len() > MAX_CATEGORY
            || category.chars().any(char::is_control)
        {
            return Err(Error::BadKeyword(category.to_owned()));
        }
        let mut keyword = keyword_for(category);
        let mut number = 1;
        while self.keyword(&keyword).is_some() {
            number += 1;
            keyword.truncate(MAX_KEYWORD - 8);
            keyword = format!(
                "{}_{number}",
                keyword.trim_end_matches(|char: char| char.is_ascii_digit() || char == '_')
            );
        }
        self.add(keyword, category.to_owned())
    }

    fn add(&mut self, keyword: String, category: String) -> Result<LabelSet, Error> {
        if !self.has_room() {
            return Err(Error::TooManyKeywords(MAX_LABELS));
        }
        self.rows.push(Label { keyword, category });
        Ok(LabelSet(1 << (self.rows.len() - 1)))
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut writer = Writer::default();
        writer.byte(VERSION);
        for row in &self.rows {
            writer.bytes(row.keyword.as_bytes());
            writer.bytes(row.category.as_bytes());
        }
        writer.0.into()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        reader.version(VERSION)?;
        let mut rows = Vec::new();
        while !reader.is_empty() {
            if rows.len() == MAX_LABELS {
                return Err(Malformed::Range);
            }
            rows.push(Label {
                keyword: reader.text()?.to_owned(),
                category: reader.text()?.to_owned(),
            });
        }
        Ok(Self { rows })
    }
}

/// `flag-keyword = "$MDNSent" / … / atom` (RFC 9051 §9), of bounded length.
fn is_keyword(keyword: &str) -> bool {
    !keyword.is_empty() && keyword.len() <= MAX_KEYWORD && keyword.bytes().all(is_atom_byte)
}

fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
}

/// `$` and the category, with what can't stand in an atom replaced: `_` for a space, `+hex` for other characters.
fn keyword_for(category: &str) -> String {
    let mut keyword = String::from("$");
    for char in category.chars() {
        if keyword.len() > MAX_KEYWORD - 10 {
            break;
        }
        match u8::try_from(char) {
            Ok(b' ') => keyword.push('_'),
            Ok(byte) if char.is_ascii() && is_atom_byte(byte) => keyword.push(char),
            // Writing to a String does not fail.
            _ => drop(write!(keyword, "+{:x}", u32::from(char))),
        }
    }
    keyword
}

const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_seen_as_a_keyword_and_setting_that_keyword_sets_it() {
        let mut labels = Labels::default();
        let red = labels.add_category("Red (urgent)").unwrap();
        let shown: Vec<_> = labels.keywords(red).collect();
        assert_eq!(shown, ["$Red_+28urgent+29"]);
        assert_eq!(labels.add_keyword("$red_+28URGENT+29").unwrap(), red);
        let junk = labels.add_keyword("$Junk").unwrap();
        assert_eq!(labels.categories(junk).count(), 0);
        assert_eq!(
            labels.categories(red.union(junk)).collect::<Vec<_>>(),
            ["Red (urgent)"]
        );
        assert_eq!(labels.all(), red.union(junk));
        assert_eq!(labels.all_categories(), red);
        assert_eq!(Labels::decode(&labels.encode()), Ok(labels));
    }

    #[test]
    fn categories_that_look_alike_as_keywords_stay_apart() {
        let mut labels = Labels::default();
        labels.add_keyword("$a_b").unwrap();
        let sets: Vec<_> = ["a b", "a_b", "A B"]
            .map(|category| labels.add_category(category).unwrap())
            .to_vec();
        let names: Vec<_> = sets.iter().flat_map(|set| labels.keywords(*set)).collect();
        assert_eq!(names, ["$a_b_2", "$a_b_3", "$A_B_4"]);
        let long = "é".repeat(120);
        let first = labels.add_category(&long).unwrap();
        let second = labels.add_category(&format!("{long}x")).unwrap();
        assert_ne!(first, second);
        assert!(labels.keywords(first.union(second)).all(is_keyword));
    }

    #[test]
    fn bad_keywords_and_a_full_table_are_refused() {
        let mut labels = Labels::default();
        for bad in ["", "a b", "a(b", "ä", "\\Seen", "a\0", &"x".repeat(129)] {
            assert!(
                matches!(labels.add_keyword(bad), Err(Error::BadKeyword(_))),
                "{bad:?}"
            );
        }
        assert!(labels.add_category("a\r\nb").is_err());
        for number in 0..MAX_LABELS {
            labels.add_keyword(&format!("k{number}")).unwrap();
        }
        assert_eq!(labels.all(), LabelSet(u128::MAX));
        assert!(matches!(
            labels.add_keyword("more"),
            Err(Error::TooManyKeywords(_))
        ));
        assert!(labels.add_keyword("K5").is_ok());
    }
}
