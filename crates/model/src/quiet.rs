//! Whether quiet hours hold, and until when.

use ironhand_api::{QuietHours, QuietWindow, TimeZoneName, Timestamp};
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};

/// Windows that follow each other are taken together, so many at most: a week of days and nights.
const MOST_IN_A_ROW: usize = 16;

/// When the quiet hours end that hold at `now`, with those that follow at once; none where none hold.
pub fn quiet_until(now: Timestamp, hours: &QuietHours) -> Option<Timestamp> {
    let mut until = end_of_all(now, hours)?;
    for _ in 0..MOST_IN_A_ROW {
        match end_of_all(until, hours) {
            Some(later) => until = later,
            None => break,
        }
    }
    Some(until)
}

fn end_of_all(now: Timestamp, hours: &QuietHours) -> Option<Timestamp> {
    hours.windows().filter_map(|window| end_of(now, window)).max()
}

/// When one window ends that holds at `now`.
fn end_of(now: Timestamp, window: &QuietWindow) -> Option<Timestamp> {
    let zone = match window.zone() {
        TimeZoneName::Named(name) => TimeZone::get(name).ok()?,
        TimeZoneName::Offset(minutes) => TimeZone::fixed(Offset::from_seconds(i32::from(minutes) * 60).ok()?),
    };
    let today = jiff::Timestamp::from_millisecond(now.as_millis()).ok()?.to_zoned(zone.clone()).date();
    // One that began yesterday may go on past midnight.
    [today.yesterday().ok()?, today].into_iter().find_map(|day| {
        let weekday = u8::try_from(day.weekday().to_monday_zero_offset()).ok()?;
        let begins = moment(day, window.from(), &zone).filter(|_| window.begins_on(weekday))?;
        let ends = moment(day, window.to(), &zone)?;
        (begins <= now && now < ends).then_some(ends)
    })
}

/// The moment so many minutes after the midnight that begins a day. A time that the clocks leave out is as much later as
/// they are put forward; of one that comes twice, the first is meant.
fn moment(day: Date, minutes: u16, zone: &TimeZone) -> Option<Timestamp> {
    let (day, minutes) = match minutes.checked_sub(24 * 60) {
        Some(rest) => (day.tomorrow().ok()?, rest),
        None => (day, minutes),
    };
    let (hour, minute) = (i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?);
    let at = day.at(hour, minute, 0, 0).to_zoned(zone.clone()).ok()?;
    Some(Timestamp::from_millis(at.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares until when windows hold at some times; times are in UTC.
    fn check(windows: &str, times: &[(&str, Option<&str>)]) {
        let hours: QuietHours = serde_json::from_str(windows).unwrap();
        let time = |text: &str| serde_json::from_value::<Timestamp>(text.into()).unwrap();
        for (now, wanted) in times {
            assert_eq!(quiet_until(time(now), &hours), wanted.map(time), "{windows} at {now}");
        }
    }

    #[test]
    fn a_window_holds_on_its_days() {
        check(
            r#"[{"days":"mon-fri","from":"08:00","to":"18:00"}]"#,
            &[
                ("2026-03-02T07:59:59Z", None),
                ("2026-03-02T08:00:00Z", Some("2026-03-02T18:00:00Z")),
                ("2026-03-02T17:59:59Z", Some("2026-03-02T18:00:00Z")),
                ("2026-03-02T18:00:00Z", None),
                ("2026-03-07T12:00:00Z", None),
            ],
        );
    }

    #[test]
    fn a_window_past_midnight_belongs_to_the_day_on_which_it_begins() {
        check(
            r#"[{"days":"fri","from":"22:00","to":"06:00"}]"#,
            &[
                ("2026-03-06T05:00:00Z", None),
                ("2026-03-06T23:00:00Z", Some("2026-03-07T06:00:00Z")),
                ("2026-03-07T05:59:00Z", Some("2026-03-07T06:00:00Z")),
                ("2026-03-07T23:00:00Z", None),
            ],
        );
    }

    #[test]
    fn windows_that_follow_each_other_are_one() {
        check(
            r#"[{"days":"sat,sun","from":"00:00","to":"24:00"},{"days":"mon","from":"00:00","to":"06:00"}]"#,
            &[
                ("2026-03-06T23:59:59Z", None),
                ("2026-03-07T00:00:00Z", Some("2026-03-09T06:00:00Z")),
                ("2026-03-09T05:00:00Z", Some("2026-03-09T06:00:00Z")),
            ],
        );
        // What never ends is told in parts.
        let always = r#"[{"from":"00:00","to":"24:00"}]"#;
        check(always, &[("2026-03-07T00:00:00Z", Some("2026-03-24T00:00:00Z"))]);
    }

    #[test]
    fn clocks_that_are_put_forward_and_back_are_followed() {
        // In Amsterdam it is 03:00 an hour after 01:00 on 29 March 2026.
        check(
            r#"[{"from":"01:30","to":"02:30","timeZone":"Europe/Amsterdam"}]"#,
            &[
                ("2026-03-28T00:45:00Z", Some("2026-03-28T01:30:00Z")),
                ("2026-03-29T00:45:00Z", Some("2026-03-29T01:30:00Z")),
                ("2026-03-29T01:30:00Z", None),
                ("2026-03-30T00:00:00Z", Some("2026-03-30T00:30:00Z")),
            ],
        );
        // And 02:00 to 03:00 twice on 25 October.
        check(
            r#"[{"from":"01:30","to":"03:30","timeZone":"Europe/Amsterdam"}]"#,
            &[
                ("2026-10-24T23:30:00Z", Some("2026-10-25T02:30:00Z")),
                ("2026-10-25T01:30:00Z", Some("2026-10-25T02:30:00Z")),
                ("2026-10-25T02:30:00Z", None),
            ],
        );
        // A fixed distance knows nothing of that.
        check(
            r#"[{"from":"01:30","to":"02:30","timeZone":"+01:00"}]"#,
            &[("2026-07-01T00:45:00Z", Some("2026-07-01T01:30:00Z"))],
        );
    }
}
