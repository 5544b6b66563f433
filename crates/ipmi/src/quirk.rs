//! The faults of vendors' BMCs, by name: what each looks like and what is done about it.
//!
//! Most are tolerated always, as that costs nothing. A few work-arounds would break the specification towards a BMC
//! that follows it, or give up a check; a console does those only where [`ClientConfig::quirks`](crate::ClientConfig::quirks)
//! asks. [`BmcConfig::quirks`](crate::BmcConfig::quirks) makes a [`Bmc`](crate::Bmc) show the fault itself.
//!
//! Names are those of FreeIPMI's work-arounds where it has one, as operators know these. Which products show a fault is
//! what users of other tools reported; nothing here was tried on those products.
//!
//! ```
//! use ironhand_ipmi::{Quirk, Quirks};
//!
//! let quirks: Quirks = "intel20,nochecksumcheck".parse()?;
//! assert!(quirks.contains(Quirk::Intel20) && !quirks.contains(Quirk::Sun20));
//! # Ok::<(), ironhand_ipmi::UnknownQuirk>(())
//! ```

mod table;

use std::fmt;
use std::str::FromStr;

/// A fault that BMCs of some vendors have. [`Quirk::description`] says which and how it shows.
///
/// Exhaustive, so that a test must deal with every one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is described by its row of the table")]
pub enum Quirk {
    // Setting up an RMCP+ session.
    OpenSessionPrivilege,
    AuthenticationCapabilities,
    SuiteStatus,
    SuiteSilence,
    Intel20,
    Intel82571,
    Supermicro20,
    Sun20,
    IntegrityCheckValue,
    TruncatedPassword,
    // Inside a session.
    IdZero,
    OddSequence,
    NoChecksumCheck,
    IpmiPing,
    // IPMI 1.5 sessions.
    UnexpectedAuth,
    ForcePerMessage,
    EndianSequence,
    NoAuthCodeCheck,
    // Serial over LAN.
    SolPayloadSize,
    SolPort,
    SolStatus,
    SolChannelSupport,
    SerialAlertsDeferred,
    SolPacketSequence,
    SolStolen,
    // Sensors and their records.
    AssumeBmcOwner,
    IgnoreScanningDisabled,
    DiscreteReading,
    AssumeMaxSdrRecordCount,
    SdrRecordId,
    SdrInfo,
    SdrPartialReads,
    // Logs and inventory.
    AssumeSystemEvent,
    SkipChecks,
    // Machine, users and power.
    UefiDisk,
    BootSurplus,
    Password20,
    WatchdogRunning,
    NoPowerLimit,
}

/// Whether a console deals with a fault unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Handling {
    /// Always: no setting is needed.
    Always,
    /// Only where [`ClientConfig::quirks`](crate::ClientConfig::quirks) holds it.
    OnRequest,
}

impl fmt::Display for Handling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "always",
            Self::OnRequest => "on request",
        })
    }
}

/// A row of the table of vendor faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// Which.
    pub quirk: Quirk,
    /// Its name in settings and listings.
    pub name: &'static str,
    /// Whether it is dealt with unasked.
    pub handling: Handling,
    /// Products that were reported to show it.
    pub products: &'static str,
    /// How it shows.
    pub symptom: &'static str,
    /// What a console does about it.
    pub remedy: &'static str,
}

impl Quirk {
    /// All of them, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        table::TABLE.iter().map(|row| row.quirk)
    }

    /// Its row of the table.
    pub fn description(self) -> &'static Description {
        &table::TABLE[self as usize]
    }

    /// Its name in settings and listings.
    pub fn name(self) -> &'static str {
        self.description().name
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no quirk has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown quirk {0:?}; `ironhand bmc quirks` lists all")]
pub struct UnknownQuirk(String);

impl FromStr for Quirk {
    type Err = UnknownQuirk;

    fn from_str(text: &str) -> Result<Self, UnknownQuirk> {
        Self::all().find(|quirk| quirk.name() == text).ok_or_else(|| UnknownQuirk(text.to_owned()))
    }
}

/// A set of [`Quirk`]s.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Quirks(u64);

impl Quirks {
    /// None.
    pub const NONE: Self = Self(0);

    /// Whether `quirk` is in the set.
    pub const fn contains(self, quirk: Quirk) -> bool {
        self.0 & Self::bit(quirk) != 0
    }

    /// The set with `quirk` added.
    pub const fn with(self, quirk: Quirk) -> Self {
        Self(self.0 | Self::bit(quirk))
    }

    /// Those in the set, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Quirk> {
        Quirk::all().filter(move |quirk| self.contains(*quirk))
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn bit(quirk: Quirk) -> u64 {
        1 << quirk as u32
    }
}

impl From<Quirk> for Quirks {
    fn from(quirk: Quirk) -> Self {
        Self::NONE.with(quirk)
    }
}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Self {
        quirks.into_iter().fold(Self::NONE, Self::with)
    }
}

/// Names with commas between them; the empty text is the empty set.
impl FromStr for Quirks {
    type Err = UnknownQuirk;

    fn from_str(text: &str) -> Result<Self, UnknownQuirk> {
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::parse::<Quirk>).collect()
    }
}

impl fmt::Display for Quirks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, quirk) in self.iter().enumerate() {
            write!(f, "{}{quirk}", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Quirks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quirk_has_its_row_and_its_bit() {
        assert!(table::TABLE.len() <= u64::BITS as usize);
        for (at, row) in table::TABLE.iter().enumerate() {
            assert_eq!(row.quirk as usize, at, "{}", row.name);
            assert_eq!(row.quirk.description(), row);
            assert_eq!(row.name.parse(), Ok(row.quirk));
            assert!(row.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
            for text in [row.products, row.symptom, row.remedy] {
                assert!(!text.is_empty() && !text.contains(['|', '\n']) && !text.ends_with('.'), "{text}");
            }
        }
    }

    #[test]
    fn sets_are_written_and_read() {
        let check = |text: &str, expected: Result<&[Quirk], UnknownQuirk>| {
            let parsed = text.parse::<Quirks>();
            assert_eq!(parsed, expected.map(|quirks| quirks.iter().copied().collect()), "{text:?}");
            if let Ok(quirks) = parsed {
                assert_eq!(quirks.to_string().parse(), Ok(quirks));
            }
        };
        check("", Ok(&[]));
        check("sun20", Ok(&[Quirk::Sun20]));
        check("idzero, intel20,", Ok(&[Quirk::Intel20, Quirk::IdZero]));
        check("nopowerlimit,opensesspriv", Ok(&[Quirk::OpenSessionPrivilege, Quirk::NoPowerLimit]));
        check("intel20,intel21", Err(UnknownQuirk("intel21".to_owned())));
        check("Intel20", Err(UnknownQuirk("Intel20".to_owned())));
    }

    #[test]
    fn all_quirks_fit_in_a_set() {
        let all: Quirks = Quirk::all().collect();
        assert!(all.iter().eq(Quirk::all()));
        assert!(!all.is_empty() && Quirks::NONE.is_empty() && Quirks::NONE.iter().count() == 0);
    }
}
