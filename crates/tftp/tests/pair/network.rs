//! A server, clients and a bad network between them, in virtual time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use ironhand_tftp::{
    Arrival, Client, ClientEvent, ClientOutput, Download, Ended, Ignored, Limits, Mode, Offer, Output,
    Refusal, Road, Server, TransferId, netascii,
};

/// What the network does to datagrams.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub seed: u64,
    /// Of 1,000 datagrams.
    pub lost: u32,
    pub repeated: u32,
    /// The longest way; the shortest takes 1 ms.
    pub delay_ms: u64,
    /// Transfers stay on the port of the requests.
    pub single_port: bool,
}

impl Weather {
    pub const FAIR: Self = Self { seed: 1, lost: 0, repeated: 0, delay_ms: 1, single_port: false };
}

pub struct Reader {
    pub client: Client,
    pub got: Vec<u8>,
    pub events: Vec<ClientEvent>,
}

impl Reader {
    pub fn last(&self) -> Option<&ClientEvent> {
        self.events.last()
    }

    pub fn is_over(&self) -> bool {
        matches!(self.last(), Some(ClientEvent::Done { .. } | ClientEvent::Failed(_)))
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flight {
    at: Instant,
    number: u64,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

pub struct Network {
    pub now: Instant,
    pub server: Server,
    pub readers: BTreeMap<SocketAddr, Reader>,
    pub ended: Vec<Ended>,
    pub ignored: Vec<Ignored>,
    /// Blocks that the server sent, and datagrams of any kind that were delivered.
    pub blocks: u64,
    pub delivered: u64,
    files: HashMap<String, Vec<u8>>,
    sending: HashMap<TransferId, Rc<Vec<u8>>>,
    weather: Weather,
    random: u64,
    flights: BinaryHeap<Reverse<Flight>>,
    number: u64,
}

const LISTENER_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

pub const LISTENER: SocketAddr = SocketAddr::new(LISTENER_ADDRESS, 69);

/// The port of the server's first transfer.
pub const FIRST_PORT: SocketAddr = SocketAddr::new(LISTENER_ADDRESS, 10_069);

/// A client's address and port: clients of the same hundred share an address.
pub fn client_address(number: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, (number / 100) as u8)), 2_000 + number)
}

impl Network {
    pub fn new(limits: Limits, weather: Weather, files: &[(&str, &[u8])]) -> Self {
        Self {
            now: Instant::now(),
            server: Server::new(limits),
            readers: BTreeMap::new(),
            ended: Vec::new(),
            ignored: Vec::new(),
            blocks: 0,
            delivered: 0,
            files: files.iter().map(|(name, file)| ((*name).to_owned(), file.to_vec())).collect(),
            sending: HashMap::new(),
            weather,
            random: weather.seed.wrapping_mul(2).wrapping_add(1),
            flights: BinaryHeap::new(),
            number: 0,
        }
    }

    pub fn read(&mut self, number: u16, download: Download) {
        let client = Client::new(self.now, LISTENER, download);
        let reader = Reader { client, got: Vec::new(), events: Vec::new() };
        self.readers.insert(client_address(number), reader);
    }

    pub fn reader(&self, number: u16) -> &Reader {
        &self.readers[&client_address(number)]
    }

    /// Runs until nothing moves any more.
    pub fn run(&mut self) {
        while self.step() {}
    }

    /// Hands over the next datagram, or lets the time pass until the next deadline. `false` when there is neither.
    pub fn step(&mut self) -> bool {
        self.drain();
        let wakes = self.readers.values().filter_map(|reader| reader.client.next_wake());
        let wake = wakes.chain(self.server.next_wake()).min();
        let flight = self.flights.peek().map(|Reverse(flight)| flight.at);
        match (flight, wake) {
            (Some(flight), wake) if wake.is_none_or(|wake| flight <= wake) => {
                if let Some(Reverse(flight)) = self.flights.pop() {
                    self.now = self.now.max(flight.at);
                    self.deliver(&flight);
                }
            }
            (_, Some(wake)) => {
                self.now = self.now.max(wake);
                self.server.wake(self.now);
                for reader in self.readers.values_mut() {
                    reader.client.wake(self.now);
                }
            }
            _ => return false,
        }
        true
    }

