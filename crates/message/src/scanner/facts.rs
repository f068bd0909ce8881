//! What a message says of itself beside its envelope and its parts.

use super::{
    fields::Known,
    tree::{MAX_TEXT, MAX_TOKEN, charge, clip},
};
use crate::{
    charset, date,
    limits::Limits,
    part::{Content, Part},
    summary::{self, AutoSubmitted, Importance, Precedence},
};

/// What only the outermost header tells.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) sent: Option<date::SentDate>,
    pub(super) references: Vec<String>,
    pub(super) importance: Option<Importance>,
    /// Importance itself was seen: the other fields no longer count.
    importance_said: bool,
    pub(super) list_id: Option<String>,
    pub(super) auto_submitted: AutoSubmitted,
    pub(super) precedence: Precedence,
    pub(super) suppress_auto_response: bool,
}

impl Facts {
    /// A field of the outermost header, unfolded.
    pub(super) fn field(&mut self, known: Known, value: &[u8], limits: &Limits) {
        let text = charset::header_text(value);
        let text = text.trim();
        let first = || {
            let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            text[..end.unwrap_or(text.len())].to_ascii_lowercase()
        };
        match known {
            Known::References if self.references.is_empty() => {
                self.references = bounded_references(text, limits.references);
            }
            Known::Importance | Known::Priority | Known::XPriority => {
                let said = known == Known::Importance;
                let importance = match first().as_str() {
                    "high" | "urgent" | "highest" | "1" | "2" => Importance::High,
                    "low" | "non-urgent" | "lowest" | "4" | "5" => Importance::Low,
                    _ => Importance::Normal,
                };
                if !self.importance_said && (said || self.importance.is_none()) {
                    self.importance = Some(importance);
                    self.importance_said = said;
                }
            }
            Known::ListId if self.list_id.as_ref().is_none_or(String::is_empty) => {
                let mut id = text.to_owned();
                clip(&mut id, MAX_TOKEN * 4);
                self.list_id = Some(id);
            }
            Known::ListOther => {
                self.list_id.get_or_insert_default();
            }
            Known::AutoSubmitted => {
                self.auto_submitted = match first().as_str() {
                    "no" | "" => self.auto_submitted,
                    "auto-generated" => AutoSubmitted::Generated,
                    "auto-replied" => AutoSubmitted::Replied,
                    _ => AutoSubmitted::Other,
                };
            }
            Known::Precedence => {
                self.precedence = match first().as_str() {
                    "bulk" => Precedence::Bulk,
                    "junk" => Precedence::Junk,
                    "list" => Precedence::List,
                    _ => self.precedence,
                };
            }
            Known::AutoResponseSuppress => {
                self.suppress_auto_response |= !matches!(first().as_str(), "none" | "");
            }
            _ => {}
        }
    }
}

/// The first id, which begins the thread, and as many of the last as there is room for.
fn bounded_references(text: &str, limit: usize) -> Vec<String> {
    let ids: Vec<&str> = summary::message_ids(text)
        .filter(|id| id.len() <= MAX_TOKEN * 4)
        .collect();
    let mut bytes = MAX_TEXT * 4;
    let mut kept: Vec<&str> = Vec::new();
    let (first, rest) = match ids.split_first() {
        Some((first, rest)) if limit > 0 => (*first, rest),
        _ => return Vec::new(),
    };
    for id in rest.iter().rev().take(limit - 1) {
        if !charge(&mut bytes, id.len() + 2) {
            break;
        }
        kept.push(id);
    }
    kept.push(first);
    kept.into_iter().rev().map(str::to_owned).collect()
}

/// A paper clip is shown for what a reader would save: files, attached messages, pictures that are not part of the text.
pub(super) fn has_attachments(part: &Part, parent: Option<&Part>, first: bool) -> bool {
    if let Content::Multipart(parts) = &part.content {
        return parts
            .iter()
            .enumerate()
            .any(|(index, child)| has_attachments(child, Some(part), index == 0));
    }
    let parent_subtype = parent.map_or("", |parent| parent.subtype.as_str());
    // Signatures and reports about other mail are not sent to be kept.
    let machinery = match part.media_type.as_str() {
        "application" => MACHINERY_APPLICATION,
        "message" => MACHINERY_MESSAGE,
        _ => &[],
    };
    if machinery.contains(&part.subtype.as_str()) {
        return false;
    }
    if part.is_disposed_as_attachment() {
        return true;
    }
    match parent_subtype {
        // What a report returns is not sent by anybody; variants of one text are the text.
        "report" | "alternative" => return false,
        "related" if first || part.id.is_some() || part.disposition.is_some() => return false,
        _ => {}
    }
    match part.media_type.as_str() {
        "text" => part.file_name().is_some(),
        // Encrypted as a whole, not a file beside a text.
        "application" if matches!(part.subtype.as_str(), "pkcs7-mime" | "x-pkcs7-mime") => {
            parent.is_some()
        }
        _ => parent_subtype != "encrypted",
    }
}

const MACHINERY_APPLICATION: &[&str] = &[
    "pgp-signature",
    "pgp-keys",
    "pgp-encrypted",
    "pkcs7-signature",
    "x-pkcs7-signature",
];
const MACHINERY_MESSAGE: &[&str] = &[
    "delivery-status",
    "disposition-notification",
    "feedback-report",
];
