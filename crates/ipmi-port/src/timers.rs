//! The deadlines of all BMCs.
//!
//! Nearly every deadline of a BMC is replaced by a later one before it comes: the wait for a reply ends with the reply. So
//! a deadline that moves to later leaves its entry where it is; when the entry comes up, it is seen to be early and set
//! again. An exchange costs one insertion into a heap at most, and no removal.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Entries above this many times the number of BMCs are swept out.
const STALE_SHARE: usize = 3;

/// The deadlines of all BMCs.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, usize)>>,
}

/// The entry of a BMC that counts; others with its number are stale.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Armed(Option<Instant>);

impl Timers {
    /// Sees to it that the BMC with this number comes up at `deadline` or before.
    pub(crate) fn arm(&mut self, number: usize, armed: &mut Armed, deadline: Option<Instant>) {
        let Some(deadline) = deadline else { return };
        if armed.0.is_none_or(|at| deadline < at) {
            armed.0 = Some(deadline);
            self.heap.push(Reverse((deadline, number)));
        }
    }

    /// When the next BMC comes up.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// A number whose entry is due. Whether it counts, [`Armed::take`] tells.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Instant, usize)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// Drops stale entries where they have become many: `armed` tells the entry that counts, of `count` BMCs.
    pub(crate) fn sweep(&mut self, count: usize, armed: impl Fn(usize) -> Option<Armed>) {
        if self.heap.len() > STALE_SHARE * count + 64 {
            self.heap.retain(|Reverse((at, number))| {
                armed(*number).is_some_and(|Armed(counts)| counts == Some(*at))
            });
        }
    }
}

impl Armed {
    /// Whether the entry of this moment is the one that counts; then it is no longer set.
    pub(crate) fn take(&mut self, at: Instant) -> bool {
        let counts = self.0 == Some(at);
        if counts {
            self.0 = None;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_deadline_that_moves_to_later_costs_nothing_until_it_comes() {
        let start = Instant::now();
        let (mut timers, mut armed) = (Timers::default(), Armed::default());
        timers.arm(7, &mut armed, Some(start + 10 * MS));
        for later in 11..1000 {
            timers.arm(7, &mut armed, Some(start + later * MS));
        }
        assert_eq!(timers.next(), Some(start + 10 * MS));
        assert_eq!(timers.pop(start + 9 * MS), None);
        assert_eq!(timers.pop(start + 10 * MS), Some((start + 10 * MS, 7)));
        assert!(armed.take(start + 10 * MS));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn an_earlier_deadline_makes_the_later_entry_stale() {
        let start = Instant::now();
        let (mut timers, mut armed) = (Timers::default(), Armed::default());
        timers.arm(7, &mut armed, Some(start + 20 * MS));
        timers.arm(7, &mut armed, Some(start + 10 * MS));
        let (at, _) = timers.pop(start + 30 * MS).unwrap();
        assert!(armed.take(at));
        let (at, _) = timers.pop(start + 30 * MS).unwrap();
        assert!(!armed.take(at));
    }

    #[test]
    fn stale_entries_do_not_pile_up() {
        let start = Instant::now();
        let (mut timers, mut armed) = (Timers::default(), Armed::default());
        for earlier in 0..100_000 {
            timers.arm(0, &mut armed, Some(start + Duration::from_secs(200) - earlier * MS));
            timers.sweep(1, |_| Some(armed));
            assert!(timers.heap.len() <= 68);
        }
        assert_eq!(timers.next(), armed.0);
    }
}
