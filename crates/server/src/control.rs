//! The control socket: how the command line asks the running server to do things.
//!
//! A Unix socket in the data directory, mode 0600; on top of that only root and the server's own user get an answer,
//! by the credentials that the kernel tells. One connection carries one operation.
//!
//! Both sides send frames: length (4 bytes, big endian, counting what follows), kind (1 byte), payload.
//!
//! | kind | from | payload |
//! |---|---|---|
//! | `H` | server | JSON: `{"fieldpost": "0.1.0", "protocol": 1}` |
//! | `R` | client | JSON: the operation |
//! | `D` | both | bytes of the operation's input or output |
//! | `E` | client | none: the end of the input |
//! | `P` | server | JSON: progress |
//! | `A` | server | JSON: the answer; the last frame |
//! | `F` | server | JSON: the failure; the last frame |
//!
//! Invariant: a frame is at most [`MAX_FRAME`] bytes, checked before a byte of it is read.

mod client;
mod frame;
mod server;

#[cfg(test)]
mod tests;

pub use client::{Client, connect};
pub use frame::{Frame, FrameError, MAX_FRAME};
pub use server::{Operator, serve};

/// Counts up when the frames or operations change in a way that an older program would not understand.
pub const PROTOCOL: u32 = 1;
