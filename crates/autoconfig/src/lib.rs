//! What tells clients where to go: Autodiscover, Thunderbird autoconfig, Apple configuration profiles, SRV records.
//!
//! Floor: a front-end. It will stand on `directory`, and never on another front-end or on `store`.
//!
//! The room is empty: clients are configured by hand so far.
