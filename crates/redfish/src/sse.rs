//! Server-sent events (HTML Living Standard, section 9.2.6; DSP0266 section 13.4): bytes in, messages out.

use std::time::Duration;

use crate::Event;
use crate::event::events_of;

/// The longest line, and the most data of one message. Events of controllers have some hundred bytes; a reporter that sends a
/// whole metric report has some ten thousand.
const LONGEST: usize = 1 << 20;

/// The longest pause before a new connection that a controller may ask for.
const LONGEST_RETRY: Duration = Duration::from_secs(600);

/// A message of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The identifier by which a stream is taken up again, where one was given.
    pub id: Option<String>,
    /// The kind, where one was given.
    pub kind: Option<String>,
    /// What it carries.
    pub data: String,
}

impl Message {
    /// The events that it carries; none where it carries something else, as a report of metrics or what is no JSON.
    pub fn events(&self) -> Vec<Event> {
        serde_json::from_str(&self.data).map_or(Vec::new(), |value| events_of(&value))
    }
}

/// Takes the bytes of a stream apart.
#[derive(Debug, Default)]
pub struct Sse {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// Whether the message holds more than [`LONGEST`].
    is_too_long: bool,
    /// Whether the last byte ended a line by a carriage return, to which a line feed may belong.
    is_after_return: bool,
    /// Whether something came, so that no mark of the byte order can come any more.
    is_begun: bool,
    message: Message,
    has_data: bool,
    retry: Option<Duration>,
    dropped: u64,
}

impl Sse {
    /// Takes bytes as they come, and gives the messages that they complete.
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        for byte in bytes {
            let is_rest = std::mem::take(&mut self.is_after_return) && *byte == b'\n';
            match byte {
                _ if is_rest => {}
                b'\n' | b'\r' => {
                    self.is_after_return = *byte == b'\r';
                    messages.extend(self.end_line());
                }
                _ if self.line.len() < LONGEST => self.line.push(*byte),
                _ => self.is_too_long = true,
            }
        }
        messages
    }

    /// How long the controller wants to be left alone before a new connection, where it said so.
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// How many messages were too long and are lost.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    fn end_line(&mut self) -> Option<Message> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let mut line = line.as_ref();
        if !std::mem::replace(&mut self.is_begun, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            return self.end_message();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" if self.message.data.len() + value.len() >= LONGEST => self.is_too_long = true,
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.message.data.push('\n');
                }
                self.message.data.push_str(value);
            }
            "event" => self.message.kind = Some(value.to_owned()).filter(|kind| !kind.is_empty()),
            "id" if !value.contains('\0') => self.message.id = Some(value.to_owned()),
            "retry" => {
                let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                let millis = value.parse().ok().filter(|_| is_number).map(Duration::from_millis);
                self.retry = millis.map(|retry| retry.min(LONGEST_RETRY)).or(self.retry);
            }
            // A comment, by which a controller keeps the connection open, or what no standard knows.
            _ => {}
        }
        None
    }

    fn end_message(&mut self) -> Option<Message> {
        let message = std::mem::take(&mut self.message);
        let has_data = std::mem::take(&mut self.has_data);
        if std::mem::take(&mut self.is_too_long) {
            self.dropped += 1;
            return None;
        }
        has_data.then_some(message)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(id: Option<&str>, kind: Option<&str>, data: &str) -> Message {
        Message { id: id.map(str::to_owned), kind: kind.map(str::to_owned), data: data.to_owned() }
    }

    #[test]
    fn streams_are_taken_apart() {
        let check = |stream: &str, expected: &[Message]| {
            assert_eq!(Sse::default().receive(stream.as_bytes()), expected, "{stream:?}");
        };
        check("data: a\n\n", &[message(None, None, "a")]);
        check("\u{feff}data:a\n\n", &[message(None, None, "a")]);
        check(
            "id: 7\r\nevent: alert\r\ndata: {\r\ndata:  \"a\": 1 }\r\n\r\n",
            &[message(Some("7"), Some("alert"), "{\n \"a\": 1 }")],
        );
        check("data: a\r\rdata: b\r\r", &[message(None, None, "a"), message(None, None, "b")]);
        check(": stream keep-alive\n\n\n", &[]);
        check("id: 1\n\ndata\n\n", &[message(None, None, "")]);
        check("data: a\n", &[]);
        check("nonsense\nid: a\0b\ndata: x\n\n", &[message(None, None, "x")]);
    }

    #[test]
    fn a_controller_asks_for_a_pause_that_is_bounded() {
        let check = |stream: &str, seconds: Option<u64>| {
            let mut sse = Sse::default();
            sse.receive(stream.as_bytes());
            assert_eq!(sse.retry(), seconds.map(Duration::from_secs), "{stream:?}");
        };
        check("retry: 60000\n", Some(60));
        check("retry: 99999999999\n", Some(600));
        check("retry: 5000\nretry: soon\n", Some(5));
        check("retry: -1\n", None);
        check("retry:\n", None);
    }

    #[test]
    fn what_is_too_long_is_lost_and_what_follows_is_not() {
        let mut sse = Sse::default();
        sse.receive(b"data: ");
        for _ in 0..40 {
            assert!(sse.receive(&[b'a'; 64 * 1024]).is_empty());
        }
        assert!(sse.line.capacity() <= 2 * LONGEST);
        assert_eq!(sse.receive(b"\n\ndata: b\n\n"), [message(None, None, "b")]);
        assert_eq!(sse.dropped(), 1);

        // Many lines of one message.
        let line = [b"data: ".as_slice(), &[b'a'; 1000], b"\n"].concat();
        for _ in 0..3000 {
            sse.receive(&line);
        }
        assert!(sse.message.data.len() <= LONGEST);
        assert_eq!(sse.receive(b"\ndata: c\n\n"), [message(None, None, "c")]);
        assert_eq!(sse.dropped(), 2);
    }

    proptest! {
        #[test]
        fn where_a_stream_is_cut_changes_nothing(
            stream in "(data|id|event|:|retry|é|[\r\n]{1,3}| ?[a-z{}0-9]){0,40}",
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let bytes = stream.as_bytes();
            let whole = Sse::default().receive(bytes);
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let mut sse = Sse::default();
            let cut: Vec<Message> =
                at.windows(2).flat_map(|range| sse.receive(&bytes[range[0]..range[1]])).collect();
            prop_assert_eq!(cut, whole);
        }
    }
}
