//! Writes the demo's mails as mail programs write them: encoded headers, charsets, transfer encodings, multiparts.
//!
//! Deterministic: the same draft and the same date make the same bytes.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use encoding_rs::Encoding;
use fieldpost_message::compose::base64_body;
use jiff::Timestamp;

/// A mail to be written.
#[derive(Clone, Copy, Debug)]
pub struct Draft {
    /// The left half of its Message-ID; what replies name.
    pub id: &'static str,
    /// What it answers, by `id`.
    pub answers: Option<&'static str>,
    /// Display name and address of the sender.
    pub from: (&'static str, &'static str),
    /// Recipients as shown: display name and address.
    pub to: &'static [(&'static str, &'static str)],
    /// Copies as shown.
    pub cc: &'static [(&'static str, &'static str)],
    /// The subject, in any script.
    pub subject: &'static str,
    /// How long before the demo's first start it was sent, in minutes.
    pub minutes_ago: i64,
    /// The sender's offset from UTC, in minutes.
    pub zone: i32,
    /// The charset of headers and text: a label of the Encoding Standard.
    pub charset: &'static str,
    /// The text.
    pub text: &'static str,
    /// The same as HTML, if the mail has both.
    pub html: Option<&'static str>,
    /// What is attached.
    pub attached: &'static [Attached],
    /// Further header lines, each without its line end.
    pub headers: &'static [&'static str],
    /// Whether its reader has seen it.
    pub seen: bool,
    /// Whether its reader has marked it.
    pub flagged: bool,
}

