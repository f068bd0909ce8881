//! One MIME part and the tree below it: everything that BODYSTRUCTURE (RFC 9051 §7.5.2) and a part fetch need.

use std::ops::Range;

use crate::{encoded_word, envelope::Envelope, parameter, transfer::Encoding};

/// A part with its place in the message. Offsets are absolute: they count from the first byte of the whole message, also
/// inside attached messages.
///
/// ```text
/// header ─┬─ "Content-Type: text/plain\r\n\r\n"     (empty when the part has no header)
/// body   ─┼─ "Hello\r\nworld"
/// end    ─┴─ "\r\n--boundary\r\n"                   (the line end before a delimiter belongs to the delimiter)
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Part {
    /// First byte of the part's header.
    pub header: u64,
    /// First byte after the header and the empty line that ends it.
    pub body: u64,
    /// First byte after the body.
    pub end: u64,
    /// Lines of the body, a last line without a line end included.
    pub lines: u64,
    /// Top-level media type in lower case, `text` when the field is missing or makes no sense.
    pub media_type: String,
    /// Media subtype in lower case.
    pub subtype: String,
    /// Content-Type parameters, RFC 2231 segments joined: see [`Param`].
    pub params: Vec<Param>,
    /// Content-ID as written.
    pub id: Option<String>,
    /// Content-Description as written (RFC 2047 not decoded).
    pub description: Option<String>,
    /// Content-Transfer-Encoding in lower case, `7bit` when missing.
    pub encoding: String,
    /// Content-MD5 as written.
    pub md5: Option<String>,
    /// Content-Disposition.
    pub disposition: Option<Disposition>,
    /// Content-Language tags.
    pub language: Vec<String>,
    /// Content-Location as written.
    pub location: Option<String>,
    /// What is inside.
    pub content: Content,
}

/// What a part holds. A multipart in which no delimiter was found, and an attached message that cannot be looked into (transfer
/// encoded or too deep), are leaves and carry a leaf's media type, so that no reader meets a multipart without parts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Content {
    /// Bytes.
    #[default]
    Leaf,
    /// The parts of a multipart: one or more.
    Multipart(Vec<Part>),
    /// message/rfc822 or message/global: the attached message.
    Message(Box<AttachedMessage>),
}

/// The message inside a message/rfc822 part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AttachedMessage {
    /// Its envelope.
    pub envelope: Envelope,
    /// Its root part: header starts where the surrounding part's body starts.
    pub root: Part,
}

/// A parameter of Content-Type or Content-Disposition.
///
/// RFC 2231 segments (`name*0`, `name*1*`) are joined in order into one value. When any segment was encoded the name ends in `*`
/// and the value is in the extended form `charset'language'percent-encoded`; [`Part::param`] decodes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Param {
    /// Name in lower case.
    pub name: String,
    /// Value, quotes and backslashes removed.
    pub value: String,
}

/// Content-Disposition (RFC 2183).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Disposition {
    /// `inline`, `attachment` or what was written, in lower case.
    pub kind: String,
    /// Parameters.
    pub params: Vec<Param>,
}

impl Part {
    /// An empty text/plain part at `offset`, which is what RFC 2045 §5.2 makes of nothing.
    pub(crate) fn at(offset: u64) -> Self {
        Self {
            header: offset,
            body: offset,
            end: offset,
            lines: 0,
            media_type: "text".into(),
            subtype: "plain".into(),
            params: Vec::new(),
            id: None,
            description: None,
            encoding: "7bit".into(),
            md5: None,
            disposition: None,
            language: Vec::new(),
            location: None,
            content: Content::Leaf,
        }
    }

    /// Range of the header with the empty line that ends it.
    pub fn header_range(&self) -> Range<u64> {
        self.header..self.body
    }

    /// Range of the body, still transfer encoded.
    pub fn body_range(&self) -> Range<u64> {
        self.body..self.end
    }

