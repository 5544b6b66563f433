//! What a JetKVM says over its WebSocket and its data channel: JSON, both ways (firmware 0.4 and later).
//!
//! A session begins with an offer on the WebSocket `/webrtc/signaling/client`, and goes on in WebRTC: a track of video in H.264, and the data channel
//! [`CHANNEL`] with JSON-RPC 2.0. Where from this is known stands in `docs/reference/remote-consoles.md`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

/// The data channel of JSON-RPC.
pub const CHANNEL: &str = "rpc";

/// The longest conversation before WebRTC that is listened to, in bytes: an answer takes some 4 KiB, a candidate 300 bytes.
const LONGEST: usize = 256 * 1024;

/// The longest session description, in bytes.
const LONGEST_DESCRIPTION: usize = 64 * 1024;

/// The longest text that is kept of what the unit says, in characters.
const LONGEST_TEXT: usize = 200;

/// Why what the unit says makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignalError {
    /// It is no JSON, or other JSON.
    #[error("it is no conversation of a JetKVM")]
    Senseless,
    /// It goes on for longer than any unit's.
    #[error("it talks on and on before the session begins")]
    TooLong,
}

/// What the unit says while a session comes about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Its firmware: it says so first.
    Firmware(String),
    /// The answer to the offer, as a session description (SDP).
    Answer(String),
    /// A way that it may be reached (RFC 8839 section 5.1).
    Candidate(String),
    /// It cannot.
    Failed(String),
}

/// Takes what arrives on the WebSocket.
#[derive(Debug, Default)]
pub struct Signals {
    arrived: Vec<u8>,
    total: usize,
}

#[derive(Deserialize)]
struct Said {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    data: Value,
    #[serde(default)]
    error: Value,
}

impl Signals {
    /// Before anything arrived.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes; gives what they say. Kinds of messages that are not known are passed over.
    ///
    /// # Errors
    ///
    /// [`SignalError`]; nothing that comes later makes sense either.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Vec<Signal>, SignalError> {
        self.total += bytes.len();
        if self.total > LONGEST {
            return Err(SignalError::TooLong);
        }
        self.arrived.extend_from_slice(bytes);
        let mut said = Vec::new();
        // Values as they are: what is passed over unread is no number to serde_json where it ends behind a sign, though more may come.
        let mut stream = serde_json::Deserializer::from_slice(&self.arrived).into_iter::<Value>();
        let mut end = 0;
        loop {
            match stream.next() {
                Some(Ok(message)) => {
                    let message = Said::deserialize(message).map_err(|_| SignalError::Senseless)?;
                    said.extend(message.signal()?);
                }
                Some(Err(error)) if error.is_eof() => break,
                Some(Err(_)) => return Err(SignalError::Senseless),
                None => {
                    end = stream.byte_offset();
                    break;
                }
            }
            end = stream.byte_offset();
        }
        self.arrived.drain(..end);
        Ok(said)
    }
}

impl Said {
    fn signal(self) -> Result<Option<Signal>, SignalError> {
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or(SignalError::Senseless);
        Ok(match self.kind.as_str() {
            "device-metadata" => {
                Some(Signal::Firmware(cut(self.data["deviceVersion"].as_str().unwrap_or_default())))
            }
            "answer" => Some(Signal::Answer(description(&text(&self.data)?)?)),
            "new-ice-candidate" => Some(Signal::Candidate(text(&self.data["candidate"])?)),
            "" if !self.error.is_null() => Some(Signal::Failed(told(&self.error))),
            _ => None,
        })
    }
}

/// The session description in an answer.
fn description(wrapped: &str) -> Result<String, SignalError> {
    if wrapped.len() > LONGEST_DESCRIPTION * 2 {
        return Err(SignalError::TooLong);
    }
    let whole = STANDARD.decode(wrapped).map_err(|_| SignalError::Senseless)?;
    let mut whole: Value = serde_json::from_slice(&whole).map_err(|_| SignalError::Senseless)?;
    if whole["type"] != "answer" {
        return Err(SignalError::Senseless);
    }
    match whole["sdp"].take() {
        Value::String(text) if text.len() <= LONGEST_DESCRIPTION => Ok(text),
        Value::String(_) => Err(SignalError::TooLong),
        _ => Err(SignalError::Senseless),
    }
}

/// The message that asks for a session, with a session description (SDP).
#[must_use]
pub fn offer(description: &str) -> String {
    let inner = json!({ "type": "offer", "sdp": description }).to_string();
    json!({ "type": "offer", "data": { "sd": STANDARD.encode(inner) } }).to_string()
}

/// A call of a procedure (JSON-RPC 2.0).
#[must_use]
pub fn call(id: u64, method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

/// What arrives in the data channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// The answer to a call: what it gave, or what the unit says of its failure.
    Answer {
        /// The number of the call.
        id: u64,
        /// What it came to.
        result: Result<Value, String>,
    },
    /// Whether the machine sends a picture.
    Video(VideoState),
    /// Somebody else has a session now, and this one is about to be closed: a unit has one at a time.
    TakenOver,
    /// Something that nobody waits for.
    Other,
}

/// Whether the machine sends a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VideoState {
    /// It does.
    pub is_ready: bool,
    /// Why it does not, in the unit's words: `no_signal`, `no_lock`, `out_of_range`; empty where it does.
    pub error: String,
}

impl VideoState {
    /// As [`Message::Video`] and the procedure `getVideoState` tell it.
    #[must_use]
    pub fn of(told: &Value) -> Self {
        Self {
            is_ready: told["ready"].as_bool().unwrap_or_default(),
            error: cut(told["error"].as_str().unwrap_or_default()),
        }
    }
}

