//! Health over HTTP/1.1: `/healthz/live` and `/healthz/ready`, for those who start, restart and balance servers.
//!
//! Later the admin and self-service pages live here too. What it does not do: it knows no TLS (the listener has done
//! the handshake), no store and no configuration; how the server is comes in through [`Probe`].
//!
//! Invariants:
//! - Nothing here takes a request body, so none is ever read: a request that announces one is answered and its
//!   connection closed. There is then nothing to smuggle a second request in, and nothing slow to wait for.
//! - A connection holds at most [`Settings::max_header`] bytes and ends after [`Settings::connection_timeout`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod health;
mod respond;
mod serve;

pub use health::{Component, Health, Probe};
pub use serve::{Service, Settings, serve};
