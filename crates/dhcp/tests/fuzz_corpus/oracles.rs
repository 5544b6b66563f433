//! What must hold for the codec and for both sides whatever comes in. Each function takes one input of a fuzz target.
//!
//! An input of a machine is a configuration byte and then steps: an operation byte and its operands.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ironhand_dhcp::{
    Answer, Architecture, Arrival, Boot, BootClient, BootClientConfig, BootClientOutput, BootStyle, Choice,
    Client, HardwareAddress, Interface, InterfaceId, LeaseState, Message, MessageType, Mode, OptionSet,
    Options, Output, Personality, Policy, Server, ServerConfig, StoreFailed, Subnet, SubnetId, Terms, code,
    ra, v6,
};

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

/// What is read is written so that it reads the same.
pub fn message(data: &[u8]) {
    let Ok(message) = Message::decode(data) else { return };
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    assert!(bytes.len() >= 300);
    // Pieces of a value take more room than the value, so that what filled the longest message may not fit any more.
    if bytes.len() <= 8192 {
        let mut again = Message::decode(&bytes).expect("what is written can be read");
        // Option 82 was written last.
        if let Some(information) = message.options.get(code::RELAY_AGENT_INFORMATION) {
            let information = information.to_vec();
            let mut expected = message.clone();
            for options in [&mut again.options, &mut expected.options] {
                options.remove(code::RELAY_AGENT_INFORMATION);
                options.set(code::RELAY_AGENT_INFORMATION, &information);
            }
            assert_eq!(again, expected);
        } else {
            assert_eq!(again, message);
        }
    }
}

/// Terms that depend on the client's last byte alone, with an option that names their owner.
struct ByLastByte;

impl Policy for ByLastByte {
    fn answer(&self, client: &Client<'_>) -> Answer {
        let last = client.hardware.bytes().last().copied().unwrap_or_default();
        if last % 16 == 15 {
            return Answer::Silent("not this one".into());
        }
        let mut options = Options::new();
        options.set(code::DOMAIN_NAME, client.hardware.bytes());
        let style = match last % 5 {
            0 => BootStyle::ByClient,
            1 => BootStyle::File,
            2 => BootStyle::NoDiscovery,
            3 => BootStyle::BootService,
            _ => BootStyle::RaspberryPi,
        };
        let boot = Boot {
            next_server: Ipv4Addr::new(10, 0, 0, 1),
            file: "x".repeat(last.into()).into(),
            server_name: None,
            style,
        };
        let address = match last % 7 {
            0 => Choice::Reserved(Ipv4Addr::new(10, 0, 0, 100 + last % 8)),
            1 => Choice::None,
            _ => Choice::Pool,
        };
        Answer::Serve(Terms {
            subnet: client.subnet,
            address,
            lease: Duration::from_secs(u64::from(last)),
            options: Arc::new(options),
            always: [code::DOMAIN_NAME].into_iter().collect::<OptionSet>(),
            boot: (last % 3 > 0).then_some(boot),
        })
    }
}

const NIC: InterfaceId = InterfaceId(1);

fn subnet(config: u8) -> Subnet {
    Subnet {
        id: SubnetId(1),
        network: Ipv4Addr::new(10, 0, 0, 0),
        prefix: 24,
        interface: None,
        relays: Vec::new(),
        pools: vec![Ipv4Addr::new(10, 0, 0, 104)..=Ipv4Addr::new(10, 0, 0, 112)],
        excluded: vec![Ipv4Addr::new(10, 0, 0, 106)],
        mode: [Mode::Full, Mode::Full, Mode::Reservations, Mode::Proxy][usize::from(config & 3)],
        authoritative: config & 4 != 0,
        probe: config & 8 != 0,
    }
}

/// The server under test, and who was last given what.
struct Witness {
    server: Server<ByLastByte>,
    now: Instant,
    given: HashMap<Ipv4Addr, (HardwareAddress, Instant)>,
}

