//! A viewer and a server joined by a link that cuts what it carries into pieces of any size.

use std::time::Instant;

use ironhand_rfb::{Client, ClientConfig, Event, Framebuffer, Output, Server, ServerConfig, ServerEvent};

/// Small, seeded, repeatable.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 32) as u32) % limit
    }
}

pub struct Link {
    pub now: Instant,
    pub client: Client,
    pub server: Server,
    pub client_events: Vec<Event>,
    pub server_events: Vec<ServerEvent>,
    /// Bytes that the server sent.
    pub sent: usize,
    /// How often TLS began.
    pub tunnels: usize,
    dice: Dice,
    largest_piece: u32,
}

impl Link {
    pub fn new(
        seed: u64,
        largest_piece: u32,
        client: ClientConfig,
        server: ServerConfig,
        screen: Framebuffer,
    ) -> Self {
        let now = Instant::now();
        Self {
            now,
            client: Client::new(now, client),
            server: Server::new(now, server, screen, [0x5A; 16]),
            client_events: Vec::new(),
            server_events: Vec::new(),
            sent: 0,
            tunnels: 0,
            dice: Dice::new(seed),
            largest_piece,
        }
    }

    /// Carries bytes both ways, as if within TLS from where both sides say so, until neither side has anything to say.
    pub fn settle(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(output) = self.server.next_output() {
                quiet = false;
                match output {
                    Output::Send(bytes) => {
                        self.sent += bytes.len();
                        let (client, now) = (&mut self.client, self.now);
                        cut(&mut self.dice, self.largest_piece, &bytes, |piece| client.receive(now, piece));
                    }
                    Output::Event(event) => self.server_events.push(event),
                }
                // What it says next belongs into TLS.
                if self.server_events.last() == Some(&ServerEvent::StartTls) {
                    break;
                }
            }
            while let Some(output) = self.client.next_output() {
                quiet = false;
                match output {
                    Output::Send(bytes) => {
                        let (server, now) = (&mut self.server, self.now);
                        cut(&mut self.dice, self.largest_piece, &bytes, |piece| server.receive(now, piece));
                    }
                    Output::Event(Event::StartTls) => {
                        assert_eq!(self.server_events.pop(), Some(ServerEvent::StartTls));
                        self.tunnels += 1;
                        self.server.tls_started();
                        self.client.tls_started(self.now);
                    }
                    Output::Event(event) => self.client_events.push(event),
                }
            }
            if quiet {
                return;
            }
        }
    }

    /// Asks for an update and waits for what the server has to say.
    pub fn see(&mut self, incremental: bool) {
        self.client.request_update(self.now, incremental);
        self.settle();
    }
}

fn cut(dice: &mut Dice, largest: u32, mut bytes: &[u8], mut receive: impl FnMut(&[u8])) {
    while !bytes.is_empty() {
        let length = (1 + dice.below(largest) as usize).min(bytes.len());
        let (piece, rest) = bytes.split_at(length);
        receive(piece);
        bytes = rest;
    }
}
