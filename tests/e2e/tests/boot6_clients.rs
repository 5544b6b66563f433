//! Clients of DHCPv6 that we did not write against `ironhand serve`: each hears of the network by an advertisement, gets an
//! address and the options that it asked for, renews it and gives it back; an address that is kept for a host is given to that
//! host alone; tshark finds no fault with anything that was said.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use e2e::{Capture, DhcpClient, Ironhand, Network, Party, peer, program, wait_until};

/// Clients begin with pauses of their own.
const PATIENCE: Duration = Duration::from_secs(90);

/// Every answer of ours.
const OURS: &str = "(dhcpv6.msgtype == 2 || dhcpv6.msgtype == 7 || icmpv6.type == 134) && eth.src == ";

/// A network with the product, a client's machine, and a capture of all that passes the server.
struct Lan {
    client: DhcpClient,
    ironhand: Ironhand,
    server: Party,
    network: Network,
}

impl Lan {
    /// Leases last a minute, of which clients renew after half.
    fn new(ipv6: &str) -> Self {
        let network = Network::new();
        let server = Party::at(&network, "server", "192.0.2.1/24");
        server.says("ip", &["-6", "address", "add", "2001:db8:7::1/64", "dev", "eth0", "nodad"]);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let capture = Capture::start(&server, "eth0", &folder.path().join("server.pcap"));
        let listening = ["--roles", "api,bmc,boot"];
        let ironhand = Ironhand::serve_at(&server, &listening);
        ironhand.apply(&format!(
            "apiVersion: ironhand/v1\nkind: Network\nmetadata: {{ name: lab }}\nspec:\n  subnet: 192.0.2.0/24\n  mode: off\n  \
             lease: 1m\n  bootLease: 1m\n  domain: lab.example\n  ipv6: {{ subnet: '2001:db8:7::/64', dns: ['2001:db8:7::53']{ipv6} }}\n"
        ));
        wait_until("the network is served over IPv6", PATIENCE, || {
            let networks = ironhand.json(&["boot", "networks"]);
            if networks[0]["ipv6"]["state"] == "served" { Ok(()) } else { Err(format!("{networks:#}")) }
        });
        // Its kernel asks for an advertisement as soon as it is there.
        let client = DhcpClient::new(Party::without_address(&network, "client"), folder, capture);
        settled(client.party(), "eth0");
        settled(&server, "eth0");
        Self { client, ironhand, server, network }
    }

    /// The addresses that the product says are given.
    fn leased(&self) -> Vec<String> {
        let leases = self.ironhand.json(&["leases"]);
        let address = |lease: &serde_json::Value| lease["address"].as_str().expect("an address").to_owned();
        leases.as_array().expect("a list").iter().map(address).collect()
    }

