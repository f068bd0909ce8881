//! Dates of RFC 5322 §3.3 and §4.3, read leniently and written strictly. The clock is the caller's.

use std::fmt::Write as _;

/// When a message says that it was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SentDate {
    /// Seconds since 1970-01-01 00:00:00 UTC.
    pub unix: i64,
    /// Zone of the sender in minutes east of UTC.
    pub offset_minutes: i16,
}

impl SentDate {
    /// Days since 1970-01-01 of the date as written, zone disregarded: what SENTSINCE and its kin compare (RFC 9051 §6.4.4).
    pub fn local_day(self) -> i64 {
        (self.unix + i64::from(self.offset_minutes) * 60).div_euclid(DAY)
    }
}

/// Reads a Date field. Accepts the obsolete forms (two-digit years, zone names, comments, no day of week, no seconds) and, of what
/// else programs write, `GMT+0100`, a missing zone (UTC), `Nov 23 17:00:00 2026` (asctime) and ISO 8601.
///
/// Days and times are checked, so that the result is a real moment; a leap second is the second after it.
pub fn parse(value: &str) -> Option<SentDate> {
    let mut fields = Fields::default();
    for token in tokens(value) {
        fields.take(token)?;
    }
    fields.finish()
}

/// `Mon, 23 Nov 2026 17:01:10 +0000` (RFC 5322 §3.3) of a time in seconds since 1970, shown in a zone that is `offset_minutes`
/// east of UTC. Years outside 0..=9999 are clamped, and so are offsets beyond a day.
pub fn format_rfc5322(unix: i64, offset_minutes: i16) -> String {
    let offset = i64::from(offset_minutes.clamp(-1439, 1439));
    let local = unix.saturating_add(offset * 60).clamp(
        days_from_civil(0, 1, 1) * DAY,
        days_from_civil(10_000, 1, 1) * DAY - 1,
    );
    let days = local.div_euclid(DAY);
    let second = local.rem_euclid(DAY);
    let (year, month, day) = civil_from_days(days);
    let mut out = String::with_capacity(31);
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} {}{:02}{:02}",
        WEEKDAYS[(days + 4).rem_euclid(7) as usize],
        MONTHS[(month - 1) as usize],
        second / 3600,
        second / 60 % 60,
        second % 60,
        if offset < 0 { '-' } else { '+' },
        offset.abs() / 60,
        offset.abs() % 60,
    );
    out
}

/// Days since 1970-01-01 of a day in the Gregorian calendar.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last; 400 years are an era of 146097 days.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day: the inverse of [`days_from_civil`].
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[derive(Default)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    time: Option<i64>,
    offset: Option<i64>,
}

impl Fields {
    /// `None` when the token makes the whole senseless.
    fn take(&mut self, token: &str) -> Option<()> {
        let first = *token.as_bytes().first()?;
        let is_clock = token
            .split_once(':')
            .is_some_and(|(hour, _)| first.is_ascii_digit() && !hour.contains('-'));
        if is_clock && self.time.is_none() {
            // `17:01:10+0100`, the blank forgotten.
            let (time, zone) = token.split_at(token.find(['+', '-']).unwrap_or(token.len()));
            self.time = Some(clock(time)?);
            self.offset = self.offset.or_else(|| numeric_zone(zone));
        } else if matches!(first, b'+' | b'-') {
            if self.time.is_some() {
                self.offset = self.offset.or_else(|| numeric_zone(token));
            }
        } else if first.is_ascii_digit() {
            self.number(token)?;
        } else if first.is_ascii_alphabetic() {
            self.word(token);
        }
        Some(())
    }

    fn number(&mut self, token: &str) -> Option<()> {
        let bytes = token.as_bytes();
        // 2026-11-23, 23-Nov-2026, with or without T17:01:10Z.
        if bytes.len() >= 8 && token[1..].contains('-') {
            let (date, time) = token
                .split_once(['T', 't'])
                .filter(|(date, _)| date.matches('-').count() == 2)
                .unwrap_or((token, ""));
            let mut parts = date.split('-');
            let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
            let month = month_of(b).or_else(|| b.parse().ok())?;
            let (year, day) = if a.len() == 4 { (a, c) } else { (c, a) };
            self.year = Some(full_year(year)?);
            self.month = Some(month);
            self.day = Some(day.parse().ok()?);
            if !time.is_empty() {
                let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
                self.time = Some(clock(&time[..zone])?);
                self.offset = Some(match time.get(zone..) {
                    Some(text) if text.starts_with(['+', '-']) => numeric_zone(text)?,
                    _ => 0,
                });
            }
            return Some(());
        }
        if self.day.is_none() && token.len() <= 2 {
            self.day = Some(token.parse().ok()?);
        } else if self.year.is_none() {
            self.year = Some(full_year(token)?);
        }
        Some(())
    }

