//! Where clients are: interfaces of this machine, subnets behind them and behind relays.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

/// An interface of this machine, by its index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceId(pub u32);

/// A subnet, by a number that its owner chose and that it keeps as long as leases are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubnetId(pub u32);

/// An address of this machine on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interface {
    /// The interface.
    pub id: InterfaceId,
    /// The address, which is named as the server's to clients that come in here (option 54).
    pub address: Ipv4Addr,
    /// How many bits of it are the network's, 0 to 32.
    pub prefix: u8,
}

/// What is served on a subnet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Addresses from pools and by reservation.
    Full,
    /// Addresses by reservation alone; others are not answered.
    Reservations,
    /// Boot options beside another server that gives the addresses; nobody is ever refused by a NAK (rule P15).
    Proxy,
    /// Nothing.
    #[default]
    Off,
}

/// A subnet that clients are on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Its number.
    pub id: SubnetId,
    /// Any address of it.
    pub network: Ipv4Addr,
    /// How many bits are the network's, 0 to 32.
    pub prefix: u8,
    /// The interface that it is at, for one that none of the interface's addresses is in.
    pub interface: Option<InterfaceId>,
    /// Relays outside it that speak for it, by the address that they write (`giaddr`). One with an address in it needs not be
    /// named; one that says by option 82 which subnet it means (RFC 3527) is believed.
    pub relays: Vec<Ipv4Addr>,
    /// Ranges that addresses are given from. What is outside the subnet, its first and its last address and addresses of our
    /// own are left out, and so is what goes beyond [`MAX_POOL`] addresses.
    pub pools: Vec<RangeInclusive<Ipv4Addr>>,
    /// Addresses that are never given from a pool: all reservations, gateways, and what else is in use.
    pub excluded: Vec<Ipv4Addr>,
    /// What is served.
    pub mode: Mode,
    /// Whether this server alone gives addresses here, and so refuses by a NAK those that it does not know (rule D5).
    pub authoritative: bool,
    /// Whether an address of a pool is probed before it is offered (rule D7).
    pub probe: bool,
}

/// The most addresses that the pools of one subnet give out, which bounds the memory that a typing error takes.
pub const MAX_POOL: usize = 1 << 20;

impl Subnet {
    /// Its mask (option 1).
    pub fn mask(&self) -> Ipv4Addr {
        mask(self.prefix)
    }

    /// Whether `address` is in it.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        same_network(self.network, address, self.prefix)
    }
}

/// The mask with `prefix` bits.
pub(crate) fn mask(prefix: u8) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0))
}

pub(crate) fn same_network(a: Ipv4Addr, b: Ipv4Addr, prefix: u8) -> bool {
    (a.to_bits() ^ b.to_bits()) & mask(prefix).to_bits() == 0
}
