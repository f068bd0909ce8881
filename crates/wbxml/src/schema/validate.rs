//! The check of a document against its tree.

use std::fmt;

use super::{Direction, Kind, Rule, root};
use crate::{Command, Content, Element, Tag, Version};

/// How strictly a document is taken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mode {
    /// Nothing passes that the tree does not have.
    Strict,
    /// For requests (quirk A10): elements that are unknown in their place or in the version are passed over with all that is in them; text
    /// between elements too; an element without content passes as a value of any type, as content does where there should be none, and a date
    /// of any form. What is missing, too often or no number is still told.
    Lenient,
}

/// What is wrong in a document, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Violation {
    /// From the root: `airsync:Sync/airsync:Collections`. The element itself where it should not be so, its parent where it is missing.
    pub path: String,
    /// What is wrong.
    pub reason: Reason,
}

/// What is wrong with an element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The command has no document in that direction.
    NoDocument,
    /// It may not stand there in any version.
    NotAllowed,
    /// It may stand there, but not in this version.
    NotInVersion(Version),
    /// An element of that tag has to be in it.
    Missing(Tag),
    /// Its content is not of that type.
    WrongKind(Kind),
    /// It stands there more often than this.
    TooOften(u16),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDocument => f.write_str("the command has no such document"),
            Self::NotAllowed => f.write_str("not allowed here"),
            Self::NotInVersion(version) => write!(f, "not in version {version}"),
            Self::Missing(tag) => write!(f, "{tag} is missing"),
            Self::WrongKind(kind) => write!(f, "content is not of type {kind:?}"),
            Self::TooOften(max) => write!(f, "more than {max} of them"),
        }
    }
}

/// Checks a document against its command's tree, in [`Mode::Strict`]. The first violation is told.
pub fn validate(
    element: &Element<'_>,
    command: Command,
    direction: Direction,
    version: Version,
) -> Result<(), Violation> {
    validate_in(Mode::Strict, element, command, direction, version)
}

/// Checks a document against its command's tree. The first violation is told.
pub fn validate_in(
    mode: Mode,
    element: &Element<'_>,
    command: Command,
    direction: Direction,
    version: Version,
) -> Result<(), Violation> {
    let at_root = |reason| Violation {
        path: element.tag.to_string(),
        reason,
    };
    let rule = root(command, direction).ok_or_else(|| at_root(Reason::NoDocument))?;
    if element.tag != rule.tag {
        return Err(at_root(Reason::NotAllowed));
    }
    if !rule.is_known_in(version) {
        return Err(at_root(Reason::NotInVersion(version)));
    }
    let mut open: Vec<Frame<'_, '_>> = Vec::new();
    enter(&mut open, element, rule, mode, version)?;
    while let Some(frame) = open.last_mut() {
        let Some(child) = frame.next_child() else {
            open.pop();
            continue;
        };
        let found = frame.rule.child(child.tag);
        match found {
            Some(rule) if rule.is_known_in(version) => {
                if frame.count(child.tag) > usize::from(rule.max) && rule.max != Rule::MANY {
                    return Err(violation(&open, child.tag, Reason::TooOften(rule.max)));
                }
                enter(&mut open, child, rule, mode, version)?;
            }
            _ if mode == Mode::Lenient => {}
            Some(_) => {
                return Err(violation(&open, child.tag, Reason::NotInVersion(version)));
            }
            None => return Err(violation(&open, child.tag, Reason::NotAllowed)),
        }
    }
    Ok(())
}

/// An open element: its rule and what is still to be looked at.
struct Frame<'e, 'a> {
    rule: &'static Rule,
    content: std::slice::Iter<'e, Content<'a>>,
    counts: Vec<(Tag, usize)>,
}

impl<'e, 'a> Frame<'e, 'a> {
    fn next_child(&mut self) -> Option<&'e Element<'a>> {
        self.content.find_map(|content| match content {
            Content::Element(element) => Some(element),
            Content::Text(_) | Content::Opaque(_) => None,
        })
    }

