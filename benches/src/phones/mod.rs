//! The load driver `phones`: phones that speak ActiveSync to any server, mails that reach it by LMTP, and the CPU and memory
//! of its processes.
//!
//! - [`options`]: the command line;
//! - [`meter`]: what the server's processes use, from /proc;
//! - [`corpus`], [`lmtp`]: the mails and how they get there;
//! - [`http`], [`phone`]: a connection and the phone that speaks over it;
//! - [`fill`], [`sync`], [`ping`]: the scenarios.

mod corpus;
mod fill;
mod http;
mod lmtp;
mod meter;
mod options;
mod phone;
mod ping;
mod sync;

use std::error::Error;

pub use options::Options;
use serde_json::Value;

/// What a step of the driver gives; errors are for people to read.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Runs the scenario that the options name.
pub async fn run(options: Options) -> Outcome<()> {
    raise_descriptor_limit();
    match options.scenario.as_str() {
        "fill" => fill::run(&options).await,
        "first-sync" => sync::run(&options).await,
        "ping" => ping::run(options).await,
        other => Err(format!("no scenario {other}: fill, first-sync or ping").into()),
    }
}

/// Prints a line, with what the options say of the run.
fn print(options: &Options, mut line: Value) {
    if let Value::Object(fields) = &mut line {
        fields.insert("label".into(), options.label.clone().into());
        fields.insert("version".into(), options.version.clone().into());
        fields.insert("tls".into(), options.tls.into());
    }
    println!("{line}");
}

/// The part `share` (0 to 1) of the values lies at or below what this gives; `None` without values.
fn percentile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some(values[(last as f64 * share).round() as usize])
}

/// As many open connections as the kernel lets us have.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // What cannot be had is noticed when connections fail.
    let _ = setrlimit(Resource::Nofile, limit);
}
