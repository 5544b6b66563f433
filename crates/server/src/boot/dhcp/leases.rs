//! Leases, as people read them.

use std::time::{SystemTime, UNIX_EPOCH};

use ironhand_api::{DhcpLease, LeaseState, MacAddress, Timestamp};
use ironhand_dhcp::Lease;
use ironhand_model::boot::View;

use crate::boot::known::KnownHosts;

/// A lease of a network that is described; nothing of others.
pub(super) fn told(lease: &Lease, view: &View, known: &KnownHosts) -> Option<DhcpLease> {
    let network = view.network_of(lease.address)?;
    Some(DhcpLease {
        address: lease.address.into(),
        network: network.metadata.name.clone(),
        hardware_address: pairs(lease.hardware.bytes()),
        client_id: lease.identifier.as_deref().map(pairs),
        host_name: lease.host_name.as_deref().map(str::to_owned),
        host: lease.hardware.mac().and_then(|mac| known.host(MacAddress(mac))),
        state: state(lease.state),
        began: time(lease.begins),
        ends: time(lease.ends),
    })
}

/// What became of a lease, in the words of the API.
pub(super) const fn state(state: ironhand_dhcp::LeaseState) -> LeaseState {
    match state {
        ironhand_dhcp::LeaseState::Bound => LeaseState::Bound,
        ironhand_dhcp::LeaseState::Released => LeaseState::Released,
        ironhand_dhcp::LeaseState::Declined => LeaseState::Declined,
        ironhand_dhcp::LeaseState::Expired => LeaseState::Expired,
    }
}

/// Bytes as pairs of hexadecimal digits.
pub(super) fn pairs(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}

pub(super) fn time(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
