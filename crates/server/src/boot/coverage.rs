//! Which bytes of a file a machine has, of those that it read in parts.

use std::ops::Range;

/// Parts with bytes missing between them that are remembered. Loaders read from the front on, or in a few parts.
const MOST_RANGES: usize = 32;

/// The bytes of one file that arrived. Those that arrived twice count once.
#[derive(Debug)]
pub(super) struct Coverage {
    length: u64,
    /// In order, with bytes missing between each and the next.
    ranges: Vec<Range<u64>>,
}

impl Coverage {
    /// Nothing of a file of this length.
    pub(super) const fn new(length: u64) -> Self {
        Self { length, ranges: Vec::new() }
    }

    /// The length of the file.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// These bytes arrived. Where more parts lie apart than are remembered the shortest is forgotten, so that a file may seem
    /// to miss something, and never to be there when it is not.
    pub(super) fn add(&mut self, part: Range<u64>) {
        if part.is_empty() {
            return;
        }
        // Those that it overlaps or touches become one with it.
        let from = self.ranges.partition_point(|range| range.end < part.start);
        let to = self.ranges.partition_point(|range| range.start <= part.end);
        let joined = self
            .ranges
            .drain(from..to)
            .fold(part, |part, range| part.start.min(range.start)..part.end.max(range.end));
        self.ranges.insert(from, joined);
        if self.ranges.len() > MOST_RANGES {
            let lengths = self.ranges.iter().map(|range| range.end - range.start).enumerate();
            if let Some((shortest, _)) = lengths.min_by_key(|(_, length)| *length) {
                self.ranges.remove(shortest);
            }
        }
    }

    /// Whether all of it arrived.
    pub(super) fn is_whole(&self) -> bool {
        match &self.ranges[..] {
            [] => self.length == 0,
            [first, ..] => first.start == 0 && first.end >= self.length,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_arrives_twice_counts_once() {
        let check = |parts: &[(u64, u64)], wanted: &[(u64, u64)], whole: bool| {
            let mut coverage = Coverage::new(10);
            parts.iter().for_each(|(start, end)| coverage.add(*start..*end));
            let told: Vec<_> = coverage.ranges.iter().map(|range| (range.start, range.end)).collect();
            assert_eq!((&told[..], coverage.is_whole()), (wanted, whole), "{parts:?}");
        };
        check(&[], &[], false);
        check(&[(0, 10)], &[(0, 10)], true);
        check(&[(0, 6), (0, 6)], &[(0, 6)], false);
        check(&[(0, 4), (4, 10)], &[(0, 10)], true);
        check(&[(4, 10), (0, 4)], &[(0, 10)], true);
        check(&[(0, 2), (4, 6), (8, 10)], &[(0, 2), (4, 6), (8, 10)], false);
        check(&[(0, 2), (4, 6), (8, 10), (1, 9)], &[(0, 10)], true);
        check(&[(3, 3), (5, 7)], &[(5, 7)], false);
        assert!(Coverage::new(0).is_whole(), "nothing is missing of an empty file");
    }

    #[test]
    fn parts_that_lie_apart_are_bounded() {
        let mut coverage = Coverage::new(10_000);
        for number in 0..1_000 {
            coverage.add(number * 10..number * 10 + 5);
        }
        assert_eq!(coverage.ranges.len(), MOST_RANGES);
        coverage.add(0..10_000);
        assert!(coverage.is_whole());
    }

    #[test]
    fn bytes_are_those_that_arrived_in_whatever_order() {
        const LENGTH: u64 = 6;
        let parts: Vec<Range<u64>> =
            (0..=LENGTH).flat_map(|end| (0..=end).map(move |start| start..end)).collect();
        let pairs = parts.iter().flat_map(|first| parts.iter().map(move |second| (first, second)));
        for ((first, second), third) in pairs.flat_map(|pair| parts.iter().map(move |third| (pair, third))) {
            let mut coverage = Coverage::new(LENGTH);
            let mut arrived = BTreeSet::new();
            for part in [first, second, third] {
                arrived.extend(part.clone());
                coverage.add(part.clone());
            }
            let told: Vec<u64> = coverage.ranges.iter().cloned().flatten().collect();
            assert_eq!(told, Vec::from_iter(arrived.iter().copied()));
            assert_eq!(coverage.is_whole(), arrived.len() as u64 == LENGTH);
            assert!(coverage.ranges.windows(2).all(|pair| pair[0].end < pair[1].start), "{coverage:?}");
        }
    }
}