impl Witness {
    fn receive(&mut self, port: u16, bytes: &[u8]) {
        // Whoever looks for an address uses none any more.
        if let Ok(message) = Message::decode(bytes)
            && message.message_type() == Some(MessageType::Discover)
        {
            self.given.retain(|_, (owner, _)| *owner != message.chaddr);
        }
        let source = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 200), 68);
        self.server.receive(self.now, Arrival { interface: NIC, source, port, bytes });
    }

    /// Carries out what the server wants, and holds it to what must be true of each answer.
    fn drain(&mut self, fail: bool) {
        while let Some(output) = self.server.next_output() {
            match output {
                Output::Send(departure) => {
                    self.judge(&departure.bytes);
                    self.server.recycle(departure.bytes);
                }
                Output::Store { ticket, lease } => {
                    assert!(lease.state != LeaseState::Expired);
                    // What was given back or set aside may be given again.
                    if lease.state != LeaseState::Bound {
                        self.given.remove(&lease.address);
                    }
                    let result = if fail { Err(StoreFailed) } else { Ok(()) };
                    self.server.stored(self.now, ticket, result);
                }
                Output::Probe { .. } | Output::Event(_) => {}
            }
        }
    }

    fn judge(&mut self, bytes: &[u8]) {
        let message = Message::decode(bytes).expect("the server sends messages");
        assert!(bytes.len() <= 1472);
        if let Some(owner) = message.options.get(code::DOMAIN_NAME) {
            assert_eq!(owner, message.chaddr.bytes(), "an option of another client");
        }
        if message.message_type() != Some(MessageType::Ack) || message.yiaddr.is_unspecified() {
            return;
        }
        let now = self.now;
        // Clients without a name of their own are told apart by what they say of themselves, which is not seen here.
        if message.chaddr.bytes().iter().all(|&byte| byte == 0) {
            return;
        }
        if let Some((other, until)) = self.given.get(&message.yiaddr) {
            assert!(*other == message.chaddr || *until <= now, "{} is given twice", message.yiaddr);
        }
        let seconds = message.options.u32(code::LEASE_TIME).expect("an address is given for a time");
        self.given.insert(message.yiaddr, (message.chaddr, now + Duration::from_secs(seconds.into())));
    }
}

/// A server takes anything, gives no address twice, and says nothing of one client to another.
pub fn server(data: &[u8]) {
    let mut script = Script(data);
    let config = script.byte();
    let now = Instant::now();
    let mut server = Server::new(now, SystemTime::UNIX_EPOCH, ServerConfig::default(), ByLastByte);
    server.set_interfaces(vec![Interface { id: NIC, address: Ipv4Addr::new(10, 0, 0, 1), prefix: 24 }]);
    server.set_subnets(vec![subnet(config)]);
    let mut witness = Witness { server, now, given: HashMap::new() };
    while let Some(step) = script.step() {
        match step % 6 {
            0 => witness.receive(67, script.chunk()),
            // A message of a few bytes, of which more is right than of any bytes.
            1 => {
                let bytes = short_message(&mut script);
                let port = if step & 0x80 == 0 { 67 } else { 4011 };
                witness.receive(port, &bytes);
            }
            2 => {
                witness.now += Duration::from_millis(u64::from(script.byte()) * 1000);
                witness.server.wake(witness.now);
            }
            3 => {
                let address = Ipv4Addr::new(10, 0, 0, 100 + script.byte() % 16);
                let in_use = (step & 0x80 != 0).then_some([9; 6]);
                witness.server.probed(witness.now, address, in_use);
            }
            4 => witness.server.set_subnets(vec![subnet(script.byte())]),
            _ => {
                witness.server.take_back(witness.now, Ipv4Addr::new(10, 0, 0, 100 + script.byte() % 16));
            }
        }
        witness.drain(step & 0x40 != 0);
        let pool = witness.server.pool_use().next().expect("there is a subnet");
        assert!(pool.free <= pool.size && witness.server.leases().count() <= 64);
        if let Some(wake) = witness.server.next_wake() {
            assert!(wake > witness.now || step % 6 != 2, "a wake that does nothing");
        }
    }
}

