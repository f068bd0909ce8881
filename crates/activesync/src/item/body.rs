//! The body of a mail in the form that a client takes (MS-ASAIRS §2.2.2.9).

use bytes::Bytes;
use fieldpost_mailbox::{Error, Item, Mailbox};
use fieldpost_message::{
    Part, Summary,
    body::{Bodies, TextReader},
    html,
};
use fieldpost_wbxml::{Encoder, Version, tags::air_sync_base as tag};

use super::preferences::{BodyPreference, Preferences};

/// A body, ready to be written.
#[derive(Debug, Default)]
pub struct Body {
    /// 1 plain text, 2 HTML, 4 MIME.
    pub kind: u8,
    /// What the message itself is written in.
    pub native: u8,
    /// The size of all of it, about, in bytes.
    pub size: u64,
    /// Whether something was cut off.
    pub truncated: bool,
    /// The data, if it was asked for and fits.
    pub data: Option<Bytes>,
    /// A preview, if it was asked for.
    pub preview: Option<String>,
}

impl Body {
    /// The body as the preferences want it, at most `cap` bytes of it.
    pub async fn of(
        mailbox: &Mailbox,
        item: &Item,
        summary: &Summary,
        preferences: &Preferences,
        cap: usize,
    ) -> Result<Self, Error> {
        let bodies = Bodies::of(&summary.structure);
        let native = if bodies.first_html().is_some() { 2 } else { 1 };
        let mut body = Self {
            kind: native,
            native,
            ..Self::default()
        };
        if let Some(preference) = wants_mime(summary, preferences) {
            let limit = limit(preference, cap).min(
                preferences
                    .mime_truncation
                    .map_or(usize::MAX, |limit| limit as usize),
            );
            body.mime(mailbox, item, summary, limit).await?;
            return Ok(body.with_preview(summary, preference));
        }
        for preference in in_order(native, preferences) {
            let limit = limit(preference, cap);
            if preference.kind == 2 {
                body.html(mailbox, item, &bodies, limit).await?;
            } else {
                body.plain(mailbox, item, &bodies, limit).await?;
            }
            body = body.with_preview(summary, preference);
            if body.truncated && preference.all_or_none {
                body.data = None;
                continue;
            }
            return Ok(body);
        }
        if body.data.is_none() && body.size == 0 {
            // Nothing was asked for: only how large it is.
            let part = bodies.first_html().or_else(|| bodies.first_text());
            body.size = part.map_or(0, Part::size);
            body.truncated = body.size > 0;
        }
        Ok(body)
    }

    /// Writes `Body`. `Truncated` is left out where it would be false: Windows Phone 8 chokes on it (client-quirks D3).
    pub fn write(&self, out: &mut Encoder, version: Version) {
        out.start(tag::BODY);
        self.write_facts(out);
        if let Some(data) = &self.data {
            if self.kind == 4 {
                out.opaque(tag::DATA, data);
            } else {
                out.text(tag::DATA, &String::from_utf8_lossy(data));
            }
        }
        self.write_preview(out, version);
        out.end();
    }

    /// Writes `Body` with a reference to a part of a multipart response in place of the data (MS-ASCMD §2.2.1.10.1).
    pub fn write_reference(&self, out: &mut Encoder, version: Version, part: usize) {
        out.start(tag::BODY);
        self.write_facts(out);
        out.number(fieldpost_wbxml::tags::item_operations::PART, part);
        self.write_preview(out, version);
        out.end();
    }

    fn write_facts(&self, out: &mut Encoder) {
        out.number(tag::TYPE, self.kind);
        out.number(tag::ESTIMATED_DATA_SIZE, self.size);
        if self.truncated {
            out.boolean(tag::TRUNCATED, true);
        }
    }

    fn write_preview(&self, out: &mut Encoder, version: Version) {
        if let Some(preview) = &self.preview
            && version >= Version::V14_0
        {
            out.text(tag::PREVIEW, preview);
        }
    }

    fn with_preview(mut self, summary: &Summary, preference: BodyPreference) -> Self {
        self.preview = (preference.preview > 0).then(|| {
            let length = usize::from(preference.preview);
            summary.preview.chars().take(length).collect()
        });
        self
    }

    async fn mime(
        &mut self,
        mailbox: &Mailbox,
        item: &Item,
        summary: &Summary,
        limit: usize,
    ) -> Result<(), Error> {
        self.kind = 4;
        // The lines that this server put before it are its own business.
        let start = item.prefix().len() as u64;
        self.size = summary.size.saturating_sub(start);
        let taken = self.size.min(limit as u64);
        let reader = mailbox.read(item, start..start + taken).await?;
        self.data = Some(reader.read_to_end(taken).await?);
        self.truncated = taken < self.size;
        Ok(())
    }

