//! What is told of DHCP: steps of boots, machines, and what an operator should know.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ironhand_api::{BootStage, MacAddress, Machine, MachineUuid, Name, Timestamp};
use ironhand_dhcp::{ClientKind, Event, Happening};
use ironhand_model::boot::Architecture;
use ironhand_model::{BootAbout, BootSeen, BootSighting, BootSpeaker};
use tokio::sync::mpsc;

use super::guests::Guests;
use crate::boot::seats::{Seat, Seats};
use crate::boot::watch::{BootWatch, Note};
use crate::clock;

/// Events that are taken at a time.
const AT_ONCE: usize = 512;

/// Who asks.
pub(super) const fn speaker(kind: ClientKind) -> BootSpeaker {
    match kind {
        ClientKind::PxeFirmware | ClientKind::HttpFirmware => BootSpeaker::Firmware,
        ClientKind::Ipxe(_) => BootSpeaker::Ipxe,
        ClientKind::Other => BootSpeaker::System,
    }
}

/// What a number of option 93 means, like `UEFI x64`.
pub(super) fn architecture_words(architecture: Architecture) -> Option<String> {
    let firmware = architecture.firmware()?;
    Some(if firmware.is_uefi() { format!("UEFI {firmware}") } else { firmware.to_string().to_uppercase() })
}

/// A machine that no host describes, as far as DHCP tells.
pub(super) fn machine(
    mac: MacAddress,
    at: Timestamp,
    network: &Name,
    uuid: Option<MachineUuid>,
    architecture: Option<String>,
    boots: u32,
) -> Machine {
    Machine {
        uuid: uuid.map(|uuid| uuid.to_string()),
        architecture,
        network: Some(network.clone()),
        boots,
        ..Machine::new(mac, at)
    }
}

/// Tells what the DHCP server does, until it has ended.
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
        let hardware = &event.hardware;
        match &event.what {
            Happening::Offered { address, kind } => {
                self.step(event, BootStage::Offer, *kind, Some(*address), address.to_string());
            }
            Happening::BootOffered { kind, boot_service, address } => {
                let (stage, what) = match boot_service {
                    true => (BootStage::Acknowledge, "what to boot, on port 4011"),
                    false => (BootStage::Offer, "what to boot, beside another server"),
                };
                if let Some(address) = address {
                    self.sit(event, *address);
                }
                self.step(event, stage, *kind, *address, what.to_owned());
            }
            Happening::Bound { address, kind, renewed } => {
                self.sit(event, *address);
                if !(*renewed && *kind == ClientKind::Other) {
                    self.step(event, BootStage::Acknowledge, *kind, Some(*address), address.to_string());
                }
                tracing::debug!(%hardware, %address, renewed, "an address is given");
            }
            Happening::Refused { address, reason } => {
                tracing::info!(%hardware, %address, "an address is refused: {reason}");
                self.unserved(event, BootStage::Request, format!("it is refused {address}: {reason}"));
            }
            Happening::Silent { reason, .. } => {
                tracing::debug!(%hardware, left_out = event.left_out, "not answered: {reason}");
                // What the policy says was told when it said so.
                if !matches!(reason, ironhand_dhcp::Silence::Policy(_)) {
                    self.unserved(event, BootStage::Discover, reason.to_string());
                }
            }
            Happening::InUse { address, by, declined } => {
                let by = by.map(|mac| format!(" by {}", MacAddress(mac))).unwrap_or_default();
                let how = if *declined { "its client says" } else { "a probe was answered" };
                tracing::warn!(%address, %hardware, "an address of a pool is in use{by} ({how}), and is set aside for an hour: \
                    give that machine another address, or put it into `exclude`");
            }
            Happening::NotStored { address } => tracing::error!(
                %hardware, %address,
                "a lease could not be stored, so that its client is not told of it and asks again: the data directory is \
                 full, or cannot be written"
            ),
            Happening::Informed { address } => tracing::debug!(%hardware, %address, "told its options"),
            Happening::TookOther { server, address, kind } => {
                tracing::debug!(%hardware, %server, "took another's offer");
                if let Some(address) = address {
                    self.took_other(event, *server, *address, *kind);
                }
            }
            Happening::Released { address } => tracing::debug!(%hardware, %address, "gave its address back"),
            Happening::Expired { address } => tracing::debug!(%hardware, %address, "the lease ended"),
        }
    }

    /// A step of a boot; of what is no boot nothing is kept.
    fn step(
        &self,
        event: &Event,
        stage: BootStage,
        kind: ClientKind,
        address: Option<Ipv4Addr>,
        what: String,
    ) {
        let Some(mac) = event.hardware.mac().map(MacAddress) else { return };
        let Some(about) = self.about(mac) else { return };
        let seen = BootSeen::Dhcp { stage, speaker: speaker(kind), what };
        let at = clock::now();
        self.watch.note(Note::Sighting(BootSighting {
            at,
            mac: Some(mac),
            about,
            address: address.map(Into::into),
            seen,
        }));
    }

    /// A machine that boots is not served.
    fn unserved(&self, event: &Event, stage: BootStage, reason: String) {
        let Some(mac) = event.hardware.mac().map(MacAddress) else { return };
        let Some(about) = self.about(mac) else { return };
        let seen = BootSeen::Unserved { stage, speaker: BootSpeaker::System, reason };
        let at = clock::now();
        self.watch.note(Note::Sighting(BootSighting { at, mac: Some(mac), about, address: None, seen }));
    }

    /// A machine that boots has its address from another server, which answers it where we need not see it: what it asks
    /// for tells whose the files are that are read from there.
    fn took_other(&self, event: &Event, server: Ipv4Addr, address: Ipv4Addr, kind: ClientKind) {
        let mac = event.hardware.mac().map(MacAddress);
        if mac.and_then(|mac| self.guests.get(mac)).is_some() {
            self.sit(event, address);
            let what = format!("{address}, which {server} offers");
            self.step(event, BootStage::Request, kind, Some(address), what);
        }
    }

    /// What is known of a machine that asked for something to boot; nothing of all others.
    fn about(&self, mac: MacAddress) -> Option<BootAbout> {
        let guest = self.guests.get(mac)?;
        let architecture = guest.architecture.and_then(architecture_words);
        Some(BootAbout { host: guest.host, network: Some(guest.network), architecture })
    }

    /// A machine has an address, by which it is known to those that serve files.
    fn sit(&self, event: &Event, address: Ipv4Addr) {
        let Some(mac) = event.hardware.mac().map(MacAddress) else { return };
        let guest = self.guests.get(mac);
        self.seats.put(
            address.into(),
            Seat {
                macs: vec![mac],
                uuid: guest.as_ref().and_then(|guest| guest.uuid),
                architecture: guest.as_ref().and_then(|guest| guest.architecture),
                network: guest.map(|guest| guest.network),
            },
        );
    }
}
