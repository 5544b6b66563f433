//! Boot options: their form by client, and answers that hold nothing else.

use std::net::Ipv4Addr;

use crate::server::reply::Reply;
use crate::server::{Server, Way};
use crate::{
    Boot, BootStyle, Choice, Client, ClientKind, Happening, Message, MessageType, Mode, Policy, Silence,
    Terms,
};

/// The form in which a client is told what it boots, where the policy left that open.
pub(super) fn style(boot: &Boot, client: &Client<'_>, proxy: bool) -> BootStyle {
    if boot.style != BootStyle::ByClient {
        return boot.style;
    }
    let bios = client.architecture.is_some_and(|architecture| architecture.is_bios());
    match client.kind {
        ClientKind::HttpFirmware => BootStyle::HttpClient,
        _ if client.is_raspberry_pi() => BootStyle::RaspberryPi,
        // With option 60 some clients look elsewhere for what the same packet gives (rule P13).
        _ if !proxy => BootStyle::File,
        ClientKind::Ipxe(_) => BootStyle::NoDiscovery,
        _ if bios => BootStyle::NoDiscovery,
        // Firmware older than 2017 drops a first offer of the other form (rule P3).
        _ => BootStyle::BootService,
    }
}

impl<P: Policy> Server<P> {
    /// Offers boot options beside the server that gives the addresses (rule P1).
    pub(super) fn offer_boot(
        &mut self,
        message: &Message,
        client: &Client<'_>,
        way: &Way<'_>,
        terms: &Terms,
    ) {
        let Some(boot) = &terms.boot else {
            return self.tell_silent(message, way, Some(terms.subnet), Silence::NothingToBoot);
        };
        let style = style(boot, client, true);
        self.answer_boot(message, client, way, terms, MessageType::Offer, (boot, style));
    }

    /// Answers at port 4011: file and server, nothing else (rule P5).
    pub(super) fn boot_service(&mut self, message: &Message, client: &Client<'_>, way: &Way<'_>) {
        if !matches!(client.message, MessageType::Request | MessageType::Inform | MessageType::Discover) {
            return;
        }
        if !client.boots() {
            return self.tell_silent(message, way, Some(client.subnet), Silence::NotBooting);
        }
        let Some(terms) = self.terms(message, client, way) else { return };
        let Some(boot) = &terms.boot else {
            return self.tell_silent(message, way, Some(terms.subnet), Silence::NothingToBoot);
        };
        let style = match style(boot, client, true) {
            BootStyle::BootService | BootStyle::File => BootStyle::NoDiscovery,
            other => other,
        };
        self.answer_boot(message, client, way, &terms, MessageType::Ack, (boot, style));
    }

    fn answer_boot(
        &mut self,
        message: &Message,
        client: &Client<'_>,
        way: &Way<'_>,
        terms: &Terms,
        kind: MessageType,
        boot: (&Boot, BootStyle),
    ) {
        let reply = Reply {
            request: message,
            kind,
            client: Some(client),
            server: way.server,
            address: Ipv4Addr::UNSPECIFIED,
            mask: Ipv4Addr::UNSPECIFIED,
            lease: None,
            terms: Some(terms),
            boot: Some(boot),
        };
        let departure = self.departure(way, &reply);
        self.outputs.push_back(crate::Output::Send(departure));
        let what = Happening::BootOffered { kind: client.kind, boot_service: way.boot_service };
        self.tell(message, way, terms.subnet, what);
    }

    /// Whether a client that the policy serves is given boot options alone.
    pub(super) fn is_proxy_for(&self, at: usize, terms: &Terms) -> bool {
        self.subnets[at].subnet.mode == Mode::Proxy || terms.address == Choice::None
    }
}
