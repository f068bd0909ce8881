//! ENVELOPE (RFC 9051 §7.5.2).

use std::ops::Range;

use bytes::{BufMut, BytesMut};
use fieldpost_message::{EncodedAddress, EncodedEnvelope, EncodedList, Error};

use super::string::write_nstring;

/// An envelope with its parentheses. After an error `out` is as it was before.
///
/// # Errors
/// The stored envelope is damaged.
pub fn write_envelope(
    out: &mut BytesMut,
    envelope: &EncodedEnvelope<'_>,
    utf8: bool,
) -> Result<(), Error> {
    let start = out.len();
    let written = write(out, envelope, utf8);
    if written.is_err() {
        out.truncate(start);
    }
    written
}

fn write(out: &mut BytesMut, envelope: &EncodedEnvelope<'_>, utf8: bool) -> Result<(), Error> {
    out.put_u8(b'(');
    write_nstring(out, envelope.date, utf8);
    out.put_u8(b' ');
    write_nstring(out, envelope.subject, utf8);
    out.put_u8(b' ');
    let from = out.len();
    write_addresses(out, envelope.from, utf8)?;
    let from = from..out.len();
    for list in [envelope.sender, envelope.reply_to] {
        out.put_u8(b' ');
        if list.is_empty() {
            repeat(out, from.clone());
        } else {
            write_addresses(out, list, utf8)?;
        }
    }
    for list in [envelope.to, envelope.cc, envelope.bcc] {
        out.put_u8(b' ');
        write_addresses(out, list, utf8)?;
    }
    out.put_u8(b' ');
    write_nstring(out, envelope.in_reply_to, utf8);
    out.put_u8(b' ');
    write_nstring(out, envelope.message_id, utf8);
    out.put_u8(b')');
    Ok(())
}

/// Writes once more what stands at `range`: Sender and Reply-To are From's addresses where a message has none of its own.
fn repeat(out: &mut BytesMut, range: Range<usize>) {
    let end = out.len();
    out.resize(end + range.len(), 0);
    out.copy_within(range, end);
}

fn write_addresses(
    out: &mut BytesMut,
    list: EncodedList<'_, EncodedAddress<'_>>,
    utf8: bool,
) -> Result<(), Error> {
    if list.is_empty() {
        out.put_slice(b"NIL");
        return Ok(());
    }
    out.put_u8(b'(');
    for address in list {
        let address = address?;
        out.put_u8(b'(');
        write_nstring(out, address.name, utf8);
        out.put_u8(b' ');
        write_nstring(out, address.route, utf8);
        out.put_u8(b' ');
        write_nstring(out, address.mailbox, utf8);
        out.put_u8(b' ');
        write_nstring(out, address.host, utf8);
        out.put_u8(b')');
    }
    out.put_u8(b')');
    Ok(())
}

#[cfg(test)]
mod tests;
