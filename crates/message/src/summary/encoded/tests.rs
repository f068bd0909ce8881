use proptest::prelude::*;

use super::super::{AutoSubmitted, Importance, Precedence, tests};
use super::*;
use crate::{
    address::Address,
    envelope::Envelope,
    part::{AttachedMessage, Content, Disposition, Param, Part},
};

/// All that the borrowed form tells of `bytes`, put together again; what it does not tell comes from `rest`.
fn collected(bytes: &[u8], rest: &Summary) -> Result<Summary, Error> {
    let encoded = EncodedSummary::new(bytes)?;
    let envelope = envelope(&encoded.envelope()?)?;
    let mut tree = Tree::default();
    encoded.structure()?.walk(&mut tree)?;
    assert!(tree.open.is_empty());
    Ok(Summary {
        size: encoded.size(),
        header_len: encoded.header_len(),
        lines: encoded.lines(),
        envelope,
        structure: tree.root.unwrap(),
        sent: encoded.sent(),
        references: strings(encoded.references())?,
        preview: encoded.preview().to_owned(),
        has_attachments: encoded.has_attachments(),
        ..rest.clone()
    })
}

fn strings<'a>(
    list: impl IntoIterator<Item = Result<&'a str, Error>>,
) -> Result<Vec<String>, Error> {
    list.into_iter()
        .map(|text| text.map(str::to_owned))
        .collect()
}

fn params(list: EncodedList<'_, EncodedParam<'_>>) -> Result<Vec<Param>, Error> {
    list.into_iter()
        .map(|param| {
            param.map(|param| Param {
                name: param.name.to_owned(),
                value: param.value.to_owned(),
            })
        })
        .collect()
}

fn addresses(list: EncodedList<'_, EncodedAddress<'_>>) -> Result<Vec<Address>, Error> {
    list.into_iter()
        .map(|address| {
            address.map(|address| Address {
                name: address.name.map(str::to_owned),
                route: address.route.map(str::to_owned),
                mailbox: address.mailbox.map(str::to_owned),
                host: address.host.map(str::to_owned),
            })
        })
        .collect()
}

fn envelope(envelope: &EncodedEnvelope<'_>) -> Result<Envelope, Error> {
    let owned = Envelope {
        date: envelope.date.map(str::to_owned),
        subject: envelope.subject.map(str::to_owned),
        from: addresses(envelope.from)?,
        sender: addresses(envelope.sender)?,
        reply_to: addresses(envelope.reply_to)?,
        to: addresses(envelope.to)?,
        cc: addresses(envelope.cc)?,
        bcc: addresses(envelope.bcc)?,
        in_reply_to: envelope.in_reply_to.map(str::to_owned),
        message_id: envelope.message_id.map(str::to_owned),
    };
    assert_eq!(addresses(envelope.sender())?, owned.sender());
    assert_eq!(addresses(envelope.reply_to())?, owned.reply_to());
    Ok(owned)
}

/// Builds the tree that is walked.
#[derive(Default)]
struct Tree {
    open: Vec<Part>,
    envelopes: Vec<Envelope>,
    root: Option<Part>,
}

impl<'a> PartVisitor<'a> for Tree {
    fn open(&mut self, part: &EncodedPart<'a>) -> Result<(), Error> {
        self.open.push(Part {
            header: part.header,
            body: part.body,
            end: part.end,
            lines: part.lines,
            media_type: part.media_type.to_owned(),
            subtype: part.subtype.to_owned(),
            params: params(part.params)?,
            id: part.id.map(str::to_owned),
            description: part.description.map(str::to_owned),
            encoding: part.encoding.to_owned(),
            md5: part.md5.map(str::to_owned),
            disposition: match &part.disposition {
                None => None,
                Some(disposition) => Some(Disposition {
                    kind: disposition.kind.to_owned(),
                    params: params(disposition.params)?,
                }),
            },
            language: strings(part.language)?,
            location: part.location.map(str::to_owned),
            content: match part.content {
                EncodedContent::Multipart(_) => Content::Multipart(Vec::new()),
                EncodedContent::Leaf | EncodedContent::Message => Content::Leaf,
            },
        });
        assert_eq!(part.size(), part.end - part.body);
        Ok(())
    }

