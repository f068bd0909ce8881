//! Bodies: their encoded form, staging, reading, and what becomes of dead ones.

pub(crate) mod encoding;
pub(crate) mod read;
pub(crate) mod stage;
