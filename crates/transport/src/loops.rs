//! Finds out where a message was delivered by us before, as its header passes by: one that comes again to the same mailbox, or
//! the same group, goes round in circles (RFC 9228 §1).
//!
//! What counts is our own trace: a Delivered-To with our Received right below it, as final delivery writes them and as mail to the
//! members of a group leaves with. So these are not taken for circles:
//! - a Delivered-To of the server in front of us (Postfix with `flags=D`, Exim, getmail), which stands on top of its own Received,
//!   or on top of what came;
//! - a message that somebody has sent again by hand since (RFC 5322 §3.6.6: Resent- fields above the trace), as mutt's bounce and the
//!   redirect of other programs do; those that go round by a program's rule are left to the count of Received fields;
//! - what people of ours submit: no server sends by itself what it is signed in for.

use std::sync::Arc;

use crate::Address;

/// Looks for our own deliveries in a header that comes in pieces. Stops at the end of the header.
#[derive(Clone, Debug)]
pub(crate) struct DeliveredWatch {
    /// Our own name; `None`: nobody looks.
    hostname: Option<Arc<str>>,
    /// The line in hand, cut at [`MAX_FIELD`].
    line: Vec<u8>,
    /// The field in hand, its folds included, if it is of interest.
    field: Vec<u8>,
    /// To whom the field before the one in hand says that it was delivered.
    above: Option<Address>,
    /// Somebody has sent the message again since what is still to come.
    is_resent: bool,
    found: Vec<Address>,
}

impl DeliveredWatch {
    /// Looks for deliveries by the host of that name.
    pub(crate) fn new(hostname: Arc<str>) -> Self {
        Self {
            hostname: Some(hostname),
            ..Self::blind()
        }
    }

    /// Looks for nothing.
    pub(crate) fn blind() -> Self {
        Self {
            hostname: None,
            line: Vec::new(),
            field: Vec::new(),
            above: None,
            is_resent: false,
            found: Vec::new(),
        }
    }

    /// Looks at the next piece of the message.
    pub(crate) fn push(&mut self, mut piece: &[u8]) {
        while self.hostname.is_some() && !piece.is_empty() {
            let end = memchr::memchr(b'\n', piece);
            let text = &piece[..end.unwrap_or(piece.len())];
            let room = MAX_FIELD - self.line.len();
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            let Some(end) = end else { return };
            piece = &piece[end + 1..];
            self.end_line();
        }
    }

    /// To whom the message was delivered before.
    pub(crate) fn finish(mut self) -> Arc<[Address]> {
        self.end_field();
        self.found.into()
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = line.trim_ascii_end();
        if text.is_empty() {
            self.end_field();
            self.hostname = None;
        } else if line.starts_with(b" ") || line.starts_with(b"\t") {
            if !self.field.is_empty() && self.field.len() + text.len() <= MAX_FIELD {
                self.field.extend_from_slice(text);
            }
        } else {
            self.end_field();
            self.field.extend_from_slice(text);
        }
        self.line = line;
        self.line.clear();
    }

    fn end_field(&mut self) {
        let above = self.above.take();
        let colon = memchr::memchr(b':', &self.field).unwrap_or(self.field.len());
        let (name, value) = self.field.split_at(colon);
        let name = name.trim_ascii_end();
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("Delivered-To") {
            self.above = str::from_utf8(value)
                .ok()
                .and_then(|text| text.parse().ok());
        } else if is("Received") {
            if let Some(address) = above
                && !self.is_resent
                && self.found.len() < MAX_FOUND
                && self.is_ours(value)
            {
                self.found.push(address);
            }
        } else if name.len() > 7 && name[..7].eq_ignore_ascii_case(b"Resent-") {
            self.is_resent = true;
        }
        self.field.clear();
    }

    /// Whether the value of a Received field is one of ours: `… by HOSTNAME (fieldpost) with …`.
    fn is_ours(&self, value: &[u8]) -> bool {
        let words = value.split(u8::is_ascii_whitespace);
        let words: Vec<&[u8]> = words.filter(|word| !word.is_empty()).collect();
        words.windows(3).any(|words| {
            let hostname = self.hostname.as_deref().unwrap_or_default();
            words[0] == b"by"
                && words[1].eq_ignore_ascii_case(hostname.as_bytes())
                && words[2] == b"(fieldpost)"
        })
    }
}

/// How much of a field is looked at.
const MAX_FIELD: usize = 2048;

/// How many deliveries are kept.
const MAX_FOUND: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "Received: from mx.test ([192.0.2.1])\r\n\tby mail.demo.test (fieldpost) with LMTP\r\n\tid 1.1; x\r\n";

    fn found(header: &str) -> Vec<String> {
        let whole = pieces(header, header.len().max(1));
        for size in 1..40 {
            assert_eq!(pieces(header, size), whole, "pieces of {size}");
        }
        whole
    }

    fn pieces(header: &str, size: usize) -> Vec<String> {
        let mut watch = DeliveredWatch::new("mail.demo.test".into());
        for piece in header.as_bytes().chunks(size) {
            watch.push(piece);
        }
        watch.finish().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn our_own_deliveries_are_found() {
        let twice = format!(
            "{OURS}X: y\r\nReturn-Path: <>\r\ndelivered-to:\r\n bob@demo.test\r\n{OURS}Delivered-To: team@demo.test\r\n{OURS}\r\n\
             Delivered-To: body@demo.test\r\n{OURS}"
        );
        assert_eq!(found(&twice), ["bob@demo.test", "team@demo.test"]);
    }

    #[test]
    fn those_of_others_are_not() {
        for header in [
            // Postfix's lmtp with flags=D, in front of us, on the same host.
            "Delivered-To: bob@demo.test\r\nReceived: by mail.demo.test (Postfix) with ESMTP id 1; x\r\n\r\n".to_owned(),
            format!("Delivered-To: bob@demo.test\r\nSubject: x\r\n{OURS}\r\n"),
            format!("Delivered-To: bob@demo.test\r\n{}\r\n", OURS.replace("mail.", "other.")),
            // mutt's bounce.
            format!("Resent-From: <x@far.test>\r\nReturn-Path: <>\r\nDelivered-To: bob@demo.test\r\n{OURS}\r\n"),
            format!("Delivered-To: \"bob\r\n{OURS}\r\n"),
            String::new(),
        ] {
            assert!(found(&header).is_empty(), "{header}");
        }
        // Sent again before we delivered it, and round in circles since.
        let below =
            format!("Delivered-To: bob@demo.test\r\n{OURS}Resent-From: <x@far.test>\r\n\r\n");
        assert_eq!(found(&below), ["bob@demo.test"]);
    }
}
