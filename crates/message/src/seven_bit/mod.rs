//! A message with 8-bit text made fit for a server that takes 7-bit text only (RFC 6152 §3).
//!
//! Each leaf that is not 7-bit is put into quoted-printable or base64, whichever is shorter (a text only if it is much shorter in
//! base64); what it decodes to stays the same, octet by octet. The message is read three times, piece by piece, and never held: [`Scan`] finds its parts, [`Survey`] looks at
//! each, and a [`Converter`] writes it anew, as often as it is needed.
//!
//! ```
//! use fieldpost_message::seven_bit::Scan;
//!
//! let message = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ngr\u{fc}n\r\n".as_bytes();
//! let mut scan = Scan::new();
//! scan.push(message);
//! let mut survey = scan.finish()?.ok_or("7-bit already")?;
//! survey.push(message);
//! let plan = survey.finish()?.ok_or("7-bit already")?;
//! let mut converter = plan.converter();
//! let mut out = Vec::new();
//! converter.push(message, &mut out);
//! converter.finish(&mut out);
//! assert!(out.ends_with(b"Content-Transfer-Encoding: quoted-printable\r\n\r\ngr=C3=BCn\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What changes besides: Content-Transfer-Encoding of what is converted, and of what was called `8bit` or `binary` and is 7-bit now;
//! a message that names no MIME-Version and is converted itself gets one, without which its encoding would count for nothing
//! (it gets no Content-Type: which charset its text is in, nobody knows now or knew before). Text outside of all parts, which
//! mail programs do not show, loses its 8-bit octets to question marks. All other octets stay: header fields, delimiters, and parts
//! that are 7-bit.
//!
//! What can't be converted is told as an [`Obstacle`], and the message stays as it is: no signature is broken, and no header
//! changed into something else (RFC 6531 §3.2 has such mail sent back).

mod convert;
mod header;
mod plan;
mod survey;

pub use convert::Converter;
pub use plan::Plan;
pub use survey::{Scan, Survey};

/// Why a message can't be made 7-bit.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Obstacle {
    /// A header, the message's, a part's or an attached message's, has 8-bit octets: it is internationalised mail (RFC 6532).
    #[error("a header field of it is 8-bit text")]
    Header,
    /// A signed part has 8-bit octets, which RFC 1847 §2.1 does not allow: any other form of it would break the signature.
    #[error("a signed part of it is 8-bit text, and its signature would not hold in another form")]
    Signed,
    /// The part's own encoding is none that is known, so that nobody may put another on top.
    #[error("a part of it is 8-bit text in an encoding that is not known here")]
    Encoding,
    /// A multipart or message into which nobody can look, and which may not be encoded as a whole (RFC 2045 §6.4).
    #[error("a part of it that may not be encoded is 8-bit text")]
    Container,
    /// More parts, or a longer header line, than are looked at.
    #[error("it has too many parts, or a header line that is too long")]
    Large,
}

/// The longest line of 7-bit text, without its line end (RFC 2045 §2.7).
const MAX_LINE: u64 = 998;

/// The longest header line, and value of a field, that is read.
const MAX_FIELD: usize = 64 * 1024;

#[cfg(test)]
mod tests;
