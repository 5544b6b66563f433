//! Peers that send nonsense, or sense with faults in it: neither side panics, and neither keeps what it is sent.

use std::time::{Duration, Instant};

use ironhand_rfb::{
    Client, ClientConfig, Encoding, Error, Event, Framebuffer, Output, PixelFormat, ProtocolError, Server,
    ServerConfig,
};
use proptest::prelude::*;

use crate::link::{Dice, Link};
use crate::{ENCODINGS, picture, viewer};

const GREETING: &[u8] = b"RFB 003.008\n\x01\x01\0\0\0\0";
/// 64x48 pixels, no name.
const SERVER_INIT: [u8; 24] =
    [0, 64, 0, 48, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0, 0, 0, 0, 0];

fn connected_client(now: Instant, pixel_format: PixelFormat) -> Client {
    let mut client = Client::new(now, ClientConfig { pixel_format, ..ClientConfig::default() });
    client.receive(now, GREETING);
    client.receive(now, &SERVER_INIT);
    client.request_update(now, false);
    client
}

fn connected_server(now: Instant) -> Server {
    let screen = picture(&mut Dice::new(1), 64, 48, 9, 4);
    let mut server = Server::new(now, ServerConfig::default(), screen, [1; 16]);
    server.receive(now, b"RFB 003.008\n\x01\x01");
    server
}

/// Fetches all output; returns its size and the last event.
fn drain<E>(mut next_output: impl FnMut() -> Option<Output<E>>) -> (usize, Option<E>) {
    let (mut sent, mut last) = (0, None);
    while let Some(output) = next_output() {
        match output {
            Output::Send(bytes) => sent += bytes.len(),
            Output::Event(event) => last = Some(event),
        }
    }
    (sent, last)
}

/// Messages that begin right, so that noise reaches the decoders.
fn update_of(encoding: Encoding, noise: &[u8]) -> Vec<u8> {
    let head = [0, 0, 0, 2, 0, 3, 0, 5, 0, 40, 0, 30];
    [&head[..], &encoding.number().to_be_bytes(), noise].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn noise_instead_of_a_server(bytes in prop::collection::vec(any::<u8>(), 0..400), after in 0..4_usize) {
        let now = Instant::now();
        let mut client = Client::new(now, ClientConfig { password: Some("x".into()), ..ClientConfig::default() });
        let start: [&[u8]; 4] = [b"", b"RFB 003.008\n", b"RFB 003.008\n\x01\x02", GREETING];
        client.receive(now, start[after]);
        client.receive(now, &bytes);
        drain(|| client.next_output());
        client.wake(now + Duration::from_secs(3600));
        client.closed();
    }

    #[test]
    fn noise_in_updates(
        noise in prop::collection::vec(any::<u8>(), 0..600),
        encoding in prop::sample::select(&Encoding::ALL[..]),
        small in any::<bool>(),
        wide in any::<bool>(),
    ) {
        let now = Instant::now();
        let format = if wide { PixelFormat::TRUE_COLOUR_32 } else { PixelFormat::TRUE_COLOUR_8 };
        // Small numbers are lengths and counts that decoders accept.
        let noise: Vec<u8> = noise.into_iter().map(|byte| if small { byte & 3 } else { byte }).collect();
        let message = update_of(encoding, &noise);
        let [whole, split] = [message.len(), 1].map(|piece| {
            let mut client = connected_client(now, format);
            for bytes in message.chunks(piece) {
                client.receive(now, bytes);
            }
            let picture = client.framebuffer().cloned();
            drain(|| client.next_output());
            picture
        });
        prop_assert!(whole == split, "the outcome depends on how bytes are split");
    }

    #[test]
    fn noise_instead_of_a_viewer(bytes in prop::collection::vec(any::<u8>(), 0..400), connected in any::<bool>()) {
        let now = Instant::now();
        let mut server = connected_server(now);
        if !connected {
            server = Server::new(now, ServerConfig::default(), Framebuffer::default(), [1; 16]);
        }
        server.receive(now, &bytes);
        drain(|| server.next_output());
        server.set_framebuffer(&picture(&mut Dice::new(1), 60, 50, 9, 4));
        server.wake(now + Duration::from_secs(3600));
        let (sent, _) = drain(|| server.next_output());
        // At most a colour map and one raw picture of 32-bit pixels, in squares with a head each.
        prop_assert!(sent <= 1542 + 64 * 50 * 4 + 16 * 20, "{sent} bytes for one request");
    }

    /// Faults in true sessions: bits that flipped, bytes that were lost.
    #[test]
    fn faults_in_true_updates(seed in any::<u64>(), at in 0..3000_usize, flip in any::<u8>(), lose in any::<bool>()) {
        let mut dice = Dice::new(seed);
        let encoding = ENCODINGS[dice.below(5) as usize];
        let colours = [2, 20, 1 << 20][dice.below(3) as usize];
        let screen = picture(&mut dice, 64, 48, colours, 5);
        let jpeg_quality = (dice.below(2) == 0).then_some(5);
        let config = ClientConfig { jpeg_quality, ..viewer(encoding, PixelFormat::TRUE_COLOUR_16) };
        let mut link = Link::new(seed, 100, config, ServerConfig::default(), screen);
        link.settle();
        link.client.request_update(link.now, false);
        while let Some(output) = link.client.next_output() {
            if let Output::Send(bytes) = output {
                link.server.receive(link.now, &bytes);
            }
        }
        while let Some(output) = link.server.next_output() {
            if let Output::Send(mut bytes) = output {
                let at = at % bytes.len();
                if lose {
                    bytes.remove(at);
                } else {
                    bytes[at] ^= flip;
                }
                link.client.receive(link.now, &bytes);
            }
        }
        drain(|| link.client.next_output());
    }
}

