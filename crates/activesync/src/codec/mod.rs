//! Bytes to typed requests and back.

pub mod authorization;
pub mod body;
pub mod date;
pub mod headers;
pub mod query;
pub mod request;
pub mod response;
