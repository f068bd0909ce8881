//! Devices that synchronise with an account, and what each of them holds.
//!
//! What a device holds of a folder is one compact record ([`Generation`]): a set of entries, the mod_seq up to which the
//! change log has been drained, and a cursor into what it has not been sent yet. A round of synchronisation
//! ([`Collection::plan`]) costs what changed, not what the folder holds.
//!
//! Two generations are kept. A request with the key of the newest proves that its response arrived; one with the key of
//! the one before means that the last response was lost, and is answered from there again.
//!
//! Devices and their states are committed under keys of their own and take no mod_seq: a synchronisation neither
//! conflicts with a delivery nor wakes anybody.

mod collection;
mod entry_set;
mod forget;
mod generation;
mod hierarchy;
mod own;
mod parts;
mod predicate;
mod record;
mod round;
pub(crate) mod turns;

pub use collection::{Collection, Opened, SyncKey};
pub use entry_set::EntrySet;
pub use generation::Generation;
pub use hierarchy::{HierarchyChange, HierarchyPlan, HierarchyState};
pub use own::{OwnChange, OwnOutcome};
pub use predicate::Predicate;
pub use record::{
    About, Attention, Device, DeviceId, MAX_ATTENTION, MAX_DEVICE_ID, PolicyState, Trace,
};
pub use round::{Action, Plan, Step};

/// A text that no other one is like: for the ids of what is made in a device's name.
pub fn unique() -> String {
    format!("{:016x}{:016x}", collection::random(), collection::random())
}
