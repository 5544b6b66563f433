//! BMCs of a fleet through real sockets on loopback.

use std::collections::HashSet;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use super::*;

/// Longer than any answer on loopback takes; only a test that fails waits so long.
const DEADLINE: Duration = Duration::from_secs(10);

/// A presence ping (IPMI 2.0 section 13.2.3) with this tag.
fn ping(tag: u8) -> [u8; 12] {
    [0x06, 0x00, 0xFF, 0x06, 0x00, 0x00, 0x11, 0xBE, 0x80, tag, 0x00, 0x00]
}

fn console() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket
}

/// A fleet on one port of consecutive addresses, one that was free a moment ago. Where somebody else was faster,
/// another one is taken.
fn fleet(config: BmcFleetConfig) -> BmcFleet {
    loop {
        let port = console().local_addr().unwrap().port();
        match BmcFleet::start(BmcFleetConfig { port, ..config.clone() }) {
            Err(BmcFleetError::Bind { .. }) => {}
            started => return started.unwrap(),
        }
    }
}

fn consecutive(count: usize) -> BmcFleetConfig {
    BmcFleetConfig { bind: "127.77.0.200".parse().unwrap(), ..BmcFleetConfig::new(count) }
}

#[test]
fn a_thousand_bmcs_answer_each_for_itself() {
    let fleet = fleet(consecutive(1000));
    let console = console();
    let addresses: Vec<SocketAddr> = fleet.addresses().collect();
    // No more at once than the console's own receive buffer holds.
    for some in addresses.chunks(100) {
        let mut open: HashSet<SocketAddr> = some.iter().copied().collect();
        assert_eq!(open.len(), some.len());
        for address in some {
            console.send_to(&ping(1), address).unwrap();
        }
        while !open.is_empty() {
            let (_, from) = console.recv_from(&mut [0; 64]).unwrap();
            assert!(open.remove(&from), "{from} was not asked, or answered twice");
        }
    }
    let statistics = fleet.shutdown();
    assert_eq!((statistics.received, statistics.sent, statistics.bmcs_asked), (1000, 1000, 1000));
}

#[test]
fn addresses_beside_the_fleet_stay_silent() {
    let fleet = fleet(consecutive(3));
    let (console, port) = (console(), fleet.address(0).unwrap().port());
    for stranger in ["127.77.0.199", "127.77.0.203"] {
        console.send_to(&ping(1), (stranger, port)).unwrap();
    }
    console.send_to(&ping(2), fleet.address(1).unwrap()).unwrap();
    let (_, from) = console.recv_from(&mut [0; 64]).unwrap();
    assert_eq!(Some(from), fleet.address(1));
    drop(console);
}

#[test]
fn nobody_is_at_the_addresses_beside_redfish_services() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let redfish = Some(RedfishConfig { port, certificate: None, flavours: Vec::new() });
    let fleet = fleet(BmcFleetConfig { redfish, ..consecutive(3) });
    let mut stranger = TcpStream::connect(("127.77.0.199", port)).unwrap();
    stranger.set_read_timeout(Some(DEADLINE)).unwrap();
    // Nothing was said yet: who is there would wait.
    assert_eq!(stranger.read(&mut [0; 1]).unwrap(), 0);
    drop(fleet);
}

#[test]
fn a_port_is_not_shared_with_another_fleet() {
    let first = fleet(consecutive(2));
    let port = first.address(0).unwrap().port();
    let second = BmcFleetConfig { bind: "127.78.0.1".parse().unwrap(), port, ..BmcFleetConfig::new(2) };
    assert!(matches!(BmcFleet::start(second.clone()), Err(BmcFleetError::Bind { number: 1, .. })));
    first.shutdown();
    assert!(BmcFleet::start(second).is_ok(), "the port is free again");
}

#[test]
fn a_port_that_somebody_has_on_another_address_is_no_hindrance() {
    let somebody = console();
    let port = somebody.local_addr().unwrap().port();
    let fleet = BmcFleet::start(BmcFleetConfig { port, ..consecutive(60) }).unwrap();
    let console = console();
    for address in fleet.addresses() {
        assert_eq!(address.port(), port);
        console.send_to(&ping(4), address).unwrap();
        assert_eq!(console.recv_from(&mut [0; 64]).unwrap().1, address);
    }
    drop(somebody);
}

#[test]
fn only_loopback_is_served() {
    let check = |bind: &str, count: usize, port: u16| {
        let config = BmcFleetConfig { bind: bind.parse().unwrap(), port, ..BmcFleetConfig::new(count) };
        assert!(
            matches!(BmcFleet::start(config), Err(BmcFleetError::Addresses { .. })),
            "{count} from {bind} on"
        );
    };
    check("0.0.0.0", 1, 0);
    check("192.0.2.1", 1, 0);
    check("127.255.255.250", 10, 9623);
    check("::1", 2, 9623);
    let nobody = BmcFleet::start(BmcFleetConfig::new(0));
    assert!(matches!(nobody, Err(BmcFleetError::Count { count: 0 })));
}

#[test]
fn a_free_port_for_each_on_one_address() {
    let fleet = BmcFleet::start(BmcFleetConfig::new(5)).unwrap();
    let ports: HashSet<u16> = fleet.addresses().map(|address| address.port()).collect();
    assert_eq!(ports.len(), 5);
    let console = console();
    for address in fleet.addresses() {
        console.send_to(&ping(3), address).unwrap();
        assert_eq!(console.recv_from(&mut [0; 64]).unwrap().1, address);
    }
}
