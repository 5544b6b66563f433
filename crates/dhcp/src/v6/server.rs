//! The server of DHCPv6: answers from a policy, directly or through relays (RFC 8415, sections 18.3 and 19).

use std::collections::VecDeque;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::{Duration, Instant};

use crate::ra::mac_of;
use crate::v6::{DecodeError, Message, MessageType, Options, code};
use crate::{Architecture, InterfaceId};

/// The port of servers and relays (RFC 8415, section 7.2).
const SERVER_PORT: u16 = 547;
const RELAY_FORWARD: u8 = 12;
const RELAY_REPLY: u8 = 13;
/// The most relays in a row (RFC 8415, section 7.6: HOP_COUNT_LIMIT).
const MAX_RELAYS: usize = 8;
/// The most associations of one client that are answered.
const MAX_ASSOCIATIONS: usize = 8;
/// Codes of status (RFC 8415, section 21.13).
const SUCCESS: u16 = 0;
const NO_ADDRESSES: u16 = 2;
const NO_BINDING: u16 = 3;
const NOT_ON_LINK: u16 = 4;

/// A client that asks.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// What it asks.
    pub message: MessageType,
    /// Its identifier (DUID); empty where it asks for parameters alone and gives none.
    pub identifier: &'a [u8],
    /// Its Ethernet address, as its identifier, its relay or its own address shows it.
    pub mac: Option<[u8; 6]>,
    /// The UUID of its machine, where its identifier holds one (RFC 6355), in the order of the wire.
    pub uuid: Option<[u8; 16]>,
    /// What it loads programs for (option 61; RFC 5970).
    pub architecture: Option<Architecture>,
    /// Whether its vendor class begins with `HTTPClient`.
    pub http: bool,
    /// Whether its user class is `iPXE`.
    pub ipxe: bool,
    /// The link that it is on: an address of the relay next to it, or unspecified for that of the interface.
    pub link: Ipv6Addr,
    /// The interface of ours that it came in by.
    pub interface: InterfaceId,
}

/// Says what a client is given, from memory.
pub trait Policy {
    /// What `client` is given, or `None` where it is not answered.
    fn answer(&self, client: &Client<'_>) -> Answer;
}

/// What a policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing, and why.
    Silent(&'static str),
    /// These terms.
    Serve(Terms),
}

/// What a client is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Its address; `None` for parameters alone.
    pub address: Option<Ipv6Addr>,
    /// For how long.
    pub lifetime: Duration,
    /// What else it is told, as far as it asks for it (option 6).
    pub options: Options,
    /// What it boots.
    pub boot: Option<Boot>,
}

/// What a client boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// The URL (option 59), with an address in place of a name: `tftp://[2001:db8::1]/x.efi`.
    pub url: String,
    /// Parameters for it (option 60).
    pub parameters: Vec<String>,
}

/// How the server presents itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Its identifier (DUID), which stays the same over restarts.
    pub identifier: Vec<u8>,
    /// How much clients are to prefer it (option 7), 0 to 255; at 255 they wait for no other server.
    pub preference: u8,
}

/// A datagram that came in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The interface that it came in by.
    pub interface: InterfaceId,
    /// Who sent it.
    pub source: SocketAddrV6,
    /// What it says.
    pub bytes: &'a [u8],
}

/// What the server wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a datagram from port 547.
    Send {
        /// The interface that it leaves by.
        interface: InterfaceId,
        /// Where it goes.
        to: SocketAddrV6,
        /// What it says.
        bytes: Vec<u8>,
    },
    /// Something happened.
    Event(Event),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A client was answered.
    Answered {
        /// Its Ethernet address, as far as it shows.
        mac: Option<[u8; 6]>,
        /// What it asked.
        message: MessageType,
        /// The address that it was given or may have.
        address: Option<Ipv6Addr>,
    },
    /// A client found its address in use, which the policy is to change.
    Declined {
        /// Its Ethernet address, as far as it shows.
        mac: Option<[u8; 6]>,
    },
    /// The policy said so.
    Silent {
        /// The client's Ethernet address, as far as it shows.
        mac: Option<[u8; 6]>,
        /// Why.
        reason: &'static str,
    },
    /// A datagram was not understood.
    Malformed(DecodeError),
}

