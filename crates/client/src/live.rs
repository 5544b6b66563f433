//! The screen of a host as it changes, over a WebSocket, and keys for it.

use futures_util::{SinkExt, StreamExt};
use ironhand_api::{KeysRequest, LiveNotice, LiveScreen, Name};
use reqwest::Upgraded;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::{Client, ConsoleOptions, Error};

/// How a screen is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveOptions {
    /// Who watches, and whether they take the console to press keys.
    pub console: ConsoleOptions,
    /// Only the text, without pictures.
    pub text_only: bool,
    /// Have the recording show what is typed, beside secrets, in place of stars.
    pub record_typed: bool,
}

/// What comes from a screen that is watched.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveEvent {
    /// The screen is another than before. Those that came faster than they were asked for are left out.
    Screen {
        /// What was read.
        screen: Box<LiveScreen>,
        /// The picture as a PNG file, unless only the text was asked for.
        picture: Option<Vec<u8>>,
    },
    /// Anything else that the server says; never [`LiveNotice::Screen`].
    Notice(LiveNotice),
}

/// A screen that is watched.
#[derive(Debug)]
pub struct LiveScreens {
    socket: WebSocketStream<Upgraded>,
    /// The screen whose picture has not come yet.
    awaited: Option<Box<LiveScreen>>,
}

impl Client {
    /// Watches the screen of a host, and takes its console unless it is to be looked at only.
    ///
    /// # Errors
    ///
    /// A problem that says why it cannot be watched; with the code `console.held` where somebody else has the console.
    pub async fn watch_screen(&self, host: &Name, options: &LiveOptions) -> Result<LiveScreens, Error> {
        let LiveOptions { console, text_only, record_typed } = options;
        let mut query = vec![
            ("takeOver", console.take_over.to_string()),
            ("readOnly", console.read_only.to_string()),
            ("pictures", (!text_only).to_string()),
            ("recordTyped", record_typed.to_string()),
        ];
        query.extend(console.by.clone().map(|by| ("by", by)));
        let path = ["api", "v1", "hosts", host.as_str(), "screen", "live"];
        Ok(LiveScreens { socket: self.socket(&path, &query).await?, awaited: None })
    }
}

impl LiveScreens {
    /// What comes next; none when the connection has ended. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<LiveEvent> {
        loop {
            match self.socket.next().await? {
                // What another version of the server says is passed over.
                Ok(Message::Text(text)) => match serde_json::from_str(&text) {
                    Ok(LiveNotice::Screen(screen)) if screen.picture_follows => self.awaited = Some(screen),
                    Ok(LiveNotice::Screen(screen)) => {
                        return Some(LiveEvent::Screen { screen, picture: None });
                    }
                    Ok(notice) => return Some(LiveEvent::Notice(notice)),
                    Err(_) => {}
                },
                Ok(Message::Binary(picture)) => {
                    if let Some(screen) = self.awaited.take() {
                        return Some(LiveEvent::Screen { screen, picture: Some(picture.into()) });
                    }
                }
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
            }
        }
    }

    /// Has keys pressed; what comes of it is an event. False where the connection has ended.
    pub async fn press(&mut self, request: &KeysRequest) -> bool {
        self.socket.send(Message::Text(request.to_transport().to_string().into())).await.is_ok()
    }

    /// Says good-bye.
    pub async fn close(mut self) {
        // The server may have gone first.
        let _ = self.socket.close(None).await;
    }
}
