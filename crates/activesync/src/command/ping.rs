//! Ping: wait until something changes (MS-ASCMD §2.2.1.13).

use std::{borrow::Cow, sync::Arc, time::Duration};

use fieldpost_mailbox::{
    FolderId,
    device::{Attention, MAX_ATTENTION},
};
use fieldpost_wbxml::{Encoder, tags::ping as tag};

use super::{folder_sync, folder_type, pending};
use crate::{
    reply::{Failure, Reply},
    session::Session,
};

mod status {
    pub const EXPIRED: u16 = 1;
    pub const CHANGES: u16 = 2;
    pub const MISSING: u16 = 3;
    pub const SYNTAX: u16 = 4;
    pub const RANGE: u16 = 5;
    pub const TOO_MANY: u16 = 6;
    pub const HIERARCHY: u16 = 7;
}

/// Answers when something has changed in the folders named, or when the heartbeat is over.
///
/// What a request leaves out is what the device said last (MS-ASCMD_R4241: it has to say it once).
pub async fn run(session: &mut Session) -> Result<Reply, Failure> {
    let asked = match read(session) {
        Ok(asked) => asked,
        Err(reply) => return Ok(reply),
    };
    if session.device.attention.as_ref() != Some(&asked) {
        let attention = asked.clone();
        Box::pin(session.change_device(|device| device.attention = Some(attention))).await?;
    }
    // It could name folders: so it was told of some.
    Box::pin(folder_sync::meet_again(session)).await?;
    session.request.body = bytes::Bytes::new();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(u64::from(asked.heartbeat));
    let service = Arc::clone(&session.service);
    let parked = service
        .waiting
        .park(session.identity.account, &session.device.id);
    // Subscribed before the first look, so that nothing is missed between.
    let mut watch = pending::watch(session, &asked.folders);
    // What is looked at once is boxed, so that waiting does not take its room as well.
    if Box::pin(pending::hierarchy(session)).await? {
        return Ok(only(status::HIERARCHY));
    }
    let mut changed = Vec::new();
    for folder in &asked.folders {
        if Box::pin(pending::folder(session, *folder)).await? {
            changed.push(*folder);
        }
    }
    while changed.is_empty() {
        let marks = tokio::select! {
            marks = watch.next() => marks,
            () = parked.superseded() => return Err(Failure::Superseded),
            () = tokio::time::sleep_until(deadline) => return Ok(only(status::EXPIRED)),
        };
        let Some(marks) = marks else {
            return Err(Failure::RetryAfter(
                crate::reply::status::SERVER_ERROR_RETRY,
                30,
            ));
        };
        for (folder, _) in marks {
            if folder == FolderId::HIERARCHY {
                if Box::pin(pending::hierarchy(session)).await? {
                    return Ok(only(status::HIERARCHY));
                }
            } else if Box::pin(pending::folder(session, folder)).await? {
                changed.push(folder);
            }
        }
    }
    let mut out = Encoder::new();
    out.start(tag::PING);
    out.number(tag::STATUS, status::CHANGES);
    out.start(tag::FOLDERS);
    for folder in changed {
        out.number(tag::FOLDER, folder);
    }
    out.end();
    out.end();
    Ok(Reply::Document(out.finish()))
}

/// What is to be waited for, and how long; or the answer that says what is wrong with it.
fn read(session: &Session) -> Result<Attention, Reply> {
    let body = session.request.body.clone();
    let root = Session::document(&body).map_err(|_| only(status::SYNTAX))?;
    let text = |tag| {
        root.as_ref()
            .and_then(|root| root.text_of(tag))
            .map(Cow::into_owned)
    };
    let heartbeat = match text(tag::HEARTBEAT_INTERVAL) {
        None => None,
        Some(text) => Some(
            text.trim()
                .parse::<i64>()
                .map_err(|_| only(status::SYNTAX))?
                .clamp(0, i64::from(u32::MAX)) as u32,
        ),
    };
    let named = root
        .as_ref()
        .and_then(|root| root.child(tag::FOLDERS))
        .filter(|folders| folders.child(tag::FOLDER).is_some());
    let folders = match named {
        None => None,
        Some(folders) => {
            if folders.all(tag::FOLDER).count() > MAX_ATTENTION {
                return Err(with(
                    status::TOO_MANY,
                    tag::MAX_FOLDERS,
                    MAX_ATTENTION as u32,
                ));
            }
            let mut ids = Vec::new();
            for folder in folders.all(tag::FOLDER) {
                let id = folder
                    .text_of(tag::ID)
                    .ok_or_else(|| only(status::SYNTAX))?;
                // A folder that is not ours never changes.
                let id = folder_type::parse_id(&id);
                ids.extend(id.filter(|id| !ids.contains(id)));
            }
            Some(ids)
        }
    };
    let last = session.device.attention.as_ref();
    let heartbeat = heartbeat
        .or(last.map(|last| last.heartbeat))
        .ok_or_else(|| only(status::MISSING))?;
    let folders = folders
        .or_else(|| {
            let before = last.map(|last| last.folders.clone());
            before.filter(|folders| !folders.is_empty())
        })
        .ok_or_else(|| only(status::MISSING))?;
    let (shortest, longest) = session.service.settings.heartbeat;
    if !(shortest..=longest).contains(&heartbeat) {
        // MS-ASCMD_R4247, MS-ASCMD_R4248
        let nearest = heartbeat.clamp(shortest, longest);
        return Err(with(status::RANGE, tag::HEARTBEAT_INTERVAL, nearest));
    }
    Ok(Attention { heartbeat, folders })
}

fn only(status: u16) -> Reply {
    let mut out = Encoder::new();
    out.start(tag::PING);
    out.number(tag::STATUS, status);
    out.end();
    Reply::Document(out.finish())
}

fn with(status: u16, limit: fieldpost_wbxml::Tag, value: u32) -> Reply {
    let mut out = Encoder::new();
    out.start(tag::PING);
    out.number(tag::STATUS, status);
    out.number(limit, value);
    out.end();
    Reply::Document(out.finish())
}
