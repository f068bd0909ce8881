//! Bodies: their encoded form, staging, reading, and what becomes of dead ones.

mod base64_lines;
pub(crate) mod encoding;
pub(crate) mod packing;
pub(crate) mod read;
pub(crate) mod stage;
