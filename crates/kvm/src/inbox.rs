//! Bytes that arrived and are not yet understood.

use bytes::{Buf, BytesMut};

/// A queue of received bytes. Machines take whole units from its front as soon as those are complete; how long a unit
/// may be is theirs to bound before they wait for it.
#[derive(Default)]
pub(crate) struct Inbox(BytesMut);

impl Inbox {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn pending(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Drops up to `count` pending bytes; says how many there were.
    pub(crate) fn consume(&mut self, count: usize) -> usize {
        let dropped = count.min(self.0.len());
        self.0.advance(dropped);
        dropped
    }

    /// The next `N` bytes, which stay.
    pub(crate) fn peek<const N: usize>(&self) -> Option<[u8; N]> {
        self.pending().first_chunk::<N>().copied()
    }

    /// Takes the next `N` bytes, or none of them as long as fewer are there.
    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = self.peek::<N>()?;
        self.consume(N);
        Some(taken)
    }

    /// As [`Self::take`] where the length is known only now.
    pub(crate) fn take_many(&mut self, count: usize) -> Option<Vec<u8>> {
        let taken = self.pending().get(..count)?.to_vec();
        self.consume(count);
        Some(taken)
    }
}
