//! DHCP clients that we did not write against our DHCP: each gets an address and the options that it asked for, renews it
//! and gives it back, and tshark finds no fault with any answer.

use std::net::Ipv4Addr;
use std::time::Duration;

use e2e::{Capture, DhcpClient, Files, Network, Offer, Party, Station, wait_until};
use ironhand_dhcp::{Options, code};

/// Clients begin with pauses of their own.
const PATIENCE: Duration = Duration::from_secs(60);

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Every answer of ours.
const OURS: &str = "dhcp && ip.src == 192.0.2.1";

/// A network with our server, a client's machine, and a capture of all that passes the server.
struct Lan {
    client: DhcpClient,
    _station: Station,
    _server: Party,
    _network: Network,
}

impl Lan {
    /// Leases last 8 s, so that half of that is as long as a test waits for a renewal.
    fn new() -> Self {
        let mut options = Options::new();
        options
            .set_addresses(code::ROUTER, &[SERVER])
            .set_addresses(code::DOMAIN_NAME_SERVER, &[Ipv4Addr::new(192, 0, 2, 53)])
            .set_addresses(code::NTP_SERVERS, &[Ipv4Addr::new(192, 0, 2, 42)])
            .set_text(code::DOMAIN_NAME, "rack.example");
        let network = Network::new();
        let server = Party::at(&network, "server", "192.0.2.1/24");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let capture = Capture::start(&server, "eth0", &folder.path().join("server.pcap"));
        let client = DhcpClient::new(Party::without_address(&network, "client"), folder, capture);
        let offer = Offer { options, lease: Duration::from_secs(8), ..Offer::full(SERVER) };
        let station = Station::start(&server, SERVER, offer, Files::default());
        Self { client, _station: station, _server: server, _network: network }
    }

    /// The client renews its lease, and is allowed to, without a broadcast.
    fn renews(&self) {
        self.client.passes("dhcp.option.dhcp == 3 && dhcp.ip.client != 0.0.0.0 && ip.dst == 192.0.2.1", 1);
        self.client.passes("dhcp.option.dhcp == 5 && dhcp.ip.client != 0.0.0.0 && ip.src == 192.0.2.1", 1);
    }

    /// Waits until the client has given its address back; tshark judges all that was said.
    fn leaves(self) {
        self.client.passes("dhcp.option.dhcp == 7", 1);
        self.judge();
    }

    fn judge(self) {
        self.client.end().judge(OURS);
    }
}

/// What clients are told in the words of the scripts of ISC's client, which others took over.
const TOLD: &[&str] = &[
    "new_subnet_mask=255.255.255.0",
    "new_routers=192.0.2.1",
    "new_domain_name=rack.example",
    "new_domain_name_servers=192.0.2.53",
    "new_ntp_servers=192.0.2.42",
    "new_dhcp_server_identifier=192.0.2.1",
    "new_dhcp_lease_time=8",
];

const DHCLIENT: &str = "request subnet-mask, routers, domain-name, domain-name-servers, ntp-servers;\n\
    initial-interval 1;\n";

#[test]
fn dhclient_lives_with_a_lease() {
    let lan = Lan::new();
    let arguments = lan.client.dhclient("-4", DHCLIENT, "");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let _client = lan.client.start("dhclient", &[&arguments[..], &["-d", "eth0"]].concat(), "");
    lan.client.told_lines("BOUND", TOLD);
    lan.client.told_lines("RENEW", TOLD);
    lan.renews();
    lan.client.party().says("dhclient", &[&arguments[..], &["-r", "eth0"]].concat());
    lan.leaves();
}

#[test]
fn dhclient_from_another_network_is_refused_its_old_address() {
    let lan = Lan::new();
    let lease = "lease {\n  interface \"eth0\";\n  fixed-address 203.0.113.7;\n  option subnet-mask 255.255.255.0;\n  \
                 option dhcp-lease-time 86400;\n  option dhcp-message-type 5;\n  \
                 option dhcp-server-identifier 203.0.113.1;\n  renew never;\n  rebind never;\n  expire never;\n}\n";
    let arguments = lan.client.dhclient("-4", DHCLIENT, lease);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let _client = lan.client.start("dhclient", &[&arguments[..], &["-d", "eth0"]].concat(), "");
    lan.client.passes("dhcp.option.dhcp == 6 && ip.src == 192.0.2.1", 1);
    lan.client.told_lines("BOUND", TOLD);
    lan.judge();
}

