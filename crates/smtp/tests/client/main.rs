//! The client's side, against a server that says what it is told to: what is sent, and what becomes of each recipient.
#![allow(clippy::unwrap_used)]

mod connecting;
mod exchangers;
mod faults;
mod hop;
mod sending;
