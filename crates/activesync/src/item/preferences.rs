//! What a client wants to be shown of an item: the Options of a collection or a fetch.

use fieldpost_wbxml::{
    Element,
    tags::{air_sync, air_sync_base},
};

/// The Options of a collection (MS-ASCMD §2.2.3.125.6), remembered with its state until the client sends others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// FilterType: 0 is everything.
    pub filter: u8,
    /// BodyPreference, in the client's order.
    pub bodies: Vec<BodyPreference>,
    /// MIMESupport: 0 never, 1 for S/MIME, 2 always.
    pub mime: u8,
    /// MIMETruncation, as bytes; `None`: not cut.
    pub mime_truncation: Option<u32>,
    /// Conflict: whether the client's change wins.
    pub client_wins: bool,
    /// BodyPartPreference (14.1).
    pub body_part: Option<BodyPreference>,
    /// ConversationMode (14.0): one item that FilterType lets in brings in its conversation.
    pub conversations: bool,
}

/// A kind of body that a client takes (MS-ASAIRS §2.2.2.12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyPreference {
    /// 1 plain text, 2 HTML, 3 RTF, 4 MIME.
    pub kind: u8,
    /// The most bytes of it.
    pub truncation: Option<u32>,
    /// Nothing rather than a part.
    pub all_or_none: bool,
    /// Characters of a preview (14.0).
    pub preview: u8,
}

impl Preferences {
    /// Reads an Options element. `None`: a value that does not exist (status 4).
    pub fn parse(options: &Element<'_>) -> Option<Self> {
        let number = |tag| -> Option<Option<u32>> {
            match options.text_of(tag) {
                None => Some(None),
                Some(text) => text.trim().parse().ok().map(Some),
            }
        };
        let mut preferences = Self {
            filter: number(air_sync::FILTER_TYPE)?
                .unwrap_or(0)
                .try_into()
                .ok()?,
            mime: number(air_sync::MIME_SUPPORT)?.unwrap_or(0).min(2) as u8,
            client_wins: number(air_sync::CONFLICT)? == Some(0),
            mime_truncation: match number(air_sync::MIME_TRUNCATION)? {
                None | Some(8) => None,
                // MS-ASCMD §2.2.3.101
                Some(step) => Some(
                    *[0, 4096, 5120, 7168, 10_240, 20_480, 51_200, 102_400].get(step as usize)?,
                ),
            },
            ..Self::default()
        };
        for preference in options.all(air_sync_base::BODY_PREFERENCE).take(MAX_BODIES) {
            preferences.bodies.push(BodyPreference::parse(preference)?);
        }
        if let Some(preference) = options.child(air_sync_base::BODY_PART_PREFERENCE) {
            preferences.body_part = Some(BodyPreference::parse(preference)?);
        }
        Some(preferences)
    }

    /// The earliest window date that FilterType lets in, at `now`. It moves once a day, so that items do not leave one by
    /// one. `None`: such a filter does not exist for mail (MS-ASCMD §2.2.3.68.2).
    pub fn mail_cut(&self, now: i64) -> Option<i64> {
        let days = match self.filter {
            0 => return Some(i64::MIN),
            1 => 1,
            2 => 3,
            3 => 7,
            4 => 14,
            5 => 30,
            _ => return None,
        };
        Some((now - days * DAY).div_euclid(DAY) * DAY)
    }

    /// The same without bodies, but with the previews that are wanted.
    pub fn without_bodies(&self) -> Self {
        let nothing = |body: &BodyPreference| BodyPreference {
            truncation: Some(0),
            all_or_none: true,
            ..*body
        };
        Self {
            bodies: self.bodies.iter().map(nothing).collect(),
            mime: 0,
            body_part: self.body_part.as_ref().map(nothing),
            ..self.clone()
        }
    }

