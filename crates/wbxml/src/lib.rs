//! WBXML 1.3 and the 26 ActiveSync code pages: bytes in, tokens out; tokens in, bytes out.
//!
//! Floor: the lowest, beside `message`, `store` and `connection`. It does no I/O and reads no clock.
//!
//! - [`Decoder`]: a request's bytes to [`Token`]s, one at a time, within [`Limits`]; [`Element`] is the small tree made of them.
//! - [`Encoder`]: a response, written element by element; what turns out too large or empty is taken back.
//! - [`Tag`] and [`tags`]: the names of MS-ASWBXML 2.1.2.1, one module a code page, each with the versions that know it.
//! - [`schema`]: which element may stand where, how often, of which type and in which [`Version`], for each [`Command`].
//!
//! What MS-ASWBXML uses of WBXML (2.1.3, MS-ASWBXML_R655) is tags, code pages, inline strings and opaque data; all else is an [`Error`]
//! (MS-ASWBXML_R656). Tags that no page lists are read by their number: what they mean is for who reads the tree.

mod command;
mod decoder;
mod element;
mod encoder;
mod error;
pub mod schema;
mod tag;
pub mod tags;
mod version;
mod xml;

pub use self::{
    command::Command,
    decoder::{Decoder, Limits, Token},
    element::{Content, Element},
    encoder::{Checkpoint, Encoder},
    error::Error,
    tag::Tag,
    version::{Version, Versions},
};
