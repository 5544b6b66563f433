//! The client: a machine that asks for an address and for something to boot (RFC 2131, section 4.4; PXE 2.1, section 2.2).

mod personality;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use crate::{BROADCAST, DecodeError, HardwareAddress, Message, MessageType, Op, code};

pub use personality::Personality;

/// The port of servers.
const SERVER_PORT: u16 = 67;
/// The port that gives boot options alone.
const BOOT_SERVICE_PORT: u16 = 4011;
/// The longest wait between two packets of one kind (RFC 2131, section 4.1).
const LONGEST_WAIT: Duration = Duration::from_secs(64);
/// The shortest time before an end that renewing is tried again (RFC 2131, section 4.4.5).
const SHORTEST_RENEWAL: Duration = Duration::from_secs(60);
/// How long a client waits after a DECLINE (RFC 2131, section 3.1).
const DECLINE_PAUSE: Duration = Duration::from_secs(10);
/// How many offers are kept to choose from.
const MAX_OFFERS: usize = 16;

/// How a client behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootClientConfig {
    /// Its hardware address.
    pub hardware: HardwareAddress,
    /// What it is, and so what it sends.
    pub personality: Personality,
    /// The UUID of its machine as it is stored (option 97).
    pub uuid: Option<[u8; 16]>,
    /// The name that it gives itself (option 12).
    pub host_name: Option<Box<str>>,
    /// The address that it had before, which it asks to keep (INIT-REBOOT).
    pub remembered: Option<Ipv4Addr>,
    /// Whether it only looks who offers, and takes nothing: the search for foreign servers.
    pub listen_only: bool,
    /// How long offers are collected after the first one; none for whoever takes the first.
    pub collect: Duration,
    /// How long an answer is waited for at first; the wait doubles.
    pub first_wait: Duration,
    /// How many packets of one kind are sent before it gives up.
    pub tries: u32,
}

impl BootClientConfig {
    /// A client that takes the first offer, and asks four times, after 4, 8 and 16 seconds.
    pub fn new(mac: [u8; 6], personality: Personality) -> Self {
        Self {
            hardware: HardwareAddress::ethernet(mac),
            personality,
            uuid: None,
            host_name: None,
            remembered: None,
            listen_only: false,
            collect: Duration::ZERO,
            first_wait: Duration::from_secs(4),
            tries: 4,
        }
    }
}

/// What the client wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum BootClientOutput {
    /// Send a datagram.
    Send {
        /// Our address; unspecified as long as there is none.
        from: Ipv4Addr,
        /// Where it goes; the broadcast address as long as no server is known.
        to: SocketAddrV4,
        /// What it says.
        bytes: Vec<u8>,
    },
    /// Something happened.
    Event(BootClientEvent),
}

/// What happened to a client.
#[derive(Clone, Debug, PartialEq)]
pub enum BootClientEvent {
    /// A server offers; also boot options without an address.
    Offered(Box<Message>),
    /// It has an address, or has it again.
    Bound(Box<Binding>),
    /// It asked for its old address, or to keep it, and was refused.
    Refused {
        /// Who refused.
        server: Option<Ipv4Addr>,
    },
    /// Its lease ended.
    Expired,
    /// Nobody answered.
    GaveUp,
    /// A datagram was not understood.
    Malformed(DecodeError),
}

/// What a client has.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The address.
    pub address: Ipv4Addr,
    /// Who gave it.
    pub server: Ipv4Addr,
    /// For how long.
    pub lease: Duration,
    /// Until when: counted from when the client asked, for the server counts from before its answer came (RFC 2131, section
    /// 4.4.1).
    pub ends: Instant,
    /// The whole ACK.
    pub ack: Message,
    /// The offer or the answer of port 4011 that says what to boot, where that is not the ACK.
    pub proxy: Option<Message>,
}

impl Binding {
    /// What to boot: the boot file of the proxy or else of the ACK, of option 67 or else of the header.
    pub fn boot_file(&self) -> Option<&[u8]> {
        let of = |message| file_of(message).filter(|file| !file.is_empty());
        self.proxy.as_ref().and_then(of).or_else(|| of(&self.ack))
    }

