//! Connections over HTTP/1.1: whom a request is for, and health (`/healthz/live` and `/healthz/ready`), for those who
//! start, restart and balance servers.
//!
//! Requests for other paths go to a [`Route`], such as ActiveSync's. Later the admin and self-service pages live here
//! too. What it does not do: it knows no TLS (the listener has done the handshake), no store and no configuration; how the
//! server is comes in through [`Probe`].
//!
//! Invariants:
//! - Nothing here takes a request body, so none is ever read: a request that announces one and is for no [`Route`] is
//!   answered and its connection closed. There is then nothing to smuggle a second request in, and nothing slow to wait for.
//! - A connection holds at most [`Settings::max_header`] bytes beside what a route holds. It may wait for an answer for as
//!   long as the route wants; it ends when its client asks nothing for [`Settings::idle_timeout`], or does not take what it
//!   is sent for [`Settings::write_timeout`].
//! - A request whose answer takes its time holds its stream and what makes the answer; hyper's buffers it does not.
//! - What a client says of where it comes from counts only if it is one of [`Proxies`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod health;
mod patience;
mod proxies;
mod respond;
mod route;
mod serve;
mod waiting;

pub use health::{Component, Health, Probe};
pub use proxies::{Network, Proxies};
pub use route::{Answering, Body, Hangup, Origin, Route};
pub use serve::{Service, Settings, serve};
pub use waiting::RequestBody;
