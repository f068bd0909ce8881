//! The task that looks after entries when their time comes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use fieldpost_mailbox::{Error, Mailbox, Outgoing};
use fieldpost_store::AccountId;
use futures_util::{StreamExt as _, stream};
use tokio::sync::Semaphore;

use super::{
    Pending, QueueStop, chance, decode_envelope, decode_prefix, hop::Hops, schedule::Key,
    settle::Outcome, stop::Sending,
};
use crate::{
    Envelope, NextHop, Outbound, Parcel, Received, Refusal, Status, Transport, Wire,
    destination::{Destination, Next},
};

/// Which recipients of an entry go where.
type Plan = BTreeMap<Next, Vec<u32>>;

impl Transport {
    /// Finds the entries of the outboxes and when each is due; how many there are. To be called once, before anything is sent
    /// and before [`Self::run_queue`]. An outbox that can't be read keeps nobody else waiting: it is tried again while the queue
    /// runs.
    pub async fn rebuild_queue(&self) -> Result<usize, Error> {
        let mut found = 0;
        for account in self.mailboxes.outboxes().await? {
            match self.rebuild_outbox(account).await {
                Ok(0) => self.mailboxes.forget_outbox(account).await?,
                Ok(entries) => found += entries,
                Err(error) => {
                    tracing::error!(%account, %error, "an outbox can't be read; the others are looked after, and this one is tried again");
                    self.queue.unread.lock().push(account);
                }
            }
        }
        Ok(found)
    }

