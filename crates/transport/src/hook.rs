//! What may be done to a message as it is delivered to one recipient.
//!
//! Hooks run in the order in which the server lists them, in two passes: each may change the [`Placement`] or refuse
//! before the message is in the mailbox, and each hears of it once it is durably there. This is where spam filing (choose
//! another folder), out-of-office replies (answer what was delivered) and, later, meeting mail (file it into the calendar as well)
//! come in; a server without hooks delivers to the inbox.

use std::sync::Arc;

use fieldpost_mailbox::SpecialUse;
use fieldpost_store::BoxFuture;

use crate::{Delivered, Envelope, Received, Recipient, Refusal, Transport};

/// One step of delivery.
pub trait Hook: Send + Sync {
    /// Its name in the logs.
    fn name(&self) -> &'static str;

    /// Before the message is put into the mailbox: may change where it goes, or refuse it for this recipient. Whatever it
    /// waits for, the sender waits for too.
    fn place<'a>(
        &'a self,
        delivery: &'a Delivery<'a>,
        placement: &'a mut Placement,
    ) -> BoxFuture<'a, Result<(), Refusal>> {
        let _ = (delivery, placement);
        Box::pin(async { Ok(()) })
    }

    /// The message is in the mailbox, durably. What goes wrong here is the hook's own affair: the sender gets its
    /// positive reply in any case, and soon.
    fn delivered<'a>(
        &'a self,
        delivery: &'a Delivery<'a>,
        delivered: &'a Delivered,
    ) -> BoxFuture<'a, ()> {
        let _ = (delivery, delivered);
        Box::pin(async {})
    }
}

/// One message for one recipient.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Who delivers, for hooks that send something themselves.
    pub transport: &'a Arc<Transport>,
    /// Sender and parameters.
    pub envelope: &'a Envelope,
    /// The message.
    pub received: &'a Received,
    /// For whom.
    pub recipient: &'a Recipient,
}

/// Where a message goes, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The folder.
    pub folder: SpecialUse,
    /// Whether it is marked as read.
    pub seen: bool,
    /// IMAP keywords that it gets.
    pub keywords: Vec<String>,
}

impl Default for Placement {
    fn default() -> Self {
        Self {
            folder: SpecialUse::Inbox,
            seen: false,
            keywords: Vec::new(),
        }
    }
}
