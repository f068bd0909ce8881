//! The message that is replied to or forwarded, and how it is joined to the new one.

use fieldpost_mailbox::{Error, FolderId, Item, Row};
use fieldpost_message::{
    Content, Limits, Scanner, Summary,
    body::{Bodies, TextReader},
    compose, header,
};

use crate::{
    command::{
        folder_type,
        sync::{entry_of, find},
    },
    item::{address, body},
    reply::{Failure, status},
    session::Session,
};

/// The original.
pub struct Source {
    pub folder: FolderId,
    pub row: Row,
    item: Item,
    summary: Summary,
}

impl Source {
    /// Finds it; status 150 if it is not there (MS-ASCMD §2.2.2).
    pub async fn find(
        session: &Session,
        folder: Option<&str>,
        item: &str,
    ) -> Result<Self, Failure> {
        let missing = Failure::Status(status::ITEM_NOT_FOUND);
        let within = item.split_once(':').map(|(folder, _)| folder);
        let folder = within
            .or(folder)
            .and_then(folder_type::parse_id)
            .ok_or(missing.clone())?;
        let entry = entry_of(item, folder).ok_or(missing.clone())?;
        let (row, item) = find(session, folder, entry).await?.ok_or(missing)?;
        let summary = item.summary()?;
        Ok(Self {
            folder,
            row,
            item,
            summary,
        })
    }

    /// The new message with the original in it: quoted below a plain or HTML text that is replied with, attached whole
    /// otherwise.
    pub async fn join(
        &self,
        session: &Session,
        message: &[u8],
        is_reply: bool,
    ) -> Result<Vec<u8>, Error> {
        if is_reply && let Some(quoted) = self.quote_below(session, message).await? {
            return Ok(quoted);
        }
        let length = header::length(message);
        let (head, text) = message.split_at(length);
        let start = self.item.prefix().len() as u64;
        let reader = session.mailbox.read(&self.item, start..u64::MAX).await?;
        let original = reader
            .read_to_end(session.service.settings.max_message as u64)
            .await?;
        let boundary = boundary(&[message, &original]);
        let (outer, inner) = split(head);
        let mut out = outer;
        out.extend_from_slice(
            format!(
                "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n"
            )
            .as_bytes(),
        );
        out.extend_from_slice(&inner);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(text);
        let name = fieldpost_message::compose::file_name_param(&format!(
            "{}.eml",
            self.summary.base_subject().text
        ));
        out.extend_from_slice(
            format!(
                "\r\n--{boundary}\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; {name}\r\n\r\n"
            )
            .as_bytes(),
        );
        out.extend_from_slice(&original);
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        Ok(out)
    }

    /// A single text with the original below it; `None`: the new message is no single text.
    async fn quote_below(
        &self,
        session: &Session,
        message: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut scanner = Scanner::new(Limits::default());
        scanner.push(message);
        let new = scanner.finish();
        let part = &new.structure;
        let is_html = part.is("text", "html");
        if !matches!(part.content, Content::Leaf) || !(is_html || part.is("text", "plain")) {
            return Ok(None);
        }
        let range = part.body_range();
        let mut reader = TextReader::new(part, MAX_TEXT);
        reader.push(&message[range.start as usize..range.end as usize]);
        let own = reader.finish();
        if own.is_truncated() {
            return Ok(None);
        }
        let bodies = Bodies::of(&self.summary.structure);
        let wanted = if is_html { bodies.first_html() } else { None };
        let mut old = String::new();
        if let Some(part) = wanted.or_else(|| bodies.first_text()) {
            let (text, _) = body::read(&session.mailbox, &self.item, part, MAX_TEXT).await?;
            old = match (is_html, part.subtype == "html") {
                (false, true) => fieldpost_message::html::to_text(&text, MAX_TEXT),
                (true, false) => body::to_html(&text),
                _ => text,
            };
        }
        let envelope = &self.summary.envelope;
        let lines = [
            ("From", address::list(&envelope.from)),
            ("Sent", envelope.date.clone().unwrap_or_default()),
            ("To", address::list(&envelope.to)),
            ("Subject", self.summary.subject()),
        ];
        let mut text = own.text;
        if is_html {
            text.push_str("<hr>");
            for (name, value) in lines {
                let value = value.replace('&', "&amp;").replace('<', "&lt;");
                text.extend(["<b>", name, ":</b> ", &value, "<br>\r\n"]);
            }
            text.push_str("<br>\r\n");
        } else {
            text.push_str("\r\n\r\n-----\r\n");
            for (name, value) in lines {
                text.extend([name, ": ", &value, "\r\n"]);
            }
            text.push_str("\r\n");
        }
        text.push_str(&old);
        let (mut out, _) = split(&message[..header::length(message)]);
        let subtype = if is_html { "html" } else { "plain" };
        out.extend_from_slice(
            format!(
                "MIME-Version: 1.0\r\nContent-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            )
            .as_bytes(),
        );
        out.extend_from_slice(compose::base64_body(text.as_bytes()).as_bytes());
        Ok(Some(out))
    }
}

/// A header's fields about the message, and those about its text.
fn split(head: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut outer, mut inner) = (Vec::new(), Vec::new());
    for field in header::fields(head) {
        let name = field.name.to_ascii_lowercase();
        if name.starts_with(b"content-") {
            inner.extend_from_slice(field.raw);
        } else if name != b"mime-version" {
            outer.extend_from_slice(field.raw);
        }
    }
    (outer, inner)
}

/// A boundary that none of the texts has in it.
fn boundary(texts: &[&[u8]]) -> String {
    let mut number = 0u32;
    loop {
        let boundary = format!("=_fieldpost_{number:08x}");
        let finder = memchr::memmem::Finder::new(boundary.as_bytes());
        let is_there = |text: &&[u8]| finder.find(text).is_some();
        if !texts.iter().any(is_there) {
            return boundary;
        }
        number = number.wrapping_add(0x9e37_79b9);
    }
}

const MAX_TEXT: usize = 2 * 1024 * 1024;
