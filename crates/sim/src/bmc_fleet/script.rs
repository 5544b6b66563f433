//! Fault scripts: files that say what is wrong with which BMCs, and when.
//!
//! ```
//! use ironhand_sim::bmc_fleet::FaultPlan;
//!
//! let script = "
//! faults:
//!   - fault: silent
//!     bmcs: 1-500
//!   - fault: { slow: { delay: 20ms, jitter: 5ms } }
//!     bmcs: [7, 20-29, 127.1.2.1-127.1.3.254]
//!   - fault: { lossy: 1% }
//!     every: 10
//!     from: 10s
//!     until: 1m
//! ";
//! assert!(script.parse::<FaultPlan>().is_ok());
//!
//! let wrong = "faults:\n  - fault: silence\n".parse::<FaultPlan>().expect_err("no such fault");
//! assert_eq!((wrong.line, wrong.column), (2, 12));
//! ```

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use super::MAX_BMCS;
use super::plan::{BmcFault, BmcSelector, FaultPlan, FaultRule, MAX_RULES};

/// The largest fault script that is read, in bytes: far more than [`MAX_RULES`] take.
const MAX_SCRIPT: usize = 1 << 20;

/// The longest time that a script may name: longer ones are slips of the pen.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What is wrong with a fault script, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ScriptError {
    /// The line, counted from 1.
    pub line: u64,
    /// The column in characters, counted from 1.
    pub column: u64,
    /// What is wrong there.
    pub message: String,
}

impl ScriptError {
    fn new(at: Location, message: impl fmt::Display) -> Self {
        Self { line: at.line().max(1), column: at.column().max(1), message: message.to_string() }
    }
}

impl FromStr for FaultPlan {
    type Err = ScriptError;

    /// Reads a fault script.
    fn from_str(text: &str) -> Result<Self, ScriptError> {
        if text.len() > MAX_SCRIPT {
            let message = format!("a fault script has at most {MAX_SCRIPT} bytes, not {}", text.len());
            return Err(ScriptError::new(Location::UNKNOWN, message));
        }
        let script: Script = serde_saphyr::from_str(text).map_err(|error| {
            let at = error.location().unwrap_or(Location::UNKNOWN);
            let message = error.without_snippet().to_string();
            // The place is said once.
            let place = format!(" at line {}, column {}", at.line(), at.column());
            ScriptError::new(at, message.strip_suffix(&place).unwrap_or(&message))
        })?;
        if let Some(beyond) = script.faults.get(MAX_RULES) {
            let message = format!("a script has at most {MAX_RULES} faults");
            return Err(ScriptError::new(beyond.fault.defined, message));
        }
        script.faults.into_iter().map(Entry::rule).collect()
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    faults: Vec<Entry>,
}

/// One fault as it is written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    fault: Spanned<BmcFault>,
    #[serde(default)]
    bmcs: Named,
    every: Option<Spanned<usize>>,
    #[serde(default)]
    from: Time,
    until: Option<Spanned<Time>>,
}

impl Entry {
    fn rule(self) -> Result<FaultRule, ScriptError> {
        let from = self.from.0;
        if let Some(until) = self.until.as_ref().filter(|until| until.value.0 <= from) {
            let message = "the fault ends before it begins: `until` is not after `from`";
            return Err(ScriptError::new(until.defined, message));
        }
        let Named { numbers, addresses } = self.bmcs;
        let every = self.every.as_ref().map_or(1, |every| every.value);
        if let Some(every) = self.every.filter(|every| every.value == 0) {
            return Err(ScriptError::new(every.defined, "`every: 0` is no BMC at all; it starts with 1"));
        }
        Ok(FaultRule {
            bmcs: BmcSelector { numbers, addresses, every, spread: None },
            from,
            until: self.until.map(|until| until.value.0),
            fault: self.fault.value,
        })
    }
}

/// A length of time with units: `20ms`, `1.5s`, `2m`.
#[derive(Clone, Copy, Default)]
struct Time(Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        time(deserializer).map(Self)
    }
}

/// Reads a length of time with units.
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|length| Duration::try_from(length).ok())
        .filter(|length| *length <= LONGEST)
        .ok_or_else(|| {
            D::Error::custom(format!(
                "{text:?} is no length of time up to a day; write it with units, like 20ms, 1.5s or 2m"
            ))
        })
}

/// Reads a value that is written as text.
pub(super) fn from_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// BMCs named one by one or as ranges, by their numbers or addresses.
#[derive(Default)]
struct Named {
    numbers: Vec<RangeInclusive<usize>>,
    addresses: Vec<RangeInclusive<IpAddr>>,
}

impl Named {
    fn add(&mut self, text: &str) -> Result<(), String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.trim(), last.trim());
        if let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>()) {
            if first == 0 || last < first || last > MAX_BMCS {
                return Err(format!("{text:?} is no range of numbers between 1 and {MAX_BMCS}"));
            }
            self.numbers.push(first..=last);
        } else if let (Ok(first), Ok(last)) = (first.parse::<IpAddr>(), last.parse::<IpAddr>()) {
            if last < first || first.is_ipv4() != last.is_ipv4() {
                return Err(format!("{text:?} is no range of addresses"));
            }
            self.addresses.push(first..=last);
        } else {
            return Err(format!(
                "{text:?} names no BMCs; write a number, an address, or a range like 1-500 or 127.1.0.1-127.1.0.9"
            ));
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NamedVisitor)
    }
}

struct NamedVisitor;

impl<'de> Visitor<'de> for NamedVisitor {
    type Value = Named;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of a BMC, an address, a range of them, or a list of those")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Named, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Named, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Named, E> {
        let mut named = Named::default();
        named.add(text).map_err(E::custom)?;
        Ok(named)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Named, A::Error> {
        let mut named = Named::default();
        while let Some(item) = items.next_element::<Named>()? {
            named.numbers.extend(item.numbers);
            named.addresses.extend(item.addresses);
        }
        Ok(named)
    }
}

#[cfg(test)]
mod tests;
