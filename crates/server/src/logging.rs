//! Logs: text or JSON lines on standard error, with a level that a reload can change.
//!
//! A line about a connection carries its id, peer and protocol from the span that the listener opened. Passwords are
//! never logged: they wear a type whose `Debug` hides them, and no front-end logs what a client sent.

use std::io::IsTerminal;

use tracing_subscriber::{
    EnvFilter, Registry, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

use crate::config::{LogFormat, LogSection};

/// Changes the level of a running server's log.
pub struct LogLevel(reload::Handle<EnvFilter, Registry>);

/// The directives cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "[log] level = \"{level}\": {reason}; write off, error, warn, info, debug or trace, or info,fieldpost_pop3=debug"
)]
pub struct LevelError {
    level: String,
    reason: String,
}

/// Starts the log of this process; only the first call does.
pub fn start(section: &LogSection) -> Result<LogLevel, LevelError> {
    let (filter, handle) = reload::Layer::new(parse(&section.level)?);
    let registry = tracing_subscriber::registry().with(filter);
    let started = match section.format {
        LogFormat::Text => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_target(false),
            )
            .try_init(),
        LogFormat::Json => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(true)
                    .with_span_list(false)
                    .with_writer(std::io::stderr),
            )
            .try_init(),
    };
    // Somebody has started a log before us (a test): theirs is used.
    drop(started);
    Ok(LogLevel(handle))
}

impl LogLevel {
    /// Puts another level into force.
    pub fn set(&self, level: &str) -> Result<(), LevelError> {
        let filter = parse(level)?;
        self.0.reload(filter).map_err(|error| LevelError {
            level: level.to_owned(),
            reason: error.to_string(),
        })
    }
}

/// Whether `level` can be used.
pub fn check(level: &str) -> Result<(), LevelError> {
    parse(level).map(drop)
}

/// A word alone must be a level. The filter would take any other for the name of a module whose events alone are wanted,
/// so that a slip of the pen would silence all others.
fn parse(level: &str) -> Result<EnvFilter, LevelError> {
    let wrong = |reason: String| LevelError {
        level: level.to_owned(),
        reason,
    };
    for word in level.split(',').map(str::trim) {
        if word.is_empty() {
            return Err(wrong("a level is missing".into()));
        }
        if word.contains(['=', '[', ']', '{', '}']) {
            continue;
        }
        let lower = word.to_ascii_lowercase();
        if !LEVELS.contains(&lower.as_str()) {
            return Err(wrong(match nearest(&lower) {
                Some(nearest) => format!("there is no level {word}; did you mean {nearest}?"),
                None => format!("there is no level {word}"),
            }));
        }
    }
    EnvFilter::builder()
        .parse(level)
        .map_err(|error| wrong(error.to_string()))
}

fn nearest(word: &str) -> Option<&'static str> {
    LEVELS
        .iter()
        .map(|level| (strsim::jaro_winkler(word, level), *level))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.7)
        .map(|(_, level)| level)
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_directives_are_checked() {
        for good in ["info", "WARN", "off", "info,fieldpost_pop3=debug"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "fieldpost=loud",
            "info,a=b=c",
            "",
            "info,",
            "fieldpost_pop3",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_slip_in_a_level_names_the_nearest_one() {
        for (slip, meant) in [("inof", "info"), ("debgu", "debug"), ("warning", "warn")] {
            let text = check(slip).unwrap_err().to_string();
            assert!(text.contains(&format!("did you mean {meant}?")), "{text}");
        }
    }
}
