//! A message that a client sends, made fit to travel: what it left out is put in, what must not travel is taken out.
//!
//! Its text stays as it is, signatures included: only the header is looked at, and line ends are made CRLF.

use std::borrow::Cow;

use crate::{
    Address, address, compose, date,
    header::{self, Field},
};

/// What is known of the sender.
#[derive(Clone, Copy, Debug)]
pub struct Submitter<'a> {
    /// His name, for a From that is missing.
    pub name: &'a str,
    /// His address.
    pub address: &'a str,
    /// The right side of a Message-ID that is missing.
    pub host: &'a str,
    /// Something that no other message has, for its left side.
    pub unique: &'a str,
    /// Seconds since 1970, for a Date that is missing.
    pub now: i64,
}

/// A message ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its bytes, without Bcc.
    pub bytes: Vec<u8>,
    /// The Bcc fields that it had, whole lines: for the sender's own copy.
    pub hidden: Vec<u8>,
    /// Whom To, Cc and Bcc name, in order.
    pub recipients: Vec<Address>,
    /// Whom From names.
    pub from: Vec<Address>,
    /// Whom Sender names.
    pub sender: Vec<Address>,
}

impl Outgoing {
    /// Has Sender name that mailbox, or nobody (RFC 5322 §3.6.2), whatever the client wrote there.
    pub fn set_sender(&mut self, mailbox: Option<&str>) {
        let length = header::length(&self.bytes);
        let mut head = Vec::with_capacity(length + 128);
        let fields = header::fields(&self.bytes[..length]);
        for field in fields.filter(|field| !field.is("Sender")) {
            head.extend_from_slice(field.raw);
        }
        self.sender.clear();
        if let Some(mailbox) = mailbox {
            head.extend_from_slice(compose::field("Sender", mailbox).as_bytes());
            self.sender = address::parse(mailbox.as_bytes(), ROOM);
        }
        head.extend_from_slice(b"\r\n");
        self.bytes.splice(..length, head);
    }
}

/// Makes a client's message fit to travel.
///
/// Lines end with CRLF whatever the client wrote (client-quirks A11); Date (HTC leaves it out), From (some Android programs do)
/// and Message-ID are put in where they are missing; Bcc and Return-Path are taken out; recipients may be separated by `;`.
pub fn prepare(message: &[u8], submitter: Submitter<'_>) -> Outgoing {
    let message = with_line_ends(message);
    let length = header::length(&message);
    let (head, body) = message.split_at(length);
    let mut kept = Vec::with_capacity(head.len() + 256);
    let mut hidden = Vec::new();
    let mut recipients = Vec::new();
    let (mut from, mut sender) = (Vec::new(), Vec::new());
    let (mut has_date, mut has_id) = (false, false);
    for field in header::fields(head) {
        let name = field.name.to_ascii_lowercase();
        match &*name {
            b"to" | b"cc" => recipients.extend(addresses(&field)),
            b"bcc" => {
                recipients.extend(addresses(&field));
                hidden.extend_from_slice(field.raw);
                continue;
            }
            b"return-path" => continue,
            b"from" => from.extend(addresses(&field)),
            b"sender" => sender.extend(addresses(&field)),
            b"date" => has_date = true,
            b"message-id" => has_id = true,
            _ => {}
        }
        kept.extend_from_slice(field.raw);
    }
    if from.is_empty() {
        let value = compose::ascii_mailbox(Some(submitter.name), submitter.address);
        kept.extend_from_slice(compose::field("From", &value).as_bytes());
        from = address::parse(value.as_bytes(), ROOM);
    }
    if !has_date {
        let value = date::format_rfc5322(submitter.now, 0);
        kept.extend_from_slice(format!("Date: {value}\r\n").as_bytes());
    }
    if !has_id {
        let value = format!("<{}@{}>", submitter.unique, submitter.host);
        kept.extend_from_slice(compose::field("Message-ID", &value).as_bytes());
    }
    // A header's last line may lack its end.
    if !kept.ends_with(b"\r\n") {
        kept.extend_from_slice(b"\r\n");
    }
    if !hidden.is_empty() && !hidden.ends_with(b"\r\n") {
        hidden.extend_from_slice(b"\r\n");
    }
    kept.extend_from_slice(b"\r\n");
    kept.extend_from_slice(body);
    Outgoing {
        bytes: kept,
        hidden,
        recipients,
        from,
        sender,
    }
}