    fn deliver(&mut self, flight: &Flight) {
        self.delivered += 1;
        if let Some(reader) = self.readers.get_mut(&flight.to) {
            let fresh = reader.client.receive(self.now, flight.from, &flight.bytes);
            reader.got.extend_from_slice(fresh);
        } else if flight.to.ip() == LISTENER.ip() {
            let road = self.road(flight.to.port());
            let arrival = Arrival { client: flight.from, local: LISTENER, road };
            self.server.receive(self.now, arrival, &flight.bytes);
        }
    }

    /// Ports above 10,000 are those of transfers.
    fn road(&self, port: u16) -> Road {
        let number = u64::from(port) - 69;
        let transfer = self.sending.keys().find(|id| number >= 10_000 && id.slot() as u64 == number - 10_000);
        transfer.map_or(Road::Listener, |id| Road::Own(*id))
    }

    fn port(road: Road) -> SocketAddr {
        match road {
            Road::Listener => LISTENER,
            Road::Own(id) => SocketAddr::new(LISTENER.ip(), 10_069 + id.slot() as u16),
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.server.next_output() {
            self.serve(output);
        }
        let mut sends = Vec::new();
        for (address, reader) in &mut self.readers {
            while let Some(output) = reader.client.next_output() {
                match output {
                    ClientOutput::Send { to, bytes } => sends.push((*address, to, bytes)),
                    ClientOutput::Event(event) => reader.events.push(event),
                }
            }
        }
        for (from, to, bytes) in sends {
            self.send(from, to, bytes);
        }
        while let Some(output) = self.server.next_output() {
            self.serve(output);
        }
    }

    fn serve(&mut self, output: Output) {
        match output {
            Output::Find(asked) => {
                let found = match self.files.get(&asked.path) {
                    Some(file) => {
                        let mut bytes = file.clone();
                        if asked.mode == Mode::Netascii {
                            bytes.clear();
                            netascii::encode(file, &mut bytes);
                        }
                        let road = match self.weather.single_port {
                            true => Road::Listener,
                            false => Road::Own(asked.transfer),
                        };
                        let offer = Offer { length: bytes.len() as u64, mtu: 1_500, road };
                        self.sending.insert(asked.transfer, Rc::new(bytes));
                        Ok(offer)
                    }
                    None if asked.path == "busy" => Err(Refusal::Busy),
                    None if asked.path == "secret" => Err(Refusal::Forbidden("not for you".to_owned())),
                    None => Err(Refusal::NotFound),
                };
                self.server.found(self.now, asked.transfer, found);
            }
            Output::Send(departure) => {
                self.send(Self::port(departure.road), departure.client, departure.bytes);
            }
            Output::Blocks(blocks) => {
                let file = Rc::clone(&self.sending[&blocks.transfer]);
                for (header, range) in blocks.iter() {
                    self.blocks += 1;
                    let data = &file[range.start as usize..range.end as usize];
                    self.send(Self::port(blocks.road), blocks.client, [&header[..], data].concat());
                }
            }
            Output::Ended(ended) => {
                self.sending.remove(&ended.transfer);
                self.ended.push(ended);
            }
            Output::Ignored { why, .. } => self.ignored.push(why),
        }
    }

    /// Puts a datagram on the way, perhaps twice or not at all.
    pub fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let copies = match (self.chance(self.weather.lost), self.chance(self.weather.repeated)) {
            (true, _) => 0,
            (false, true) => 2,
            (false, false) => 1,
        };
        for _ in 0..copies {
            let spread = match self.weather.delay_ms {
                0 | 1 => 0,
                most => self.draw() % ((most - 1) * 1_000),
            };
            let at = self.now + Duration::from_millis(1) + Duration::from_micros(spread);
            self.number += 1;
            self.flights.push(Reverse(Flight { at, number: self.number, from, to, bytes: bytes.clone() }));
        }
    }

    fn chance(&mut self, of_thousand: u32) -> bool {
        self.draw() % 1_000 < u64::from(of_thousand)
    }

    fn draw(&mut self) -> u64 {
        // Marsaglia's xorshift64.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 11
    }
}
