//! Answers that may be long, produced piece by piece as the client takes them.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use fieldpost_mailbox::{Error, ItemReader, UniqueIds};

use crate::{
    codec::{DotStuffer, MessageNumber, Replies, TopLimit},
    maildrop::{Maildrop, octets},
};

/// A long answer under way; its status line is sent already.
pub(crate) enum Outgoing {
    /// A message, or its beginning.
    Message(MessageText),
    /// Lines about all messages.
    Listing(Listing),
}

impl Outgoing {
    /// Writes the next piece behind what waits in `output`, and tells whether there is more.
    pub(crate) async fn step(
        &mut self,
        maildrop: &mut Maildrop,
        output: &mut BytesMut,
    ) -> Result<bool, Error> {
        match self {
            Self::Message(text) => text.step(maildrop, output).await,
            Self::Listing(listing) => Ok(listing.step(maildrop, output)),
        }
    }
}

/// The octets of a message on their way out.
pub(crate) struct MessageText {
    number: MessageNumber,
    reader: ItemReader,
    /// Read before the status line was written, so that a message that can't be read is refused, not broken off. Two
    /// pieces: the first may be no more than what the delivery put before the body.
    ahead: [Option<Bytes>; 2],
    stuffer: DotStuffer,
    top: Option<TopLimit>,
}

impl MessageText {
    /// The message that `reader` reads; with `top`, as far as that reaches.
    pub(crate) async fn begin(
        number: MessageNumber,
        mut reader: ItemReader,
        top: Option<TopLimit>,
    ) -> Result<Self, Error> {
        let ahead = [reader.next().await?, reader.next().await?];
        Ok(Self {
            number,
            ahead,
            reader,
            stuffer: DotStuffer::new(),
            top,
        })
    }

    async fn step(
        &mut self,
        maildrop: &mut Maildrop,
        output: &mut BytesMut,
    ) -> Result<bool, Error> {
        let chunk = match self.ahead.iter_mut().find_map(Option::take) {
            Some(ahead) => Some(ahead),
            None => self.reader.next().await?,
        };
        let Some(chunk) = chunk else {
            if self.top.is_none() {
                maildrop.fetched(self.number);
            }
            return Ok(self.end(output));
        };
        let wanted = match &mut self.top {
            Some(top) => top.admit(&chunk),
            None => chunk.len(),
        };
        self.stuffer.encode(&chunk[..wanted], output);
        if self.top.is_some_and(|top| top.reached()) {
            return Ok(self.end(output));
        }
        Ok(true)
    }

    fn end(&mut self, output: &mut BytesMut) -> bool {
        std::mem::take(&mut self.stuffer).finish(output);
        false
    }
}

/// Which line a listing has for each message.
pub(crate) enum ListingKind {
    /// The size in octets.
    Size,
    /// The unique id.
    UniqueId(Arc<UniqueIds>),
}

/// A line for each message that is not marked as deleted.
pub(crate) struct Listing {
    kind: ListingKind,
    next: usize,
}

impl Listing {
    /// From the first message on.
    pub(crate) fn new(kind: ListingKind) -> Self {
        Self { kind, next: 0 }
    }

    fn step(&mut self, maildrop: &Maildrop, output: &mut BytesMut) -> bool {
        let mut replies = Replies::new(output);
        let (messages, next) = maildrop.messages_from(self.next, LINES_A_STEP);
        for (number, row) in messages {
            match &self.kind {
                ListingKind::Size => replies.line(format_args!("{number} {}", octets(&row))),
                ListingKind::UniqueId(ids) => {
                    replies.line(format_args!("{number} {}", ids.of(row.uid)));
                }
            }
        }
        match next {
            Some(next) => self.next = next,
            None => replies.end(),
        }
        next.is_some()
    }
}

/// How many messages' lines are written between two looks at the client.
const LINES_A_STEP: usize = 1000;