    /// The server of the boot file.
    pub fn next_server(&self) -> Ipv4Addr {
        self.proxy.as_ref().filter(|proxy| file_of(proxy).is_some()).unwrap_or(&self.ack).siaddr
    }
}

/// The boot file that a message names, by option 67 or else by its header.
fn file_of(message: &Message) -> Option<&[u8]> {
    let header = Some(message.file_name()).filter(|file| !file.is_empty());
    message.options.text(code::BOOTFILE_NAME).filter(|file| !file.is_empty()).or(header)
}

/// Where a client stands (RFC 2131, figure 5).
#[derive(Clone, Debug, PartialEq)]
enum State {
    Idle,
    /// It has sent DISCOVER, and has these offers.
    Selecting {
        offers: Vec<Message>,
    },
    /// It has taken an offer.
    Requesting {
        offer: Box<Message>,
    },
    /// It asks to keep what it remembers.
    Rebooting {
        address: Ipv4Addr,
    },
    /// It has an address, and asks at port 4011 what to boot.
    AskingBoot,
    Bound,
    Renewing,
    Rebinding,
    /// It found its address in use, and waits before it begins anew (RFC 2131, section 3.1).
    Declined,
}

/// A client that gets itself an address, keeps it, and finds out what to boot.
///
/// Transaction numbers come from a counter that the caller seeds, so that the machine draws no random numbers.
pub struct BootClient {
    config: BootClientConfig,
    state: State,
    xid: u32,
    sent: u32,
    wait: Duration,
    timer: Option<Instant>,
    /// When the present attempt began, for the field `secs`.
    began: Instant,
    /// When the present question was first asked.
    asked: Instant,
    binding: Option<Box<Binding>>,
    /// The proxy whose offer was taken.
    proxy: Option<Box<Message>>,
    renew_at: Option<Instant>,
    rebind_at: Option<Instant>,
    ends_at: Option<Instant>,
    outputs: VecDeque<BootClientOutput>,
}

impl BootClient {
    /// A client that waits for [`BootClient::start`]. `seed` is the first transaction number, which no other client on the
    /// network should use.
    pub fn new(now: Instant, config: BootClientConfig, seed: u32) -> Self {
        Self {
            config,
            state: State::Idle,
            xid: seed,
            sent: 0,
            wait: Duration::ZERO,
            timer: None,
            began: now,
            asked: now,
            binding: None,
            proxy: None,
            renew_at: None,
            rebind_at: None,
            ends_at: None,
            outputs: VecDeque::new(),
        }
    }

    /// Begins: with DISCOVER, or by asking for the remembered address.
    pub fn start(&mut self, now: Instant) {
        self.rest();
        self.binding = None;
        self.proxy = None;
        match self.config.remembered {
            Some(address) => self.enter(now, State::Rebooting { address }),
            None => self.enter(now, State::Selecting { offers: Vec::new() }),
        }
    }

    /// Gives the address back.
    pub fn release(&mut self, now: Instant) {
        let Some(binding) = self.binding.take() else { return };
        let mut message = self.message(now, MessageType::Release);
        message.ciaddr = binding.address;
        message.options.set_addresses(code::SERVER_IDENTIFIER, &[binding.server]);
        self.send(binding.address, SocketAddrV4::new(binding.server, SERVER_PORT), &message);
        self.rest();
    }

    /// Says that the address is in use, and begins anew after ten seconds.
    pub fn decline(&mut self, now: Instant) {
        let Some(binding) = self.binding.take() else { return };
        let mut message = self.message(now, MessageType::Decline);
        message.options.set_addresses(code::REQUESTED_ADDRESS, &[binding.address]);
        message.options.set_addresses(code::SERVER_IDENTIFIER, &[binding.server]);
        self.broadcast(&message);
        self.rest();
        self.state = State::Declined;
        self.timer = Some(now + DECLINE_PAUSE);
    }

