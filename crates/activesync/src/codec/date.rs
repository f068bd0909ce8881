//! Dates as ActiveSync writes them (MS-ASDTYPE §2.6): `2026-11-23T18:01:10.000Z`, or compact `20261123T180110Z`.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// `2026-11-23T18:01:10.000Z`, of seconds since 1970. Years outside 0..=9999 are clamped.
pub fn long(unix: i64) -> String {
    format(unix, "%Y-%m-%dT%H:%M:%S.000Z")
}

/// Reads either form, with and without a fraction, with and without `Z` (client-quirks A10); seconds since 1970.
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim().trim_end_matches(['Z', 'z']);
    let text = text.split('.').next()?;
    let formats = ["%Y-%m-%dT%H:%M:%S", "%Y%m%dT%H%M%S", "%Y-%m-%d", "%Y%m%d"];
    formats.iter().find_map(|format| {
        let date = DateTime::strptime(format, text)
            .or_else(|_| jiff::civil::Date::strptime(format, text).map(DateTime::from))
            .ok()?;
        Some(TimeZone::UTC.to_timestamp(date).ok()?.as_second())
    })
}

fn format(unix: i64, format: &str) -> String {
    let clamped = unix.clamp(EARLIEST, LATEST);
    Timestamp::from_second(clamped)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .strftime(format)
        .to_string()
}

/// 0001-01-01 and 9999-12-30.
const EARLIEST: i64 = -62_135_596_800;
const LATEST: i64 = 253_402_128_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_written() {
        assert_eq!(long(1_795_456_870), "2026-11-23T18:01:10.000Z");
        for text in [
            "2026-11-23T18:01:10.000Z",
            "2026-11-23T18:01:10Z",
            "20261123T180110Z",
            "20261123T180110",
            "2026-11-23T18:01:10.9999999Z",
        ] {
            assert_eq!(parse(text), Some(1_795_456_870), "{text}");
        }
        for bad in ["", "yesterday", "2026-13-01T00:00:00Z", "20261123T250000Z"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse(&long(i64::MIN)), Some(EARLIEST));
        assert_eq!(parse(&long(i64::MAX)), Some(LATEST));
    }
}
