//! The fieldpost binary: configuration, listeners, TLS, signals, control socket, command line.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod config;
pub mod control;
pub mod demo;
pub mod error;
pub mod exchange;
pub mod listener;
pub mod logging;
pub mod tls;
