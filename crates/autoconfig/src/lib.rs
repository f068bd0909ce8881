//! What tells clients where to go: Autodiscover, Thunderbird's configuration files, Apple's configuration profiles.
//!
//! Floor: a front-end. It will stand on `directory`, and never on another front-end or on `store`.
//!
//! Nothing here does I/O or reads a clock: [`route`] tells what a request asks for, [`Request::parse`] reads a body, [`Answer`] is what goes
//! back; [`records`] tells what is to stand in DNS. Who is signed in, and whether the address asked for is theirs, is for who calls.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod dkim;
mod dns;
mod profile;
mod request;
mod route;
mod site;
mod text;
mod thunderbird;

pub use self::{
    answer::{Answer, ErrorCode, Person, Stamp},
    dns::{Data, DkimKey, Offer, Record, records},
    profile::Account,
    request::{Error, Request, Schema},
    route::{Route, route},
    site::{Security, Service, Site},
};