/// A message of the type, client and addresses that four bytes say, with whatever options behind.
fn short_message(script: &mut Script<'_>) -> Vec<u8> {
    let (kind, client, address, form) = (script.byte(), script.byte(), script.byte(), script.byte());
    let mut message = Message { xid: client.into(), ..Message::default() };
    message.chaddr = HardwareAddress::ethernet([2, 0, 0, 0, 0, client % 32]);
    message.options.set(code::MESSAGE_TYPE, &[kind % 9]);
    let address = Ipv4Addr::new(10, 0, 0, 100 + address % 16);
    if form & 1 != 0 {
        message.ciaddr = address;
    }
    if form & 2 != 0 {
        message.options.set_addresses(code::REQUESTED_ADDRESS, &[address]);
    }
    if form & 4 != 0 {
        message.options.set_addresses(code::SERVER_IDENTIFIER, &[Ipv4Addr::new(10, 0, 0, 1 + form / 128)]);
    }
    if form & 8 != 0 {
        message
            .options
            .set(code::VENDOR_CLASS, b"PXEClient")
            .set_u16(code::CLIENT_SYSTEM_ARCHITECTURE, (form / 16).into());
    }
    if form & 16 != 0 {
        message.giaddr = Ipv4Addr::new(10, 0, 0, 254);
    }
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    let more = script.chunk();
    let end = bytes.iter().rposition(|&byte| byte == code::END).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes.extend_from_slice(more);
    bytes
}

/// A client takes anything, sends nothing but messages, and stops asking some time.
pub fn client(data: &[u8]) {
    let mut script = Script(data);
    let config = script.byte();
    let personality = match config % 5 {
        0 => Personality::System,
        1 => Personality::Pxe(Architecture::X64Uefi),
        2 => Personality::Http(Architecture::X64UefiHttp),
        3 => Personality::Ipxe(Architecture::X86Bios),
        _ => Personality::RaspberryPi,
    };
    let mut now = Instant::now();
    let collect = Duration::from_secs(u64::from(config & 0x80 != 0));
    let settings = BootClientConfig { collect, ..BootClientConfig::new([2; 6], personality) };
    let mut client = BootClient::new(now, settings, 1);
    client.start(now);
    let mut xid = 0;
    while let Some(step) = script.step() {
        match step % 5 {
            0 => client.receive(now, script.chunk()),
            1 => {
                let mut message = Message { op: ironhand_dhcp::Op::Reply, xid, ..Message::default() };
                message.chaddr = HardwareAddress::ethernet([2; 6]);
                message.yiaddr = Ipv4Addr::new(10, 0, 0, script.byte());
                message.siaddr = Ipv4Addr::new(10, 0, 0, 2);
                message.options.set(code::MESSAGE_TYPE, &[script.byte() % 9]);
                message.options.set_u32(code::LEASE_TIME, u32::from(script.byte()) << (step / 16));
                message.options.set_addresses(code::SERVER_IDENTIFIER, &[Ipv4Addr::new(10, 0, 0, 1)]);
                if step & 0x80 != 0 {
                    message.options.set(code::VENDOR_CLASS, b"PXEClient");
                }
                let mut bytes = Vec::new();
                message.encode(&mut bytes);
                client.receive(now, &bytes);
            }
            2 => {
                now = client.next_wake().unwrap_or(now);
                client.wake(now);
            }
            3 if step & 0x80 != 0 => client.release(now),
            3 => client.decline(now),
            _ => client.start(now),
        }
        let mut outputs = 0;
        while let Some(output) = client.next_output() {
            outputs += 1;
            if let BootClientOutput::Send { bytes, .. } = output {
                xid = Message::decode(&bytes).expect("the client sends messages").xid;
            }
        }
        assert!(outputs <= 4, "{outputs} outputs of one step");
        assert!(client.binding().is_none() || !client.is_idle());
    }
}

