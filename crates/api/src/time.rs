//! Points in time and lengths of time as manifests and the API write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// Written in JSON as an RFC 3339 string in UTC, for example `2026-03-01T02:14:07.120Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The timestamp that many milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; zero where it is not after it, as clocks may step back.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This time moved on by `length`, stopping at the last representable one.
    pub fn after(self, length: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let time: jiff::Timestamp =
            text.parse().map_err(|_| SpanError::NotATime { text: text.to_owned() })?;
        Ok(Self(time.as_millisecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A length of time as people write it: `500ms`, `60s`, `8m`, `1h 30m`.
///
/// Never negative and at most a year; a bare number is refused because its unit would be a guess.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Duration);

/// The longest [`Span`]: longer waits in a manifest are slips of the pen.
const LONGEST_SPAN: Duration = Duration::from_secs(366 * 24 * 3600);

/// Why a text is not a [`Span`] or a [`Timestamp`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// Not a length of time with units.
    #[error("`{text}` is not a length of time; write it with units, like 500ms, 60s, 8m or 1h30m")]
    NotASpan {
        /// What was written.
        text: String,
    },
    /// Negative, or longer than a year.
    #[error("`{text}` is out of range; a length of time is between 0s and 366 days")]
    OutOfRange {
        /// What was written.
        text: String,
    },
    /// Not a point in time.
    #[error("`{text}` is not a point in time; write it like 2026-03-01T02:14:07Z")]
    NotATime {
        /// What was written.
        text: String,
    },
}

impl Span {
    /// The span of that many seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// As the standard library's type.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        // A day is 24 hours, and a week seven of them; months and years have no length.
        let length = text
            .parse::<jiff::Span>()
            .and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()))
            .map_err(|_| SpanError::NotASpan { text: text.to_owned() })?;
        match Duration::try_from(length) {
            // Whole milliseconds, as a span is written out again.
            Ok(length) if length <= LONGEST_SPAN => {
                Ok(Self(Duration::from_millis(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))))
            }
            _ => Err(SpanError::OutOfRange { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let parts = [(3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")];
        if millis == 0 {
            return f.write_str("0s");
        }
        let mut rest = millis;
        for (unit, name) in parts {
            if rest >= unit {
                write!(f, "{}{name}", rest / unit)?;
                rest %= unit;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "a length of time with units",
            "examples": ["500ms", "60s", "8m", "1h30m", "30d"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_write() {
        let check = |text: &str, millis: u64, written: &str| {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.duration(), Duration::from_millis(millis), "{text}");
            assert_eq!(span.to_string(), written);
            assert_eq!(written.parse::<Span>().unwrap(), span);
        };
        check("500ms", 500, "500ms");
        check("60s", 60_000, "1m");
        check("8m", 480_000, "8m");
        check("1h 30m", 5_400_000, "1h30m");
        check("1.0009s", 1000, "1s");
        check("0s", 0, "0s");
        check("30d", 30 * 86_400_000, "720h");
        check("1w 2d", 9 * 86_400_000, "216h");
    }

    #[test]
    fn wrong_spans_say_why() {
        let check = |text: &str, wanted: &str| {
            let message = text.parse::<Span>().unwrap_err().to_string();
            assert!(message.contains(wanted), "{text}: {message}");
        };
        check("8", "with units");
        check("soon", "with units");
        check("1mo", "with units");
        check("-5s", "out of range");
        check("100000h", "out of range");
    }

    #[test]
    fn timestamps_are_rfc_3339_in_utc() {
        let time = Timestamp::from_millis(1_772_331_247_120);
        assert_eq!(time.to_string(), "2026-03-01T02:14:07.120Z");
        assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        assert_eq!(time.since(Timestamp::from_millis(time.as_millis() + 5)), Duration::ZERO);
    }
}
