//! The parts found so far, and what of their header fields goes into the summary.

use super::{
    facts::{self, Facts},
    fields::Known,
    preview::Previews,
};
use crate::{
    address::{self, Address, Room},
    charset, date,
    envelope::Envelope,
    limits::Limits,
    parameter,
    part::{AttachedMessage, Content, Disposition, Param, Part},
    summary::Summary,
    transfer::Encoding,
};

/// Parts in the order of their headers, each after its parent.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    max_parts: usize,
    /// What may still be kept for the structure.
    structure: usize,
    /// What may still be kept of the message's own recipients.
    recipients: usize,
    facts: Facts,
}

#[derive(Debug)]
struct Node {
    parent: usize,
    part: Part,
    /// Set for the root part of the message and of attached ones.
    envelope: Option<Box<Envelope>>,
    /// Line ends before the body; `None` until it begins.
    feeds_at_body: Option<u64>,
    /// Whether Content-Type was seen, and whether the part was opened as a multipart.
    typed: bool,
    opened: bool,
    /// Delimiters seen, those of parts that are not listed included.
    delimited: bool,
}

/// How the scanner reads a body.
pub(super) enum Kind {
    Multipart(Vec<u8>),
    Message,
    Text,
    Other,
}

impl Tree {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            nodes: Vec::new(),
            max_parts: limits.parts.max(1),
            structure: limits.structure_bytes,
            recipients: limits.address_bytes,
            facts: Facts::default(),
        }
    }

    /// The message itself: the first part, there whatever the limits.
    pub(super) fn root(&mut self) -> usize {
        self.add(ROOT, 0, true)
    }

    /// A part of multipart `parent` whose header begins at `offset`; `None` when there are too many.
    pub(super) fn begin_part(&mut self, parent: usize, offset: u64) -> Option<usize> {
        self.nodes[parent].delimited = true;
        self.has_room().then(|| {
            let digest = self.nodes[parent].part.subtype == "digest";
            let node = self.add(parent, offset, false);
            if digest {
                // RFC 2046 §5.1.5.
                let part = &mut self.nodes[node].part;
                part.media_type = "message".into();
                part.subtype = "rfc822".into();
            }
            node
        })
    }

    /// The root part of the message in `parent`.
    pub(super) fn begin_message(&mut self, parent: usize, offset: u64) -> Option<usize> {
        self.has_room().then(|| self.add(parent, offset, true))
    }

    pub(super) fn part(&self, node: usize) -> &Part {
        &self.nodes[node].part
    }

    pub(super) fn is_message(&self, node: usize) -> bool {
        self.nodes[node].part.media_type == "message"
    }

    /// The field of that name, if the header of `node` is one where it counts.
    pub(super) fn wants(&self, node: usize, name: &[u8]) -> Option<Known> {
        let known = Known::named(name)?;
        let wanted = if known.is_of_part() {
            true
        } else if known.is_of_envelope() {
            self.nodes[node].envelope.is_some()
        } else {
            node == 0
        };
        wanted.then_some(known)
    }

    pub(super) fn begin_body(&mut self, node: usize, body: u64, feeds: u64) {
        let node = &mut self.nodes[node];
        node.part.body = body;
        node.part.end = body;
        node.feeds_at_body = Some(feeds);
    }

    /// What the part's header makes of its body. A multipart without a usable boundary becomes text (RFC 2045 §5.2).
    pub(super) fn kind(&mut self, node: usize) -> Kind {
        let part = &mut self.nodes[node].part;
        match part.media_type.as_str() {
            "multipart" => {
                let boundary = part.params.iter().find(|param| param.name == "boundary");
                let boundary = boundary.map_or("", |param| param.value.trim_end());
                if (1..=MAX_BOUNDARY).contains(&boundary.len()) {
                    return Kind::Multipart(boundary.as_bytes().to_vec());
                }
                as_leaf(part, "text", "plain");
                Kind::Text
            }
            "message"
                if is_attached_message(part) && part.transfer_encoding() == Encoding::Identity =>
            {
                Kind::Message
            }
            "text" => Kind::Text,
            _ => Kind::Other,
        }
    }

    pub(super) fn open(&mut self, node: usize) {
        self.nodes[node].opened = true;
    }

    /// The part is over: its body ends at `end`, `feeds` line ends from the message's start and, if `unfinished`, a piece of a line.
    /// Returns where it really ends, which is not before its header does.
    pub(super) fn end(&mut self, node: usize, end: u64, feeds: u64, unfinished: bool) -> u64 {
        let node = &mut self.nodes[node];
        match node.feeds_at_body {
            Some(at_body) if end > node.part.body => {
                node.part.end = end;
                node.part.lines = feeds.saturating_sub(at_body) + u64::from(unfinished);
            }
            Some(_) => {}
            None => {
                // Cut off in its header.
                let end = end.max(node.part.header);
                node.part.body = end;
                node.part.end = end;
            }
        }
        node.part.end
    }

    /// A field of the header of `node`, unfolded: `value` may still hold a CR before the blanks of a fold.
    pub(super) fn field(&mut self, node: usize, known: Known, value: &[u8], limits: &Limits) {
        if known.is_of_part() {
            self.part_field(node, known, value, limits);
        } else if known.is_of_envelope() {
            self.envelope_field(node, known, value, limits);
        } else {
            self.facts.field(known, value, limits);
        }
    }

    /// All parts put into one tree, with what else the summary says.
    pub(super) fn finish(mut self, size: u64, lines: u64, previews: Previews) -> Summary {
        let header_len = self.nodes[0].part.body;
        let envelope = self.nodes[0].envelope.take().unwrap_or_default();
        let structure = self.assemble();
        Summary {
            size,
            header_len,
            lines,
            has_attachments: facts::has_attachments(&structure, None, false),
            structure,
            envelope: *envelope,
            sent: self.facts.sent,
            references: self.facts.references,
            preview: previews.finish(),
            importance: self.facts.importance.unwrap_or_default(),
            list_id: self.facts.list_id,
            auto_submitted: self.facts.auto_submitted,
            precedence: self.facts.precedence,
            suppress_auto_response: self.facts.suppress_auto_response,
        }
    }

    fn has_room(&self) -> bool {
        self.nodes.len() < self.max_parts
    }

    fn add(&mut self, parent: usize, offset: u64, is_message: bool) -> usize {
        self.nodes.push(Node {
            parent,
            part: Part::at(offset),
            envelope: is_message.then(Box::default),
            feeds_at_body: None,
            typed: false,
            opened: false,
            delimited: false,
        });
        self.nodes.len() - 1
    }

    /// Children come after their parents, so going backwards each part is whole when it is handed to its parent. No recursion.
    fn assemble(&mut self) -> Part {
        let mut nodes = std::mem::take(&mut self.nodes);
        let mut children: Vec<Vec<Part>> = nodes.iter().map(|_| Vec::new()).collect();
        let mut envelopes: Vec<Option<Box<Envelope>>> = nodes.iter().map(|_| None).collect();
        loop {
            let Some(Node {
                parent,
                mut part,
                envelope,
                opened,
                delimited,
                ..
            }) = nodes.pop()
            else {
                // Unreachable: the loop returns with the root.
                return Part::at(0);
            };
            let index = nodes.len();
            let mut inside = children.pop().unwrap_or_default();
            let inner_envelope = envelopes.pop().flatten();
            inside.reverse();
            if part.media_type == "multipart" {
                if inside.is_empty() {
                    if opened && !delimited {
                        as_leaf(&mut part, "text", "plain");
                    } else {
                        as_leaf(&mut part, "application", "octet-stream");
                    }
                } else {
                    part.content = Content::Multipart(inside);
                }
            } else if is_attached_message(&part) {
                match (inside.pop(), inner_envelope) {
                    (Some(root), Some(envelope)) => {
                        part.content = Content::Message(Box::new(AttachedMessage {
                            envelope: *envelope,
                            root,
                        }));
                    }
                    _ => as_leaf(&mut part, "application", "octet-stream"),
                }
            }
            if index == 0 {
                return part;
            }
            if let Some(siblings) = children.get_mut(parent) {
                siblings.push(part);
                if envelope.is_some() {
                    envelopes[parent] = envelope;
                }
            }
        }
    }

    fn part_field(&mut self, node: usize, known: Known, value: &[u8], limits: &Limits) {
        let Node { part, typed, .. } = &mut self.nodes[node];
        let room = &mut self.structure;
        match known {
            Known::ContentType => {
                if std::mem::replace(typed, true) {
                    return;
                }
                let (head, params) = parameter::parse(value, limits.params);
                let (media_type, subtype) = media_type(&head);
                if charge(room, media_type.len() + subtype.len()) {
                    media_type.clone_into(&mut part.media_type);
                    subtype.clone_into(&mut part.subtype);
                } else {
                    part.media_type = "application".into();
                    part.subtype = "octet-stream".into();
                }
                part.params = afford(params, room);
            }
            Known::ContentTransferEncoding => {
                let (mut name, _) = parameter::parse(value, 0);
                clip(&mut name, MAX_TOKEN);
                if part.encoding == "7bit" && !name.is_empty() && charge(room, name.len()) {
                    part.encoding = name;
                }
            }
            Known::ContentDisposition if part.disposition.is_none() => {
                let (mut kind, params) = parameter::parse(value, limits.params);
                clip(&mut kind, MAX_TOKEN);
                if charge(room, kind.len() + 2) {
                    part.disposition = Some(Disposition {
                        kind,
                        params: afford(params, room),
                    });
                }
            }
            Known::ContentLanguage if part.language.is_empty() => {
                let text = charset::header_text(value);
                let tags = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
                for tag in tags.take(MAX_LANGUAGES) {
                    if tag.len() <= MAX_TOKEN && charge(room, tag.len() + 2) {
                        part.language.push(tag.to_owned());
                    }
                }
            }
            Known::ContentId => keep(&mut part.id, value, MAX_TEXT, room),
            Known::ContentDescription => keep(&mut part.description, value, MAX_TEXT, room),
            Known::ContentMd5 => keep(&mut part.md5, value, MAX_TOKEN, room),
            Known::ContentLocation => keep(&mut part.location, value, MAX_TEXT, room),
            _ => {}
        }
    }

    fn envelope_field(&mut self, node: usize, known: Known, value: &[u8], limits: &Limits) {
        let Some(envelope) = &mut self.nodes[node].envelope else {
            return;
        };
        if node == 0 && known == Known::Date && self.facts.sent.is_none() {
            self.facts.sent = date::parse(&charset::header_text(value));
        }
        // The message's own envelope has room of its own, attached ones share the structure's.
        let mut own = MAX_TEXT * 4;
        let room = if node == 0 {
            &mut own
        } else {
            &mut self.structure
        };
        match known {
            Known::Date => keep(&mut envelope.date, value, MAX_TOKEN * 2, room),
            Known::Subject => keep(&mut envelope.subject, value, MAX_TEXT * 2, room),
            Known::InReplyTo => keep(&mut envelope.in_reply_to, value, MAX_TEXT * 2, room),
            Known::MessageId => keep(&mut envelope.message_id, value, MAX_TEXT, room),
            Known::From => originators(&mut envelope.from, value, limits, room),
            Known::Sender => originators(&mut envelope.sender, value, limits, room),
            Known::ReplyTo => originators(&mut envelope.reply_to, value, limits, room),
            Known::To | Known::Cc | Known::Bcc => {
                let list = match known {
                    Known::To => &mut envelope.to,
                    Known::Cc => &mut envelope.cc,
                    _ => &mut envelope.bcc,
                };
                let pool = if node == 0 {
                    &mut self.recipients
                } else {
                    room
                };
                addresses(list, value, limits, pool);
            }
            _ => {}
        }
    }
}