fn addresses(field: &Field<'_>) -> Vec<Address> {
    let separated: Cow<'_, [u8]> = if field.value.contains(&b';') && !field.value.contains(&b':') {
        // Some Android programs separate so; a group would have a colon before it.
        field
            .value
            .iter()
            .map(|byte| if *byte == b';' { b',' } else { *byte })
            .collect()
    } else {
        field.value.into()
    };
    let mut all = address::parse(&separated, ROOM);
    all.retain(Address::is_mailbox);
    all
}

/// The message with CRLF at the end of every line.
fn with_line_ends(message: &[u8]) -> Cow<'_, [u8]> {
    let is_good = |(at, byte): (usize, &u8)| match byte {
        b'\n' => at > 0 && message[at - 1] == b'\r',
        b'\r' => message.get(at + 1) == Some(&b'\n'),
        _ => true,
    };
    if message.iter().enumerate().all(is_good) {
        return message.into();
    }
    let mut out = Vec::with_capacity(message.len() + message.len() / 32);
    let mut at = 0;
    while let Some(byte) = message.get(at) {
        at += 1;
        match byte {
            b'\r' => {
                at += usize::from(message.get(at) == Some(&b'\n'));
                out.extend_from_slice(b"\r\n");
            }
            b'\n' => out.extend_from_slice(b"\r\n"),
            byte => out.push(*byte),
        }
    }
    out.into()
}

const ROOM: address::Room = address::Room {
    count: 10_000,
    bytes: 1024 * 1024,
};

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Submitter<'_> = Submitter {
        name: "Alice",
        address: "alice@x.test",
        host: "mail.x.test",
        unique: "u1",
        now: 1_795_456_870,
    };

    fn specs(addresses: &[Address]) -> Vec<String> {
        addresses.iter().filter_map(Address::addr_spec).collect()
    }

    /// client-quirks A11 (HTC, Android): no Date, no From, bare line feeds, `;` between recipients.
    #[test]
    fn what_android_and_htc_leave_out_is_put_in() {
        let sent = prepare(
            b"To: b@x.test; c@x.test\nBcc: <d@x.test>\n\nHi\nthere\r",
            ALICE,
        );
        let text = String::from_utf8(sent.bytes.clone()).unwrap();
        assert_eq!(
            text,
            "To: b@x.test; c@x.test\r\nFrom: \"Alice\" <alice@x.test>\r\nDate: Mon, 23 Nov 2026 18:01:10 +0000\r\n\
             Message-ID: <u1@mail.x.test>\r\n\r\nHi\r\nthere\r\n"
        );
        assert_eq!(
            specs(&sent.recipients),
            ["b@x.test", "c@x.test", "d@x.test"]
        );
        assert!(
            String::from_utf8(sent.hidden)
                .unwrap()
                .contains("Bcc: <d@x.test>\r\n")
        );
    }

    #[test]
    fn a_whole_message_stays_as_it_is() {
        let message = b"From: a@x.test\r\nTo: team: b@x.test;\r\nDate: x\r\nMessage-ID: <1@x>\r\n\r\n--b\r\n.\r\n";
        let sent = prepare(message, ALICE);
        assert_eq!(sent.bytes, message);
        assert!(sent.hidden.is_empty());
        assert_eq!(specs(&sent.recipients), ["b@x.test"]);
        assert_eq!(specs(&sent.from), ["a@x.test"]);
        assert!(sent.sender.is_empty());
    }

    #[test]
    fn a_sender_is_put_in_replaced_and_taken_out() {
        let rest = "From: o@x.test\r\nDate: x\r\nMessage-ID: <1@x>\r\n";
        for sender in ["", "Sender: b@x.test\r\nSENDER:\r\n\tc@x.test\r\n"] {
            let message = format!("{sender}{rest}\r\nSender: z@x.test\r\n");
            let mut sent = prepare(message.as_bytes(), ALICE);
            assert_eq!(sent.sender.len(), sender.matches('@').count());
            sent.set_sender(Some("\"Alice\" <alice@x.test>"));
            assert_eq!(
                String::from_utf8(sent.bytes.clone()).unwrap(),
                format!("{rest}Sender: \"Alice\" <alice@x.test>\r\n\r\nSender: z@x.test\r\n")
            );
            assert_eq!(specs(&sent.sender), ["alice@x.test"]);
            sent.set_sender(None);
            let bytes = format!("{rest}\r\nSender: z@x.test\r\n");
            assert_eq!(sent.bytes, bytes.as_bytes());
            assert!(sent.sender.is_empty());
        }
    }
}
