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
    let limit = session.service.settings.max_message as u64;
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
