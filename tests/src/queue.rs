//! The queue of a demo server, watched by its log (`LOG__LEVEL` info, `LOG__FORMAT` json).

use std::{collections::HashSet, time::Duration};

use serde_json::Value;

use crate::Demo;

/// A line of the log about a recipient in the queue.
#[derive(Debug)]
pub struct Line(Value);

impl Line {
    /// Reads a line, if it is one.
    pub fn read(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        let is_one = line["entry"] != Value::Null && line["recipient"] != Value::Null;
        is_one.then_some(Self(line))
    }

    /// What is said: `relayed`, `delivered from the queue`, `tried again later`, `given up`.
    pub fn message(&self) -> &str {
        self.0["message"].as_str().unwrap_or_default()
    }

    /// The entry's id, as `queue list` has it.
    pub fn entry(&self) -> String {
        let text = |key: &str| match &self.0[key] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        format!("{}-{}", text("account"), text("entry"))
    }

    /// Another field: `recipient`, `reply` or `refusal`.
    pub fn field(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_default()
    }
}

/// The ids of what is in the queue.
///
/// # Panics
/// If it can't be listed.
pub fn list(demo: &Demo) -> HashSet<String> {
    let listed = demo.fieldpost(&["--json", "queue", "list", "--limit", "100000"]);
    let rows: Vec<Value> = serde_json::from_str(&listed).expect("the list is JSON");
    let ids = rows.iter().map(|row| row["id"].as_str());
    ids.map(|id| id.expect("an entry has an id").to_owned())
        .collect()
}

/// Waits until the queue is empty; nobody may bring it mail meanwhile. The log tells of an attempt before its outcome is on disk, and
/// nothing does after it but the end of an orderly stop: so the server is stopped and started again.
///
/// # Panics
/// If that takes more than five minutes.
pub fn drained(demo: &mut Demo) {
    loop {
        let mut left = list(demo);
        if let Some(log) = demo.logs().last().filter(|_| !left.is_empty()) {
            let what = format!("the end of {left:?}");
            log.read_until(&what, Duration::from_mins(5), |line| {
                if let Some(line) = Line::read(line).filter(|line| line.message() != AGAIN) {
                    left.remove(&line.entry());
                }
                left.is_empty()
            });
        }
        demo.stop();
        let is_empty = list(demo).is_empty();
        demo.start_again();
        if is_empty {
            return;
        }
    }
}

/// What is said of an attempt that another one follows.
pub const AGAIN: &str = "tried again later";