    /// What the product has counted, as Prometheus would gather it.
    fn metrics(&self) -> String {
        let socket = self.ironhand.folder().join("api.sock");
        let output = Command::new("curl")
            .args(["-sSf", "--max-time", "20", "http://localhost/metrics", "--unix-socket"])
            .arg(socket)
            .output()
            .expect("curl starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// tshark judges all that the server said.
    fn judge(self) {
        let ours = format!("{OURS}{}", self.server.hardware_address("eth0"));
        self.client.end().judge(&ours);
    }
}

/// Waits until an interface has a link-local address that may be used: nobody has objected for a second (RFC 4862, section
/// 5.4).
fn settled(party: &Party, interface: &str) {
    wait_until("there is a link-local address", PATIENCE, || {
        let all = party.says("ip", &["-6", "-o", "address", "show", "dev", interface, "scope", "link"]);
        if all.contains("fe80::") && !all.contains("tentative") { Ok(()) } else { Err(all) }
    });
}

#[test]
fn dhclient_lives_with_a_lease() {
    let lan = Lan::new("");
    let arguments = lan.client.dhclient("-6", "request dhcp6.name-servers, dhcp6.domain-search;\n", "");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let _client = lan.client.start("dhclient", &[&arguments[..], &["-d", "eth0"]].concat(), "");
    let lines =
        ["new_dhcp6_name_servers=2001:db8:7::53", "new_dhcp6_domain_search=lab.example.", "new_max_life=60"];
    let bound = lan.client.told_lines("BOUND6", &lines);
    let given = lan.leased();
    assert!(
        given.len() == 1 && bound.contains(&format!("new_ip6_address={}", given[0])),
        "{given:?}\n{bound}"
    );
    // It reaches the server directly, as soon as an advertisement has said that the subnet is on the link: the client may be
    // bound before its kernel has heard one.
    wait_until("the subnet is on the link", PATIENCE, || {
        let routes = lan.client.party().says("ip", &["-6", "route", "show", "2001:db8:7::/64"]);
        if routes.contains("dev eth0") { Ok(()) } else { Err(routes) }
    });
    let script = "http://[2001:db8:7::1]:8480/boot/boot.ipxe";
    let told =
        lan.client.party().says("curl", &["-sSg", "--max-time", "20", "--interface", &given[0], script]);
    assert!(told.contains(&format!("chain --replace --autofree {script}?")), "{told}");
    lan.client.told("RENEW6");
    // The hook is told in the middle of it: who gives the lease back kills the client, and reads what it has written.
    lan.client.says_so("PRC: Renewal event scheduled", 2);
    lan.client.party().says("dhclient", &[&arguments[..], &["-r", "eth0"]].concat());
    lan.client.passes("dhcpv6.msgtype == 8", 1);
    wait_until("the lease is given back", PATIENCE, || {
        let leased = lan.leased();
        if leased.is_empty() { Ok(()) } else { Err(format!("{leased:?}")) }
    });
    lan.judge();
}

#[test]
fn dhcpcd_lives_with_a_lease() {
    let lan = Lan::new("");
    let hook = lan.client.hook();
    let configuration = lan
        .client
        .write("dhcpcd.conf", "noipv4\nipv6rs\nia_na\noption dhcp6_name_servers, dhcp6_domain_search\n");
    let arguments = ["-6", "-B", "-d", "-f", &configuration, "-c", &hook, "eth0"];
    let prepare = "mkdir -p /run/dhcpcd; mount -t tmpfs tmpfs /var/lib/dhcpcd";
    let client = lan.client.start("dhcpcd", &arguments, prepare);
    let bound = lan.client.told("BOUND6");
    assert!(bound.contains("new_dhcp6_name_servers=2001:db8:7::53"), "{bound}");
    lan.client.passes("dhcpv6.msgtype == 5", 1);
    client.signal("ALRM");
    lan.client.passes("dhcpv6.msgtype == 8", 1);
    lan.judge();
}

#[test]
fn networkd_asks_as_the_advertisement_says() {
    let lan = Lan::new("");
    let _client = lan
        .client
        .networkd("[Match]\nName=eth0\n[Network]\nDHCP=no\nIPv6AcceptRA=yes\nLinkLocalAddressing=ipv6\n");
    wait_until("the address is there", PATIENCE, || {
        let addresses =
            lan.client.party().says("ip", &["-6", "-o", "address", "show", "dev", "eth0", "scope", "global"]);
        let leased = lan.leased();
        let there = leased.first().is_some_and(|address| addresses.contains(address.as_str()));
        if there { Ok(()) } else { Err(format!("{addresses}{leased:?}{}", lan.client.account())) }
    });
    let routes = lan.client.party().says("ip", &["-6", "route"]);
    assert!(routes.contains("2001:db8:7::/64") && !routes.contains("default"), "{routes}");
    lan.judge();
}

#[test]
fn perfdhcp_loses_nothing_and_no_address_is_given_twice() {
    let lan = Lan::new("");
    // Twenty clients, one exchange each.
    let said = lan.client.party().says(
        "perfdhcp",
        &[
            "-6",
            "-W",
            "1000000",
            "-l",
            "eth0",
            "-r",
            "20",
            "-R",
            "20",
            "-n",
            "20",
            "-b",
            "mac=02:00:00:00:00:01",
            "all",
        ],
    );
    for counts in ["sent packets: 20", "received packets: 20", "drops: 0"] {
        assert_eq!(said.matches(counts).count(), 2, "{said}");
    }
    let mut given = lan.leased();
    let all = given.len();
    given.sort();
    given.dedup();
    assert_eq!((given.len(), all), (20, 20), "{given:?}");
    let metrics = lan.metrics();
    for line in [
        "ironhand_dhcp6_networks{state=\"served\"} 1\n",
        "ironhand_dhcp6_answers_total{kind=\"advertise\"} 20\n",
        "ironhand_dhcp6_answers_total{kind=\"reply\"} 20\n",
        "ironhand_dhcp6_leases_total{what=\"stored\"} 20\n",
        "ironhand_dhcp6_lost_total{what=\"answers\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
    lan.judge();
}

#[test]
fn strangers_get_nothing_where_only_hosts_are_served() {
    let lan = Lan::new(", mode: hosts");
    let mac = lan.client.party().hardware_address("eth0");
    let mut arguments = lan.client.dhclient("-6", "request dhcp6.name-servers;\n", "");
    arguments.extend(["-d", "eth0"].map(str::to_owned));
    let _client = lan.client.start("dhclient", &arguments, "");
    lan.client.passes("dhcpv6.msgtype == 1", 2);
    assert_eq!(lan.client.so_far().count("dhcpv6.msgtype == 2"), 0, "{}", lan.client.account());
    // The next packet of a machine that was described meanwhile is answered.
    lan.ironhand.apply(&format!(
        "apiVersion: ironhand/v1\nkind: Host\nmetadata: {{ name: described }}\n\
         spec: {{ connectors: [{{ type: wol, address: 192.0.2.255 }}], macs: ['{mac}'] }}\n"
    ));
    lan.client.told("BOUND6");
    let leases = lan.ironhand.json(&["leases"]);
    assert_eq!(
        (&leases[0]["host"], &leases[0]["hardwareAddress"]),
        (&"described".into(), &mac.into()),
        "{leases:#}"
    );
    lan.judge();
}

#[test]
fn an_address_that_is_kept_is_given_to_each_program_of_its_host_and_to_nobody_else() {
    let lan = Lan::new(", mode: hosts");
    let stranger = Party::without_address(&lan.network, "second");
    let [mac, other] = [lan.client.party(), &stranger].map(|party| party.hardware_address("eth0"));
    let host = |name: &str, mac: &str, address: &str| {
        format!(
            "apiVersion: ironhand/v1\nkind: Host\nmetadata: {{ name: {name} }}\n\
             spec: {{ connectors: [{{ type: wol, address: 192.0.2.255 }}], macs: ['{mac}'], boot: {{ address6: '{address}' }} }}\n"
        )
    };
    let kept = "2001:db8:7::20";
    lan.ironhand.apply(&host("first", &mac, kept));
    // One address is kept for one host.
    let file = lan.client.write("second.yaml", &host("second", &other, kept));
    let refused = lan.ironhand.run(&["apply", "-f", &file]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(4), "{words}");
    assert!(words.contains("the address 2001:db8:7::20") && words.contains("Host `first`"), "{words}");
    // The other one asks for an address of its own.
    lan.ironhand.apply(&host("second", &other, "2001:db8:7::21"));
    for (host, address) in [("first", kept), ("second", "2001:db8:7::21")] {
        let told = lan.ironhand.ok(&["boot", "explain", host, "--ipv6"]);
        assert!(told.contains(&format!("the address {address} that is kept for it")), "{told}");
    }
    let described = lan.ironhand.ok(&["describe", "network", "lab"]);
    assert!(described.contains("2001:db8:7::20 for first, 2001:db8:7::21 for second"), "{described}");
    settled(&stranger, "eth0");
    // Firmware and an installer have identifiers of their own; the machine has one address.
    let old = "default-duid \"\\000\\001\\000\\001\\052\\001\\002\\003\\002\\000\\000\\000\\000\\011\";\n";
    for leases in ["", old] {
        let mut arguments = lan.client.dhclient("-6", "request dhcp6.name-servers;\n", leases);
        arguments.extend(["-1", "-d", "eth0"].map(str::to_owned));
        let program = lan.client.start("dhclient", &arguments, "");
        let bound = lan.client.told("BOUND6");
        assert!(bound.contains(&format!("new_ip6_address={kept}")), "{bound}");
        drop(program);
        std::fs::remove_file(lan.client.path("BOUND6")).expect("what the hook was told");
        lan.client.party().says("ip", &["-6", "address", "flush", "dev", "eth0", "scope", "global"]);
    }
    let mut arguments = lan.client.dhclient("-6", "request dhcp6.name-servers;\n", "");
    arguments.extend(["-d", "eth0"].map(str::to_owned));
    let _second = lan.client.start_at(&stranger, "dhclient", &arguments, "");
    let bound = lan.client.told("BOUND6");
    assert!(bound.contains("new_ip6_address=2001:db8:7::21"), "{bound}");
    let leases = lan.ironhand.json(&["leases"]);
    let told: Vec<_> = leases
        .as_array()
        .expect("a list")
        .iter()
        .map(|lease| {
            (lease["address"].as_str().unwrap_or_default(), lease["host"].as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(told, [(kept, "first"), ("2001:db8:7::21", "second")], "{leases:#}");
    lan.judge();
}

/// Waits until the IPv6 side of the network is in a state; gives it.
fn stands(lan: &Lan, state: &str) -> serde_json::Value {
    let mut service = serde_json::Value::Null;
    wait_until(&format!("the network is {state} over IPv6"), PATIENCE, || {
        service = lan.ironhand.json(&["boot", "networks"])[0]["ipv6"].take();
        if service["state"] == state { Ok(()) } else { Err(format!("{service:#}")) }
    });
    service
}

#[test]
fn another_server_keeps_ours_silent_until_it_has_gone() {
    let lan = Lan::new("");
    let other = Party::without_address(&lan.network, "other");
    other.says("ip", &["-6", "address", "add", "2001:db8:7::2/64", "dev", "eth0", "nodad"]);
    settled(&other, "eth0");
    // It advertises itself with the flags M and O, too.
    let arguments = [
        "--dhcp-range=2001:db8:7::200,2001:db8:7::220,64,120",
        "--enable-ra",
        "--dhcp-option=option6:bootfile-url,tftp://[2001:db8:7::2]/foreign.efi",
    ];
    let log = lan.client.path("foreign.log");
    let dnsmasq = other.dnsmasq6(&arguments, Path::new(&log));
    let detect = ["config", "detect", "--interface", "eth0", "--wait", "4s", "--part", "network"];
    let detected = lan.server.command(&program()).args(detect).output().expect("ironhand starts");
    let proposed = String::from_utf8_lossy(&detected.stdout);
    let words = String::from_utf8_lossy(&detected.stderr);
    assert!(
        proposed.contains("  # ipv6: { subnet: \"2001:db8:7::/64\", advertise: false }      # fe80::"),
        "{proposed}"
    );
    assert!(words.contains("another DHCPv6 server answers here") && words.contains("(flag M)"), "{words}");
    let describe = |mode: &str, beside: bool| {
        lan.ironhand.apply(&format!(
            "apiVersion: ironhand/v1\nkind: Network\nmetadata: {{ name: lab }}\nspec:\n  subnet: 192.0.2.0/24\n  mode: off\n  \
             lease: 1m\n  bootLease: 1m\n  besideOthers: {beside}\n  ipv6: {{ subnet: '2001:db8:7::/64', mode: '{mode}' }}\n"
        ));
    };
    // Where no addresses are given nobody is looked for; a network that begins to is looked at first.
    describe("off", false);
    wait_until("no addresses are given", PATIENCE, || {
        let networks = lan.ironhand.json(&["boot", "networks"]);
        if networks[0]["ipv6"]["mode"] == "off" { Ok(()) } else { Err(format!("{networks:#}")) }
    });
    describe("full", false);
    let service = stands(&lan, "foreign");
    let reason = service["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("and offers 2001:db8:7::2") && reason.contains("besideOthers"), "{service:#}");
    let finding = service["others"][0]["findings"][0].as_str().unwrap_or_default();
    assert!(finding.contains("tftp://[2001:db8:7::2]/foreign.efi"), "{service:#}");
    let router = &service["routers"][0];
    assert_eq!((&router["managed"], &router["other"]), (&true.into(), &true.into()), "{service:#}");
    // The client is the other one's.
    let mut arguments = lan.client.dhclient("-6", "request dhcp6.name-servers;\n", "");
    arguments.extend(["-1", "-d", "eth0"].map(str::to_owned));
    let client = lan.client.start("dhclient", &arguments, "");
    let bound = lan.client.told("BOUND6");
    assert!(bound.contains("new_ip6_address=2001:db8:7::2"), "{bound}");
    drop(client);
    assert!(lan.leased().is_empty());
    // Told so, it serves beside it.
    describe("full", true);
    stands(&lan, "served");
    describe("full", false);
    stands(&lan, "foreign");
    dnsmasq.end();
    stands(&lan, "served");
    let events = lan.ironhand.ok(&["events", "-o", "json"]);
    for words in ["answers DHCPv6 on Network lab", "no other DHCPv6 server answers on Network lab any more"] {
        assert!(events.contains(words), "{events}");
    }
    lan.judge();
}

#[test]
fn a_client_behind_a_relay_is_given_an_address_of_its_own_network() {
    let lan = Lan::new("");
    lan.ironhand.apply(
        "apiVersion: ironhand/v1\nkind: Network\nmetadata: { name: far }\nspec:\n  subnet: 198.51.100.0/24\n  mode: off\n  \
         lease: 1m\n  ipv6: { subnet: '2001:db8:8::/64', dns: ['2001:db8:8::53'] }\n",
    );
    wait_until("the far network is served", PATIENCE, || {
        let networks = lan.ironhand.json(&["boot", "networks"]);
        let far = networks.as_array().and_then(|all| all.iter().find(|one| one["network"] == "far"));
        if far.is_some_and(|far| far["ipv6"]["state"] == "served") {
            Ok(())
        } else {
            Err(format!("{networks:#}"))
        }
    });
    let far = Network::new();
    let relay = Party::without_address(&lan.network, "relay");
    let inward = relay.plug(&far);
    for (address, interface) in [("2001:db8:7::fe/64", "eth0"), ("2001:db8:8::fe/64", inward.as_str())] {
        relay.says("ip", &["-6", "address", "add", address, "dev", interface, "nodad"]);
        settled(&relay, interface);
    }
    let client = Party::without_address(&far, "far-client");
    settled(&client, "eth0");
    let process = lan.client.path("relay.pid");
    let arguments = ["-6", "-d", "-pf", &process, "-l", &inward, "-u", "2001:db8:7::1%eth0"];
    let _relaying = relay.start(&peer("dhcrelay"), &arguments, Path::new(&lan.client.path("relay.log")));
    let mut arguments = lan.client.dhclient("-6", "request dhcp6.name-servers;\n", "");
    arguments.extend(["-d", "eth0"].map(str::to_owned));
    let _client = lan.client.start_at(&client, "dhclient", &arguments, "");
    let bound = lan.client.told("BOUND6");
    assert!(bound.contains("new_ip6_address=2001:db8:8:"), "{bound}");
    assert!(bound.contains("new_dhcp6_name_servers=2001:db8:8::53"), "{bound}");
    let leases = lan.ironhand.json(&["leases", "far"]);
    assert_eq!(leases.as_array().map(Vec::len), Some(1), "{leases:#}");
    // All that we said is within the wrapping of the relay.
    lan.client.passes("dhcpv6.msgtype == 13", 2);
    let said = lan.client.so_far();
    said.judge("dhcpv6.msgtype == 13");
}