    async fn rebuild_outbox(&self, account: AccountId) -> Result<usize, Error> {
        let mailbox = self.mailboxes.outbox_of(account).await?;
        let (mut found, mut after) = (0, None);
        loop {
            let page = mailbox.outbox(after, 256).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id());
            for entry in page {
                found += 1;
                if !entry.is_held() {
                    self.queue.schedule.put((account, entry.id()), entry.due());
                }
            }
        }
        Ok(found)
    }

    /// Reads the outboxes that could not be read at the start, until all are.
    async fn rebuild_rest(&self) {
        let mut wait = UNREAD;
        loop {
            let unread = std::mem::take(&mut *self.queue.unread.lock());
            if unread.is_empty() {
                return;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(UNREAD_LONGEST);
            for account in unread {
                match self.rebuild_outbox(account).await {
                    Ok(entries) => {
                        tracing::info!(%account, entries, "an outbox can be read again");
                    }
                    Err(error) => {
                        tracing::error!(%account, %error, "an outbox can't be read yet");
                        self.queue.unread.lock().push(account);
                    }
                }
            }
        }
    }

    /// Looks after the queue until it is [stopped](QueueStop). When this returns nothing of it is under way any more, and the
    /// store may be closed.
    pub async fn run_queue(self: Arc<Self>, wire: Arc<dyn Wire>, stop: QueueStop) {
        let hops = Hops::new(wire, self.settings.queue.clone());
        *self.queue.hops.lock() = Some(Arc::clone(&hops));
        let slots = Arc::new(Semaphore::new(AT_ONCE));
        let rest = {
            let (transport, stop) = (Arc::clone(&self), stop.clone());
            tokio::spawn(async move { stop.before_drain(transport.rebuild_rest()).await })
        };
        while !stop.drain.is_cancelled() {
            let now = self.now();
            let latest = now.saturating_add(self.settings.queue.longest_wait());
            self.queue.schedule.catch_up(now, latest);
            if let Some(key) = self.queue.schedule.begin(now) {
                let slot = tokio::select! {
                    slot = Arc::clone(&slots).acquire_owned() => slot,
                    () = stop.drain.cancelled() => break,
                };
                let (transport, hops, stop) = (Arc::clone(&self), Arc::clone(&hops), stop.clone());
                tokio::spawn(async move {
                    let work = transport.look_after(key, &hops, &stop);
                    let due = match transport.guarded(key, work).await {
                        Ok(due) => due,
                        Err(refusal) => transport.after_panic(key, &refusal).await,
                    };
                    if due.is_none() {
                        transport.queue.panics.forget(key);
                    }
                    transport.queue.schedule.end(key, due);
                    drop(slot);
                });
                continue;
            }
            let wait = match self.queue.schedule.next_due() {
                // The clock may be set: never sleep for longer than a while without looking at it.
                Some(due) => {
                    Duration::from_secs(due.saturating_sub(now).clamp(0, 600).cast_unsigned())
                }
                None => Duration::from_hours(24),
            };
            tokio::select! {
                () = stop.drain.cancelled() => break,
                () = self.queue.schedule.changed() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        // All of them: nothing is under way any more.
        drop(slots.acquire_many(AT_ONCE as u32).await);
        drop(rest.await);
        hops.close().await;
        *self.queue.hops.lock() = None;
    }

    /// Tries all recipients of an entry that are due. When it is to be looked after again.
    async fn look_after(
        self: &Arc<Self>,
        key: Key,
        hops: &Arc<Hops>,
        stop: &QueueStop,
    ) -> Option<i64> {
        match self.try_entry(key, hops, stop).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(account = %key.0, entry = %key.1, %error, "an entry of the queue could not be looked after");
                // What is damaged stays so until an operator has seen to it.
                let attempts = if error.is_temporary() { 1 } else { u32::MAX };
                Some(self.now() + self.settings.queue.retry_after(attempts, chance()))
            }
        }
    }

    async fn try_entry(
        self: &Arc<Self>,
        key: Key,
        hops: &Arc<Hops>,
        stop: &QueueStop,
    ) -> Result<Option<i64>, Error> {
        let mailbox = self.mailboxes.outbox_of(key.0).await?;
        let Some(entry) = mailbox
            .outgoing(key.1)
            .await?
            .filter(|entry| !entry.is_held())
        else {
            return Ok(None);
        };
        let mut next = Some(entry.due());
        let (plan, decided) = self.plan(&entry);
        drop(entry);
        if !decided.is_empty() {
            next = self.settle(&mailbox, key, decided, &stop.cut).await?;
        }
        let mut attempts = stream::iter(plan)
            .map(|(hop, numbers)| {
                let mailbox = mailbox.clone();
                async move {
                    let attempt = self.attempt(&mailbox, key, &hop, &numbers, hops, stop);
                    // What one hop meets has nothing to do with the others.
                    let refused = match self.guarded(key, attempt).await {
                        Ok(Ok(outcomes)) => Ok(outcomes),
                        Ok(Err(error)) => Err(unreadable(key, &error)),
                        Err(panic) => Err(panic),
                    };
                    let outcomes = refused.unwrap_or_else(|refusal| {
                        let same = |number| (number, Outcome::Refused(refusal.clone()));
                        numbers.into_iter().map(same).collect()
                    });
                    if outcomes.is_empty() {
                        return Ok(None);
                    }
                    // Within the attempt, so that a store which can't write now stops no other hop in the middle.
                    let settled = self.settle(&mailbox, key, outcomes, &stop.cut).await;
                    settled.map(Some)
                }
            })
            .buffer_unordered(HOPS_AT_ONCE);
        let mut failed = None;
        while let Some(settled) = attempts.next().await {
            match settled {
                Ok(Some(due)) => next = due,
                Ok(None) => {}
                Err(error) => failed = Some(error),
            }
        }
        drop(attempts);
        if let Some(error) = failed {
            return Err(error);
        }
        match next {
            Some(_) => Ok(self.held_for_panics(key).await?.unwrap_or(next)),
            None => Ok(None),
        }
    }

    /// Which recipients go where now, and those about whom it is decided already.
    fn plan(&self, entry: &Outgoing) -> (Plan, Vec<(u32, Outcome)>) {
        let now = self.now();
        // One that is due later yet was put off before the clock was set back.
        let latest = now.saturating_add(self.settings.queue.longest_wait());
        let mut plan = Plan::new();
        let mut decided = Vec::new();
        for (number, value) in entry.recipients() {
            let Ok(pending) = Pending::decode(value) else {
                decided.push((*number, Outcome::Lost));
                continue;
            };
            if pending.delivered {
                decided.push((*number, Outcome::Delivered));
                continue;
            }
            if pending.due > now && pending.due <= latest {
                continue;
            }
            match self.next(&pending.address) {
                Ok(next) => plan.entry(next).or_default().push(*number),
                Err(refusal) => decided.push((*number, Outcome::Refused(refusal))),
            }
        }
        (plan, decided)
    }

    /// Tries some recipients of an entry, all of one destination. No outcomes: nothing was begun, because the queue stops or the
    /// entry is gone.
    async fn attempt(
        self: &Arc<Self>,
        mailbox: &Mailbox,
        key: Key,
        next: &Next,
        numbers: &[u32],
        hops: &Arc<Hops>,
        stop: &QueueStop,
    ) -> Result<Vec<(u32, Outcome)>, Error> {
        let slot = match next {
            Next::Local => None,
            Next::Hop(hop) => match stop.before_drain(hops.slot(hop)).await {
                Some(slot) => Some(slot),
                None => return Ok(Vec::new()),
            },
        };
        if stop.drain.is_cancelled() {
            return Ok(Vec::new());
        }
        // Read only now: the wait may have been long, and what waits is to take up little memory.
        let Some(entry) = mailbox
            .outgoing(key.1)
            .await?
            .filter(|entry| !entry.is_held())
        else {
            return Ok(Vec::new());
        };
        let envelope = decode_envelope(entry.envelope()).unwrap_or_default();
        let recipients: Vec<(u32, Pending)> = numbers
            .iter()
            .filter_map(|number| {
                let value = entry.recipients().get(number)?;
                Some((*number, Pending::decode(value).ok()?))
            })
            .collect();
        if recipients.is_empty() {
            return Ok(Vec::new());
        }
        match (next, slot) {
            (Next::Hop(hop), Some(slot)) => {
                let to = (hop, &slot);
                self.attempt_hop(mailbox, &entry, &envelope, to, recipients, stop)
                    .await
            }
            (Next::Local | Next::Hop(_), _) => {
                self.attempt_local(mailbox, &entry, &envelope, recipients, stop)
                    .await
            }
        }
    }

    async fn attempt_hop(
        &self,
        mailbox: &Mailbox,
        entry: &Outgoing,
        envelope: &Envelope,
        (hop, slot): (&NextHop, &super::hop::Slot),
        recipients: Vec<(u32, Pending)>,
        stop: &QueueStop,
    ) -> Result<Vec<(u32, Outcome)>, Error> {
        let prefix = decode_prefix(entry.envelope());
        let (numbers, recipients): (Vec<u32>, Vec<Pending>) = recipients.into_iter().unzip();
        let mut used = slot.used();
        loop {
            let was_used = used.is_some();
            let mut open = match used.take() {
                Some(open) => open,
                None => match stop.before_drain(slot.connect()).await {
                    Some(Ok(open)) => open,
                    Some(Err(refusal)) => {
                        let same = |number| (number, Outcome::Refused(refusal.clone()));
                        return Ok(numbers.into_iter().map(same).collect());
                    }
                    None => return Ok(Vec::new()),
                },
            };
            let message = Outbound::new(mailbox, entry, prefix.clone()).await?;
            let is_read = message.is_read();
            if stop.drain.is_cancelled() {
                slot.keep(open);
                return Ok(Vec::new());
            }
            let parcel = Parcel {
                envelope,
                recipients: &recipients,
                message: message.signed_by(self.signers(envelope), self.now()),
            };
            let handed = match stop.send(open.session.send(parcel), &is_read).await {
                Sending::Done(handed) => handed,
                Sending::BrokenOff => {
                    tracing::info!(account = %entry.account(), entry = %entry.id(), %hop, "broken off at the stop, before the message's end; tried again at the next start");
                    return Ok(Vec::new());
                }
                Sending::Unanswered => {
                    tracing::warn!(account = %entry.account(), entry = %entry.id(), %hop, "the next hop has not said before the stop whether it takes the message; it may get it twice");
                    return Ok(Vec::new());
                }
            };
            if handed.reusable {
                slot.keep(open);
            } else if was_used && handed.untouched {
                // The next hop had closed it meanwhile, and heard nothing of this message.
                continue;
            }
            tracing::debug!(account = %entry.account(), entry = %entry.id(), %hop, "tried");
            let notifies = handed.notifies;
            let mut results = handed.results.into_iter();
            return Ok(numbers
                .into_iter()
                .map(|number| {
                    let outcome = match results.next() {
                        Some(Ok(reply)) => Outcome::Relayed { reply, notifies },
                        Some(Err(refusal)) => Outcome::Refused(refusal),
                        None => Outcome::Refused(Refusal::temporary()),
                    };
                    (number, outcome)
                })
                .collect());
        }
    }

    /// Recipients of ours, whose mailbox could not take the message at once.
    async fn attempt_local(
        self: &Arc<Self>,
        mailbox: &Mailbox,
        entry: &Outgoing,
        envelope: &Envelope,
        recipients: Vec<(u32, Pending)>,
        stop: &QueueStop,
    ) -> Result<Vec<(u32, Outcome)>, Error> {
        let received = Received::own(mailbox.received(entry).await?);
        let mut outcomes = Vec::with_capacity(recipients.len());
        for (number, pending) in recipients {
            if stop.drain.is_cancelled() {
                break;
            }
            let result = match self.destination(&pending.address, envelope.sender.as_ref()) {
                // It was delivered, and that could not be written down before we went.
                Ok(Destination::Local(recipient))
                    if mailbox.is_delivered(entry, recipient.account()).await? =>
                {
                    outcomes.push((number, Outcome::Delivered));
                    continue;
                }
                Ok(Destination::Local(recipient)) => {
                    let deliveries =
                        self.deliver(envelope.clone(), received.clone(), vec![recipient]);
                    deliveries.all().await.pop()
                }
                Ok(Destination::Remote(_) | Destination::Group(_)) => None,
                Err(refusal) => Some(Err(refusal)),
            };
            outcomes.push((
                number,
                match result {
                    Some(Ok(_)) => Outcome::Delivered,
                    Some(Err(refusal)) => Outcome::Refused(refusal),
                    None => Outcome::Refused(Refusal::new(
                        451,
                        Status(4, 4, 0),
                        "the recipient's place has changed",
                    )),
                },
            ));
        }
        Ok(outcomes)
    }
}

/// The message can't be read from our own store: tried again, as an operator may mend that, and given up like any other.
fn unreadable(key: Key, error: &Error) -> Refusal {
    tracing::error!(account = %key.0, entry = %key.1, %error, "a message on its way out can't be read");
    if error.is_temporary() {
        return Refusal::temporary();
    }
    Refusal::new(
        451,
        Status(4, 3, 0),
        "the message is damaged in the mail store",
    )
}

/// How many entries are worked on or wait for a connection at once; each takes up a few hundred bytes while it waits.
const AT_ONCE: usize = 4096;

/// How many next hops one message is sent to at once.
const HOPS_AT_ONCE: usize = 8;

/// An outbox that can't be read is tried again after so long, then after twice as long each time.
const UNREAD: Duration = Duration::from_mins(1);

/// But never after longer than this.
const UNREAD_LONGEST: Duration = Duration::from_hours(1);
