//! Consoles that somebody holds: who has one, and what goes over its WebSocket beside the characters.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Who has the console of a host: one person or run at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsoleHolder {
    /// Who, as they called themselves, or the flow.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
    /// When they typed last; the same as `since` where they did not.
    pub used_at: Timestamp,
}

/// What the server says beside the characters, as text frames of the WebSocket
/// `GET /api/v1/hosts/{name}/console`. The characters that the machine writes are its binary frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ConsoleNotice {
    /// The console is open.
    Opened {
        /// The connector, like `ipmi 10.0.7.12`.
        connector: String,
        /// Whether nothing can be typed.
        read_only: bool,
    },
    /// Something that whoever looks at it should know.
    Notice {
        /// In words.
        message: String,
    },
    /// The console is closed, or is somebody else's now; nothing follows.
    Closed {
        /// A stable code: `console.taken_over`, `console.released`, `console.idle`, `console.lost`, `console.slow`,
        /// `server.stopping`.
        code: String,
        /// In words.
        reason: String,
    },
}

/// What a client says beside the characters, as text frames of the same WebSocket. What is typed are its binary frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ConsoleRequest {
    /// Send a break.
    Break,
    /// The window of whoever looks at it has this size now, in characters.
    Resize {
        /// Characters in a row.
        columns: u16,
        /// Rows.
        rows: u16,
    },
}

/// A line that a machine wrote on its serial console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsoleLine {
    /// When its first character arrived.
    pub at: Timestamp,
    /// The text, without control sequences.
    pub text: String,
}
