//! Behind a relay, which says where the machine is (RFC 3046).

use std::net::Ipv4Addr;

use e2e::{Capture, Firmware, Network, Offer, Party, peer};
use ironhand_dhcp::{Mode, Options, Subnet, SubnetId, code};

use crate::{Place, SERVER, boots, chain, files};

const RELAY: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

/// Addresses behind the relay, none at the server's own link.
fn offer() -> Offer {
    let mut offer = chain(Offer::full(SERVER));
    let first = Ipv4Addr::new(198, 51, 100, 100);
    let last = Ipv4Addr::new(198, 51, 100, 120);
    let behind =
        Subnet { id: SubnetId(2), network: RELAY, pools: vec![first..=last], ..offer.subnets[0].clone() };
    offer.subnets[0].mode = Mode::Off;
    offer.subnets.push(behind);
    let mut options = Options::new();
    options.set_addresses(code::ROUTER, &[RELAY]);
    Offer { options, ..offer }
}

#[test]
fn a_relay_gets_back_its_own_option() {
    let place = Place::new(offer(), files("relay"));
    let relay = Party::at(&place.network, "relay", "192.0.2.9/24");
    let behind = Network::new();
    relay.join(&behind, "198.51.100.1/24");
    relay.forward();
    place.server.says("ip", &["route", "add", "198.51.100.0/24", "via", "192.0.2.9"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let capture = Capture::start(&place.server, "eth0", &folder.path().join("server.pcap"));
    let _dhcrelay = relay.start(
        &peer("dhcrelay"),
        &["-4", "-d", "--no-pid", "-a", "-id", "eth1", "-iu", "eth0", "192.0.2.1"],
        &folder.path().join("log"),
    );
    let machine = boots(&behind, Firmware::Bios, "52:54:00:00:03:01", "told-by=relay");
    // The relay takes its option out before the machine sees it.
    assert_eq!(machine.frames().count("dhcp.option.type == 82"), 0);
    let frames = capture.end();
    frames.judge("dhcp && ip.src == 192.0.2.1");
    let circuits = |way: &str| {
        let field = "dhcp.option.agent_information_option.agent_circuit_id";
        let mut circuits = frames.fields(way, &[field]);
        circuits.dedup();
        circuits
    };
    let asked = circuits("dhcp.type == 1 && dhcp.option.type == 82");
    assert_eq!(asked.len(), 1, "{}", frames.summary());
    assert_eq!(circuits("dhcp.type == 2 && ip.dst == 198.51.100.1"), asked, "{}", frames.summary());
}
