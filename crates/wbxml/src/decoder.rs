//! The decoder: bytes to tokens, one at a time, within limits and without recursion.

use std::ffi::CStr;

use crate::{Error, Tag};

const SWITCH_PAGE: u8 = 0x00;
const END: u8 = 0x01;
const STR_I: u8 = 0x03;
const STR_T: u8 = 0x83;
const OPAQUE: u8 = 0xC3;
/// Set in a tag's byte when content follows.
const HAS_CONTENT: u8 = 0x40;
/// Set in a tag's byte when attributes follow.
const HAS_ATTRIBUTES: u8 = 0x80;
/// IANA's MIBenum of UTF-8.
const UTF_8: u32 = 106;

/// What a decoder accepts at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of the whole document, header included. Default 64 MiB: a mail with attachments in one `ComposeMail` request.
    pub document: usize,
    /// Elements within one another, the root counted. Default 64, at most [`Limits::DEEPEST`]; the deepest that the protocol has is 12.
    pub depth: usize,
    /// Bytes of one inline string, without the NUL. Default 64 MiB: some clients send the mail itself as a string.
    pub string: usize,
    /// Bytes of one piece of opaque data. Default 64 MiB.
    pub opaque: usize,
    /// Elements, strings and pieces of opaque data together. Default 250,000: some 5,000 items of a Sync.
    pub elements: usize,
}

impl Limits {
    /// What [`Limits::depth`] is cut to: a tree is dropped by walking it, and deeper ones would need more stack than a thread may have.
    pub const DEEPEST: usize = 256;
}

impl Default for Limits {
    fn default() -> Self {
        const MEBIBYTES: usize = 1 << 20;
        Self {
            document: 64 * MEBIBYTES,
            depth: 64,
            string: 64 * MEBIBYTES,
            opaque: 64 * MEBIBYTES,
            elements: 250_000,
        }
    }
}

/// A piece of a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Token<'a> {
    /// An element begins. Each has an [`Token::End`], those without content too.
    Start(Tag),
    /// An inline string.
    Text(&'a str),
    /// Opaque data, as it is; and an inline string that is not UTF-8: clients send broken subjects and contacts (quirk A9), for which a document
    /// must not be refused, as it would be sent again for ever; and mails with 8-bit text of other charsets, which are to stay what they are.
    Opaque(&'a [u8]),
    /// The innermost open element ends.
    End,
}

/// Reads a document from memory, token by token.
///
/// Accepted beyond the letter: WBXML 1.1 and 1.2, whose bodies are alike; charset 0, which says nothing; a string table, which is skipped
/// (a reference into it is an error). Bytes behind the root element are ignored: nothing may stand there (WBXML 1.2, 5.3:
/// `body = *pi element *pi`, and processing instructions are not used, MS-ASWBXML_R656), so they cannot change what the document says, and no
/// requirement asks that they be refused. [`Decoder::trailing`] counts them, for the log.
#[derive(Debug)]
pub struct Decoder<'a> {
    input: &'a [u8],
    position: usize,
    limits: Limits,
    page: u8,
    /// Open elements.
    depth: usize,
    /// Elements and pieces of content so far.
    elements: usize,
    /// The last element had no content: its end is still to be told.
    end_is_due: bool,
    root_seen: bool,
}

impl<'a> Decoder<'a> {
    /// Reads the header.
    pub fn new(input: &'a [u8], limits: Limits) -> Result<Self, Error> {
        if input.len() > limits.document {
            return Err(Error::DocumentLimit(input.len()));
        }
        let mut decoder = Self {
            input,
            position: 0,
            limits: Limits {
                depth: limits.depth.min(Limits::DEEPEST),
                ..limits
            },
            page: 0,
            depth: 0,
            elements: 0,
            end_is_due: false,
            root_seen: false,
        };
        decoder.header()?;
        Ok(decoder)
    }

