//! Conversations with the submission server, command by command, over a Unix socket and on a store in memory: what is sent,
//! what is answered, what is in the mailboxes and in the queue then.
#![allow(clippy::unwrap_used)]

mod auth;
mod harness;
mod hello;
mod mail;
mod message;
mod rcpt;
