//! One request of a device of a user who has signed in.

use std::sync::Arc;

use fieldpost_directory::Identity;
use fieldpost_mailbox::{Device, Mailbox, device::Trace};
use fieldpost_wbxml::{Command, Element, Limits, Version};

use crate::{
    Service,
    codec::request::Request,
    command,
    reply::{Failure, Reply, status},
};

/// What a command works with.
pub struct Session {
    /// The front-end.
    pub service: Arc<Service>,
    /// Who has signed in.
    pub identity: Identity,
    /// His mailbox: everything is looked for here and nowhere else.
    pub mailbox: Mailbox,
    /// His device, as it was at the request's beginning. A command that changes it does so by [`Session::change_device`].
    pub device: Device,
    /// The request.
    pub request: Request,
    /// A command sets it when the client begins from nothing; the response then says which versions there are.
    pub first_sync: bool,
    /// A command sets it where it answers by a document that something went wrong: the status, and what there is to say.
    /// It is kept with the device, for who looks after it.
    pub trouble: Option<(u16, String)>,
}

impl Session {
    /// Finds the device's record, or makes it.
    pub async fn begin(
        service: Arc<Service>,
        identity: Identity,
        request: Request,
    ) -> Result<Self, Failure> {
        let mailbox = service.mailboxes.open(identity.account).await?;
        let now = (service.mailboxes.settings().clock)();
        let known = if is_probe(&request) {
            None
        } else {
            mailbox.device(&request.device).await?
        };
        let is_new = known.is_none();
        let mut session = Self {
            device: known.unwrap_or_else(|| Device::new(request.device.clone(), now)),
            service,
            identity,
            mailbox,
            request,
            first_sync: false,
            trouble: None,
        };
        if session.is_probe() {
            return Ok(session);
        }
        if is_new {
            session.admit().await?;
        } else {
            session.renew(now).await?;
        }
        Ok(session)
    }

    /// Carries the request out, and notes with the device what went wrong.
    pub async fn run(&mut self) -> Result<Reply, Failure> {
        let result = match self.gate() {
            Ok(()) => Box::pin(command::run(self)).await,
            Err(failure) => Err(failure),
        };
        let trouble = match &result {
            Ok(_) => self.trouble.take(),
            Err(Failure::Superseded) => None,
            Err(failure) => Some((failure.code(), failure.to_string())),
        };
        if let Some((code, detail)) = trouble {
            Box::pin(self.note(code, detail)).await;
        }
        result
    }

    /// The version that the client speaks.
    pub fn version(&self) -> Version {
        self.request.version
    }

    /// The time, seconds since 1970.
    pub fn now(&self) -> i64 {
        (self.service.mailboxes.settings().clock)()
    }

