//! A message as it comes in, and as it is once it is whole.

use std::sync::Arc;

use bytes::Bytes;
use fieldpost_mailbox as mailbox;

use crate::{
    Address, HopCounter, Refusal,
    dkim::{Passed, Passing},
    loops::DeliveredWatch,
    refusal,
    spam::SpamWatch,
};

/// A message on its way in. Its bytes go to the mail store as they come; nothing of it is kept in memory. Dropping it
/// discards them.
#[derive(Debug)]
pub struct Incoming {
    inner: mailbox::Incoming,
    hops: HopCounter,
    max_hops: usize,
    spam: SpamWatch,
    delivered: DeliveredWatch,
    /// There if what is sent is signed.
    passing: Option<Box<Passing>>,
}

/// A whole message, not yet in any mailbox.
#[derive(Clone, Debug)]
pub struct Received {
    pub(crate) inner: mailbox::Received,
    pub(crate) is_spam: bool,
    /// To whom we delivered it before.
    pub(crate) delivered_to: Arc<[Address]>,
    /// What a signature needs of it.
    pub(crate) passed: Option<Arc<Passed>>,
}

impl Incoming {
    pub(crate) fn new(inner: mailbox::Incoming, max_hops: usize, spam: SpamWatch) -> Self {
        Self {
            inner,
            hops: HopCounter::new(),
            max_hops,
            spam,
            delivered: DeliveredWatch::blind(),
            passing: None,
        }
    }

    /// The same, to be refused to whom the host of that name has delivered it already.
    pub(crate) fn with_loops(mut self, hostname: &str) -> Self {
        self.delivered = DeliveredWatch::new(hostname.into());
        self
    }

    /// The same, to be signed when it is sent.
    pub(crate) fn with_signature(mut self) -> Self {
        self.passing = Some(Box::new(Passing::new()));
        self
    }

    /// Takes the next bytes. After a refusal nothing more is to be written.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), Refusal> {
        self.hops.push(&chunk);
        self.spam.push(&chunk);
        self.delivered.push(&chunk);
        if let Some(passing) = &mut self.passing {
            passing.push(&chunk);
        }
        if self.hops.hops() > self.max_hops {
            return Err(Refusal::routing_loop(self.hops.hops()));
        }
        self.inner.write(chunk).await.map_err(refusal::of_message)
    }

    /// How many bytes came so far.
    pub fn size(&self) -> u64 {
        self.inner.size()
    }

    /// The message is whole.
    pub async fn finish(self) -> Result<Received, Refusal> {
        let inner = self.inner.finish().await.map_err(refusal::of_message)?;
        Ok(Received {
            inner,
            is_spam: self.spam.is_spam(),
            delivered_to: self.delivered.finish(),
            passed: self.passing.map(|passing| Arc::new(passing.finish())),
        })
    }
}

impl Received {
    /// One that the server has made, or has taken in already.
    pub(crate) fn own(inner: mailbox::Received) -> Self {
        Self {
            inner,
            is_spam: false,
            delivered_to: Arc::default(),
            passed: None,
        }
    }

    /// What the scanner found in it.
    pub fn summary(&self) -> &fieldpost_message::Summary {
        self.inner.summary()
    }

    /// Whether its header marks it as spam ([`Settings::spam_marks`](crate::Settings::spam_marks)).
    pub fn is_spam(&self) -> bool {
        self.is_spam
    }

    /// Its size in bytes, without what a recipient's copy gets on top.
    pub fn size(&self) -> u64 {
        self.inner.size()
    }
}
