//! The maildrop of one session: the inbox, or another folder, as it was at sign-in, and what the client has done to it so far.
//!
//! Sign-in reads no message: numbers and sizes come from the folder's packed rows, which all sessions of an account share.
//! What the session adds is a bit per deleted and per fetched message.

use std::sync::Arc;

use fieldpost_directory::Identity;
use fieldpost_mailbox::{
    Error, Expunge, Facts, FlagUpdate, Flags, FolderId, FolderKind, Item, ItemReader, Mailbox,
    MaildropGuard, Row, SpecialUse, UidSet, UniqueIds, UpdateMode, View,
};

use crate::{Deleted, Expire, Serve, Service, codec::MessageNumber};

/// The folder as this session sees it. The numbers of a session are places in it plus one; they never change.
pub(crate) struct Maildrop {
    mailbox: Mailbox,
    folder: FolderId,
    view: Arc<View>,
    /// Where in the view the messages of this session are; `None` = it sees all.
    shown: Option<Vec<u32>>,
    /// Places of the messages that DELE marked.
    deleted: Places,
    /// Places of the messages that RETR sent whole.
    fetched: Places,
    /// Octets of all messages that are not marked as deleted.
    octets: u64,
    mark_seen: bool,
    deletion: Deleted,
    expire: Expire,
    unique_ids: Option<Arc<UniqueIds>>,
    /// Keeps other sessions out for as long as this one lives (RFC 1939 §8).
    _guard: MaildropGuard,
}

/// Why there is no maildrop to sign in to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// Another session has it.
    #[error("the maildrop is in use")]
    InUse,
    /// The folder that is to be shown is not there, or holds no mail.
    #[error("there is no such folder")]
    NoFolder,
    /// The mailbox can't be read.
    #[error(transparent)]
    Mailbox(#[from] Error),
}

/// What left a maildrop in its UPDATE state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Left {
    /// Messages that the client had marked.
    pub(crate) deleted: usize,
    /// Others that had stayed as long as they are promised to.
    pub(crate) expired: usize,
}

/// Why a number names no message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum NoMessage {
    /// Beyond the last.
    #[error("No such message, only {0} in maildrop")]
    NoSuchMessage(usize),
    /// DELE marked it.
    #[error("Message {0} is marked as deleted")]
    Deleted(MessageNumber),
}

impl Maildrop {
    /// Takes the folder of who has signed in, as it is now.
    pub(crate) async fn open(identity: &Identity, service: &Service) -> Result<Self, OpenError> {
        let settings = &service.settings;
        let mailbox = service.mailboxes.open(identity.account).await?;
        let path: Vec<&str> = settings.folder.iter().map(String::as_str).collect();
        let folder = mailbox
            .folder_at(&path)
            .await?
            .filter(|folder| folder.kind == FolderKind::Mail)
            .ok_or(OpenError::NoFolder)?
            .id;
        let guard = mailbox
            .exclusive_within(folder, settings.maildrop_wait)
            .await
            .ok_or(OpenError::InUse)?;
        let view = mailbox.view(folder).await?;
        let shown = match settings.serve {
            Serve::All => None,
            Serve::Unseen => Some(
                (0_u32..)
                    .zip(view.rows())
                    .filter(|(_, row)| !row.flags.contains(Flags::SEEN))
                    .map(|(at, _)| at)
                    .collect(),
            ),
        };
        let mut maildrop = Self {
            octets: 0,
            deleted: Places::default(),
            fetched: Places::default(),
            mark_seen: settings.mark_seen,
            deletion: settings.deleted,
            expire: settings.expire,
            unique_ids: None,
            mailbox,
            folder,
            view,
            shown,
            _guard: guard,
        };
        maildrop.reset();
        Ok(maildrop)
    }

    /// How many messages are not marked as deleted.
    pub(crate) fn count(&self) -> usize {
        self.len() - self.deleted.len()
    }

