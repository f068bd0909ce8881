//! IMAP4rev2 (RFC 9051) and IMAP4rev1 (RFC 3501) front-end.
//!
//! Floor: a front-end. It will stand on `mailbox`, `directory`, `transport` and `connection`, and never on another
//! front-end or on `store`. Its four rooms are those of every front-end: `codec/`, `session.rs`, `command/`, `serve.rs`.
//!
//! The room is empty: fieldpost does not speak IMAP yet, and the configuration refuses a listener for it.
