//! What is needed to decode the newest picture.

use super::nal;
use super::rtp::AccessUnit;

/// The most bytes that are kept: a picture that stands for itself, and many seconds of changes.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The most pictures that are kept. Encoders begin anew every few seconds; one that does not is waited for no longer than a decoder
/// takes for so many.
const MOST_UNITS: usize = 1200;

/// The most bytes of parameter sets.
const MOST_PARAMETERS: usize = 16 * 1024;

/// Access units since the last one that stands for itself, or since they were last taken.
#[derive(Debug, Default)]
pub struct Group {
    /// The newest parameter sets, which may come ahead of the picture that they are for.
    parameters: Vec<Vec<u8>>,
    units: Vec<AccessUnit>,
    bytes: usize,
    /// Whether the first of `units` stands for itself, and nothing was taken since.
    is_fresh: bool,
    /// Whether all is here from one that stands for itself.
    is_whole: bool,
}

/// Access units to be decoded.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whether the first stands for itself, so that nothing decoded before is needed.
    pub is_fresh: bool,
    /// In their order.
    pub units: Vec<AccessUnit>,
}

impl Group {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next access unit.
    pub fn add(&mut self, unit: AccessUnit) {
        self.remember(&unit);
        if unit.is_key() {
            self.units.clear();
            self.bytes = 0;
            (self.is_fresh, self.is_whole) = (true, true);
            let parameters: Vec<_> =
                self.parameters.iter().filter(|known| !unit.nals.contains(known)).cloned().collect();
            if !parameters.is_empty() {
                self.units.push(AccessUnit { nals: parameters });
            }
        }
        if !self.is_whole {
            return;
        }
        self.bytes += unit.length();
        self.units.push(unit);
        if self.bytes > MOST_BYTES || self.units.len() > MOST_UNITS {
            self.lose();
        }
    }

    /// Something is missing from here on.
    pub fn lose(&mut self) {
        self.units.clear();
        self.bytes = 0;
        (self.is_fresh, self.is_whole) = (false, false);
    }

    /// Whether the newest picture can be decoded.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether what is to be decoded now begins with a picture that stands for itself.
    #[must_use]
    pub const fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// What is to be decoded now; nothing while the stream has no beginning.
    pub fn take(&mut self) -> Option<Taken> {
        if !self.is_whole {
            return None;
        }
        self.bytes = 0;
        Some(Taken { is_fresh: std::mem::take(&mut self.is_fresh), units: std::mem::take(&mut self.units) })
    }

    /// Keeps parameter sets: the newest of each kind and number, as far as they can be told apart by their first bytes.
    fn remember(&mut self, unit: &AccessUnit) {
        for parameters in unit.parameters() {
            let is_sps = |bytes: &[u8]| bytes.first().map(|head| nal::kind(*head)) == Some(nal::SPS);
            // A new sequence makes the sets of the old one void.
            if is_sps(parameters) && !self.parameters.contains(parameters) {
                self.parameters.clear();
            }
            let length: usize = self.parameters.iter().map(Vec::len).sum();
            if !self.parameters.contains(parameters) && length + parameters.len() <= MOST_PARAMETERS {
                self.parameters.push(parameters.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(nals: &[&[u8]]) -> AccessUnit {
        AccessUnit { nals: nals.iter().map(|unit| unit.to_vec()).collect() }
    }

    #[test]
    fn only_what_the_newest_picture_needs_is_kept() {
        let (sps, pps, key, change): (&[u8], &[u8], &[u8], &[u8]) =
            (&[0x67, 1], &[0x68, 2], &[0x65, 3], &[0x41, 4]);
        let mut group = Group::new();
        group.add(unit(&[change]));
        assert_eq!(group.take(), None, "it has no beginning");
        group.add(unit(&[sps, pps]));
        assert!(!group.is_whole());
        group.add(unit(&[key]));
        group.add(unit(&[change]));
        let taken = group.take().expect("it has a beginning");
        assert_eq!(
            taken,
            Taken { is_fresh: true, units: vec![unit(&[sps, pps]), unit(&[key]), unit(&[change])] }
        );
        group.add(unit(&[change]));
        let taken = group.take().expect("it goes on");
        assert_eq!(taken, Taken { is_fresh: false, units: vec![unit(&[change])] });
        assert_eq!(group.take(), Some(Taken { is_fresh: false, units: vec![] }));
        group.add(unit(&[change]));
        group.add(unit(&[sps, pps, key]));
        let taken = group.take().expect("it began anew");
        assert_eq!(taken, Taken { is_fresh: true, units: vec![unit(&[sps, pps, key])] });
        group.lose();
        group.add(unit(&[change]));
        assert_eq!(group.take(), None);
    }

    #[test]
    fn what_never_begins_anew_is_bounded() {
        let mut group = Group::new();
        group.add(unit(&[&[0x65, 1]]));
        for _ in 0..MOST_UNITS {
            group.add(unit(&[&[0x41, 1]]));
        }
        assert!(!group.is_whole());
        group.add(unit(&[&[0x65, 1]]));
        let large = vec![0x41; 1 << 20];
        for _ in 0..17 {
            group.add(unit(&[&large]));
        }
        assert!(!group.is_whole() && group.units.is_empty());
    }
}
