//! Address lists of RFC 5322 §3.4 with the obsolete forms of §4.4 and what is found beside any standard.
//!
//! One pass over the bytes, no recursion, never fails: what is no address comes out as a mailbox without host, so that a
//! reader sees what was written.

use crate::{charset, encoded_word};

/// One entry of a list, in the four fields of IMAP's ENVELOPE (RFC 9051 §7.5.2), undecoded.
///
/// A group `Team: a@x, b@x;` is an entry with `mailbox` = "Team" and no host, its members, and an entry with neither.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Address {
    /// Display name with quotes removed, RFC 2047 words as written; a comment when there is no name.
    pub name: Option<String>,
    /// Source route (`@a,@b`), obsolete since RFC 2821.
    pub route: Option<String>,
    /// Local part with quoting removed; a group's name when there is no host; `None` at a group's end.
    pub mailbox: Option<String>,
    /// Domain, or empty when none was written; `None` marks the start or the end of a group.
    pub host: Option<String>,
}

/// How much of a list is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Room {
    /// Entries.
    pub count: usize,
    /// Bytes of all strings and a few for each entry.
    pub bytes: usize,
}

impl Address {
    /// Whether this is a mailbox rather than the start or end of a group.
    pub fn is_mailbox(&self) -> bool {
        self.host.is_some()
    }

    /// Display name, decoded (RFC 2047).
    pub fn display_name(&self) -> Option<String> {
        self.name
            .as_deref()
            .map(|name| encoded_word::decode(name).into_owned())
    }

    /// `mailbox@host`, the local part quoted where it needs that; `None` for the start or end of a group.
    pub fn addr_spec(&self) -> Option<String> {
        let host = self.host.as_deref()?;
        let mailbox = self.mailbox.as_deref().unwrap_or_default();
        let mut out = if is_dot_atom(mailbox) || (host.is_empty() && !mailbox.is_empty()) {
            mailbox.to_owned()
        } else {
            quoted(mailbox)
        };
        if !host.is_empty() {
            out.push('@');
            out.push_str(host);
        }
        Some(out)
    }

    fn cost(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, |text| text.len() + 3);
        2 + length(&self.name) + length(&self.route) + length(&self.mailbox) + length(&self.host)
    }
}

/// Reads a field's value (folded or not) as an address list, with no more than `room` of it kept.
pub fn parse(value: &[u8], mut room: Room) -> Vec<Address> {
    let mut list = Vec::new();
    parse_into(&mut list, value, &mut room);
    list
}

/// Appends to `list` and takes from `room`: for fields that stand in a header more than once.
pub(crate) fn parse_into(list: &mut Vec<Address>, value: &[u8], room: &mut Room) {
    Parser {
        bytes: value,
        position: 0,
        words: Words::default(),
        comment: None,
        in_group: false,
        full: false,
        list,
        room,
    }
    .run();
}

/// Names decoded, as a search by header field sees the list.
pub(crate) fn search_text(list: &[Address]) -> String {
    let mut out = String::new();
    for address in list {
        if !out.is_empty() && (address.mailbox.is_some() || address.name.is_some()) {
            out.push_str(", ");
        }
        match (address.addr_spec(), address.display_name()) {
            (Some(spec), Some(name)) => {
                out.push_str(&name);
                out.push_str(" <");
                out.push_str(&spec);
                out.push('>');
            }
            (Some(spec), None) => out.push_str(&spec),
            (None, _) => {
                let group = address.mailbox.as_deref().unwrap_or_default();
                out.push_str(&encoded_word::decode(group));
            }
        }
    }
    out
}

/// A word of text in quotes (RFC 5322 §3.2.4).
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
    out
}

/// `dot-atom-text` of RFC 5322 §3.2.3, with UTF-8 as of RFC 6532 §3.2.
pub(crate) fn is_dot_atom(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && !text.ends_with('.')
        && !text.contains("..")
        && text.bytes().all(|byte| {
            byte >= 0x80 || byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte)
        })
}

/// Words of a phrase or local part with a single space between them, and where each begins. A quoted string that touches an atom
/// is part of the same word.
#[derive(Default)]
struct Words {
    text: Vec<u8>,
    starts: Vec<usize>,
    /// White space or a comment since the last byte.
    gap: bool,
}

impl Words {
    fn push(&mut self, word: &[u8]) {
        if self.starts.is_empty() {
            self.starts.push(0);
        } else if self.gap {
            self.text.push(b' ');
            self.starts.push(self.text.len());
        }
        self.gap = false;
        self.text.extend_from_slice(word);
    }

    fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    fn clear(&mut self) {
        self.text.clear();
        self.starts.clear();
        self.gap = false;
    }

