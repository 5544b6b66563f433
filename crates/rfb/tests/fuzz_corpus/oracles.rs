//! What must hold at either end of RFB whatever the other sends. Each function takes one input of a fuzz target.
//!
//! An input is a configuration byte and then steps: an operation byte and its operands.

use std::time::{Duration, Instant};

use ironhand_rfb::{
    Client, ClientConfig, Error, Event, Framebuffer, Output, PixelFormat, Protection, ProtocolVersion,
    Server, ServerConfig, ServerError, ServerEvent,
};

const VERSIONS: [ProtocolVersion; 3] = [ProtocolVersion::V3_3, ProtocolVersion::V3_7, ProtocolVersion::V3_8];
const FORMATS: [PixelFormat; 6] = [
    PixelFormat::TRUE_COLOUR_32,
    PixelFormat::TRUE_COLOUR_32_BIG_ENDIAN,
    PixelFormat::TRUE_COLOUR_16,
    PixelFormat::TRUE_COLOUR_16_BIG_ENDIAN,
    PixelFormat::TRUE_COLOUR_8,
    PixelFormat::COLOUR_MAP,
];

/// Takes operands off an input; what is missing is zero.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn step(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn byte(&mut self) -> u8 {
        self.step().unwrap_or_default()
    }

    /// A length of two bytes, then as many bytes as there are.
    fn chunk(&mut self) -> &'a [u8] {
        let length = usize::from(u16::from_be_bytes([self.byte(), self.byte()]));
        let (chunk, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        chunk
    }
}

