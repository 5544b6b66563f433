//! What must hold at either end of TFTP whatever the other sends. Each function takes one input of a fuzz target.
//!
//! The input of [`packet`] is a datagram. Those of the machines are a configuration byte and then steps: an operation byte
//! and its operands.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use ironhand_tftp::{
    Arrival, Client, ClientEvent, ClientOutput, DATA_HEADER, Download, End, ErrorCode, Limits, Mode, Offer,
    Options, Output, Packet, Refusal, Road, Server, TransferId, WINDOW_OCTETS, netascii, normalise,
};

const LISTENER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 69);

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

    fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// A length of two bytes, then as many bytes as there are.
    fn chunk(&mut self) -> &'a [u8] {
        let length = usize::from(self.number());
        let (chunk, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        chunk
    }
}

/// What is read is written the same, a path never climbs, and netascii is undone.
pub fn packet(data: &[u8]) {
    if let Ok(packet) = Packet::decode(data) {
        let bytes = packet.to_vec();
        assert_eq!(Packet::decode(&bytes), Ok(packet));
    }
    if let Ok(path) = normalise(data) {
        assert!(!path.split('/').any(|part| matches!(part, "" | "." | "..")));
        assert!(!path.contains('\\'));
    }
    let (mut wire, mut back) = (Vec::new(), Vec::new());
    netascii::encode(data, &mut wire);
    assert_eq!(wire.len() as u64, netascii::encoded_len(data));
    let mut decoder = netascii::Decoder::default();
    decoder.decode(&wire, &mut back);
    decoder.finish(&mut back);
    assert_eq!(back, data);
    back.clear();
    decoder.decode(data, &mut back);
    decoder.finish(&mut back);
    assert!(back.len() <= data.len());
}

/// What is known of a transfer from outside.
#[derive(Default)]
struct Known {
    length: Option<u64>,
    client: Option<SocketAddr>,
}

struct Judge {
    limits: Limits,
    now: Instant,
    server: Server,
    living: BTreeMap<TransferId, Known>,
}

impl Judge {
    /// Checks all that the server wants done. Returns how many datagrams it sends.
    fn judge(&mut self) -> usize {
        let mut datagrams = 0;
        while let Some(output) = self.server.next_output() {
            match output {
                Output::Find(asked) => {
                    assert_eq!(normalise(asked.path.as_bytes()).as_ref(), Ok(&asked.path));
                    let known = Known { length: None, client: Some(asked.client) };
                    assert!(self.living.insert(asked.transfer, known).is_none());
                }
                Output::Send(departure) => {
                    datagrams += 1;
                    let packet = Packet::decode(&departure.bytes);
                    assert!(matches!(packet, Ok(Packet::Error { .. } | Packet::OptionAcknowledge(_))));
                }
                Output::Blocks(blocks) => {
                    datagrams += blocks.count();
                    let known = &self.living[&blocks.transfer];
                    assert_eq!(Some(blocks.length), known.length);
                    assert_eq!(Some(blocks.client), known.client);
                    let octets = blocks.count() as u64 * u64::from(blocks.blksize);
                    assert!(blocks.count() == 1 || octets <= u64::from(WINDOW_OCTETS));
                    assert!(blocks.count() <= usize::from(self.limits.windowsize.max(1)));
                    let mut next = blocks.range().start;
                    for (header, range) in blocks.iter() {
                        assert_eq!(header[..2], [0, 3]);
                        assert_eq!(range.start, next);
                        let last = range.end - range.start < u64::from(blocks.blksize);
                        assert!(!last || range.end == blocks.length);
                        next = range.end;
                    }
                    assert_eq!(next, blocks.range().end);
                    assert!(next <= blocks.length);
                    assert_eq!(blocks.iter().len(), blocks.count());
                }
                Output::Ended(ended) => {
                    let known = self.living.remove(&ended.transfer).expect("it lived, and ends once");
                    assert_eq!(ended.length, known.length.unwrap_or_default());
                    assert!(ended.acknowledged <= ended.length);
                    assert!(ended.end != End::Done || ended.acknowledged == ended.length);
                }
                Output::Ignored { .. } => {}
            }
        }
        assert_eq!(self.server.transfers(), self.living.len());
        assert!(self.living.len() <= self.limits.transfers);
        let mut shares: HashMap<IpAddr, usize> = HashMap::new();
        for known in self.living.values() {
            *shares.entry(known.client.expect("it has one").ip()).or_default() += 1;
        }
        assert!(shares.values().all(|share| *share <= self.limits.transfers_per_client.max(1)));
        datagrams
    }
}

