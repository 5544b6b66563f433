//! What other routers of a link say of it.

use std::net::Ipv6Addr;
use std::time::Duration;

use super::{ADVERTISEMENT, ON_LINK, PREFIX};

/// Flag A of a prefix: machines make addresses of it by themselves (RFC 4862).
const AUTONOMOUS: u8 = 0x40;
/// The most prefixes of one advertisement that are read.
const MAX_PREFIXES: usize = 32;

/// A router advertisement (RFC 4861, section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// Who advertises: a link-local address.
    pub router: Ipv6Addr,
    /// Whether addresses are given by DHCPv6 (the flag M).
    pub managed: bool,
    /// Whether anything else is told by DHCPv6 (the flag O).
    pub other: bool,
    /// For how long it is a default router; zero where it is none, and only tells of the link.
    pub lifetime: Duration,
    /// The prefixes that it tells of.
    pub prefixes: Vec<AdvertisedPrefix>,
}

/// A prefix of an advertisement (RFC 4861, section 4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdvertisedPrefix {
    /// Its first address, as far as `length` goes.
    pub prefix: Ipv6Addr,
    /// How many of its bits count, up to 128.
    pub length: u8,
    /// Whether its addresses are reached directly (the flag L).
    pub on_link: bool,
    /// Whether machines make addresses of it by themselves (the flag A).
    pub autonomous: bool,
}

/// Why a packet is no router advertisement (RFC 4861, section 6.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AdvertisementError {
    /// It came through a router, or its sender is no neighbour.
    #[error("it does not come from a neighbour")]
    Beyond,
    /// Another message, or one that is too short.
    #[error("it is no router advertisement")]
    Other,
    /// An option of no length, or one that is longer than the packet.
    #[error("an option is damaged")]
    Option,
}

impl Advertisement {
    /// Reads the ICMPv6 message of a packet with this source and hop limit; its sum is not looked at.
    ///
    /// # Errors
    /// Where it is another message, damaged, or from beyond the link.
    pub fn decode(router: Ipv6Addr, hop_limit: u8, bytes: &[u8]) -> Result<Self, AdvertisementError> {
        if hop_limit != 255 || !router.is_unicast_link_local() {
            return Err(AdvertisementError::Beyond);
        }
        let (head, mut rest) = bytes.split_first_chunk::<16>().ok_or(AdvertisementError::Other)?;
        if head[0] != ADVERTISEMENT || head[1] != 0 {
            return Err(AdvertisementError::Other);
        }
        let mut prefixes = Vec::new();
        while let [kind, units, ..] = rest {
            let length = usize::from(*units) * 8;
            let (option, after) = rest.split_at_checked(length).ok_or(AdvertisementError::Option)?;
            if option.is_empty() {
                return Err(AdvertisementError::Option);
            }
            if *kind == PREFIX && prefixes.len() < MAX_PREFIXES {
                prefixes.extend(prefix(option));
            }
            rest = after;
        }
        if !rest.is_empty() {
            return Err(AdvertisementError::Option);
        }
        let lifetime = Duration::from_secs(u16::from_be_bytes([head[6], head[7]]).into());
        let (managed, other) = (head[5] & 0x80 != 0, head[5] & 0x40 != 0);
        Ok(Self { router, managed, other, lifetime, prefixes })
    }
}

/// Reads the option of a prefix; nothing where it is of another form.
fn prefix(option: &[u8]) -> Option<AdvertisedPrefix> {
    let (head, address) = option.split_first_chunk::<16>()?;
    let prefix = Ipv6Addr::from(*<&[u8; 16]>::try_from(address).ok()?);
    let (length, flags) = (head[2], head[3]);
    (length <= 128).then_some(AdvertisedPrefix {
        prefix,
        length,
        on_link: flags & ON_LINK != 0,
        autonomous: flags & AUTONOMOUS != 0,
    })
}
