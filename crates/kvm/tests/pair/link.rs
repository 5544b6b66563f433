//! Two machines joined by a link that cuts what it carries into pieces of any size, and delays each of them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ironhand_kvm::{Output, Picture, aten, ivtp};

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

/// Pixels of up to `colours` colours, in runs of about `run` pixels.
pub fn picture(dice: &mut Dice, width: u16, height: u16, colours: u32, run: u32) -> Picture {
    let mut colour = 0;
    let pixels = (0..u32::from(width) * u32::from(height))
        .map(|_| {
            if dice.below(run) == 0 {
                colour = dice.below(colours).wrapping_mul(0x9E_3779) & 0x00FF_FFFF;
            }
            colour
        })
        .collect();
    Picture::from_pixels(width, height, pixels).expect("small")
}

/// What the link drives.
pub trait End {
    type Event;
    fn receive(&mut self, now: Instant, bytes: &[u8]);
    fn wake(&mut self, now: Instant);
    fn next_wake(&self) -> Option<Instant>;
    fn next_output(&mut self) -> Option<Output<Self::Event>>;
}

macro_rules! end {
    ($machine:ty, $event:ty) => {
        impl End for $machine {
            type Event = $event;
            fn receive(&mut self, now: Instant, bytes: &[u8]) {
                <$machine>::receive(self, now, bytes);
            }
            fn wake(&mut self, now: Instant) {
                <$machine>::wake(self, now);
            }
            fn next_wake(&self) -> Option<Instant> {
                <$machine>::next_wake(self)
            }
            fn next_output(&mut self) -> Option<Output<Self::Event>> {
                <$machine>::next_output(self)
            }
        }
    };
}

end!(aten::Client, aten::Event);
end!(aten::Server, aten::ServerEvent);
end!(ivtp::Client, ivtp::Event);
end!(ivtp::Server, ivtp::ServerEvent);

/// Pieces under way in one direction, each with when it arrives.
type Way = VecDeque<(Instant, Vec<u8>)>;

pub struct Link<C: End, S: End> {
    pub now: Instant,
    pub client: C,
    pub server: S,
    pub client_events: Vec<C::Event>,
    pub server_events: Vec<S::Event>,
    /// Bytes that the server sent.
    pub sent: usize,
    to_client: Way,
    to_server: Way,
    dice: Dice,
    largest_piece: u32,
}

impl<C: End, S: End> Link<C, S> {
    pub fn new(now: Instant, seed: u64, largest_piece: u32, client: C, server: S) -> Self {
        Self {
            now,
            client,
            server,
            client_events: Vec::new(),
            server_events: Vec::new(),
            sent: 0,
            to_client: Way::new(),
            to_server: Way::new(),
            dice: Dice::new(seed),
            largest_piece,
        }
    }

    /// Carries bytes both ways, letting time pass, until nothing is under way.
    pub fn settle(&mut self) {
        loop {
            while let Some(output) = self.server.next_output() {
                match output {
                    Output::Send(bytes) => {
                        self.sent += bytes.len();
                        cut(&mut self.dice, self.now, self.largest_piece, &bytes, &mut self.to_client);
                    }
                    Output::Event(event) => self.server_events.push(event),
                }
            }
            while let Some(output) = self.client.next_output() {
                match output {
                    Output::Send(bytes) => {
                        cut(&mut self.dice, self.now, self.largest_piece, &bytes, &mut self.to_server);
                    }
                    Output::Event(event) => self.client_events.push(event),
                }
            }
            let fronts = [self.to_client.front(), self.to_server.front()];
            let Some(next) = fronts.into_iter().flatten().map(|(due, _)| *due).min() else { return };
            self.pass_until(next);
            if let Some((_, piece)) = self.to_client.pop_front_if(|(due, _)| *due <= next) {
                self.client.receive(self.now, &piece);
            }
            if let Some((_, piece)) = self.to_server.pop_front_if(|(due, _)| *due <= next) {
                self.server.receive(self.now, &piece);
            }
        }
    }

    /// Time goes on, machines are woken where they asked for it.
    pub fn pass_until(&mut self, next: Instant) {
        self.now = self.now.max(next);
        if self.client.next_wake().is_some_and(|due| due <= self.now) {
            self.client.wake(self.now);
        }
        if self.server.next_wake().is_some_and(|due| due <= self.now) {
            self.server.wake(self.now);
        }
    }
}

fn cut(dice: &mut Dice, now: Instant, largest: u32, mut bytes: &[u8], way: &mut Way) {
    while !bytes.is_empty() {
        let length = (1 + dice.below(largest) as usize).min(bytes.len());
        let (piece, rest) = bytes.split_at(length);
        // What is behind does not overtake.
        let earliest = way.back().map_or(now, |(due, _)| *due);
        way.push_back((earliest + Duration::from_micros(dice.below(200).into()), piece.to_vec()));
        bytes = rest;
    }
}