/// Floods of every message that asks for nothing: what is kept does not grow.
#[test]
fn floods_are_not_kept() {
    let now = Instant::now();
    let mut client = connected_client(now, PixelFormat::TRUE_COLOUR_8);
    drain(|| client.next_output());
    let cut_text = [&[3, 0, 0, 0, 0, 0, 1, 0][..], &[b'x'; 256]].concat();
    for message in [&[2][..], &[0, 0, 0, 0], &cut_text, &[1, 0, 0, 0, 0, 0]] {
        for _ in 0..2000 {
            client.receive(now, message);
        }
    }
    let (mut events, mut sent) = (0, 0);
    while let Some(output) = client.next_output() {
        match output {
            Output::Send(bytes) => sent += bytes.len(),
            Output::Event(_) => events += 1,
        }
    }
    assert_eq!((sent, events), (10, 2), "one request, one bell, one text");
}

/// A server that fills its screen by twelve bytes again and again is cut off.
#[test]
fn endless_rectangles_end() {
    let now = Instant::now();
    let mut client = Client::new(now, ClientConfig::default());
    client.receive(now, GREETING);
    let mut server_init = SERVER_INIT;
    server_init[..4].copy_from_slice(&[16, 0, 9, 0]);
    client.receive(now, &server_init);
    client.request_update(now, false);
    client.receive(now, &[0, 0, 0xFF, 0xFF]);
    let copy_all = [0, 0, 0, 0, 16, 0, 9, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    for _ in 0..17 {
        client.receive(now, &copy_all);
    }
    let (_, last) = drain(|| client.next_output());
    assert!(
        matches!(last, Some(Event::Failed(Error::Protocol(ProtocolError::PaintLimit { .. })))),
        "{last:?}"
    );
}

/// A server that keeps an update open for ever, byte by byte, runs into the deadline.
#[test]
fn an_update_without_end_times_out() {
    let now = Instant::now();
    let mut client = connected_client(now, PixelFormat::TRUE_COLOUR_8);
    client.receive(now, &[0, 0, 0xFF, 0xFF]);
    let empty = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut time = now;
    while client.framebuffer().is_some() && time < now + Duration::from_secs(100) {
        time += Duration::from_secs(1);
        client.receive(time, &empty);
        client.wake(time);
    }
    assert_eq!(time, now + Duration::from_secs(30));
}
