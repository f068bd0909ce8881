//! BODY and BODYSTRUCTURE (RFC 9051 §7.5.2).

use bytes::{BufMut, BytesMut};
use fieldpost_message::{
    EncodedContent, EncodedEnvelope, EncodedList, EncodedParam, EncodedPart, Error, PartVisitor,
};

use super::{
    envelope::write_envelope,
    string::{write_nstring, write_number, write_string},
};

/// BODY: a part and all below it without extension data. After an error `out` is as it was before.
///
/// # Errors
/// The stored structure is damaged.
pub fn write_body(out: &mut BytesMut, part: &EncodedPart<'_>, utf8: bool) -> Result<(), Error> {
    write(out, part, utf8, false)
}

/// BODYSTRUCTURE: a part and all below it with extension data. After an error `out` is as it was before.
///
/// # Errors
/// The stored structure is damaged.
pub fn write_body_structure(
    out: &mut BytesMut,
    part: &EncodedPart<'_>,
    utf8: bool,
) -> Result<(), Error> {
    write(out, part, utf8, true)
}

fn write(
    out: &mut BytesMut,
    part: &EncodedPart<'_>,
    utf8: bool,
    extended: bool,
) -> Result<(), Error> {
    let start = out.len();
    let written = part.walk(&mut Writer {
        out,
        utf8,
        extended,
    });
    if written.is_err() {
        out.truncate(start);
    }
    written
}

struct Writer<'o> {
    out: &'o mut BytesMut,
    utf8: bool,
    extended: bool,
}

impl<'a> PartVisitor<'a> for Writer<'_> {
    fn open(&mut self, part: &EncodedPart<'a>) -> Result<(), Error> {
        self.out.put_u8(b'(');
        if matches!(part.content, EncodedContent::Multipart(_)) {
            return Ok(());
        }
        self.string(part.media_type);
        self.space();
        self.string(part.subtype);
        self.space();
        self.params(part.params)?;
        self.space();
        self.nstring(part.id);
        self.space();
        self.nstring(part.description);
        self.space();
        self.string(part.encoding);
        self.space();
        write_number(self.out, part.size());
        match part.content {
            EncodedContent::Message => self.space(),
            _ if part.media_type == "text" => {
                self.space();
                write_number(self.out, part.lines);
            }
            _ => {}
        }
        Ok(())
    }

    fn envelope(&mut self, envelope: &EncodedEnvelope<'a>) -> Result<(), Error> {
        write_envelope(self.out, envelope, self.utf8)?;
        self.space();
        Ok(())
    }

    fn close(&mut self, part: &EncodedPart<'a>) -> Result<(), Error> {
        match part.content {
            EncodedContent::Multipart(_) => {
                self.space();
                self.string(part.subtype);
                if self.extended {
                    self.space();
                    self.params(part.params)?;
                    self.extension(part)?;
                }
            }
            EncodedContent::Message | EncodedContent::Leaf => {
                if part.content == EncodedContent::Message {
                    self.space();
                    write_number(self.out, part.lines);
                }
                if self.extended {
                    self.space();
                    self.nstring(part.md5);
                    self.extension(part)?;
                }
            }
        }
        self.out.put_u8(b')');
        Ok(())
    }
}

impl Writer<'_> {
    fn space(&mut self) {
        self.out.put_u8(b' ');
    }

    fn nil(&mut self) {
        self.out.put_slice(b"NIL");
    }

    fn string(&mut self, text: &str) {
        write_string(self.out, text, self.utf8);
    }

    fn nstring(&mut self, text: Option<&str>) {
        write_nstring(self.out, text, self.utf8);
    }

    fn params(&mut self, params: EncodedList<'_, EncodedParam<'_>>) -> Result<(), Error> {
        if params.is_empty() {
            self.nil();
            return Ok(());
        }
        let mut before = b'(';
        for param in params {
            let param = param?;
            self.out.put_u8(before);
            before = b' ';
            self.string(param.name);
            self.space();
            self.string(param.value);
        }
        self.out.put_u8(b')');
        Ok(())
    }

    /// Disposition, language and location, which end the extension data of every part.
    fn extension(&mut self, part: &EncodedPart<'_>) -> Result<(), Error> {
        self.space();
        match &part.disposition {
            None => self.nil(),
            Some(disposition) => {
                self.out.put_u8(b'(');
                self.string(disposition.kind);
                self.space();
                self.params(disposition.params)?;
                self.out.put_u8(b')');
            }
        }
        self.space();
        if part.language.is_empty() {
            self.nil();
        } else {
            let mut before = b'(';
            for tag in part.language {
                self.out.put_u8(before);
                before = b' ';
                self.string(tag?);
            }
            self.out.put_u8(b')');
        }
        self.space();
        self.nstring(part.location);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
