//! Bytes that arrived and are not yet understood.

/// A queue of received bytes. Machines take whole units from its front as soon as those are complete; how long a unit
/// may be is theirs to bound before they wait for it.
#[derive(Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    read: usize,
}

impl Inbox {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        // Moving what is left to the front pays once as much as is moved was read.
        if self.read > 0 && self.read * 2 >= self.bytes.len() {
            self.bytes.drain(..self.read);
            self.read = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn pending(&self) -> &[u8] {
        self.bytes.get(self.read..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pending().is_empty()
    }

    /// Drops up to `count` pending bytes; says how many there were.
    pub(crate) fn consume(&mut self, count: usize) -> usize {
        let dropped = count.min(self.pending().len());
        self.read += dropped;
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
