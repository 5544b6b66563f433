//! DHCP on the wire, with clients, relays and servers that we did not write.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use e2e::{Network, Parrot, Party, peer, wait_until};
use ironhand_boot_port::dhcp::{DhcpConfig, DhcpPort, OpenError, Opened, search};
use ironhand_boot_port::journal::Durability;
use ironhand_dhcp::{
    Answer, Choice, Client, LeaseState, Mode, Obstacle, OptionSet, Options, Policy, ServerConfig, Subnet,
    SubnetId, Terms,
};

/// Foreign programs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everybody gets an address of the pool of the subnet that it is in.
struct Everybody;

impl Policy for Everybody {
    fn answer(&self, client: &Client<'_>) -> Answer {
        Answer::Serve(Terms {
            subnet: client.subnet,
            address: Choice::Pool,
            lease: Duration::from_secs(600),
            options: Arc::new(Options::new()),
            always: OptionSet::default(),
            boot: None,
        })
    }
}

fn subnet(id: u32, network: [u8; 4], first: u8, last: u8) -> Subnet {
    let [a, b, c, _] = network;
    Subnet {
        id: SubnetId(id),
        network: network.into(),
        prefix: 24,
        interface: None,
        relays: Vec::new(),
        pools: vec![Ipv4Addr::new(a, b, c, first)..=Ipv4Addr::new(a, b, c, last)],
        excluded: Vec::new(),
        mode: Mode::Full,
        authoritative: true,
        probe: true,
    }
}

fn open(party: &Party, folder: &Path, subnets: Vec<Subnet>) -> Result<Opened, OpenError> {
    let config = DhcpConfig {
        interfaces: vec!["eth0".to_owned()],
        server: ServerConfig::default(),
        subnets,
        journal: folder.join("leases"),
        durability: Durability::Sync,
    };
    party.inside(|| DhcpPort::open(config, Everybody, |_| ()))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// What udhcpc is given with these arguments more; it ends with the lease.
fn udhcpc(party: &Party, more: &[&str]) -> Option<Ipv4Addr> {
    let mut command = party.command(&peer("udhcpc"));
    command.args(["-f", "-q", "-n", "-t", "10", "-T", "2", "-i", "eth0", "-s", "/bin/true"]).args(more);
    let output = command.output().expect("udhcpc runs");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let address = text.split("lease of ").nth(1).and_then(|rest| rest.split(' ').next());
    address.map(|address| address.parse().unwrap_or_else(|_| panic!("{text}")))
}

/// What dhclient is given.
fn dhclient(party: &Party, folder: &Path) -> Ipv4Addr {
    let (log, leases) = (folder.join("dhclient.log"), folder.join("dhclient.leases"));
    let leases = leases.to_str().expect("a name in UTF-8");
    let arguments = ["-4", "-d", "-v", "-1", "-lf", leases, "-sf", "/bin/true", "--no-pid", "eth0"];
    let _client = party.start(&peer("dhclient"), &arguments, &log);
    wait_until("dhclient has an address", PATIENCE, || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let address = text.split("bound to ").nth(1).and_then(|rest| rest.split_once(" --"));
        address.map(|(address, _)| address.parse().unwrap_or_else(|_| panic!("{text}"))).ok_or(text)
    })
}

/// Without the broadcast flag answers go to the hardware address in frames of ours, whose checksums dhclient checks. The
/// lease file outlives the server.
#[test]
fn clients_get_addresses_and_keep_them_over_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let network = Network::new();
    let server = Party::at(&network, "server", "192.0.2.1/24");
    let (one, other) = (Party::without_address(&network, "one"), Party::without_address(&network, "other"));
    let pool = || vec![subnet(1, [192, 0, 2, 0], 100, 110)];
    let opened = open(&server, folder.path(), pool()).expect("it serves");
    let first = dhclient(&one, folder.path());
    let second = udhcpc(&other, &[]).expect("a lease");
    // One that insists on broadcasts.
    assert_eq!(udhcpc(&other, &["-B"]), Some(second));
    assert_ne!(first, second);
    let runtime = runtime();
    let leases = runtime.block_on(opened.port.leases());
    assert_eq!(leases.len(), 2, "{leases:?}");
    assert!(opened.port.statistics().stored >= 2, "{:?}", opened.port.statistics());
    runtime.block_on(opened.port.close());
    let opened = open(&server, folder.path(), pool()).expect("it serves again");
    assert_eq!(opened.recovered.leases.len(), 2);
    assert_eq!(udhcpc(&other, &[]), Some(second));
    assert_eq!(dhclient(&one, folder.path()), first);
    assert!(runtime.block_on(opened.port.release(first)));
    assert!(!runtime.block_on(opened.port.release(first)));
    let leases = runtime.block_on(opened.port.leases());
    let state = leases.iter().find(|lease| lease.address == first).map(|lease| lease.state);
    assert_eq!(state, Some(LeaseState::Released));
}

