//! What items consist of, by class; the same in Sync, Search, ItemOperations and Find.

pub(super) mod body;
pub(super) mod calendar;
pub(super) mod contacts;
pub(super) mod documents;
pub(super) mod email;
pub(super) mod notes;
pub(super) mod rights;
pub(super) mod shared;
pub(super) mod tasks;
