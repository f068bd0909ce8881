//! Dates: INTERNALDATE's `date-time` and search's `date` (RFC 9051 §9).

use bytes::{BufMut, BytesMut};

/// A calendar day of a search, without a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// Year, 4 digits.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day, 1 to 31.
    pub day: u8,
}

impl Day {
    /// Reads `date-text`, without quotes. `None`: it is none, or there is no such day.
    ///
    /// ```abnf
    /// date-text  =  date-day "-" date-month "-" date-year
    /// date-day   =  1*2DIGIT
    /// date-month =  "Jan" / "Feb" / …
    /// date-year  =  4DIGIT
    /// ```
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut parts = text.split(|byte| *byte == b'-');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || !(1..=2).contains(&day.len()) || year.len() != 4 {
            return None;
        }
        Self::new(digits(year)?, month_number(month)?, digits(day)?)
    }

    /// The day in UTC on which that second is, since 1970; years 0 to 9999, the nearest of them beyond.
    pub fn of_unix(unix: i64) -> Self {
        Self::of_day_number(unix.clamp(EARLIEST, LATEST).div_euclid(SECONDS_OF_DAY))
    }

    /// The second at which it begins in UTC, since 1970.
    pub fn start_in_utc(self) -> i64 {
        self.day_number() * SECONDS_OF_DAY
    }

    fn new(year: u32, month: u8, day: u32) -> Option<Self> {
        let year = u16::try_from(year).ok()?;
        let day = u8::try_from(day).ok()?;
        (1..=days_of_month(year, month))
            .contains(&day)
            .then_some(Self { year, month, day })
    }

    /// Days since 1970-01-01 in the Gregorian calendar: years are counted from March, so that the leap day is their last, and in eras of
    /// 400 years.
    fn day_number(self) -> i64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * DAYS_OF_ERA + day_of_era - DAYS_TO_1970
    }

    /// The other way round.
    fn of_day_number(number: i64) -> Self {
        let number = number + DAYS_TO_1970;
        let (era, day_of_era) = (
            number.div_euclid(DAYS_OF_ERA),
            number.rem_euclid(DAYS_OF_ERA),
        );
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = (march_month + 2) % 12 + 1;
        Self {
            year: (era * 400 + year_of_era + i64::from(month <= 2)) as u16,
            month: month as u8,
            day: (day_of_year - (153 * march_month + 2) / 5 + 1) as u8,
        }
    }
}

/// Reads what stands between the quotes of `date-time`, as seconds since 1970. `None`: it is none, or there is no such time.
///
/// ```abnf
/// date-time      =  DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
/// date-day-fixed =  (SP DIGIT) / 2DIGIT
/// time           =  2DIGIT ":" 2DIGIT ":" 2DIGIT
/// zone           =  ("+" / "-") 4DIGIT
/// ```
pub fn parse_date_time(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_at_checked(11)?;
    let [b' ', time @ .., b' ', sign, h1, h2, m1, m2] = rest else {
        return None;
    };
    let day = Day::parse(date.strip_prefix(b" ").unwrap_or(date))?;
    let [t1, t2, b':', t3, t4, b':', t5, t6] = *time else {
        return None;
    };
    let (hour, minute, second) = (digits(&[t1, t2])?, digits(&[t3, t4])?, digits(&[t5, t6])?);
    let (zone_hour, zone_minute) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
    // 60: a leap second.
    if hour > 23 || minute > 59 || second > 60 || zone_hour > 23 || zone_minute > 59 {
        return None;
    }
    let zone = i64::from(zone_hour * 3600 + zone_minute * 60);
    let local = day.start_in_utc() + i64::from(hour * 3600 + minute * 60 + second);
    match sign {
        b'+' => Some(local - zone),
        b'-' => Some(local + zone),
        _ => None,
    }
}

/// Writes a `date-time` in UTC, quotes included. Years 0 to 9999, the nearest of them beyond.
pub fn write_internal_date(out: &mut BytesMut, unix: i64) {
    let unix = unix.clamp(EARLIEST, LATEST);
    let day = Day::of_unix(unix);
    let second = unix.rem_euclid(SECONDS_OF_DAY);
    out.put_u8(b'"');
    match day.day {
        1..=9 => out.extend_from_slice(&[b' ', b'0' + day.day]),
        day => put_digits(out, i64::from(day), 2),
    }
    out.put_u8(b'-');
    out.extend_from_slice(MONTHS[usize::from(day.month - 1)]);
    out.put_u8(b'-');
    put_digits(out, i64::from(day.year), 4);
    out.put_u8(b' ');
    put_digits(out, second / 3600, 2);
    out.put_u8(b':');
    put_digits(out, second / 60 % 60, 2);
    out.put_u8(b':');
    put_digits(out, second % 60, 2);
    out.extend_from_slice(b" +0000\"");
}

