//! What a reload changed: now, or only with the next start.

use serde_json::Value;

use super::Config;

/// One value that differs between two configurations.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// `section.key`.
    pub key: String,
    /// As it was.
    pub before: String,
    /// As it is in the file now.
    pub after: String,
    /// When it counts.
    pub effect: Effect,
}

/// When a change counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// For connections from now on.
    Now,
    /// After a restart.
    Restart,
}

/// All that differs, in order of the keys.
pub fn difference(before: &Config, after: &Config) -> Vec<Change> {
    let mut changes = Vec::new();
    if let (Ok(before), Ok(after)) = (serde_json::to_value(before), serde_json::to_value(after)) {
        walk("", &before, &after, &mut changes);
    }
    changes
}

fn walk(path: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    if let (Value::Object(one), Value::Object(other)) = (before, after) {
        let mut keys: Vec<&String> = one.keys().chain(other.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            let null = &Value::Null;
            walk(
                &path,
                one.get(key).unwrap_or(null),
                other.get(key).unwrap_or(null),
                changes,
            );
        }
    } else if before != after {
        changes.push(Change {
            key: path.to_owned(),
            before: before.to_string(),
            after: after.to_string(),
            effect: effect(path),
        });
    }
}

/// What a reload can put into force: certificates and the log's level. All else is built once, at start.
fn effect(key: &str) -> Effect {
    match key {
        "tls.certificates" | "log.level" => Effect::Now,
        _ => Effect::Restart,
    }
}
