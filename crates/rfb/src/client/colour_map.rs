//! What pixels stand for that are numbers of a map's entries (RFC 6143 section 7.6.2).

use crate::framebuffer::Framebuffer;

/// Entries of a map: pixels are bytes.
const ENTRIES: usize = 256;

/// The map of a connection, and the picture in its colours. An entry that was not sent is black.
pub(super) struct ColourMap {
    entries: [u32; ENTRIES],
    shown: Framebuffer,
    /// Whether pixels were sent.
    is_painted: bool,
}

impl ColourMap {
    pub(super) fn new(shown: Framebuffer) -> Self {
        Self { entries: [0; ENTRIES], shown, is_painted: false }
    }

    pub(super) fn shown(&self) -> &Framebuffer {
        &self.shown
    }

    /// Sets an entry; others than those of a byte are not asked for, and dropped.
    pub(super) fn set(&mut self, number: usize, colour: u32) {
        if let Some(entry) = self.entries.get_mut(number) {
            *entry = colour;
        }
    }

    /// The entries of a message are set; whether the picture changed by that.
    pub(super) fn apply(&mut self, numbers: &Framebuffer) -> bool {
        let before = self.shown.clone();
        self.paint(numbers, false);
        self.is_painted && before != self.shown
    }

    /// Shows `numbers` in the colours of the map.
    pub(super) fn paint(&mut self, numbers: &Framebuffer, painted: bool) {
        self.is_painted |= painted;
        self.shown.clone_from(numbers);
        let all = 0..numbers.height();
        for y in all {
            for pixel in self.shown.row_mut(0, y, numbers.width()) {
                let number = usize::try_from(*pixel).unwrap_or(ENTRIES) % ENTRIES;
                *pixel = self.entries.get(number).copied().unwrap_or_default();
            }
        }
    }
}
