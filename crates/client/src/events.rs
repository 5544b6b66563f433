//! Events as they happen: the server-sent events of `/api/v1/events`, across broken connections.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use http::Method;
use http::header::{ACCEPT, HeaderName};
use ironhand_api::Event;
use serde::de::DeserializeOwned;

use crate::{Client, Error};

/// The least wait before a broken connection is tried again.
const FIRST_BACK_OFF: Duration = Duration::from_millis(200);
/// The longest wait between tries.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(5);
/// Tries in a row without a reply before the stream gives up: about half a minute, in which a server restarts.
const MOST_TRIES: u32 = 9;
/// The longest line accepted; an event is far shorter, so more than this comes from something else.
const LONGEST_LINE: usize = 1 << 20;

type Bytes = Pin<Box<dyn Stream<Item = Result<Vec<u8>, reqwest::Error>> + Send>>;

/// Events in the order of their ids, each once.
///
/// When the connection breaks, the stream connects again and goes on after the last event that it gave. It ends after
/// an error, and only then.
pub struct EventStream<T = Event> {
    client: Client,
    query: Vec<(&'static str, String)>,
    /// The last id received: a connection is made again only when everything up to it has been given out.
    last: Option<u64>,
    body: Option<Bytes>,
    decoder: Decoder,
    ready: VecDeque<T>,
    ended: bool,
}

impl<T> fmt::Debug for EventStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("client", &self.client)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned> EventStream<T> {
    /// A stream of the events that `query` selects, in the form that it asks for.
    pub(crate) fn new(client: Client, after: Option<u64>, query: Vec<(&'static str, String)>) -> Self {
        Self {
            client,
            query,
            last: after,
            body: None,
            decoder: Decoder::default(),
            ready: VecDeque::new(),
            ended: false,
        }
    }

    /// The next event; waits for it.
    ///
    /// Dropping the returned future loses nothing.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        if self.ended {
            return None;
        }
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            if let Err(error) = self.fill().await {
                self.ended = true;
                return Some(Err(error));
            }
        }
    }

    /// Opens the connection without waiting for an event, so that everything from now on will be seen.
    ///
    /// # Errors
    ///
    /// Where the server cannot be reached, or refuses.
    pub async fn connect(&mut self) -> Result<(), Error> {
        let mut back_off = FIRST_BACK_OFF;
        let mut tries = 1;
        while self.body.is_none() {
            match self.open().await {
                Ok(body) => self.body = Some(body),
                Err(error) if tries < MOST_TRIES && error.retry() => {
                    tokio::time::sleep(back_off).await;
                    back_off = (back_off * 2).min(LONGEST_BACK_OFF);
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for the next bytes.
    async fn fill(&mut self) -> Result<(), Error> {
        self.connect().await?;
        let Some(body) = &mut self.body else { return Ok(()) };
        match body.next().await {
            Some(Ok(bytes)) => {
                let frames = self.decoder.push(&bytes).map_err(|reason| self.client.not_ours(reason))?;
                for frame in frames {
                    self.last = frame.id.or(self.last);
                    if !frame.data.is_empty() {
                        let event = serde_json::from_str(&frame.data);
                        self.ready.push_back(event.map_err(|error| self.client.not_ours(error.to_string()))?);
                    }
                }
            }
            Some(Err(_)) | None => {
                self.body = None;
                self.decoder = Decoder::default();
            }
        }
        Ok(())
    }

    async fn open(&self) -> Result<Bytes, Error> {
        let mut request = self
            .client
            .request(Method::GET, &["api", "v1", "events"], &self.query)
            .header(ACCEPT, "text/event-stream");
        if let Some(id) = self.last {
            request = request.header(HeaderName::from_static("last-event-id"), id.to_string());
        }
        let reply = self.client.call(request).await?;
        Ok(Box::pin(reply.bytes_stream().map(|chunk| chunk.map(Into::into))))
    }
}

/// One server-sent event. One without data tells where the stream stands when nothing has happened yet.
#[derive(Debug, Default, PartialEq, Eq)]
struct Frame {
    id: Option<u64>,
    data: String,
}

/// Takes events out of a stream of server-sent events (HTML standard, section 9.2.6).
#[derive(Default)]
struct Decoder {
    line: Vec<u8>,
    frame: Frame,
}

impl Decoder {
    /// The events that `bytes` completes.
    fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, String> {
        let mut complete = Vec::new();
        for &byte in bytes {
            if byte != b'\n' {
                self.line.push(byte);
                if self.line.len() > LONGEST_LINE {
                    return Err(format!("a line of the event stream is over {LONGEST_LINE} bytes"));
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = std::str::from_utf8(&line).map_err(|_| "the event stream is not UTF-8".to_owned())?;
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.is_empty() {
                let frame = std::mem::take(&mut self.frame);
                if frame != Frame::default() {
                    complete.push(frame);
                }
            } else if let Some(data) = line.strip_prefix("data:") {
                if !self.frame.data.is_empty() {
                    self.frame.data.push('\n');
                }
                self.frame.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            } else if let Some(id) = line.strip_prefix("id:") {
                self.frame.id = id.trim().parse().ok();
            }
        }
        Ok(complete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_however_the_bytes_are_cut() {
        let stream = b": hello\n\nid: 6\n\nid: 7\ndata: {\"a\":1}\n\nevent: x\r\ndata:one\r\ndata: two\r\n\r\n: keep\n\ndata: cut";
        for cut in 1..stream.len() {
            let mut decoder = Decoder::default();
            let frames: Vec<Frame> =
                stream.chunks(cut).flat_map(|chunk| decoder.push(chunk).unwrap()).collect();
            let wanted = [(Some(6), ""), (Some(7), "{\"a\":1}"), (None, "one\ntwo")]
                .map(|(id, data)| Frame { id, data: data.to_owned() });
            assert_eq!(frames, wanted, "cut every {cut} bytes");
        }
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut decoder = Decoder::default();
        let error = decoder.push(&vec![b'x'; LONGEST_LINE + 1]).unwrap_err();
        assert!(error.contains("over"), "{error}");
    }
}
