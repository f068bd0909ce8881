//! Lists that are read as they are walked.

use std::{fmt, iter::FusedIterator, marker::PhantomData};

use crate::{
    error::Error,
    summary::{encode::present, reader::Reader},
};

/// A list inside an encoded summary. Its entries are read when they are asked for, each time anew.
pub struct EncodedList<'a, T> {
    reader: Reader<'a>,
    count: usize,
    entry: PhantomData<fn() -> T>,
}

/// What lists hold. Nothing outside this crate can name it.
pub trait Entry<'a>: Sized {
    /// Reads one entry.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error>;
    /// Passes one entry over, with as little checking as that needs.
    fn skip(reader: &mut Reader<'a>) -> Result<(), Error>;
}

/// One address, borrowed: see [`Address`](crate::Address).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct EncodedAddress<'a> {
    /// Display name.
    pub name: Option<&'a str>,
    /// Source route.
    pub route: Option<&'a str>,
    /// Local part or a group's name; `None` at a group's end.
    pub mailbox: Option<&'a str>,
    /// Domain; `None` marks the start or the end of a group.
    pub host: Option<&'a str>,
}

/// One parameter, borrowed: see [`Param`](crate::Param).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct EncodedParam<'a> {
    /// Name in lower case, ending in `*` where the value is in the extended form.
    pub name: &'a str,
    /// Value.
    pub value: &'a str,
}

impl<'a> Entry<'a> for &'a str {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        reader.string()
    }

    #[inline]
    fn skip(reader: &mut Reader<'a>) -> Result<(), Error> {
        reader.raw().map(drop)
    }
}

impl<'a> Entry<'a> for EncodedParam<'a> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        Ok(Self {
            name: reader.string()?,
            value: reader.string()?,
        })
    }

    #[inline]
    fn skip(reader: &mut Reader<'a>) -> Result<(), Error> {
        reader.raw()?;
        reader.raw().map(drop)
    }
}

impl<'a> Entry<'a> for EncodedAddress<'a> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let flags = reader.flags(present::ADDRESS_ALL, "address")?;
        Ok(Self {
            name: reader.optional(flags & present::NAME)?,
            route: reader.optional(flags & present::ROUTE)?,
            mailbox: reader.optional(flags & present::MAILBOX)?,
            host: reader.optional(flags & present::HOST)?,
        })
    }

    #[inline]
    fn skip(reader: &mut Reader<'a>) -> Result<(), Error> {
        let flags = reader.flags(present::ADDRESS_ALL, "address")?;
        for _ in 0..flags.count_ones() {
            reader.raw()?;
        }
        Ok(())
    }
}

impl<'a, T: Entry<'a>> EncodedList<'a, T> {
    /// A list that is not there.
    pub(super) fn none() -> Self {
        Self {
            reader: Reader::new(&[]),
            count: 0,
            entry: PhantomData,
        }
    }

    /// The list at `reader`, which is left behind it.
    #[inline]
    pub(super) fn take(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let count = reader.count()?;
        let list = Self {
            reader: *reader,
            count,
            entry: PhantomData,
        };
        for _ in 0..count {
            T::skip(reader)?;
        }
        Ok(list)
    }

    /// Entries.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The entries in order; an `Err` is the last thing it gives.
    pub fn iter(&self) -> EncodedEntries<'a, T> {
        EncodedEntries {
            reader: self.reader,
            left: self.count,
            entry: PhantomData,
        }
    }
}

impl<T> Clone for EncodedList<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for EncodedList<'_, T> {}

impl<T> fmt::Debug for EncodedList<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedList")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl<'a, T: Entry<'a>> IntoIterator for EncodedList<'a, T> {
    type Item = Result<T, Error>;
    type IntoIter = EncodedEntries<'a, T>;

    fn into_iter(self) -> EncodedEntries<'a, T> {
        self.iter()
    }
}

impl<'a, T: Entry<'a>> IntoIterator for &EncodedList<'a, T> {
    type Item = Result<T, Error>;
    type IntoIter = EncodedEntries<'a, T>;

    fn into_iter(self) -> EncodedEntries<'a, T> {
        self.iter()
    }
}

/// Iterator over an [`EncodedList`].
pub struct EncodedEntries<'a, T> {
    reader: Reader<'a>,
    left: usize,
    entry: PhantomData<fn() -> T>,
}

impl<'a, T: Entry<'a>> Iterator for EncodedEntries<'a, T> {
    type Item = Result<T, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let entry = T::read(&mut self.reader);
        if entry.is_err() {
            self.left = 0;
        }
        Some(entry)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

impl<'a, T: Entry<'a>> FusedIterator for EncodedEntries<'a, T> {}

impl<T> fmt::Debug for EncodedEntries<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedEntries")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
