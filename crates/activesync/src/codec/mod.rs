//! Bytes to typed requests and back.

pub mod date;
pub mod request;