    /// Whether it is Android's look whether there is a server (client-quirks C1): there is no such device, and nothing
    /// may be kept of it.
    pub fn is_probe(&self) -> bool {
        is_probe(&self.request)
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

    /// Changes the device's record as it is now, which other requests of the device may have changed since this one
    /// began. Nothing is written if nothing changes.
    pub async fn change_device<T>(
        &mut self,
        change: impl FnOnce(&mut Device) -> T,
    ) -> Result<T, Failure> {
        if self.is_probe() {
            return Ok(change(&mut self.device));
        }
        let service = Arc::clone(&self.service);
        let _writer = service.device_writer(self.identity.account).await;
        let before = self
            .mailbox
            .device(&self.device.id)
            .await?
            .unwrap_or_else(|| self.device.clone());
        let mut after = before.clone();
        let result = change(&mut after);
        if after != before {
            self.mailbox.put_device(&after).await?;
        }
        self.device = after;
        Ok(result)
    }

    /// Makes the record of a device that comes for the first time.
    async fn admit(&mut self) -> Result<(), Failure> {
        let service = Arc::clone(&self.service);
        // Counting and making are one step, or any number of devices could come at the same moment (fault 43).
        let _writer = service.device_writer(self.identity.account).await;
        if let Some(device) = self.mailbox.device(&self.device.id).await? {
            self.device = device;
            return Ok(());
        }
        if self.mailbox.devices().await?.len() >= service.settings.max_devices {
            return Err(Failure::Status(status::TOO_MANY_DEVICES));
        }
        describe(&mut self.device, &self.request);
        self.mailbox.put_device(&self.device).await?;
        tracing::info!("a device came for the first time");
        Ok(())
    }

    /// Writes what the request's headers say anew, and now and then that the device was there.
    async fn renew(&mut self, now: i64) -> Result<(), Failure> {
        let mut described = self.device.clone();
        describe(&mut described, &self.request);
        let was_away = now.saturating_sub(self.device.last_seen) >= SEEN_EVERY;
        if described == self.device && !was_away {
            return Ok(());
        }
        let request = self.request.clone();
        self.change_device(|device| {
            describe(device, &request);
            device.last_seen = now;
        })
        .await
    }

    /// Whether the device may speak: its policy, and what is no device.
    fn gate(&self) -> Result<(), Failure> {
        if self.is_probe() {
            return match self.request.command {
                Command::Provision | Command::Settings => Ok(()),
                // MS-ASCMD §2.2.3.177.4: a server error, which tells Android that there is a server.
                Command::FolderSync => Err(Failure::Status(6)),
                _ => Err(Failure::Status(status::DEVICE_ID)),
            };
        }
        if matches!(
            self.request.command,
            // The way to a policy, and what the device tells of itself before it.
            Command::Provision | Command::Settings
        ) {
            return Ok(());
        }
        let settings = &self.service.settings;
        let policy = &self.device.policy;
        match self.request.policy_key {
            // MS-ASPROV_R61103: no key is sent with Ping.
            None | Some(0) if self.request.command == Command::Ping => Ok(()),
            None | Some(0) if settings.require_policy => {
                Err(Failure::Status(status::NOT_PROVISIONED))
            }
            None | Some(0) => Ok(()),
            Some(key) if key != policy.key => Err(Failure::Status(status::INVALID_POLICY_KEY)),
            Some(_) if policy.taken != settings.policy.digest() => {
                Err(Failure::Status(status::POLICY_REFRESH))
            }
            Some(_) => Ok(()),
        }
    }

    /// Keeps with the device that something went wrong; the same again and again is kept once in a while.
    async fn note(&mut self, code: u16, detail: String) {
        if self.is_probe() {
            return;
        }
        let time = self.now();
        let command = self.request.command.name();
        let is_known = self.device.traces.iter().any(|trace| {
            trace.command == command
                && trace.status == code
                && time.saturating_sub(trace.time) < SEEN_EVERY
        });
        if is_known {
            return;
        }
        let trace = Trace {
            time,
            command: command.to_owned(),
            status: code,
            detail: printable(&detail),
        };
        if let Err(error) = self.change_device(|device| device.trace(trace)).await {
            tracing::debug!(%error, "the device's trace was not kept");
        }
    }
}

/// Android validates an account as the device `validate` (client-quirks C1).
fn is_probe(request: &Request) -> bool {
    request.device.as_str().eq_ignore_ascii_case("validate")
}

/// What a request says of its device.
fn describe(device: &mut Device, request: &Request) {
    device.kind = printable(&request.device_type);
    device.user_agent = printable(&request.user_agent);
    request.version.as_str().clone_into(&mut device.version);
}

/// A text as it is kept: without what would move a terminal's cursor, and no longer than the record takes, so that the
/// same text is the same text the next time.
pub fn printable(text: &str) -> String {
    let mut text: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(KEPT)
        .collect();
    text.truncate(text.floor_char_boundary(KEPT));
    text
}

/// How often at most it is written that a device was there, in seconds.
const SEEN_EVERY: i64 = 600;

/// The bytes that are kept of each text that a device says of itself.
const KEPT: usize = 96;
