//! Fetch: one item or one attachment.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use fieldpost_wbxml::{
    Element, Encoder,
    tags::{air_sync, air_sync_base, item_operations as tag, search},
};

use super::{attachment, status};
use crate::{
    command::{folder_type, sync::find},
    item::{mail::Mail, preferences::Preferences},
    reply::Failure,
    session::Session,
};

/// Carries out one fetch. With `parts` the bulk goes there, and the document refers to it. `room` is what is left of the
/// whole response, in bytes.
pub async fn run(
    session: &Session,
    operation: &Element<'_>,
    out: &mut Encoder,
    parts: &mut Option<Vec<Bytes>>,
    room: &mut usize,
) -> Result<(), Failure> {
    out.start(tag::FETCH);
    let place = out.checkpoint();
    let size = |out: &Encoder, parts: &Option<Vec<Bytes>>| {
        out.len() + parts.iter().flatten().map(Bytes::len).sum::<usize>()
    };
    let before = size(out, parts);
    let status = write(session, operation, out, parts, *room).await?;
    *room = room.saturating_sub(size(out, parts) - before);
    if status != status::SUCCESS {
        out.rollback(place);
        out.number(tag::STATUS, status);
        name(operation, out);
    }
    out.end();
    Ok(())
}

/// What the client asked for, in its own words.
fn name(operation: &Element<'_>, out: &mut Encoder) {
    for tag in [
        air_sync::COLLECTION_ID,
        air_sync::SERVER_ID,
        search::LONG_ID,
        air_sync_base::FILE_REFERENCE,
    ] {
        if let Some(text) = operation.text_of(tag) {
            out.text(tag, &text);
        }
    }
}

async fn write(
    session: &Session,
    operation: &Element<'_>,
    out: &mut Encoder,
    parts: &mut Option<Vec<Bytes>>,
    room: usize,
) -> Result<u16, Failure> {
    let is_mailbox = operation
        .text_of(tag::STORE)
        .is_some_and(|store| store.trim().eq_ignore_ascii_case("mailbox"));
    if !is_mailbox {
        return Ok(status::NO_STORE);
    }
    let options = operation.child(tag::OPTIONS);
    let range = match options.and_then(|options| options.text_of(tag::RANGE)) {
        None => None,
        Some(text) => match parse_range(&text) {
            Some(range) => Some(range),
            None => return Ok(status::RANGE),
        },
    };
    if let Some(reference) = operation.text_of(air_sync_base::FILE_REFERENCE) {
        return file(session, operation, &reference, range, out, parts, room).await;
    }
    let id = operation
        .text_of(search::LONG_ID)
        .or_else(|| operation.text_of(air_sync::SERVER_ID))
        .map(Cow::into_owned)
        .unwrap_or_default();
    let Some((folder, entry)) = id.split_once(':').and_then(|(folder, _)| {
        let folder = folder_type::parse_id(folder)?;
        Some((folder, crate::command::sync::entry_of(&id, folder)?))
    }) else {
        return Ok(status::NOT_FOUND);
    };
    let Some((row, item)) = find(session, folder, entry).await? else {
        return Ok(status::NOT_FOUND);
    };
    let preferences = match options.map(Preferences::parse) {
        None => Preferences::default(),
        Some(Some(preferences)) => preferences,
        Some(None) => return Ok(status::PROTOCOL),
    };
    let preferences = session.service.settings.policy.bound(preferences);
    let labels = session.mailbox.labels().await?;
    out.number(tag::STATUS, status::SUCCESS);
    name(operation, out);
    out.text(air_sync::CLASS, "Email");
    out.start(tag::PROPERTIES);
    let mail = Mail {
        mailbox: &session.mailbox,
        folder,
        row: &row,
        labels: &labels,
        version: session.version(),
    };
    let written = mail
        .write_with(out, &item, &preferences, room, parts.as_mut())
        .await;
    match written {
        Ok(()) => out.end(),
        Err(error) if error.is_temporary() => return Err(error.into()),
        Err(error) => {
            tracing::error!(device = %session.device.id, %folder, uid = row.uid, %error, "an item can't be shown");
            return Ok(status::CONVERSION);
        }
    }
    Ok(status::SUCCESS)
}

async fn file(
    session: &Session,
    operation: &Element<'_>,
    reference: &str,
    range: Option<(usize, usize)>,
    out: &mut Encoder,
    parts: &mut Option<Vec<Bytes>>,
    room: usize,
) -> Result<u16, Failure> {
    let loaded = match attachment::load(session, reference).await? {
        Ok(loaded) => loaded,
        Err(status) => return Ok(status),
    };
    let total = loaded.bytes.len();
    let (first, last) = match range {
        None => (0, total.saturating_sub(1)),
        Some((first, _)) if first >= total => return Ok(status::RANGE),
        Some((first, last)) => (first, last.min(total - 1)),
    };
    let bytes = if total == 0 {
        Bytes::new()
    } else {
        loaded.bytes.slice(first..=last)
    };
    if bytes.len() > room {
        return Ok(status::TOO_LARGE);
    }
    out.number(tag::STATUS, status::SUCCESS);
    name(operation, out);
    out.start(tag::PROPERTIES);
    // iOS 10 shows an error for a range that it did not ask for (client-quirks B7).
    if range.is_some() {
        out.text(tag::RANGE, &format!("{first}-{last}"));
        out.number(tag::TOTAL, total);
    }
    out.text(air_sync_base::CONTENT_TYPE, &loaded.content_type);
    match parts {
        Some(parts) => {
            parts.push(bytes);
            out.number(tag::PART, parts.len());
        }
        None => out.text(tag::DATA, &STANDARD.encode(&bytes)),
    }
    out.end();
    Ok(status::SUCCESS)
}

/// `m-n`, both counted from 0 and included (MS-ASCMD §2.2.3.143.1).
fn parse_range(text: &str) -> Option<(usize, usize)> {
    let (first, last) = text.trim().split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}
