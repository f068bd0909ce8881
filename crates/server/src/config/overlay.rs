//! The environment over the file: `FIELDPOST_SECTION__KEY=value`, for containers and for trying something once.
//!
//! A value is read as TOML where it is TOML (`512`, `true`, `["a"]`), and as a string otherwise. `[[listener]]` cannot
//! be set this way.

use std::ffi::OsString;

use super::known_keys;
use crate::error::ConfigError;

/// Lays `environment` over `table`; true if anything was set.
pub fn apply(
    table: &mut toml::Table,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<bool, ConfigError> {
    let mut any = false;
    for (name, value) in environment {
        let Some(path) = name
            .to_str()
            .and_then(|name| name.strip_prefix("FIELDPOST_"))
        else {
            continue;
        };
        // Without the double underscore it is none of ours (FIELDPOST_VERSION of a packaging script, say).
        let Some((section, key)) = path.split_once("__") else {
            continue;
        };
        let wrong = |reason: String| ConfigError::Environment {
            reason: format!("FIELDPOST_{path}: {reason}"),
        };
        let section = section.to_ascii_lowercase();
        let key = key.to_ascii_lowercase();
        let Some(value) = value.to_str() else {
            return Err(wrong("the value is not UTF-8".into()));
        };
        let known = match section.as_str() {
            "listener" => return Err(wrong("listeners are set in the file only".into())),
            other => known_keys::section_keys(other)
                .ok_or_else(|| wrong(unknown("section", &section, "", &known_keys::sections())))?,
        };
        if !known.contains(&key.as_str()) {
            return Err(wrong(unknown("key", &key, &section, known)));
        }
        let entries = table
            .entry(section)
            .or_insert_with(|| toml::Value::Table(toml::Table::new()));
        if let toml::Value::Table(entries) = entries {
            entries.insert(key, read(value));
            any = true;
        }
    }
    Ok(any)
}

fn read(value: &str) -> toml::Value {
    toml::from_str::<toml::Table>(&format!("value = {value}"))
        .ok()
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| toml::Value::String(value.to_owned()))
}

fn unknown(what: &str, name: &str, section: &str, known: &[&str]) -> String {
    match known_keys::nearest(name, section, known) {
        Some(nearest) => format!("there is no {what} {name}; did you mean {nearest}?"),
        None => format!("there is no {what} {name}; known: {}", known.join(", ")),
    }
}
