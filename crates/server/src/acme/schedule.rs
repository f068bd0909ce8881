//! When a certificate is asked for: pure rules, time comes in as an argument.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the attempts since the last success went, for the names and the authority that they were made for.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Attempts {
    /// The names that were asked for.
    pub names: Vec<String>,
    /// The authority that was asked.
    pub directory: String,
    /// How many failed in a row.
    pub failures: u32,
    /// When the last one was made, in seconds since 1970; 0 = never.
    pub last: i64,
    /// No other is made before this, in seconds since 1970.
    pub not_before: i64,
    /// Nor before this, whoever asks for it: the authority wants to be left alone so long.
    pub limited_until: i64,
    /// What went wrong; empty = nothing.
    pub error: String,
    /// What to do about it.
    pub next_step: String,
}

impl Attempts {
    /// The earliest time of the next one.
    pub fn earliest(&self) -> i64 {
        self.not_before.max(self.limited_until)
    }

    /// An operator says that he has seen to it: the next one is made now, or a minute after the last.
    pub fn seen_to(&mut self) {
        self.not_before = self.not_before.min(self.last.saturating_add(60));
    }
}

/// Since when a certificate that begins and ends at these seconds is to be renewed: it has a third of its life left.
pub fn due(not_before: i64, not_after: i64) -> i64 {
    let life = not_after.saturating_sub(not_before).max(0);
    not_after.saturating_sub(life / 3)
}

/// How long to wait after the `failures`th failure in a row: a minute, ten, a hundred, then a day. `chance`, drawn anew each
/// time, adds up to a tenth, so that servers that failed together don't ask together.
pub fn pause(failures: u32, chance: u8) -> Duration {
    let minutes = match failures {
        0 | 1 => 1,
        2 => 10,
        3 => 100,
        _ => 24 * 60,
    };
    let pause = Duration::from_mins(minutes);
    pause + pause / 10 * u32::from(chance) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_due_when_a_third_of_its_life_is_left() {
        assert_eq!(due(0, 90), 60);
        assert_eq!(due(1_000, 1_006), 1_004);
        // Dates from outside may be anything.
        assert_eq!(due(10, 5), 5);
        let _ = due(i64::MIN, i64::MAX);
    }

    #[test]
    fn who_has_seen_to_it_waits_for_the_authority_only() {
        let mut attempts = Attempts {
            last: 1000,
            not_before: 9000,
            limited_until: 500,
            ..Attempts::default()
        };
        assert_eq!(attempts.earliest(), 9000);
        attempts.seen_to();
        assert_eq!(attempts.earliest(), 1060);
        attempts.limited_until = 2000;
        assert_eq!(attempts.earliest(), 2000);
    }

    #[test]
    fn failures_are_paced() {
        let minutes: Vec<u64> = (1..=6)
            .map(|failures| pause(failures, 0).as_secs() / 60)
            .collect();
        assert_eq!(minutes, [1, 10, 100, 1440, 1440, 1440]);
        assert_eq!(pause(1, 255), Duration::from_secs(66));
    }
}
