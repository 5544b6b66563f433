//! What is wrong with which BMCs of a fleet, and when.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ironhand_ipmi::bmc::{BadPasswordThreshold, Faults, Proof};
use ironhand_ipmi::{CipherSuite, Quirk, Quirks};
use ironhand_redfish::bmc::{AnswerFault, Faults as RedfishFaults, ScreenFault};
use serde::{Deserialize, Deserializer};
use thiserror::Error;

use super::script::{from_text, time};

/// A part of all datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share {
    /// In millionths: 0 to 1,000,000.
    millionths: u32,
}

impl Share {
    /// None at all.
    pub const NONE: Self = Self { millionths: 0 };
    /// Every one.
    pub const ALL: Self = Self { millionths: Self::WHOLE };

    const WHOLE: u32 = 1_000_000;

    /// So many hundredths; `None` outside 0 to 100.
    #[must_use]
    pub fn from_percent(percent: f64) -> Option<Self> {
        (0.0..=100.0)
            .contains(&percent)
            // In range, so the cast only drops what is below a millionth.
            .then(|| Self { millionths: (percent * 10_000.0).round() as u32 })
    }

    /// Whether this random number is one of those that the share takes.
    pub(super) fn takes(self, random: u64) -> bool {
        random % u64::from(Self::WHOLE) < u64::from(self.millionths)
    }
}

/// A text that is no [`Share`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is no part of a whole; write it like 1% or 0.5%, between 0% and 100%")]
pub struct ShareError {
    text: String,
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        text.strip_suffix('%')
            .and_then(|percent| percent.trim_end().parse().ok())
            .and_then(Self::from_percent)
            .ok_or_else(|| ShareError { text: text.to_owned() })
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.millionths) / 10_000.0)
    }
}

/// What can be wrong with a BMC, its network or its firmware. In a script a fault is its name with dashes; those with
/// details are a mapping from the name to them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum BmcFault {
    /// It answers nothing.
    Silent,
    /// It answers late.
    Slow {
        /// By this much,
        #[serde(deserialize_with = "time")]
        delay: Duration,
        /// and up to this much more, anew for each answer.
        #[serde(default, deserialize_with = "time")]
        jitter: Duration,
    },
    /// This part of the datagrams of both ways gets lost.
    Lossy(Share),
    /// This part of the datagrams of both ways arrives twice.
    Duplicate(Share),
    /// Datagrams of both ways are overtaken by later ones.
    Reordered {
        /// Part of them.
        share: Share,
        /// How late they come.
        #[serde(default = "overtaken_by", deserialize_with = "time")]
        delay: Duration,
    },
    /// This part of the answers is noise behind their RMCP header.
    Garbage(Share),
    /// Packets of sessions carry authentication codes that are not theirs.
    WrongHmac,
    /// Others hold all sessions.
    SessionsFull,
    /// It carries out the first command of a session, and restarts before it answers. Happens once.
    RebootMidCommand {
        /// How long it is silent then.
        #[serde(deserialize_with = "time")]
        silent: Duration,
    },
    /// It accepts cipher suite 17 alone.
    #[serde(rename = "suite-17-only")]
    Suite17Only,
    /// It accepts cipher suite 3 alone.
    #[serde(rename = "suite-3-only")]
    Suite3Only,
    /// It keeps 16 bytes of longer passwords.
    TruncatingPasswords,
    /// All users are locked out.
    Locked,
    /// Failed logins in a row lock a user out.
    Lockout {
        /// How many.
        failures: u8,
        /// For how long; zero until the BMC restarts.
        #[serde(rename = "for", deserialize_with = "time")]
        duration: Duration,
    },
    /// What is wrong with the answers of the Redfish service.
    #[serde(deserialize_with = "from_text")]
    Redfish(AnswerFault),
    /// What is wrong with the pictures that it takes of the screen.
    #[serde(deserialize_with = "from_text")]
    Screen(ScreenFault),
    /// A fault that the BMCs of a vendor have.
    #[serde(deserialize_with = "from_text")]
    Quirk(Quirk),
}

fn overtaken_by() -> Duration {
    // Later than what a quick console sends next.
    Duration::from_millis(30)
}

/// Which BMCs a fault is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BmcSelector {
    /// Numbers of BMCs, counted from 1; empty where numbers do not matter.
    pub numbers: Vec<std::ops::RangeInclusive<usize>>,
    /// Addresses; empty where they do not matter.
    pub addresses: Vec<std::ops::RangeInclusive<IpAddr>>,
    /// Of those that are left, each one whose number is a multiple of this; 0 and 1 leave all.
    pub every: usize,
    /// So many of a number of BMCs, spread evenly.
    pub spread: Option<Spread>,
}

/// Some BMCs out of many, spread evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// So many,
    pub some: usize,
    /// out of so many.
    pub of: usize,
}

impl Spread {
    fn contains(self, index: usize) -> bool {
        let before = |index: usize| index as u128 * self.some as u128 / (self.of as u128).max(1);
        before(index + 1) > before(index)
    }
}

impl BmcSelector {
    /// Every BMC.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// `some` out of `of`, spread evenly over all numbers.
    #[must_use]
    pub fn spread(some: usize, of: usize) -> Self {
        Self { spread: Some(Spread { some, of }), ..Self::default() }
    }

    /// Whether it is about the BMC with this index, counted from 0, at this address.
    pub(super) fn contains(&self, index: usize, address: IpAddr) -> bool {
        let number = index + 1;
        let numbered = || self.numbers.iter().any(|range| range.contains(&number));
        let addressed = || self.addresses.iter().any(|range| range.contains(&address));
        let named = match (self.numbers.is_empty(), self.addresses.is_empty()) {
            (true, true) => true,
            _ => numbered() || addressed(),
        };
        named
            && (self.every < 2 || number.is_multiple_of(self.every))
            && self.spread.is_none_or(|spread| spread.contains(index))
    }
}