/// Everybody's address follows from their identifier.
struct Derived;

impl v6::Policy for Derived {
    fn answer(&self, client: &v6::Client<'_>) -> v6::Answer {
        let mut options = v6::Options::new();
        options.push(v6::code::DOMAIN_LIST, client.identifier);
        v6::Answer::Serve(v6::Terms {
            subnet: client.uuid.is_none().then_some(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0)),
            kept: client.mac.map(|_| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7)),
            is_known: client.identifier.len().is_multiple_of(2),
            lifetime: Duration::from_secs(client.identifier.len() as u64),
            options,
            boot: client
                .architecture
                .map(|_| v6::Boot { url: "tftp://[::1]/x".to_owned(), parameters: Vec::new() }),
        })
    }

    fn is_kept(&self, address: Ipv6Addr) -> bool {
        address.segments()[7].is_multiple_of(2)
    }
}

/// A server of DHCPv6 takes anything, answers a datagram at most once, in a form that can be read, and to its own sender; so
/// do the readers of what hosts and other routers and servers say.
pub fn v6(data: &[u8]) {
    let source = Ipv6Addr::new(0xfe80, 0, 0, 0, 0x5054, 0x00ff, 0xfe01, 0x0203);
    if let Ok(solicitation) = ra::Solicitation::decode(source, 255, data) {
        assert_eq!(solicitation.source, source);
    }
    if let Ok(heard) = ra::Advertisement::decode(source, 255, data) {
        assert_eq!((heard.router, heard.prefixes.iter().all(|prefix| prefix.length <= 128)), (source, true));
    }
    let inquiry = v6::Inquiry::of([7; 22]);
    if let Ok(message) = v6::Message::decode(data) {
        assert!(
            inquiry.answered(source, &message).is_none_or(|server| server.identifier.len() <= v6::MAX_DUID)
        );
    }
    let config = v6::ServerConfig::new(vec![0, 3, 0, 1, 2, 0, 0, 0, 0, 1]);
    let now = Instant::now();
    let mut server = v6::Server::new(now, SystemTime::UNIX_EPOCH, config, Derived);
    let from = SocketAddrV6::new(source, 546, 0, 1);
    server
        .receive(now, v6::Arrival { interface: NIC, source: from, destination: v6::ALL_AGENTS, bytes: data });
    let mut sent = 0;
    while let Some(output) = server.next_output() {
        let (to, bytes) = match output {
            v6::Output::Send { to, bytes, .. } => (to, bytes),
            v6::Output::Store { ticket, leases } => {
                assert_eq!(sent, 0, "it is answered before its leases are stored");
                assert!(leases.iter().all(|lease| lease.identifier.len() <= v6::MAX_DUID));
                server.stored(ticket, Ok(()));
                continue;
            }
            v6::Output::Event(_) => continue,
        };
        sent += 1;
        assert_eq!(to.ip(), from.ip());
        if data.first() == Some(&12) {
            assert_eq!((bytes[0], &bytes[1..34]), (13, &data[1..34]), "a relay knows its answer by these");
            continue;
        }
        let (asked, answer) = (v6::Message::decode(data), v6::Message::decode(&bytes));
        let (asked, answer) = (asked.expect("it was answered"), answer.expect("the server sends messages"));
        assert_eq!(asked.transaction, answer.transaction);
        let named = asked.options.get(v6::code::CLIENT_IDENTIFIER).filter(|name| !name.is_empty());
        assert_eq!(named, answer.options.get(v6::code::CLIENT_IDENTIFIER));
        if let Some(list) = answer.options.get(v6::code::DOMAIN_LIST) {
            assert_eq!(list, named.unwrap_or_default(), "an option of another client");
        }
    }
    assert!(sent <= 1);
}
