//! Exchange ActiveSync front-end.
//!
//! Floor: a front-end. It will stand on `wbxml`, `mailbox`, `directory`, `transport` and `connection`, and never on
//! another front-end or on `store`; the state of a device's synchronisation lives in `mailbox`, beside the items it
//! speaks of. Its four rooms are those of every front-end: `codec/`, `session.rs`, `command/`, `serve.rs`.
//!
//! The room is empty: fieldpost does not speak ActiveSync yet.
