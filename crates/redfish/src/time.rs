//! Times as controllers write them: by RFC 3339, nearly.

/// Milliseconds since 1970-01-01T00:00:00Z. A time without a zone is taken as one of UTC, and a date as its midnight.
/// Zones without a colon are read; what is no time, as `0000-00-00T00:00:00Z` where a controller knows none, is none.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, rest) = match text.split_once(['T', 't', ' ']) {
        Some((date, rest)) => (date, Some(rest)),
        None => (text, None),
    };
    let days = days(date)?;
    let Some(rest) = rest else { return Some(days * 86_400_000) };
    let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone_at);
    let millis = days * 86_400_000 + millis_of(clock)? - zone_millis(zone)?;
    Some(millis)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let mut part = |digits: usize| number(parts.next()?, digits);
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if parts.next().is_some() || year < 1970 || !(1..=length).contains(&day) {
        return None;
    }
    // Years that begin in March end with the day that leap years add.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
    Some(days - 719_468)
}

/// Milliseconds from midnight: `10:11:12`, with a fraction or not.
fn millis_of(clock: &str) -> Option<i64> {
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = whole.trim().split(':');
    let mut part = || number(parts.next()?, 2);
    let (hours, minutes, seconds) = (part()?, part()?, part()?);
    let is_digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    // A leap second is the one before it.
    if parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 60 || !is_digits {
        return None;
    }
    let millis = format!("{fraction:0<3}").get(..3)?.parse::<i64>().ok()?;
    Some(((hours * 60 + minutes) * 60 + seconds.min(59)) * 1000 + millis)
}

/// What a zone is before UTC, in milliseconds: `Z`, `-06:00`, `-0600`, `-06`, or nothing.
fn zone_millis(zone: &str) -> Option<i64> {
    let sign = match zone.chars().next() {
        None | Some('Z' | 'z') if zone.len() <= 1 => return Some(0),
        Some('+') => 1,
        Some('-') => -1,
        _ => return None,
    };
    let digits = zone[1..].replace(':', "");
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits, 2)?, 0),
        4 => (number(digits.get(..2)?, 2)?, number(digits.get(2..)?, 2)?),
        _ => return None,
    };
    (hours <= 18 && minutes <= 59).then_some(sign * (hours * 60 + minutes) * 60_000)
}

fn number(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_controllers_write_them() {
        let check = |text, expected| assert_eq!(parse(text), expected, "{text:?}");
        check("1970-01-01T00:00:00Z", Some(0));
        check("2026-02-28T07:31:02-06:00", Some(1_772_285_462_000));
        check("2026-02-28T07:31:02-0600", Some(1_772_285_462_000));
        check("2026-02-28T13:31:02Z", Some(1_772_285_462_000));
        check("2026-02-28T13:31:02", Some(1_772_285_462_000));
        check(" 2026-02-28 13:31:02.5+00:00 ", Some(1_772_285_462_500));
        check("2026-02-28T13:31:02.482215+00:00", Some(1_772_285_462_482));
        check("2024-02-29T00:00:00Z", Some(1_709_164_800_000));
        check("2024-02-29", Some(1_709_164_800_000));
        check("2000-12-31T23:59:60Z", Some(978_307_199_000));
        for none in [
            "",
            "0000-00-00T00:00:00Z",
            "00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-02-28T24:00:00Z",
            "2026-02-28T10:00Z",
            "2026-02-28T10:00:00.Z",
            "2026-02-28T10:00:00Zulu",
            "2026-02-28T10:00:00+6",
            "2026-02-28T10:00:00+é6:00",
            "N/A",
        ] {
            check(none, None);
        }
    }
}
