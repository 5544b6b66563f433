//! What is told of DHCP: steps of boots, machines, and what an operator should know.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ironhand_api::{BootStage, MacAddress};
use ironhand_dhcp::{ClientKind, Event, Happening};
use ironhand_model::{BootSeen, BootSpeaker};

use super::reception::Reception;

/// Who asks.
pub(super) const fn speaker(kind: ClientKind) -> BootSpeaker {
    match kind {
        ClientKind::PxeFirmware | ClientKind::HttpFirmware => BootSpeaker::Firmware,
        ClientKind::Ipxe(_) => BootSpeaker::Ipxe,
        ClientKind::Other => BootSpeaker::System,
    }
}

/// Tells what the DHCP server does.
pub(super) struct Teller {
    pub(super) reception: Arc<Reception>,
}

impl Teller {
    pub(super) fn take(&self, event: &Event) {
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
            Happening::ReservedTaken { reserved, given } => tracing::warn!(
                %hardware, address = %given,
                "the address {reserved}, which is kept for this machine, is this server's own, another machine's until its lease \
                 ends, or was found in use within the hour: it is given one of the pool. `ironhand leases --all` shows who has it, \
                 and --release takes it back"
            ),
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

    /// A step of a boot.
    fn step(
        &self,
        event: &Event,
        stage: BootStage,
        kind: ClientKind,
        address: Option<Ipv4Addr>,
        what: String,
    ) {
        let seen = BootSeen::Dhcp { stage, speaker: speaker(kind), what };
        self.reception.seen(mac(event), address.map(Into::into), seen);
    }

    /// A machine that boots is not served.
    fn unserved(&self, event: &Event, stage: BootStage, reason: String) {
        let seen = BootSeen::Unserved { stage, speaker: BootSpeaker::System, reason };
        self.reception.seen(mac(event), None, seen);
    }

    /// A machine that boots has its address from another server, which answers it where we need not see it: what it asks
    /// for tells whose the files are that are read from there.
    fn took_other(&self, event: &Event, server: Ipv4Addr, address: Ipv4Addr, kind: ClientKind) {
        if self.reception.guest(mac(event)).is_some() {
            self.sit(event, address);
            let what = format!("{address}, which {server} offers");
            self.step(event, BootStage::Request, kind, Some(address), what);
        }
    }

    fn sit(&self, event: &Event, address: Ipv4Addr) {
        self.reception.sit(mac(event), address.into());
    }
}

fn mac(event: &Event) -> Option<MacAddress> {
    event.hardware.mac().map(MacAddress)
}
