//! `fieldpost demo`: a server with accounts and mail in it, from one command, without root or configuration.
//!
//! Its pieces: a certificate authority of its own ([`Authority`]), and mails to read ([`mails`]).

mod authority;
mod compose;
mod files;
pub mod mails;

pub use authority::Authority;
