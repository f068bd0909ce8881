//! IMAP on the wire: bytes to typed requests, typed responses to bytes.
//!
//! Nothing here does I/O or reads a clock.
//!
//! - [`frame`]: lines and literals to whole commands, within limits; where a message literal begins, the driver streams it.
//! - [`request`]: a whole command's bytes to a [`request::Request`].
//! - [`response`]: responses, written behind one another into one buffer.
//! - [`set`], [`mailbox_name`], [`date`]: the leaves that both directions share.

pub mod date;
pub mod frame;
pub mod mailbox_name;
pub mod request;
pub mod response;
pub mod set;
