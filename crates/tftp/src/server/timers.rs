//! When transfers are due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::TransferId;

/// The times at which transfers are looked at.
///
/// An acknowledgement moves the deadline of its transfer, and a transfer sees thousands of them. So an entry stays where it
/// is, and when it comes up the transfer says whether it is really due: setting costs something once a timeout, not once a
/// block.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, TransferId)>>,
}

impl Timers {
    pub(super) fn set(&mut self, at: Instant, id: TransferId) {
        self.heap.push(Reverse((at, id)));
    }

    /// Takes one whose time has come, with that time.
    pub(super) fn due(&mut self, now: Instant) -> Option<(Instant, TransferId)> {
        let Reverse((at, _)) = self.heap.peek()?;
        if *at > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}
