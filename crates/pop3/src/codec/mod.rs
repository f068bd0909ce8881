//! POP3 on the wire: command lines to typed requests, replies and messages to octets.
//!
//! Nothing here does I/O or reads a clock, and nothing keeps more than the line or the chunk it was handed.
//!
//! - [`request`]: one command line to a [`Request`].
//! - [`reply`]: status lines and multi-line answers, gathered in one [`Replies`] buffer.
//! - [`stuffing`]: a message in chunks to the multi-line form with its dots doubled.
//! - [`top`]: how much of a message in chunks belongs to the answer to `TOP`.

pub mod reply;
pub mod request;
pub mod stuffing;
pub mod top;

pub use self::{
    reply::{Replies, ResponseCode},
    request::{MessageNumber, Request, RequestError, Veiled},
    stuffing::DotStuffer,
    top::TopLimit,
};
