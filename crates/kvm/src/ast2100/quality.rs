//! How coarsely numbers are stored: twelve steps of quality.
//!
//! The coder has a quantiser of 64 numbers for each step. They need not be listed: each is the example quantiser of
//! Annex K.1 of the JPEG standard (ITU-T T.81) times a number of thirty-seconds, cut down to a whole number and never
//! below 1. This was found by comparing the tables of two open decoders, ASPEED's own `aspeed_codec` and the ATEN branch
//! of kelleyk's noVNC, with that rule: all 24 agree, but for the last number of ASPEED's finest table for luma (4 instead
//! of 3; ATEN's has 3).

/// A step of quality, 0 (coarsest) to 11 (finest).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quality(u8);

impl Quality {
    /// The finest.
    pub const BEST: Self = Self(11);
    /// The coarsest.
    pub const WORST: Self = Self(0);

    /// `None` above 11.
    #[must_use]
    pub fn new(step: u8) -> Option<Self> {
        (step <= Self::BEST.0).then_some(Self(step))
    }

    /// Its number.
    #[must_use]
    pub fn step(self) -> u8 {
        self.0
    }
}

/// The divisors of the 64 coefficients of a block, row by row.
pub(super) type Quantiser = [u16; 64];

/// For the brightness.
pub(super) fn luma(quality: Quality) -> Quantiser {
    scaled(&EXAMPLE_LUMA, LUMA_SCALES, quality)
}

/// For the two colour differences.
pub(super) fn chroma(quality: Quality) -> Quantiser {
    scaled(&EXAMPLE_CHROMA, CHROMA_SCALES, quality)
}

/// Thirty-seconds for each step.
const LUMA_SCALES: [u16; 12] = [40, 35, 29, 23, 18, 12, 6, 4, 4, 3, 2, 1];
const CHROMA_SCALES: [u16; 12] = [60, 52, 43, 35, 26, 18, 9, 6, 5, 4, 3, 2];

fn scaled(example: &Quantiser, scales: [u16; 12], quality: Quality) -> Quantiser {
    let scale = scales.get(usize::from(quality.0)).copied().unwrap_or(1);
    example.map(|divisor| (divisor * scale / 32).max(1))
}

/// Table K.1 of T.81.
#[rustfmt::skip]
const EXAMPLE_LUMA: Quantiser = [
    16, 11, 10, 16,  24,  40,  51,  61,
    12, 12, 14, 19,  26,  58,  60,  55,
    14, 13, 16, 24,  40,  57,  69,  56,
    14, 17, 22, 29,  51,  87,  80,  62,
    18, 22, 37, 56,  68, 109, 103,  77,
    24, 35, 55, 64,  81, 104, 113,  92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103,  99,
];

/// Table K.2.
#[rustfmt::skip]
const EXAMPLE_CHROMA: Quantiser = [
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
];

/// Where the coefficients of a block stand, in the order in which they are sent (T.81 figure A.6).
pub(super) const ZIGZAG: [usize; 64] = zigzag();

/// Along the diagonals, up and down in turn.
const fn zigzag() -> [usize; 64] {
    let mut order = [0; 64];
    let (mut row, mut column, mut index) = (0, 0, 0);
    while index < 64 {
        order[index] = row * 8 + column;
        index += 1;
        if (row + column) % 2 == 0 {
            if column == 7 {
                row += 1;
            } else {
                column += 1;
                row = if row == 0 { 0 } else { row - 1 };
            }
        } else if row == 7 {
            column += 1;
        } else {
            row += 1;
            column = if column == 0 { 0 } else { column - 1 };
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps() {
        assert_eq!(Quality::new(11), Some(Quality::BEST));
        assert_eq!(Quality::new(12), None);
        let start = |quantiser: Quantiser| quantiser[..8].to_vec();
        let step = |step| Quality::new(step).expect("below 12");
        assert_eq!(start(luma(Quality::WORST)), [20, 13, 12, 20, 30, 50, 63, 76]);
        assert_eq!(start(luma(step(4))), [9, 6, 5, 9, 13, 22, 28, 34]);
        assert_eq!(start(luma(Quality::BEST)), [1; 8]);
        assert_eq!(start(chroma(step(7))), [3, 3, 4, 8, 18, 18, 18, 18]);
        assert_eq!(start(chroma(Quality::WORST)), [31, 33, 45, 88, 185, 185, 185, 185]);
    }

    #[test]
    fn zigzag_of_the_standard() {
        assert_eq!(ZIGZAG[..12], [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25]);
        assert_eq!(ZIGZAG[54..], [39, 46, 53, 60, 61, 54, 47, 55, 62, 63]);
        let mut sorted = ZIGZAG;
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..64));
    }
}
