//! A client and a BMC on one virtual clock, with a network between them that may lose, copy, delay and reorder.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ironhand_ipmi::{
    Bmc, BmcConfig, BmcEvent, BmcOutput, ChassisControl, ChassisStatus, CipherSuite, Client, ClientConfig,
    Entropy, Error, Event, Output, Peer, PrivilegeLevel, Reply, Request, Ticket, User,
};
use secrecy::SecretString;

pub const USER: &str = "operator";
pub const PASSWORD: &str = "correct horse";

/// A small generator (splitmix64): the same seed gives the same run.
#[derive(Clone)]
pub struct Seeded(pub u64);

impl Seeded {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

impl Seeded {
    /// Changes up to four bytes, or cuts.
    pub fn spoil(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.next() % 4 {
            let length = bytes.len() as u64;
            if length > 0 {
                let at = (self.next() % length) as usize;
                match self.next() % 8 {
                    0 => bytes.truncate(at),
                    _ => bytes[at] = self.next() as u8,
                }
            }
        }
    }
}

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

/// What the network does to datagrams, in per cent and milliseconds.
#[derive(Clone, Copy)]
pub struct Weather {
    pub loss: u64,
    pub copies: u64,
    pub delay: u64,
    pub jitter: u64,
    /// Datagrams that arrive spoilt: with some bytes changed, or cut.
    pub spoilt: u64,
}

pub const CLEAR: Weather = Weather { loss: 0, copies: 0, delay: 1, jitter: 0, spoilt: 0 };

/// What a broken BMC makes of a datagram; `None` swallows it.
pub type Mangle = fn(Vec<u8>) -> Option<Vec<u8>>;

enum Arrival {
    ToBmc(Vec<u8>),
    ToClient(Vec<u8>),
}

/// The two machines, the clock and what is on the wire.
pub struct World {
    pub now: Instant,
    pub client: Client,
    pub bmc: Bmc,
    pub weather: Weather,
    /// Chassis Control that the BMC carried out.
    pub executed: Vec<ChassisControl>,
    pub events: Vec<Event>,
    pub bmc_events: Vec<BmcEvent>,
    pub results: BTreeMap<Ticket, Result<Reply, Error>>,
    /// Datagrams that the client sent and the BMC sent.
    pub sent: (usize, usize),
    /// The BMC is switched off: nothing arrives there.
    pub bmc_is_dead: bool,
    /// Replaces each datagram of the BMC or swallows it; to play a broken one.
    pub mangle: Option<Mangle>,
    /// The same for the client's datagrams; to play a broken console.
    pub mangle_to_bmc: Option<Mangle>,
    /// How many of the BMC's next datagrams get lost.
    pub lose_replies: usize,
    /// The datagrams that get lost, counted from 0 over both directions.
    pub lose: Vec<usize>,
    /// How long the BMC works before each of its datagrams, one after the other.
    pub work: Option<fn(&[u8]) -> Duration>,
    /// When the run began.
    pub begun: Instant,
    random: Seeded,
    wire: BTreeMap<(Instant, u64), Arrival>,
    order: u64,
    /// When the BMC has done its work.
    free: Instant,
}

pub fn peer() -> Peer {
    ([192, 0, 2, 1], 623).into()
}

pub fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

pub fn client_config() -> ClientConfig {
    ClientConfig::new(USER, secret(PASSWORD))
}

pub fn bmc_config() -> BmcConfig {
    BmcConfig {
        chassis: ChassisStatus { power_on: true, ..Default::default() },
        guid: *b"0123456789abcdef",
        ..BmcConfig::new(vec![User::new(USER, secret(PASSWORD), PrivilegeLevel::Administrator)])
    }
}

impl World {
    pub fn new(seed: u64, client: ClientConfig, bmc: BmcConfig) -> Self {
        let now = Instant::now();
        Self {
            now,
            begun: now,
            lose_replies: 0,
            lose: Vec::new(),
            work: None,
            free: now,
            client: Client::new(client, Box::new(Seeded(seed ^ 0xC11E))),
            bmc: Bmc::new(bmc, Box::new(Seeded(seed ^ 0xB3C0))),
            weather: CLEAR,
            executed: Vec::new(),
            events: Vec::new(),
            bmc_events: Vec::new(),
            results: BTreeMap::new(),
            sent: (0, 0),
            bmc_is_dead: false,
            mangle: None,
            mangle_to_bmc: None,
            random: Seeded(seed),
            wire: BTreeMap::new(),
            order: 0,
        }
    }

    pub fn with_suites(seed: u64, client: &[CipherSuite], bmc: &[CipherSuite]) -> Self {
        let client = ClientConfig { suites: client.to_vec(), ..client_config() };
        let bmc = BmcConfig { suites: bmc.to_vec(), ..bmc_config() };
        Self::new(seed, client, bmc)
    }

    pub fn submit(&mut self, request: impl Into<Request>) -> Ticket {
        let ticket = self.client.submit(self.now, request.into());
        self.drain();
        ticket
    }

