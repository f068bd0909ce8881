//! How items are shown.

pub mod address;
pub mod attachment;
pub mod body;
pub mod mail;
pub mod preferences;
