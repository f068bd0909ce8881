//! Spam that whoever filters mail in front of us has marked goes into the Junk folder.

use std::fmt;

use fieldpost_mailbox::SpecialUse;
use fieldpost_store::BoxFuture;

use crate::{Delivery, Hook, Placement, Refusal};

/// A header field that marks spam: its name, and what its value begins with. Compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpamMark(Box<str>);

/// A text that is no `Name: value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a header field with the start of a value, such as \"X-Spam-Flag: YES\"")]
pub struct NotAMark;

impl SpamMark {
    /// Reads `Name: value`.
    pub fn parse(text: &str) -> Result<Self, NotAMark> {
        let (name, value) = text.split_once(':').ok_or(NotAMark)?;
        let (name, value) = (name.trim(), value.trim());
        let is_good = !name.is_empty()
            && !value.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_graphic())
            && value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
            && name.len() + value.len() < MAX_LINE;
        if !is_good {
            return Err(NotAMark);
        }
        Ok(Self(format!("{name}:{value}").to_ascii_lowercase().into()))
    }
}

/// Looks for marks in a header that comes in pieces. Stops at the end of the header.
#[derive(Clone)]
pub(crate) struct SpamWatch {
    marks: std::sync::Arc<[SpamMark]>,
    /// The start of the line in hand, in lower case, without the blanks behind the colon.
    line: Vec<u8>,
    /// Whether the line's name is over.
    behind_colon: bool,
    state: State,
    is_spam: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Body,
}

impl SpamWatch {
    pub(crate) fn new(marks: std::sync::Arc<[SpamMark]>) -> Self {
        Self {
            state: if marks.is_empty() {
                State::Body
            } else {
                State::Header
            },
            marks,
            line: Vec::new(),
            behind_colon: false,
            is_spam: false,
        }
    }

    /// Whether a mark was met.
    pub(crate) fn is_spam(&self) -> bool {
        self.is_spam
    }

    /// Looks at the next piece of the message.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        for byte in piece {
            if self.state == State::Body {
                return;
            }
            match byte {
                b'\n' => self.end_line(),
                b'\r' => {}
                b' ' | b'\t' if self.line.last() == Some(&b':') && self.behind_colon => {}
                byte if self.line.len() < MAX_LINE => {
                    self.behind_colon |= *byte == b':';
                    self.line.push(byte.to_ascii_lowercase());
                }
                _ => {}
            }
        }
    }

    fn end_line(&mut self) {
        if self.line.is_empty() {
            self.state = State::Body;
        }
        let line = &self.line;
        let marks = &mut self.marks.iter();
        self.is_spam |= marks.any(|mark| line.starts_with(mark.0.as_bytes()));
        self.line.clear();
        self.behind_colon = false;
    }
}

impl fmt::Debug for SpamWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpamWatch")
            .field("is_spam", &self.is_spam)
            .finish_non_exhaustive()
    }
}

/// Files marked mail into the Junk folder.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpamFiling;

impl Hook for SpamFiling {
    fn name(&self) -> &'static str {
        "spam filing"
    }

    fn place<'a>(
        &'a self,
        delivery: &'a Delivery<'a>,
        placement: &'a mut Placement,
    ) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            if delivery.received.is_spam() {
                placement.folder = SpecialUse::Junk;
            }
            Ok(())
        })
    }
}

/// The longest mark, and so how much of a line is looked at.
const MAX_LINE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn is_spam(text: &str, size: usize) -> bool {
        let marks =
            ["X-Spam-Flag: YES", "X-Spam-Status:yes"].map(|mark| SpamMark::parse(mark).unwrap());
        let mut watch = SpamWatch::new(marks.into());
        text.as_bytes()
            .chunks(size)
            .for_each(|piece| watch.push(piece));
        watch.is_spam()
    }

    #[test]
    fn marks_are_found_however_the_header_is_cut_and_nowhere_else() {
        for size in 1..20 {
            for spam in [
                "A: b\r\nX-Spam-Flag: YES\r\n\r\n",
                "x-spam-flag:YES\r\n\r\n",
                "X-Spam-Status: \tYes, score=9 required=5\r\n tests=X\r\n\r\n",
            ] {
                assert!(is_spam(spam, size), "{spam:?}");
            }
            for ham in [
                "X-Spam-Flag: NO\r\n\r\nX-Spam-Flag: YES\r\n",
                "Y-X-Spam-Flag: YES\r\n\r\n",
                "Subject: X-Spam-Flag: YES\r\n\r\n",
                "A: b\r\n X-Spam-Flag: YES\r\n\r\n",
                "\r\nX-Spam-Flag: YES\r\n",
            ] {
                assert!(!is_spam(ham, size), "{ham:?}");
            }
        }
        for wrong in ["X-Spam-Flag", ": YES", "X-Spam-Flag:", "X Spam: YES"] {
            assert_eq!(SpamMark::parse(wrong), Err(NotAMark), "{wrong}");
        }
    }
}
