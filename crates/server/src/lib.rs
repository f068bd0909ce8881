//! The fieldpost binary: configuration, listeners, TLS, signals, control socket, command line.
//!
//! The only crate that knows all the others. What stands here joins them and knows the machine: files, sockets,
//! signals, the terminal. `main.rs` calls [`command::main`] and nothing else.
//!
//! Invariants:
//! - This crate alone reads configuration; the others take typed settings.
//! - A command does the same whether a server runs or not: it is an [`operation::Operation`], run over the control
//!   socket or in the command's own process.
//! - No connection, file or signal ends the process, but SIGTERM and SIGINT.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod acme;
pub mod command;
pub mod config;
pub mod control;
pub mod demo;
pub mod dns_client;
pub mod engine;
pub mod error;
pub mod exchange;
pub mod front_ends;
pub mod http_client;
pub mod listener;
pub mod logging;
pub mod mail_stream;
pub mod operation;
pub mod relay;
mod routes;
pub mod server;
pub mod storage;
pub mod tls;
