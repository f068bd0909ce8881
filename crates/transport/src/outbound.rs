//! A message as it goes to a next hop: as it was sent, or 7-bit for one that takes nothing else.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use fieldpost_mailbox::{Error, ItemReader, Mailbox, Outgoing};
use fieldpost_message::{
    header,
    seven_bit::{Converter, Obstacle, Plan, Scan},
};

use crate::{
    Refusal, Status,
    dkim::{Passing, Signers},
};

/// The bytes of a message on its way out, in order: the header lines that the queue puts before it, then the message.
pub struct Outbound<'a> {
    mailbox: &'a Mailbox,
    entry: &'a Outgoing,
    /// Who signs it anew if it is changed, and the time of that.
    signers: Option<(Signers<'a>, i64)>,
    prefix: Bytes,
    reader: ItemReader,
    converter: Option<Converter>,
    size: u64,
    /// Whether whoever sends it has read it to its end.
    is_read: Arc<AtomicBool>,
}

impl<'a> Outbound<'a> {
    /// The message of `entry` with `prefix` before it, as it was sent.
    pub async fn new(
        mailbox: &'a Mailbox,
        entry: &'a Outgoing,
        prefix: Bytes,
    ) -> Result<Self, Error> {
        Ok(Self {
            mailbox,
            entry,
            signers: None,
            reader: mailbox.read_outgoing(entry).await?,
            converter: None,
            size: prefix.len() as u64 + entry.size(),
            prefix,
            is_read: Arc::default(),
        })
    }

    /// The same; `signers` sign it at `now` (seconds since 1970) should it be changed.
    pub(crate) fn signed_by(mut self, signers: Signers<'a>, now: i64) -> Self {
        self.signers = Some((signers, now));
        self
    }

    /// Tells, from now on, whether it was read to its end: then the next hop may have it whole.
    pub(crate) fn is_read(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_read)
    }

    /// How many bytes there are to come in all.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The next chunk; `None` at the end. Lines end with CRLF wherever the message came from.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let next = self.read_next().await?;
        if next.is_none() {
            self.is_read.store(true, Ordering::Release);
        }
        Ok(next)
    }

    async fn read_next(&mut self) -> Result<Option<Bytes>, Error> {
        if !self.prefix.is_empty() {
            return Ok(Some(std::mem::take(&mut self.prefix)));
        }
        loop {
            let chunk = self.reader.next().await?;
            let Some(converter) = &mut self.converter else {
                return Ok(chunk);
            };
            let mut out = Vec::new();
            let is_over = chunk.is_none();
            match chunk {
                Some(chunk) => converter.push(&chunk, &mut out),
                None => {
                    if let Some(converter) = self.converter.take() {
                        converter.finish(&mut out);
                    }
                }
            }
            if is_over || !out.is_empty() {
                return Ok(Some(Bytes::from(out)).filter(|out| !out.is_empty()));
            }
        }
    }

    /// The message for a next hop that takes 7-bit text only (RFC 6152 §3): itself if it is, else converted. What signature it
    /// had would not hold for that, so it is signed anew. A refusal if it can't be converted.
    pub async fn seven_bit(self) -> Result<Self, Refusal> {
        match plan(self.mailbox, self.entry).await {
            Ok(Ok(None)) => Ok(self),
            Ok(Ok(Some(plan))) => self.converted(&plan).await.map_err(unreadable),
            Ok(Err(obstacle)) => Err(refusal(obstacle)),
            Err(error) => Err(unreadable(error)),
        }
    }

    /// Reads the message once more, for its size and its signature, and begins anew.
    async fn converted(mut self, plan: &Plan) -> Result<Self, Error> {
        let is_signature = |field: &header::Field<'_>| field.is("DKIM-Signature");
        let is_signed = header::fields(&self.prefix).any(|field| is_signature(&field));
        let signers = self.signers.take().filter(|_| is_signed);
        let mut signing = signers.map(|signers| (signers, Passing::new()));
        let kept = header::fields(&self.prefix).filter(|field| !is_signature(field));
        let kept: Vec<&[u8]> = kept.map(|field| field.raw).collect();
        let kept = kept.concat();
        self.prefix = Bytes::new();
        self.converter = Some(plan.converter());
        self.reader = self.mailbox.read_outgoing(self.entry).await?;
        self.size = 0;
        while let Some(chunk) = self.read_next().await? {
            self.size += chunk.len() as u64;
            if let Some((_, passing)) = &mut signing {
                passing.push(&chunk);
            }
        }
        let signature =
            signing.and_then(|((signers, now), passing)| signers.sign(&passing.finish(), now));
        self.prefix = [signature.unwrap_or_default().as_bytes(), &kept]
            .concat()
            .into();
        self.size += self.prefix.len() as u64;
        self.converter = Some(plan.converter());
        self.reader = self.mailbox.read_outgoing(self.entry).await?;
        Ok(self)
    }
}

impl std::fmt::Debug for Outbound<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound")
            .field("entry", &self.entry.id())
            .field("size", &self.size)
            .field("converted", &self.converter.is_some())
            .finish_non_exhaustive()
    }
}

/// How the message is converted; `None`: it is 7-bit.
async fn plan(
    mailbox: &Mailbox,
    entry: &Outgoing,
) -> Result<Result<Option<Plan>, Obstacle>, Error> {
    let mut scan = Scan::new();
    let mut reader = mailbox.read_outgoing(entry).await?;
    while let Some(chunk) = reader.next().await? {
        scan.push(&chunk);
    }
    let mut survey = match scan.finish() {
        Ok(Some(survey)) => survey,
        Ok(None) => return Ok(Ok(None)),
        Err(obstacle) => return Ok(Err(obstacle)),
    };
    let mut reader = mailbox.read_outgoing(entry).await?;
    while let Some(chunk) = reader.next().await? {
        if !survey.push(&chunk) {
            break;
        }
    }
    Ok(survey.finish())
}

