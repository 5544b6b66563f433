//! Behind a relay, which says where the machine is (RFC 3046).

use e2e::{Capture, Firmware, Machine, Network, Party, peer};

use crate::PATIENCE;
use crate::place::Place;

#[test]
fn a_machine_behind_a_relay_boots_in_the_network_of_the_relay() {
    let network = Network::new();
    let server = Party::at(&network, "server", "192.0.2.1/24");
    let relay = Party::at(&network, "relay", "192.0.2.9/24");
    let behind = Network::new();
    relay.join(&behind, "198.51.100.1/24");
    relay.forward();
    server.says("ip", &["route", "add", "198.51.100.0/24", "via", "192.0.2.9"]);
    let place = Place::of(network, server);
    place.describe_network(
        "subnet: 198.51.100.0/24, mode: full, pools: [198.51.100.100-198.51.100.120], gateway: 198.51.100.1",
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let capture = Capture::start(&place.server, "eth0", &folder.path().join("server.pcap"));
    let _dhcrelay = relay.start(
        &peer("dhcrelay"),
        &["-4", "-d", "--no-pid", "-a", "-id", "eth1", "-iu", "eth0", "192.0.2.1"],
        &folder.path().join("log"),
    );
    place.describe_host("far", "52:54:00:00:07:01");
    place.deploy("far", "told-by=relay");
    let mut machine = Machine::boot(&behind, Firmware::Bios, "52:54:00:00:07:01");
    machine.shows("told-by=relay", PATIENCE);
    machine.ends(PATIENCE);
    place.tells(
        "far",
        &[("acknowledge", "198.51.100."), ("script", "boot.ipxe"), ("initrd", "media/debian/small.cpio")],
    );
    let frames = capture.end();
    frames.judge("dhcp && ip.src == 192.0.2.1");
    let circuits = |way: &str| {
        let mut circuits = frames.fields(way, &["dhcp.option.agent_information_option.agent_circuit_id"]);
        circuits.dedup();
        circuits
    };
    let asked = circuits("dhcp.type == 1 && dhcp.option.type == 82");
    assert_eq!(asked.len(), 1, "{}", frames.summary());
    assert_eq!(circuits("dhcp.type == 2 && ip.dst == 198.51.100.1"), asked, "{}", frames.summary());
}
