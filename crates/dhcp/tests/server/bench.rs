//! A server with one subnet, a policy that tests change, and clients made of a few words.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use ironhand_dhcp::{
    Answer, Arrival, Choice, Client, Departure, Event, Happening, HardwareAddress, Interface, InterfaceId,
    Lease, Message, MessageType, Mode, OptionSet, Options, Output, Policy, Server, ServerConfig, Silence,
    Subnet, SubnetId, Terms, Ticket, code,
};

pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub const NIC: InterfaceId = InterfaceId(2);
pub const NET: SubnetId = SubnetId(1);

/// What a test's policy does with a client.
type Rule = dyn FnMut(&Client<'_>) -> Answer + Send;

/// A policy that is a function of the test.
#[derive(Clone)]
pub struct Says(pub Arc<Mutex<Box<Rule>>>);

impl Policy for Says {
    fn answer(&self, client: &Client<'_>) -> Answer {
        (self.0.lock().expect("no test panics within its policy"))(client)
    }
}

pub struct Bench {
    pub now: Instant,
    pub server: Server<Says>,
    pub policy: Says,
    pub sent: Vec<Departure>,
    pub stored: Vec<(Ticket, Lease)>,
    pub probes: Vec<Ipv4Addr>,
    pub events: Vec<Event>,
    /// Whether requests to store are confirmed at once.
    pub stores: bool,
}

/// Terms with an address of the pool for ten minutes.
pub fn pooled() -> Terms {
    let mut options = Options::new();
    options.set_addresses(code::ROUTER, &[SERVER]);
    Terms {
        subnet: NET,
        address: Choice::Pool,
        lease: Duration::from_secs(600),
        options: Arc::new(options),
        always: OptionSet::default(),
        boot: None,
    }
}

/// 10.0.0.0/24, of which .100 to .199 are given out.
pub fn subnet() -> Subnet {
    Subnet {
        id: NET,
        network: Ipv4Addr::new(10, 0, 0, 0),
        prefix: 24,
        interface: None,
        relays: Vec::new(),
        pools: vec![Ipv4Addr::new(10, 0, 0, 100)..=Ipv4Addr::new(10, 0, 0, 199)],
        excluded: Vec::new(),
        mode: Mode::Full,
        authoritative: true,
        probe: false,
    }
}

impl Bench {
    pub fn new() -> Self {
        Self::with(subnet(), ServerConfig::default())
    }

    pub fn with(subnet: Subnet, config: ServerConfig) -> Self {
        let now = Instant::now();
        let policy = Says(Arc::new(Mutex::new(Box::new(|_: &Client<'_>| Answer::Serve(pooled())))));
        let mut server = Server::new(
            now,
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            config,
            policy.clone(),
        );
        server.set_interfaces(vec![Interface { id: NIC, address: SERVER, prefix: 24 }]);
        server.set_subnets(vec![subnet]);
        let (sent, stored, probes, events) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { now, server, policy, sent, stored, probes, events, stores: true }
    }

    /// Changes what the policy says of every client.
    pub fn serve(&mut self, terms: Terms) {
        self.rule(move |_| Answer::Serve(terms.clone()));
    }

    /// Changes what the policy says.
    pub fn rule(&mut self, rule: impl FnMut(&Client<'_>) -> Answer + Send + 'static) {
        *self.policy.0.lock().expect("no test panics within its policy") = Box::new(rule);
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        self.server.wake(self.now);
        self.drain();
    }

    /// The whole exchange; gives the ACK.
    pub fn lease(&mut self, machine: Machine) -> Message {
        self.receive(&machine.discover());
        let offer = self.answer();
        self.receive(&machine.takes(&offer));
        let ack = self.answer();
        assert_eq!(ack.message_type(), Some(MessageType::Ack));
        ack
    }

    /// Takes off the events so far, and gives what happened.
    pub fn happened(&mut self) -> Vec<Happening> {
        self.events.drain(..).map(|event| event.what).collect()
    }

    /// What the only packet in between was not answered for.
    pub fn silence(&mut self) -> Silence {
        assert!(self.sent.is_empty(), "answered: {:?}", self.events);
        match self.happened().pop() {
            Some(Happening::Silent { reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    }

    /// Hands a message to port 67, as from a client without address.
    pub fn receive(&mut self, message: &Message) {
        self.receive_at(67, SocketAddrV4::new(message.ciaddr, 68), message);
    }

    pub fn receive_at(&mut self, port: u16, source: SocketAddrV4, message: &Message) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        self.server.receive(self.now, Arrival { interface: NIC, source, port, bytes: &bytes });
        self.drain();
    }

    pub fn drain(&mut self) {
        while let Some(output) = self.server.next_output() {
            match output {
                Output::Send(departure) => self.sent.push(departure),
                Output::Store { ticket, lease } => {
                    if self.stores {
                        self.server.stored(self.now, ticket, Ok(()));
                    }
                    self.stored.push((ticket, lease));
                }
                Output::Probe { address, .. } => self.probes.push(address),
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    /// The only answer so far, taken off.
    pub fn answer(&mut self) -> Message {
        assert_eq!(self.sent.len(), 1, "{:?}", self.events);
        Message::decode(&self.sent.remove(0).bytes).expect("the server sends messages")
    }
}

/// A machine of a test.
#[derive(Clone, Copy)]
pub struct Machine(pub u8);

impl Machine {
    pub fn mac(self) -> [u8; 6] {
        [0x52, 0x54, 0, 0, 0, self.0]
    }

    pub fn says(self, kind: MessageType) -> Message {
        let mut message = Message { xid: 0x1000 + u32::from(self.0), ..Message::default() };
        message.chaddr = HardwareAddress::ethernet(self.mac());
        message.options.set(code::MESSAGE_TYPE, &[kind as u8]);
        message
    }

    pub fn discover(self) -> Message {
        self.says(MessageType::Discover)
    }

    /// The REQUEST by which it renews an address (RENEWING and REBINDING).
    pub fn renews(self, address: Ipv4Addr) -> Message {
        Message { ciaddr: address, ..self.says(MessageType::Request) }
    }

    /// The REQUEST by which it keeps an address that it remembers (INIT-REBOOT).
    pub fn remembers(self, address: Ipv4Addr) -> Message {
        let mut message = self.says(MessageType::Request);
        message.options.set_addresses(code::REQUESTED_ADDRESS, &[address]);
        message
    }

    /// The RELEASE of an address.
    pub fn releases(self, address: Ipv4Addr) -> Message {
        let mut message = Message { ciaddr: address, ..self.says(MessageType::Release) };
        message.options.set_addresses(code::SERVER_IDENTIFIER, &[SERVER]);
        message
    }

    /// The DECLINE of an address.
    pub fn declines(self, address: Ipv4Addr) -> Message {
        let mut message = self.remembers(address);
        message.options.set(code::MESSAGE_TYPE, &[MessageType::Decline as u8]);
        message.options.set_addresses(code::SERVER_IDENTIFIER, &[SERVER]);
        message
    }

    /// The REQUEST that takes an offer.
    pub fn takes(self, offer: &Message) -> Message {
        let mut message = self.says(MessageType::Request);
        message.options.set_addresses(code::REQUESTED_ADDRESS, &[offer.yiaddr]);
        if let Some(server) = offer.options.get(code::SERVER_IDENTIFIER) {
            message.options.set(code::SERVER_IDENTIFIER, server);
        }
        message
    }
}

/// The subnet of these tests with something else about it.
pub fn subnet_of(change: impl FnOnce(&mut Subnet)) -> Subnet {
    let mut subnet = subnet();
    change(&mut subnet);
    subnet
}
