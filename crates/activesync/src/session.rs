//! One request of a device of a user who has signed in.

use std::sync::Arc;

use fieldpost_directory::Identity;
use fieldpost_mailbox::{Device, Mailbox};
use fieldpost_wbxml::{Element, Limits, Version};

use crate::{Service, codec::request::Request, reply::Failure, reply::status};

/// What a command works with.
pub struct Session {
    /// The front-end.
    pub service: Arc<Service>,
    /// Who has signed in.
    pub identity: Identity,
    /// His mailbox: everything is looked for here and nowhere else.
    pub mailbox: Mailbox,
    /// His device, as it was at the request's beginning. [`Session::update_device`] changes it.
    pub device: Device,
    /// The request.
    pub request: Request,
    /// Set by a command that the device begins from nothing with: the response tells it which versions there are.
    pub first_sync: bool,
}

impl Session {
    /// The version that the client speaks.
    pub fn version(&self) -> Version {
        self.request.version
    }

    /// The time, seconds since 1970.
    pub fn now(&self) -> i64 {
        (self.service.mailboxes.settings().clock)()
    }

    /// The request's document; `None`: there is none. The caller keeps the body (cheap to clone) while it looks at it.
    pub fn document(body: &[u8]) -> Result<Option<Element<'_>>, Failure> {
        if body.is_empty() {
            return Ok(None);
        }
        let limits = Limits {
            document: usize::MAX,
            ..Limits::default()
        };
        Element::parse(body, limits).map(Some).map_err(|error| {
            tracing::info!(%error, "malformed request document");
            Failure::Status(status::INVALID_WBXML)
        })
    }

    /// Changes what is known of the device, as it is now: another request of it may have changed something else meanwhile.
    pub async fn update_device(&mut self, change: impl FnOnce(&mut Device)) -> Result<(), Failure> {
        let updated = self.mailbox.update_device(&self.device.id, change).await?;
        if let Some(device) = updated {
            self.device = device;
        }
        Ok(())
    }
}
