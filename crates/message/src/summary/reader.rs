//! The primitives of the stored form, read forward and trusting nothing: see [`super::encode`] for the format.

use super::encode::WORDS;
use crate::error::Error;

/// Addresses, parts, parameters and ids that one summary may hold. Decoded they take more memory than bytes in the value, so
/// the length alone does not bound them.
const MAX_ENTRIES: usize = 64 * 1024;

/// A place in an encoded summary, and how many entries may still follow it.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    entries_left: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            entries_left: MAX_ENTRIES,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, Error> {
        match self.rest.split_first() {
            Some((&byte, rest)) if byte < 0x80 => {
                self.rest = rest;
                Ok(byte.into())
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Error> {
        let mut value = 0u64;
        for (index, &byte) in self.rest.iter().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && byte > 1 {
                return Err(Error::SummaryDamaged("number"));
            }
            value |= bits << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(if self.rest.len() >= 10 {
            Error::SummaryDamaged("number")
        } else {
            Error::SummaryTruncated
        })
    }

    pub(super) fn signed(&mut self) -> Result<i64, Error> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(super) fn flags(&mut self, known: u64, what: &'static str) -> Result<u64, Error> {
        let flags = self.varint()?;
        if flags & !known == 0 {
            Ok(flags)
        } else {
            Err(Error::SummaryDamaged(what))
        }
    }

    /// A string that nobody has looked into yet.
    #[inline]
    pub(super) fn raw(&mut self) -> Result<Raw<'a>, Error> {
        let tag = self.varint()?;
        let length = usize::try_from(tag >> 1).map_err(|_| Error::SummaryTruncated)?;
        if tag & 1 == 1 {
            let word = WORDS.get(length).ok_or(Error::SummaryDamaged("word"))?;
            return Ok(Raw::Word(word));
        }
        let (text, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Error::SummaryTruncated)?;
        self.rest = rest;
        Ok(Raw::Bytes(text))
    }

    #[inline]
    pub(super) fn string(&mut self) -> Result<&'a str, Error> {
        self.raw()?.text()
    }

    #[inline]
    pub(super) fn optional(&mut self, present: u64) -> Result<Option<&'a str>, Error> {
        if present == 0 {
            Ok(None)
        } else {
            self.string().map(Some)
        }
    }

    /// A number of things to come, each at least one byte.
    pub(super) fn count(&mut self) -> Result<usize, Error> {
        let count = usize::try_from(self.varint()?).map_err(|_| Error::SummaryTruncated)?;
        if count > self.rest.len() {
            return Err(Error::SummaryTruncated);
        }
        self.entries_left = self
            .entries_left
            .checked_sub(count)
            .ok_or(Error::SummaryDamaged("too many entries"))?;
        Ok(count)
    }
}

/// A string as it is stored.
#[derive(Clone, Copy, Debug)]
pub enum Raw<'a> {
    /// One of [`WORDS`].
    Word(&'static str),
    /// What should be UTF-8.
    Bytes(&'a [u8]),
}

impl<'a> Raw<'a> {
    #[inline]
    pub(super) fn text(self) -> Result<&'a str, Error> {
        match self {
            Self::Word(word) => Ok(word),
            Self::Bytes(bytes) => str::from_utf8(bytes).map_err(|_| Error::SummaryDamaged("text")),
        }
    }

    /// The text up to the first byte that makes no sense.
    pub(super) fn readable(self) -> &'a str {
        match self {
            Self::Word(word) => word,
            Self::Bytes(bytes) => bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid()),
        }
    }
}