    /// Size of the body in bytes, still transfer encoded: BODYSTRUCTURE's octets.
    pub fn size(&self) -> u64 {
        self.end - self.body
    }

    /// Parts directly inside; an attached message's root counts as one.
    pub fn children(&self) -> &[Part] {
        match &self.content {
            Content::Leaf => &[],
            Content::Multipart(parts) => parts,
            Content::Message(message) => std::slice::from_ref(&message.root),
        }
    }

    /// Whether the media type is `media_type/subtype`, both in lower case.
    pub fn is(&self, media_type: &str, subtype: &str) -> bool {
        self.media_type == media_type && self.subtype == subtype
    }

    /// A Content-Type parameter decoded (RFC 2231, and RFC 2047 as many clients write it).
    pub fn param(&self, name: &str) -> Option<String> {
        decoded_param(&self.params, name)
    }

    /// Charset parameter as written.
    pub fn charset(&self) -> Option<&str> {
        self.params
            .iter()
            .find(|param| param.name == "charset")
            .map(|param| param.value.as_str())
    }

    /// Transfer encoding as far as this crate can undo it.
    pub fn transfer_encoding(&self) -> Encoding {
        Encoding::named(&self.encoding)
    }

    /// The file name, decoded: Content-Disposition `filename`, else Content-Type `name`.
    pub fn file_name(&self) -> Option<String> {
        self.disposition
            .as_ref()
            .and_then(|disposition| decoded_param(&disposition.params, "filename"))
            .or_else(|| self.param("name"))
            .filter(|name| !name.is_empty())
    }

    /// Whether Content-Disposition says attachment (RFC 2183 §2.8: an unknown kind counts as one).
    pub fn is_disposed_as_attachment(&self) -> bool {
        self.disposition
            .as_ref()
            .is_some_and(|disposition| disposition.kind != "inline" && !disposition.kind.is_empty())
    }

    /// The part that an IMAP section number names (RFC 9051 §6.4.5.1), `self` being the message's root part: `[]` is the root itself,
    /// `[1]` of a message without multipart its body, and numbers go through an attached message into its parts.
    pub fn section(&self, numbers: &[u32]) -> Option<&Part> {
        let mut part = self;
        // A root or an attached message that is no multipart answers to 1 itself.
        let mut at_root = true;
        for &number in numbers {
            let index = usize::try_from(number).ok()?.checked_sub(1)?;
            if let (Content::Message(message), false) = (&part.content, at_root) {
                part = &message.root;
                at_root = true;
            }
            part = match &part.content {
                Content::Multipart(parts) => parts.get(index)?,
                Content::Leaf | Content::Message(_) if at_root && index == 0 => part,
                Content::Leaf | Content::Message(_) => return None,
            };
            at_root = false;
        }
        Some(part)
    }

    /// The part and all parts below it, each before its children.
    pub fn walk(&self) -> impl Iterator<Item = &Part> {
        let mut stack = vec![self];
        std::iter::from_fn(move || {
            let part = stack.pop()?;
            stack.extend(part.children().iter().rev());
            Some(part)
        })
    }

    /// Moves the part and all below it `by` bytes towards the end.
    pub(crate) fn shift(&mut self, by: u64) {
        self.header += by;
        self.body += by;
        self.end += by;
        match &mut self.content {
            Content::Leaf => {}
            Content::Multipart(parts) => parts.iter_mut().for_each(|part| part.shift(by)),
            Content::Message(message) => message.root.shift(by),
        }
    }
}

/// `name*` (decoded by RFC 2231) before `name` (decoded by RFC 2047, which no standard allows here and many clients write).
fn decoded_param(params: &[Param], name: &str) -> Option<String> {
    let extended = params.iter().find(|param| {
        param
            .name
            .strip_suffix('*')
            .is_some_and(|base| base == name)
    });
    if let Some(param) = extended {
        return Some(parameter::decode_extended(&param.value));
    }
    params
        .iter()
        .find(|param| param.name == name)
        .map(|param| encoded_word::decode(&param.value).into_owned())
}
