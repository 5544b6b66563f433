//! Behind a relay, which says where the machine is (RFC 3046).

use std::net::Ipv4Addr;

use e2e::{Firmware, Offer, Relay};
use ironhand_dhcp::{Mode, Options, Subnet, SubnetId, code};

use crate::{Place, SERVER, boots, chain, files};

/// Addresses behind the relay, none at the server's own link.
fn offer() -> Offer {
    let mut offer = chain(Offer::full(SERVER));
    let first = Ipv4Addr::new(198, 51, 100, 100);
    let last = Ipv4Addr::new(198, 51, 100, 120);
    let behind = Subnet {
        id: SubnetId(2),
        network: Relay::ADDRESS,
        pools: vec![first..=last],
        ..offer.subnets[0].clone()
    };
    offer.subnets[0].mode = Mode::Off;
    offer.subnets.push(behind);
    let mut options = Options::new();
    options.set_addresses(code::ROUTER, &[Relay::ADDRESS]);
    Offer { options, ..offer }
}

#[test]
fn a_relay_gets_back_its_own_option() {
    let place = Place::new(offer(), files("relay"));
    let relay = Relay::start(&place.network, &place.server);
    let machine = boots(&relay.behind, Firmware::Bios, "52:54:00:00:03:01", "told-by=relay");
    // The relay takes its option out before the machine sees it.
    assert_eq!(machine.frames().count("dhcp.option.type == 82"), 0);
    relay.judge();
}