/// Limits hold, blocks lie within the file, each transfer ends once, and all end when nobody speaks any more.
pub fn server(data: &[u8]) {
    let mut script = Script(data);
    let configuration = script.byte();
    let limits = Limits {
        transfers: usize::from(configuration & 7) + 1,
        transfers_per_client: usize::from(configuration >> 3 & 3) + 1,
        windowsize: 1 << (configuration >> 5),
        ..Limits::default()
    };
    let server = Server::new(limits.clone());
    let mut judge = Judge { limits, now: Instant::now(), server, living: BTreeMap::new() };
    while let Some(operation) = script.step() {
        let which = script.byte();
        let ip = Ipv4Addr::new(198, 51, 100, which & 3);
        let client = SocketAddr::from((ip, 2_000 + u16::from(which >> 2 & 3)));
        let transfer = judge.living.keys().nth(usize::from(which) % judge.living.len().max(1)).copied();
        let of_transfer = transfer.and_then(|id| judge.living[&id].client).unwrap_or(client);
        let own = Arrival {
            client: of_transfer,
            local: LISTENER,
            road: transfer.map_or(Road::Listener, Road::Own),
        };
        let now = judge.now;
        match operation % 8 {
            0 => {
                let arrival = Arrival { client, local: LISTENER, road: Road::Listener };
                judge.server.receive(now, arrival, script.chunk());
            }
            1 => judge.server.receive(now, own, script.chunk()),
            2 => {
                let bytes = Packet::Acknowledge { block: script.number() }.to_vec();
                let road = if which & 128 == 0 { own.road } else { Road::Listener };
                judge.server.receive(now, Arrival { road, ..own }, &bytes);
            }
            3 => {
                if let Some(id) = transfer {
                    let length = u64::from(script.number()) << (which >> 4);
                    let road = if which & 8 == 0 { Road::Own(id) } else { Road::Listener };
                    let mtu = u32::from(script.number());
                    let known = judge.living.get_mut(&id).expect("it lives");
                    known.length.get_or_insert(length);
                    judge.server.found(now, id, Ok(Offer { length, mtu, road }));
                }
            }
            4 => {
                if let Some(id) = transfer {
                    let refusal = match which >> 6 {
                        0 => Refusal::NotFound,
                        1 => Refusal::Busy,
                        2 => Refusal::Forbidden("no".to_owned()),
                        _ => Refusal::Failed("broken".to_owned()),
                    };
                    judge.server.found(now, id, Err(refusal));
                }
            }
            5 => {
                judge.now += Duration::from_millis(u64::from(script.number()));
                judge.server.wake(judge.now);
            }
            6 => {
                if let Some(id) = transfer {
                    judge.server.unreachable(now, id);
                }
            }
            _ => {
                if let Some(id) = transfer {
                    judge.server.fail(now, id, "the disk is gone".to_owned());
                }
            }
        }
        let datagrams = judge.judge();
        // One datagram is answered with no more than a window; a deadline may strike each transfer.
        let most = usize::from(judge.limits.windowsize) + 1;
        assert!(datagrams <= if operation % 8 == 5 { most * judge.limits.transfers * 8 } else { most });
    }
    // Those that nobody looked for are still open; all others end by themselves.
    for id in judge.living.keys().copied().collect::<Vec<_>>() {
        judge.server.found(judge.now, id, Err(Refusal::NotFound));
    }
    judge.judge();
    for _ in 0..10_000 {
        let Some(wake) = judge.server.next_wake() else { break };
        judge.now = judge.now.max(wake);
        judge.server.wake(judge.now);
        judge.judge();
    }
    assert!(judge.living.is_empty() && judge.server.next_wake().is_none());
}

