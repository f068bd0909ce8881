//! A message under way: from the connection through the decoder into the mail store, never whole in memory.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use fieldpost_connection::Peer;
use fieldpost_directory::Identity;
use fieldpost_transport::{
    BodyType, Destination, Incoming, Recipient, Refusal, SentCopy, Status, Submission,
};
use tokio::time::Instant;

use crate::{
    codec::{
        data::{Decoder, Framing, LineEnds},
        received::Received,
    },
    delivering::Delivering,
    session::{Context, Ready, Transaction},
    submission::{Composed, HeaderReader},
};

/// A message whose bytes are coming. Dropping it discards them.
#[derive(Debug)]
pub struct Message {
    transaction: Transaction,
    /// The transaction's name in the logs and in our `Received` field.
    id: String,
    decoder: Decoder,
    sink: Sink,
    /// Its Bcc fields, if it is submitted.
    hidden: Bytes,
    /// The sender's bytes so far, without our own header field.
    size: u64,
    deadline: Instant,
}

#[derive(Debug)]
enum Sink {
    /// Into the store.
    Store(Box<Incoming>),
    /// The same, once its header is whole and made fit to travel: somebody submits it.
    Header(HeaderReader, Box<Incoming>, Arc<Identity>),
    /// Nowhere: the message is refused already, and read on only to find its end.
    Refused(Refusal),
}

impl Message {
    /// Opens the way into the store, and puts our `Received` field on top. If that fails, the message is refused once
    /// it has been read.
    pub async fn begin(transaction: Transaction, framing: Framing, cx: &Context<'_>) -> Box<Self> {
        let id = format!("{}.{}", cx.id, cx.transactions);
        let sink = match open(&transaction, &id, cx).await {
            Ok(incoming) => match &transaction.ready.sender {
                Some(sender) => {
                    let reader = HeaderReader::default();
                    Sink::Header(reader, Box::new(incoming), Arc::clone(sender))
                }
                None => Sink::Store(Box::new(incoming)),
            },
            Err(refusal) => Sink::Refused(refusal),
        };
        Box::new(Self {
            transaction,
            id,
            decoder: Decoder::new(framing),
            sink,
            hidden: Bytes::new(),
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
        let written = match &mut self.sink {
            Sink::Store(incoming) => {
                if cx.service.submission.is_some() {
                    note_eight_bits(&piece, &mut self.transaction);
                }
                incoming.write(piece).await
            }
            Sink::Header(reader, ..) => match reader.push(&piece) {
                Ok(true) => self.compose(cx).await,
                Ok(false) => Ok(()),
                Err(refusal) => Err(refusal),
            },
            Sink::Refused(_) => Ok(()),
        };
        if let Err(refusal) = written {
            self.refuse(refusal);
        }
        true
    }

    /// The header of a submitted message is whole: on with it, made fit to travel.
    async fn compose(&mut self, cx: &Context<'_>) -> Result<(), Refusal> {
        let sink = std::mem::replace(&mut self.sink, Sink::Refused(Refusal::temporary()));
        let Sink::Header(reader, mut incoming, sender) = sink else {
            return Err(Refusal::temporary());
        };
        let hostname = &cx.service.settings.hostname;
        let composed = reader.compose(&cx.service.transport, &sender, hostname);
        let Composed { bytes, hidden } = match composed {
            Ok(composed) => composed,
            Err(refusal) => {
                self.sink = Sink::Refused(refusal);
                return Ok(());
            }
        };
        note_eight_bits(&bytes, &mut self.transaction);
        self.hidden = hidden;
        let written = incoming.write(bytes).await;
        self.sink = match written {
            Ok(()) => Sink::Store(incoming),
            Err(refusal) => Sink::Refused(refusal),
        };
        Ok(())
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
            Sink::Store(_) | Sink::Header(..) => None,
        }
    }

    /// The message is whole: on to its recipients.
    pub async fn finish(mut self: Box<Self>, cx: &Context<'_>) -> Box<Delivering> {
        let held_back = self.decoder.finish();
        self.push(Bytes::from_static(held_back), cx).await;
        if matches!(self.sink, Sink::Header(..))
            && let Err(refusal) = self.compose(cx).await
        {
            // It is all header.
            self.refuse(refusal);
        }
        let Self {
            transaction,
            id,
            sink,
            hidden,
            ..
        } = *self;
        let Transaction {
            ready,
            envelope,
            recipients,
        } = transaction;
        // Over LMTP each recipient has a reply of its own (RFC 2033 §4.2).
        let replies = match cx.service.submission {
            Some(_) => 1,
            None => recipients.len(),
        };
        let received = match sink {
            Sink::Refused(refusal) => Err(refusal),
            Sink::Store(incoming) => incoming.finish().await,
            Sink::Header(..) => Err(Refusal::temporary()),
        };
        let received = match received {
            Ok(received) => received,
            Err(refusal) => return Box::new(Delivering::refused(ready, id, &refusal, replies)),
        };
        let transport = &cx.service.transport;
        let (Some(submission), Some(sender)) = (&cx.service.submission, &ready.sender) else {
            let deliveries = transport.distribute(envelope, received, recipients);
            return Box::new(Delivering::new(ready, id, deliveries));
        };
        let copy = submission.saves_sent(sender).then(|| SentCopy {
            received: received.clone(),
            prefix: hidden,
        });
        let submitted = transport
            .submit(Submission {
                account: sender.account,
                envelope,
                received,
                recipients,
                copy,
            })
            .await;
        Box::new(match submitted {
            Ok(submitted) => Delivering::submitted(ready, id, &submitted),
            Err(refusal) => Delivering::refused(ready, id, &refusal, replies),
        })
    }

    /// Discards what has come.
    pub fn abandon(self) -> Ready {
        self.transaction.ready
    }
}

/// A message with 8-bit text whose client did not say so is one all the same: the next server is to know.
fn note_eight_bits(piece: &[u8], transaction: &mut Transaction) {
    if transaction.envelope.body == BodyType::SevenBit && !piece.is_ascii() {
        transaction.envelope.body = BodyType::EightBitMime;
    }
}

async fn open(transaction: &Transaction, id: &str, cx: &Context<'_>) -> Result<Incoming, Refusal> {
    let service = cx.service;
    let recipients = &transaction.recipients;
    let size = transaction.envelope.size;
    let local: Vec<Recipient> = recipients
        .iter()
        .filter_map(|addressee| match &addressee.destination {
            Destination::Local(recipient) => Some(recipient.clone()),
            Destination::Remote(_) | Destination::Group(_) => None,
        })
        .collect();
    let mut incoming = match &transaction.ready.sender {
        Some(sender) => service.transport.compose(sender.account, size).await?,
        None => service.transport.receive(&local, size).await?,
    };
    let field = Received {
        client: &transaction.ready.client,
        peer: match cx.peer {
            Peer::Inet(address) => Some(address.ip()),
            Peer::Unix(_) => None,
        },
        hostname: &service.settings.hostname,
        tls: cx.tls.map(|tls| (tls.version, tls.cipher)),
        smtp_utf8: transaction.envelope.smtp_utf8,
        submitted: transaction.ready.sender.is_some(),
        id,
        recipient: match &recipients[..] {
            [only] => Some(&only.address),
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
