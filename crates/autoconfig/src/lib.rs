//! What tells clients where to go: Autodiscover so far; Thunderbird autoconfig, Apple configuration profiles and SRV records are to come.
//!
//! Floor: a front-end. It will stand on `directory`, and never on another front-end or on `store`.
//!
//! Nothing here does I/O or reads a clock: [`route`] tells what a request asks for, [`Request::parse`] reads a body, [`Answer`] is what goes
//! back. Who is signed in, and whether the address asked for is theirs, is for who calls.

mod answer;
mod request;
mod route;
mod site;
mod text;

pub use self::{
    answer::{Answer, ErrorCode, Person, Stamp},
    request::{Error, Request, Schema},
    route::{Route, route},
    site::{Security, Service, Site},
};
