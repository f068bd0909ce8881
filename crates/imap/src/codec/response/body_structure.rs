//! BODY and BODYSTRUCTURE (RFC 9051 §7.5.2).

use bytes::BytesMut;
use fieldpost_message::{
    EncodedContent, EncodedEnvelope, EncodedList, EncodedParam, EncodedPart, Error, PartVisitor,
};

use super::{envelope::put_envelope, string::Out};

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
    let mut writer = Writer {
        out: Out::new(out, utf8),
        extended,
    };
    let written = part.walk(&mut writer);
    writer.out.finish(written)
}

struct Writer<'o> {
    out: Out<'o>,
    extended: bool,
}

impl<'a> PartVisitor<'a> for Writer<'_> {
    fn open(&mut self, part: &EncodedPart<'a>) -> Result<(), Error> {
        self.out.byte(b'(');
        if matches!(part.content, EncodedContent::Multipart(_)) {
            return Ok(());
        }
        self.out.string(part.media_type);
        self.space();
        self.out.string(part.subtype);
        self.space();
        self.params(part.params)?;
        self.space();
        self.out.nstring(part.id);
        self.space();
        self.out.nstring(part.description);
        self.space();
        self.out.string(part.encoding);
        self.space();
        self.out.number(part.size());
        match part.content {
            EncodedContent::Message => self.space(),
            _ if part.media_type == "text" => {
                self.space();
                self.out.number(part.lines);
            }
            _ => {}
        }
        Ok(())
    }

    fn envelope(&mut self, envelope: &EncodedEnvelope<'a>) -> Result<(), Error> {
        put_envelope(&mut self.out, envelope)?;
        self.space();
        Ok(())
    }

    fn close(&mut self, part: &EncodedPart<'a>) -> Result<(), Error> {
        match part.content {
            EncodedContent::Multipart(_) => {
                self.space();
                self.out.string(part.subtype);
                if self.extended {
                    self.space();
                    self.params(part.params)?;
                    self.extension(part)?;
                }
            }
            EncodedContent::Message | EncodedContent::Leaf => {
                if part.content == EncodedContent::Message {
                    self.space();
                    self.out.number(part.lines);
                }
                if self.extended {
                    self.space();
                    self.out.nstring(part.md5);
                    self.extension(part)?;
                }
            }
        }
        self.out.byte(b')');
        Ok(())
    }
}

impl Writer<'_> {
    #[inline]
    fn space(&mut self) {
        self.out.byte(b' ');
    }

    fn params(&mut self, params: EncodedList<'_, EncodedParam<'_>>) -> Result<(), Error> {
        if params.is_empty() {
            self.out.nil();
            return Ok(());
        }
        let mut before = b'(';
        for param in params {
            let param = param?;
            self.out.byte(before);
            before = b' ';
            self.out.string(param.name);
            self.space();
            self.out.string(param.value);
        }
        self.out.byte(b')');
        Ok(())
    }

    /// Disposition, language and location, which end the extension data of every part.
    fn extension(&mut self, part: &EncodedPart<'_>) -> Result<(), Error> {
        self.space();
        match &part.disposition {
            // One without a kind says nothing: RFC 9051 §9 `body-fld-dsp` has no place for it.
            Some(disposition) if disposition.kind.is_empty() => self.out.nil(),
            None => self.out.nil(),
            Some(disposition) => {
                self.out.byte(b'(');
                self.out.string(disposition.kind);
                self.space();
                self.params(disposition.params)?;
                self.out.byte(b')');
            }
        }
        self.space();
        if part.language.is_empty() {
            self.out.nil();
        } else {
            let mut before = b'(';
            for tag in part.language {
                self.out.byte(before);
                before = b' ';
                self.out.string(tag?);
            }
            self.out.byte(b')');
        }
        self.space();
        self.out.nstring(part.location);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
