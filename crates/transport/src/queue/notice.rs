//! What the sender is told: a delivery status notification (RFC 3464) as a `multipart/report` (RFC 6522) of three parts:
//! a text for people, the statuses for programs, and the message's header, or the message itself if RET asked for it.

use std::{fmt::Write as _, time::Duration};

use bytes::Bytes;
use fieldpost_mailbox::{
    Error, Incoming, ItemReader, Mailbox, Mailboxes, Outgoing, device::unique,
};
use fieldpost_message::{compose, date, header};

use super::Pending;
use crate::{Address, Envelope, Received, Refusal, Ret, Status};

/// The Action field (RFC 3464 §2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    Failed,
    Delayed,
    Delivered,
    Relayed,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
        }
    }
}

/// What is told of one recipient.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    address: Address,
    original: Option<Box<str>>,
    action: Action,
    pub(super) status: Status,
    said: Refusal,
}

impl Told {
    pub(super) fn new(pending: &Pending, action: Action, said: Refusal) -> Self {
        Self {
            address: pending.address.clone(),
            original: pending.original.clone(),
            action,
            status: said.status,
            said,
        }
    }
}

/// A notice in the making.
pub(super) struct Notice<'a> {
    pub(super) hostname: &'a str,
    pub(super) sender: &'a Address,
    pub(super) envelope: &'a Envelope,
    pub(super) entry: &'a Outgoing,
    pub(super) told: &'a [Told],
    pub(super) now: i64,
    pub(super) expiry: Duration,
}

impl Notice<'_> {
    /// Writes it. Its lines are CRLF-ended; of the message no more is in memory than its header's first bytes. What of the
    /// message can't be read is left out: the sender is told in any case.
    pub(super) async fn write(
        &self,
        mailboxes: &Mailboxes,
        mailbox: &Mailbox,
    ) -> Result<Received, Error> {
        let whole = self.envelope.ret == Some(Ret::Full)
            && self.entry.size() <= MAX_WHOLE
            && self.told.iter().any(|told| told.action == Action::Failed);
        let begun = async {
            let mut reader = mailbox.read_outgoing(self.entry).await?;
            let first = reader.next().await?.unwrap_or_default();
            Ok::<_, Error>((first, reader))
        };
        let read = match begun.await {
            Ok(read) => Some(read),
            Err(error) => {
                self.unread(&error);
                None
            }
        };
        let first = read.as_ref().map(|(first, _)| first.clone());
        if let Some((first, rest)) = read.filter(|_| whole)
            && let Some(received) = self.with_all(mailboxes, first, rest).await?
        {
            return Ok(received);
        }
        let original = first.as_ref();
        let original = original.map(|first| &first[..whole_lines(first, header::length(first))]);
        let (mut incoming, boundary) = self.begin(mailboxes, original, false).await?;
        let original = original.unwrap_or_default();
        incoming.write(Bytes::copy_from_slice(original)).await?;
        end(incoming, &boundary).await
    }

    /// Writes it with the whole message, which is `first` and what `rest` reads. `None`: that can't be read to its end.
    async fn with_all(
        &self,
        mailboxes: &Mailboxes,
        first: Bytes,
        mut rest: ItemReader,
    ) -> Result<Option<Received>, Error> {
        let original = &first[..whole_lines(&first, header::length(&first))];
        let (mut incoming, boundary) = self.begin(mailboxes, Some(original), true).await?;
        incoming.write(first).await?;
        loop {
            match rest.next().await {
                Ok(Some(chunk)) => incoming.write(chunk).await?,
                Ok(None) => return end(incoming, &boundary).await.map(Some),
                Err(error) => {
                    self.unread(&error);
                    return Ok(None);
                }
            }
        }
    }

    /// Writes all before the third part's own bytes. What is written, and the boundary.
    async fn begin(
        &self,
        mailboxes: &Mailboxes,
        original: Option<&[u8]>,
        whole: bool,
    ) -> Result<(Incoming, String), Error> {
        let boundary = unique();
        let mut incoming = mailboxes.receive(self.entry.account(), None).await?;
        let head = self.head(&boundary, original, whole);
        incoming.write(head.into()).await?;
        Ok((incoming, boundary))
    }

    fn unread(&self, error: &Error) {
        tracing::error!(account = %self.entry.account(), entry = %self.entry.id(), %error, "a notice goes out without the message that it is about");
    }

    /// All before the third part's own bytes.
    fn head(&self, boundary: &str, original: Option<&[u8]>, whole: bool) -> String {
        let worst = self.told.iter().map(|told| told.action).min();
        let (subject, says) = match worst {
            Some(Action::Failed) | None => (
                "Undelivered mail",
                "Your message could not be delivered to one or more of its recipients.",
            ),
            Some(Action::Delayed) => (
                "Delayed mail",
                "Your message could not be delivered yet. There is nothing for you to do: delivery is tried again.",
            ),
            Some(Action::Delivered | Action::Relayed) => (
                "Delivered mail",
                "Your message was delivered, or handed on.",
            ),
        };
        let utf8 = self.envelope.smtp_utf8;
        let mut out = String::with_capacity(2048);
        let mut field = |name: &str, value: &str| out.push_str(&compose::field(name, value));
        field(
            "From",
            &format!("Mail Delivery System <mailer-daemon@{}>", self.hostname),
        );
        field("To", &format!("<{}>", self.sender));
        field("Subject", subject);
        field("Date", &date::format_rfc5322(self.now, 0));
        field("Message-ID", &format!("<{boundary}@{}>", self.hostname));
        if let Some(id) = original.and_then(|original| header::find(original, "Message-ID")) {
            let id = id.unfolded();
            field("In-Reply-To", &id);
            field("References", &id);
        }
        field("Auto-Submitted", "auto-replied");
        field("MIME-Version", "1.0");
        field(
            "Content-Type",
            &format!("multipart/report; report-type=delivery-status; boundary=\"{boundary}\""),
        );
        let _ = write!(
            out,
            "\r\n--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
             This is the mail system at {}.\r\n\r\n{says}\r\n",
            self.hostname
        );
        for told in self.told {
            let _ = write!(
                out,
                "\r\n<{}>: {}\r\n",
                told.address,
                match told.action {
                    Action::Failed => "not delivered",
                    Action::Delayed => "not delivered yet",
                    Action::Delivered => "delivered",
                    Action::Relayed => "handed on to a server that sends no notices",
                }
            );
            out.push_str(&lines(&told.said.to_string()));
        }
        let _ = write!(
            out,
            "\r\n--{boundary}\r\nContent-Type: message/{}delivery-status\r\n\r\n",
            if utf8 { "global-" } else { "" }
        );
        self.statuses(&mut out);
        // RFC 6522 §3: the third part may be left out.
        if original.is_none() {
            return out;
        }
        let kind = match (whole, utf8) {
            (true, false) => "message/rfc822",
            (true, true) => "message/global",
            (false, false) => "text/rfc822-headers",
            (false, true) => "message/global-headers",
        };
        let _ = write!(out, "\r\n--{boundary}\r\nContent-Type: {kind}\r\n\r\n");
        out
    }

    /// The fields of the message and of each recipient (RFC 3464 §2.2, §2.3).
    fn statuses(&self, out: &mut String) {
        let mut field = |name: &str, value: &str| out.push_str(&compose::field(name, value));
        field("Reporting-MTA", &format!("dns; {}", self.hostname));
        if let Some(id) = &self.envelope.envelope_id {
            field("Original-Envelope-Id", &from_xtext(id));
        }
        field(
            "Arrival-Date",
            &date::format_rfc5322(self.entry.created(), 0),
        );
        for told in self.told {
            out.push_str("\r\n");
            let mut field = |name: &str, value: &str| out.push_str(&compose::field(name, value));
            if let Some((kind, address)) = told.original.as_deref().and_then(|o| o.split_once(';'))
            {
                field(
                    "Original-Recipient",
                    &format!("{kind};{}", from_xtext(address)),
                );
            }
            let kind = if told.address.is_ascii() {
                "rfc822"
            } else {
                "utf-8"
            };
            field("Final-Recipient", &format!("{kind}; {}", told.address));
            field("Action", told.action.name());
            field("Status", &told.status.to_string());
            match told.action {
                Action::Failed | Action::Delayed | Action::Relayed => {
                    field("Diagnostic-Code", &format!("smtp; {}", told.said));
                    field("Last-Attempt-Date", &date::format_rfc5322(self.now, 0));
                }
                Action::Delivered => {}
            }
            if told.action == Action::Delayed {
                let until = self.entry.created() + self.expiry.as_secs().cast_signed();
                field("Will-Retry-Until", &date::format_rfc5322(until, 0));
            }
        }
    }
}

