//! What is told of DHCPv6: steps of boots, machines, and what an operator should know.

use std::net::Ipv6Addr;
use std::sync::Arc;

use ironhand_api::{BootStage, MacAddress};
use ironhand_dhcp::v6::{Event, Happening, Program};
use ironhand_model::{BootAbout, BootSeen, BootSighting};
use tokio::sync::mpsc;

use super::policy::speaker;
use crate::boot::dhcp::guests::Guests;
use crate::boot::dhcp::told::architecture_words;
use crate::boot::seats::{Seat, Seats};
use crate::boot::watch::{BootWatch, Note};
use crate::clock;

/// Events that are taken at a time.
const AT_ONCE: usize = 512;

/// Tells what the DHCPv6 server does, until it has ended.
pub(super) struct Teller {
    pub(super) watch: BootWatch,
    pub(super) seats: Arc<Seats>,
    pub(super) guests: Arc<Guests>,
}

impl Teller {
    pub(super) async fn tell(self, mut events: mpsc::Receiver<Event>) {
        let mut taken = Vec::with_capacity(AT_ONCE);
        while events.recv_many(&mut taken, AT_ONCE).await > 0 {
            taken.drain(..).for_each(|event| self.take(&event));
        }
    }

    fn take(&self, event: &Event) {
        let mac = event.mac.map(MacAddress);
        let who =
            mac.map_or_else(|| "a client that shows no hardware address".to_owned(), |mac| mac.to_string());
        match &event.what {
            Happening::Offered(address) => self.step(event, BootStage::Offer, *address),
            Happening::Bound { address, renewed } => {
                self.sit(mac, *address);
                if !(*renewed && event.program == Program::System) {
                    self.step(event, BootStage::Acknowledge, *address);
                }
                tracing::debug!(who, %address, renewed, "an address is given");
            }
            Happening::NoAddress { reason, .. } => {
                tracing::debug!(who, "no address is given: {reason}");
                let reason = (*reason).to_owned();
                self.note(
                    event,
                    None,
                    BootSeen::Unserved {
                        stage: BootStage::Discover,
                        speaker: speaker(event.program),
                        reason,
                    },
                );
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
            Happening::Malformed(error) => tracing::debug!("a datagram is no message of DHCPv6: {error}"),
            Happening::Informed => tracing::debug!(who, "told its options"),
            Happening::Confirmed(fits) => tracing::debug!(who, fits, "told whether its addresses fit"),
            Happening::Released(address) => tracing::debug!(who, %address, "gave its address back"),
            Happening::Expired(address) => tracing::debug!(who, %address, "the lease ended"),
        }
    }

    fn step(&self, event: &Event, stage: BootStage, address: Ipv6Addr) {
        let (speaker, what) = (speaker(event.program), address.to_string());
        self.note(event, Some(address), BootSeen::Dhcp { stage, speaker, what });
    }

    /// Something of a machine that asked for something to boot; of all others nothing is kept.
    fn note(&self, event: &Event, address: Option<Ipv6Addr>, seen: BootSeen) {
        let Some(mac) = event.mac.map(MacAddress) else { return };
        let Some(guest) = self.guests.get(mac) else { return };
        let architecture = guest.architecture.and_then(architecture_words);
        let about = BootAbout { host: guest.host, network: Some(guest.network), architecture };
        let (at, address) = (clock::now(), address.map(Into::into));
        self.watch.note(Note::Sighting(BootSighting { at, mac: Some(mac), about, address, seen }));
    }

    /// A machine has an address, by which it is known to those that serve files.
    fn sit(&self, mac: Option<MacAddress>, address: Ipv6Addr) {
        let Some(mac) = mac else { return };
        let guest = self.guests.get(mac);
        let seat = Seat {
            macs: vec![mac],
            uuid: guest.as_ref().and_then(|guest| guest.uuid),
            architecture: guest.as_ref().and_then(|guest| guest.architecture),
            network: guest.map(|guest| guest.network),
        };
        self.seats.put(address.into(), seat);
    }
}
