//! What a sensor's value counts (IPMI 2.0 section 43.17, table 43-15).

use std::fmt;

/// The unit of an analogue value, from the three unit bytes of a sensor's record.
///
/// Shown with the symbols of the International System where they exist: `°C`, `V`, `RPM`, `B/s`, `%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Unit {
    /// The value is a percentage.
    pub percentage: bool,
    /// Base unit: a number of table 43-15.
    pub base: u8,
    /// Modifier unit, another number of the same table, and what it does to the base unit.
    pub modifier: Option<(UnitModifier, u8)>,
    /// The value counts per this time.
    pub rate: Option<RateUnit>,
}

/// How a modifier unit joins the base unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnitModifier {
    /// Base unit divided by modifier unit.
    Divide,
    /// Base unit multiplied by modifier unit.
    Multiply,
}

/// The time that a rate is per.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateUnit {
    /// Per microsecond.
    Microsecond,
    /// Per millisecond.
    Millisecond,
    /// Per second.
    Second,
    /// Per minute.
    Minute,
    /// Per hour.
    Hour,
    /// Per day.
    Day,
}

const RATES: [(RateUnit, &str); 6] = [
    (RateUnit::Microsecond, "µs"),
    (RateUnit::Millisecond, "ms"),
    (RateUnit::Second, "s"),
    (RateUnit::Minute, "min"),
    (RateUnit::Hour, "h"),
    (RateUnit::Day, "d"),
];

impl Unit {
    /// A base unit by its number alone.
    pub const fn base(number: u8) -> Self {
        Self { percentage: false, base: number, modifier: None, rate: None }
    }

    /// Reads bytes "sensor units 1" to "3". The upper two bits of the first are the analogue format's.
    pub(crate) fn from_bytes([flags, base, modifier]: [u8; 3]) -> Self {
        Self {
            percentage: flags & 1 != 0,
            base,
            modifier: match flags >> 1 & 3 {
                1 => Some((UnitModifier::Divide, modifier)),
                2 => Some((UnitModifier::Multiply, modifier)),
                _ => None,
            },
            rate: usize::from(flags >> 3 & 7)
                .checked_sub(1)
                .and_then(|index| RATES.get(index))
                .map(|(rate, _)| *rate),
        }
    }

    /// The three bytes, with the analogue format's bits clear.
    pub(crate) fn to_bytes(self) -> [u8; 3] {
        let (how, modifier) = match self.modifier {
            None => (0, 0),
            Some((UnitModifier::Divide, modifier)) => (1, modifier),
            Some((UnitModifier::Multiply, modifier)) => (2, modifier),
        };
        let rate = (1u8..).zip(RATES).find(|(_, (rate, _))| Some(*rate) == self.rate);
        let rate = rate.map_or(0, |(number, _)| number);
        [rate << 3 | how << 1 | u8::from(self.percentage), self.base, modifier]
    }

    /// Whether nothing is said about the unit.
    pub fn is_unspecified(self) -> bool {
        self == Self::default()
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = symbol(self.base);
        if self.percentage {
            f.write_str(if base.is_empty() { "%" } else { "% " })?;
        }
        f.write_str(base)?;
        match self.modifier {
            Some((UnitModifier::Divide, modifier)) => write!(f, "/{}", symbol(modifier))?,
            Some((UnitModifier::Multiply, modifier)) => write!(f, "·{}", symbol(modifier))?,
            None => {}
        }
        match RATES.iter().find(|(rate, _)| Some(*rate) == self.rate) {
            Some((_, time)) => write!(f, "/{time}"),
            None => Ok(()),
        }
    }
}

/// The symbol of a unit of table 43-15; empty for "unspecified" and what the table leaves open.
fn symbol(number: u8) -> &'static str {
    SYMBOLS.get(usize::from(number)).copied().unwrap_or_default()
}

const SYMBOLS: [&str; 93] = [
    "",
    "°C",
    "°F",
    "K",
    "V",
    "A",
    "W",
    "J",
    "C",
    "VA",
    "nt",
    "lm",
    "lx",
    "cd",
    "kPa",
    "psi",
    "N",
    "CFM",
    "RPM",
    "Hz",
    "µs",
    "ms",
    "s",
    "min",
    "h",
    "d",
    "weeks",
    "mil",
    "in",
    "ft",
    "in³",
    "ft³",
    "mm",
    "cm",
    "m",
    "cm³",
    "m³",
    "l",
    "fl oz",
    "rad",
    "sr",
    "revolutions",
    "cycles",
    "g",
    "oz",
    "lb",
    "ft·lb",
    "oz·in",
    "G",
    "Gb",
    "H",
    "mH",
    "F",
    "µF",
    "Ω",
    "S",
    "mol",
    "Bq",
    "ppm",
    "",
    "dB",
    "dBA",
    "dBC",
    "Gy",
    "Sv",
    "K",
    "bit",
    "kbit",
    "Mbit",
    "Gbit",
    "B",
    "kB",
    "MB",
    "GB",
    "words",
    "dwords",
    "qwords",
    "lines",
    "hits",
    "misses",
    "retries",
    "resets",
    "overruns",
    "underruns",
    "collisions",
    "packets",
    "messages",
    "characters",
    "errors",
    "correctable errors",
    "uncorrectable errors",
    "fatal errors",
    "grams",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_read_as_people_write_them() {
        let check = |bytes: [u8; 3], expected: &str| {
            let unit = Unit::from_bytes(bytes);
            assert_eq!(unit.to_string(), expected, "{bytes:?}");
            assert_eq!(Unit::from_bytes(unit.to_bytes()), unit);
        };
        check([0x00, 0, 0], "");
        check([0x80, 1, 0], "°C");
        check([0x00, 4, 0], "V");
        check([0x00, 18, 0], "RPM");
        check([0x01, 0, 0], "%");
        check([0x01, 6, 0], "% W");
        check([0x18, 70, 0], "B/s");
        check([0x20, 80, 0], "retries/min");
        check([0x02, 6, 17], "W/CFM");
        check([0x04, 16, 34], "N·m");
        check([0x1A, 66, 85], "bit/packets/s");
        check([0x00, 92, 0], "grams");
        check([0x00, 93, 0], "");
        // Rate 7 and modifier 3 are reserved.
        check([0x3E, 4, 5], "V");
    }
}
