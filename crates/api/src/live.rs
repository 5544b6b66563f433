//! A screen as it changes: what goes over the WebSocket `GET /api/v1/hosts/{name}/screen/live`.
//!
//! A client sends keys as text frames, each a [`KeysRequest`](crate::KeysRequest).

use serde::{Deserialize, Serialize};

use crate::{PictureDigest, ScreenKind, Timestamp};

/// What the server says, as text frames.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum LiveNotice {
    /// The connection is made.
    Opened {
        /// Whether no keys are taken.
        read_only: bool,
    },
    /// The screen, which is another than before.
    Screen(Box<LiveScreen>),
    /// The screen cannot be seen at the moment.
    Unseen {
        /// The connector that tells the most of why; absent where nothing was tried yet.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        connector: String,
        /// Why.
        reason: String,
    },
    /// Keys were pressed.
    Pressed {
        /// The keys, with stars for what they typed and the names of secrets.
        keys: String,
        /// The connector that they went through.
        connector: String,
    },
    /// Keys were not pressed, or not all of them.
    NotPressed {
        /// A stable code, as in problem documents.
        code: String,
        /// Why.
        reason: String,
    },
    /// The connection ends; nothing follows.
    Closed {
        /// A stable code: `console.taken_over`, `console.released`, `console.idle`, `console.slow`, `screen.gone`,
        /// `request.malformed`, `server.stopping`.
        code: String,
        /// In words.
        reason: String,
    },
}

/// One look at a screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveScreen {
    /// Rises with each look; looks that showed nothing new, or came faster than the client took them, are left out.
    pub number: u64,
    /// When the picture was known to be current.
    pub at: Timestamp,
    /// The connector that it was seen through, like `vnc 10.0.7.12`.
    pub connector: String,
    /// What it shows.
    pub kind: ScreenKind,
    /// The rows of the character grid, top to bottom; empty where no grid was found.
    pub rows: Vec<String>,
    /// Where the underline cursor is, where one shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<ScreenPlace>,
    /// The one row that is drawn in other colours than all others, from 0: the chosen line of a menu.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highlighted_row: Option<usize>,
    /// The least certain character's confidence, 0 to 1; 1 where there is no text.
    pub confidence: f32,
    /// Whether every character was recognised with certainty.
    pub reliable: bool,
    /// The width of the picture in pixels.
    pub width: u32,
    /// The height of the picture in pixels.
    pub height: u32,
    /// The name of the picture: equal for equal pixels.
    pub picture: PictureDigest,
    /// Whether the next frame is binary, and the picture as a PNG file.
    pub picture_follows: bool,
}

/// A place on a character grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScreenPlace {
    /// From 0, top to bottom.
    pub row: usize,
    /// From 0, left to right.
    pub column: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_told_apart_by_their_type() {
        let check = |notice: LiveNotice, json: serde_json::Value| {
            assert_eq!(serde_json::to_value(&notice).unwrap(), json);
            assert_eq!(serde_json::from_value::<LiveNotice>(json).unwrap(), notice);
        };
        check(
            LiveNotice::Opened { read_only: true },
            serde_json::json!({ "type": "opened", "readOnly": true }),
        );
        let screen = LiveScreen {
            number: 7,
            at: Timestamp::from_millis(0),
            connector: "vnc 127.0.0.1".to_owned(),
            kind: ScreenKind::Text,
            rows: vec!["login:".to_owned()],
            cursor: Some(ScreenPlace { row: 0, column: 6 }),
            highlighted_row: None,
            confidence: 1.0,
            reliable: true,
            width: 720,
            height: 400,
            picture: PictureDigest("00".to_owned()),
            picture_follows: true,
        };
        check(
            LiveNotice::Screen(Box::new(screen)),
            serde_json::json!({
                "type": "screen", "number": 7, "at": "1970-01-01T00:00:00.000Z", "connector": "vnc 127.0.0.1",
                "kind": "text", "rows": ["login:"], "cursor": { "row": 0, "column": 6 }, "confidence": 1.0,
                "reliable": true, "width": 720, "height": 400, "picture": "00", "pictureFollows": true,
            }),
        );
    }
}
