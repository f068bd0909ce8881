//! MoveItems (MS-ASCMD §2.2.1.12). The device is told of the item's going and coming by the next Sync of either folder
//! (MS-ASCMD_R289).

use std::collections::{HashMap, VecDeque};

use fieldpost_mailbox::{AccountId, EntryId, Error, FolderId, UidSet};
use fieldpost_wbxml::{Element, Encoder, tags::move_items as tag};
use parking_lot::Mutex;

use super::{folder_type, sync::entry_of, sync::server_id};
use crate::{
    reply::{Failure, Reply, status as common},
    session::Session,
};

mod status {
    pub const BAD_SOURCE: u16 = 1;
    pub const BAD_DESTINATION: u16 = 2;
    pub const SUCCESS: u16 = 3;
    pub const SAME: u16 = 4;
    pub const FAILED: u16 = 5;
    pub const LOCKED: u16 = 7;
}

/// Exchange's limit.
const MAX_MOVES: usize = 1000;

/// Where items went that devices moved lately: a move whose answer was lost is asked for again.
#[derive(Default)]
pub struct Moved(Mutex<MovedLately>);

#[derive(Default)]
struct MovedLately {
    to: HashMap<(AccountId, EntryId), (FolderId, EntryId)>,
    order: VecDeque<(AccountId, EntryId)>,
}

impl Moved {
    fn note(&self, account: AccountId, from: EntryId, folder: FolderId, to: EntryId) {
        let mut lately = self.0.lock();
        if lately.order.len() >= MAX_REMEMBERED
            && let Some(oldest) = lately.order.pop_front()
        {
            lately.to.remove(&oldest);
        }
        lately.order.push_back((account, from));
        lately.to.insert((account, from), (folder, to));
    }

    fn find(&self, account: AccountId, from: EntryId, folder: FolderId) -> Option<EntryId> {
        let lately = self.0.lock();
        let (to, entry) = lately.to.get(&(account, from))?;
        (*to == folder).then_some(*entry)
    }
}

const MAX_REMEMBERED: usize = 20_000;

/// One move that is asked for.
struct Move {
    source: String,
    from: Option<(FolderId, EntryId)>,
    to: Option<FolderId>,
    /// How it went, and where the item is now.
    outcome: Option<(u16, Option<EntryId>)>,
}

/// Moves items; those from one folder to another go together.
pub async fn run(session: &mut Session) -> Result<Reply, Failure> {
    let body = session.request.body.clone();
    let root = Session::document(&body)?.ok_or(Failure::Status(common::INVALID_CONTENT))?;
    let mut moves = root
        .all(tag::MOVE)
        .map(Move::parse)
        .collect::<Option<Vec<_>>>()
        .filter(|moves| (1..=MAX_MOVES).contains(&moves.len()))
        .ok_or(Failure::Status(common::INVALID_XML))?;
    for at in 0..moves.len() {
        if moves[at].outcome.is_none() {
            let same = |other: &Move| {
                other.outcome.is_none()
                    && other.to == moves[at].to
                    && other.from.map(|from| from.0) == moves[at].from.map(|from| from.0)
            };
            let group: Vec<usize> = (at..moves.len()).filter(|n| same(&moves[*n])).collect();
            together(session, &mut moves, &group).await?;
        }
    }
    let mut out = Encoder::new();
    out.start(tag::MOVE_ITEMS);
    for done in &moves {
        let (status, entry) = done.outcome.unwrap_or((status::FAILED, None));
        out.start(tag::RESPONSE);
        out.text(tag::SRC_MSG_ID, &done.source);
        out.number(tag::STATUS, status);
        if let (Some(entry), Some(to)) = (entry, done.to) {
            out.text(tag::DST_MSG_ID, &server_id(to, entry));
        }
        out.end();
    }
    out.end();
    Ok(Reply::Document(out.finish()))
}

impl Move {
    fn parse(element: &Element<'_>) -> Option<Self> {
        let source = element.text_of(tag::SRC_MSG_ID)?.into_owned();
        let from = folder_type::parse_id(&element.text_of(tag::SRC_FLD_ID)?);
        // MS-ASCMD_R4222: one destination an item.
        let several = element.all(tag::DST_FLD_ID).count() > 1;
        let to = folder_type::parse_id(&element.text_of(tag::DST_FLD_ID)?);
        let entry = from.and_then(|from| Some((from, entry_of(&source, from)?)));
        Some(Self {
            outcome: match (several, from, to) {
                (true, _, _) => Some((status::FAILED, None)),
                (_, Some(from), Some(to)) if from == to => Some((status::SAME, None)),
                _ if entry.is_none() => Some((status::BAD_SOURCE, None)),
                _ if to.is_none() => Some((status::BAD_DESTINATION, None)),
                _ => None,
            },
            source,
            from: entry,
            to,
        })
    }
}

/// Moves items from one folder to one other.
async fn together(session: &Session, moves: &mut [Move], group: &[usize]) -> Result<(), Failure> {
    let Some((Some((from, _)), Some(to))) =
        group.first().map(|at| (moves[*at].from, moves[*at].to))
    else {
        return Ok(());
    };
    let mailbox = &session.mailbox;
    let mut all = |outcome: u16| {
        for at in group {
            moves[*at].outcome = Some((outcome, None));
        }
    };
    let target = match mailbox.folder(to).await {
        Ok(target) => target,
        Err(Error::NoSuchFolder(_)) => {
            all(status::BAD_DESTINATION);
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let view = match mailbox.view(from).await {
        Ok(view) => view,
        Err(Error::NoSuchFolder(_)) => {
            all(status::BAD_SOURCE);
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let source = mailbox.folder(from).await?;
    if source.kind != target.kind {
        all(status::FAILED);
        return Ok(());
    }
    let account = session.identity.account;
    let mut uids: HashMap<u32, Vec<usize>> = HashMap::new();
    for at in group {
        let Some((_, entry)) = moves[*at].from else {
            continue;
        };
        match view.by_entry(entry) {
            Some(row) => uids.entry(row.uid).or_default().push(*at),
            None => {
                let before = session.service.moved.find(account, entry, to);
                moves[*at].outcome = Some(match before {
                    Some(entry) => (status::SUCCESS, Some(entry)),
                    None => (status::BAD_SOURCE, None),
                });
            }
        }
    }
    drop(view);
    let set: UidSet = uids.keys().copied().collect();
    if set.is_empty() {
        return Ok(());
    }
    let moved = match mailbox.move_items(from, &set, to).await {
        Ok(moved) => moved,
        Err(error) if error.is_temporary() => {
            tracing::warn!(%error, "items were not moved");
            for at in uids.into_values().flatten() {
                moves[at].outcome = Some((status::LOCKED, None));
            }
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let view = mailbox.view(to).await?;
    for (old, new) in moved.uids {
        for at in uids.remove(&old).unwrap_or_default() {
            let entry = view.by_uid(new).map(|row| row.entry);
            moves[at].outcome = Some((status::SUCCESS, entry));
            if let (Some((_, old)), Some(new)) = (moves[at].from, entry) {
                session.service.moved.note(account, old, to, new);
            }
        }
    }
    for at in uids.into_values().flatten() {
        moves[at].outcome = Some((status::BAD_SOURCE, None));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
