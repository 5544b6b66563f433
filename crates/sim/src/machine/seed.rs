//! What differs between two machines of one make, and between two boots of one machine, drawn from a seed.

use std::time::Duration;

/// A seeded sequence of numbers (SplitMix64): the same seed gives the same machine. Not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 where the bound is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// `duration`, give or take a tenth: no two boots take the same time.
    pub(crate) fn around(&mut self, duration: Duration) -> Duration {
        let percent = 90 + u32::try_from(self.below(21)).unwrap_or(10);
        duration * percent / 100
    }
}
