//! A selected mailbox: what its client was told, and how it is told the rest.
//!
//! Rules (RFC 9051 §5.2, §7.5.1; RFC 7162 §3.2):
//! - A message keeps its sequence number until an `EXPUNGE` (or, after `ENABLE QRESYNC`, a `VANISHED`) was sent, and
//!   none is sent in the answer to FETCH, STORE, SEARCH by sequence number, nor without a command but in IDLE.
//! - New messages and changed flags are told at the end of every command.
//! - What the client did itself is not told to it a second time.
//!
//! Work is that of the change: what changed since the last time comes from the core's change log.

use std::{collections::HashMap, sync::Arc};

use fieldpost_mailbox::{
    ChangesSince, Error, FolderId, LabelSet, Labels, Mailbox, Row, UidSet, View,
};

use crate::{
    answer::Refusal,
    codec::{
        request::Addressing,
        response::{Code, Replies, Status, code::Set, flags},
        set::SequenceSet,
    },
    numbers::Numbers,
    output::Output,
    user::Enabled,
};

/// The selected mailbox of a session.
#[derive(Debug)]
pub(crate) struct SelectedFolder {
    pub(crate) id: FolderId,
    /// EXAMINE: nothing is changed.
    pub(crate) read_only: bool,
    /// The client's list of messages.
    pub(crate) numbers: Numbers,
    /// All changes up to this mod_seq were told, or lie in `gone`.
    pub(crate) known: u64,
    /// What has left the mailbox, but not the client's list.
    gone: Vec<u32>,
    /// The keywords that the last `FLAGS` response listed.
    keywords: LabelSet,
    /// From this uid on messages are `\Recent`.
    pub(crate) recent_from: u32,
    /// What the last `SEARCH RETURN (SAVE)` found (RFC 5182).
    pub(crate) saved: UidSet,
}

/// Whether messages may leave the client's list now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expunges {
    /// They may.
    Told,
    /// Sequence numbers must not change now.
    Withheld,
}

/// What the client changed itself, by uid with the mod_seq that it got: told by the command itself.
pub(crate) type Own = HashMap<u32, u64>;

impl SelectedFolder {
    /// A mailbox as `view` has it, of which its client is told all by SELECT's answer.
    pub(crate) fn new(
        id: FolderId,
        view: &View,
        labels: &Labels,
        read_only: bool,
        recent_from: u32,
    ) -> Self {
        Self {
            id,
            read_only,
            numbers: Numbers::new(view.uid_ranges()),
            known: view.highest_mod_seq,
            gone: Vec::new(),
            keywords: labels.all(),
            recent_from,
            saved: UidSet::default(),
        }
    }

    /// The uids that a set of the client means.
    pub(crate) fn resolve(&self, set: &SequenceSet, addressing: Addressing) -> UidSet {
        match (addressing, set) {
            (_, SequenceSet::Saved) => self.numbers.known(&self.saved),
            (Addressing::Sequence, set) => set
                .resolve(self.numbers.len())
                .map(|numbers| self.numbers.uids(&numbers))
                .unwrap_or_default(),
            (Addressing::Uid, set) => set
                .resolve(self.numbers.last_uid())
                .map(|uids| self.numbers.known(&uids))
                .unwrap_or_default(),
        }
    }

    /// Whether a set by sequence number names a message that is not there (RFC 9051 §6.4.5: an error then). A range to `*`
    /// never does, in an empty mailbox neither: clients say `FETCH 1:*` of any mailbox.
    pub(crate) fn is_beyond(&self, set: &SequenceSet, addressing: Addressing) -> bool {
        let SequenceSet::Ranges(ranges) = set else {
            return false;
        };
        let len = self.numbers.len();
        addressing == Addressing::Sequence
            && ranges.iter().any(|range| match range {
                (Some(one), Some(other)) => *one > len || *other > len,
                (None, _) | (_, None) => false,
            })
    }

    /// `\Recent` messages.
    pub(crate) fn recent(&self) -> u32 {
        let from = self.recent_from.max(1);
        let before = match from.checked_sub(1) {
            Some(last) if last > 0 => {
                self.numbers.known(&UidSet::from_ranges([1..=last])).len() as u32
            }
            Some(_) | None => 0,
        };
        self.numbers.len() - before
    }

