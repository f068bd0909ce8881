//! Sync: what changed on either side (MS-ASCMD §2.2.1.21).
//!
//! A request without a document repeats the device's last one just as it was written, its keys included (MS-ASCMD_R673);
//! a partial one names only what differs from it.

mod collection;
mod last;
mod repeats;
mod request;
mod write;

use std::time::{Duration, Instant};

use fieldpost_mailbox::FolderId;
use fieldpost_wbxml::{Encoder, Version, tags::air_sync as tag};

pub use collection::entry_of;
pub use last::LastRequests;
pub use repeats::Repeats;
pub use request::SyncRequest;
use request::Wait;
pub use write::{find, server_id};

use super::{folder_type, pending};
use crate::{
    reply::{Failure, Reply},
    session::Session,
};

/// Statuses of Sync (MS-ASCMD §2.2.3.177.17).
pub mod status {
    pub const SUCCESS: u16 = 1;
    pub const INVALID_KEY: u16 = 3;
    pub const PROTOCOL: u16 = 4;
    pub const CONVERSION: u16 = 6;
    pub const CONFLICT: u16 = 7;
    pub const NOT_FOUND: u16 = 8;
    pub const HIERARCHY: u16 = 12;
    pub const INCOMPLETE: u16 = 13;
    pub const WAIT_RANGE: u16 = 14;
    pub const TOO_MANY: u16 = 15;
}

/// Carries out a Sync.
pub async fn run(session: &mut Session) -> Result<Reply, Failure> {
    let request = match read(session) {
        Ok(request) => request,
        Err(status) => return Ok(root_status(status, None)),
    };
    let settings = &session.service.settings;
    if request.collections.len() > settings.max_collections {
        let limit = settings.max_collections as u32;
        return Ok(root_status(status::TOO_MANY, Some(limit)));
    }
    let deadline = match request.wait.map(|wait| seconds(wait, settings.heartbeat)) {
        Some(Err(limit)) => return Ok(root_status(status::WAIT_RANGE, Some(limit))),
        Some(Ok(seconds)) => Some(tokio::time::Instant::now() + Duration::from_secs(seconds)),
        None => None,
    };
    let last = &session.service.last_requests;
    last.put(
        session.identity.account,
        &session.device.id,
        request.without_commands(),
    );
    // Subscribed before the first look, so that nothing is missed between.
    let folders: Vec<FolderId> = request
        .collections
        .iter()
        .filter_map(|collection| folder_type::parse_id(&collection.id))
        .collect();
    let watch = deadline.map(|_| pending::watch(session, &folders));
    // In a box, so that waiting does not take its room as well.
    if let Some(reply) = Box::pin(answer(session, &request)).await? {
        return Ok(reply);
    }
    let (Some(deadline), Some(mut watch)) = (deadline, watch) else {
        return Ok(nothing(session.version()));
    };
    // From here on the task only waits: what it needs to answer is small.
    let service = std::sync::Arc::clone(&session.service);
    let parked = service
        .waiting
        .park(session.identity.account, &session.device.id);
    let request = request.without_commands();
    session.request.body = bytes::Bytes::new();
    loop {
        let changed = tokio::select! {
            changed = watch.next() => changed,
            () = parked.superseded() => return Err(Failure::Superseded),
            () = tokio::time::sleep_until(deadline) => return Ok(nothing(session.version())),
        };
        let Some(changed) = changed else {
            return Err(Failure::RetryAfter(
                crate::reply::status::SERVER_ERROR_RETRY,
                30,
            ));
        };
        if changed
            .iter()
            .any(|(folder, _)| *folder == FolderId::HIERARCHY)
            && Box::pin(pending::hierarchy(session)).await?
        {
            return Ok(root_status(status::HIERARCHY, None));
        }
        if let Some(reply) = Box::pin(answer(session, &request)).await? {
            return Ok(reply);
        }
    }
}

/// The request: its document, or what it repeats of the last one.
fn read(session: &Session) -> Result<SyncRequest, u16> {
    let last = || {
        session
            .service
            .last_requests
            .get(session.identity.account, &session.device.id)
            .ok_or(status::INCOMPLETE)
    };
    let body = session.request.body.clone();
    let root = Session::document(&body).map_err(|_| status::PROTOCOL)?;
    let Some(root) = root else {
        return last();
    };
    let request = SyncRequest::parse(&root).map_err(|_| status::PROTOCOL)?;
    if request.partial {
        return Ok(request.over(&last()?));
    }
    Ok(request)
}

/// One look at all collections; `None`: there is nothing to say.
async fn answer(session: &mut Session, request: &SyncRequest) -> Result<Option<Reply>, Failure> {
    let started = Instant::now();
    let mut out = Encoder::new();
    out.start(tag::SYNC);
    out.start(tag::COLLECTIONS);
    let mut any = false;
    let mut room = collection::Room {
        items: request.window.unwrap_or(512),
        bytes: session.service.settings.response_size,
        until: started + session.service.settings.response_time,
    };
    for asked in &request.collections {
        any |= collection::run(session, asked, &mut room, &mut out).await?;
    }
    if !any {
        return Ok(None);
    }
    out.end();
    out.end();
    Ok(Some(Reply::Document(out.finish())))
}

/// Nothing has changed: from 12.1 on that is an empty response; an empty list of collections crashes iOS (client-quirks B2).
fn nothing(version: Version) -> Reply {
    debug_assert!(version >= Version::V12_1);
    Reply::Empty
}

/// How long to wait, or the nearest time that is allowed, in the client's unit (MS-ASCMD_R3226 to R3230).
fn seconds(wait: Wait, (shortest, longest): (u32, u32)) -> Result<u64, u32> {
    match wait {
        Wait::Minutes(minutes) => {
            let bounds = shortest.div_ceil(60).max(1)..=(longest / 60).max(1);
            if bounds.contains(&minutes) {
                Ok(u64::from(minutes) * 60)
            } else {
                Err(minutes.clamp(*bounds.start(), *bounds.end()))
            }
        }
        Wait::Seconds(seconds) => {
            if (shortest..=longest).contains(&seconds) {
                Ok(u64::from(seconds))
            } else {
                Err(seconds.clamp(shortest, longest))
            }
        }
    }
}

fn root_status(status: u16, limit: Option<u32>) -> Reply {
    let mut out = Encoder::new();
    out.start(tag::SYNC);
    out.number(tag::STATUS, status);
    if let Some(limit) = limit {
        out.number(tag::LIMIT, limit);
    }
    out.end();
    Reply::Document(out.finish())
}

#[cfg(test)]
mod tests;