    /// Cuts off the local part that stands before a bare `@`: the last word, and those joined to it by dots with white space around
    /// them (obs-local-part).
    fn take_local_part(&mut self) -> Vec<u8> {
        let mut from = self.starts.len().saturating_sub(1);
        while from > 0 {
            let start = self.starts[from];
            if self.text.get(start) == Some(&b'.')
                || self.text.get(start.wrapping_sub(2)) == Some(&b'.')
            {
                from -= 1;
            } else {
                break;
            }
        }
        let mut local = Vec::new();
        for (index, &start) in self.starts.iter().enumerate().skip(from) {
            let end = self
                .starts
                .get(index + 1)
                .map_or(self.text.len(), |next| next - 1);
            local.extend_from_slice(&self.text[start..end]);
        }
        let cut = self.starts.get(from).copied().unwrap_or(0);
        self.text.truncate(cut.saturating_sub(1));
        self.starts.truncate(from);
        local
    }

    fn take(&mut self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let text = charset::header_text(&self.text);
        self.clear();
        Some(text)
    }
}

struct Parser<'a, 'l> {
    bytes: &'a [u8],
    position: usize,
    words: Words,
    comment: Option<Vec<u8>>,
    in_group: bool,
    full: bool,
    list: &'l mut Vec<Address>,
    room: &'l mut Room,
}

