//! A message under way: from the connection through the decoder into the mail store, never whole in memory.

use std::time::SystemTime;

use bytes::Bytes;
use fieldpost_connection::Peer;
use fieldpost_transport::{Incoming, Refusal, Status};
use tokio::time::Instant;

use crate::{
    codec::{
        data::{Decoder, Framing, LineEnds},
        received::Received,
    },
    delivering::Delivering,
    session::{Context, Ready, Transaction},
};

/// A message whose bytes are coming. Dropping it discards them.
#[derive(Debug)]
pub struct Message {
    transaction: Transaction,
    /// The transaction's name in the logs and in our `Received` field.
    id: String,
    decoder: Decoder,
    sink: Sink,
    /// The sender's bytes so far, without our own header field.
    size: u64,
    deadline: Instant,
}

#[derive(Debug)]
enum Sink {
    /// Into the store.
    Store(Box<Incoming>),
    /// Nowhere: the message is refused already, and read on only to find its end.
    Refused(Refusal),
}

impl Message {
    /// Opens the way into the store, and puts our `Received` field on top. If that fails, the message is refused once
    /// it has been read.
    pub async fn begin(transaction: Transaction, framing: Framing, cx: &Context<'_>) -> Box<Self> {
        let id = format!("{}.{}", cx.id, cx.transactions);
        let sink = match open(&transaction, &id, cx).await {
            Ok(incoming) => Sink::Store(Box::new(incoming)),
            Err(refusal) => Sink::Refused(refusal),
        };
        Box::new(Self {
            transaction,
            id,
            decoder: Decoder::new(framing),
            sink,
            size: 0,
            deadline: Instant::now() + cx.service.settings.timeouts.message,
        })
    }

    /// The decoder of its bytes.
    pub fn decoder(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    /// When the sender is given up.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether the message is refused already.
    pub fn is_refused(&self) -> bool {
        matches!(self.sink, Sink::Refused(_))
    }

    /// Takes the next decoded bytes. Says whether to go on: a sender that ignores the size limit is read to twice that
    /// size, so that it gets its reply, but no further.
    pub async fn push(&mut self, piece: Bytes, cx: &Context<'_>) -> bool {
        let settings = &cx.service.settings;
        self.size = self.size.saturating_add(piece.len() as u64);
        if self.size > settings.max_message_size {
            self.refuse(too_large(settings.max_message_size));
            return self.size <= settings.max_message_size.saturating_mul(2);
        }
        if settings.line_ends == LineEnds::Refuse && self.decoder.met_stray() {
            self.refuse(stray_line_end());
        }
        if piece.is_empty() {
            return true;
        }
        if let Sink::Store(incoming) = &mut self.sink
            && let Err(refusal) = incoming.write(piece).await
        {
            self.refuse(refusal);
        }
        true
    }

    /// Refuses the message, whatever else comes of it. The first reason counts.
    pub fn refuse(&mut self, refusal: Refusal) {
        if !self.is_refused() {
            self.sink = Sink::Refused(refusal);
        }
    }

    /// The refusal, if there is one already.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.sink {
            Sink::Refused(refusal) => Some(refusal),
            Sink::Store(_) => None,
        }
    }

    /// The message is whole: on to its recipients.
    pub async fn finish(mut self: Box<Self>, cx: &Context<'_>) -> Box<Delivering> {
        let held_back = self.decoder.finish();
        self.push(Bytes::from_static(held_back), cx).await;
        let Transaction {
            client,
            envelope,
            recipients,
        } = self.transaction;
        let ready = Ready { client };
        let received = match self.sink {
            Sink::Refused(refusal) => Err(refusal),
            Sink::Store(incoming) => incoming.finish().await,
        };
        Box::new(match received {
            Err(refusal) => Delivering::refused(ready, self.id, &refusal, recipients.len()),
            Ok(received) => {
                let deliveries = cx.service.transport.deliver(envelope, received, recipients);
                Delivering::new(ready, self.id, deliveries)
            }
        })
    }

    /// Discards what has come.
    pub fn abandon(self) -> Ready {
        Ready {
            client: self.transaction.client,
        }
    }
}

async fn open(transaction: &Transaction, id: &str, cx: &Context<'_>) -> Result<Incoming, Refusal> {
    let service = cx.service;
    let recipients = &transaction.recipients;
    let size = transaction.envelope.size;
    let mut incoming = service.transport.receive(recipients, size).await?;
    let field = Received {
        client: &transaction.client,
        peer: match cx.peer {
            Peer::Inet(address) => Some(address.ip()),
            Peer::Unix(_) => None,
        },
        hostname: &service.settings.hostname,
        tls: cx.tls.map(|tls| (tls.version, tls.cipher)),
        smtp_utf8: transaction.envelope.smtp_utf8,
        id,
        recipient: match &recipients[..] {
            [only] => Some(only.address()),
            _ => None,
        },
        time: SystemTime::now(),
    }
    .to_field();
    incoming.write(field.into()).await?;
    Ok(incoming)
}

/// `552`, as the limit is the whole system's (RFC 1870 §6.1 (1), RFC 3463 X.3.4).
pub(crate) fn too_large(limit: u64) -> Refusal {
    Refusal::new(
        552,
        Status(5, 3, 4),
        format!("message too large, at most {limit} bytes"),
    )
}

fn stray_line_end() -> Refusal {
    Refusal::new(
        550,
        Status(5, 6, 11),
        "a CR or LF stands alone in the message; lines end with CRLF",
    )
}
