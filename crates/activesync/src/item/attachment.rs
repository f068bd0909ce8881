//! Attachments: how they are listed, named and found again.

use fieldpost_mailbox::{EntryId, FolderId};
use fieldpost_message::{Content, Part, Summary, body::Bodies, transfer::Encoding};
use fieldpost_wbxml::{Encoder, tags::air_sync_base as tag};

/// Names an attachment: folder, entry, and its number among the message's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileReference {
    /// The folder that the item lies in.
    pub folder: FolderId,
    /// The item.
    pub entry: EntryId,
    /// The part, counted as [`Part::walk`] goes.
    pub part: u32,
}

impl FileReference {
    /// Reads what [`std::fmt::Display`] wrote; also percent-encoded, as some clients send it back.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.replace("%3a", ":").replace("%3A", ":");
        let mut numbers = plain.split(':').map(|number| number.parse::<u64>().ok());
        let reference = Self {
            folder: FolderId(numbers.next()??),
            entry: EntryId(numbers.next()??),
            part: numbers.next()??.try_into().ok()?,
        };
        numbers.next().is_none().then_some(reference)
    }
}

impl std::fmt::Display for FileReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.folder, self.entry, self.part)
    }
}

/// Writes `Attachments`, if there are any.
pub fn write(out: &mut Encoder, summary: &Summary, folder: FolderId, entry: EntryId) {
    let listed = listed(summary);
    if listed.is_empty() {
        return;
    }
    out.start(tag::ATTACHMENTS);
    for (number, part) in listed {
        let reference = FileReference {
            folder,
            entry,
            part: number,
        };
        out.start(tag::ATTACHMENT);
        out.text(tag::DISPLAY_NAME, &name(part));
        out.text(tag::FILE_REFERENCE, &reference.to_string());
        out.number(tag::METHOD, if is_message(part) { 5 } else { 1 });
        // Android hides attachments without a size (client-quirks C8).
        out.number(tag::ESTIMATED_DATA_SIZE, size(part));
        if let Some(id) = &part.id {
            out.text(tag::CONTENT_ID, id.trim_matches(['<', '>', ' ']));
            if !part.is_disposed_as_attachment() {
                out.boolean(tag::IS_INLINE, true);
            }
        }
        if let Some(location) = &part.location {
            out.text(tag::CONTENT_LOCATION, location);
        }
        out.end();
    }
    out.end();
}

/// The parts that are listed, with their numbers.
fn listed(summary: &Summary) -> Vec<(u32, &Part)> {
    let bodies = Bodies::of(&summary.structure);
    summary
        .structure
        .walk()
        .zip(0u32..)
        .filter(|(part, _)| {
            bodies
                .attachments
                .iter()
                .chain(bodies.text.iter().filter(|part| part.media_type != "text"))
                .any(|listed| std::ptr::eq(*listed, *part))
        })
        .map(|(part, number)| (number, part))
        .take(MAX_LISTED)
        .collect()
}

/// The part of that number.
pub fn find(summary: &Summary, number: u32) -> Option<&Part> {
    summary.structure.walk().nth(number as usize)
}

/// Its media type.
pub fn content_type(part: &Part) -> String {
    format!("{}/{}", part.media_type, part.subtype)
}

/// A name to show, and to save it under: attached messages end with `.eml`, or Android can't open them (client-quirks C8).
pub fn name(part: &Part) -> String {
    if is_message(part) {
        let subject = match &part.content {
            Content::Message(message) => message.envelope.subject.as_deref(),
            Content::Leaf | Content::Multipart(_) => None,
        };
        let name = part
            .file_name()
            .or_else(|| {
                subject.map(|subject| fieldpost_message::encoded_word::decode(subject).into_owned())
            })
            .filter(|name| !name.trim().is_empty())
            .unwrap_or_else(|| "message".to_owned());
        let has_ending = name
            .rsplit_once('.')
            .is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("eml"));
        return if has_ending {
            name
        } else {
            format!("{}.eml", clean(&name))
        };
    }
    part.file_name().map_or_else(
        || {
            let ending = match (part.media_type.as_str(), part.subtype.as_str()) {
                ("text", "calendar") => "ics",
                ("text", "plain") => "txt",
                ("image", "jpeg") => "jpg",
                (_, subtype) if subtype.len() <= 4 && !subtype.is_empty() => subtype,
                _ => "bin",
            };
            format!("attachment.{ending}")
        },
        |name| clean(&name),
    )
}

fn clean(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_control() || matches!(c, '/' | '\\') {
                '_'
            } else {
                c
            }
        })
        .take(MAX_NAME)
        .collect()
}

fn is_message(part: &Part) -> bool {
    matches!(part.content, Content::Message(_))
}

/// Its size once decoded, about.
pub fn size(part: &Part) -> u64 {
    match part.transfer_encoding() {
        // Four characters for three bytes, and a line end after 76.
        Encoding::Base64 => part.size() / 78 * 57 + part.size() % 78 * 3 / 4,
        _ => part.size(),
    }
}

const MAX_LISTED: usize = 300;
const MAX_NAME: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_back_and_others_are_refused() {
        let reference = FileReference {
            folder: FolderId(1),
            entry: EntryId(7),
            part: 3,
        };
        assert_eq!(FileReference::parse("1:7:3"), Some(reference));
        assert_eq!(FileReference::parse("1%3a7%3A3"), Some(reference));
        assert_eq!(
            FileReference::parse(&reference.to_string()),
            Some(reference)
        );
        for bad in ["", "1:7", "1:7:3:4", "1:7:x", "-1:7:3", "1:7:4294967296"] {
            assert_eq!(FileReference::parse(bad), None, "{bad}");
        }
    }
}