    /// The next token; `None` when the root element has ended. An error is final: what comes after one means nothing.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator of results would be read on after an error"
    )]
    pub fn next(&mut self) -> Result<Option<Token<'a>>, Error> {
        if self.end_is_due {
            self.end_is_due = false;
            self.depth -= 1;
            return Ok(Some(Token::End));
        }
        if self.root_seen && self.depth == 0 {
            return Ok(None);
        }
        loop {
            let offset = self.position;
            match self.byte()? {
                SWITCH_PAGE => self.page = self.byte()?,
                END => {
                    self.depth = self
                        .depth
                        .checked_sub(1)
                        .ok_or(Error::OutsideRoot(offset))?;
                    return Ok(Some(Token::End));
                }
                STR_I => {
                    self.count_content(offset)?;
                    return self.string(offset).map(Some);
                }
                OPAQUE => {
                    self.count_content(offset)?;
                    return self.opaque(offset).map(Some);
                }
                STR_T => return Err(Error::StringTableReference(offset)),
                // The global tokens: 0 to 4 with both flags in every combination.
                token if token & !(HAS_CONTENT | HAS_ATTRIBUTES) < 5 => {
                    return Err(Error::Unsupported { token, offset });
                }
                token if token & HAS_ATTRIBUTES != 0 => return Err(Error::Attributes(offset)),
                token => return self.start(token, offset).map(Some),
            }
        }
    }

    /// Bytes behind the root element, once [`Decoder::next`] has given `None`.
    pub fn trailing(&self) -> usize {
        self.input.len() - self.position
    }

    /// Where the next token is read, in bytes from the start.
    pub fn position(&self) -> usize {
        self.position
    }

    fn header(&mut self) -> Result<(), Error> {
        let version = self.byte()?;
        if !(1..=3).contains(&version) {
            return Err(Error::WbxmlVersion(version));
        }
        // A public identifier of 0 stands in the string table; its place follows. Which one it is makes no difference.
        if self.integer()? == 0 {
            self.integer()?;
        }
        let charset = self.integer()?;
        if charset != UTF_8 && charset != 0 {
            return Err(Error::Charset(charset));
        }
        let table = self.integer()?;
        self.slice(table).ok_or(Error::StringTable(table))?;
        Ok(())
    }

    fn start(&mut self, token: u8, offset: usize) -> Result<Token<'a>, Error> {
        self.count(offset)?;
        if self.depth >= self.limits.depth {
            return Err(Error::DepthLimit(offset));
        }
        self.depth += 1;
        self.root_seen = true;
        self.end_is_due = token & HAS_CONTENT == 0;
        Ok(Token::Start(Tag::new(self.page, token)))
    }

    fn string(&mut self, offset: usize) -> Result<Token<'a>, Error> {
        let rest = &self.input[self.position..];
        // One byte more than the limit, for the NUL.
        let within = &rest[..rest.len().min(self.limits.string.saturating_add(1))];
        let Ok(text) = CStr::from_bytes_until_nul(within) else {
            return Err(if within.len() < rest.len() {
                Error::StringLimit(offset)
            } else {
                Error::Truncated(self.input.len())
            });
        };
        self.position += text.count_bytes() + 1;
        let octets = text.to_bytes();
        Ok(std::str::from_utf8(octets).map_or(Token::Opaque(octets), Token::Text))
    }

    fn opaque(&mut self, offset: usize) -> Result<Token<'a>, Error> {
        let length = self.integer()?;
        if usize::try_from(length).map_or(true, |length| length > self.limits.opaque) {
            return Err(Error::OpaqueLimit(offset));
        }
        self.slice(length)
            .map(Token::Opaque)
            .ok_or(Error::Truncated(self.input.len()))
    }

    fn count_content(&mut self, offset: usize) -> Result<(), Error> {
        if self.depth == 0 {
            return Err(Error::OutsideRoot(offset));
        }
        self.count(offset)
    }

    fn count(&mut self, offset: usize) -> Result<(), Error> {
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(Error::ElementLimit(offset));
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Error> {
        let byte = *self
            .input
            .get(self.position)
            .ok_or(Error::Truncated(self.position))?;
        self.position += 1;
        Ok(byte)
    }

    /// `mb_u_int32` (WBXML 1.2, 5.1): 7 bits a byte, the most significant first, the high bit set in all but the last.
    fn integer(&mut self) -> Result<u32, Error> {
        let offset = self.position;
        let mut value = 0_u64;
        for _ in 0..5 {
            let byte = self.byte()?;
            value = (value << 7) | u64::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| Error::Integer(offset));
            }
        }
        Err(Error::Integer(offset))
    }

    fn slice(&mut self, length: u32) -> Option<&'a [u8]> {
        let end = self.position.checked_add(usize::try_from(length).ok()?)?;
        let slice = self.input.get(self.position..end)?;
        self.position = end;
        Some(slice)
    }
}

#[cfg(test)]
mod tests;