    /// Submits, runs until it is answered, and returns the answer.
    pub fn ask(&mut self, request: impl Into<Request>) -> Result<Reply, Error> {
        let ticket = self.submit(request);
        self.run_until(|world| world.results.contains_key(&ticket));
        self.results[&ticket].clone()
    }

    fn put_on_wire(&mut self, to_bmc: bool, bytes: Vec<u8>) {
        let index = self.sent.0 + self.sent.1 - 1;
        if self.lose.contains(&index) {
            return;
        }
        if let Some(work) = self.work.filter(|_| !to_bmc) {
            self.free = self.free.max(self.now) + work(&bytes);
        }
        let start = if to_bmc { self.now } else { self.free.max(self.now) };
        let copies = 1 + u64::from(self.random.chance(self.weather.copies));
        for _ in 0..copies {
            if self.random.chance(self.weather.loss) {
                continue;
            }
            let jitter = self.random.next() % (self.weather.jitter + 1);
            let at = start + Duration::from_millis(self.weather.delay + jitter);
            self.order += 1;
            let mut bytes = bytes.clone();
            if self.random.chance(self.weather.spoilt) {
                self.random.spoil(&mut bytes);
            }
            let arrival = if to_bmc { Arrival::ToBmc(bytes) } else { Arrival::ToClient(bytes) };
            self.wire.insert((at, self.order), arrival);
        }
    }

    /// Takes all outputs of both machines.
    pub fn drain(&mut self) {
        while let Some(output) = self.client.next_output() {
            match output {
                Output::Send(bytes) => {
                    self.sent.0 += 1;
                    let bytes = match self.mangle_to_bmc {
                        Some(mangle) => mangle(bytes),
                        None => Some(bytes),
                    };
                    if let Some(bytes) = bytes {
                        self.put_on_wire(true, bytes);
                    }
                }
                Output::Event(event) => {
                    if let Event::Done { ticket, result } = &event {
                        let earlier = self.results.insert(*ticket, result.clone());
                        assert!(earlier.is_none(), "{ticket:?} answered twice");
                    }
                    self.events.push(event);
                }
            }
        }
        while let Some(output) = self.bmc.next_output() {
            match output {
                BmcOutput::Send { to, bytes } => {
                    assert_eq!(to, peer());
                    self.sent.1 += 1;
                    let bytes = match self.mangle {
                        Some(mangle) => mangle(bytes),
                        None => Some(bytes),
                    };
                    match bytes {
                        Some(_) if self.lose_replies > 0 => self.lose_replies -= 1,
                        Some(bytes) => self.put_on_wire(false, bytes),
                        None => {}
                    }
                }
                BmcOutput::Event(event) => {
                    if let BmcEvent::ChassisControl(control) = event {
                        self.executed.push(control);
                        let power_on = match control {
                            ChassisControl::PowerDown | ChassisControl::SoftShutdown => false,
                            ChassisControl::DiagnosticInterrupt => self.bmc.chassis().power_on,
                            _ => true,
                        };
                        self.bmc.set_chassis(ChassisStatus { power_on, ..self.bmc.chassis() });
                    }
                    self.bmc_events.push(event);
                }
            }
        }
    }

    /// Goes on to the next thing that happens; `false` if nothing will.
    pub fn step(&mut self) -> bool {
        self.step_before(None)
    }

    fn step_before(&mut self, limit: Option<Instant>) -> bool {
        let arrival = self.wire.first_key_value().map(|((at, _), _)| *at);
        let wakes = [arrival, self.client.next_wake(), self.bmc.next_wake()];
        let Some(next) = wakes.into_iter().flatten().min().map(|next| next.max(self.now)) else {
            return false;
        };
        if limit.is_some_and(|limit| next > limit) {
            return false;
        }
        self.now = next;
        if arrival.is_some_and(|at| at <= next) {
            match self.wire.pop_first() {
                Some((_, Arrival::ToBmc(_))) if self.bmc_is_dead => {}
                Some((_, Arrival::ToBmc(bytes))) => self.bmc.receive(next, peer(), &bytes),
                Some((_, Arrival::ToClient(bytes))) => self.client.receive(next, peer(), &bytes),
                None => {}
            }
        }
        if self.client.next_wake().is_some_and(|at| at <= next) {
            self.client.wake(next);
        }
        if self.bmc.next_wake().is_some_and(|at| at <= next) {
            self.bmc.wake(next);
        }
        self.drain();
        true
    }

    /// Runs until `done`; a run that takes ten virtual minutes has hung.
    pub fn run_until(&mut self, done: impl Fn(&Self) -> bool) {
        let limit = self.now + Duration::from_secs(600);
        while !done(self) {
            assert!(self.step(), "nothing happens any more");
            assert!(self.now < limit, "still not done after ten minutes");
        }
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step_before(Some(end)) {}
        self.now = end;
    }

    /// Puts another console in the place of the present one, which vanishes without a word.
    pub fn use_client(&mut self, config: ClientConfig) {
        self.client = Client::new(config, Box::new(Seeded(self.random.next())));
        self.results.clear();
    }
}
