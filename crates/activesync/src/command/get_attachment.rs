//! GetAttachment, below 14.0: an attachment as it is (MS-ASCMD §2.2.1.8).

use hyper::StatusCode;

use super::item_operations::{load, status};
use crate::{
    reply::{Failure, Reply},
    session::Session,
};

/// Answers with the attachment's bytes and its own media type.
pub async fn run(session: &mut Session) -> Result<Reply, Failure> {
    let name = session.request.parameters.attachment_name.clone();
    let name = name.ok_or(Failure::Http(StatusCode::BAD_REQUEST))?;
    match load(session, &name).await? {
        Ok(loaded) => Ok(Reply::Attachment(loaded.content_type, loaded.bytes)),
        Err(status::TOO_LARGE) => Err(Failure::Http(StatusCode::PAYLOAD_TOO_LARGE)),
        Err(status::DENIED) => Err(Failure::Http(StatusCode::FORBIDDEN)),
        // MS-ASCMD_R166
        Err(_) => Err(Failure::Http(StatusCode::INTERNAL_SERVER_ERROR)),
    }
}

#[cfg(test)]
mod tests;
