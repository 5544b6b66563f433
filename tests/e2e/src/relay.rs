//! A relay of ISC DHCP, which says where a machine is (RFC 3046).

use std::net::Ipv4Addr;

use crate::{Capture, Network, Party, Peer, peer};

/// A relay at 192.0.2.9 for the server at 192.0.2.1, and a network 198.51.100.0/24 behind it.
pub struct Relay {
    /// The network behind it.
    pub behind: Network,
    capture: Capture,
    _dhcrelay: Peer,
    _party: Party,
    _folder: tempfile::TempDir,
}

impl Relay {
    /// Its address in the network behind it.
    pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

    /// A relay between a new network and that of the server, which learns the way there.
    pub fn start(network: &Network, server: &Party) -> Self {
        let party = Party::at(network, "relay", "192.0.2.9/24");
        let behind = Network::new();
        party.join(&behind, &format!("{}/24", Self::ADDRESS));
        party.forward();
        server.says("ip", &["route", "add", "198.51.100.0/24", "via", "192.0.2.9"]);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let capture = Capture::start(server, "eth0", &folder.path().join("server.pcap"));
        let dhcrelay = party.start(
            &peer("dhcrelay"),
            &["-4", "-d", "--no-pid", "-a", "-id", "eth1", "-iu", "eth0", "192.0.2.1"],
            &folder.path().join("log"),
        );
        Self { behind, capture, _dhcrelay: dhcrelay, _party: party, _folder: folder }
    }

    /// Ends it: tshark finds no fault with what the server said, and each answer had the option of the relay as it was asked
    /// with.
    pub fn judge(self) {
        let frames = self.capture.end();
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
}