/// RFC 3463 X.6.3, RFC 6531 §4.2 X.6.9: it can't be changed into what the next hop takes.
fn refusal(obstacle: Obstacle) -> Refusal {
    let status = match obstacle {
        Obstacle::Header => Status(5, 6, 9),
        Obstacle::Signed | Obstacle::Encoding | Obstacle::Container | Obstacle::Large => {
            Status(5, 6, 3)
        }
    };
    let text = format!(
        "the next server takes 7-bit text only, and the message can't be made that: {obstacle}"
    );
    Refusal::new(554, status, text)
}

/// The message can't be read from our own store now.
fn unreadable(error: Error) -> Refusal {
    tracing::error!(%error, "a message on its way out can't be read");
    Refusal::temporary()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fieldpost_mailbox::{Mailboxes, NewOutgoing};
    use fieldpost_store::{AccountId, MemoryStore};

    use super::*;
    use crate::dkim::tests::{signer, verifies};

    async fn entry(mailboxes: &Arc<Mailboxes>, message: &str) -> (Mailbox, Outgoing) {
        let mut incoming = mailboxes.receive(AccountId(1), None).await.unwrap();
        incoming
            .write(Bytes::copy_from_slice(message.as_bytes()))
            .await
            .unwrap();
        let mailbox = mailboxes.open(AccountId(1)).await.unwrap();
        let message = NewOutgoing {
            received: incoming.finish().await.unwrap(),
            due: 0,
            envelope: Bytes::new(),
            recipients: vec![Bytes::new()],
        };
        let id = mailbox.post(&message, None).await.unwrap();
        let entry = mailbox.outgoing(id).await.unwrap().unwrap();
        (mailbox, entry)
    }

    async fn text(mut outbound: Outbound<'_>) -> String {
        let mut text = Vec::new();
        while let Some(chunk) = outbound.next().await.unwrap() {
            text.extend_from_slice(&chunk);
        }
        assert_eq!(text.len() as u64, outbound.size());
        String::from_utf8(text).unwrap()
    }

    const TRACE: &str = "Delivered-To: team@demo.test\r\n";

    /// Large enough to come in several chunks.
    #[tokio::test]
    async fn what_is_converted_is_signed_anew() {
        let mailboxes = Mailboxes::new(MemoryStore::new(), fieldpost_mailbox::Settings::default());
        let message = format!(
            "From: joe@football.example.com\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}",
            "gr\u{fc}n is all theory \r\n".repeat(20_000)
        );
        let mut passing = Passing::new();
        passing.push(message.as_bytes());
        let signer = signer();
        let signature = signer.sign(&passing.finish(), 5).unwrap();
        let (mailbox, entry) = entry(&mailboxes, &message).await;
        let as_sent = || async {
            let prefix = Bytes::from(format!("{signature}{TRACE}"));
            let outbound = Outbound::new(&mailbox, &entry, prefix).await.unwrap();
            outbound.signed_by(Signers::new(std::slice::from_ref(&signer), None), 7)
        };
        let plain = text(as_sent().await).await;
        assert_eq!(plain, format!("{signature}{TRACE}{message}"));
        assert!(verifies(&plain));
        let converted = text(as_sent().await.seven_bit().await.unwrap()).await;
        assert!(
            converted.is_ascii()
                && converted.contains(
                    "Content-Transfer-Encoding: quoted-printable\r\n\r\ngr=C3=BCn is all"
                )
        );
        assert!(converted.contains("t=7;") && verifies(&converted));
        // Without a key any more, a signature that does not hold is none.
        let mut outbound = as_sent().await;
        outbound.signers = None;
        let unsigned = text(outbound.seven_bit().await.unwrap()).await;
        assert!(unsigned.starts_with(&format!("{TRACE}From: ")) && converted.ends_with(&unsigned));
    }

    #[tokio::test]
    async fn what_is_7_bit_stays_and_what_can_not_be_converted_is_refused() {
        let mailboxes = Mailboxes::new(MemoryStore::new(), fieldpost_mailbox::Settings::default());
        let plain = "From: a@x.test\r\nContent-Transfer-Encoding: 8bit\r\n\r\nplain\r\n";
        let (mailbox, entry_) = entry(&mailboxes, plain).await;
        let prefix = Bytes::from_static(b"DKIM-Signature: x\r\n");
        let outbound = Outbound::new(&mailbox, &entry_, prefix).await.unwrap();
        let sent = text(outbound.seven_bit().await.unwrap()).await;
        assert_eq!(sent, format!("DKIM-Signature: x\r\n{plain}"));
        for (message, status) in [
            ("Subject: gr\u{fc}n\r\n\r\nx\r\n", Status(5, 6, 9)),
            (
                "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\ngr\u{fc}n\r\n--s--\r\n",
                Status(5, 6, 3),
            ),
        ] {
            let (mailbox, entry) = entry(&mailboxes, message).await;
            let outbound = Outbound::new(&mailbox, &entry, Bytes::new()).await.unwrap();
            let refusal = outbound.seven_bit().await.unwrap_err();
            assert_eq!((refusal.code, refusal.status), (554, status), "{refusal}");
        }
    }
}
