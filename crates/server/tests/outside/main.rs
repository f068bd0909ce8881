//! The commands that look at a setup from outside: `dns`, `check autodiscover`, `doctor`.
#![allow(clippy::unwrap_used)]

mod autodiscover;
mod dns;
mod doctor;
#[path = "../support/names.rs"]
mod names;
#[path = "../support/mod.rs"]
mod support;
