//! What a client of DHCPv6 is given: the decision of `model`, in the words of the server of DHCPv6.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use ironhand_api::{BootStage, MacAddress, MachineUuid, Name, Network};
use ironhand_dhcp::v6::{Answer, Boot, Client, MessageType, Options, Policy, Program, Terms, code};
use ironhand_model::BootSpeaker;
use ironhand_model::boot::{self as model, Architecture, Decision, Stage, View, decide};
use tokio::sync::watch;

use crate::boot::dhcp::reception::{Asked, Reception};
use crate::views::Views;

/// The networks, as packets meet them.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By the index of the interface that they are at.
    pub(super) at: BTreeMap<u32, Name>,
    /// All that are served, those behind relays among them.
    pub(super) served: BTreeSet<Name>,
}

/// Answers with what is decided on the view of the moment.
pub(super) struct BootPolicy6 {
    pub(super) views: Views,
    pub(super) places: watch::Receiver<Arc<Places>>,
    pub(super) reception: Arc<Reception>,
}

impl Policy for BootPolicy6 {
    fn answer(&self, client: &Client<'_>) -> Answer {
        let (view, places) = (self.views.now(), Arc::clone(&self.places.borrow()));
        let Some((network, asking, decision)) = decided(&view, &places, client) else {
            return Answer::Silent("no Network with `ipv6` describes where it asks".into());
        };
        let solicits = client.message == MessageType::Solicit;
        let asked = Asked {
            stage: if solicits { BootStage::Discover } else { BootStage::Request },
            speaker: speaker(client.program),
            what: words(client.program).to_owned(),
        };
        self.reception.asks(&view, &asking, &decision, asked);
        answer(network, &asking, &decision)
    }

    fn is_kept(&self, address: Ipv6Addr) -> bool {
        self.views.now().holder(address.into()).is_some()
    }
}

/// Who a client is, where it is, and what is decided of it.
fn decided<'v>(
    view: &'v View,
    places: &Places,
    client: &Client<'_>,
) -> Option<(&'v Network, model::Client, Decision)> {
    let network = match client.link.is_unspecified() {
        true => view.network(places.at.get(&client.interface.0)?)?,
        false => view.network_of6(client.link)?,
    };
    let name = &network.metadata.name;
    places.served.contains(name).then_some(())?;
    let asking = model::Client {
        network: Some(name.clone()),
        macs: client.mac.map(MacAddress).into_iter().collect(),
        // Hosts are recognised by it in either byte order.
        uuid: client.uuid.map(MachineUuid),
        architecture: client.architecture.map(|known| Architecture(known.number())),
        stage: match client.program {
            Program::Pxe => Stage::Pxe,
            Program::Http => Stage::HttpBoot,
            Program::Ipxe => Stage::Ipxe,
            Program::System => Stage::Os,
        },
        vendor_class: client.vendor_class.map(|class| String::from_utf8_lossy(class).into_owned()),
        ipv6: true,
        ..model::Client::default()
    };
    let decision = decide(view, &asking);
    Some((network, asking, decision))
}

/// What a client is answered.
fn answer(network: &Network, asking: &model::Client, decision: &Decision) -> Answer {
    let Some(ipv6) = &network.spec.ipv6 else { return Answer::Silent("its Network has no `ipv6`".into()) };
    let url = match &decision.answer {
        model::Answer::Silent => return Answer::Silent(decision.reason.clone().into()),
        model::Answer::Address => None,
        model::Answer::Loader(offer) => Some(&offer.file),
        model::Answer::Script(offer) => Some(&offer.url),
    };
    let mut options = Options::new();
    if !ipv6.dns.is_empty() {
        let all: Vec<u8> = ipv6.dns.iter().flat_map(|server| server.octets()).collect();
        options.push(code::DNS_SERVERS, &all);
    }
    if let Some(domain) = &network.spec.domain {
        options.push(code::DOMAIN_LIST, &labels(domain));
    }
    Answer::Serve(Terms {
        subnet: Some(ipv6.subnet.network()),
        kept: match decision.reserved {
            Some(IpAddr::V6(address)) => Some(address),
            _ => None,
        },
        is_known: decision.host.is_some(),
        lifetime: network.spec.lease_for(asking.stage.boots()),
        options,
        boot: url.map(|url| Boot { url: url.clone(), parameters: Vec::new() }),
    })
}

/// A domain as its labels (RFC 8415, section 10).
fn labels(domain: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(domain.len() + 2);
    for label in domain.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        bytes.extend(label.bytes().take(usize::from(u8::MAX)));
    }
    bytes.push(0);
    bytes
}

/// Who asks.
pub(super) const fn speaker(program: Program) -> BootSpeaker {
    match program {
        Program::Pxe | Program::Http => BootSpeaker::Firmware,
        Program::Ipxe => BootSpeaker::Ipxe,
        Program::System => BootSpeaker::System,
    }
}

