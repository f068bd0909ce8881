//! DKIM signatures (RFC 6376, RFC 8463): `relaxed/relaxed`, with RSA or Ed25519, over SHA-256.
//!
//! What is signed is gathered while the message passes by: its header is kept, its body goes through the hash, so nobody
//! reads a message twice or holds it whole. The signature is made once, when the message is sent, and lies beside it in the queue; for
//! a next hop for which the message must be [converted](crate::Outbound::seven_bit), another is made then.

mod canonical;
mod key;

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use fieldpost_message::{address::Room, header};

use crate::destination::canonical_domain;

use canonical::BodyHash;
pub use key::{DkimKey, DkimKeyError};

/// Signs the mail of one domain.
#[derive(Debug)]
pub struct DkimSigner {
    domain: Box<str>,
    selector: Box<str>,
    key: DkimKey,
}

impl DkimSigner {
    /// A signer for `domain`, whose public key stands in the DNS at `selector._domainkey.domain`.
    pub fn new(domain: &str, selector: &str, key: DkimKey) -> Self {
        Self {
            domain: canonical_domain(domain).unwrap_or_else(|| domain.to_ascii_lowercase().into()),
            selector: selector.into(),
            key,
        }
    }

    /// Whose mail it signs.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Which of the domain's keys it signs with.
    pub fn selector(&self) -> &str {
        &self.selector
    }

    /// What the record in the DNS says: `v=DKIM1; k=…; p=…`.
    pub fn record(&self) -> String {
        let public = BASE64_STANDARD.encode(self.key.public());
        format!("v=DKIM1; k={}; p={public}", self.key.kind())
    }

    /// The DKIM-Signature field of a message, folded, with its CRLF; `None` if it has no From, or the key does not sign.
    pub(crate) fn sign(&self, passed: &Passed, now: i64) -> Option<String> {
        let fields: Vec<_> = header::fields(&passed.header).collect();
        let is = |name: &str, field: &header::Field<'_>| field.is(name);
        if !fields.iter().any(|field| is("From", field)) {
            return None;
        }
        let (mut names, mut signed) = (Vec::new(), Vec::new());
        for name in SIGNED {
            // RFC 6376 §5.4.2: of several fields of a name the last comes first.
            for field in fields.iter().rev().filter(|field| is(name, field)) {
                names.push(name);
                canonical::field(field.raw, &mut signed);
            }
        }
        // §8.15: named once more than it is there, so that nobody adds another.
        names.extend(["From", "Subject", "Date", "To"]);
        let mut text = String::from("DKIM-Signature: v=1; c=relaxed/relaxed; q=dns/txt;");
        let names = names.join(":").to_ascii_lowercase();
        let body_hash = BASE64_STANDARD.encode(passed.body);
        // Writing to a String does not fail.
        let _ = write!(
            text,
            " a={};\r\n\td={}; s={};\r\n\tt={now};",
            self.key.algorithm(),
            self.domain,
            self.selector
        );
        let _ = write!(text, "\r\n\th={};", folded(&names, ':'));
        let _ = write!(text, "\r\n\tbh={body_hash};\r\n\tb=");
        // The field itself comes last, without its value of b= and without its CRLF (§3.7).
        canonical::field(text.as_bytes(), &mut signed);
        signed.truncate(signed.len() - 2);
        let signature = BASE64_STANDARD.encode(self.key.sign(&signed)?);
        for (number, piece) in signature.as_bytes().chunks(72).enumerate() {
            if number > 0 {
                text.push_str("\r\n\t");
            }
            text.push_str(str::from_utf8(piece).ok()?);
        }
        text.push_str("\r\n");
        Some(text)
    }
}

/// Who may sign a message.
#[derive(Clone, Debug)]
pub(crate) struct Signers<'a> {
    all: &'a [DkimSigner],
    /// The domain of the envelope's sender.
    sender: Option<Box<str>>,
}

impl<'a> Signers<'a> {
    pub(crate) fn new(all: &'a [DkimSigner], sender: Option<&str>) -> Self {
        let sender = sender.and_then(canonical_domain);
        Self { all, sender }
    }

    /// The DKIM-Signature field by the signer of the author's domain, which is the one that recipients look at (RFC 7489
    /// §3.1.1), or else of the sender's; `None` if neither signs.
    pub(crate) fn sign(&self, passed: &Passed, now: i64) -> Option<String> {
        let author = passed.author_domain();
        let mut domains = [author.as_ref(), self.sender.as_ref()]
            .into_iter()
            .flatten();
        let signer = domains.find_map(|domain| {
            let mut signers = self.all.iter();
            signers.find(|signer| signer.domain == *domain)
        })?;
        signer.sign(passed, now)
    }
}

/// A message as it passes by.
#[derive(Debug)]
pub(crate) struct Passing {
    header: Vec<u8>,
    in_body: bool,
    body: BodyHash,
}

/// What a signature needs of a message that has passed.
#[derive(Clone, Debug)]
pub(crate) struct Passed {
    header: Vec<u8>,
    body: [u8; 32],
}

impl Passing {
    pub(crate) fn new() -> Self {
        Self {
            header: Vec::new(),
            in_body: false,
            body: BodyHash::new(),
        }
    }

    /// Looks at the next piece of the message.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        if self.in_body {
            self.body.push(piece);
            return;
        }
        let from = self.header.len().saturating_sub(3);
        self.header.extend_from_slice(piece);
        let end = if self.header.starts_with(b"\r\n") {
            Some(2)
        } else {
            memchr::memmem::find(&self.header[from..], b"\r\n\r\n").map(|at| from + at + 4)
        };
        if let Some(end) = end {
            self.in_body = true;
            self.body.push(&self.header[end..]);
            self.header.truncate(end);
        }
        // Too long a header is not signed, and takes up no more memory.
        if self.header.len() > MAX_HEADER {
            self.header.clear();
            self.in_body = true;
        }
    }

    pub(crate) fn finish(self) -> Passed {
        Passed {
            header: self.header,
            body: self.body.finish(),
        }
    }
}

impl Passed {
    /// The domain of the first of its authors.
    fn author_domain(&self) -> Option<Box<str>> {
        let room = Room {
            count: 16,
            bytes: 4096,
        };
        let authors = header::find(&self.header, "From")?.addresses(room);
        let first = authors.iter().find(|author| author.is_mailbox())?;
        canonical_domain(first.host.as_deref()?)
    }
}

/// A list in lines, cut behind its separators.
fn folded(list: &str, separator: char) -> String {
    let mut out = String::with_capacity(list.len() + 16);
    let mut column = 0;
    for item in list.split_inclusive(separator) {
        if column + item.len() > 70 && column > 0 {
            out.push_str("\r\n\t ");
            column = 0;
        }
        out.push_str(item);
        column += item.len();
    }
    out
}

/// The fields that are signed, if they are there (RFC 6376 §5.4.1).
const SIGNED: [&str; 16] = [
    "From",
    "Sender",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "To",
    "Cc",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "In-Reply-To",
    "References",
    "List-Id",
    "List-Unsubscribe",
    "List-Post",
];

/// The longest header that is signed.
const MAX_HEADER: usize = 320 * 1024;

#[cfg(test)]
pub(crate) mod tests;
