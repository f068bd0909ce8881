//! IMAP4rev2 (RFC 9051) and IMAP4rev1 (RFC 3501) front-end.
//!
//! Four rooms, as in every front-end: `codec/` (bytes to typed requests, responses to bytes; no I/O), `session.rs` (the
//! states), `command/` (one file a command), `serve.rs` (the driver of one connection).

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod codec;