    /// What it has, if it has anything.
    pub fn binding(&self) -> Option<&Binding> {
        self.binding.as_deref()
    }

    /// Whether nothing is going on: not started, given up, or given back.
    pub fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    /// Becomes another program of the same machine, as iPXE behind firmware and the system behind iPXE.
    pub fn become_personality(&mut self, personality: Personality) {
        self.config.personality = personality;
    }

    /// Takes a datagram.
    pub fn receive(&mut self, now: Instant, bytes: &[u8]) {
        let message = match Message::decode(bytes) {
            Ok(message) => message,
            Err(error) => return self.tell(BootClientEvent::Malformed(error)),
        };
        if message.op != Op::Reply || message.xid != self.xid || message.chaddr != self.config.hardware {
            return;
        }
        match (message.message_type(), &self.state) {
            (Some(MessageType::Offer), State::Selecting { .. }) => self.offered(now, message),
            (Some(MessageType::Ack), State::AskingBoot) => self.told_boot(now, message),
            (
                Some(MessageType::Ack),
                State::Requesting { .. } | State::Rebooting { .. } | State::Renewing | State::Rebinding,
            ) => self.acknowledged(now, message),
            (
                Some(MessageType::Nak),
                State::Requesting { .. } | State::Rebooting { .. } | State::Renewing | State::Rebinding,
            ) => self.refused(now, &message),
            _ => {}
        }
    }

    /// Lets time pass.
    pub fn wake(&mut self, now: Instant) {
        if self.ends_at.is_some_and(|at| at <= now) {
            self.ends_at = None;
            self.binding = None;
            self.tell(BootClientEvent::Expired);
            return self.enter(now, State::Selecting { offers: Vec::new() });
        }
        if self.rebind_at.is_some_and(|at| at <= now) {
            self.rebind_at = None;
            return self.enter(now, State::Rebinding);
        }
        if self.renew_at.is_some_and(|at| at <= now) {
            self.renew_at = None;
            return self.enter(now, State::Renewing);
        }
        if self.timer.is_some_and(|at| at <= now) {
            self.timer = None;
            self.timed_out(now);
        }
    }

    /// When [`BootClient::wake`] has something to do.
    pub fn next_wake(&self) -> Option<Instant> {
        [self.timer, self.renew_at, self.rebind_at, self.ends_at].into_iter().flatten().min()
    }

    /// What is to be done next.
    pub fn next_output(&mut self) -> Option<BootClientOutput> {
        self.outputs.pop_front()
    }

    /// Begins something new, with a transaction of its own; but for the REQUEST, which belongs to its offer.
    fn enter(&mut self, now: Instant, state: State) {
        if !matches!(state, State::Requesting { .. } | State::AskingBoot) {
            self.xid = self.xid.wrapping_add(1);
            self.began = now;
        }
        self.state = state;
        self.asked = now;
        self.sent = 0;
        self.wait = self.config.first_wait;
        self.send_again(now);
    }

    fn rest(&mut self) {
        self.state = State::Idle;
        (self.timer, self.renew_at, self.rebind_at, self.ends_at) = (None, None, None, None);
    }

    fn send_again(&mut self, now: Instant) {
        let mut message = self.message(now, MessageType::Request);
        self.sent += 1;
        self.timer = Some(now + self.wait);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        let held = self.binding.as_ref().map(|binding| (binding.address, binding.server));
        match (&self.state, held) {
            (State::Idle | State::Bound | State::Declined, _) => self.timer = None,
            (State::Selecting { .. }, _) => {
                message = self.message(now, MessageType::Discover);
                self.broadcast(&message);
            }
            (State::Requesting { offer }, _) => {
                message.options.set_addresses(code::REQUESTED_ADDRESS, &[offer.yiaddr]);
                if let Some(server) = offer.options.get(code::SERVER_IDENTIFIER) {
                    message.options.set(code::SERVER_IDENTIFIER, server);
                }
                self.broadcast(&message);
            }
            (State::Rebooting { address }, _) => {
                message.options.set_addresses(code::REQUESTED_ADDRESS, &[*address]);
                self.broadcast(&message);
            }
            (State::Renewing, Some((address, server))) => {
                message.ciaddr = address;
                self.send(address, SocketAddrV4::new(server, SERVER_PORT), &message);
            }
            (State::Rebinding, Some((address, _))) => {
                message.ciaddr = address;
                self.send(address, SocketAddrV4::new(Ipv4Addr::BROADCAST, SERVER_PORT), &message);
            }
            (State::AskingBoot, Some((address, _))) => {
                message.ciaddr = address;
                let to = self.proxy.as_deref().map_or(Ipv4Addr::UNSPECIFIED, boot_server);
                if self.config.personality.names_server() {
                    message.options.set_addresses(code::SERVER_IDENTIFIER, &[to]);
                }
                self.send(address, SocketAddrV4::new(to, BOOT_SERVICE_PORT), &message);
            }
            (State::Renewing | State::Rebinding | State::AskingBoot, None) => self.rest(),
        }
    }

