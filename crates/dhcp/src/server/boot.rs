//! Boot options: their form by client, and answers that hold nothing else.

use std::net::Ipv4Addr;
use std::time::Instant;

use crate::server::reply::Reply;
use crate::server::{Asked, Server};
use crate::{
    Boot, BootStyle, Choice, Client, ClientKind, Happening, MessageType, Mode, Output, Policy, Silence, Terms,
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
    pub(super) fn offer_boot(&mut self, now: Instant, asked: &Asked<'_>, terms: &Terms) {
        if !asked.client.boots() {
            return self.tell_silent(now, asked, Silence::NotBooting);
        }
        let Some(boot) = &terms.boot else {
            return self.tell_silent(now, asked, Silence::NothingToBoot);
        };
        let style = style(boot, asked.client, true);
        // "60 and file" without more is what firmware takes for a mistake (rule P3).
        let style = if style == BootStyle::File { BootStyle::NoDiscovery } else { style };
        self.answer_boot(asked, terms, MessageType::Offer, (boot, style));
    }

    /// Answers at port 4011: file and server, nothing else (rule P5).
    pub(super) fn boot_service(&mut self, now: Instant, asked: &Asked<'_>) {
        if !matches!(asked.client.message, MessageType::Request | MessageType::Inform | MessageType::Discover)
        {
            return self.tell_silent(now, asked, Silence::NotFromClient);
        }
        if !asked.client.boots() {
            return self.tell_silent(now, asked, Silence::NotBooting);
        }
        let Some(terms) = self.terms(now, asked) else { return };
        let Some(boot) = &terms.boot else {
            return self.tell_silent(now, asked, Silence::NothingToBoot);
        };
        let style = match style(boot, asked.client, true) {
            BootStyle::File => BootStyle::BootService,
            other => other,
        };
        self.answer_boot(asked, &terms, MessageType::Ack, (boot, style));
    }

    fn answer_boot(&mut self, asked: &Asked<'_>, terms: &Terms, kind: MessageType, boot: (&Boot, BootStyle)) {
        let reply = Reply {
            request: asked.message,
            kind,
            client: asked.client,
            server: asked.way.server,
            address: Ipv4Addr::UNSPECIFIED,
            mask: Ipv4Addr::UNSPECIFIED,
            lease: None,
            terms: Some(terms),
            boot: Some(boot),
        };
        let departure = self.departure(&asked.way, &reply);
        self.counters.boot_answers += 1;
        self.outputs.push_back(Output::Send(departure));
        let boot_service = kind == MessageType::Ack;
        let own = [asked.message.ciaddr, *asked.way.source.ip()];
        let address = own.into_iter().find(|address| boot_service && !address.is_unspecified());
        self.tell(asked, Happening::BootOffered { kind: asked.client.kind, boot_service, address });
    }

    /// Whether a client that the policy serves is given boot options alone.
    pub(super) fn is_proxy_for(&self, at: usize, terms: &Terms) -> bool {
        self.subnets[at].subnet.mode == Mode::Proxy || terms.address == Choice::None
    }
}
