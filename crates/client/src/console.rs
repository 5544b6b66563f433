//! The serial console of a host, over a WebSocket.

use futures_util::{SinkExt, StreamExt};
use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{Method, StatusCode};
use ironhand_api::{ConsoleHolder, ConsoleLine, ConsoleNotice, ConsoleRequest, List, Name, Span};
use reqwest::Upgraded;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use crate::{Client, Error};

/// How a console is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsoleOptions {
    /// Who opens it, as others are told.
    pub by: Option<String>,
    /// Take it from whoever has it.
    pub take_over: bool,
    /// Only look at what the machine writes.
    pub read_only: bool,
}

/// Which lines of a console's log are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsoleLogFilter {
    /// Those in which this regular expression is found.
    pub search: Option<String>,
    /// Those that are not older.
    pub since: Option<Span>,
    /// At most so many, the last.
    pub tail: Option<usize>,
}

/// What comes from a console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleEvent {
    /// The machine wrote this.
    Output(Vec<u8>),
    /// The server says something beside it.
    Notice(ConsoleNotice),
}

/// A serial console that is open.
#[derive(Debug)]
pub struct Console {
    socket: WebSocketStream<Upgraded>,
}

impl Client {
    /// Opens the serial console of a host.
    ///
    /// # Errors
    ///
    /// A problem that says why it cannot be opened; with the code `console.held` where somebody else has it.
    pub async fn console(&self, host: &Name, options: &ConsoleOptions) -> Result<Console, Error> {
        let mut query =
            vec![("takeOver", options.take_over.to_string()), ("readOnly", options.read_only.to_string())];
        query.extend(options.by.clone().map(|by| ("by", by)));
        let path = ["api", "v1", "hosts", host.as_str(), "console"];
        Ok(Console { socket: self.socket(&path, &query).await? })
    }

    /// Opens a WebSocket.
    pub(crate) async fn socket(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<WebSocketStream<Upgraded>, Error> {
        let request = self
            .request(Method::GET, path, query)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, generate_key());
        let reply = self.upgrade(request).await?;
        if reply.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(self.not_ours("it opens no WebSocket".to_owned()));
        }
        let upgraded = reply.upgrade().await.map_err(|source| self.unreachable(source))?;
        Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await)
    }

    /// What the machine wrote on its serial console: the last lines, the oldest of them first.
    ///
    /// # Errors
    ///
    /// A problem with the code `console.pattern` where `search` is not a regular expression.
    pub async fn console_log(
        &self,
        host: &Name,
        filter: &ConsoleLogFilter,
    ) -> Result<Vec<ConsoleLine>, Error> {
        let mut query = Vec::new();
        query.extend(filter.search.clone().map(|pattern| ("search", pattern)));
        query.extend(filter.since.map(|since| ("since", since.to_string())));
        query.extend(filter.tail.map(|tail| ("tail", tail.to_string())));
        let list: List<ConsoleLine> =
            self.fetch(&["api", "v1", "hosts", host.as_str(), "console", "log"], &query).await?;
        Ok(list.items)
    }

    /// Takes the console of a host from whoever has it; says who that was.
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn release_console(&self, host: &Name, by: &str) -> Result<Option<ConsoleHolder>, Error> {
        let path = ["api", "v1", "hosts", host.as_str(), "console", "release"];
        let request = self.request(Method::POST, &path, &[("by", by.to_owned())]);
        self.parse(self.call(request.json(&serde_json::json!({}))).await?).await
    }
}

impl Console {
    /// What comes next; none when the connection has ended. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<ConsoleEvent> {
        loop {
            match self.socket.next().await? {
                Ok(Message::Binary(bytes)) => return Some(ConsoleEvent::Output(bytes.to_vec())),
                // What another version of the server says is passed over.
                Ok(Message::Text(text)) => {
                    if let Ok(notice) = serde_json::from_str(&text) {
                        return Some(ConsoleEvent::Notice(notice));
                    }
                }
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
            }
        }
    }

    /// Types; false where the connection has ended.
    pub async fn write(&mut self, bytes: Vec<u8>) -> bool {
        self.send(Message::Binary(bytes.into())).await.is_ok()
    }

    /// Asks for something beside the characters; false where the connection has ended.
    pub async fn ask(&mut self, request: &ConsoleRequest) -> bool {
        // A request is plain data with string keys, which JSON can always hold.
        let text = serde_json::to_string(request).unwrap_or_default();
        self.send(Message::Text(text.into())).await.is_ok()
    }

    /// Says good-bye.
    pub async fn close(mut self) {
        // The server may have gone first.
        let _ = self.socket.close(None).await;
    }

    async fn send(&mut self, message: Message) -> Result<(), SocketError> {
        self.socket.send(message).await
    }
}
