//! Machines in two VLANs of one trunk (IEEE 802.1Q). The server has an interface and a Network in each.

use e2e::{Firmware, Machine, Network, Party, Trunk, wait_until};

use crate::PATIENCE;
use crate::place::{FULL, Place};

/// The VLANs.
const NEAR: u16 = 7;
const OTHER: u16 = 4094;

#[test]
fn machines_in_two_vlans_boot_each_in_its_own_network() {
    let (lan, other_lan) = (Network::new(), Network::new());
    let (rack, other_rack) = (Network::new(), Network::new());
    let trunk = Trunk::between(&[(NEAR, &lan, &rack), (OTHER, &other_lan, &other_rack)]);
    let server = Party::at(&lan, "server", "192.0.2.1/24");
    assert_eq!(server.join(&other_lan, "198.51.100.1/24"), "eth1");
    let place = Place::of(lan, server);
    place.describe_network(FULL);
    place.ironhand.apply(
        "apiVersion: ironhand/v1\nkind: Network\nmetadata: { name: other }\n\
         spec: { subnet: 198.51.100.0/24, interface: eth1, mode: full, pools: [198.51.100.100-198.51.100.199] }\n",
    );
    wait_until("the other network is served, too", PATIENCE, || {
        let events = place.events("network.served");
        let served = events.iter().any(|event| event.contains("Network other is served at eth1"));
        if served { Ok(()) } else { Err(format!("{events:#?}")) }
    });
    let (mac, other_mac) = ("52:54:00:00:09:07", "52:54:00:00:09:08");
    for (name, mac) in [("near", mac), ("other", other_mac)] {
        place.describe_host(name, mac);
        place.deploy(name, &format!("told-by={name} to={{{{ host.address }}}}"));
    }
    // SeaBIOS with iPXE, and OVMF, at the same time.
    let mut machine = Machine::boot(&rack, Firmware::Bios, mac);
    let mut other = Machine::boot(&other_rack, Firmware::Uefi, other_mac);
    machine.shows("told-by=near to=192.0.2.1", PATIENCE);
    other.shows("told-by=other to=198.51.100.1", PATIENCE);
    machine.ends(PATIENCE);
    other.ends(PATIENCE);
    let steps = |address: &'static str| {
        [
            ("offer", address),
            ("acknowledge", address),
            ("script", "boot.ipxe"),
            ("initrd", "media/debian/small.cpio"),
        ]
    };
    place.tells("near", &steps("192.0.2."));
    place.tells("other", &steps("198.51.100."));
    let leases = place.ironhand.json(&["leases"]);
    let mut networks: Vec<(&str, &str)> = leases
        .as_array()
        .expect("a list")
        .iter()
        .map(|lease| {
            (lease["host"].as_str().unwrap_or_default(), lease["network"].as_str().unwrap_or_default())
        })
        .collect();
    networks.sort_unstable();
    assert_eq!(networks, [("near", "lab"), ("other", "other")], "{leases:#}");
    // All that was said had the tag of its network, and nothing came out in the other one.
    let said = trunk.so_far();
    for (vlan, of, not) in [(NEAR, "192.0.2", "198.51.100"), (OTHER, "198.51.100", "192.0.2")] {
        said.judge(&format!("vlan.id == {vlan} && (dhcp || tftp || http) && ip.src == {of}.1"));
        assert_eq!(
            said.count(&format!("vlan.id == {vlan} && ip.addr == {not}.0/24")),
            0,
            "{}",
            said.summary()
        );
    }
    assert_eq!(said.count(&format!("!(vlan.id == {NEAR} || vlan.id == {OTHER})")), 0, "{}", said.summary());
    for (machine, stranger) in [(&machine, other_mac), (&other, mac)] {
        let heard = machine.frames();
        assert_eq!(heard.count(&format!("vlan || eth.addr == {stranger}")), 0, "{}", heard.summary());
        assert!(heard.count("dhcp.type == 2") > 0);
    }
}
