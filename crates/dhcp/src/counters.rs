//! How much of each kind there was since the server began.

/// Packets and what became of them, counted since the server began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams that came in.
    pub received: u64,
    /// Of them, those that are no DHCP message.
    pub malformed: u64,
    /// DISCOVER messages.
    pub discovers: u64,
    /// REQUEST messages.
    pub requests: u64,
    /// DECLINE messages.
    pub declines: u64,
    /// RELEASE messages.
    pub releases: u64,
    /// INFORM messages.
    pub informs: u64,
    /// Messages at port 4011.
    pub boot_service: u64,
    /// OFFER messages with an address.
    pub offers: u64,
    /// OFFER and ACK messages with boot options alone.
    pub boot_answers: u64,
    /// ACK messages that gave or renewed an address, or answered an INFORM.
    pub acks: u64,
    /// NAK messages.
    pub naks: u64,
    /// Messages that were not answered, NAKs apart.
    pub silent: u64,
    /// Of them, those beyond the limits of a circuit or prefix.
    pub limited: u64,
    /// Of them, those for which no address was free.
    pub exhausted: u64,
    /// Of them, RELEASE and DECLINE messages for a lease of somebody else.
    pub spoofed: u64,
    /// Refusals that were not told as events because they came too fast.
    pub left_out: u64,
    /// Leases that ended without being renewed.
    pub expired: u64,
    /// Addresses that were found in use.
    pub in_use: u64,
    /// Leases that could not be stored.
    pub not_stored: u64,
}