    /// As it is kept with the collection's state.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![
            VERSION,
            self.filter,
            self.mime,
            u8::from(self.client_wins),
            u8::from(self.conversations),
        ];
        let optional = |out: &mut Vec<u8>, value: Option<u32>| {
            out.push(u8::from(value.is_some()));
            out.extend(value.unwrap_or(0).to_be_bytes());
        };
        optional(&mut out, self.mime_truncation);
        out.push(u8::from(self.body_part.is_some()));
        out.push(self.bodies.len() as u8);
        for body in self.body_part.iter().chain(&self.bodies) {
            out.extend([body.kind, u8::from(body.all_or_none), body.preview]);
            optional(&mut out, body.truncation);
        }
        out
    }

    /// What [`Preferences::encode`] wrote; `None`: nothing was ever said, or it is damaged.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut at = 0;
        let mut take = |count: usize| {
            let piece = bytes.get(at..at + count)?;
            at += count;
            Some(piece)
        };
        let optional = |piece: &[u8]| {
            let value = u32::from_be_bytes([piece[1], piece[2], piece[3], piece[4]]);
            (piece[0] == 1).then_some(value)
        };
        let &[VERSION, filter, mime, client_wins, conversations] = take(5)? else {
            return None;
        };
        let mime_truncation = optional(take(5)?);
        let &[has_part, count] = take(2)? else {
            return None;
        };
        let mut all = Vec::new();
        for _ in 0..u16::from(has_part) + u16::from(count) {
            let piece = take(8)?;
            all.push(BodyPreference {
                kind: piece[0],
                all_or_none: piece[1] == 1,
                preview: piece[2],
                truncation: optional(&piece[3..]),
            });
        }
        let body_part = (has_part == 1 && !all.is_empty()).then(|| all.remove(0));
        Some(Self {
            filter,
            bodies: all,
            mime,
            mime_truncation,
            client_wins: client_wins == 1,
            body_part,
            conversations: conversations == 1,
        })
    }
}

impl BodyPreference {
    fn parse(element: &Element<'_>) -> Option<Self> {
        let number = |tag| -> Option<Option<u32>> {
            match element.text_of(tag) {
                None => Some(None),
                // Larger than 32 bits means all of it.
                Some(text) => text
                    .trim()
                    .parse::<u64>()
                    .ok()
                    .map(|number| Some(number.min(u64::from(u32::MAX)) as u32)),
            }
        };
        let kind = number(air_sync_base::TYPE)??;
        (1..=4).contains(&kind).then_some(())?;
        Some(Self {
            kind: kind as u8,
            truncation: number(air_sync_base::TRUNCATION_SIZE)?,
            all_or_none: element.flag(air_sync_base::ALL_OR_NONE).unwrap_or(false),
            preview: number(air_sync_base::PREVIEW)?.unwrap_or(0).min(255) as u8,
        })
    }
}

const VERSION: u8 = 2;
const DAY: i64 = 86_400;
const MAX_BODIES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_come_back_and_damaged_ones_do_not() {
        let body = BodyPreference {
            kind: 2,
            truncation: Some(51_200),
            all_or_none: true,
            preview: 255,
        };
        let preferences = Preferences {
            filter: 3,
            bodies: vec![
                body,
                BodyPreference {
                    kind: 4,
                    ..BodyPreference::default()
                },
            ],
            mime: 2,
            mime_truncation: Some(4096),
            client_wins: true,
            body_part: Some(body),
            conversations: true,
        };
        let bytes = preferences.encode();
        assert_eq!(Preferences::decode(&bytes), Some(preferences));
        for cut in 0..bytes.len() {
            assert_eq!(Preferences::decode(&bytes[..cut]), None);
        }
    }

    /// MS-ASCMD §2.2.3.68.2: 0 to 5 exist for mail.
    #[test]
    fn the_cut_moves_once_a_day() {
        let with = |filter| Preferences {
            filter,
            ..Preferences::default()
        };
        assert_eq!(with(0).mail_cut(5), Some(i64::MIN));
        let noon = 20_000 * DAY + DAY / 2;
        assert_eq!(with(3).mail_cut(noon), Some(19_993 * DAY));
        assert_eq!(with(3).mail_cut(noon + 3600), Some(19_993 * DAY));
        assert_eq!(with(6).mail_cut(noon), None);
    }
}