    /// The octets of all messages that are not marked as deleted.
    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }

    /// The record of a message, which says where its octets lie.
    pub(crate) async fn item(&self, uid: u32) -> Result<Item, Error> {
        self.mailbox.item(self.folder, uid).await
    }

    /// The octets of a message.
    pub(crate) async fn read(&self, item: &Item) -> Result<ItemReader, Error> {
        self.mailbox.read(item, 0..u64::MAX).await
    }

    /// The unique ids of all messages (RFC 1939 §7), for who asks.
    pub(crate) async fn unique_ids(&mut self) -> Result<Arc<UniqueIds>, Error> {
        if let Some(ids) = &self.unique_ids {
            return Ok(ids.clone());
        }
        let ids = Arc::new(self.mailbox.unique_ids(self.folder, &self.view).await?);
        Ok(self.unique_ids.insert(ids).clone())
    }

    /// The message of a number.
    pub(crate) fn message(&self, number: MessageNumber) -> Result<&Row, NoMessage> {
        let row = self
            .row(number.index())
            .ok_or(NoMessage::NoSuchMessage(self.len()))?;
        if self.deleted.contains(number.index()) {
            return Err(NoMessage::Deleted(number));
        }
        Ok(row)
    }

    /// Up to `limit` messages that are not marked as deleted, from place `start` on, and the place where to go on, if there is one.
    pub(crate) fn messages_from(
        &self,
        start: usize,
        limit: usize,
    ) -> (Vec<(MessageNumber, Row)>, Option<usize>) {
        let end = self.len().min(start.saturating_add(limit));
        let messages = (start..end)
            .filter(|place| !self.deleted.contains(*place))
            .filter_map(|place| Some((MessageNumber::from_index(place)?, *self.row(place)?)))
            .collect();
        (messages, (end < self.len()).then_some(end))
    }

    /// Marks a message as deleted.
    pub(crate) fn delete(&mut self, number: MessageNumber) -> Result<(), NoMessage> {
        let size = octets(self.message(number)?);
        self.deleted.insert(number.index());
        self.octets -= size;
        Ok(())
    }

    /// Takes back every mark.
    pub(crate) fn reset(&mut self) {
        self.deleted = Places::default();
        self.octets = self.rows().map(|(_, row)| octets(row)).sum();
    }

    /// Remembers that a message was sent whole.
    pub(crate) fn fetched(&mut self, number: MessageNumber) {
        self.fetched.insert(number.index());
    }

    /// Deletes what is marked and what has expired, in one commit that is on disk when this returns. What others deleted meanwhile is no fault:
    /// it is gone as wanted.
    pub(crate) async fn update(&mut self) -> Result<Left, Error> {
        let expired = self.expired();
        let left = Left {
            deleted: self.deleted.len(),
            expired: expired.len(),
        };
        let mut leaving = self.deleted.clone();
        leaving.insert_all(&expired);
        let uids = self.uids(&leaving);
        if !uids.is_empty() {
            match self.trash().await? {
                Some(trash) => {
                    // While they are still here: whoever looks there sees what was read.
                    self.mark_seen().await;
                    self.mailbox.move_items(self.folder, &uids, trash).await?;
                }
                None => {
                    self.mailbox
                        .expunge(self.folder, &uids, Expunge::All)
                        .await?;
                    self.fetched.remove_all(&leaving);
                }
            }
        }
        self.mark_seen().await;
        self.deleted = Places::default();
        Ok(left)
    }

    /// Sets \Seen on what was fetched, in one commit. That this fails is for the log: the client asked for nothing of the kind.
    pub(crate) async fn mark_seen(&mut self) {
        let fetched = std::mem::take(&mut self.fetched);
        if !self.mark_seen {
            return;
        }
        let unseen = |row: &&Row| !row.flags.contains(Flags::SEEN);
        let uids: UidSet = fetched
            .iter()
            .filter_map(|place| self.row(place))
            .filter(unseen)
            .map(|row| row.uid)
            .collect();
        if uids.is_empty() {
            return;
        }
        let seen = FlagUpdate::flags(UpdateMode::Add, Flags::SEEN);
        if let Err(error) = self
            .mailbox
            .update_flags(self.folder, &uids, &seen, None)
            .await
        {
            tracing::warn!(account = %self.mailbox.account(), %error, "fetched messages were not marked as seen");
        }
    }

    /// Where deleted messages go; `None` = nowhere. From the folder for deleted mail itself they go nowhere either.
    async fn trash(&self) -> Result<Option<FolderId>, Error> {
        match self.deletion {
            Deleted::Remove => Ok(None),
            Deleted::Trash => {
                let trash = self.mailbox.special(SpecialUse::Trash).await?.id;
                Ok((trash != self.folder).then_some(trash))
            }
        }
    }

    /// What may leave because it stayed long enough, of what is not marked as deleted (RFC 2449 §6.7).
    fn expired(&self) -> Places {
        let mut expired = Places::default();
        match self.expire {
            Expire::Never => {}
            Expire::Days(0) => {
                expired = self.fetched.clone();
                expired.remove_all(&self.deleted);
            }
            Expire::Days(days) => {
                let since = self.mailbox.now() - i64::from(days) * SECONDS_A_DAY;
                for (place, row) in self.rows() {
                    let is_read = row.flags.contains(Flags::SEEN) || self.fetched.contains(place);
                    if is_read && row.save_date <= since && !self.deleted.contains(place) {
                        expired.insert(place);
                    }
                }
            }
        }
        expired
    }

    fn len(&self) -> usize {
        self.shown.as_ref().map_or(self.view.len(), Vec::len)
    }

    fn row(&self, place: usize) -> Option<&Row> {
        match &self.shown {
            None => self.view.at(place),
            Some(shown) => self.view.at(*shown.get(place)? as usize),
        }
    }

    /// All messages with their places.
    fn rows(&self) -> impl Iterator<Item = (usize, &Row)> {
        (0..self.len()).filter_map(|place| Some((place, self.row(place)?)))
    }

    fn uids(&self, places: &Places) -> UidSet {
        places
            .iter()
            .filter_map(|place| self.row(place))
            .map(|row| row.uid)
            .collect()
    }
}

