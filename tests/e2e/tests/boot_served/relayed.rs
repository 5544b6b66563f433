//! Behind a relay, which says where the machine is (RFC 3046).

use e2e::{Firmware, Machine, Network, Party, Relay};

use crate::PATIENCE;
use crate::place::Place;

#[test]
fn a_machine_behind_a_relay_boots_in_the_network_of_the_relay() {
    let network = Network::new();
    let server = Party::at(&network, "server", "192.0.2.1/24");
    let relay = Relay::start(&network, &server);
    let place = Place::of(network, server);
    place.describe_network(
        "subnet: 198.51.100.0/24, mode: full, pools: [198.51.100.100-198.51.100.120], gateway: 198.51.100.1",
    );
    place.describe_host("far", "52:54:00:00:07:01");
    place.deploy("far", "told-by=relay");
    let mut machine = Machine::boot(&relay.behind, Firmware::Bios, "52:54:00:00:07:01");
    machine.shows("told-by=relay", PATIENCE);
    machine.ends(PATIENCE);
    place.tells(
        "far",
        &[("acknowledge", "198.51.100."), ("script", "boot.ipxe"), ("initrd", "media/debian/small.cpio")],
    );
    relay.judge();
}