impl Message {
    /// Reads a message; nothing where it is none.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Self> {
        let mut read: Value = serde_json::from_slice(text).ok()?;
        if !read.is_object() {
            return None;
        }
        if let Some(method) = read["method"].as_str() {
            return Some(match method {
                "videoInputState" => Self::Video(VideoState::of(&read["params"])),
                "otherSessionConnected" => Self::TakenOver,
                _ => Self::Other,
            });
        }
        let Some(id) = read["id"].as_u64() else { return Some(Self::Other) };
        let result = match read.get("error").filter(|error| !error.is_null()) {
            Some(error) => Err(told(error)),
            None => Ok(read["result"].take()),
        };
        Some(Self::Answer { id, result })
    }
}

/// What an error says: the cause, or else the message in front of it.
fn told(error: &Value) -> String {
    let texts = [error.get("data"), error.get("message"), Some(error)];
    cut(texts.into_iter().flatten().find_map(Value::as_str).unwrap_or("it gave no reason"))
}

fn cut(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks what a conversation says however its bytes are cut.
    fn check(conversation: &str, wanted: Result<&[Signal], SignalError>) {
        for size in [1, 7, usize::MAX] {
            let mut signals = Signals::new();
            let mut said = Vec::new();
            let heard =
                conversation.as_bytes().chunks(size.min(conversation.len().max(1))).try_for_each(|chunk| {
                    said.extend(signals.receive(chunk)?);
                    Ok(())
                });
            assert_eq!(heard.map(|()| said.as_slice()), wanted, "{conversation}");
        }
    }

    #[test]
    fn conversations_are_understood() {
        let firmware = r#"{"type":"device-metadata","data":{"deviceVersion":"0.4.7"}}"#;
        let answer = STANDARD.encode(r#"{"type":"answer","sdp":"v=0\r\n"}"#);
        let answer = format!(r#"{{"type":"answer","data":"{answer}"}}"#);
        let candidate = r#"{"type":"new-ice-candidate","data":{"candidate":"candidate:1 1 udp 1 10.0.0.5 4 typ host","sdpMid":"0"}}"#;
        let told = Signal::Firmware("0.4.7".to_owned());
        let answered = Signal::Answer("v=0\r\n".to_owned());
        let way = Signal::Candidate("candidate:1 1 udp 1 10.0.0.5 4 typ host".to_owned());
        check("", Ok(&[]));
        check(&format!("{firmware}\n{candidate}\n{answer}\n"), Ok(&[told.clone(), way, answered]));
        check(&format!("{firmware}{{\"type\":\"news\",\"data\":[1]}}"), Ok(&[told]));
        check(r#"{"type":"news","number":-1,"numbers":{"x":-2e5}}"#, Ok(&[]));
        check(r#"{"error":"no codec"}"#, Ok(&[Signal::Failed("no codec".to_owned())]));
        check(r#"{"error":{}}"#, Ok(&[Signal::Failed("it gave no reason".to_owned())]));
        check("<html>", Err(SignalError::Senseless));
        check("[1]", Err(SignalError::Senseless));
        check(r#"{"type":"answer","data":7}"#, Err(SignalError::Senseless));
        check(r#"{"type":"answer","data":"%%%"}"#, Err(SignalError::Senseless));
        check(&" ".repeat(LONGEST + 1), Err(SignalError::TooLong));
    }

    #[test]
    fn an_offer_is_wrapped_as_units_take_it() {
        let wrapped: Value = serde_json::from_str(&offer("v=0\r\n")).expect("JSON");
        let inner = STANDARD.decode(wrapped["data"]["sd"].as_str().expect("a text")).expect("Base64");
        let inner: Value = serde_json::from_slice(&inner).expect("JSON");
        assert_eq!(
            (&wrapped["type"], &inner["type"], &inner["sdp"]),
            (&json!("offer"), &json!("offer"), &json!("v=0\r\n"))
        );
    }

    #[test]
    fn messages_of_the_channel_are_told_apart() {
        let check = |text: &str, wanted: Option<Message>| {
            assert_eq!(Message::read(text.as_bytes()), wanted, "{text}")
        };
        let answer = |id, result: Result<Value, &str>| {
            Some(Message::Answer { id, result: result.map_err(str::to_owned) })
        };
        check(r#"{"jsonrpc":"2.0","id":3}"#, answer(3, Ok(Value::Null)));
        check(r#"{"jsonrpc":"2.0","result":{"power":true},"id":4}"#, answer(4, Ok(json!({ "power": true }))));
        let internal = r#"{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal error","data":"port is closed"},"id":5}"#;
        check(internal, answer(5, Err("port is closed")));
        check(
            r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":6}"#,
            answer(6, Err("Method not found")),
        );
        let video = r#"{"jsonrpc":"2.0","method":"videoInputState","params":{"ready":false,"error":"no_signal","width":0,"height":0,"fps":0}}"#;
        check(video, Some(Message::Video(VideoState { is_ready: false, error: "no_signal".to_owned() })));
        check(r#"{"jsonrpc":"2.0","method":"otherSessionConnected"}"#, Some(Message::TakenOver));
        check(r#"{"jsonrpc":"2.0","method":"usbState","params":"configured"}"#, Some(Message::Other));
        check(r#"{"jsonrpc":"2.0","id":"x"}"#, Some(Message::Other));
        check("[]", None);
        check("", None);
    }
}