impl Parser<'_, '_> {
    fn run(mut self) {
        while !self.full {
            let Some(byte) = self.peek() else { break };
            match byte {
                b',' => {
                    self.position += 1;
                    self.finish_bare();
                }
                b';' => {
                    self.position += 1;
                    self.finish_bare();
                    self.end_group();
                }
                b':' if !self.in_group => {
                    self.position += 1;
                    let name = self.words.take().unwrap_or_default();
                    self.comment = None;
                    self.in_group = self.push(Address {
                        mailbox: Some(name),
                        ..Address::default()
                    });
                }
                b'<' => {
                    self.position += 1;
                    self.angle();
                }
                b'@' => {
                    self.position += 1;
                    let local = self.words.take_local_part();
                    // The comment behind a bare address is its name (RFC 5322 §3.4); one before it only where there is no other.
                    let before = self.comment.take();
                    let (local, host) = self.domain(local);
                    self.finish(None, &local, &host, before);
                }
                b'"' => self.quoted_word(),
                b'(' => self.comment(),
                b'\t' | b' ' | b'\r' | b'\n' | 0 => {
                    self.position += 1;
                    self.words.gap = true;
                }
                b')' | b'>' => self.position += 1,
                _ => self.atom(),
            }
        }
        self.finish_bare();
        self.end_group();
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    /// Everything up to the next special; an RFC 2047 word whole, since some programs leave commas in it.
    fn atom(&mut self) {
        let rest = &self.bytes[self.position..];
        let length = encoded_word::length(rest).unwrap_or_else(|| {
            rest.iter()
                .skip(1)
                .position(|byte| b",;:<>@\"() \t\r\n\0".contains(byte))
                .map_or(rest.len(), |index| index + 1)
        });
        self.words.push(&rest[..length]);
        self.position += length;
    }

    fn quoted_word(&mut self) {
        let text = self.quoted_string();
        self.words.push(&text);
    }

    /// The text of a quoted string, at whose opening quote we stand. Without a closing quote it ends with the field.
    fn quoted_string(&mut self) -> Vec<u8> {
        self.position += 1;
        let mut text = Vec::new();
        while let Some(byte) = self.peek() {
            self.position += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    if let Some(next) = self.peek() {
                        text.push(next);
                        self.position += 1;
                    }
                }
                b'\r' | b'\n' => {}
                _ => text.push(byte),
            }
        }
        text
    }

    /// Skips a comment with those nested in it; the first of an entry is kept for an address without a name.
    fn comment(&mut self) {
        self.words.gap = true;
        let mut text = Vec::new();
        let mut depth = 0usize;
        while let Some(byte) = self.peek() {
            self.position += 1;
            match byte {
                b'(' => {
                    depth += 1;
                    if depth == 1 {
                        continue;
                    }
                }
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                b'\\' => {
                    if let Some(next) = self.peek() {
                        text.push(next);
                        self.position += 1;
                    }
                    continue;
                }
                b'\r' | b'\n' => continue,
                _ => {}
            }
            text.push(byte);
        }
        if self.comment.is_none() && !text.trim_ascii().is_empty() {
            self.comment = Some(text.trim_ascii().to_vec());
        }
    }

    /// `angle-addr`, after its `<`.
    fn angle(&mut self) {
        let route = self.route();
        let mut local = Vec::new();
        let mut host = Vec::new();
        while let Some(byte) = self.peek() {
            match byte {
                b'>' => {
                    self.position += 1;
                    break;
                }
                b'"' => local.extend(self.quoted_string()),
                b'(' => self.comment(),
                b'@' => {
                    self.position += 1;
                    (local, host) = self.domain(local);
                }
                b'\t' | b' ' | b'\r' | b'\n' | 0 | b'<' => self.position += 1,
                // A forgotten `>`: what follows is the next address.
                b',' | b';' if !host.is_empty() => break,
                _ => {
                    local.push(byte);
                    self.position += 1;
                }
            }
        }
        self.finish(route, &local, &host, None);
    }

    /// `obs-route`, up to and without its colon.
    fn route(&mut self) -> Option<Vec<u8>> {
        let rest = &self.bytes[self.position..];
        if rest.trim_ascii_start().first() != Some(&b'@') {
            return None;
        }
        let colon = rest.iter().position(|byte| b":>\"(".contains(byte))?;
        if rest[colon] != b':' {
            return None;
        }
        self.position += colon + 1;
        Some(
            rest[..colon]
                .iter()
                .copied()
                .filter(|byte| !b" \t\r\n\0".contains(byte))
                .collect(),
        )
    }

    /// The domain after an `@`, white space and comments taken out. A further `@` makes all before it the local part.
    fn domain(&mut self, mut local: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
        let mut host = Vec::new();
        let mut gap = false;
        while let Some(byte) = self.peek() {
            match byte {
                b',' | b';' | b'>' | b'<' | b':' | b'"' => break,
                b'(' => {
                    self.comment();
                    gap = true;
                }
                b'[' => {
                    let rest = &self.bytes[self.position..];
                    let length = rest
                        .iter()
                        .position(|byte| *byte == b']')
                        .map_or(rest.len(), |index| index + 1);
                    host.extend(
                        rest[..length]
                            .iter()
                            .filter(|byte| !b"\r\n\0".contains(byte)),
                    );
                    self.position += length;
                }
                b'@' => {
                    self.position += 1;
                    local.push(b'@');
                    local.append(&mut host);
                }
                b'\t' | b' ' | b'\r' | b'\n' | 0 => {
                    self.position += 1;
                    gap = true;
                }
                _ => {
                    // Text after a domain is no part of it, except around the dots of an obs-domain.
                    if gap && byte != b'.' && !matches!(host.last(), None | Some(b'.')) {
                        break;
                    }
                    gap = false;
                    host.push(byte);
                    self.position += 1;
                }
            }
        }
        (local, host)
    }

    /// The end of an entry that had neither `<` nor `@`: a local part without a domain.
    fn finish_bare(&mut self) {
        if self.words.is_empty() {
            self.comment = None;
            return;
        }
        let mut address = Address {
            name: self.comment.take().map(|text| charset::header_text(&text)),
            mailbox: self.words.take(),
            host: Some(String::new()),
            ..Address::default()
        };
        if address.mailbox.as_deref().is_some_and(str::is_empty) {
            address.name = None;
        }
        self.push(address);
    }

    /// The end of an entry that had an address; text up to the next comma is dropped, a comment in it may name the address,
    /// or else `before`.
    fn finish(
        &mut self,
        route: Option<Vec<u8>>,
        local: &[u8],
        host: &[u8],
        before: Option<Vec<u8>>,
    ) {
        let name = self.words.take().filter(|name| !name.is_empty());
        while let Some(byte) = self.peek() {
            match byte {
                b',' | b';' => break,
                b'(' => self.comment(),
                b'"' => {
                    self.quoted_string();
                }
                // `a@x <b@y>`: the one in brackets counts, what came before is its name.
                b'<' if name.is_none() && route.is_none() && !host.is_empty() => {
                    self.words.push(local);
                    self.words.push(b"@");
                    self.words.push(host);
                    self.position += 1;
                    // Not again below: there is a name now.
                    return self.angle();
                }
                _ => self.position += 1,
            }
        }
        if self.peek() == Some(b',') {
            self.position += 1;
        }
        self.words.clear();
        let comment = self.comment.take().or(before);
        self.push(Address {
            name: name.or_else(|| comment.map(|text| charset::header_text(&text))),
            route: route.map(|route| charset::header_text(&route)),
            mailbox: Some(charset::header_text(local)),
            host: Some(charset::header_text(host)),
        });
    }

    fn end_group(&mut self) {
        if self.in_group {
            self.in_group = false;
            // Always, room or not: a group that was opened must be closed.
            let end = Address::default();
            self.room.count = self.room.count.saturating_sub(1);
            self.room.bytes = self.room.bytes.saturating_sub(end.cost());
            self.list.push(end);
        }
    }

    fn push(&mut self, address: Address) -> bool {
        let cost = address.cost();
        if self.room.count == 0 || self.room.bytes < cost {
            self.full = true;
            return false;
        }
        self.room.count -= 1;
        self.room.bytes -= cost;
        self.list.push(address);
        true
    }
}

#[cfg(test)]
mod tests;
