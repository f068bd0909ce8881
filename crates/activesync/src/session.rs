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
    /// His device, as it was at the request's beginning. A command that changes it writes it with [`Session::save_device`].
    pub device: Device,
    /// The request.
    pub request: Request,
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

    /// Writes what has changed about the device.
    pub async fn save_device(&self) -> Result<(), Failure> {
        Ok(self.mailbox.put_device(&self.device).await?)
    }
}