    async fn html(
        &mut self,
        mailbox: &Mailbox,
        item: &Item,
        bodies: &Bodies<'_>,
        limit: usize,
    ) -> Result<(), Error> {
        self.kind = 2;
        let Some(part) = bodies.first_html() else {
            self.plain(mailbox, item, bodies, limit).await?;
            let plain = self.data.take().unwrap_or_default();
            let mut page = to_html(&String::from_utf8_lossy(&plain));
            self.kind = 2;
            self.size = self.size.max(page.len() as u64);
            if page.len() > limit {
                page.truncate(page.floor_char_boundary(limit));
                self.truncated = true;
            }
            self.data = Some(page.into());
            return Ok(());
        };
        let (text, size) = read(mailbox, item, part, limit).await?;
        self.truncated = size > text.len() as u64;
        self.size = size;
        self.data = Some(text.into());
        Ok(())
    }

    async fn plain(
        &mut self,
        mailbox: &Mailbox,
        item: &Item,
        bodies: &Bodies<'_>,
        limit: usize,
    ) -> Result<(), Error> {
        self.kind = 1;
        let Some(part) = bodies.first_text() else {
            self.data = Some(Bytes::new());
            return Ok(());
        };
        if part.subtype == "html" {
            let (page, size) = read(mailbox, item, part, MAX_CONVERTED).await?;
            let mut text = html::to_text(&page, MAX_CONVERTED);
            self.truncated = size > page.len() as u64;
            self.size = text.len() as u64;
            if text.len() > limit {
                text.truncate(text.floor_char_boundary(limit));
                self.truncated = true;
            }
            self.data = Some(text.into());
            return Ok(());
        }
        let (text, size) = read(mailbox, item, part, limit).await?;
        self.truncated = size > text.len() as u64;
        self.size = size;
        self.data = Some(text.into());
        Ok(())
    }
}

/// The text of a part, at most `limit` bytes, and how large all of it is, about.
pub async fn read(
    mailbox: &Mailbox,
    item: &Item,
    part: &Part,
    limit: usize,
) -> Result<(String, u64), Error> {
    let mut reader = mailbox.read(item, part.body_range()).await?;
    let mut text = TextReader::new(part, limit);
    let mut is_whole = true;
    while let Some(chunk) = reader.next().await? {
        if !text.push(&chunk) {
            is_whole = reader.remaining() == 0;
            break;
        }
    }
    let text = text.finish();
    // What was not read is counted as it lies there.
    let size = if is_whole {
        text.size
    } else {
        text.size.max(part.size())
    };
    Ok((text.text, size))
}

/// Whether the message itself is wanted: asked for, and allowed for this message (MS-ASCMD §2.2.3.110.3).
fn wants_mime(summary: &Summary, preferences: &Preferences) -> Option<BodyPreference> {
    let is_allowed = match preferences.mime {
        2 => true,
        1 => is_smime(summary),
        _ => false,
    };
    let preference = preferences.bodies.iter().find(|body| body.kind == 4)?;
    is_allowed.then_some(*preference)
}

/// Whether the message is signed or encrypted: it must reach the client as it is.
pub fn is_smime(summary: &Summary) -> bool {
    let root = &summary.structure;
    root.is("multipart", "signed")
        || root.is("application", "pkcs7-mime")
        || root.is("application", "x-pkcs7-mime")
}

/// The preferences in the order in which they are tried: the kind that the message is written in, then the others.
fn in_order(native: u8, preferences: &Preferences) -> Vec<BodyPreference> {
    let bodies = || preferences.bodies.iter().copied();
    let mut ordered: Vec<_> = bodies().filter(|body| body.kind == native).collect();
    ordered.extend(bodies().filter(|body| body.kind != native && matches!(body.kind, 1 | 2)));
    if ordered.is_empty() && !preferences.bodies.is_empty() {
        // Only RTF, or MIME where that is not allowed: plain text is the form that everybody takes.
        ordered.extend(
            bodies()
                .take(1)
                .map(|body| BodyPreference { kind: 1, ..body }),
        );
    }
    ordered
}

fn limit(preference: BodyPreference, cap: usize) -> usize {
    preference
        .truncation
        .map_or(cap, |limit| cap.min(limit as usize))
}

/// Plain text as a page.
pub fn to_html(text: &str) -> String {
    let mut page = String::with_capacity(text.len() + text.len() / 8 + 64);
    page.push_str("<html><body><div>");
    let mut last = '\0';
    for c in text.chars() {
        match c {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '\r' => {}
            '\n' => page.push_str("<br>\r\n"),
            ' ' if last == ' ' || last == '\n' => page.push_str("&nbsp;"),
            c => page.push(c),
        }
        last = c;
    }
    page.push_str("</div></body></html>");
    page
}

/// How much of a page is turned into text.
const MAX_CONVERTED: usize = 1024 * 1024;