    /// Tells the client what changed since it was last told. `own` is what it knows already.
    pub(crate) async fn tell(
        &mut self,
        mailbox: &Mailbox,
        enabled: Enabled,
        expunges: Expunges,
        with_uid: bool,
        own: &Own,
        output: &mut Output<'_>,
    ) -> Result<(), Refusal> {
        let news = self.news(mailbox).await?;
        if expunges == Expunges::Told {
            self.tell_gone(enabled, output).await?;
        }
        if news.arrived {
            self.tell_exists(enabled, &mut output.replies());
        }
        let told = |row: &&Row| own.get(&row.uid) != Some(&row.mod_seq);
        if news.changed.iter().any(|row| told(&row)) {
            let labels = mailbox.labels().await?;
            self.tell_keywords(&labels, &mut output.replies());
            let style = self.style(enabled, with_uid);
            for row in news.changed.iter().filter(told) {
                if let Some(number) = self.numbers.number(row.uid) {
                    style.write(number, row, &labels, output.buffer());
                    output.ease().await?;
                }
            }
        }
        Ok(())
    }

    /// How a message's new flags are told.
    pub(crate) fn style(&self, enabled: Enabled, with_uid: bool) -> flags::Update {
        flags::Update {
            uid: with_uid || enabled.qresync,
            mod_seq: enabled.condstore,
            recent_from: if enabled.rev2 {
                u32::MAX
            } else {
                self.recent_from
            },
        }
    }

    /// Tells that the list of keywords has grown, if it has (RFC 9051 §7.3.5).
    pub(crate) fn tell_keywords(&mut self, labels: &Labels, replies: &mut Replies<'_>) {
        if self.keywords == labels.all() {
            return;
        }
        self.keywords = labels.all();
        let known = flags::known(labels);
        replies.data(format_args!("FLAGS ({known})"));
        replies.untagged(
            Status::Ok,
            Some(Code::PermanentFlags(&flags::permanent(
                labels,
                self.read_only,
            ))),
            "Flags permitted",
        );
    }

    /// Takes in what changed: what left goes to `gone`, what came into the client's list.
    async fn news(&mut self, mailbox: &Mailbox) -> Result<News, Refusal> {
        let changes = mailbox.changes(self.id, self.known).await;
        let changes = changes.map_err(|error| match error {
            Error::NoSuchFolder(_) => Refusal::MailboxGone,
            error => error.into(),
        })?;
        match changes {
            ChangesSince::Known(changes) => {
                let left = changes.gone.iter().map(|gone| gone.uid);
                self.gone
                    .extend(left.filter(|uid| self.numbers.number(*uid).is_some()));
                self.known = changes.up_to;
                Ok(self.take_in(changes.changed))
            }
            ChangesSince::TooOld { .. } => {
                let view = mailbox.view(self.id).await?;
                let is_gone = |uid: &u32| view.by_uid(*uid).is_none();
                self.gone = self.numbers.ranges().flatten().filter(is_gone).collect();
                let changed = view.changed_since(self.known).copied().collect();
                self.known = view.highest_mod_seq;
                Ok(self.take_in(changed))
            }
        }
    }

    fn take_in(&mut self, mut rows: Vec<Row>) -> News {
        let last = self.numbers.last_uid();
        // Rows come in uid order: the new ones stand at the end.
        let new = rows.split_off(rows.partition_point(|row| row.uid <= last));
        for row in &new {
            self.numbers.push(row.uid);
        }
        News {
            arrived: !new.is_empty(),
            changed: rows,
        }
    }

    async fn tell_gone(
        &mut self,
        enabled: Enabled,
        output: &mut Output<'_>,
    ) -> Result<(), Refusal> {
        if self.gone.is_empty() {
            return Ok(());
        }
        let gone: UidSet = std::mem::take(&mut self.gone).into_iter().collect();
        let numbers = self.numbers.remove(&gone);
        if enabled.qresync {
            output
                .replies()
                .data(format_args!("VANISHED {}", Set(&gone)));
            return Ok(());
        }
        for number in numbers {
            output.replies().data(format_args!("{number} EXPUNGE"));
            output.ease().await?;
        }
        Ok(())
    }

    pub(crate) fn tell_exists(&self, enabled: Enabled, replies: &mut Replies<'_>) {
        replies.data(format_args!("{} EXISTS", self.numbers.len()));
        if !enabled.rev2 {
            replies.data(format_args!("{} RECENT", self.recent()));
        }
    }

    /// Whether the mailbox was deleted.
    pub(crate) async fn is_gone(&self, mailbox: &Mailbox) -> bool {
        matches!(mailbox.folder(self.id).await, Err(Error::NoSuchFolder(_)))
    }

    /// A view of the mailbox as it is now.
    pub(crate) async fn view(&self, mailbox: &Mailbox) -> Result<Arc<View>, Refusal> {
        mailbox.view(self.id).await.map_err(|error| match error {
            Error::NoSuchFolder(_) => Refusal::MailboxGone,
            error => error.into(),
        })
    }
}

/// What came since the client was last told.
struct News {
    /// The client's list has grown.
    arrived: bool,
    /// Messages in the list whose flags changed, in uid order.
    changed: Vec<Row>,
}
