//! ENVELOPE (RFC 9051 §7.5.2).

use bytes::BytesMut;
use fieldpost_message::{EncodedAddress, EncodedEnvelope, EncodedList, Error};

use super::string::Out;

/// An envelope with its parentheses. After an error `out` is as it was before.
///
/// # Errors
/// The stored envelope is damaged.
pub fn write_envelope(
    out: &mut BytesMut,
    envelope: &EncodedEnvelope<'_>,
    utf8: bool,
) -> Result<(), Error> {
    let mut out = Out::new(out, utf8);
    let written = put_envelope(&mut out, envelope);
    out.finish(written)
}

pub(super) fn put_envelope(out: &mut Out<'_>, envelope: &EncodedEnvelope<'_>) -> Result<(), Error> {
    out.byte(b'(');
    out.nstring(envelope.date);
    out.byte(b' ');
    out.nstring(envelope.subject);
    out.byte(b' ');
    // Sender and Reply-To are From's addresses where a message has none of its own.
    let from = out.position();
    put_addresses(out, envelope.from)?;
    let from = from..out.position();
    for list in [envelope.sender, envelope.reply_to] {
        out.byte(b' ');
        if list.is_empty() {
            out.repeat(from.clone());
        } else {
            put_addresses(out, list)?;
        }
    }
    for list in [envelope.to, envelope.cc, envelope.bcc] {
        out.byte(b' ');
        put_addresses(out, list)?;
    }
    out.byte(b' ');
    out.nstring(envelope.in_reply_to);
    out.byte(b' ');
    out.nstring(envelope.message_id);
    out.byte(b')');
    Ok(())
}

fn put_addresses(
    out: &mut Out<'_>,
    list: EncodedList<'_, EncodedAddress<'_>>,
) -> Result<(), Error> {
    if list.is_empty() {
        out.nil();
        return Ok(());
    }
    out.byte(b'(');
    for address in list {
        let address = address?;
        out.byte(b'(');
        out.nstring(address.name);
        out.byte(b' ');
        out.nstring(address.route);
        out.byte(b' ');
        out.nstring(address.mailbox);
        out.byte(b' ');
        out.nstring(address.host);
        out.byte(b')');
    }
    out.byte(b')');
    Ok(())
}

#[cfg(test)]
mod tests;