/// The relays that a message came through, the outermost first.
#[derive(Default)]
struct Relays(Vec<RelayHeader>);

/// What one relay wrote around the message.
struct RelayHeader {
    hops: u8,
    link: Ipv6Addr,
    peer: Ipv6Addr,
    interface_id: Option<Vec<u8>>,
    mac: Option<[u8; 6]>,
}

/// A DHCPv6 server without leases.
pub struct Server<P> {
    config: ServerConfig,
    policy: P,
    outputs: VecDeque<Output>,
}

impl<P: Policy> Server<P> {
    /// A server that answers by `policy`.
    pub fn new(config: ServerConfig, policy: P) -> Self {
        Self { config, policy, outputs: VecDeque::new() }
    }

    /// The policy, to be replaced or asked.
    pub fn policy_mut(&mut self) -> &mut P {
        &mut self.policy
    }

    /// Takes a datagram.
    pub fn receive(&mut self, _now: Instant, arrival: Arrival<'_>) {
        let (relays, message) = match read(arrival.bytes) {
            Ok(read) => read,
            Err(error) => return self.outputs.push_back(Output::Event(Event::Malformed(error))),
        };
        if let Some(reply) = self.answer(&arrival, &relays, &message) {
            let mut to = arrival.source;
            if !relays.0.is_empty() {
                to.set_port(SERVER_PORT);
            }
            let bytes = relays.wrap(&reply);
            self.outputs.push_back(Output::Send { interface: arrival.interface, to, bytes });
        }
    }

    /// Nothing waits here; this is for the sake of the four verbs.
    pub fn wake(&mut self, _now: Instant) {}

    /// Never.
    pub fn next_wake(&self) -> Option<Instant> {
        None
    }

    /// What is to be done next.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn answer(&mut self, arrival: &Arrival<'_>, relays: &Relays, message: &Message) -> Option<Message> {
        let named = message.options.get(code::SERVER_IDENTIFIER);
        let ours = named.is_none_or(|named| named == self.config.identifier);
        let identifier = message.options.get(code::CLIENT_IDENTIFIER).unwrap_or_default();
        // Who must name whom: RFC 8415, section 16.
        let fits = match message.kind {
            MessageType::Solicit | MessageType::Confirm | MessageType::Rebind => {
                named.is_none() && !identifier.is_empty()
            }
            MessageType::Request | MessageType::Renew | MessageType::Release | MessageType::Decline => {
                named.is_some() && ours && !identifier.is_empty()
            }
            MessageType::InformationRequest => ours && message.options.get(code::IA_NA).is_none(),
            MessageType::Advertise | MessageType::Reply => false,
        };
        if !fits {
            return None;
        }
        let client = client(arrival, relays, message, identifier);
        let mac = client.mac;
        let terms = match self.policy.answer(&client) {
            Answer::Serve(terms) => terms,
            Answer::Silent(reason) => {
                self.outputs.push_back(Output::Event(Event::Silent { mac, reason }));
                return None;
            }
        };
        let reply = self.reply(message, &client, &terms);
        let event = match message.kind {
            MessageType::Decline => Event::Declined { mac },
            kind => Event::Answered { mac, message: kind, address: terms.address },
        };
        self.outputs.push_back(Output::Event(event));
        Some(reply)
    }

    fn reply(&self, message: &Message, client: &Client<'_>, terms: &Terms) -> Message {
        let rapid = message.options.get(code::RAPID_COMMIT).is_some();
        let advertises = message.kind == MessageType::Solicit && !rapid;
        let kind = if advertises { MessageType::Advertise } else { MessageType::Reply };
        let mut options = Options::new();
        options.push(code::SERVER_IDENTIFIER, &self.config.identifier);
        if !client.identifier.is_empty() {
            options.push(code::CLIENT_IDENTIFIER, client.identifier);
        }
        match message.kind {
            MessageType::Confirm => {
                let fits = confirmed(message, terms);
                options.push(code::STATUS_CODE, &status(if fits { SUCCESS } else { NOT_ON_LINK }));
            }
            MessageType::Release | MessageType::Decline => {
                options.push(code::STATUS_CODE, &status(SUCCESS));
            }
            MessageType::InformationRequest => write_parameters(message, client, terms, &mut options),
            _ => {
                if message.kind == MessageType::Solicit {
                    options.push(code::PREFERENCE, &[self.config.preference]);
                    if rapid {
                        options.push(code::RAPID_COMMIT, &[]);
                    }
                }
                let mut given = false;
                for association in message.options.all(code::IA_NA).take(MAX_ASSOCIATIONS) {
                    // One address for each client: the first association has it.
                    let address = terms.address.filter(|_| !given);
                    if let Some(value) = associate(association, address, terms.lifetime, message.kind) {
                        options.push(code::IA_NA, &value);
                        given = true;
                    }
                }
                write_parameters(message, client, terms, &mut options);
            }
        }
        Message { kind, transaction: message.transaction, options }
    }
}

