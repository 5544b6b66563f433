//! What is wrong with which BMCs of a fleet, and when.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

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

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.millionths) / 10_000.0)
    }
}

/// What can be wrong with a BMC, its network or its firmware.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BmcFault {
    /// It answers nothing.
    Silent,
    /// It answers late.
    Slow {
        /// By this much,
        delay: Duration,
        /// and up to this much more, anew for each answer.
        jitter: Duration,
    },
    /// Datagrams of both ways get lost.
    Lossy {
        /// Part of them.
        share: Share,
    },
    /// Datagrams of both ways arrive twice.
    Duplicate {
        /// Part of them.
        share: Share,
    },
    /// Datagrams of both ways are overtaken by later ones.
    Reordered {
        /// Part of them.
        share: Share,
        /// How late they come.
        delay: Duration,
    },
    /// Answers are noise behind their RMCP header.
    Garbage {
        /// Part of them.
        share: Share,
    },
    /// Packets of sessions carry authentication codes that are not theirs.
    WrongHmac,
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
    pub(super) wrong_hmac: bool,
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
            match rule.fault {
                BmcFault::Silent => effects.silent = true,
                BmcFault::Slow { delay, jitter } => (effects.delay, effects.jitter) = (delay, jitter),
                BmcFault::Lossy { share } => effects.loss = share,
                BmcFault::Duplicate { share } => effects.duplicates = share,
                BmcFault::Reordered { share, delay } => {
                    (effects.reordered, effects.overtaken_by) = (share, delay);
                }
                BmcFault::Garbage { share } => effects.garbage = share,
                BmcFault::WrongHmac => effects.wrong_hmac = true,
            }
        }
        effects
    }
}