    fn word(&mut self, token: &str) {
        if self.time.is_none() || self.month.is_none() {
            if let Some(month) = month_of(token) {
                self.month = self.month.or(Some(month));
                return;
            }
            if weekday(token) {
                return;
            }
        }
        if self.time.is_some() && self.offset.is_none() {
            let upper = token.to_ascii_uppercase();
            self.offset = named_zone(&upper).or_else(|| {
                let text = upper
                    .strip_prefix("GMT")
                    .or_else(|| upper.strip_prefix("UTC"))?;
                numeric_zone(text)
            });
        }
        if token.eq_ignore_ascii_case("PM") || token.eq_ignore_ascii_case("AM") {
            self.offset = None;
            if let Some(time) = self.time {
                let hour = time / 3600;
                let pm = token.eq_ignore_ascii_case("PM");
                if pm && hour < 12 {
                    self.time = Some(time + 12 * 3600);
                } else if !pm && hour == 12 {
                    self.time = Some(time - 12 * 3600);
                }
            }
        }
    }

    fn finish(self) -> Option<SentDate> {
        let (year, month, day) = (self.year?, self.month?, self.day?);
        if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
            return None;
        }
        let offset = self.offset.unwrap_or(0);
        let local = days_from_civil(year, month, day) * DAY + self.time.unwrap_or(0);
        Some(SentDate {
            unix: local - offset * 60,
            offset_minutes: offset as i16,
        })
    }
}

/// Words, with comments (nested ones too) and commas taken out.
fn tokens(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = value;
    let mut left = MAX_TOKENS;
    std::iter::from_fn(move || {
        left = usize::checked_sub(left, 1)?;
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',' || c == ')');
        while rest.starts_with('(') {
            rest = skip_comment(rest)
                .trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',' || c == ')');
        }
        if rest.is_empty() {
            return None;
        }
        let end = rest
            .find(|c: char| c.is_ascii_whitespace() || matches!(c, ',' | '(' | ')'))
            .unwrap_or(rest.len());
        let (token, tail) = rest.split_at(end);
        rest = tail;
        Some(token)
    })
}

fn skip_comment(text: &str) -> &str {
    let mut depth = 0usize;
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return &text[index + 1..];
                }
            }
            _ => {}
        }
    }
    ""
}

/// `17:01[:10[.5]]` in seconds.
fn clock(token: &str) -> Option<i64> {
    let mut parts = token.split(':');
    let hour = two_digits(parts.next()?)?;
    let minute = two_digits(parts.next()?)?;
    let second = match parts.next() {
        Some(text) => two_digits(text.split('.').next()?)?,
        None => 0,
    };
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

fn two_digits(text: &str) -> Option<i64> {
    (matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// RFC 5322 §4.3: two digits below 50 are of this century, the others and three digits count from 1900.
fn full_year(text: &str) -> Option<i64> {
    if text.len() > 4 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let year: i64 = text.parse().ok()?;
    Some(match text.len() {
        1 | 2 if year < 50 => 2000 + year,
        1..=3 => 1900 + year,
        _ => year,
    })
}

fn month_of(text: &str) -> Option<i64> {
    let prefix = text.get(..3)?;
    (text.len() <= 9)
        .then(|| {
            MONTHS
                .iter()
                .position(|month| month.eq_ignore_ascii_case(prefix))
        })
        .flatten()
        .map(|index| index as i64 + 1)
}

fn weekday(text: &str) -> bool {
    text.get(..3)
        .is_some_and(|prefix| WEEKDAYS.iter().any(|day| day.eq_ignore_ascii_case(prefix)))
}

/// `+0130`, `-5`, `+01:30` in minutes; nonsense is UTC (RFC 5322 §4.3 says so of unknown zones).
fn numeric_zone(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(0);
    }
    let number: i64 = digits.parse().ok()?;
    let minutes = if digits.len() <= 2 {
        number * 60
    } else {
        number / 100 * 60 + number % 100
    };
    Some(if minutes < DAY / 60 {
        sign * minutes
    } else {
        0
    })
}

fn named_zone(upper: &str) -> Option<i64> {
    Some(match upper {
        "EDT" => -240,
        "EST" | "CDT" => -300,
        "CST" | "MDT" => -360,
        "MST" | "PDT" => -420,
        "PST" => -480,
        "BST" | "CET" | "MEZ" => 60,
        "CEST" | "MESZ" | "EET" => 120,
        "EEST" | "MSK" => 180,
        "JST" | "KST" => 540,
        // Military zones were defined wrongly in RFC 822: they say nothing (RFC 5322 §4.3).
        "UT" | "UTC" | "GMT" | "Z" => 0,
        _ if upper.len() == 1 => 0,
        _ => return None,
    })
}

const DAY: i64 = 86_400;
const MAX_TOKENS: usize = 32;
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests;