/// Something attached, generated.
#[derive(Clone, Copy, Debug)]
pub enum Attached {
    /// A picture: file name, width, height, three colours.
    Png(&'static str, u32, u32, [[u8; 3]; 3]),
    /// A picture that the HTML part shows, by this Content-ID.
    Inline(&'static str, u32, u32, [[u8; 3]; 3]),
    /// A page: file name and its lines.
    Pdf(&'static str, &'static [&'static str]),
    /// A table: file name and its text.
    Csv(&'static str, &'static str),
    /// A calendar entry: its text.
    Calendar(&'static str),
    /// A whole mail, forwarded as it was: the `id` of another draft.
    Mail(&'static str),
}

impl Draft {
    /// A plain mail to Alice, for `..Draft::PLAIN`.
    pub const PLAIN: Self = Self {
        id: "",
        answers: None,
        from: ("", ""),
        to: &[("Alice Lindqvist", "alice@demo.test")],
        cc: &[],
        subject: "",
        minutes_ago: 0,
        zone: 120,
        charset: "utf-8",
        text: "",
        html: None,
        attached: &[],
        headers: &[],
        seen: true,
        flagged: false,
    };

    /// When it was sent, given when the demo started first.
    pub fn date(&self, first_start: Timestamp) -> Timestamp {
        first_start - jiff::SignedDuration::from_mins(self.minutes_ago)
    }

    /// The whole mail, lines ending in CRLF. `others` are all drafts, for threads and forwarded mails.
    pub fn write(&self, first_start: Timestamp, others: &[&Self]) -> Vec<u8> {
        let mut mail = String::new();
        self.write_headers(&mut mail, first_start, others);
        let text = self.text_part();
        let mut body = match self.html {
            None => text,
            Some(html) => {
                let related: Vec<Part> = self
                    .attached
                    .iter()
                    .filter_map(|one| match one {
                        Attached::Inline(..) => Some(Self::attachment(one, first_start, others)),
                        _ => None,
                    })
                    .collect();
                let mut html = text_part("text/html", html, self.encoding());
                if !related.is_empty() {
                    let parts = std::iter::once(html).chain(related).collect();
                    html = self.multipart("related", parts);
                }
                self.multipart("alternative", vec![text, html])
            }
        };
        let attached: Vec<Part> = self
            .attached
            .iter()
            .filter(|one| !matches!(one, Attached::Inline(..)))
            .map(|one| Self::attachment(one, first_start, others))
            .collect();
        if !attached.is_empty() {
            body = self.multipart("mixed", std::iter::once(body).chain(attached).collect());
        }
        mail.push_str("MIME-Version: 1.0\r\n");
        mail.push_str(&body.headers);
        mail.push_str("\r\n");
        mail.push_str(&body.body);
        mail.into_bytes()
    }

    fn write_headers(&self, mail: &mut String, first_start: Timestamp, others: &[&Self]) {
        let encoding = self.encoding();
        let people = |list: &[(&str, &str)]| {
            list.iter()
                .map(|(name, address)| mailbox(name, address, encoding))
                .collect::<Vec<_>>()
                .join(",\r\n ")
        };
        let mut field = |name: &str, value: &str| {
            mail.push_str(name);
            mail.push_str(": ");
            mail.push_str(value);
            mail.push_str("\r\n");
        };
        field("Date", &self.date_field(first_start));
        field("From", &mailbox(self.from.0, self.from.1, encoding));
        field("To", &people(self.to));
        if !self.cc.is_empty() {
            field("Cc", &people(self.cc));
        }
        field("Subject", &encoded_words(self.subject, encoding));
        field("Message-ID", &self.message_id());
        let mut ancestors = Vec::new();
        let mut at = self.answers;
        while let Some(found) = at.and_then(|id| others.iter().find(|one| one.id == id)) {
            ancestors.push(found.message_id());
            at = found.answers;
        }
        if let Some(parent) = ancestors.first() {
            field("In-Reply-To", parent);
            ancestors.reverse();
            field("References", &ancestors.join("\r\n "));
        }
        for line in self.headers {
            mail.push_str(line);
            mail.push_str("\r\n");
        }
    }

    fn date_field(&self, first_start: Timestamp) -> String {
        let zone = jiff::tz::Offset::from_seconds(self.zone * 60).unwrap_or(jiff::tz::Offset::UTC);
        let date = self
            .date(first_start)
            .to_zoned_datetime(zone.to_time_zone());
        jiff::fmt::rfc2822::to_string(&date).unwrap_or_default()
    }

    fn message_id(&self) -> String {
        let domain = self
            .from
            .1
            .split_once('@')
            .map_or("demo.test", |(_, domain)| domain);
        format!("<{}@{domain}>", self.id)
    }

    fn encoding(&self) -> &'static Encoding {
        Encoding::for_label(self.charset.as_bytes()).unwrap_or(encoding_rs::UTF_8)
    }

    fn text_part(&self) -> Part {
        text_part("text/plain", self.text, self.encoding())
    }

    fn multipart(&self, subtype: &str, parts: Vec<Part>) -> Part {
        let boundary = format!("=_{subtype}_{}", self.id);
        let mut body = String::new();
        for part in parts {
            // Writing to a String cannot fail.
            let _ = write!(
                body,
                "--{boundary}\r\n{}\r\n{}\r\n",
                part.headers, part.body
            );
        }
        let _ = write!(body, "--{boundary}--\r\n");
        Part {
            headers: format!("Content-Type: multipart/{subtype}; boundary=\"{boundary}\"\r\n"),
            body,
        }
    }

    fn attachment(one: &Attached, first_start: Timestamp, others: &[&Self]) -> Part {
        match one {
            Attached::Png(name, width, height, colours) => binary(
                "image/png",
                name,
                &super::files::png(*width, *height, *colours),
            ),
            Attached::Inline(id, width, height, colours) => Part {
                headers: format!(
                    "Content-Type: image/png\r\nContent-ID: <{id}>\r\nContent-Disposition: inline\r\n\
                     Content-Transfer-Encoding: base64\r\n"
                ),
                body: base64_body(&super::files::png(*width, *height, *colours)),
            },
            Attached::Pdf(name, lines) => {
                binary("application/pdf", name, &super::files::pdf(lines))
            }
            Attached::Csv(name, table) => binary("text/csv; charset=utf-8", name, table.as_bytes()),
            Attached::Calendar(text) => Part {
                headers: "Content-Type: text/calendar; charset=utf-8; method=REQUEST\r\n\
                          Content-Transfer-Encoding: base64\r\n"
                    .into(),
                body: base64_body(text.replace('\n', "\r\n").as_bytes()),
            },
            Attached::Mail(id) => {
                let inner = others
                    .iter()
                    .find(|other| other.id == *id)
                    .map(|other| other.write(first_start, others))
                    .unwrap_or_default();
                Part {
                    headers: "Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n"
                        .into(),
                    body: String::from_utf8_lossy(&inner).into_owned(),
                }
            }
        }
    }
}

struct Part {
    headers: String,
    body: String,
}

fn text_part(kind: &str, text: &str, encoding: &'static Encoding) -> Part {
    let lines = text.replace('\n', "\r\n");
    let (bytes, _, _) = encoding.encode(&lines);
    let charset = if lines.is_ascii() {
        "us-ascii".to_owned()
    } else {
        encoding.name().to_ascii_lowercase()
    };
    let short = bytes
        .split(|byte| *byte == b'\n')
        .all(|line| line.len() < 900);
    // ISO-2022-JP is made of 7-bit bytes, so it too goes as it is.
    let (transfer, body) = if bytes.is_ascii() && short {
        ("7bit", String::from_utf8_lossy(&bytes).into_owned())
    } else if bytes.iter().filter(|byte| !byte.is_ascii()).count() * 6 < bytes.len() {
        ("quoted-printable", quoted_printable(&bytes))
    } else {
        ("base64", base64_body(&bytes))
    };
    Part {
        headers: format!(
            "Content-Type: {kind}; charset={charset}\r\nContent-Transfer-Encoding: {transfer}\r\n"
        ),
        body,
    }
}

fn binary(kind: &str, name: &str, bytes: &[u8]) -> Part {
    // RFC 2231 where the name is not ASCII.
    let parameter = if name.is_ascii() {
        format!("filename=\"{name}\"")
    } else {
        let mut value = String::from("filename*=utf-8''");
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b".-_".contains(&byte) {
                value.push(char::from(byte));
            } else {
                let _ = write!(value, "%{byte:02X}");
            }
        }
        value
    };
    Part {
        headers: format!(
            "Content-Type: {kind}\r\nContent-Disposition: attachment;\r\n {parameter}\r\n\
             Content-Transfer-Encoding: base64\r\n"
        ),
        body: base64_body(bytes),
    }
}

fn mailbox(name: &str, address: &str, encoding: &'static Encoding) -> String {
    if name.is_empty() {
        address.to_owned()
    } else if name.is_ascii() {
        format!("\"{name}\" <{address}>")
    } else {
        format!("{} <{address}>", encoded_words(name, encoding))
    }
}

/// RFC 2047: words of at most 75 bytes, each whole in its charset.
fn encoded_words(text: &str, encoding: &'static Encoding) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let charset = encoding.name();
    let word = |chunk: &str| {
        let (bytes, _, _) = encoding.encode(chunk);
        format!("=?{charset}?B?{}?=", STANDARD.encode(&bytes))
    };
    let mut words = Vec::new();
    let mut chunk = String::new();
    for character in text.chars() {
        let mut longer = chunk.clone();
        longer.push(character);
        if word(&longer).len() > 75 {
            words.push(word(&chunk));
            chunk = character.to_string();
        } else {
            chunk = longer;
        }
    }
    words.push(word(&chunk));
    words.join("\r\n ")
}

/// RFC 2045 §6.7: lines of at most 76 bytes.
fn quoted_printable(bytes: &[u8]) -> String {
    let mut out = String::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut width = 0;
        for (at, byte) in line.iter().enumerate() {
            let last = at + 1 == line.len();
            let plain = (33..=126).contains(byte) && *byte != b'='
                || (*byte == b' ' || *byte == b'\t') && !last;
            let token = if plain {
                char::from(*byte).to_string()
            } else {
                format!("={byte:02X}")
            };
            if width + token.len() > 75 {
                out.push_str("=\r\n");
                width = 0;
            }
            width += token.len();
            out.push_str(&token);
        }
        out.push_str("\r\n");
    }
    // The split gave one line more than there are line ends.
    out.truncate(out.len() - 2);
    out.push_str("\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_are_short_and_whole() {
        for (text, charset) in [
            (
                "打ち合わせの日程についてのご相談です。よろしくお願いいたします",
                "iso-2022-jp",
            ),
            (
                "Счёт за октябрь и акт выполненных работ по договору",
                "windows-1251",
            ),
            ("关于下周港口测量的安排以及设备清单的确认", "gb18030"),
        ] {
            let encoding = Encoding::for_label(charset.as_bytes()).unwrap();
            let words = encoded_words(text, encoding);
            let mut read = String::new();
            for word in words.split("\r\n ") {
                assert!(word.len() <= 75, "{word}");
                let payload = word.split('?').nth(3).unwrap();
                let bytes = STANDARD.decode(payload).unwrap();
                let (part, _, broken) = encoding.decode(&bytes);
                assert!(!broken);
                read.push_str(&part);
            }
            assert_eq!(read, text);
        }
    }

    #[test]
    fn quoted_printable_keeps_lines_short() {
        let text = "é".repeat(100) + " \r\n=x\r\n";
        let encoded = quoted_printable(text.as_bytes());
        assert!(encoded.lines().all(|line| line.len() <= 76), "{encoded}");
        assert!(encoded.contains("=20\r\n=3Dx\r\n"), "{encoded}");
    }
}