/// What is asked for and what is to be booted.
fn write_parameters(message: &Message, client: &Client<'_>, terms: &Terms, options: &mut Options) {
    let asked = message.options.get(code::OPTION_REQUEST).unwrap_or_default().as_chunks::<2>().0;
    let asked = |code: u16| asked.iter().any(|bytes| u16::from_be_bytes(*bytes) == code);
    for (code, value) in terms.options.iter().filter(|(code, _)| asked(*code)) {
        options.push(code, value);
    }
    let Some(boot) = terms.boot.as_ref().filter(|_| asked(code::BOOTFILE_URL)) else { return };
    if client.http {
        // Without it HTTP boot takes the URL for that of another client (UEFI 2.10, section 24.7).
        let class = [&343_u32.to_be_bytes()[..], &10_u16.to_be_bytes(), b"HTTPClient"].concat();
        options.push(code::VENDOR_CLASS, &class);
    }
    options.push(code::BOOTFILE_URL, boot.url.as_bytes());
    if !boot.parameters.is_empty() {
        let mut value = Vec::new();
        for parameter in &boot.parameters {
            let length = parameter.len().min(usize::from(u16::MAX));
            value.extend_from_slice(&(length as u16).to_be_bytes());
            value.extend_from_slice(&parameter.as_bytes()[..length]);
        }
        options.push(code::BOOTFILE_PARAMETERS, &value);
    }
}

/// The value of an association with its address, or with why there is none (RFC 8415, section 21.4).
fn associate(
    association: &[u8],
    address: Option<Ipv6Addr>,
    lifetime: Duration,
    kind: MessageType,
) -> Option<Vec<u8>> {
    let number = association.first_chunk::<4>()?;
    let seconds = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX).clamp(1, u32::MAX - 1);
    let mut value = number.to_vec();
    value.extend_from_slice(&(seconds / 2).to_be_bytes());
    value.extend_from_slice(&(seconds - seconds / 5).to_be_bytes());
    let mut inner = Options::new();
    match address {
        Some(address) => {
            let lifetimes = [seconds.to_be_bytes(), seconds.to_be_bytes()].concat();
            inner.push(code::IA_ADDRESS, &[&address.octets()[..], &lifetimes].concat());
        }
        None if matches!(kind, MessageType::Renew | MessageType::Rebind) => {
            inner.push(code::STATUS_CODE, &status(NO_BINDING));
        }
        None => {
            inner.push(code::STATUS_CODE, &status(NO_ADDRESSES));
        }
    }
    inner.encode(&mut value);
    Some(value)
}

/// Whether all addresses that a client names are the one that it is given.
fn confirmed(message: &Message, terms: &Terms) -> bool {
    message.options.all(code::IA_NA).filter_map(|association| Options::decode(association.get(12..)?)).all(
        |inner| {
            inner.all(code::IA_ADDRESS).all(|value| {
                value.first_chunk::<16>().is_some_and(|octets| Some(Ipv6Addr::from(*octets)) == terms.address)
            })
        },
    )
}

