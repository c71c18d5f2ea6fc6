//! Dates of definitions: Tyk's `2006-01-02 15:04`, in UTC.

use crate::json::{DocumentFaults, Node};
use crate::time::Timestamp;

const MINUTE_S: u64 = 60;
const DAY_S: u64 = 24 * 60 * MINUTE_S;

/// Reads the date at a place; none when it is absent, empty or `-1`, and a fault when it is something else.
pub(super) fn read(node: &Node<'_>, faults: &mut DocumentFaults) -> Option<Timestamp> {
    let text = node.filled_text(faults).filter(|text| *text != "-1")?;
    let date = parse(text);
    if date.is_none() {
        faults.add(
            node.path(),
            "must be a date such as 2030-01-31 23:59 (in UTC), from the year 1970 on",
        );
    }
    date
}

fn parse(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(' ')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute] = numbers(time, ':', [2, 2])?;
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days_in_month = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    if year < 1970 || !(1..=days_in_month).contains(&day) || hour > 23 || minute > 59 {
        return None;
    }
    let days = days_since_1970(year, month, day)?;
    Some(Timestamp::from_unix_s(
        days * DAY_S + (hour * 60 + minute) * MINUTE_S,
    ))
}

/// The numbers between separators, each of exactly so many digits.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[u64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits)?;
        if !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Days of the Gregorian calendar, counted in years that begin in March so that the leap day is the last of them.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    const MARCH_OF_YEAR_0_TO_1970: u64 = 719_468;
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    days.checked_sub(MARCH_OF_YEAR_0_TO_1970)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix_s(text: &str) -> Option<u64> {
        parse(text).map(Timestamp::as_unix_s)
    }

    #[test]
    fn dates_are_minutes_of_the_calendar() {
        assert_eq!(unix_s("1970-01-01 00:00"), Some(0));
        assert_eq!(unix_s("1970-01-02 00:01"), Some(DAY_S + 60));
        assert_eq!(unix_s("2000-02-29 12:34"), Some(951_827_640));
        assert_eq!(unix_s("2000-03-01 00:00"), Some(951_868_800));
        assert_eq!(unix_s("2026-11-21 15:04"), Some(1_795_273_440));
        assert_eq!(unix_s("3000-01-02 15:04"), Some(32_503_820_640));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "2026-11-21",
            "2026-11-21T15:04",
            "2026-11-21 15:04:05",
            "2026-13-01 00:00",
            "2026-02-29 00:00",
            "2100-02-29 00:00",
            "2026-11-31 00:00",
            "2026-00-01 00:00",
            "2026-11-00 00:00",
            "2026-11-21 24:00",
            "2026-11-21 15:60",
            "1969-12-31 23:59",
            "26-11-21 15:04",
            "2026-1-21 15:04",
            "2026-11-21 15:4",
            "+026-11-21 15:04",
            "2026-11-21-01 15:04",
            "next year",
        ] {
            assert_eq!(unix_s(text), None, "{text}");
        }
    }
}
