//! What was done over IPv6.

use ironhand_dhcp::v6::Happening;

use crate::dhcp::statistics::{count, counters};

counters! {
    /// What a [`Dhcp6Port`](crate::dhcp6::Dhcp6Port) has done since it was opened.
    Dhcp6Statistics {
    /// Addresses that were offered (ADVERTISE).
    offered,
    /// Addresses that were given or renewed (REPLY).
    given,
    /// Clients that were told that there is no address for them.
    refused,
    /// Clients that were told parameters alone.
    informed,
    /// Clients that were told whether their addresses are of their link.
    confirmed,
    /// Messages that were not answered.
    silent,
    /// Messages that can be read and must be discarded: of wrong identifiers, or sent to this server alone.
    discarded,
    /// Datagrams that were no message of DHCPv6.
    malformed,
    /// Addresses that clients gave back.
    released,
    /// Addresses that are in use, as their clients say.
    declined,
    /// Leases that ended without being renewed.
    expired,
    /// Leases that were stored, renewals and releases included.
    stored,
    /// Leases that could not be stored.
    store_failures,
    /// Answers that the system did not take.
    send_failures,
    /// Router advertisements that were sent.
    advertisements,
}}

impl Tally {
    /// Counts what happened.
    pub(super) fn happened(&self, what: &Happening) {
        let counter = match what {
            Happening::Offered(_) => &self.offered,
            Happening::Bound { .. } => &self.given,
            Happening::NoAddress { .. } => &self.refused,
            Happening::Informed => &self.informed,
            Happening::Confirmed(_) => &self.confirmed,
            Happening::Silent { .. } => &self.silent,
            Happening::Discarded { .. } => &self.discarded,
            Happening::Malformed(_) => &self.malformed,
            Happening::Released(_) => &self.released,
            Happening::Declined(_) => &self.declined,
            Happening::Expired(_) => &self.expired,
            // What was given instead is counted.
            Happening::KeptElsewhere { .. } => return,
            // Counted with all others that were in the same write.
            Happening::NotStored(_) => return,
        };
        count(counter, 1);
    }
}
