//! How the queue's own part of an entry lies in the outbox: the envelope, and each recipient with what became of it so far.
//!
//! Every value begins with a version byte; numbers are big-endian; texts carry their length in two bytes.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{Address, BodyType, Envelope, Notify, Refusal, Ret, Status};

/// A recipient that is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its address.
    pub address: Address,
    /// What the sender called it, `type;xtext` as it was written (RFC 3461 §4.2).
    pub original: Option<Box<str>>,
    /// Of what the sender wants to hear.
    pub notify: Notify,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, seconds since 1970.
    pub due: i64,
    /// Whether the sender was told that it takes long.
    pub delay_told: bool,
    /// It has the message; only the sender is still to be told.
    pub delivered: bool,
    /// What the last attempt came to.
    pub last: Option<Refusal>,
}

impl Pending {
    /// A recipient that was not tried yet.
    pub fn new(address: Address, due: i64) -> Self {
        Self {
            address,
            original: None,
            notify: Notify::default(),
            attempts: 0,
            due,
            delay_told: false,
            delivered: false,
            last: None,
        }
    }

    /// Its value in the outbox.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(128);
        out.put_u8(VERSION);
        out.put_u8(
            u8::from(self.notify.success)
                | u8::from(self.notify.failure) << 1
                | u8::from(self.notify.delay) << 2
                | u8::from(self.delay_told) << 3
                | u8::from(self.delivered) << 4,
        );
        out.put_u32(self.attempts);
        out.put_i64(self.due);
        text(&mut out, self.address.as_str());
        text(&mut out, self.original.as_deref().unwrap_or_default());
        match &self.last {
            None => out.put_u16(0),
            Some(last) => {
                out.put_u16(last.code);
                out.put_u8(last.status.0);
                out.put_u16(last.status.1);
                out.put_u16(last.status.2);
                text(&mut out, &last.text);
            }
        }
        out.freeze()
    }

    /// Reads such a value.
    pub fn decode(value: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::open(value)?;
        let flags = reader.byte()?;
        let (attempts, due) = (reader.u32()?, reader.u64()?.cast_signed());
        let address = reader.text()?.parse().map_err(|_| Malformed)?;
        let original = reader.optional_text()?;
        let last = match reader.u16()? {
            0 => None,
            code => {
                let status = Status(reader.byte()?, reader.u16()?, reader.u16()?);
                Some(Refusal::new(code, status, reader.text()?.to_owned()))
            }
        };
        reader.end()?;
        Ok(Self {
            address,
            original,
            notify: Notify {
                success: flags & 1 != 0,
                failure: flags & 2 != 0,
                delay: flags & 4 != 0,
            },
            attempts,
            due,
            delay_told: flags & 8 != 0,
            delivered: flags & 16 != 0,
            last,
        })
    }
}

/// An envelope's value in the outbox, with the header lines that go before the message.
pub fn encode_envelope(envelope: &Envelope, prefix: &str) -> Bytes {
    let mut out = BytesMut::with_capacity(128);
    out.put_u8(VERSION);
    out.put_u8(
        u8::from(envelope.body == BodyType::EightBitMime)
            | u8::from(envelope.smtp_utf8) << 1
            | u8::from(envelope.ret == Some(Ret::Full)) << 2
            | u8::from(envelope.ret == Some(Ret::Headers)) << 3,
    );
    text(
        &mut out,
        envelope
            .sender
            .as_ref()
            .map_or("", |sender| sender.as_str()),
    );
    text(
        &mut out,
        envelope.envelope_id.as_deref().unwrap_or_default(),
    );
    let prefix = Some(prefix).filter(|prefix| prefix.len() <= MAX_PREFIX);
    let prefix = prefix.unwrap_or_default();
    out.put_u16(prefix.len() as u16);
    out.put_slice(prefix.as_bytes());
    out.freeze()
}

