//! The DesktopSize (RFC 6143 section 7.8.2) and ExtendedDesktopSize (community protocol document) pseudo-encodings:
//! the rectangle's width and height are those of the screen from now on.

use super::Progress;
use crate::framebuffer::Rectangle;
use crate::inbox::Inbox;

/// The list of monitors behind an ExtendedDesktopSize rectangle; we see one screen only, so it is dropped.
pub(crate) struct Monitors {
    missing: Option<usize>,
}

/// Bytes of each monitor: id, position, size, flags.
const MONITOR_LENGTH: usize = 16;

impl Monitors {
    pub(crate) fn new() -> Self {
        Self { missing: None }
    }

    pub(crate) fn decode(&mut self, inbox: &mut Inbox) -> Progress {
        let missing = match self.missing {
            Some(missing) => missing,
            None => {
                let Some([count, _, _, _]) = inbox.take() else { return Progress::Starved };
                usize::from(count) * MONITOR_LENGTH
            }
        };
        let dropped = inbox.pending().len().min(missing);
        inbox.consume(dropped);
        self.missing = Some(missing - dropped);
        if missing == dropped { Progress::Complete } else { Progress::Starved }
    }
}

/// Whether an ExtendedDesktopSize rectangle says a size that holds: in `y` it carries a status, and all but zero mean
/// that a client's wish was refused.
pub(crate) fn extended_size_holds(area: Rectangle) -> bool {
    area.y == 0
}
