//! The SMTP wire: LMTP and submission in, and the relay's client side.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod client;
pub mod codec;
mod command;
mod delivering;
mod message;
mod serve;
mod service;
mod session;
mod submission;

pub use serve::serve;
pub use service::{Service, Settings, Timeouts};
pub use submission::{Submission, SubmissionSettings};