/// The header lines in such a value.
pub fn decode_prefix(value: &[u8]) -> Bytes {
    let prefix = read_envelope(value).map(|(_, prefix)| prefix);
    Bytes::copy_from_slice(prefix.unwrap_or_default().as_bytes())
}

/// Reads such a value.
pub fn decode_envelope(value: &[u8]) -> Result<Envelope, Malformed> {
    read_envelope(value).map(|(envelope, _)| envelope)
}

fn read_envelope(value: &[u8]) -> Result<(Envelope, &str), Malformed> {
    let mut reader = Reader::open(value)?;
    let flags = reader.byte()?;
    let sender = match reader.text()? {
        "" => None,
        sender => Some(sender.parse().map_err(|_| Malformed)?),
    };
    let envelope_id = reader.optional_text()?;
    let prefix = reader.text()?;
    reader.end()?;
    let envelope = Envelope {
        sender,
        body: if flags & 1 != 0 {
            BodyType::EightBitMime
        } else {
            BodyType::SevenBit
        },
        smtp_utf8: flags & 2 != 0,
        size: None,
        ret: match flags & 0xc {
            0x4 => Some(Ret::Full),
            0x8 => Some(Ret::Headers),
            _ => None,
        },
        envelope_id,
    };
    Ok((envelope, prefix))
}

/// A value that does not parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a damaged entry of the queue")]
pub struct Malformed;

fn text(out: &mut BytesMut, text: &str) {
    let text = &text[..text.floor_char_boundary(MAX_TEXT)];
    out.put_u16(text.len() as u16);
    out.put_slice(text.as_bytes());
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn open(value: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Self(value);
        match reader.byte()? {
            VERSION => Ok(reader),
            _ => Err(Malformed),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        self.take().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.take().map(u64::from_be_bytes)
    }

    fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = usize::from(self.u16()?);
        let (text, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        str::from_utf8(text).map_err(|_| Malformed)
    }

    fn optional_text(&mut self) -> Result<Option<Box<str>>, Malformed> {
        Ok(Some(self.text()?)
            .filter(|text| !text.is_empty())
            .map(Box::from))
    }

    fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed)
        }
    }
}

const VERSION: u8 = 1;

/// Longer texts (a peer's reply of many lines) are cut off.
const MAX_TEXT: usize = 2000;

/// A longer signature is left out.
const MAX_PREFIX: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_and_envelopes_come_back_and_cut_ones_do_not() {
        let pending = Pending {
            original: Some("rfc822;a+2Bb@x.test".into()),
            notify: Notify::NEVER,
            attempts: 7,
            due: -5,
            delay_told: true,
            delivered: true,
            last: Some(Refusal::new(451, Status(4, 7, 1), "gr\u{fc}n".repeat(600))),
            ..Pending::new("a@x.test".parse().unwrap(), 0)
        };
        let bytes = pending.encode();
        let read = Pending::decode(&bytes).unwrap();
        assert!(read.last.as_ref().unwrap().text.len() <= MAX_TEXT);
        assert_eq!(read.encode(), bytes);
        assert_eq!(
            (read.notify, read.attempts, read.due, read.delay_told),
            (Notify::NEVER, 7, -5, true)
        );
        for cut in 0..bytes.len() {
            assert_eq!(Pending::decode(&bytes[..cut]), Err(Malformed));
        }
        for envelope in [
            Envelope::default(),
            Envelope {
                sender: "b@x.test".parse().ok(),
                body: BodyType::EightBitMime,
                smtp_utf8: true,
                size: None,
                ret: Some(Ret::Headers),
                envelope_id: Some("QQ314159".into()),
            },
        ] {
            let bytes = encode_envelope(&envelope, "X: y\r\n");
            assert_eq!(decode_envelope(&bytes), Ok(envelope));
            assert_eq!(&decode_prefix(&bytes)[..], b"X: y\r\n");
            assert_eq!(decode_envelope(&bytes[1..]), Err(Malformed));
        }
    }
}
