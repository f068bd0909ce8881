//! What is asked of messages.

use super::*;

pub(super) fn flag_list(flags: &[Flag<'_>]) -> Ours<FlagList> {
    limited(flags.len())?;
    let mut list = FlagList::default();
    for flag in flags {
        match flag {
            Flag::Answered => list.system |= Flags::ANSWERED,
            Flag::Deleted => list.system |= Flags::DELETED,
            Flag::Draft => list.system |= Flags::DRAFT,
            Flag::Flagged => list.system |= Flags::FLAGGED,
            Flag::Seen => list.system |= Flags::SEEN,
            Flag::Extension(_) if flag.to_string().eq_ignore_ascii_case("\\Recent") => {}
            Flag::Extension(_) => return Err(Different::FlagExtension),
            Flag::Keyword(keyword) => list.keywords.push(keyword.to_string()),
        }
    }
    Ok(list)
}

pub(super) fn fetch(
    numbers: &TheirSet,
    items: &MacroOrMessageDataItemNames<'_>,
    modifiers: &[FetchModifier],
) -> Ours<Fetch> {
    let items = match items {
        MacroOrMessageDataItemNames::Macro(short) => {
            short.expand().iter().map(fetch_item).collect::<Ours<_>>()?
        }
        MacroOrMessageDataItemNames::MessageDataItemNames(items) => {
            if items.is_empty() {
                return Err(Different::Empty);
            }
            limited(items.len())?;
            items.iter().map(fetch_item).collect::<Ours<Vec<_>>>()?
        }
    };
    let mut fetch = Fetch {
        set: set(numbers),
        items,
        changed_since: None,
        vanished: false,
    };
    for modifier in modifiers {
        match modifier {
            FetchModifier::ChangedSince(mod_seq) => {
                fetch.changed_since = Some(number64(mod_seq.get())?);
            }
            FetchModifier::Vanished => fetch.vanished = true,
        }
    }
    if fetch.vanished && fetch.changed_since.is_none() {
        return Err(Different::Qresync);
    }
    Ok(fetch)
}

pub(super) fn fetch_item(item: &MessageDataItemName<'_>) -> Ours<FetchItem> {
    use MessageDataItemName as Theirs;
    let range = |partial: &Option<(u32, std::num::NonZeroU32)>| {
        partial.map(|(start, count)| Partial {
            start: start.into(),
            count: count.get().into(),
        })
    };
    let numbers = |part: &[std::num::NonZeroU32]| {
        if part.len() > limit::SECTION {
            return Err(Different::Limit);
        }
        Ok(part.iter().map(|number| number.get()).collect::<Vec<_>>())
    };
    Ok(match item {
        Theirs::Body => FetchItem::Body,
        Theirs::BodyExt {
            section,
            partial,
            peek,
        } => {
            let (part, text) = match section {
                None => (None, None),
                Some(section) => body_section(section)?,
            };
            FetchItem::Section(BodySection {
                part: numbers(part.map(|part| part.0.as_ref()).unwrap_or_default())?,
                text,
                partial: range(partial),
                peek: *peek,
            })
        }
        Theirs::BodyStructure => FetchItem::BodyStructure,
        Theirs::Envelope => FetchItem::Envelope,
        Theirs::Flags => FetchItem::Flags,
        Theirs::InternalDate => FetchItem::InternalDate,
        Theirs::Rfc822 => FetchItem::Rfc822,
        Theirs::Rfc822Header => FetchItem::Rfc822Header,
        Theirs::Rfc822Size => FetchItem::Rfc822Size,
        Theirs::Rfc822Text => FetchItem::Rfc822Text,
        Theirs::Uid => FetchItem::Uid,
        Theirs::Binary {
            section,
            partial,
            peek,
        } => FetchItem::Binary(BinaryPart {
            part: numbers(section)?,
            partial: range(partial),
            peek: *peek,
        }),
        Theirs::BinarySize { section } => FetchItem::BinarySize(numbers(section)?),
        Theirs::ModSeq => FetchItem::ModSeq,
    })
}

pub(super) fn body_section<'a>(
    section: &'a Section<'_>,
) -> Ours<(Option<&'a Part>, Option<SectionText>)> {
    let names = |names: &[imap_types::core::AString<'_>]| {
        limited(names.len())?;
        names
            .iter()
            .map(|name| text(name.as_ref()))
            .collect::<Ours<_>>()
    };
    Ok(match section {
        Section::Part(part) => (Some(part), None),
        Section::Header(part) => (part.as_ref(), Some(SectionText::Header)),
        Section::HeaderFields(part, fields) => (
            part.as_ref(),
            Some(SectionText::HeaderFields(names(fields.as_ref())?)),
        ),
        Section::HeaderFieldsNot(part, fields) => (
            part.as_ref(),
            Some(SectionText::HeaderFieldsNot(names(fields.as_ref())?)),
        ),
        Section::Text(part) => (part.as_ref(), Some(SectionText::Text)),
        Section::Mime(part) => (Some(part), Some(SectionText::Mime)),
    })
}