    fn envelope(&mut self, borrowed: &EncodedEnvelope<'a>) -> Result<(), Error> {
        self.envelopes.push(envelope(borrowed)?);
        Ok(())
    }

    fn close(&mut self, part: &EncodedPart<'a>) -> Result<(), Error> {
        let owned = self.open.pop().unwrap();
        assert_eq!(owned.header, part.header);
        match self.open.last_mut() {
            None => assert!(self.root.replace(owned).is_none()),
            Some(outer) => match &mut outer.content {
                Content::Multipart(parts) => parts.push(owned),
                content => {
                    *content = Content::Message(Box::new(AttachedMessage {
                        envelope: self.envelopes.pop().unwrap(),
                        root: owned,
                    }));
                }
            },
        }
        Ok(())
    }
}

// Boxed, since the types of strategies in strategies take a lot of stack.
fn text() -> BoxedStrategy<String> {
    prop_oneof![
        Just("utf-8".to_owned()),
        Just("base64".to_owned()),
        Just(String::new()),
        "[ -~]{0,20}",
        "\\PC{0,80}",
    ]
    .boxed()
}

fn maybe_text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(text())
}

fn address_list() -> impl Strategy<Value = Vec<Address>> {
    let address = (maybe_text(), maybe_text(), maybe_text(), maybe_text()).prop_map(
        |(name, route, mailbox, host)| Address {
            name,
            route,
            mailbox,
            host,
        },
    );
    proptest::collection::vec(address, 0..4)
}

fn any_envelope() -> BoxedStrategy<Envelope> {
    (
        (maybe_text(), maybe_text(), maybe_text(), maybe_text()),
        (address_list(), address_list(), address_list()),
        (address_list(), address_list(), address_list()),
    )
        .prop_map(
            |(
                (date, subject, in_reply_to, message_id),
                (from, sender, reply_to),
                (to, cc, bcc),
            )| {
                Envelope {
                    date,
                    subject,
                    from,
                    sender,
                    reply_to,
                    to,
                    cc,
                    bcc,
                    in_reply_to,
                    message_id,
                }
            },
        )
        .boxed()
}

fn param_list() -> impl Strategy<Value = Vec<Param>> {
    let param = (text(), text()).prop_map(|(name, value)| Param { name, value });
    proptest::collection::vec(param, 0..3)
}

/// A part that begins at 0; `header` and `body` are the lengths of what it begins with.
fn own_fields() -> BoxedStrategy<Part> {
    let disposition =
        (text(), param_list()).prop_map(|(kind, params)| Disposition { kind, params });
    (
        (0..300u64, 0..20_000u64, 0..300u64),
        (text(), text(), text(), param_list()),
        (maybe_text(), maybe_text(), maybe_text(), maybe_text()),
        proptest::option::of(disposition),
        proptest::collection::vec(text(), 0..3),
    )
        .prop_map(
            |(
                (header, body, lines),
                (media_type, subtype, encoding, params),
                (id, description, md5, location),
                disposition,
                language,
            )| Part {
                header: 0,
                body: header,
                end: header + body,
                lines,
                media_type,
                subtype,
                params,
                id,
                description,
                encoding,
                md5,
                disposition,
                language,
                location,
                content: Content::Leaf,
            },
        )
        .boxed()
}

