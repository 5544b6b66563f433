//! Which hosts this server works on, and until when it may.
//!
//! Servers that share a store share the hosts out by leases: a host is worked on by the one server that holds its
//! lease, which renews it long before it ends. A server that stops gives its leases up; one that dies, or is stopped in
//! its tracks, loses them when they expire. One that wakes up too late finds out by its own monotonic clock before it
//! sends anything to a device, and by the fencing token before it stores anything.

mod follow;
mod held;
mod leases;
mod upkeep;

use ironhand_api::{Host, Job};
use ironhand_store::HostState;

pub(crate) use follow::Follower;
pub(crate) use held::{Held, NotOwner};
pub(crate) use leases::Leases;
pub(crate) use upkeep::{enlist, upkeep};

/// A host that this server takes up where it was left.
#[derive(Clone)]
pub(crate) struct Taken {
    /// Its manifest and its last status.
    pub(crate) host: Host,
    /// What is believed of it.
    pub(crate) state: HostState,
    /// Its jobs that have not ended.
    pub(crate) jobs: Vec<Job>,
    /// The hold under which it is worked on.
    pub(crate) held: Held,
}