const SECONDS_A_DAY: i64 = 24 * 60 * 60;

/// The octets that RETR sends, before dots are doubled: those of the message, and the CRLF that its last line may lack.
pub(crate) fn octets(row: &Row) -> u64 {
    if row.facts.contains(Facts::OPEN_END) {
        row.size + 2
    } else {
        row.size
    }
}

/// A set of places in the view: a bit each, as far as the last one in it.
#[derive(Clone, Debug, Default)]
struct Places {
    bits: Vec<u64>,
    len: usize,
}

impl Places {
    fn insert(&mut self, place: usize) {
        let word = place / 64;
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        let bit = 1 << (place % 64);
        if self.bits[word] & bit == 0 {
            self.bits[word] |= bit;
            self.len += 1;
        }
    }

    fn remove_all(&mut self, others: &Self) {
        for (word, other) in self.bits.iter_mut().zip(&others.bits) {
            *word &= !other;
        }
        self.len = self
            .bits
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum();
    }

    fn insert_all(&mut self, others: &Self) {
        for place in others.iter() {
            self.insert(place);
        }
    }

    fn contains(&self, place: usize) -> bool {
        self.bits
            .get(place / 64)
            .is_some_and(|word| word & (1 << (place % 64)) != 0)
    }

    fn len(&self) -> usize {
        self.len
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        self.bits.iter().enumerate().flat_map(|(index, word)| {
            (0..64)
                .filter(move |bit| word & (1 << bit) != 0)
                .map(move |bit| index * 64 + bit)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_are_a_set(
            ours in prop::collection::vec(0..300_usize, 0..40),
            theirs in prop::collection::vec(0..300_usize, 0..40),
        ) {
            let collect = |places: &[usize]| {
                let mut set = Places::default();
                for place in places {
                    set.insert(*place);
                }
                (set, places.iter().copied().collect::<BTreeSet<_>>())
            };
            let ((mut ours, mut model), (theirs, other)) = (collect(&ours), collect(&theirs));
            prop_assert_eq!(ours.len(), model.len());
            ours.remove_all(&theirs);
            model.retain(|place| !other.contains(place));
            prop_assert_eq!(ours.len(), model.len());
            let mut both = ours.clone();
            both.insert_all(&theirs);
            prop_assert!(both.iter().eq(model.union(&other).copied()));
            prop_assert_eq!(both.len(), model.union(&other).count());
            prop_assert!(ours.iter().eq(model.iter().copied()));
            prop_assert!((0..400).all(|place| ours.contains(place) == model.contains(&place)));
        }
    }
}
