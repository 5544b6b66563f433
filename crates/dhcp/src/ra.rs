//! Router advertisements for machines that boot where no router advertises (RFC 4861; rule P14).
//!
//! iPXE waits for a router on each boot, 16 seconds in the builds that distributions have. An advertisement with a lifetime
//! of 0 and no prefix ends the wait: it says that there is no default router here, and gives nobody an address. It is sent
//! by opt-in, to solicitations of machines that boot from here, and to nobody else.

use std::collections::{HashMap, VecDeque};
use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

/// Every node of a link (RFC 4291, section 2.7.1).
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// The number of ICMPv6 among the protocols of IPv6.
const ICMPV6: u8 = 58;
/// The type of a router solicitation, and of an advertisement (RFC 4861, section 4).
const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;
/// The option of the sender's link-layer address (RFC 4861, section 4.6.1).
const SOURCE_ADDRESS: u8 = 1;
/// How long one machine is not answered again (RFC 4861, section 10: RTR_SOLICITATION_INTERVAL is 4 s).
const INTERVAL: Duration = Duration::from_secs(1);
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

/// Says which machines boot from here.
pub trait BootClients {
    /// Whether the machine with this Ethernet address does.
    fn boots(&self, mac: [u8; 6]) -> bool;
}

/// How a link is advertised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdvertiserConfig {
    /// Our link-local address on the link.
    pub address: Ipv6Addr,
    /// Our Ethernet address there.
    pub mac: Option<[u8; 6]>,
    /// Whether addresses are given by DHCPv6 (the flag M).
    pub managed: bool,
    /// Whether anything else is (the flag O).
    pub other: bool,
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
    /// A machine was told that there is no router.
    Advertised {
        /// Its Ethernet address.
        mac: [u8; 6],
    },
}

/// Answers the router solicitations of boot clients on one link.
pub struct Advertiser<C> {
    config: AdvertiserConfig,
    clients: C,
    /// When whom was answered last.
    answered: HashMap<[u8; 6], Instant>,
    outputs: VecDeque<AdvertiserOutput>,
}

impl<C: BootClients> Advertiser<C> {
    /// An advertiser for the link with `config`.
    pub fn new(config: AdvertiserConfig, clients: C) -> Self {
        Self { config, clients, answered: HashMap::new(), outputs: VecDeque::new() }
    }

    /// Takes an ICMPv6 message. What is no solicitation of a boot client is nobody's business here.
    pub fn receive(&mut self, now: Instant, source: Ipv6Addr, hop_limit: u8, bytes: &[u8]) {
        let Ok(solicitation) = Solicitation::decode(source, hop_limit, bytes) else { return };
        let Some(mac) = solicitation.mac.filter(|mac| self.clients.boots(*mac)) else { return };
        if self.answered.get(&mac).is_some_and(|at| now < *at + INTERVAL) {
            return;
        }
        if self.answered.len() >= MAX_REMEMBERED {
            self.answered.clear();
        }
        self.answered.insert(mac, now);
        let to = if source.is_unspecified() { ALL_NODES } else { source };
        let bytes = self.advertisement(to);
        self.outputs.push_back(AdvertiserOutput::Send { to, bytes });
        self.outputs.push_back(AdvertiserOutput::Advertised { mac });
    }

    /// Nothing waits here; this is for the sake of the four verbs.
    pub fn wake(&mut self, _now: Instant) {}

    /// Never.
    pub fn next_wake(&self) -> Option<Instant> {
        None
    }

    /// What is to be done next.
    pub fn next_output(&mut self) -> Option<AdvertiserOutput> {
        self.outputs.pop_front()
    }

    /// An advertisement of no router and no prefix.
    fn advertisement(&self, to: Ipv6Addr) -> Vec<u8> {
        let flags = u8::from(self.config.managed) << 7 | u8::from(self.config.other) << 6;
        // Type, code, sum, hop limit unsaid, flags, lifetime 0; times unsaid.
        let mut bytes = vec![ADVERTISEMENT, 0, 0, 0, 0, flags, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        if let Some(mac) = self.config.mac {
            bytes.extend_from_slice(&[SOURCE_ADDRESS, 1]);
            bytes.extend_from_slice(&mac);
        }
        let sum = checksum(self.config.address, to, &bytes);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        bytes
    }
}

/// The sum of an ICMPv6 message (RFC 4443, section 2.3).
fn checksum(from: Ipv6Addr, to: Ipv6Addr, bytes: &[u8]) -> u16 {
    let pairs = |bytes: &[u8]| -> u32 {
        bytes
            .chunks(2)
            .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)))
            .sum()
    };
    let mut sum = pairs(&from.octets()) + pairs(&to.octets()) + pairs(bytes);
    sum += bytes.len() as u32 + u32::from(ICMPV6);
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}
