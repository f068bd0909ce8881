//! `fieldpost device …`: what speaks ActiveSync for an account.

pub mod explain;
pub mod forget;
pub mod list;
pub mod log;
pub mod resync;
pub mod show;

use std::sync::Arc;

use clap::Subcommand;
use fieldpost_mailbox::{Device, DeviceId, Mailbox};
use serde::{Deserialize, Serialize};

use super::Context;
use crate::{
    engine::{self, Engine},
    exchange::{Failure, FailureKind},
};

/// What to do with devices.
#[derive(Subcommand)]
pub enum Command {
    /// List an account's devices.
    List(list::Arguments),
    /// Show all that a device tells of itself.
    Show(show::Arguments),
    /// Let a device fetch everything, or one folder, anew.
    Resync(resync::Arguments),
    /// Forget a device. It is let in again when it comes again.
    Forget(forget::Arguments),
    /// Write what a device says and is told into the server's log, for some time.
    Log(log::Arguments),
    /// Explain how a device gets on: whether it may speak, its policy, what went wrong, its folders.
    Explain(explain::Arguments),
}

/// Runs one of them.
pub fn run(command: Command, context: &Context) -> anyhow::Result<()> {
    match command {
        Command::List(arguments) => list::run(arguments, context),
        Command::Show(arguments) => show::run(arguments, context),
        Command::Resync(arguments) => resync::run(arguments, context),
        Command::Forget(arguments) => forget::run(arguments, context),
        Command::Log(arguments) => log::run(arguments, context),
        Command::Explain(arguments) => explain::run(arguments, context),
    }
}

/// A device as listings show it.
#[derive(Debug, Deserialize, Serialize)]
pub struct DeviceRow {
    /// Its id.
    pub id: String,
    /// What kind it says it is.
    pub kind: String,
    /// Its model.
    pub model: String,
    /// What its user calls it.
    pub friendly_name: String,
    /// Its operating system.
    pub os: String,
    /// The language of that.
    pub os_language: String,
    /// Its serial number in the mobile network.
    pub imei: String,
    /// Its telephone number.
    pub phone_number: String,
    /// Whose mobile network it uses.
    pub mobile_operator: String,
    /// The program that speaks.
    pub user_agent: String,
    /// The protocol version that it speaks.
    pub version: String,
    /// When it first came, in seconds since 1970.
    pub first_seen: i64,
    /// When it last came, kept to ten minutes.
    pub last_seen: i64,
}

impl DeviceRow {
    /// The row of `device`.
    pub fn of(device: &Device) -> Self {
        let about = &device.about;
        Self {
            id: device.id.to_string(),
            kind: device.kind.clone(),
            model: about.model.clone(),
            friendly_name: about.friendly_name.clone(),
            os: about.os.clone(),
            os_language: about.os_language.clone(),
            imei: about.imei.clone(),
            phone_number: about.phone_number.clone(),
            mobile_operator: about.mobile_operator.clone(),
            user_agent: device.user_agent.clone(),
            version: device.version.clone(),
            first_seen: device.first_seen,
            last_seen: device.last_seen,
        }
    }

    /// Names and values, for people; what is not known is left out.
    pub fn lines(&self) -> Vec<Vec<String>> {
        [
            ("device", self.id.clone()),
            ("kind", self.kind.clone()),
            ("model", self.model.clone()),
            ("name", self.friendly_name.clone()),
            ("system", format!("{} {}", self.os, self.os_language)),
            ("imei", self.imei.clone()),
            (
                "telephone",
                format!("{} {}", self.phone_number, self.mobile_operator),
            ),
            ("program", self.user_agent.clone()),
            ("version", self.version.clone()),
            ("first seen", moment(self.first_seen)),
            ("last seen", moment(self.last_seen)),
        ]
        .into_iter()
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(name, value)| vec![name.to_owned(), value.trim().to_owned()])
        .collect()
    }
}

/// Which device of which account.
#[derive(clap::Args, Clone, Debug, Deserialize, Serialize)]
pub struct Which {
    /// The account, by any of its addresses.
    pub address: String,
    /// The device's id, as `device list` shows it.
    pub device: String,
}

impl Which {
    /// The mailbox and the device.
    pub async fn find(&self, engine: &Arc<Engine>) -> Result<(Mailbox, Device), Failure> {
        let mailbox = engine.mailbox(&self.address).await?;
        let device = match DeviceId::new(&self.device) {
            Some(id) => mailbox.device(&id).await.map_err(engine::of_mailbox)?,
            None => None,
        };
        let device = device.ok_or_else(|| {
            Failure::new(
                FailureKind::NotFound,
                format!("{} has no device {}", self.address, self.device),
            )
            .advise(format!(
                "fieldpost device list {} shows those there are",
                self.address
            ))
        })?;
        Ok((mailbox, device))
    }
}

/// A moment for people.
pub fn moment(unix: i64) -> String {
    jiff::Timestamp::from_second(unix).map_or_else(|_| "unknown".into(), |time| time.to_string())
}
