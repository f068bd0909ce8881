//! The part tree, borrowed, and the walk over it.

use super::{
    envelope::EncodedEnvelope,
    list::{EncodedList, EncodedParam},
};
use crate::{
    error::Error,
    limits::Limits,
    summary::{encode::flag, reader::Reader},
};

/// A part inside an encoded summary: see [`Part`](crate::Part). Its own fields are here; what it contains is met by
/// [`EncodedPart::walk`].
#[derive(Clone, Copy, Debug)]
pub struct EncodedPart<'a> {
    /// First byte of the part's header.
    pub header: u64,
    /// First byte after the header and the empty line that ends it.
    pub body: u64,
    /// First byte after the body.
    pub end: u64,
    /// Lines of the body.
    pub lines: u64,
    /// Top-level media type in lower case.
    pub media_type: &'a str,
    /// Media subtype in lower case.
    pub subtype: &'a str,
    /// Content-Transfer-Encoding in lower case.
    pub encoding: &'a str,
    /// Content-Type parameters.
    pub params: EncodedList<'a, EncodedParam<'a>>,
    /// Content-ID as written.
    pub id: Option<&'a str>,
    /// Content-Description as written.
    pub description: Option<&'a str>,
    /// Content-MD5 as written.
    pub md5: Option<&'a str>,
    /// Content-Disposition.
    pub disposition: Option<EncodedDisposition<'a>>,
    /// Content-Language tags.
    pub language: EncodedList<'a, &'a str>,
    /// Content-Location as written.
    pub location: Option<&'a str>,
    /// What is inside.
    pub content: EncodedContent,
    /// Where the content begins.
    inside: Reader<'a>,
    depth: usize,
}

/// Content-Disposition, borrowed: see [`Disposition`](crate::Disposition).
#[derive(Clone, Copy, Debug)]
pub struct EncodedDisposition<'a> {
    /// `inline`, `attachment` or what was written, in lower case.
    pub kind: &'a str,
    /// Parameters.
    pub params: EncodedList<'a, EncodedParam<'a>>,
}

/// What a part holds: see [`Content`](crate::Content).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EncodedContent {
    /// Bytes.
    Leaf,
    /// So many parts, one or more.
    Multipart(usize),
    /// An attached message: its envelope, then its root part.
    Message,
}

/// What [`EncodedPart::walk`] tells. An error ends the walk.
pub trait PartVisitor<'a> {
    /// A part begins; what it contains comes next.
    ///
    /// # Errors
    /// Any that a list in the part gave.
    fn open(&mut self, part: &EncodedPart<'a>) -> Result<(), Error>;

    /// The envelope of the message that the part opened last contains; its root part comes next.
    ///
    /// # Errors
    /// Any that a list in the envelope gave.
    fn envelope(&mut self, envelope: &EncodedEnvelope<'a>) -> Result<(), Error>;

    /// All that the part contains has been told.
    ///
    /// # Errors
    /// Any that a list in the part gave.
    fn close(&mut self, part: &EncodedPart<'a>) -> Result<(), Error>;
}

impl<'a> EncodedPart<'a> {
    /// The part at `reader`, which is left behind the part's own fields. The part's header is measured from `before`, and it must
    /// end by `last`.
    pub(super) fn take(
        reader: &mut Reader<'a>,
        before: u64,
        last: u64,
        depth: usize,
    ) -> Result<Self, Error> {
        // One more than the scanner opens: the leaf inside the deepest container.
        if depth > Limits::MAX_DEPTH {
            return Err(Error::SummaryDamaged("depth"));
        }
        let flags = reader.flags(flag::ALL, "part")?;
        let offset = |from: u64, by: u64| {
            from.checked_add(by)
                .filter(|offset| *offset <= last)
                .ok_or(Error::SummaryDamaged("part range"))
        };
        let header = offset(before, reader.varint()?)?;
        let body = offset(header, reader.varint()?)?;
        let end = offset(body, reader.varint()?)?;
        let mut part = Self {
            header,
            body,
            end,
            lines: reader.varint()?,
            media_type: reader.string()?,
            subtype: reader.string()?,
            encoding: reader.string()?,
            params: if flags & flag::PARAMS == 0 {
                EncodedList::none()
            } else {
                EncodedList::take(reader)?
            },
            id: reader.optional(flags & flag::ID)?,
            description: reader.optional(flags & flag::DESCRIPTION)?,
            md5: reader.optional(flags & flag::MD5)?,
            disposition: if flags & flag::DISPOSITION == 0 {
                None
            } else {
                Some(EncodedDisposition {
                    kind: reader.string()?,
                    params: EncodedList::take(reader)?,
                })
            },
            language: if flags & flag::LANGUAGE == 0 {
                EncodedList::none()
            } else {
                EncodedList::take(reader)?
            },
            location: reader.optional(flags & flag::LOCATION)?,
            content: EncodedContent::Leaf,
            inside: *reader,
            depth,
        };
        part.content = match flags & (flag::MULTIPART | flag::MESSAGE) {
            0 => EncodedContent::Leaf,
            flag::MULTIPART => match reader.count()? {
                0 => return Err(Error::SummaryDamaged("multipart without parts")),
                count => EncodedContent::Multipart(count),
            },
            flag::MESSAGE => EncodedContent::Message,
            _ => return Err(Error::SummaryDamaged("part content")),
        };
        part.inside = *reader;
        Ok(part)
    }

    /// Size of the body in bytes, still transfer encoded: BODYSTRUCTURE's octets.
    pub fn size(&self) -> u64 {
        self.end - self.body
    }

    /// Tells `visitor` this part and all below it, in order, reading each byte once; lists only when `visitor` asks for them.
    ///
    /// # Errors
    /// Damage, once it is met; and what `visitor` gives.
    pub fn walk<V: PartVisitor<'a>>(&self, visitor: &mut V) -> Result<(), Error> {
        let behind = self.visit(visitor)?;
        if self.depth == 0 && !behind.is_empty() {
            return Err(Error::SummaryTrailing);
        }
        Ok(())
    }

    /// Returns the place behind the part. [`Limits::MAX_DEPTH`] bounds the recursion.
    fn visit<V: PartVisitor<'a>>(&self, visitor: &mut V) -> Result<Reader<'a>, Error> {
        visitor.open(self)?;
        let mut reader = self.inside;
        match self.content {
            EncodedContent::Leaf => {}
            EncodedContent::Multipart(count) => {
                let mut before = self.body;
                for _ in 0..count {
                    let child = Self::take(&mut reader, before, self.end, self.depth + 1)?;
                    before = child.end;
                    reader = child.visit(visitor)?;
                }
            }
            EncodedContent::Message => {
                let envelope = EncodedEnvelope::take(&mut reader)?;
                visitor.envelope(&envelope)?;
                let root = Self::take(&mut reader, self.body, self.end, self.depth + 1)?;
                reader = root.visit(visitor)?;
            }
        }
        visitor.close(self)?;
        Ok(reader)
    }
}
