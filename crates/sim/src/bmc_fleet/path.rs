//! What happens to datagrams between a console and a BMC.

use std::time::Duration;

use super::plan::{Effects, Share};
use crate::machine::Seed;

/// Which way a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the BMC.
    In,
    /// From the BMC.
    Out,
}

/// The way to one BMC and back. The same seed and datagrams give the same losses.
#[derive(Clone, Debug)]
pub(super) struct Path {
    seed: Seed,
}

/// How many copies of a datagram arrive, and how much later each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passes {
    copies: [Option<Duration>; 2],
}

impl Passes {
    pub(super) fn is_lost(&self) -> bool {
        self.copies == [None; 2]
    }
}

impl Iterator for Passes {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.copies.iter_mut().find_map(Option::take)
    }
}

impl Path {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed: Seed::new(seed) }
    }

    pub(super) fn pass(&mut self, effects: &Effects, way: Way) -> Passes {
        if effects.silent || self.strikes(effects.loss) {
            return Passes { copies: [None; 2] };
        }
        let first = self.delay(effects, way);
        let second = self.strikes(effects.duplicates).then(|| self.delay(effects, way));
        Passes { copies: [Some(first), second] }
    }

    fn delay(&mut self, effects: &Effects, way: Way) -> Duration {
        // The delay is the BMC's: it thinks, and answers later.
        let mut delay = match way {
            Way::In => Duration::ZERO,
            Way::Out => self.lateness(effects),
        };
        if self.strikes(effects.reordered) {
            delay += effects.overtaken_by;
        }
        delay
    }

    /// How much later than at once the BMC's service answers.
    pub(super) fn lateness(&mut self, effects: &Effects) -> Duration {
        effects.delay + self.up_to(effects.jitter)
    }

    /// What becomes of a reply that leaves the BMC.
    pub(super) fn spoil(&mut self, effects: &Effects, mut bytes: Vec<u8>) -> Vec<u8> {
        if self.strikes(effects.garbage) {
            // The RMCP header stays: what comes is taken for IPMI at first.
            for byte in bytes.iter_mut().skip(RMCP_HEADER) {
                *byte ^= u8::try_from(1 + self.seed.below(255)).unwrap_or(0xA5);
            }
        }
        bytes
    }

    fn strikes(&mut self, share: Share) -> bool {
        share != Share::NONE && share.takes(self.seed.next())
    }

    fn up_to(&mut self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.seed.below(nanos))
    }
}

/// Bytes of the RMCP header (IPMI 2.0 section 13.1.3).
const RMCP_HEADER: usize = 4;