fn any_part() -> BoxedStrategy<Part> {
    own_fields()
        .prop_recursive(5, 24, 4, |inner| {
            prop_oneof![
                (own_fields(), proptest::collection::vec(inner.clone(), 1..4)).prop_map(
                    |(mut outer, mut parts)| {
                        let mut at = outer.body;
                        for part in &mut parts {
                            part.shift(at);
                            at = part.end + 7;
                        }
                        outer.end += at;
                        outer.content = Content::Multipart(parts);
                        outer
                    }
                ),
                (own_fields(), any_envelope(), inner).prop_map(
                    |(mut outer, envelope, mut root)| {
                        root.shift(outer.body);
                        outer.end = root.end;
                        outer.content =
                            Content::Message(Box::new(AttachedMessage { envelope, root }));
                        outer
                    }
                ),
            ]
        })
        .boxed()
}

fn any_summary() -> BoxedStrategy<Summary> {
    (
        any_envelope(),
        any_part(),
        proptest::option::of((any::<i64>(), any::<i16>())),
        (
            proptest::collection::vec(text(), 0..4),
            text(),
            maybe_text(),
        ),
        any::<bool>(),
    )
        .prop_map(
            |(envelope, structure, sent, (references, preview, list_id), flag)| Summary {
                size: structure.end + 2,
                header_len: structure.body,
                lines: structure.lines,
                envelope,
                structure,
                sent: sent.map(|(unix, offset_minutes)| SentDate {
                    unix,
                    offset_minutes,
                }),
                references,
                preview,
                has_attachments: flag,
                importance: Importance::High,
                list_id,
                auto_submitted: AutoSubmitted::Replied,
                precedence: Precedence::Bulk,
                suppress_auto_response: !flag,
            },
        )
        .boxed()
}

proptest! {
    #[test]
    fn the_borrowed_form_tells_the_same(summary in any_summary()) {
        let bytes = summary.encode();
        prop_assert_eq!(Summary::decode(&bytes), Ok(summary.clone()));
        prop_assert_eq!(collected(&bytes, &summary), Ok(summary));
    }

    /// What the one refuses the other refuses, wherever the damage is.
    #[test]
    fn damage_is_the_same_damage(
        summary in any_summary(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = summary.encode();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        match Summary::decode(&bytes) {
            Ok(decoded) => prop_assert_eq!(collected(&bytes, &decoded), Ok(decoded)),
            Err(_) => {
                // A preview ends where it is damaged; all else says so.
                let encoded = EncodedSummary::new(&bytes);
                let quiet = encoded.is_ok_and(|encoded| encoded.raw_preview.text().is_err());
                prop_assert!(quiet || collected(&bytes, &summary).is_err());
            }
        }
    }
}

#[test]
fn cut_short_anywhere() {
    let whole = tests::summary();
    let bytes = whole.encode();
    assert_eq!(collected(&bytes, &whole), Ok(whole.clone()));
    for length in 0..bytes.len() {
        assert!(
            collected(&bytes[..length], &whole).is_err(),
            "cut at {length}"
        );
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(collected(&longer, &whole), Err(Error::SummaryTrailing));
}

#[test]
fn depth_is_bounded() {
    let mut deep = tests::summary();
    let root = std::mem::replace(&mut deep.structure, Part::at(0));
    deep.structure = root.children()[1].clone();
    for level in 0..=100 {
        let bytes = deep.encode();
        let expected = Summary::decode(&bytes);
        assert_eq!(expected.is_ok(), level <= 100, "{level}");
        assert_eq!(collected(&bytes, &deep), expected);
        let mut outer = Part::at(0);
        outer.end = deep.size;
        outer.content =
            Content::Multipart(vec![std::mem::replace(&mut deep.structure, Part::at(0))]);
        deep.structure = outer;
    }
    assert_eq!(
        collected(&deep.encode(), &deep),
        Err(Error::SummaryDamaged("depth"))
    );
}

#[test]
fn a_damaged_preview_ends_at_the_damage() {
    let mut summary = tests::summary();
    summary.preview = "Grüße".into();
    let mut bytes = summary.encode();
    let at = memchr::memmem::find(&bytes, "ß".as_bytes()).unwrap();
    bytes[at] = 0xff;
    assert_eq!(EncodedSummary::new(&bytes).unwrap().preview(), "Grü");
    assert!(Summary::decode(&bytes).is_err());
}