#[test]
fn an_address_that_answers_arp_is_not_given() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let network = Network::new();
    let server = Party::at(&network, "server", "192.0.2.1/24");
    let _squatter = Party::at(&network, "squatter", "192.0.2.100/24");
    let client = Party::without_address(&network, "client");
    let opened = open(&server, folder.path(), vec![subnet(1, [192, 0, 2, 0], 100, 101)]).expect("it serves");
    assert_eq!(udhcpc(&client, &[]), Some(Ipv4Addr::new(192, 0, 2, 101)));
    assert!(opened.port.statistics().probes >= 2, "{:?}", opened.port.statistics());
}

#[test]
fn clients_behind_a_relay_are_served_and_their_addresses_probed_by_echo() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (near, far) = (Network::new(), Network::new());
    let server = Party::at(&near, "server", "192.0.2.1/24");
    server.route_by(Ipv4Addr::new(192, 0, 2, 254));
    let relay = Party::at(&near, "relay", "192.0.2.254/24");
    relay.join(&far, "198.51.100.254/24");
    relay.forward();
    let relayed = ["--dhcp-relay=198.51.100.254,192.0.2.1"];
    let _relay = relay.dnsmasq(&relayed, &folder.path().join("relay.log"));
    let squatter = Party::at(&far, "squatter", "198.51.100.100/24");
    squatter.route_by(Ipv4Addr::new(198, 51, 100, 254));
    let client = Party::without_address(&far, "client");
    let subnets = vec![subnet(1, [192, 0, 2, 0], 100, 110), subnet(2, [198, 51, 100, 0], 100, 101)];
    let _opened = open(&server, folder.path(), subnets).expect("it serves");
    assert_eq!(udhcpc(&client, &[]), Some(Ipv4Addr::new(198, 51, 100, 101)));
}

#[test]
fn a_foreign_server_is_found_and_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let network = Network::new();
    let server = Party::at(&network, "server", "192.0.2.1/24");
    let foreign = Party::at(&network, "foreign", "192.0.2.2/24");
    let dnsmasq = |party: &Party, log: &str| {
        let arguments = [
            "--dhcp-range=192.0.2.100,192.0.2.120",
            "--dhcp-boot=foreign.efi",
            "--dhcp-option=encap:175,176,1b",
        ];
        party.dnsmasq(&arguments, &folder.path().join(log))
    };
    let nobody = server.inside(|| search("eth0", Duration::from_secs(1))).expect("it looks");
    assert_eq!(nobody, []);
    let other = dnsmasq(&foreign, "foreign.log");
    let found = server.inside(|| search("eth0", Duration::from_secs(4))).expect("it looks");
    let [foreign] = &found[..] else { panic!("{found:?}") };
    assert_eq!(foreign.offer.server, Ipv4Addr::new(192, 0, 2, 2));
    assert!(foreign.gives_addresses());
    let boot_file = Obstacle::BootFile("foreign.efi".to_owned());
    assert_eq!(foreign.offer.obstacles, [boot_file, Obstacle::NoProxy]);
    other.end();
    let _own = dnsmasq(&server, "own.log");
    let error =
        open(&server, folder.path(), vec![subnet(1, [192, 0, 2, 0], 100, 110)]).expect_err("it is taken");
    let text = error.to_string();
    assert!(
        matches!(error, OpenError::PortTaken { port: 67, .. }) && text.contains("by dnsmasq (process"),
        "{text}"
    );
}

/// A frame by which a machine says that it has 192.0.2.77, in a VLAN where there is one.
fn arp_answer(vlan: Option<u16>) -> Vec<u8> {
    let mac = [2, 0, 0, 0, 0, 0x77];
    let tag = vlan.map(|vlan| [0x8100_u16.to_be_bytes(), vlan.to_be_bytes()].concat()).unwrap_or_default();
    let mut frame =
        [&[0xff; 6][..], &mac, &tag, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 2], &mac, &[192, 0, 2, 77]].concat();
    frame.extend_from_slice(&[0; 6]);
    frame.extend_from_slice(&[192, 0, 2, 77]);
    frame.resize(64, 0);
    frame
}

/// On a trunk the kernel shows frames of all VLANs to who looks at their parent, with their tags taken out: an address that
/// is in use in another network is free in this one.
#[test]
fn what_is_said_in_a_vlan_is_no_answer_on_its_parent() {
    for (vlan, is_taken) in [(None, true), (Some(0xe000), true), (Some(7), false), (Some(4094), false)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let network = Network::new();
        let server = Party::at(&network, "server", "192.0.2.1/24");
        let trunk = Party::without_address(&network, "trunk");
        let client = Party::without_address(&network, "client");
        let opened =
            open(&server, folder.path(), vec![subnet(1, [192, 0, 2, 0], 77, 77)]).expect("it serves");
        let squatter = Parrot::start(&trunk, 0x0806, arp_answer(vlan));
        let given = udhcpc(&client, &["-t", "3"]);
        drop(squatter);
        let free = (!is_taken).then_some(Ipv4Addr::new(192, 0, 2, 77));
        assert_eq!(given, free, "VLAN {vlan:?}");
        assert!(opened.port.statistics().probes >= 1, "{:?}", opened.port.statistics());
    }
}
