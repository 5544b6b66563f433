//! What is told of DHCPv6: steps of boots, machines, and what an operator should know.

use std::net::Ipv6Addr;
use std::sync::Arc;

use ironhand_api::{BootStage, MacAddress};
use ironhand_dhcp::v6::{Event, Happening, Program};
use ironhand_model::BootSeen;

use super::policy::speaker;
use crate::boot::dhcp::reception::Reception;

/// Tells what the DHCPv6 server does.
pub(super) struct Teller {
    pub(super) reception: Arc<Reception>,
}

impl Teller {
    pub(super) fn take(&self, event: &Event) {
        let mac = event.mac.map(MacAddress);
        let who =
            mac.map_or_else(|| "a client that shows no hardware address".to_owned(), |mac| mac.to_string());
        match &event.what {
            Happening::Offered(address) => self.step(event, BootStage::Offer, *address),
            Happening::Bound { address, renewed } => {
                self.reception.sit(mac, (*address).into());
                if !(*renewed && event.program == Program::System) {
                    self.step(event, BootStage::Acknowledge, *address);
                }
                tracing::debug!(who, %address, renewed, "an address is given");
            }
            Happening::NoAddress { reason, .. } => {
                tracing::debug!(who, "no address is given: {reason}");
                let (stage, speaker, reason) =
                    (BootStage::Discover, speaker(event.program), (*reason).to_owned());
                self.reception.seen(mac, None, BootSeen::Unserved { stage, speaker, reason });
            }
            Happening::Declined(address) => tracing::warn!(
                who, %address,
                "an address is in use, as its client says, and is set aside for an hour: look for the machine that has it"
            ),
            Happening::NotStored(address) => tracing::error!(
                who, %address,
                "a lease could not be stored, so that its client is not told of it and asks again: the data directory is full, \
                 or cannot be written"
            ),
            Happening::Silent { reason, .. } => tracing::debug!(who, "not answered: {reason}"),
            Happening::Discarded { message, reason } => tracing::debug!(who, ?message, "discarded: {reason}"),
            Happening::Malformed(error) => tracing::debug!("a datagram is no message of DHCPv6: {error}"),
            Happening::KeptElsewhere { kept, given } => tracing::warn!(
                who, %kept, %given,
                "the address that is kept for it is not free, so it is given another one until then: somebody has it from before \
                 (ironhand leases), another interface of the machine has it, or a client found it in use"
            ),
            Happening::Informed => tracing::debug!(who, "told its options"),
            Happening::Confirmed(fits) => tracing::debug!(who, fits, "told whether its addresses fit"),
            Happening::Released(address) => tracing::debug!(who, %address, "gave its address back"),
            Happening::Expired(address) => tracing::debug!(who, %address, "the lease ended"),
        }
    }

    fn step(&self, event: &Event, stage: BootStage, address: Ipv6Addr) {
        let (speaker, what) = (speaker(event.program), address.to_string());
        let seen = BootSeen::Dhcp { stage, speaker, what };
        self.reception.seen(event.mac.map(MacAddress), Some(address.into()), seen);
    }
}