    fn timed_out(&mut self, now: Instant) {
        match &mut self.state {
            State::Selecting { offers } if !offers.is_empty() => {
                let offers = std::mem::take(offers);
                return self.choose(now, offers);
            }
            State::Renewing | State::Rebinding => {
                // Half of what is left, and no more often than once a minute.
                let end = if self.state == State::Renewing { self.rebind_at } else { self.ends_at };
                let left = end.map_or(Duration::ZERO, |end| end.saturating_duration_since(now));
                self.wait = (left / 2).max(SHORTEST_RENEWAL);
                return self.send_again(now);
            }
            State::Declined => return self.enter(now, State::Selecting { offers: Vec::new() }),
            _ => {}
        }
        if self.sent < self.config.tries {
            return self.send_again(now);
        }
        match self.state {
            State::Requesting { .. } | State::Rebooting { .. } => {
                self.enter(now, State::Selecting { offers: Vec::new() });
            }
            // It has its address, and nobody tells it what to boot.
            State::AskingBoot => self.bind(now),
            _ => {
                self.rest();
                self.tell(BootClientEvent::GaveUp);
            }
        }
    }

    fn offered(&mut self, now: Instant, message: Message) {
        self.tell(BootClientEvent::Offered(Box::new(message.clone())));
        let State::Selecting { offers } = &mut self.state else { return };
        if self.config.listen_only || offers.len() >= MAX_OFFERS {
            return;
        }
        let address = !message.yiaddr.is_unspecified();
        let first = offers.is_empty();
        offers.push(message);
        if self.config.collect.is_zero() && address {
            let offers = std::mem::take(offers);
            self.choose(now, offers);
        } else if first {
            self.timer = Some(now + self.config.collect);
        }
    }

    /// Takes the first offer with an address, and remembers the first that says what to boot.
    fn choose(&mut self, now: Instant, offers: Vec<Message>) {
        let boots = |offer: &&Message| self.config.personality.accepts_boot(offer);
        let proxy = offers.iter().filter(|offer| offer.yiaddr.is_unspecified()).find(boots);
        self.proxy = proxy.cloned().map(Box::new);
        let usable = |offer: &&Message| !offer.yiaddr.is_unspecified();
        let best = offers.iter().filter(usable).find(boots).or_else(|| offers.iter().find(usable));
        match best {
            Some(offer) => {
                let offer = Box::new(offer.clone());
                self.enter(now, State::Requesting { offer });
            }
            None if self.sent < self.config.tries => self.send_again(now),
            None => {
                self.rest();
                self.tell(BootClientEvent::GaveUp);
            }
        }
    }