/// `type/subtype` of a lower-case Content-Type; RFC 2045 §5.2 makes text/plain of what makes no sense.
fn media_type(head: &str) -> (&str, &str) {
    let valid = |token: &str| {
        (1..=MAX_TOKEN).contains(&token.len())
            && token
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte))
    };
    match head.split_once('/') {
        Some((media_type, subtype)) if valid(media_type) && valid(subtype) => (media_type, subtype),
        None if head == "multipart" => (head, "mixed"),
        _ => ("text", "plain"),
    }
}

fn is_attached_message(part: &Part) -> bool {
    part.media_type == "message" && matches!(part.subtype.as_str(), "rfc822" | "global")
}

/// A container into which nobody can look.
fn as_leaf(part: &mut Part, media_type: &str, subtype: &str) {
    part.media_type = media_type.into();
    part.subtype = subtype.into();
    part.params
        .retain(|param| param.name == "charset" || param.name.starts_with("name"));
}

fn originators(list: &mut Vec<Address>, value: &[u8], limits: &Limits, room: &mut usize) {
    let mut own = (*room).min(MAX_TEXT * 2);
    let before = own;
    addresses(list, value, limits, &mut own);
    *room -= before - own;
}

/// A field that comes more than once adds to its list.
fn addresses(list: &mut Vec<Address>, value: &[u8], limits: &Limits, pool: &mut usize) {
    let mut room = Room {
        count: limits.addresses.saturating_sub(list.len()),
        bytes: *pool,
    };
    address::parse_into(list, value, &mut room);
    *pool = room.bytes;
}

/// The first field of a name counts.
fn keep(slot: &mut Option<String>, value: &[u8], limit: usize, room: &mut usize) {
    if slot.is_none() {
        let mut text = charset::header_text(value.trim_ascii());
        clip(&mut text, limit);
        if charge(room, text.len() + 2) {
            *slot = Some(text);
        }
    }
}

/// The parameters there is room for.
fn afford(params: Vec<Param>, room: &mut usize) -> Vec<Param> {
    params
        .into_iter()
        .filter(|param| charge(room, param.name.len() + param.value.len() + 4))
        .collect()
}

pub(super) fn charge(room: &mut usize, cost: usize) -> bool {
    match room.checked_sub(cost) {
        Some(left) => {
            *room = left;
            true
        }
        None => false,
    }
}

pub(super) fn clip(text: &mut String, limit: usize) {
    text.truncate(text.floor_char_boundary(limit));
}

/// Parent of the root.
const ROOT: usize = usize::MAX;
const MAX_BOUNDARY: usize = 200;
pub(super) const MAX_TOKEN: usize = 64;
const MAX_LANGUAGES: usize = 16;
pub(super) const MAX_TEXT: usize = 1024;
