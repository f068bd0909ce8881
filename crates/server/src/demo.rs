//! `fieldpost demo`: a server with accounts and mail in it, from one command, without root or configuration.
//!
//! Its pieces: a certificate authority of its own ([`Authority`]), and mails to read ([`mails`]).

mod authority;

pub use authority::Authority;
