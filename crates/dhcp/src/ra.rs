//! Router advertisements where no router advertises (RFC 4861; rule P14).
//!
//! Machines ask for addresses by DHCPv6 only where an advertisement says so (flag M), and reach each other directly only
//! where one names their prefix. One with a router's lifetime of 0 makes nobody a default router.
//!
//! iPXE waits for a router on each boot, 16 seconds in the builds that distributions have. An advertisement ends the wait, too.

mod advertisement;

use std::collections::{HashMap, VecDeque};
use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use crate::checksum6;
use crate::v6::prefix_of;

pub use advertisement::{AdvertisedPrefix, Advertisement, AdvertisementError};

/// Every node of a link (RFC 4291, section 2.7.1).
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// The number of ICMPv6 among the protocols of IPv6.
const ICMPV6: u8 = 58;
/// The type of a router solicitation, and of an advertisement (RFC 4861, section 4).
const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;
/// The option of the sender's link-layer address (RFC 4861, section 4.6.1).
const SOURCE_ADDRESS: u8 = 1;
/// The option of a prefix (RFC 4861, section 4.6.2), with flag L: who has an address in it is reached directly.
const PREFIX: u8 = 3;
const ON_LINK: u8 = 0x80;
/// The option of name servers (RFC 8106, section 5.1).
const NAME_SERVERS: u8 = 25;
/// How long a prefix is valid (RFC 4861, section 6.2.1: AdvValidLifetime is 30 days), in seconds: a day, so that one that was
/// written wrongly is soon forgotten.
const VALID: u32 = 24 * 3600;
/// How long we are a default router after each advertisement, in seconds (RFC 4861, section 6.2.1: three times the interval).
const ROUTER: u16 = 3 * 200;
/// The first advertisements that nobody asked for, and how far apart they are at the most (RFC 4861, section 10).
const INITIAL: u8 = 3;
const INITIAL_EVERY: Duration = Duration::from_secs(16);
/// How often an advertisement is sent that nobody asked for (RFC 4861, section 6.2.1: MinRtrAdvInterval's default).
const EVERY: Duration = Duration::from_secs(200);
/// How long one machine is not answered again (RFC 4861, section 10: RTR_SOLICITATION_INTERVAL is 4 s).
const INTERVAL: Duration = Duration::from_secs(1);
/// How long all nodes are not told again (RFC 4861, section 10: MIN_DELAY_BETWEEN_RAS).
const ALL_INTERVAL: Duration = Duration::from_secs(3);
/// The most name servers that are told: an advertisement fits into the smallest MTU (1,280 bytes; RFC 8200, section 5).
const MAX_NAME_SERVERS: usize = 63;
/// How many machines are remembered for that.
const MAX_REMEMBERED: usize = 4096;

/// A router solicitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solicitation {
    /// Who asks: a link-local address, or none yet.
    pub source: Ipv6Addr,
    /// Its Ethernet address, where it tells one or its address shows it.
    pub mac: Option<[u8; 6]>,
}

/// Why a packet is no router solicitation (RFC 4861, section 6.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SolicitationError {
    /// It came through a router.
    #[error("the hop limit is {0}, so that it comes from beyond a router")]
    HopLimit(u8),
    /// Another message, or one that is too short.
    #[error("it is no router solicitation")]
    Other,
    /// An option of no length, or one that is longer than the packet.
    #[error("an option is damaged")]
    Option,
    /// Somebody without an address tells a link-layer address.
    #[error("a link-layer address without an address to go with it")]
    SourceAddress,
}

impl Solicitation {
    /// Reads the ICMPv6 message of a packet with this source and hop limit. The system has checked the sum.
    pub fn decode(source: Ipv6Addr, hop_limit: u8, bytes: &[u8]) -> Result<Self, SolicitationError> {
        if hop_limit != 255 {
            return Err(SolicitationError::HopLimit(hop_limit));
        }
        let (head, mut rest) = bytes.split_first_chunk::<8>().ok_or(SolicitationError::Other)?;
        if head[0] != SOLICITATION || head[1] != 0 {
            return Err(SolicitationError::Other);
        }
        let mut mac = None;
        while let [kind, units, ..] = rest {
            let length = usize::from(*units) * 8;
            let (option, after) = rest.split_at_checked(length).ok_or(SolicitationError::Option)?;
            match option {
                [] => return Err(SolicitationError::Option),
                [_, _, a, b, c, d, e, f] if *kind == SOURCE_ADDRESS => mac = Some([*a, *b, *c, *d, *e, *f]),
                _ => {}
            }
            rest = after;
        }
        if !rest.is_empty() {
            return Err(SolicitationError::Option);
        }
        if mac.is_some() && source.is_unspecified() {
            return Err(SolicitationError::SourceAddress);
        }
        Ok(Self { source, mac: mac.or_else(|| mac_of(source)) })
    }
}

/// The Ethernet address that a link-local address was made from (RFC 4291, appendix A).
pub(crate) fn mac_of(address: Ipv6Addr) -> Option<[u8; 6]> {
    let octets = address.octets();
    match octets {
        [0xfe, 0x80, 0, 0, 0, 0, 0, 0, a, b, c, 0xff, 0xfe, d, e, f] => Some([a ^ 2, b, c, d, e, f]),
        _ => None,
    }
}

