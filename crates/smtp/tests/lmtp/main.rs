//! Conversations with the LMTP server, command by command, over a Unix socket and on a store in memory: what is sent,
//! what is answered, what is in the mailboxes then.
#![allow(clippy::unwrap_used)]

mod bdat;
mod data;
mod disk;
mod faults;
mod harness;
mod mail;
mod rcpt;
mod session;
mod starttls;
