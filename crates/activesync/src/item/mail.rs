//! A mail as ActiveSync shows it (MS-ASEMAIL).

use fieldpost_mailbox::{Error, Flags, FolderId, Item, Labels, Mailbox, Row};
use fieldpost_message::{Importance, Summary};
use fieldpost_wbxml::{
    Encoder, Version,
    tags::{air_sync_base, email, email2},
};

use super::{address, attachment, body, body::Body, preferences::Preferences};
use crate::codec::date;

/// All that is needed to show a mail.
pub struct Mail<'a> {
    /// Whose it is.
    pub mailbox: &'a Mailbox,
    /// Where it lies.
    pub folder: FolderId,
    /// Its row.
    pub row: &'a Row,
    /// The account's keywords and categories.
    pub labels: &'a Labels,
    /// The client's version.
    pub version: Version,
}

/// A keyword that IMAP clients set on what was forwarded (RFC 5788's registry).
const FORWARDED: &str = "$Forwarded";
/// A follow-up that is done: ours, since IMAP has no word for it.
pub const COMPLETED: &str = "$FollowedUp";

impl Mail<'_> {
    /// Writes the properties of the whole mail, with its body as the preferences want it, at most `cap` bytes of that.
    pub async fn write(
        &self,
        out: &mut Encoder,
        item: &Item,
        preferences: &Preferences,
        cap: usize,
    ) -> Result<(), Error> {
        self.write_with(out, item, preferences, cap, None).await
    }

    /// The same; with `parts` the body goes there, and a reference to it stands in its place.
    pub async fn write_with(
        &self,
        out: &mut Encoder,
        item: &Item,
        preferences: &Preferences,
        cap: usize,
        parts: Option<&mut Vec<bytes::Bytes>>,
    ) -> Result<(), Error> {
        let summary = item.summary()?;
        let mut body = Body::of(self.mailbox, item, &summary, preferences, cap).await?;
        self.write_head(out, &summary);
        attachment::write(out, &summary, self.folder, self.row.entry);
        match (parts, body.data.take()) {
            (Some(parts), Some(data)) => {
                parts.push(data);
                body.write_reference(out, self.version, parts.len());
            }
            (_, data) => {
                body.data = data;
                body.write(out, self.version);
            }
        }
        if let Some(preference) = preferences.body_part
            && self.version >= Version::V14_1
        {
            self.write_part(out, item, &summary, preference, cap)
                .await?;
        }
        out.number(air_sync_base::NATIVE_BODY_TYPE, body.native);
        Ok(())
    }

    /// Writes all but attachments and body.
    pub fn write_head(&self, out: &mut Encoder, summary: &Summary) {
        let envelope = &summary.envelope;
        let subject = summary.subject();
        for (tag, addresses) in [
            (email::TO, &envelope.to),
            (email::CC, &envelope.cc),
            (email::FROM, &envelope.from),
            (email::REPLY_TO, &envelope.reply_to),
        ] {
            if !addresses.is_empty() {
                out.text(tag, &address::list(addresses));
            }
        }
        out.text(email::SUBJECT, &subject);
        out.text(email::DATE_RECEIVED, &date::long(self.row.internal_date));
        if !envelope.to.is_empty() {
            out.text(email::DISPLAY_TO, &address::names(&envelope.to));
        }
        let topic = summary.base_subject().text;
        if !topic.is_empty() {
            out.text(email::THREAD_TOPIC, &topic);
        }
        // Android takes a missing one for low (client-quirks C8).
        out.number(
            email::IMPORTANCE,
            match summary.importance {
                Importance::Low => 0,
                Importance::Normal => 1,
                Importance::High => 2,
            },
        );
        out.boolean(email::READ, self.row.flags.contains(Flags::SEEN));
        out.text(email::MESSAGE_CLASS, message_class(summary));
        // UTF-8 (MS-ASEMAIL §2.2.2.40): all text is sent in it.
        out.number(email::INTERNET_CPID, 65_001);
        self.write_flag(out);
        out.text(email::CONTENT_CLASS, "urn:content-classes:message");
        if self.version >= Version::V14_0 {
            self.write_categories(out);
            out.opaque(email2::CONVERSATION_ID, &self.conversation_id());
            out.opaque(email2::CONVERSATION_INDEX, &self.conversation_index());
            self.write_verb(out);
            if !envelope.sender.is_empty() && envelope.sender != envelope.from {
                out.text(email2::SENDER, &address::list(&envelope.sender));
            }
        }
    }

    /// Writes what can change of a mail: whether it is read, its follow-up flag, its categories, whether it was answered.
    pub fn write_changes(&self, out: &mut Encoder) {
        out.boolean(email::READ, self.row.flags.contains(Flags::SEEN));
        self.write_flag(out);
        if self.version >= Version::V14_0 {
            self.write_categories(out);
            self.write_verb(out);
        }
    }

    /// The conversation as 16 bytes (MS-ASEMAIL §2.2.2.19).
    pub fn conversation_id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&self.row.thread.0.to_be_bytes());
        id
    }

    /// When it came, as the first five bytes of a conversation index (MS-ASEMAIL §2.2.2.20).
    fn conversation_index(&self) -> [u8; 5] {
        let bytes = self.row.internal_date.to_be_bytes();
        [1, bytes[4], bytes[5], bytes[6], bytes[7]]
    }

    fn write_flag(&self, out: &mut Encoder) {
        let is_completed = self.has(COMPLETED);
        if !self.row.flags.contains(Flags::FLAGGED) && !is_completed {
            out.empty(email::FLAG);
            return;
        }
        out.start(email::FLAG);
        if is_completed && !self.row.flags.contains(Flags::FLAGGED) {
            out.number(email::STATUS, 1);
            out.text(email::FLAG_TYPE, FOLLOW_UP);
            // When it was done nobody has kept; MS-ASEMAIL §2.2.2.14 demands a time.
            out.text(email::COMPLETE_TIME, &date::long(self.row.save_date));
            out.text(
                fieldpost_wbxml::tags::tasks::DATE_COMPLETED,
                &date::long(self.row.save_date),
            );
        } else {
            out.number(email::STATUS, 2);
            out.text(email::FLAG_TYPE, FOLLOW_UP);
        }
        out.end();
    }

    fn write_categories(&self, out: &mut Encoder) {
        out.start(email::CATEGORIES);
        for category in self.labels.categories(self.row.labels) {
            out.text(email::CATEGORY, category);
        }
        out.end();
    }

    fn write_verb(&self, out: &mut Encoder) {
        let verb = if self.has(FORWARDED) {
            3
        } else if self.row.flags.contains(Flags::ANSWERED) {
            1
        } else {
            return;
        };
        out.number(email2::LAST_VERB_EXECUTED, verb);
        out.text(
            email2::LAST_VERB_EXECUTION_TIME,
            &date::long(self.row.save_date),
        );
    }

    fn has(&self, keyword: &str) -> bool {
        self.labels
            .keyword(keyword)
            .is_some_and(|set| self.row.labels.contains(set))
    }

    /// `BodyPart`: the message's own text, as HTML, without what it quotes (MS-ASAIRS §2.2.2.10).
    async fn write_part(
        &self,
        out: &mut Encoder,
        item: &Item,
        summary: &Summary,
        preference: super::preferences::BodyPreference,
        cap: usize,
    ) -> Result<(), Error> {
        let preferences = Preferences {
            bodies: vec![super::preferences::BodyPreference {
                kind: 2,
                ..preference
            }],
            ..Preferences::default()
        };
        let body = Body::of(self.mailbox, item, summary, &preferences, cap).await?;
        out.start(air_sync_base::BODY_PART);
        out.number(air_sync_base::STATUS, 1);
        out.number(air_sync_base::TYPE, 2);
        out.number(air_sync_base::ESTIMATED_DATA_SIZE, body.size);
        if body.truncated {
            out.boolean(air_sync_base::TRUNCATED, true);
        }
        if let Some(data) = &body.data {
            out.text(air_sync_base::DATA, &String::from_utf8_lossy(data));
        }
        if let Some(preview) = &body.preview {
            out.text(air_sync_base::PREVIEW, preview);
        }
        out.end();
        Ok(())
    }
}

/// MS-ASEMAIL §2.2.2.49
fn message_class(summary: &Summary) -> &'static str {
    let root = &summary.structure;
    if root.is("multipart", "signed") {
        "IPM.Note.SMIME.MultipartSigned"
    } else if body::is_smime(summary) {
        "IPM.Note.SMIME"
    } else if root.is("multipart", "report") {
        "REPORT.IPM.Note.NDR"
    } else {
        "IPM.Note"
    }
}

const FOLLOW_UP: &str = "Flag for follow up";
