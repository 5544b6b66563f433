//! What is said instead of carrying a command out, and beside it: to play a BMC that this crate does not know, or a hostile one.

use crate::bmc::Bmc;
use crate::completion::CompletionCode;
use crate::message::Message;

/// The longest scripted answer in bytes: more than any message holds.
const LENGTH_LIMIT: usize = 1024;

/// What the next command in a session is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptedAnswer {
    /// A reply to it.
    Reply {
        /// The completion code.
        code: CompletionCode,
        /// What follows the code.
        data: Vec<u8>,
    },
    /// Any bytes in the place of the inner message, checksums and all.
    Message(Vec<u8>),
}

impl ScriptedAnswer {
    /// The inner message that answers `request`, cut to [`LENGTH_LIMIT`].
    pub(super) fn answering(self, request: &Message<'_>) -> Vec<u8> {
        match self {
            Self::Reply { code, data } => {
                request.encode_reply(code, data.get(..LENGTH_LIMIT).unwrap_or(&data))
            }
            Self::Message(mut bytes) => {
                bytes.truncate(LENGTH_LIMIT);
                bytes
            }
        }
    }
}

impl Bmc {
    /// Sends `payload`, whatever it is, as a packet of the serial console to the session that has it, if one has.
    pub fn send_console_payload(&mut self, payload: &[u8]) {
        self.send_scripted_sol(payload.get(..LENGTH_LIMIT).unwrap_or(payload));
    }

    /// Answers the next command that comes in a session with `answer` and does not carry it out.
    pub fn answer_next_with(&mut self, answer: ScriptedAnswer) {
        self.scripted = Some(answer);
    }
}