/// What is called done is as long as what was handed over, nothing follows an end, and silence ends in one.
pub fn client(data: &[u8]) {
    let mut script = Script(data);
    let configuration = script.byte();
    let has = |bit: u8| configuration & bit != 0;
    let options = Options {
        blksize: has(1).then_some(64),
        tsize: has(2).then_some(0),
        timeout: has(4).then_some(2),
        windowsize: has(8).then_some(4),
    };
    let mode = if has(16) { Mode::Netascii } else { Mode::Octet };
    let mut now = Instant::now();
    let mut client = Client::new(now, LISTENER, Download { options, mode, ..Download::octet("file") });
    let (mut got, mut over) = (0, false);
    while let Some(operation) = script.step() {
        let port = [69, 1_000, 1_001, 1_000][usize::from(operation >> 6)];
        let from = SocketAddr::new(LISTENER.ip(), port);
        let before = client_outputs(&mut client, &mut over, got);
        assert!(before == 0 || got == 0 || operation == 0 || before <= 2);
        let mut block = Vec::new();
        let bytes = match operation % 8 {
            0 => script.chunk(),
            1 | 2 => {
                let (number, length) = (script.number(), script.byte());
                let data = vec![0x5A; usize::from(length)];
                Packet::Data { block: number, data: &data }.encode(&mut block);
                &block[..]
            }
            3 => {
                let blksize = has(1).then(|| u16::from(script.byte()));
                let windowsize = has(8).then(|| u16::from(script.byte()));
                let options = Options { blksize, windowsize, ..Options::default() };
                Packet::OptionAcknowledge(options).encode(&mut block);
                &block[..]
            }
            4 => {
                Packet::Error { code: ErrorCode(script.number()), message: "no".into() }.encode(&mut block);
                &block[..]
            }
            5 => {
                now += Duration::from_millis(u64::from(script.number()));
                client.wake(now);
                &[]
            }
            6 => {
                client.leave(ErrorCode::OPTIONS, "User aborted");
                &[]
            }
            _ => &[],
        };
        let was_over = over;
        let fresh = client.receive(now, from, bytes);
        assert!(fresh.len() + DATA_HEADER <= bytes.len() || fresh.is_empty());
        assert!(!was_over || fresh.is_empty());
        got += fresh.len() as u64;
        assert!(client_outputs(&mut client, &mut over, got) <= 2);
    }
    for _ in 0..100 {
        let Some(wake) = client.next_wake() else { break };
        now = now.max(wake);
        client.wake(now);
        client_outputs(&mut client, &mut over, got);
    }
    assert!(over && client.next_wake().is_none());
}

/// Checks what a client wants done. Returns how many datagrams it sends.
fn client_outputs(client: &mut Client, over: &mut bool, got: u64) -> usize {
    let mut datagrams = 0;
    while let Some(output) = client.next_output() {
        match output {
            ClientOutput::Send { to, bytes } => {
                datagrams += 1;
                assert_eq!(to.ip(), LISTENER.ip());
                assert!(Packet::decode(&bytes).is_ok());
            }
            ClientOutput::Event(ClientEvent::Agreed(_)) => assert!(!*over),
            ClientOutput::Event(ClientEvent::Done { length }) => {
                assert!(!*over);
                assert_eq!(length, got);
                *over = true;
            }
            ClientOutput::Event(ClientEvent::Failed(_)) => {
                assert!(!*over);
                *over = true;
            }
        }
    }
    datagrams
}
