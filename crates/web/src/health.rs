//! How the server is, as machines ask for it.

use std::{future::Future, pin::Pin};

use serde::Serialize;

/// Asked once for each request; must answer at once, from what is known, without work.
pub trait Probe: Send + Sync + 'static {
    /// How the server is now.
    fn health(&self) -> Pin<Box<dyn Future<Output = Health> + Send + '_>>;
}

/// The body of `/healthz/ready`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Health {
    /// Whether clients and the MTA should be sent here.
    pub ready: bool,
    /// The program's version.
    pub version: String,
    /// What is looked at, one entry a part.
    pub components: Vec<Component>,
}

/// One part of the server.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Component {
    /// Its name: `store`, `listeners`.
    pub name: String,
    /// Whether it does its work.
    pub ok: bool,
    /// What there is to say: `read-only: disk full`.
    pub detail: String,
}
