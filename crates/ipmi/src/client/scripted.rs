//! Bytes of the caller's own inside a session: to try a BMC against what no client says.

use crate::client::{Client, OUTPUT_LIMIT, State};
use crate::packet::PayloadType;

/// The longest scripted payload in bytes: more than any BMC takes.
const LENGTH_LIMIT: usize = 1024;

/// A payload that a [`Client`] did not make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptedPayload<'a> {
    /// In the place of an inner message, checksums and all.
    Message(&'a [u8]),
    /// In the place of a packet of the serial console.
    Console(&'a [u8]),
}

impl Client {
    /// Sends `payload` in the open session, protected as any other and up to 1,024 bytes long. Nothing waits for an answer.
    ///
    /// Returns whether it was sent: not without an open session, nor while outputs wait to be fetched.
    pub fn send_scripted(&mut self, payload: ScriptedPayload<'_>) -> bool {
        let State::Open(open) = &mut self.state else { return false };
        if self.link.backlog() >= OUTPUT_LIMIT {
            return false;
        }
        let (payload_type, bytes) = match payload {
            ScriptedPayload::Message(bytes) => (PayloadType::Ipmi, bytes),
            ScriptedPayload::Console(bytes) => (PayloadType::Sol, bytes),
        };
        let bytes = bytes.get(..LENGTH_LIMIT).unwrap_or(bytes);
        let bytes = open.session.seal(&mut *self.link.entropy, payload_type, bytes);
        self.link.send(bytes);
        true
    }
}
