//! What an attempt came to, written down: who is done, who is tried again and when, and what the sender is told of it.

use std::{sync::Arc, time::Duration};

use fieldpost_mailbox::{Error, FolderId, Mailbox, NewItem, Outgoing, OutgoingChange, SpecialUse};
use fieldpost_store::AccountId;
use tokio_util::sync::CancellationToken;

use super::{
    Pending, count, decode_envelope,
    notice::{Action, Notice, Told},
    schedule::Key,
    settings::chance,
};
use crate::{Address, Destination, Envelope, Refusal, Status, Transport};

/// What an attempt came to for one recipient.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The message is in its mailbox here.
    Delivered,
    /// The next hop has taken it.
    Relayed {
        /// What it said.
        reply: String,
        /// Whether it tells the sender what becomes of it.
        notifies: bool,
    },
    /// Not taken, for now or for good.
    Refused(Refusal),
    /// Its record does not parse.
    Lost,
}

/// What becomes of an entry, and what its sender is told.
struct Verdict {
    change: OutgoingChange,
    told: Vec<Told>,
    next: Option<i64>,
    relayed: u64,
    deferred: u64,
    failed: u64,
}

impl Transport {
    /// Writes outcomes down. When the entry is to be looked after again; `None`: it is done, or somebody else's now.
    ///
    /// What a next hop has taken must not be sent again, so a store that can't write that now is tried until it can. What was
    /// not taken, or can be found in a mailbox of ours, is found out anew.
    pub(super) async fn settle(
        self: &Arc<Self>,
        mailbox: &Mailbox,
        key: Key,
        outcomes: Vec<(u32, Outcome)>,
        stop: &CancellationToken,
    ) -> Result<Option<i64>, Error> {
        let is_taken = |outcome: &Outcome| matches!(outcome, Outcome::Relayed { .. });
        let must_be_kept = outcomes.iter().any(|(_, outcome)| is_taken(outcome));
        let mut wait = Duration::from_secs(1);
        loop {
            let error = match self.settle_once(mailbox, key, &outcomes).await {
                Ok(Some(next)) => return Ok(next),
                // Somebody held or released the entry meanwhile: read it again.
                Ok(None) => continue,
                Err(error) => error,
            };
            if !must_be_kept {
                return Err(error);
            }
            tracing::error!(account = %key.0, entry = %key.1, %error, "what became of a message can't be written down; trying again");
            tokio::select! {
                () = stop.cancelled() => return Err(error),
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(Duration::from_mins(1));
        }
    }

    /// Writes down what the first deliveries of a new entry came to, and has it looked after from now on.
    pub(crate) async fn settle_first(
        self: &Arc<Self>,
        mailbox: &Mailbox,
        key: Key,
        outcomes: Vec<(u32, Outcome)>,
    ) {
        // Tried once: the queue finds out by itself who has the message.
        let once = CancellationToken::new();
        once.cancel();
        let settled = self.settle(mailbox, key, outcomes, &once).await;
        if let Some(due) = settled.unwrap_or_else(|_| Some(self.now())) {
            self.queue.schedule.put(key, due);
        }
    }

    /// `None`: the entry was changed since it was read.
    async fn settle_once(
        self: &Arc<Self>,
        mailbox: &Mailbox,
        key: Key,
        outcomes: &[(u32, Outcome)],
    ) -> Result<Option<Option<i64>>, Error> {
        let Some(entry) = mailbox.outgoing(key.1).await? else {
            return Ok(Some(None));
        };
        let envelope = decode_envelope(entry.envelope()).unwrap_or_default();
        let verdict = self.judge(&entry, outcomes);
        let notice = match &envelope.sender {
            Some(sender) if !verdict.told.is_empty() => {
                let notice = self.notify(mailbox, &entry, &envelope, sender, &verdict.told);
                match notice.await {
                    // It would fail the next time, too, and the entry never end.
                    Err(error) if !error.is_temporary() => {
                        tracing::error!(account = %key.0, entry = %key.1, %error, "a notice can't be written");
                        None
                    }
                    notice => notice?,
                }
            }
            Some(_) | None => None,
        };
        let notice = notice.as_ref().map(|(folder, item)| (*folder, item));
        if !mailbox
            .change_outgoing(&entry, &verdict.change, notice)
            .await?
        {
            return Ok(None);
        }
        let counts = &self.queue.counts;
        for (counter, more) in [
            (&counts.relayed, verdict.relayed),
            (&counts.deferred, verdict.deferred),
            (&counts.failed, verdict.failed),
        ] {
            counter.fetch_add(more, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(Some(verdict.next.filter(|_| !entry.is_held())))
    }

    fn judge(&self, entry: &Outgoing, outcomes: &[(u32, Outcome)]) -> Verdict {
        let now = self.now();
        let mut verdict = Verdict {
            change: OutgoingChange::default(),
            told: Vec::new(),
            next: None,
            relayed: 0,
            deferred: 0,
            failed: 0,
        };
        for (number, outcome) in outcomes {
            let Some(value) = entry.recipients().get(number) else {
                continue;
            };
            let left = match Pending::decode(value) {
                Ok(pending) => self.judge_one(entry, pending, outcome, now, &mut verdict),
                Err(error) => {
                    tracing::error!(account = %entry.account(), entry = %entry.id(), number, %error, "a recipient is given up");
                    None
                }
            };
            let value = left.map(|pending| pending.encode());
            verdict.change.recipients.insert(*number, value);
        }
        for (number, value) in entry.recipients() {
            let value = match verdict.change.recipients.get(number) {
                Some(None) => continue,
                Some(Some(value)) => value,
                None => value,
            };
            // One that does not parse is given up at the next look.
            let due = Pending::decode(value).map_or(now, |pending| pending.due);
            verdict.next = Some(verdict.next.map_or(due, |next| next.min(due)));
        }
        verdict.change.due = verdict.next;
        verdict
    }

    /// The recipient as it is left; `None`: nothing is left to be done for it.
    fn judge_one(
        &self,
        entry: &Outgoing,
        mut pending: Pending,
        outcome: &Outcome,
        now: i64,
        verdict: &mut Verdict,
    ) -> Option<Pending> {
        let settings = &self.settings.queue;
        let seconds = |span: Duration| span.as_secs().min(i64::MAX as u64).cast_signed();
        let (account, id) = (entry.account(), entry.id());
        let refusal = match outcome {
            Outcome::Delivered => {
                tracing::info!(%account, entry = %id, recipient = %pending.address, "delivered from the queue");
                if pending.notify.success {
                    verdict
                        .told
                        .push(Told::new(&pending, Action::Delivered, Refusal::success()));
                }
                return None;
            }
            Outcome::Relayed { reply, notifies } => {
                tracing::info!(%account, entry = %id, recipient = %pending.address, reply, "relayed");
                verdict.relayed += 1;
                if pending.notify.success && !notifies {
                    let said = Refusal::new(250, Status(2, 0, 0), reply.clone());
                    verdict
                        .told
                        .push(Told::new(&pending, Action::Relayed, said));
                }
                return None;
            }
            Outcome::Lost => return None,
            Outcome::Refused(refusal) => refusal,
        };
        pending.attempts = pending.attempts.saturating_add(1);
        pending.last = Some(refusal.clone());
        let age = now - entry.created();
        let is_over = age >= seconds(settings.expiry);
        if !refusal.is_temporary() || is_over {
            tracing::warn!(%account, entry = %id, recipient = %pending.address, %refusal, "given up");
            verdict.failed += 1;
            if pending.notify.failure {
                let mut told = Told::new(&pending, Action::Failed, refusal.clone());
                if refusal.is_temporary() {
                    // RFC 3463 X.4.7: it took too long.
                    told.status = Status(5, 4, 7);
                }
                verdict.told.push(told);
            }
            return None;
        }
        verdict.deferred += 1;
        pending.due = now + settings.retry_after(pending.attempts, chance());
        tracing::info!(%account, entry = %id, recipient = %pending.address, %refusal, due = pending.due, "tried again later");
        let delay = seconds(settings.delay_notice);
        if delay > 0 && age >= delay && pending.notify.delay && !pending.delay_told {
            pending.delay_told = true;
            verdict
                .told
                .push(Told::new(&pending, Action::Delayed, refusal.clone()));
        }
        // A last attempt just when it is over, and not long after.
        pending.due = pending
            .due
            .min((entry.created() + seconds(settings.expiry)).max(now + 1));
        Some(pending)
    }

    /// Tells the sender. A notice to the outbox's own account is returned, to go into the inbox in one commit with what it
    /// tells of; one to anybody else is on its way when this returns.
    async fn notify(
        self: &Arc<Self>,
        mailbox: &Mailbox,
        entry: &Outgoing,
        envelope: &Envelope,
        sender: &Address,
        told: &[Told],
    ) -> Result<Option<(FolderId, NewItem)>, Error> {
        let notice = Notice {
            hostname: &self.settings.hostname,
            sender,
            envelope,
            entry,
            told,
            now: self.now(),
            expiry: self.settings.queue.expiry,
        };
        let received = notice.write(&self.mailboxes, mailbox).await?;
        count(&self.queue.counts.notices);
        let destination = match self.destination(sender, None) {
            Ok(destination) => destination,
            Err(refusal) => {
                tracing::warn!(%sender, %refusal, "a notice has nowhere to go");
                return Ok(None);
            }
        };
        match destination {
            Destination::Local(recipient) if recipient.account() == entry.account() => {
                let inbox = mailbox.special(SpecialUse::Inbox).await?.id;
                let mut item = NewItem::new(received.inner);
                item.prefix = [
                    Envelope::default().return_path().as_str(),
                    &recipient.delivered_to(),
                ]
                .concat()
                .into();
                Ok(Some((inbox, item)))
            }
            Destination::Local(_) | Destination::Remote(_) | Destination::Group(_) => {
                let message = fieldpost_mailbox::NewOutgoing {
                    received: received.inner,
                    due: self.now(),
                    envelope: super::encode_envelope(&Envelope::default(), ""),
                    recipients: vec![Pending::new(sender.clone(), self.now()).encode()],
                };
                let outbox = self.mailboxes.outbox_of(AccountId::ORGANISATION).await?;
                let id = outbox.post(&message, None).await?;
                self.queue
                    .schedule
                    .put((AccountId::ORGANISATION, id), self.now());
                Ok(None)
            }
        }
    }
}
