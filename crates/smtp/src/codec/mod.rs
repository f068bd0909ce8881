//! Bytes to typed commands, replies to bytes, and the two framings of a message. No I/O, no clock.

pub mod command;
pub mod data;
mod parameter;
pub mod received;
pub mod reply;