const SECONDS_OF_DAY: i64 = 86_400;

const DAYS_OF_ERA: i64 = 146_097;

/// From the first of March of the year 0.
const DAYS_TO_1970: i64 = 719_468;

/// The first second of the year 0.
const EARLIEST: i64 = -62_167_219_200;

/// The last second of the year 9999.
const LATEST: i64 = 253_402_300_799;

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

fn month_number(name: &[u8]) -> Option<u8> {
    let index = MONTHS
        .iter()
        .position(|month| name.eq_ignore_ascii_case(*month))?;
    Some(index as u8 + 1)
}

fn days_of_month(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// At most 4 digits, so that nothing overflows.
fn digits(text: &[u8]) -> Option<u32> {
    (text.len() <= 4 && text.iter().all(u8::is_ascii_digit)).then(|| {
        text.iter()
            .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    })
}

fn put_digits(out: &mut BytesMut, number: i64, count: u32) {
    for place in (0..count).rev() {
        out.put_u8(b'0' + (number / 10_i64.pow(place) % 10) as u8);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn date_times() {
        for (text, unix) in [
            ("17-Jul-1996 02:44:25 -0700", 837_596_665),
            ("01-jan-1970 00:00:00 +0000", 0),
            (" 1-Jan-1970 00:00:00 +0000", 0),
            (" 1-JAN-1970 01:00:00 +0100", 0),
            ("31-Dec-1969 23:59:59 -0000", -1),
            ("29-Feb-2000 12:00:00 +0545", 951_804_900),
            ("30-Jun-2015 23:59:60 +0000", 1_435_708_800),
            ("31-Dec-9999 23:59:59 +0000", LATEST),
            ("01-Jan-0000 00:00:00 +0000", EARLIEST),
        ] {
            assert_eq!(parse_date_time(text.as_bytes()), Some(unix), "{text}");
        }
    }

    #[test]
    fn no_date_times() {
        for text in [
            "",
            "17-Jul-1996",
            "17-Jul-1996 02:44:25",
            "17-Jul-1996 02:44:25 0700",
            "17-Jul-1996 02:44:25 -070",
            "17-Jul-1996 02:44:25 -0760",
            "17-Jul-1996 24:00:00 +0000",
            "17-Jul-1996 02:60:00 +0000",
            "17-Jul-1996 02:44:61 +0000",
            "17-Jul-1996T02:44:25 +0000",
            "30-Feb-2000 12:00:00 +0000",
            "29-Feb-1900 12:00:00 +0000",
            "00-Feb-2000 12:00:00 +0000",
            "01-Foo-2000 12:00:00 +0000",
            "+1-Jan-2000 12:00:00 +0000",
            "01-Jan-2000 12:00:00 +0000 ",
        ] {
            assert_eq!(parse_date_time(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn days() {
        let day = |year, month, day| Some(Day { year, month, day });
        for (text, expected) in [
            ("1-Feb-1994", day(1994, 2, 1)),
            ("01-feb-1994", day(1994, 2, 1)),
            ("31-DEC-9999", day(9999, 12, 31)),
            ("29-Feb-2024", day(2024, 2, 29)),
            ("29-Feb-2023", None),
            ("001-Feb-1994", None),
            ("1-Feb-94", None),
            ("1-Feb-01994", None),
            ("1-Feb-1994-", None),
            ("-Feb-1994", None),
            ("0-Feb-1994", None),
        ] {
            assert_eq!(Day::parse(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(
            Day::parse(b"1-Feb-1994").unwrap().start_in_utc(),
            760_060_800
        );
    }

    #[test]
    fn internal_dates_are_written() {
        for (unix, text) in [
            (837_596_665, "\"17-Jul-1996 09:44:25 +0000\""),
            (0, "\" 1-Jan-1970 00:00:00 +0000\""),
            (-1, "\"31-Dec-1969 23:59:59 +0000\""),
            (i64::MAX, "\"31-Dec-9999 23:59:59 +0000\""),
            (i64::MIN, "\" 1-Jan-0000 00:00:00 +0000\""),
        ] {
            let mut out = BytesMut::new();
            write_internal_date(&mut out, unix);
            assert_eq!(out, text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(unix in EARLIEST..=LATEST) {
            let mut out = BytesMut::new();
            write_internal_date(&mut out, unix);
            prop_assert_eq!(parse_date_time(&out[1..out.len() - 1]), Some(unix));
            let start = Day::of_unix(unix).start_in_utc();
            prop_assert!((start..start + SECONDS_OF_DAY).contains(&unix));
        }

        #[test]
        fn any_text_is_a_date_or_none(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = (parse_date_time(&text), Day::parse(&text));
        }
    }
}