#[test]
fn udhcpc_lives_with_a_lease() {
    let lan = Lan::new();
    let hook = lan.client.hook();
    let arguments =
        ["-f", "-i", "eth0", "-s", &hook, "-R", "-T", "1", "-O", "ntpsrv", "-x", "hostname:node7"];
    let client = lan.client.start("udhcpc", &arguments, "");
    lan.client.told_lines(
        "BOUND",
        &[
            "mask=24",
            "router=192.0.2.1",
            "dns=192.0.2.53",
            "domain=rack.example",
            "ntpsrv=192.0.2.42",
            "serverid=192.0.2.1",
            "lease=8",
        ],
    );
    lan.client.told_lines("RENEW", &["router=192.0.2.1"]);
    lan.renews();
    client.end();
    lan.leaves();
}

#[test]
fn dhcpcd_lives_with_a_lease() {
    let lan = Lan::new();
    let hook = lan.client.hook();
    let configuration = lan.client.write(
        "dhcpcd.conf",
        "noarp\nnoipv4ll\nnoipv6\noption subnet_mask, routers, domain_name, domain_name_servers, ntp_servers\n",
    );
    let arguments = ["-4", "-B", "-d", "-f", &configuration, "-c", &hook, "eth0"];
    let prepare = "mkdir -p /run/dhcpcd; mount -t tmpfs tmpfs /var/lib/dhcpcd";
    let client = lan.client.start("dhcpcd", &arguments, prepare);
    lan.client.told_lines("BOUND", TOLD);
    lan.client.told_lines("RENEW", TOLD);
    lan.renews();
    client.signal("ALRM");
    lan.leaves();
}

#[test]
fn networkd_lives_with_a_lease() {
    let lan = Lan::new();
    let client = lan.client.networkd(
        "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n\
         [DHCPv4]\nSendRelease=yes\n",
    );
    lan.renews();
    wait_until("the address is there", PATIENCE, || {
        let addresses = lan.client.party().addresses("eth0");
        let is_ours = |address: &String| address.starts_with("192.0.2.1") && address.ends_with("/24");
        if addresses.iter().any(is_ours) { Ok(()) } else { Err(format!("{addresses:?}")) }
    });
    let routes = lan.client.party().says("ip", &["route"]);
    assert!(routes.contains("default via 192.0.2.1 "), "{routes}");
    client.end();
    lan.leaves();
}

#[test]
fn perfdhcp_loses_nothing() {
    let lan = Lan::new();
    lan.client.party().says("ip", &["address", "add", "192.0.2.200/24", "dev", "eth0"]);
    // Fifty clients, each with a relay's address in its messages, one exchange each.
    let said = lan.client.party().says(
        "perfdhcp",
        &["-4", "-W", "1000000", "-l", "eth0", "-r", "25", "-R", "50", "-n", "50", "192.0.2.1"],
    );
    for counts in ["sent packets: 50", "received packets: 50", "drops: 0"] {
        assert_eq!(said.matches(counts).count(), 2, "{said}");
    }
    let frames = lan.client.so_far();
    let mut given: Vec<_> = frames.fields("dhcp.option.dhcp == 5 && ip.src == 192.0.2.1", &["dhcp.ip.your"]);
    given.sort();
    given.dedup();
    assert_eq!(given.len(), 50, "{given:?}");
    lan.judge();
}

#[test]
fn nmap_sees_what_is_offered() {
    let lan = Lan::new();
    lan.client.party().says("ip", &["address", "add", "192.0.2.200/24", "dev", "eth0"]);
    let said = lan.client.party().says("nmap", &["--script", "broadcast-dhcp-discover", "-e", "eth0"]);
    for line in ["Server Identifier: 192.0.2.1", "Subnet Mask: 255.255.255.0", "Router: 192.0.2.1"] {
        assert!(said.contains(line), "{line} is not in\n{said}{}", lan.client.account());
    }
    let informed = lan
        .client
        .party()
        .says("nmap", &["-n", "-Pn", "-sU", "-p", "67", "--script", "dhcp-discover", "192.0.2.1"]);
    for line in ["DHCP Message Type: DHCPACK", "Server Identifier: 192.0.2.1", "Domain Name: rack.example"] {
        assert!(informed.contains(line), "{line} is not in\n{informed}");
    }
    lan.judge();
}
