//! The element trees of each command.

pub(super) mod compose;
pub(super) mod folders;
pub(super) mod items;
pub(super) mod ping;
pub(super) mod provision;
pub(super) mod recipients;
pub(super) mod search;
pub(super) mod settings;
pub(super) mod sync;