    /// How often that tag was seen, this time included.
    fn count(&mut self, tag: Tag) -> usize {
        if let Some((_, count)) = self.counts.iter_mut().find(|(seen, _)| *seen == tag) {
            *count += 1;
            return *count;
        }
        self.counts.push((tag, 1));
        1
    }
}

/// Checks the element's own content and opens it.
fn enter<'e, 'a>(
    open: &mut Vec<Frame<'e, 'a>>,
    element: &'e Element<'a>,
    rule: &'static Rule,
    mode: Mode,
    version: Version,
) -> Result<(), Violation> {
    if !is_of_kind(element, rule.kind, mode) {
        return Err(violation(open, element.tag, Reason::WrongKind(rule.kind)));
    }
    // A string in the place of elements stands for them all; an optional element without content takes its value back.
    let is_value = rule.kind == Kind::Mixed && element.children().next().is_none();
    let missing = rule.rules().find(|child| {
        child.min > 0 && child.is_known_in(version) && element.child(child.tag).is_none()
    });
    if let Some(missing) = missing
        && !is_value
        && !(element.is_empty() && rule.min == 0 && mode == Mode::Lenient)
    {
        return Err(violation(open, element.tag, Reason::Missing(missing.tag)));
    }
    open.push(Frame {
        rule,
        content: element.content().iter(),
        counts: Vec::new(),
    });
    Ok(())
}

/// Whether content is of that kind.
pub(super) fn is_of_kind(element: &Element<'_>, kind: Kind, mode: Mode) -> bool {
    let lenient = mode == Mode::Lenient;
    if kind == Kind::Container {
        return lenient || element.text().trim().is_empty();
    }
    if kind == Kind::Mixed {
        return true;
    }
    if element.children().next().is_some() {
        return lenient && kind == Kind::Empty;
    }
    if element.is_empty() {
        return lenient || !matches!(kind, Kind::Integer | Kind::Decimal | Kind::DateTime);
    }
    let text = element.text();
    let text = if lenient { text.trim() } else { &text };
    match kind {
        Kind::Container | Kind::Mixed | Kind::String | Kind::Opaque => true,
        Kind::Empty => lenient,
        Kind::Boolean => matches!(text, "0" | "1") || (lenient && text.is_empty()),
        Kind::Integer => {
            (lenient && text.is_empty())
                || text.parse().is_ok_and(|number: i64| {
                    (i64::from(i32::MIN)..=i64::from(u32::MAX)).contains(&number)
                })
        }
        Kind::Decimal => (lenient && text.is_empty()) || text.parse().is_ok_and(f64::is_finite),
        Kind::DateTime => lenient || is_date_time(text.as_bytes()),
    }
}

/// Either form of MS-ASDTYPE 2.7.2; the fraction has 1 to 9 digits.
fn is_date_time(text: &[u8]) -> bool {
    let Some(text) = text.strip_suffix(b"Z") else {
        return false;
    };
    let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(point) => (&text[..point], Some(&text[point + 1..])),
        None => (text, None),
    };
    if fraction.is_some_and(|digits| {
        !(1..=9).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit)
    }) {
        return false;
    }
    let form: &[u8] = if whole.len() == 15 {
        b"ddddddddTdddddd"
    } else {
        b"dddd-dd-ddTdd:dd:dd"
    };
    whole.len() == form.len()
        && whole
            .iter()
            .zip(form)
            .all(|(byte, expected)| match expected {
                b'd' => byte.is_ascii_digit(),
                other => byte == other,
            })
}

fn violation(open: &[Frame<'_, '_>], last: Tag, reason: Reason) -> Violation {
    let names: Vec<String> = open
        .iter()
        .map(|frame| frame.rule.tag)
        .chain([last])
        .map(|tag| tag.to_string())
        .collect();
    Violation {
        path: names.join("/"),
        reason,
    }
}