/// A program, in words.
const fn words(program: Program) -> &'static str {
    match program {
        Program::Pxe => "PXE over IPv6",
        Program::Http => "HTTP boot over IPv6",
        Program::Ipxe => "iPXE over IPv6",
        Program::System => "a system over IPv6",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ironhand_dhcp::InterfaceId;
    use ironhand_model::boot::{BootServer, HostRecord, Records};

    use super::super::super::fixture;
    use super::*;

    const LINK: u32 = 3;

    /// The view of the network `rack` with this IPv6 side, of a host, and of a server that is reached over both families.
    fn view(ipv6: &str) -> View {
        let network =
            fixture::network(&format!("mode: full, unknown: menu, domain: rack.example, ipv6: {{ {ipv6} }}"));
        let server = |address: &str| BootServer { address: address.parse().unwrap(), http: Some(8480) };
        let name = network.metadata.name.clone();
        let host = fixture::host(
            "web",
            "macs: ['02:00:00:00:00:07'], boot: { address: 10.0.7.20, address6: '2001:db8:7::20' }",
        );
        View::new(Records {
            servers: [(name.clone(), server("10.0.7.1"))].into(),
            servers6: [(name, server("2001:db8:7::1"))].into(),
            networks: vec![network],
            hosts: vec![Arc::new(HostRecord::of(&host))],
            loaders: ["ipxe/x64/snponly.efi", "ipxe/arm64/snponly.efi"].map(str::to_owned).into(),
            ..Records::default()
        })
    }

    fn client(program: Program, architecture: Option<u16>, mac: u8) -> Client<'static> {
        Client {
            message: MessageType::Solicit,
            identifier: b"\0\x03\0\x01\x02\0\0\0\0\x07",
            mac: Some([2, 0, 0, 0, 0, mac]),
            uuid: None,
            architecture: architecture.and_then(ironhand_dhcp::Architecture::of),
            program,
            vendor_class: None,
            link: Ipv6Addr::UNSPECIFIED,
            interface: InterfaceId(LINK),
        }
    }

    fn asked(view: &View, client: &Client<'_>) -> Answer {
        let name: Name = "rack".parse().unwrap();
        let places = Places { at: [(LINK, name.clone())].into(), served: [name].into() };
        match decided(view, &places, client) {
            Some((network, asking, decision)) => answer(network, &asking, &decision),
            None => Answer::Silent("nowhere".into()),
        }
    }

    #[test]
    fn each_program_is_told_a_url_of_ipv6() {
        let view = view("subnet: '2001:db8:7::/64'");
        let check = |program, architecture, url: Option<&str>, lifetime| {
            let Answer::Serve(terms) = asked(&view, &client(program, architecture, 7)) else {
                panic!("{program:?}")
            };
            assert_eq!(terms.boot.as_ref().map(|boot| boot.url.as_str()), url, "{program:?}");
            assert_eq!(terms.kept, Some("2001:db8:7::20".parse().unwrap()));
            assert_eq!((terms.subnet, terms.is_known), (Some("2001:db8:7::".parse().unwrap()), true));
            assert_eq!(terms.lifetime, Duration::from_secs(lifetime));
        };
        check(Program::Pxe, Some(7), Some("tftp://[2001:db8:7::1]/ipxe/x64/snponly.efi"), 1800);
        check(Program::Pxe, Some(11), Some("tftp://[2001:db8:7::1]/ipxe/arm64/snponly.efi"), 1800);
        let http = "http://[2001:db8:7::1]:8480/boot/ipxe/x64/snponly.efi";
        check(Program::Http, Some(16), Some(http), 1800);
        let http = "http://[2001:db8:7::1]:8480/boot/ipxe/arm64/snponly.efi";
        check(Program::Http, Some(19), Some(http), 1800);
        check(Program::Ipxe, Some(7), Some("http://[2001:db8:7::1]:8480/boot/boot.ipxe"), 1800);
        check(Program::System, None, None, 86_400);
    }

    #[test]
    fn who_is_served_is_what_the_network_says() {
        let serves = |ipv6: &str, mac| {
            matches!(asked(&view(ipv6), &client(Program::Pxe, Some(7), mac)), Answer::Serve(_))
        };
        for (mode, known, stranger) in [("full", true, true), ("hosts", true, false), ("off", false, false)] {
            let ipv6 = format!("subnet: '2001:db8:7::/64', mode: {mode}");
            assert_eq!((serves(&ipv6, 7), serves(&ipv6, 9)), (known, stranger), "{mode}");
        }
        let view = view("subnet: '2001:db8:7::/64', dns: ['2001:db8:7::53']");
        let mut elsewhere = client(Program::Pxe, Some(7), 7);
        elsewhere.interface = InterfaceId(LINK + 1);
        assert!(matches!(asked(&view, &elsewhere), Answer::Silent(_)));
        // A relay says which link it is.
        elsewhere.link = "2001:db8:7::fe".parse().unwrap();
        let Answer::Serve(terms) = asked(&view, &elsewhere) else { panic!("it is relayed") };
        assert_eq!(terms.options.get(code::DOMAIN_LIST), Some(&b"\x04rack\x07example\0"[..]));
        assert_eq!(terms.options.get(code::DNS_SERVERS).map(<[u8]>::len), Some(16));
        elsewhere.link = "2001:db8:8::fe".parse().unwrap();
        assert!(matches!(asked(&view, &elsewhere), Answer::Silent(_)));
    }
}
