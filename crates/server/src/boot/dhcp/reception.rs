//! Where machines come by when they ask for an address, over IPv4 or IPv6: who boots is taken note of, and what became of it
//! is told.

use std::net::IpAddr;
use std::sync::Arc;

use ironhand_api::{BootArchitecture, BootStage, BootState, MacAddress, Machine, Timestamp};
use ironhand_model::boot::{self as model, Architecture, Decision, Intent, Stage, View};
use ironhand_model::{BootAbout, BootSeen, BootSighting, BootSpeaker};

use super::guests::{Guest, Guests};
use crate::boot::seats::{Seat, Seats};
use crate::boot::watch::{BootWatch, Note};
use crate::clock;

/// The machines that boot, as the servers of DHCP hear of them. The thread that serves puts them in, and whoever tells of
/// leases looks.
pub(super) struct Reception {
    watch: BootWatch,
    seats: Arc<Seats>,
    guests: Guests,
}

/// How a machine asked.
pub(super) struct Asked {
    /// Where in its boot it is.
    pub(super) stage: BootStage,
    /// What of it asks.
    pub(super) speaker: BootSpeaker,
    /// The program, in words.
    pub(super) what: String,
}

impl Reception {
    pub(super) fn new(watch: BootWatch, seats: Arc<Seats>) -> Self {
        Self { watch, seats, guests: Guests::default() }
    }

    /// Takes note of a machine that boots and asks; of what else asks for an address nothing is kept.
    pub(super) fn asks(&self, view: &View, asking: &model::Client, decision: &Decision, asked: Asked) {
        let (Some(mac), Some(network), true) = (asking.mac(), &asking.network, asking.stage.boots()) else {
            return;
        };
        let Asked { stage, speaker, what } = asked;
        let seen = match decision.answer {
            model::Answer::Silent => BootSeen::Unserved { stage, speaker, reason: decision.reason.clone() },
            _ => BootSeen::Dhcp { stage, speaker, what },
        };
        let guest = Guest {
            host: decision.host.clone(),
            network: network.clone(),
            uuid: asking.uuid,
            architecture: asking.architecture,
            over: over(asking.stage, decision),
        };
        let about = about(guest.clone());
        let architecture = about.architecture.clone();
        let at = clock::now();
        self.guests.put(mac, guest);
        self.watch.note(Note::Sighting(BootSighting { at, mac: Some(mac), about, address: None, seen }));
        let registers = view.network(network).is_some_and(|network| network.spec.unknown.registers());
        if decision.host.is_none() && registers && stage == BootStage::Discover {
            self.watch.note(Note::Machine(Box::new(machine(mac, at, asking, architecture))));
        }
    }

    /// What a machine said that asked for something to boot; nothing of all others.
    pub(super) fn guest(&self, mac: Option<MacAddress>) -> Option<Guest> {
        self.guests.get(mac?)
    }

    /// Tells what became of a machine that asked for something to boot; of all others nothing is kept.
    pub(super) fn seen(&self, mac: Option<MacAddress>, address: Option<IpAddr>, seen: BootSeen) {
        let Some(guest) = self.guest(mac) else { return };
        let at = clock::now();
        // Whoever was given an address and nothing to boot goes its own way, and hangs nowhere.
        let given = matches!(
            seen,
            BootSeen::Dhcp { stage: BootStage::Offer | BootStage::Acknowledge, speaker, .. } if speaker != BootSpeaker::System
        );
        let over = guest.over.clone().filter(|_| given);
        let about = about(guest);
        let told = over.map(|(state, what)| BootSeen::Told { state, what });
        for seen in std::iter::once(seen).chain(told) {
            let about = about.clone();
            self.watch.note(Note::Sighting(BootSighting { at, mac, about, address, seen }));
        }
    }

    /// A machine has an address, by which it is known to those that serve files.
    pub(super) fn sit(&self, mac: Option<MacAddress>, address: IpAddr) {
        let Some(mac) = mac else { return };
        let guest = self.guest(Some(mac));
        let seat = Seat {
            macs: vec![mac],
            uuid: guest.as_ref().and_then(|guest| guest.uuid),
            architecture: guest.as_ref().and_then(|guest| guest.architecture),
            network: guest.map(|guest| guest.network),
        };
        self.seats.put(address, seat);
    }
}

/// How the boot of a machine is over that is given an address and nothing to boot, and why. A loader that is running asks for
/// an address alone: its boot goes on.
fn over(stage: Stage, decision: &Decision) -> Option<(BootState, String)> {
    let alone = decision.answer == model::Answer::Address;
    let state = match decision.intent {
        Intent::LocalDisk => BootState::Dismissed,
        _ => BootState::Refused,
    };
    let asks = matches!(stage, Stage::Pxe | Stage::HttpBoot | Stage::Ipxe);
    (alone && asks).then(|| (state, decision.reason.clone()))
}

fn about(guest: Guest) -> BootAbout {
    let architecture = guest.architecture.and_then(architecture_words);
    BootAbout { host: guest.host, network: Some(guest.network), architecture }
}

/// What a number of option 93 means, like `UEFI x64`.
fn architecture_words(architecture: Architecture) -> Option<String> {
    architecture.firmware().map(BootArchitecture::words)
}

/// A machine that no host describes, as far as DHCP tells.
fn machine(mac: MacAddress, at: Timestamp, asking: &model::Client, architecture: Option<String>) -> Machine {
    Machine {
        uuid: asking.telling_uuid().map(|uuid| uuid.to_string()),
        architecture,
        network: asking.network.clone(),
        ..Machine::new(mac, at)
    }
}
