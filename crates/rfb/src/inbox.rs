//! Bytes that arrived and are not yet understood.

use bytes::{Buf, BytesMut};

/// A queue of received bytes. Decoders take whole units from its front as soon as those are complete, so that what
/// stays behind between two calls is smaller than the largest unit (a Hextile tile, 1.5 KiB).
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

    /// Drops the first `count` pending bytes, or all if there are fewer.
    pub(crate) fn consume(&mut self, count: usize) {
        self.0.advance(count.min(self.0.len()));
    }

    /// Takes the next `N` bytes, or none of them as long as fewer are there.
    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = *self.pending().first_chunk::<N>()?;
        self.consume(N);
        Some(taken)
    }
}

/// A reader over a whole unit; every call says `None` at its end.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }
}
