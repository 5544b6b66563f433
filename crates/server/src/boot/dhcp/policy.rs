//! What a client of DHCP is given: the decision of `model`, in the words of the DHCP server.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ironhand_api::{BootStage, DhcpMode, MacAddress, MachineUuid, Name, Network};
use ironhand_dhcp::{
    Answer, Boot, BootStyle, Choice, Client, ClientKind, MessageType, Policy, SubnetId, Terms,
};
use ironhand_model::boot::{self as model, Architecture, Decision, OfferStyle, Stage, View, decide};
use tokio::sync::watch;

use super::options::{NetworkOptions, filler};
use super::reception::{Asked, Reception};
use super::told::speaker;
use crate::template::BootTemplates;
use crate::views::Views;

/// A network, as packets meet it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Its name.
    pub(super) network: Name,
    /// The interface that it is at, by its index; none for one behind relays.
    pub(super) link: Option<u32>,
    /// Whether it is served.
    pub(super) served: bool,
    /// What its machines are told.
    pub(super) options: Arc<NetworkOptions>,
}

/// The networks by the numbers that the DHCP server knows them by.
pub(super) type Places = BTreeMap<SubnetId, Place>;

/// Answers with what is decided on the view of the moment.
pub(super) struct BootPolicy {
    pub(super) views: Views,
    pub(super) places: watch::Receiver<Arc<Places>>,
    pub(super) reception: Arc<Reception>,
}

impl Policy for BootPolicy {
    fn answer(&self, client: &Client<'_>) -> Answer {
        let (view, places) = (self.views.now(), Arc::clone(&self.places.borrow()));
        let Some(answered) = answered(&view, &places, client) else {
            return Answer::Silent("no Network describes where it asks".into());
        };
        let asked = Asked {
            stage: match client.message {
                MessageType::Discover => BootStage::Discover,
                _ => BootStage::Request,
            },
            speaker: speaker(client.kind),
            what: client.kind.to_string(),
        };
        self.reception.asks(&view, &answered.asking, &answered.decision, asked);
        answered.answer
    }
}

/// What a client is answered, and what of.
pub(super) struct Answered {
    /// What it says of itself, in the network whose addresses and options it is given.
    pub(super) asking: model::Client,
    /// What was decided.
    pub(super) decision: Decision,
    /// The answer.
    pub(super) answer: Answer,
}

/// Decides what a client is answered; nothing where its network has just gone.
pub(super) fn answered(view: &View, places: &Places, client: &Client<'_>) -> Option<Answered> {
    let mut subnet = client.subnet;
    let mut place = places.get(&subnet)?;
    let mut asking = said(client, &place.network);
    // Of several networks on one link a host is in the one that its address is of.
    if client.relay.is_none()
        && let Some(link) = place.link
        && let Some(wanted) = view.recognise(&asking).and_then(|(host, _)| host.boot.address)
        && !view.network(&place.network).is_some_and(|network| network.spec.subnet.contains(wanted))
    {
        let holds = |other: &Place| {
            let network = view.network(&other.network);
            other.served
                && other.link == Some(link)
                && network.is_some_and(|network| network.spec.subnet.contains(wanted))
        };
        if let Some((id, other)) = places.iter().find(|(_, other)| holds(other)) {
            (subnet, place) = (*id, other);
            asking.network = Some(other.network.clone());
        }
    }
    let network = view.network(&place.network)?;
    let decision = decide(view, &asking);
    let answer = match &decision.answer {
        model::Answer::Silent => Answer::Silent(decision.reason.clone().into()),
        _ => Answer::Serve(terms(view, network, place, subnet, client, &asking, &decision)),
    };
    Some(Answered { asking, decision, answer })
}

/// What a client says of itself, as far as decisions rest on it.
fn said(client: &Client<'_>, network: &Name) -> model::Client {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    model::Client {
        network: Some(network.clone()),
        macs: client.hardware.mac().map(MacAddress).into_iter().collect(),
        // Hosts are recognised by it in either byte order.
        uuid: client.uuid.map(|uuid| MachineUuid(uuid.mixed_endian())),
        architecture: client.architecture.map(|known| Architecture(known.number())),
        stage: match client.kind {
            ClientKind::PxeFirmware => Stage::Pxe,
            ClientKind::HttpFirmware => Stage::HttpBoot,
            ClientKind::Ipxe(_) => Stage::Ipxe,
            ClientKind::Other => Stage::Os,
        },
        vendor_class: client.vendor_class.map(text),
        infiniband: client.hardware.kind() == INFINIBAND,
        onie: client.is_onie(),
        address: client.requested.map(IpAddr::V4),
        ..model::Client::default()
    }
}

/// The hardware type of InfiniBand (IANA "Hardware Types").
const INFINIBAND: u8 = 32;

fn terms(
    view: &View,
    network: &Network,
    place: &Place,
    subnet: SubnetId,
    client: &Client<'_>,
    asking: &model::Client,
    decision: &Decision,
) -> Terms {
    let context = || view.context(asking, network, None);
    let (options, always) = place.options.of_client(client.vendor_class, filler(&BootTemplates, context));
    let address = match (network.spec.mode, decision.reserved) {
        (DhcpMode::Proxy, _) => Choice::None,
        (_, Some(IpAddr::V4(address))) => Choice::Reserved(address),
        _ => Choice::Pool,
    };
    Terms {
        subnet,
        address,
        lease: network.spec.lease_for(asking.stage.boots()),
        options,
        always,
        // An operating system that was given a file would not know what for.
        boot: if client.kind == ClientKind::Other { None } else { boot(&decision.answer) },
    }
}

fn boot(answer: &model::Answer) -> Option<Boot> {
    let (server, file, style) = match answer {
        model::Answer::Silent | model::Answer::Address => return None,
        model::Answer::Loader(offer) => (offer.server, &offer.file, offer.style),
        model::Answer::Script(offer) => (offer.server, &offer.url, offer.style),
    };
    // Who asks over IPv4 is told of addresses of IPv4.
    let IpAddr::V4(next_server) = server else { return None };
    let style = match style {
        OfferStyle::HttpClient => BootStyle::HttpClient,
        OfferStyle::Option43 => BootStyle::NoDiscovery,
        OfferStyle::RaspberryPi => BootStyle::RaspberryPi,
        OfferStyle::Full | OfferStyle::Port4011 => BootStyle::ByClient,
    };
    Some(Boot { next_server, file: file.as_str().into(), server_name: None, style })
}