/// A fault, where and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRule {
    /// Which BMCs.
    pub bmcs: BmcSelector,
    /// From when on, after the start of the fleet.
    pub from: Duration,
    /// Until when; `None` for ever.
    pub until: Option<Duration>,
    /// What is wrong.
    pub fault: BmcFault,
}

impl FaultRule {
    /// A fault of these BMCs that is always there.
    #[must_use]
    pub fn always(bmcs: BmcSelector, fault: BmcFault) -> Self {
        Self { bmcs, from: Duration::ZERO, until: None, fault }
    }

    fn holds(&self, elapsed: Duration) -> bool {
        self.from <= elapsed && self.until.is_none_or(|until| elapsed < until)
    }
}

/// All faults of a fleet. Where several say something about the same BMC at the same time, the later one has the
/// word on what both are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    rules: Vec<FaultRule>,
}

/// Rules that a plan may have; further ones are left out. Their places are kept in 16 bits at each BMC.
pub const MAX_RULES: usize = 1000;

/// What is wrong with one BMC at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Effects {
    pub(super) silent: bool,
    pub(super) delay: Duration,
    pub(super) jitter: Duration,
    pub(super) loss: Share,
    pub(super) duplicates: Share,
    pub(super) reordered: Share,
    pub(super) overtaken_by: Duration,
    pub(super) garbage: Share,
    /// Of the Redfish service.
    pub(super) answers: Option<AnswerFault>,
    pub(super) screen: Option<ScreenFault>,
    pub(super) firmware: Firmware,
}

/// How the firmware of a BMC is built and configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Firmware {
    pub(super) faults: Faults,
    pub(super) quirks: Quirks,
    /// Instead of those of the fleet.
    pub(super) suites: Option<&'static [CipherSuite]>,
    pub(super) lockout: Option<BadPasswordThreshold>,
}

impl Default for Firmware {
    fn default() -> Self {
        Self { faults: Faults::default(), quirks: Quirks::NONE, suites: None, lockout: None }
    }
}

impl FromIterator<FaultRule> for FaultPlan {
    fn from_iter<I: IntoIterator<Item = FaultRule>>(rules: I) -> Self {
        Self { rules: rules.into_iter().take(MAX_RULES).collect() }
    }
}

impl FaultPlan {
    /// Nothing is wrong.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The rules, in the order of the script.
    #[must_use]
    pub fn rules(&self) -> &[FaultRule] {
        &self.rules
    }

    /// The same rules, and `more` after them.
    #[must_use]
    pub fn and(self, more: impl IntoIterator<Item = FaultRule>) -> Self {
        self.rules.into_iter().chain(more).collect()
    }

    pub(super) fn rules_of(&self, index: usize, address: IpAddr) -> Box<[u16]> {
        (0u16..)
            .zip(&self.rules)
            .filter(|(_, rule)| rule.bmcs.contains(index, address))
            .map(|(place, _)| place)
            .collect()
    }

    pub(super) fn effects(&self, rules: &[u16], elapsed: Duration) -> Effects {
        let mut effects = Effects::default();
        let rules = rules.iter().filter_map(|place| self.rules.get(usize::from(*place)));
        for rule in rules.filter(|rule| rule.holds(elapsed)) {
            effects.add(&rule.fault);
        }
        effects
    }
}

impl Effects {
    /// What of it is wrong with the Redfish service.
    pub(super) fn of_redfish(&self) -> RedfishFaults {
        let lockout = self.firmware.lockout.map(|lockout| {
            // Zero is for ever, as far as anybody waits.
            let forever = lockout.lockout_interval.is_zero();
            (u32::from(lockout.threshold), if forever { Duration::MAX } else { lockout.lockout_interval })
        });
        RedfishFaults {
            sessions_full: self.firmware.faults.sessions_full,
            users_locked: self.firmware.faults.users_locked,
            lockout,
            answers: self.answers,
            screen: self.screen,
        }
    }

    fn add(&mut self, fault: &BmcFault) {
        let firmware = &mut self.firmware;
        match *fault {
            BmcFault::Silent => self.silent = true,
            BmcFault::Slow { delay, jitter } => (self.delay, self.jitter) = (delay, jitter),
            BmcFault::Lossy(share) => self.loss = share,
            BmcFault::Duplicate(share) => self.duplicates = share,
            BmcFault::Reordered { share, delay } => (self.reordered, self.overtaken_by) = (share, delay),
            BmcFault::Garbage(share) => self.garbage = share,
            BmcFault::WrongHmac => firmware.faults.wrong_proof = Some(Proof::Packets),
            BmcFault::SessionsFull => firmware.faults.sessions_full = true,
            BmcFault::RebootMidCommand { silent } => firmware.faults.restart_at_command = Some(silent),
            BmcFault::Suite17Only => firmware.suites = Some(&[CipherSuite::Suite17]),
            BmcFault::Suite3Only => firmware.suites = Some(&[CipherSuite::Suite3]),
            BmcFault::TruncatingPasswords => {
                firmware.quirks = firmware.quirks.with(Quirk::TruncatedPassword);
            }
            BmcFault::Locked => firmware.faults.users_locked = true,
            BmcFault::Lockout { failures, duration } => {
                firmware.lockout = Some(BadPasswordThreshold {
                    threshold: failures,
                    reset_interval: Duration::ZERO,
                    lockout_interval: duration,
                });
            }
            BmcFault::Redfish(fault) => self.answers = Some(fault),
            BmcFault::Screen(fault) => self.screen = Some(fault),
            BmcFault::Quirk(quirk) => firmware.quirks = firmware.quirks.with(quirk),
        }
    }
}