/// Fetches all outputs: bytes to send and events.
fn drain<E>(mut next_output: impl FnMut() -> Option<Output<E>>) -> (Vec<u8>, Vec<E>) {
    let (mut sent, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = next_output() {
        match output {
            Output::Send(bytes) => sent.extend(bytes),
            Output::Event(event) => events.push(event),
        }
    }
    (sent, events)
}

/// A client of a hostile server. Two are played the same bytes, one of them byte by byte, and both must do the same.
pub fn client(data: &[u8]) {
    let mut script = Script(data);
    let setting = script.byte();
    let config = || ClientConfig {
        password: (setting & 1 != 0).then(|| "calvin12".into()),
        pixel_format: FORMATS[usize::from(setting >> 1 & 7) % FORMATS.len()],
        highest_version: VERSIONS[usize::from(setting >> 4 & 7) % VERSIONS.len()],
        user: (setting & 0x80 != 0).then(|| "root".into()),
        protection: if setting & 0x80 != 0 { Protection::Vencrypt } else { Protection::Nothing },
        ..ClientConfig::default()
    };
    let mut now = Instant::now();
    let mut clients = [Client::new(now, config()), Client::new(now, config())];
    let mut is_over = false;
    while let Some(operation) = script.step() {
        let due = clients[0].next_wake();
        let mut each = |act: &dyn Fn(&mut Client)| clients.iter_mut().for_each(act);
        match operation % 8 {
            _ if operation >= 0x80 => each(&|client| client.tls_started(now)),
            0..=2 => {
                let bytes = script.chunk();
                clients[0].receive(now, bytes);
                bytes.iter().for_each(|byte| clients[1].receive(now, &[*byte]));
            }
            3 => {
                now += Duration::from_secs(script.byte().into());
                each(&|client| client.wake(now));
            }
            4 => {
                now = due.unwrap_or(now).max(now);
                each(&|client| client.wake(now));
            }
            5 => {
                let incremental = script.byte() & 1 != 0;
                each(&|client| client.request_update(now, incremental));
            }
            6 => {
                let key = script.byte();
                each(&|client| client.key(key.into(), true));
                each(&|client| client.key_at(key.into(), key, false));
                each(&|client| client.pointer(1, 2, 3));
            }
            _ => each(&|client| client.closed()),
        }
        let [whole, split] = clients.each_mut().map(|client| {
            let (sent, mut events) = drain(|| client.next_output());
            for event in &mut events {
                // What does not speak RFB is quoted as far as it had come.
                if let Event::Failed(Error::NotRfb { start }) = event {
                    start.clear();
                }
            }
            (sent, events)
        });
        assert_eq!(whole, split, "what the client does depends on how bytes are split");
        let (sent, events) = whole;
        assert!(!is_over || (sent.is_empty() && events.is_empty()), "{events:?} after the end");
        is_over |= events.iter().any(|event| matches!(event, Event::Failed(_)));
        let [whole, split] = &clients;
        assert_eq!(whole.next_wake(), split.next_wake());
        assert!(whole.framebuffer() == split.framebuffer(), "the picture depends on how bytes are split");
        assert!(!is_over || (whole.framebuffer().is_none() && whole.next_wake().is_none()));
        whole.framebuffer().into_iter().for_each(is_sound);
    }
}

fn is_sound(picture: &Framebuffer) {
    assert_eq!(picture.pixels().len(), usize::from(picture.width()) * usize::from(picture.height()));
    assert!(picture.pixels().len() <= Framebuffer::MAX_PIXELS);
    assert!(picture.pixels().iter().all(|pixel| *pixel <= 0x00FF_FFFF));
}

/// A picture that depends on two numbers alone: its size and what is in it.
fn picture(size: u8, content: u8) -> Framebuffer {
    let (width, height) = (u16::from(size & 15) * 5, u16::from(size >> 4) * 3);
    let colour = |index: u32| (index / (u32::from(content) + 1)).wrapping_mul(0x9E_3779) & 0x00FF_FFFF;
    let pixels = (0..u32::from(width) * u32::from(height)).map(colour).collect();
    Framebuffer::from_pixels(width, height, pixels).expect("small")
}

/// A server with a hostile viewer. Two are played the same bytes, one of them byte by byte, and both must do the same.
pub fn server(data: &[u8]) {
    let mut script = Script(data);
    let setting = script.byte();
    let config = || ServerConfig {
        password: (setting & 1 != 0).then(|| "calvin12".into()),
        user: (setting & 0x40 != 0).then(|| "root".into()),
        tls: setting & 0x80 != 0,
        name: "fuzz".into(),
        highest_version: VERSIONS[usize::from(setting >> 4 & 3) % VERSIONS.len()],
        ..ServerConfig::default()
    };
    let mut now = Instant::now();
    let first = picture(script.byte(), script.byte());
    let mut servers = [0, 1].map(|_| Server::new(now, config(), first.clone(), [0x5A; 16]));
    let mut is_over = false;
    while let Some(operation) = script.step() {
        match operation % 8 {
            _ if operation >= 0x80 => servers.iter_mut().for_each(Server::tls_started),
            0..=3 => {
                let bytes = script.chunk();
                servers[0].receive(now, bytes);
                bytes.iter().for_each(|byte| servers[1].receive(now, &[*byte]));
            }
            4 => {
                now += Duration::from_secs(script.byte().into());
                servers.iter_mut().for_each(|server| server.wake(now));
            }
            _ => {
                let picture = picture(script.byte(), script.byte());
                servers.iter_mut().for_each(|server| server.set_framebuffer(&picture));
            }
        }
        let [whole, split] = servers.each_mut().map(|server| {
            let (sent, mut events) = drain(|| server.next_output());
            for event in &mut events {
                if let ServerEvent::Failed(ServerError::NotRfb { start }) = event {
                    start.clear();
                }
            }
            (sent, events)
        });
        assert_eq!(whole, split, "what the server does depends on how bytes are split");
        let (sent, events) = whole;
        assert!(!is_over || (sent.is_empty() && events.is_empty()), "{events:?} after the end");
        let connected = events.iter().any(|event| matches!(event, ServerEvent::Connected { .. }));
        // No input of the corpus holds the answer to the challenge, and a fuzzer does not find DES keys; who logs in by
        // name sends the password as it is.
        assert!(!connected || setting & 0x41 != 1, "let in without the password");
        is_over |= events.iter().any(|event| matches!(event, ServerEvent::Failed(_)));
        assert_eq!(servers[0].framebuffer().is_none(), is_over);
        assert!(!is_over || servers[0].next_wake().is_none());
    }
}