    fn acknowledged(&mut self, now: Instant, ack: Message) {
        let server = ack.options.address(code::SERVER_IDENTIFIER).unwrap_or(ack.siaddr);
        let seconds = ack.options.u32(code::LEASE_TIME).unwrap_or_default();
        let lease = Duration::from_secs(seconds.into());
        let renewal = ack.options.u32(code::RENEWAL_TIME).unwrap_or(seconds / 2);
        let rebinding = ack.options.u32(code::REBINDING_TIME).unwrap_or(seconds - seconds / 8);
        let asked = self.asked;
        let at = |seconds: u32| asked.checked_add(Duration::from_secs(seconds.into()));
        (self.renew_at, self.rebind_at, self.ends_at) = (at(renewal), at(rebinding), at(seconds));
        if !self.config.personality.renews() {
            (self.renew_at, self.rebind_at, self.ends_at) = (None, None, None);
        }
        let proxy = self.binding.take().and_then(|binding| binding.proxy);
        let address = ack.yiaddr;
        let ends = self.ends_of(lease);
        self.binding = Some(Box::new(Binding { address, server, lease, ends, ack, proxy }));
        match self.proxy.take() {
            Some(proxy)
                if file_of(&proxy).is_some() && self.config.personality.takes_offered_file(&proxy) =>
            {
                if let Some(binding) = &mut self.binding {
                    binding.proxy = Some(*proxy);
                }
                self.bind(now);
            }
            Some(proxy) => {
                self.proxy = Some(proxy);
                self.enter(now, State::AskingBoot);
            }
            None => self.bind(now),
        }
    }

    /// When a lease that was just given ends; one for ever ends when the clock does.
    fn ends_of(&self, lease: Duration) -> Instant {
        self.asked.checked_add(lease).unwrap_or(self.asked)
    }

    fn told_boot(&mut self, now: Instant, answer: Message) {
        if let Some(binding) = &mut self.binding {
            binding.proxy = Some(answer);
        }
        self.proxy = None;
        self.bind(now);
    }

    fn bind(&mut self, _now: Instant) {
        self.state = State::Bound;
        self.timer = None;
        if let Some(binding) = self.binding.clone() {
            self.tell(BootClientEvent::Bound(binding));
        }
    }

    fn refused(&mut self, now: Instant, nak: &Message) {
        let server = nak.options.address(code::SERVER_IDENTIFIER);
        self.tell(BootClientEvent::Refused { server });
        self.binding = None;
        (self.renew_at, self.rebind_at, self.ends_at) = (None, None, None);
        self.enter(now, State::Selecting { offers: Vec::new() });
    }

    /// A message with what this client says of itself in each of its messages.
    fn message(&self, now: Instant, kind: MessageType) -> Message {
        let secs = now.saturating_duration_since(self.began).as_secs();
        let mut message = Message {
            xid: self.xid,
            secs: u16::try_from(secs).unwrap_or(u16::MAX),
            flags: if self.config.personality.wants_broadcast() { BROADCAST } else { 0 },
            chaddr: self.config.hardware,
            ..Message::default()
        };
        message.options.set(code::MESSAGE_TYPE, &[kind as u8]);
        if matches!(kind, MessageType::Discover | MessageType::Request | MessageType::Inform) {
            self.config.personality.introduce(&mut message, self.config.uuid);
            if let Some(name) = &self.config.host_name {
                message.options.set_text(code::HOST_NAME, name);
            }
        } else if let Some(identifier) = self.config.personality.identifier(self.config.hardware) {
            message.options.set(code::CLIENT_IDENTIFIER, &identifier);
        }
        message
    }

    fn broadcast(&mut self, message: &Message) {
        self.send(Ipv4Addr::UNSPECIFIED, SocketAddrV4::new(Ipv4Addr::BROADCAST, SERVER_PORT), message);
    }

    fn send(&mut self, from: Ipv4Addr, to: SocketAddrV4, message: &Message) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        self.outputs.push_back(BootClientOutput::Send { from, to, bytes });
    }

    fn tell(&mut self, event: BootClientEvent) {
        self.outputs.push_back(BootClientOutput::Event(event));
    }
}

/// Whom a proxy's offer tells to ask: the next server, or else itself, as OVMF does it.
fn boot_server(offer: &Message) -> Ipv4Addr {
    let named = Some(offer.siaddr).filter(|address| !address.is_unspecified());
    named.or_else(|| offer.options.address(code::SERVER_IDENTIFIER)).unwrap_or(Ipv4Addr::UNSPECIFIED)
}
