//! Leases as they are kept beyond the life of a process.

use std::net::Ipv4Addr;
use std::time::SystemTime;

use crate::{HardwareAddress, SubnetId};

/// Who has an address, and until when. There is one lease for each address at any time: the latest that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// The subnet that it was given in.
    pub subnet: SubnetId,
    /// Whose it is; empty for a client that is known by its identifier alone.
    pub hardware: HardwareAddress,
    /// The client identifier (option 61), up to [`MAX_IDENTIFIER`] bytes of it.
    pub identifier: Option<Box<[u8]>>,
    /// What has become of it.
    pub state: LeaseState,
    /// When it was given or last renewed, given back, or declined.
    pub begins: SystemTime,
    /// Until when it is the client's, or set aside.
    pub ends: SystemTime,
    /// The name that the client gave itself.
    pub host_name: Option<Box<str>>,
}

/// The longest client identifier that is kept.
pub const MAX_IDENTIFIER: usize = 64;

/// What has become of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeaseState {
    /// It is the client's until it ends.
    Bound,
    /// The client gave it back; it gets the same address again if nobody else did meanwhile.
    Released,
    /// The client, or a probe, found the address in use: it is set aside until the lease ends.
    Declined,
    /// It ended without being renewed. Never stored: it follows from the time; for lists alone.
    Expired,
}
