//! One collection of a Sync.

use std::time::Instant;

use fieldpost_mailbox::{
    EntryId, Error, FolderId, FolderKind,
    device::{Collection, Opened, OwnChange, OwnOutcome, SyncKey},
};
use fieldpost_wbxml::{Encoder, Version, tags::air_sync as tag};

use super::{
    request::{ClientCommand, CollectionRequest},
    status,
    write::{self, Response},
};
use crate::{
    command::{folder_type, pending},
    item::preferences::Preferences,
    reply::Failure,
    session::Session,
};

/// What is left of the whole response.
pub struct Room {
    /// Items.
    pub items: usize,
    /// Bytes.
    pub bytes: usize,
    /// Time.
    pub until: Instant,
}

/// A client may send no more commands in one collection (Exchange's default).
const MAX_COMMANDS: usize = 200;
/// Items in a response for which the client names no number (MS-ASCMD §2.2.3.199).
const WINDOW: usize = 100;

/// Carries out one collection; whether there was anything to write.
pub async fn run(
    session: &mut Session,
    asked: &CollectionRequest,
    room: &mut Room,
    out: &mut Encoder,
) -> Result<bool, Failure> {
    let header = Header {
        class: asked
            .class
            .as_deref()
            .filter(|_| session.version() <= Version::V12_1),
        id: &asked.id,
    };
    let folder = match folder_type::parse_id(&asked.id) {
        Some(id) => session.mailbox.folder(id).await,
        None => Err(Error::NoSuchFolder(FolderId(0))),
    };
    let folder = match folder {
        Ok(folder) => folder,
        // iOS goes round in circles over an 8 here and asks for the list of folders after a 12 (client-quirks B3).
        Err(Error::NoSuchFolder(_)) => {
            header.failed(out, &asked.key, status::HIERARCHY);
            return Ok(true);
        }
        Err(error) => return Err(error.into()),
    };
    let filter_is_wrong = asked.options.as_ref().is_some_and(|options| {
        folder.kind == FolderKind::Mail && options.mail_cut(session.now()).is_none()
    });
    // MS-ASCMD_R2117
    let has_none = asked.conversations.is_some() && folder.kind != FolderKind::Mail;
    if filter_is_wrong || has_none || asked.commands.len() > MAX_COMMANDS {
        header.failed(out, &asked.key, status::PROTOCOL);
        return Ok(true);
    }
    if asked.key == "0" {
        let who = (
            session.identity.account,
            session.device.id.clone(),
            folder.id,
        );
        session.service.repeats.begin(&who);
        let options = preferences(asked, &[]).encode();
        let key = session
            .mailbox
            .begin_collection(&session.device.id, folder.id, options)
            .await?
            .ok_or(BUSY)?;
        header.begin(out, &key.to_string(), status::SUCCESS);
        out.end();
        return Ok(true);
    }
    let Ok(key) = asked.key.parse::<SyncKey>() else {
        header.failed(out, "0", status::INVALID_KEY);
        return Ok(true);
    };
    let who = (
        session.identity.account,
        session.device.id.clone(),
        folder.id,
    );
    session.service.repeats.heard(&who, key);
    let opened = session
        .mailbox
        .open_collection(&session.device.id, folder.id, Some(key))
        .await?;
    let mut collection = match opened {
        Opened::Known(collection) => collection,
        Opened::Unknown => {
            tracing::info!(device = %session.device.id, folder = %folder.id, key = asked.key, "a key that is not known: the device begins anew");
            header.failed(out, "0", status::INVALID_KEY);
            return Ok(true);
        }
        Opened::Busy => return Err(BUSY),
    };
    let preferences = preferences(asked, collection.base().options());
    let responses = carry_out(session, &mut collection, folder.kind, asked, &preferences).await?;
    let options = preferences.encode();
    let shown = session.service.settings.policy.bound(preferences.clone());
    let predicate = pending::predicate(session, folder.kind, &options);
    let window = asked.window.unwrap_or(WINDOW).min(room.items);
    // A client that sends what it did may want to hear of changes later (client-quirks C4, B25).
    let wants_changes = asked.get_changes.unwrap_or(true);
    let mut plan = fieldpost_mailbox::device::Plan::default();
    if wants_changes && window > 0 {
        match collection.plan(predicate, window).await? {
            Some(found) => plan = found,
            None => {
                header.failed(out, "0", status::INVALID_KEY);
                return Ok(true);
            }
        }
    }
    let mut taken = plan.steps.len();
    if taken > 0 {
        let (admitted, bad) = session
            .service
            .repeats
            .admit(&who, key, &mut plan, session.now());
        taken = admitted;
        if let Some(entry) = bad {
            let id = write::server_id(folder.id, entry);
            tracing::error!(device = %session.device.id, id, "the device does not take an item; it is left out");
            session.trouble = Some((status::CONVERSION, format!("{id} is left out")));
        }
    }
    let has_moved = wants_changes && window > 0 && plan.moves(collection.base());
    // If the last response was lost and there is nothing to tell any more, what it told must not be taken for known: a
    // waiting request would speak of changes for ever (client-quirks B4).
    let says_something =
        has_moved || !collection.is_newest || !asked.commands.is_empty() || !responses.is_empty();
    if !says_something && options == collection.base().options() {
        if wants_changes && window > 0 {
            collection.rest(&plan).await?;
        }
        return Ok(false);
    }
    let next = collection.next_key();
    header.begin(out, &next.to_string(), status::SUCCESS);
    let place = out.checkpoint();
    let written = write::steps(session, out, folder.id, &mut plan, taken, &shown, room).await?;
    taken = written;
    if taken < plan.steps.len() || plan.more {
        let is_put = out.insert_empty(place, tag::MORE_AVAILABLE);
        debug_assert!(is_put);
    }
    if taken > 0 {
        let now = session.now();
        session.service.repeats.note(who, key, &plan, taken, now);
    }
    write::responses(session, out, folder.id, &responses, &shown).await?;
    out.end();
    room.items = room.items.saturating_sub(taken);
    let committed = if wants_changes && window > 0 {
        collection.advance(&plan, taken, options).await?
    } else {
        collection.advance_only(options).await?
    };
    debug_assert_eq!(committed, next);
    Ok(true)
}

