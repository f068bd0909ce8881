//! Responses, written behind one another into the connection's buffer.

pub mod body_structure;
pub mod envelope;
pub mod string;