/// How a link is advertised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvertiserConfig {
    /// Our link-local address on the link.
    pub address: Ipv6Addr,
    /// Our Ethernet address there.
    pub mac: Option<[u8; 6]>,
    /// Whether addresses are given by DHCPv6 (the flag M).
    pub managed: bool,
    /// Whether anything else is (the flag O).
    pub other: bool,
    /// The prefix (of 64 bits) whose addresses are reached directly; nobody makes an address of it by itself (flag A is not
    /// set).
    pub prefix: Option<Ipv6Addr>,
    /// Whether we are a default router.
    pub router: bool,
    /// Name servers.
    pub name_servers: Vec<Ipv6Addr>,
}

/// What the advertiser wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdvertiserOutput {
    /// Send an ICMPv6 message with a hop limit of 255; its sum is right.
    Send {
        /// Where it goes.
        to: Ipv6Addr,
        /// What it says.
        bytes: Vec<u8>,
    },
    /// A machine that asked was told.
    Advertised {
        /// Its Ethernet address, where it is known.
        mac: Option<[u8; 6]>,
    },
}

/// Advertises one link: answers router solicitations, and tells all nodes unasked, again and again.
pub struct Advertiser {
    config: AdvertiserConfig,
    /// When who was answered last.
    answered: HashMap<Ipv6Addr, Instant>,
    /// When all nodes were told last, and when they are told next.
    last: Option<Instant>,
    next: Option<Instant>,
    /// How often they were told, as far as that matters.
    told: u8,
    outputs: VecDeque<AdvertiserOutput>,
}

impl Advertiser {
    /// An advertiser for the link with `config`, which tells all nodes at once.
    pub fn new(now: Instant, config: AdvertiserConfig) -> Self {
        let answered = HashMap::new();
        Self { config, answered, last: None, next: Some(now), told: 0, outputs: VecDeque::new() }
    }

    /// How the link is advertised.
    pub fn config(&self) -> &AdvertiserConfig {
        &self.config
    }

    /// Takes an ICMPv6 message. What is no solicitation is nobody's business here.
    pub fn receive(&mut self, now: Instant, source: Ipv6Addr, hop_limit: u8, bytes: &[u8]) {
        let Ok(solicitation) = Solicitation::decode(source, hop_limit, bytes) else { return };
        if self.answered.get(&source).is_some_and(|at| now < *at + INTERVAL) {
            return;
        }
        if self.answered.len() >= MAX_REMEMBERED {
            self.answered.clear();
        }
        self.answered.insert(source, now);
        // At once, as a machine that boots waits for it. Who has no address yet is told with all others, and those no more often
        // than may be (RFC 4861, section 6.2.6).
        if source.is_unspecified() {
            let soonest = self.last.map_or(now, |last| now.max(last + ALL_INTERVAL));
            self.next = self.next.map(|next| next.min(soonest));
            self.wake(now);
        } else {
            self.send(source, self.config.router);
        }
        self.outputs.push_back(AdvertiserOutput::Advertised { mac: solicitation.mac });
    }

    /// Lets time pass: all nodes are told when it is time.
    pub fn wake(&mut self, now: Instant) {
        if self.next.is_some_and(|next| next <= now) {
            self.told = self.told.saturating_add(1);
            self.last = Some(now);
            self.next = Some(now + if self.told < INITIAL { INITIAL_EVERY } else { EVERY });
            self.send(ALL_NODES, self.config.router);
        }
    }

    /// When [`Advertiser::wake`] has something to do.
    pub fn next_wake(&self) -> Option<Instant> {
        self.next
    }

    /// What is to be done next.
    pub fn next_output(&mut self) -> Option<AdvertiserOutput> {
        self.outputs.pop_front()
    }

    /// Ends: a default router says that it is one no more (RFC 4861, section 6.2.5).
    pub fn cease(&mut self) {
        self.next = None;
        if self.config.router {
            self.send(ALL_NODES, false);
        }
    }

    fn send(&mut self, to: Ipv6Addr, router: bool) {
        let bytes = self.advertisement(to, router);
        self.outputs.push_back(AdvertiserOutput::Send { to, bytes });
    }

    fn advertisement(&self, to: Ipv6Addr, router: bool) -> Vec<u8> {
        let config = &self.config;
        let flags = u8::from(config.managed) << 7 | u8::from(config.other) << 6;
        let [high, low] = if router { ROUTER.to_be_bytes() } else { [0, 0] };
        // Type, code, sum, hop limit unsaid, flags, lifetime; times unsaid.
        let mut bytes = vec![ADVERTISEMENT, 0, 0, 0, 0, flags, high, low, 0, 0, 0, 0, 0, 0, 0, 0];
        if let Some(mac) = config.mac {
            bytes.extend_from_slice(&[SOURCE_ADDRESS, 1]);
            bytes.extend_from_slice(&mac);
        }
        if let Some(prefix) = config.prefix {
            bytes.extend_from_slice(&[PREFIX, 4, 64, ON_LINK]);
            // Valid, and preferred, which is said of addresses that machines make of it; four bytes are reserved.
            bytes.extend_from_slice(&[VALID, VALID, 0].map(u32::to_be_bytes).concat());
            bytes.extend_from_slice(&prefix_of(prefix).octets());
        }
        let servers = &config.name_servers[..config.name_servers.len().min(MAX_NAME_SERVERS)];
        if !servers.is_empty() {
            bytes.extend_from_slice(&[NAME_SERVERS, (1 + 2 * servers.len()) as u8, 0, 0]);
            bytes.extend_from_slice(&(3 * EVERY.as_secs() as u32).to_be_bytes());
            servers.iter().for_each(|server| bytes.extend_from_slice(&server.octets()));
        }
        let sum = checksum6(config.address, to, ICMPV6, &bytes);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        bytes
    }
}