const BUSY: Failure = Failure::RetryAfter(crate::reply::status::STATE_LOCKED, 5);

/// What the client wants: as it says now, or as it said before.
fn preferences(asked: &CollectionRequest, before: &[u8]) -> Preferences {
    let before = Preferences::decode(before).unwrap_or_default();
    Preferences {
        conversations: asked.conversations.unwrap_or(before.conversations),
        ..asked.options.clone().unwrap_or(before)
    }
}

/// What every collection in a response begins with.
struct Header<'a> {
    class: Option<&'a str>,
    id: &'a str,
}

impl Header<'_> {
    fn begin(&self, out: &mut Encoder, key: &str, status: u16) {
        out.start(tag::COLLECTION);
        if let Some(class) = self.class {
            out.text(tag::CLASS, class);
        }
        out.text(tag::SYNC_KEY, key);
        out.text(tag::COLLECTION_ID, self.id);
        out.number(tag::STATUS, status);
    }

    fn failed(&self, out: &mut Encoder, key: &str, status: u16) {
        self.begin(out, key, status);
        out.end();
    }
}

/// Does what the client did.
async fn carry_out(
    session: &Session,
    collection: &mut Collection,
    kind: FolderKind,
    asked: &CollectionRequest,
    preferences: &Preferences,
) -> Result<Vec<Response>, Failure> {
    let mut responses = Vec::new();
    let mut changes = Vec::new();
    let mut changed: Vec<&str> = Vec::new();
    let mut removed = Vec::new();
    for command in &asked.commands {
        match command {
            ClientCommand::Add { client_id } => {
                // Nothing can be made yet: said aloud, so that nobody believes it is kept.
                tracing::warn!(device = %session.device.id, folder = %collection.folder(), class = folder_type::class(kind), "a device made an item of a class that is not taken yet");
                responses.push(Response::Add {
                    client_id: client_id.clone(),
                    status: status::CONVERSION,
                });
            }
            ClientCommand::Change { server_id, change } => {
                let entry = entry_of(server_id, collection.folder());
                let Some(entry) = entry.filter(|_| kind == FolderKind::Mail) else {
                    responses.push(Response::Change {
                        server_id: server_id.clone(),
                        status: status::NOT_FOUND,
                    });
                    continue;
                };
                let (read, updates) = change.updates();
                if let Some(read) = read {
                    changes.push(OwnChange::flag(entry, fieldpost_mailbox::Flags::SEEN, read));
                    changed.push(server_id);
                }
                if !updates.is_empty() {
                    changes.push(OwnChange {
                        entry,
                        updates,
                        // MS-ASCMD_R2066: without the element the server's version wins.
                        yields: !preferences.client_wins,
                    });
                    changed.push(server_id);
                }
            }
            ClientCommand::Delete { server_id } => {
                // What is gone is gone: as the client wants it.
                removed.extend(entry_of(server_id, collection.folder()));
            }
            ClientCommand::Fetch { server_id } => responses.push(Response::Fetch {
                server_id: server_id.clone(),
                entry: entry_of(server_id, collection.folder()),
            }),
        }
    }
    let outcomes = match collection.change_items(&changes).await {
        Ok(outcomes) => outcomes,
        Err(Error::TooManyKeywords(_) | Error::BadKeyword(_)) => {
            // One of them asks for what can't be kept: each for itself then.
            let mut outcomes = Vec::new();
            for (change, server_id) in changes.iter().zip(&changed) {
                match collection.change_items(std::slice::from_ref(change)).await {
                    Ok(one) => outcomes.extend(one),
                    Err(Error::TooManyKeywords(_) | Error::BadKeyword(_)) => {
                        responses.push(Response::Change {
                            server_id: (*server_id).to_owned(),
                            status: status::CONVERSION,
                        });
                        outcomes.push(OwnOutcome::Done);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            outcomes
        }
        Err(error) => return Err(error.into()),
    };
    for (server_id, outcome) in changed.iter().zip(outcomes) {
        let status = match outcome {
            OwnOutcome::Done => continue,
            OwnOutcome::Conflict => status::CONFLICT,
            OwnOutcome::Gone => status::NOT_FOUND,
        };
        responses.push(Response::Change {
            server_id: (*server_id).to_owned(),
            status,
        });
    }
    if !removed.is_empty() {
        // MS-ASCMD §2.2.3.43: into the trash unless the client says otherwise.
        let to_trash = asked.deletes_as_moves;
        collection.remove_items(&removed, to_trash).await?;
    }
    Ok(responses)
}

/// The entry of a server id, if it is one of this folder's.
pub fn entry_of(server_id: &str, folder: FolderId) -> Option<EntryId> {
    let (of, entry) = server_id.split_once(':')?;
    (folder_type::parse_id(of)? == folder).then_some(())?;
    let number: u64 = entry.parse().ok()?;
    (number.to_string() == entry).then_some(EntryId(number))
}
