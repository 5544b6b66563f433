//! The faults of vendors' Redfish services, by name: what each looks like and what is done about it.
//!
//! Most are dealt with wherever they show, whoever made the controller. A few work-arounds would cost a controller without
//! the fault something, or cannot be seen to be needed before it is too late: these hold where the [`Identity`] is one of
//! which the fault is known.
//!
//! Which products show a fault is what users and authors of other tools reported; nothing here was tried on those
//! products.

mod table;

use std::fmt;

use crate::Identity;

/// A fault that controllers of some vendors have. [`Quirk::description`] says which and how it shows.
///
/// Exhaustive, so that a test must deal with every one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is described by its row of the table")]
pub enum Quirk {
    // Power.
    ResetActionInfo,
    NoPowerCycle,
    ButtonOnly,
    RestartHangs,
    OnAfterOff,
    // Boot.
    BootReverts,
    UsbCd,
    CdAttribute,
    BootInSettings,
    NoContinuous,
    BootDuringPost,
    BootMode,
    BootSupported,
    // Conditions of changes.
    TagRequired,
    TagOfAccounts,
    WeakTag,
    TagUnknown,
    // Accounts and sessions.
    AccountSlots,
    ForcedPassword,
    SessionsFull,
    SessionLocation,
    SpuriousRefusal,
    // The tree of resources.
    SideSystems,
    NullMembers,
    MissingLinks,
    Expand,
    OneAtATime,
    Gathering,
    Licence,
    // Tasks.
    TaskLocation,
    TaskLate,
    // Virtual media.
    MediaPatch,
    MediaPlain,
    MediaProtocol,
    MediaLogin,
    MediaConfig,
    MediaVmm,
    MediaOff,
    EjectBody,
    // BIOS settings, events and times.
    BiosJob,
    EventGaps,
    TimeZone,
}

/// Where a fault is dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Handling {
    /// Wherever it shows.
    Always,
    /// On controllers of which it is known.
    Known,
}

impl fmt::Display for Handling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "wherever it shows",
            Self::Known => "where it is known",
        })
    }
}

/// A row of the table of vendor faults.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// Which.
    pub quirk: Quirk,
    /// Its name in listings.
    pub name: &'static str,
    /// Where it is dealt with.
    pub handling: Handling,
    /// Products and firmware that were reported to show it.
    pub products: &'static str,
    /// How it shows.
    pub symptom: &'static str,
    /// What is done about it.
    pub remedy: &'static str,
    /// Whether a controller is one of those.
    known: fn(&Identity) -> bool,
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

    /// Its name in listings.
    pub fn name(self) -> &'static str {
        self.description().name
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of [`Quirk`]s.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Quirks(u64);

impl Quirks {
    /// None.
    pub const NONE: Self = Self(0);

    /// Those that are known of a controller.
    pub fn of(identity: &Identity) -> Self {
        Quirk::all().filter(|quirk| (quirk.description().known)(identity)).collect()
    }

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

impl FromIterator<Quirk> for Quirks {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Self {
        quirks.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Quirks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Quirk::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_variants_and_names_each_once() {
        let mut names = HashSet::new();
        for (at, row) in table::TABLE.iter().enumerate() {
            assert_eq!(row.quirk as usize, at, "{}", row.name);
            assert!(names.insert(row.name), "{}", row.name);
        }
        assert_eq!(table::TABLE.len(), Quirk::TimeZone as usize + 1);
    }
}