/// Writes what comes behind the last part.
async fn end(mut incoming: Incoming, boundary: &str) -> Result<Received, Error> {
    let end = format!("\r\n--{boundary}--\r\n");
    incoming.write(end.into()).await?;
    Ok(Received::own(incoming.finish().await?))
}

/// Where the last whole line within `limit` ends.
fn whole_lines(bytes: &[u8], limit: usize) -> usize {
    let limit = limit.min(bytes.len()).min(MAX_HEADER);
    memchr::memrchr(b'\n', &bytes[..limit]).map_or(0, |end| end + 1)
}

/// A text in indented lines that no peer can make too long, or end.
fn lines(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let word = &word[..word.floor_char_boundary(500)];
        if column == 0 || column + word.len() > 72 {
            if column > 0 {
                out.push_str("\r\n");
            }
            out.push_str("   ");
            column = 3;
        }
        out.push(' ');
        out.push_str(word);
        column += 1 + word.len();
    }
    out.push_str("\r\n");
    out
}

/// What xtext (RFC 3461 §4) stands for; bytes that are no text stay as they were written.
fn from_xtext(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = behind.get(..2).and_then(|hex| str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'+' => {
                out.push(byte);
                rest = &behind[2..];
            }
            Some(_) | None => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// How much of a message's header a notice holds.
const MAX_HEADER: usize = 32 * 1024;

/// A larger message is not sent back whole, whatever RET asks for.
const MAX_WHOLE: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xtext_is_read_and_what_is_none_stays() {
        assert_eq!(from_xtext("a+2Bb@x.test"), "a+b@x.test");
        assert_eq!(from_xtext("50+"), "50+");
        assert_eq!(from_xtext("a+zz"), "a+zz");
        assert_eq!(from_xtext("+FF"), "+FF");
    }

    #[test]
    fn a_peers_words_make_no_line_of_their_own() {
        let said = "550 5.1.1 no\r\n--boundary\r\nX: y ".to_owned() + &"z".repeat(2000);
        let text = lines(&said);
        assert!(
            text.split("\r\n")
                .all(|line| line.is_empty() || line.starts_with("    "))
        );
        assert!(text.split("\r\n").all(|line| line.len() < 998));
        assert_eq!(whole_lines(b"a: b\r\nc: d", 100), 6);
    }
}
