//! The request URI's query (MS-ASHTTP §2.2.1.1.1): plain (`Cmd=Sync&User=…`) or a byte sequence in base64.
//!
//! Nothing in it is believed: who the user is, his credentials say; what the device may be called, the mailbox's
//! [`DeviceId`](fieldpost_mailbox::DeviceId) says.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use fieldpost_wbxml::{Command, Version};

use crate::codec::request::Parameters;

/// What a query says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The command; `None`: none that there is.
    pub command: Option<Command>,
    /// The version in a base64 query. A plain one has it in a header.
    pub version: QueryVersion,
    /// Who the client says it is; empty: it does not.
    pub user: String,
    /// The device's id, unchecked.
    pub device: String,
    /// What kind of device it says it is.
    pub device_type: String,
    /// The policy key in a base64 query.
    pub policy_key: Option<u32>,
    /// Further parameters.
    pub parameters: Parameters,
}

/// Which version a query asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueryVersion {
    /// The header `MS-ASProtocolVersion` says.
    #[default]
    InHeader,
    /// This one.
    Is(Version),
    /// One that nobody knows.
    Unknown,
}

/// The query can't be read (fault 45).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed query")]
pub struct Malformed;

/// Reads a query of either form (MS-ASHTTP_R403).
pub fn parse(query: &str) -> Result<Query, Malformed> {
    let unpadded = query.trim_end_matches("%3D").trim_end_matches("%3d");
    let unpadded = unpadded.trim_end_matches('=');
    if unpadded.is_empty() {
        return Err(Malformed);
    }
    if unpadded.contains(['=', '&']) {
        Ok(plain(query))
    } else {
        // Some clients escape what base64 has beyond letters and digits.
        let bytes: Vec<u8> = unescape(unpadded)
            .into_iter()
            .map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                byte => byte,
            })
            .collect();
        let bytes = BASE64.decode(bytes).map_err(|_| Malformed)?;
        encoded(&bytes)
    }
}

/// MS-ASHTTP §2.2.1.1.1.2. Order and case of the names don't matter, names that are not known are left out.
fn plain(query: &str) -> Query {
    let mut read = Query::default();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = String::from_utf8_lossy(&unescape(value)).into_owned();
        match name.to_ascii_lowercase().as_str() {
            "cmd" => read.command = Command::from_name(&value),
            "user" => read.user = value,
            "deviceid" => read.device = value,
            "devicetype" => read.device_type = value,
            "attachmentname" => read.parameters.attachment_name = Some(value),
            "collectionid" => read.parameters.collection_id = Some(value),
            "itemid" => read.parameters.item_id = Some(value),
            "longid" => read.parameters.long_id = Some(value),
            "occurrence" => read.parameters.occurrence = Some(value),
            "saveinsent" => read.parameters.save_in_sent = value.eq_ignore_ascii_case("T"),
            _ => {}
        }
    }
    read
}

/// MS-ASHTTP §2.2.1.1.1.1.
fn encoded(bytes: &[u8]) -> Result<Query, Malformed> {
    let mut rest = Rest(bytes);
    let version = Version::from_code(rest.byte()?).map_or(QueryVersion::Unknown, QueryVersion::Is);
    let command = Command::from_code(rest.byte()?);
    // The language of what is answered: there is nothing in it that would be translated.
    let _locale = rest.take(2)?;
    let device = device_id(rest.counted()?);
    let policy_key = match *rest.counted()? {
        [] => None,
        [a, b, c, d] => Some(u32::from_le_bytes([a, b, c, d])),
        _ => return Err(Malformed),
    };
    let device_type = text(rest.counted()?);
    let mut read = Query {
        command,
        version,
        device,
        device_type,
        policy_key,
        ..Query::default()
    };
    while !rest.0.is_empty() {
        let tag = rest.byte()?;
        let value = rest.counted()?;
        let parameters = &mut read.parameters;
        match tag {
            0 => parameters.attachment_name = Some(text(value)),
            1 => parameters.collection_id = Some(text(value)),
            3 => parameters.item_id = Some(text(value)),
            4 => parameters.long_id = Some(text(value)),
            6 => parameters.occurrence = Some(text(value)),
            7 => {
                let options = value.first().copied().unwrap_or(0);
                parameters.save_in_sent = options & SAVE_IN_SENT != 0;
                parameters.accepts_multipart = options & ACCEPT_MULTIPART != 0;
            }
            8 => read.user = text(value),
            _ => {}
        }
    }
    Ok(read)
}

/// A device's id as text: as it is, or a GUID's 16 bytes in hexadecimal (MS-ASHTTP_R34).
fn device_id(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    if bytes.len() != 16 || bytes.iter().all(u8::is_ascii_graphic) {
        return text(bytes);
    }
    let mut hexadecimal = String::with_capacity(32);
    for byte in bytes {
        let _ = write!(hexadecimal, "{byte:02x}");
    }
    hexadecimal
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `%41` to `A`; a `%` that begins nothing stays, and so does `+`, which stands in addresses.
fn unescape(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = match (byte, bytes.get(at + 1), bytes.get(at + 2)) {
            (b'%', Some(high), Some(low)) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            plain.push(high << 4 | low);
            at += 3;
        } else {
            plain.push(*byte);
            at += 1;
        }
    }
    plain
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    /// A field behind a byte with its length.
    fn counted(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.byte()?;
        self.take(usize::from(length))
    }
}

/// Bits of the parameter Options (MS-ASHTTP §2.2.1.1.1.1.3).
const SAVE_IN_SENT: u8 = 0x01;
const ACCEPT_MULTIPART: u8 = 0x02;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests;
