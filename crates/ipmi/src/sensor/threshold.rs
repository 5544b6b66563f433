//! The six limits of a threshold sensor (IPMI 2.0 sections 35.7 and 35.8).

use std::fmt;

/// One of the six limits; its place in masks is its place here, from bit 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Threshold {
    /// Lower non-critical.
    LowerNonCritical,
    /// Lower critical.
    LowerCritical,
    /// Lower non-recoverable.
    LowerNonRecoverable,
    /// Upper non-critical.
    UpperNonCritical,
    /// Upper critical.
    UpperCritical,
    /// Upper non-recoverable.
    UpperNonRecoverable,
}

impl Threshold {
    /// All, in the order of masks and of Get Sensor Thresholds.
    pub const ALL: [Self; 6] = [
        Self::LowerNonCritical,
        Self::LowerCritical,
        Self::LowerNonRecoverable,
        Self::UpperNonCritical,
        Self::UpperCritical,
        Self::UpperNonRecoverable,
    ];

    /// The most severe of those whose bit is set; upper before lower. BMCs report a reading beyond a critical limit as
    /// beyond the non-critical one too.
    pub fn most_severe(bits: u8) -> Option<Self> {
        [
            Self::UpperNonRecoverable,
            Self::LowerNonRecoverable,
            Self::UpperCritical,
            Self::LowerCritical,
            Self::UpperNonCritical,
            Self::LowerNonCritical,
        ]
        .into_iter()
        .find(|threshold| bits & threshold.bit() != 0)
    }

    /// Its bit in masks.
    pub const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// Whether readings above it cross it; otherwise readings below it do.
    pub const fn is_upper(self) -> bool {
        matches!(self, Self::UpperNonCritical | Self::UpperCritical | Self::UpperNonRecoverable)
    }

    /// The specification's name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LowerNonCritical => "lower non-critical",
            Self::LowerCritical => "lower critical",
            Self::LowerNonRecoverable => "lower non-recoverable",
            Self::UpperNonCritical => "upper non-critical",
            Self::UpperCritical => "upper critical",
            Self::UpperNonRecoverable => "upper non-recoverable",
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value for each of the six limits that a sensor has: raw bytes or values in its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thresholds<T>([Option<T>; 6]);

impl<T> Default for Thresholds<T> {
    fn default() -> Self {
        Self([const { None }; 6])
    }
}

impl<T: Copy> Thresholds<T> {
    /// The limit's value, if the sensor has it.
    pub fn get(&self, threshold: Threshold) -> Option<T> {
        self.0[threshold as usize]
    }

    /// Sets the limit's value; `None` for a limit that the sensor does not have.
    pub fn set(&mut self, threshold: Threshold, value: Option<T>) {
        self.0[threshold as usize] = value;
    }

    /// The limits that exist, in the order of [`Threshold::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Threshold, T)> {
        Threshold::ALL.into_iter().zip(self.0).filter_map(|(threshold, value)| Some((threshold, value?)))
    }

    /// The same limits in another form; those without one are left out.
    pub fn filter_map<U: Copy>(&self, mut form: impl FnMut(T) -> Option<U>) -> Thresholds<U> {
        Thresholds(self.0.map(|value| value.and_then(&mut form)))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The bits of those that exist.
    pub fn mask(&self) -> u8 {
        self.iter().fold(0, |mask, (threshold, _)| mask | threshold.bit())
    }
}

impl Thresholds<u8> {
    /// From a mask and the six bytes of Get and Set Sensor Thresholds.
    pub(crate) fn from_bytes(mask: u8, bytes: [u8; 6]) -> Self {
        let mut thresholds = Self::default();
        for (threshold, value) in Threshold::ALL.into_iter().zip(bytes) {
            thresholds.set(threshold, (mask & threshold.bit() != 0).then_some(value));
        }
        thresholds
    }

    /// The six bytes; zero for a limit that does not exist.
    pub(crate) fn to_bytes(self) -> [u8; 6] {
        self.0.map(Option::unwrap_or_default)
    }

    /// From a mask and the six bytes of a full sensor record, which lie the other way round.
    pub(crate) fn from_record(mask: u8, mut bytes: [u8; 6]) -> Self {
        bytes.reverse();
        Self::from_bytes(mask, bytes)
    }

    /// The six bytes of a full sensor record.
    pub(crate) fn to_record(self) -> [u8; 6] {
        let mut bytes = self.to_bytes();
        bytes.reverse();
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_lie_one_way_in_commands_and_the_other_way_in_records() {
        let thresholds = Thresholds::from_bytes(0b01_1011, [1, 2, 3, 4, 5, 6]);
        assert_eq!(thresholds.mask(), 0b01_1011);
        assert_eq!(thresholds.get(Threshold::LowerCritical), Some(2));
        assert_eq!(thresholds.get(Threshold::LowerNonRecoverable), None);
        assert_eq!(thresholds.to_bytes(), [1, 2, 0, 4, 5, 0]);
        assert_eq!(thresholds.to_record(), [0, 5, 4, 0, 2, 1]);
        assert_eq!(Thresholds::from_record(0b01_1011, [6, 5, 4, 3, 2, 1]), thresholds);
        assert!(Thresholds::<f64>::default().is_empty());
    }

    #[test]
    fn the_most_severe_limit_counts() {
        let check = |bits, expected| assert_eq!(Threshold::most_severe(bits), expected, "{bits:#b}");
        check(0, None);
        check(0b00_0001, Some(Threshold::LowerNonCritical));
        check(0b00_0011, Some(Threshold::LowerCritical));
        check(0b11_1000, Some(Threshold::UpperNonRecoverable));
        check(0b01_1000, Some(Threshold::UpperCritical));
        check(0b00_0111, Some(Threshold::LowerNonRecoverable));
        check(0xC0, None);
    }
}
