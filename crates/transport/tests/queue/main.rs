//! The queue on a store in memory, with a next hop that does as it is told and a clock that follows tokio's own, so that days
//! of retries pass in no time.
#![allow(clippy::unwrap_used)]

mod admin;
mod attempts;
mod crash;
mod damage;
mod faulty;
mod groups;
mod hop;
mod notices;
mod panics;
mod stop;
mod submit;
mod world;
