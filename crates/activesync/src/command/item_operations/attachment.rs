//! An attachment's bytes.

use bytes::Bytes;
use fieldpost_message::{Content, transfer};

use super::status;
use crate::{
    command::sync::find,
    item::attachment::{self, FileReference},
    reply::Failure,
    session::Session,
};

/// An attachment, decoded.
pub struct Loaded {
    /// Its media type.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// Loads the attachment that a client names; a status of ItemOperations if there is none.
pub async fn load(session: &Session, reference: &str) -> Result<Result<Loaded, u16>, Failure> {
    if session.service.settings.policy.attachments_enabled == Some(false) {
        return Ok(Err(status::DENIED));
    }
    let Some(reference) = FileReference::parse(reference) else {
        return Ok(Err(status::ATTACHMENT));
    };
    let Some((_, item)) = find(session, reference.folder, reference.entry).await? else {
        return Ok(Err(status::ATTACHMENT));
    };
    let summary = item.summary()?;
    let Some(part) = attachment::find(&summary, reference.part) else {
        return Ok(Err(status::ATTACHMENT));
    };
    let settings = &session.service.settings;
    // MS-ASPROV_R206, MS-ASPROV_R738: also for devices that take no policy.
    let most = settings
        .policy
        .max_attachment_size
        .map_or(u64::MAX, u64::from);
    if attachment::size(part) > most {
        return Ok(Err(status::TOO_LARGE));
    }
    let limit = settings.max_message as u64;
    if part.size() > limit {
        return Ok(Err(status::TOO_LARGE));
    }
    let mut reader = session.mailbox.read(&item, part.body_range()).await?;
    let encoding = match part.content {
        // A message is handed out as it is.
        Content::Message(_) | Content::Multipart(_) => transfer::Encoding::Identity,
        Content::Leaf => part.transfer_encoding(),
    };
    let mut decoder = transfer::Decoder::new(encoding);
    let mut bytes = Vec::with_capacity(part.size() as usize);
    while let Some(chunk) = reader.next().await? {
        decoder.push(&chunk, &mut bytes);
    }
    decoder.finish(&mut bytes);
    Ok(Ok(Loaded {
        content_type: attachment::content_type(part),
        bytes: bytes.into(),
    }))
}
