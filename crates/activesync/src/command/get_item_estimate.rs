//! GetItemEstimate: how much a Sync would tell (MS-ASCMD §2.2.1.9).

use fieldpost_mailbox::{
    FolderKind,
    device::{Opened, SyncKey},
};
use fieldpost_wbxml::{
    Element, Encoder,
    tags::{air_sync, get_item_estimate as tag},
};

use super::{folder_type, pending};
use crate::{
    item::preferences::Preferences,
    reply::{Failure, Reply, status as common},
    session::Session,
};

mod status {
    pub const SUCCESS: u16 = 1;
    pub const INVALID_COLLECTION: u16 = 2;
    pub const NOT_PRIMED: u16 = 3;
    pub const INVALID_KEY: u16 = 4;
}

/// Counts by the function that Sync itself uses; moves no key.
pub async fn run(session: &mut Session) -> Result<Reply, Failure> {
    let body = session.request.body.clone();
    let root = Session::document(&body)?.ok_or(Failure::Status(common::INVALID_CONTENT))?;
    let collections: Vec<_> = root
        .all(tag::COLLECTIONS)
        .flat_map(|all| all.all(tag::COLLECTION))
        .collect();
    if collections.len() > session.service.settings.max_collections {
        return Err(Failure::Status(common::INVALID_XML));
    }
    let mut out = Encoder::new();
    out.start(tag::GET_ITEM_ESTIMATE);
    for collection in collections {
        let id = collection
            .text_of(tag::COLLECTION_ID)
            .or_else(|| collection.text_of(air_sync::COLLECTION_ID))
            .ok_or(Failure::Status(common::INVALID_XML))?;
        let estimate = estimate(session, collection, &id).await?;
        out.start(tag::RESPONSE);
        match estimate {
            Ok(estimate) => {
                out.number(tag::STATUS, status::SUCCESS);
                out.start(tag::COLLECTION);
                out.text(tag::COLLECTION_ID, &id);
                out.number(tag::ESTIMATE, estimate);
                out.end();
            }
            Err(status) => {
                out.number(tag::STATUS, status);
                out.start(tag::COLLECTION);
                out.text(tag::COLLECTION_ID, &id);
                out.end();
            }
        }
        out.end();
    }
    out.end();
    Ok(Reply::Document(out.finish()))
}

async fn estimate(
    session: &Session,
    asked: &Element<'_>,
    id: &str,
) -> Result<Result<usize, u16>, Failure> {
    let Some(id) = folder_type::parse_id(id) else {
        return Ok(Err(status::INVALID_COLLECTION));
    };
    let Ok(folder) = session.mailbox.folder(id).await else {
        return Ok(Err(status::INVALID_COLLECTION));
    };
    let key = asked.text_of(air_sync::SYNC_KEY).unwrap_or_default();
    if key == "0" {
        return Ok(Err(status::NOT_PRIMED));
    }
    // Android's own mail program does not hear a 4 and never begins anew: Sync tells it so (client-quirks C6).
    let unknown = if session.request.device_type.starts_with("Android") {
        Ok(1)
    } else {
        Err(status::INVALID_KEY)
    };
    let Ok(key) = key.parse::<SyncKey>() else {
        return Ok(unknown);
    };
    let device = &session.device.id;
    let opened = session
        .mailbox
        .open_collection(device, id, Some(key))
        .await?;
    let collection = match opened {
        Opened::Known(collection) => collection,
        Opened::Unknown => return Ok(unknown),
        Opened::Busy => return Err(Failure::RetryAfter(common::STATE_LOCKED, 5)),
    };
    let mut predicate = pending::predicate(session, folder.kind, collection.base().options());
    // 14.0 and later say it in Options, 12.1 beside the key.
    let filter = asked
        .child(air_sync::OPTIONS)
        .and_then(|options| options.text_of(air_sync::FILTER_TYPE))
        .or_else(|| asked.text_of(air_sync::FILTER_TYPE));
    if let Some(filter) = filter
        && folder.kind == FolderKind::Mail
    {
        // MS-ASCMD_R3018: a filter that does not exist for mail.
        let wrong = Failure::Status(common::SERVER_ERROR);
        let preferences = Preferences {
            filter: filter.trim().parse().map_err(|_| wrong.clone())?,
            ..Preferences::default()
        };
        preferences.mail_cut(session.now()).ok_or(wrong.clone())?;
        let preferences = session.service.settings.policy.bound(preferences);
        predicate.cut = preferences.mail_cut(session.now()).ok_or(wrong)?;
    }
    if let Some(conversations) = asked.flag(air_sync::CONVERSATION_MODE) {
        // MS-ASCMD_R2100
        if folder.kind != FolderKind::Mail {
            return Err(Failure::Status(common::INVALID_XML));
        }
        predicate.conversations = conversations;
    }
    Ok(match collection.estimate(predicate).await? {
        Some(estimate) => Ok(estimate),
        None => unknown,
    })
}
