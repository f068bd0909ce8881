//! The header of a submitted message, made fit to travel (RFC 6409 §8) before its body follows.

use bytes::{Bytes, BytesMut};
use fieldpost_directory::Identity;
use fieldpost_transport::{Refusal, Status, Transport};

/// Gathers a header, up to the empty line behind it.
#[derive(Debug, Default)]
pub(crate) struct HeaderReader {
    bytes: BytesMut,
    /// How far the end was looked for.
    seen: usize,
}

/// A header that may travel.
#[derive(Debug)]
pub(crate) struct Composed {
    /// Its bytes, with the empty line, and what of the body came with it.
    pub(crate) bytes: Bytes,
    /// The Bcc fields that it had, for the sender's own copy.
    pub(crate) hidden: Bytes,
}

impl HeaderReader {
    /// Takes the next bytes of the message. `true`: the header is whole.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<bool, Refusal> {
        self.bytes.extend_from_slice(piece);
        let from = self.seen.saturating_sub(3);
        let is_whole = self.bytes.starts_with(b"\r\n")
            || memchr::memmem::find(&self.bytes[from..], b"\r\n\r\n").is_some();
        self.seen = self.bytes.len();
        if !is_whole && self.bytes.len() > MAX_HEADER {
            return Err(Refusal::new(
                552,
                Status(5, 3, 4),
                format!("the message's header is larger than {MAX_HEADER} bytes"),
            ));
        }
        Ok(is_whole)
    }

    /// Makes the header fit to travel, or says why it may not.
    pub(crate) fn compose(
        self,
        transport: &Transport,
        sender: &Identity,
        hostname: &str,
    ) -> Result<Composed, Refusal> {
        let outgoing = transport.outgoing(sender, hostname, &self.bytes)?;
        Ok(Composed {
            bytes: outgoing.bytes.into(),
            hidden: outgoing.hidden.into(),
        })
    }
}

/// The largest header taken.
const MAX_HEADER: usize = 256 * 1024;
