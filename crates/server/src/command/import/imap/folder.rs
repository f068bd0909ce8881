//! One folder of another server: what is known of its messages first, then the bytes of those that have not come before.

use fieldpost_mailbox::NewItem;

use super::{
    Job, Shared,
    client::{Client, Message, Next, uid_of},
};
use crate::{
    command::import::{
        intake::{Intake, Known, Tally},
        pop3::HeaderHash,
        remote::{RemoteError, Server},
    },
    engine,
    exchange::Failure,
};

/// Takes a folder in. What is durable by a failure stays, and is known the next time.
pub async fn take_in(
    client: &mut Client,
    job: Job,
    shared: &Shared,
    server: &Server,
) -> Result<Tally, Failure> {
    let failed = |error: RemoteError| error.failure(server);
    let validity = client.examine(&job.name).await.map_err(failed)?;
    let mut messages = client.messages().await.map_err(failed)?;
    let source = &job.source;
    if let Some(uids) = source.uids {
        if validity != Some(uids.validity) {
            // It was made anew just now.
            return Ok(Tally::default());
        }
        // What came there since the folder was asked comes with the next run, with its uid.
        messages.retain(|message| message.uid < uids.next);
    }
    let Some(target) = job.target else {
        let known = Known::read(&shared.mailbox, source).await?;
        return Ok(look(&known, &messages));
    };
    let mut intake = Intake::open(&shared.mailbox, source, target).await?;
    let is_inbox = source.path == ["INBOX"];
    let mut new = Vec::new();
    for message in messages {
        let key = intake.known().of_uid(message.uid, message.internal_date);
        if intake.known().contains(&key) {
            intake.again(key, message.flags, &message.keywords).await?;
            if is_inbox {
                shared.unique_ids.lock().pass_over(message.uid);
            }
            (shared.progress.lock())(1);
        } else {
            new.push(message);
        }
    }
    let mut rest = &new[..];
    let mut outcome = Ok(());
    while !rest.is_empty() && outcome.is_ok() && !shared.stop.is_cancelled() {
        let (lot, behind) = rest.split_at(lot(rest));
        rest = behind;
        let mut taking = Taking {
            client,
            intake: &mut intake,
            shared,
            server,
            is_inbox,
        };
        outcome = taking.lot(lot).await;
    }
    let tally = intake.finish().await;
    outcome?;
    tally
}

/// What a run would do.
fn look(known: &Known, messages: &[Message]) -> Tally {
    let mut tally = Tally::default();
    for message in messages {
        let key = known.of_uid(message.uid, message.internal_date);
        if known.contains(&key) {
            tally.known += 1;
        } else {
            tally.items += 1;
            tally.bytes += message.size;
        }
    }
    tally
}

/// How many messages are asked for at once.
fn lot(messages: &[Message]) -> usize {
    let mut bytes = 0;
    let few = messages
        .iter()
        .take(LOT)
        .take_while(|message| {
            bytes += message.size;
            bytes <= LOT_BYTES
        })
        .count();
    few.max(1)
}

struct Taking<'a> {
    client: &'a mut Client,
    intake: &'a mut Intake,
    shared: &'a Shared,
    server: &'a Server,
    is_inbox: bool,
}

impl Taking<'_> {
    async fn lot(&mut self, messages: &[Message]) -> Result<(), Failure> {
        let failed = |error: RemoteError| error.failure(self.server);
        let uids: Vec<String> = messages
            .iter()
            .map(|message| message.uid.to_string())
            .collect();
        self.client.fetch(&uids.join(",")).await.map_err(failed)?;
        loop {
            match self.client.next().await.map_err(failed)? {
                Next::Response(response) => {
                    if self.client.is_done("FETCH", &response).map_err(failed)? {
                        return Ok(());
                    }
                }
                Next::Message(before, length) => self.message(messages, before, length).await?,
            }
        }
    }

    async fn message(
        &mut self,
        messages: &[Message],
        before: Vec<u8>,
        length: u64,
    ) -> Result<(), Failure> {
        let failed = |error: RemoteError| error.failure(self.server);
        let account = self.shared.mailbox.account();
        let incoming = self.shared.mailboxes.receive(account, Some(length)).await;
        let mut incoming = incoming.map_err(engine::of_mailbox)?;
        let mut header = HeaderHash::default();
        let mut left = length;
        while left > 0 {
            let bytes = self.client.some(left).await.map_err(failed)?;
            left -= bytes.len() as u64;
            header.push(&bytes);
            incoming.write(bytes).await.map_err(engine::of_mailbox)?;
        }
        let response = match self.client.rest(before).await.map_err(failed)? {
            Next::Response(response) => response,
            Next::Message(response, _) => return Err(failed(RemoteError::unexpected(&response))),
        };
        // One that nobody asked for, or without a uid, is nobody's.
        let Some(message) =
            uid_of(&response).and_then(|uid| messages.iter().find(|message| message.uid == uid))
        else {
            return Ok(());
        };
        let received = incoming.finish().await.map_err(engine::of_mailbox)?;
        let mut item = NewItem::new(received);
        item.uid = Some(message.uid);
        item.internal_date = Some(message.internal_date);
        item.flags = message.flags;
        item.keywords.clone_from(&message.keywords);
        if self.is_inbox {
            let header = header.finish();
            item.stored_uidl = self.shared.unique_ids.lock().take(message.uid, &header);
        }
        let key = self
            .intake
            .known()
            .of_uid(message.uid, message.internal_date);
        self.intake.add(item, key).await?;
        (self.shared.progress.lock())(1);
        Ok(())
    }
}

/// How many messages are asked for at once.
const LOT: usize = 200;

/// After how many bytes no more are asked for.
const LOT_BYTES: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lot_is_bounded_and_never_empty() {
        let message = |size| Message {
            size,
            ..Message::default()
        };
        assert_eq!(lot(&vec![message(1); 1000]), LOT);
        assert_eq!(lot(&[message(LOT_BYTES * 2), message(1)]), 1);
        assert_eq!(
            lot(&[message(LOT_BYTES / 2), message(LOT_BYTES / 2), message(1)]),
            2
        );
    }
}
