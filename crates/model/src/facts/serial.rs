//! What the host wrote on its serial console lately.

use ironhand_api::Timestamp;

use super::HostFacts;

/// A line that the host wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialLine {
    /// When its first character arrived.
    pub at: Timestamp,
    /// The text, without control sequences.
    pub text: String,
}

impl HostFacts {
    /// Takes in the last lines that the host wrote, the newest last; none where nobody listens, so that it is not known. They are not kept
    /// over a restart: what is written meanwhile is missed.
    pub fn heard_serial(&mut self, lines: Option<Vec<SerialLine>>) {
        self.serial = lines;
    }

    /// The last lines that the host wrote, the newest last; none where that is not known.
    pub fn serial(&self) -> Option<&[SerialLine]> {
        self.serial.as_deref()
    }
}
