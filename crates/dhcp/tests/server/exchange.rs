//! The four messages by which a client gets its address.

use std::net::Ipv4Addr;

use ironhand_dhcp::{Destination, LeaseState, MessageType, code};

use crate::bench::{Bench, Machine, SERVER};

#[test]
fn a_client_is_offered_an_address_and_given_it() {
    let mut bench = Bench::new();
    let machine = Machine(1);
    bench.receive(&machine.discover());
    let offer = bench.answer();
    assert_eq!(offer.message_type(), Some(MessageType::Offer));
    assert_eq!(offer.yiaddr, Ipv4Addr::new(10, 0, 0, 100));
    assert_eq!(offer.options.address(code::SERVER_IDENTIFIER), Some(SERVER));
    assert_eq!(offer.options.address(code::SUBNET_MASK), Some(Ipv4Addr::new(255, 255, 255, 0)));
    assert_eq!(offer.options.u32(code::LEASE_TIME), Some(600));

    bench.receive(&machine.takes(&offer));
    let to = bench.sent[0].to;
    let ack = bench.answer();
    assert_eq!(ack.message_type(), Some(MessageType::Ack));
    assert_eq!(ack.yiaddr, offer.yiaddr);
    assert!(matches!(to, Destination::Hardware { mac, .. } if mac == machine.mac()), "{to:?}");
    let (_, lease) = &bench.stored[0];
    assert_eq!((lease.address, lease.state), (offer.yiaddr, LeaseState::Bound));
}