fn status(code: u16) -> [u8; 2] {
    code.to_be_bytes()
}

/// Reads what a client says of itself.
fn client<'a>(
    arrival: &Arrival<'_>,
    relays: &Relays,
    message: &'a Message,
    identifier: &'a [u8],
) -> Client<'a> {
    let options = &message.options;
    let nearest = relays.0.last();
    let from = nearest.map_or(*arrival.source.ip(), |relay| relay.peer);
    let class = options.get(code::VENDOR_CLASS).unwrap_or_default();
    let user = options.get(code::USER_CLASS).unwrap_or_default();
    Client {
        message: message.kind,
        identifier,
        mac: mac_of_identifier(identifier)
            .or_else(|| nearest.and_then(|relay| relay.mac))
            .or_else(|| mac_of(from)),
        uuid: match identifier {
            [0, 4, uuid @ ..] => uuid.try_into().ok(),
            _ => None,
        },
        architecture: options.get(code::CLIENT_ARCHITECTURE).and_then(Architecture::first_known),
        http: class.windows(10).any(|window| window == b"HTTPClient"),
        ipxe: user.windows(4).any(|window| window == b"iPXE"),
        link: nearest.map_or(Ipv6Addr::UNSPECIFIED, |relay| relay.link),
        interface: arrival.interface,
    }
}

/// The Ethernet address that a DUID was made from (RFC 8415, sections 11.2 and 11.4).
fn mac_of_identifier(identifier: &[u8]) -> Option<[u8; 6]> {
    match identifier {
        [0, 1, 0, 1, _, _, _, _, mac @ ..] | [0, 3, 0, 1, mac @ ..] => mac.try_into().ok(),
        _ => None,
    }
}

/// Takes the wrappings of relays off (RFC 8415, section 9) and reads what is within.
fn read(bytes: &[u8]) -> Result<(Relays, Message), DecodeError> {
    let mut relays = Relays::default();
    let mut inner: Vec<u8>;
    let mut bytes = bytes;
    while bytes.first() == Some(&RELAY_FORWARD) {
        if relays.0.len() == MAX_RELAYS {
            return Err(DecodeError::Type(RELAY_FORWARD));
        }
        let (head, area) = bytes.split_first_chunk::<34>().ok_or(DecodeError::TooShort)?;
        let options = Options::decode(area).ok_or(DecodeError::Option)?;
        let address = |at: usize| {
            let mut octets = [0; 16];
            octets.copy_from_slice(&head[at..at + 16]);
            Ipv6Addr::from(octets)
        };
        relays.0.push(RelayHeader {
            hops: head[1],
            link: address(2),
            peer: address(18),
            interface_id: options.get(code::INTERFACE_ID).map(<[u8]>::to_vec),
            mac: options.get(code::CLIENT_LINK_LAYER_ADDRESS).and_then(|value| match value {
                [0, 1, mac @ ..] => mac.try_into().ok(),
                _ => None,
            }),
        });
        inner = options.get(code::RELAY_MESSAGE).ok_or(DecodeError::Option)?.to_vec();
        bytes = &inner;
    }
    Ok((relays, Message::decode(bytes)?))
}

impl Relays {
    /// Puts an answer into the wrappings again, so that each relay finds its own.
    fn wrap(&self, reply: &Message) -> Vec<u8> {
        let mut bytes = Vec::new();
        reply.encode(&mut bytes);
        for relay in self.0.iter().rev() {
            let mut outer = vec![RELAY_REPLY, relay.hops];
            outer.extend_from_slice(&relay.link.octets());
            outer.extend_from_slice(&relay.peer.octets());
            let mut options = Options::new();
            if let Some(interface) = &relay.interface_id {
                options.push(code::INTERFACE_ID, interface);
            }
            options.push(code::RELAY_MESSAGE, &bytes);
            options.encode(&mut outer);
            bytes = outer;
        }
        bytes
    }
}
