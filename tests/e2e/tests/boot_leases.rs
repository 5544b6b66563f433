//! Leases of the product: `ironhand serve` on a network of the test, clients and servers that we did not write.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use e2e::{Capture, Network, Party, Peer, peer, program, wait_until};
use serde_json::Value;

/// Foreign programs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A network with our server in it, at 192.0.2.1.
struct Site {
    folder: tempfile::TempDir,
    /// None while it is dead.
    process: Option<Peer>,
    server: Party,
    network: Network,
}

impl Site {
    /// Starts a server that serves nothing yet.
    fn new() -> Self {
        let network = Network::new();
        let server = Party::at(&network, "server", "192.0.2.1/24");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut site = Self { folder, process: None, server, network };
        site.start();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts it on what it left.
    fn start(&mut self) {
        let text = |name: &str| self.path(name).to_string_lossy().into_owned();
        let (data, socket, log) = (text("data"), text("api.sock"), self.path("server.log"));
        let arguments = ["serve", "--data", &data, "--socket", &socket, "--roles", "api,boot"];
        self.process = Some(self.server.start(&program(), &arguments, &log));
        wait_until("the server is ready", PATIENCE, || {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            if said.contains("serves at") { Ok(()) } else { Err(said) }
        });
    }

    /// Kills it without warning.
    fn kill(&mut self) {
        drop(self.process.take());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .arg("--server")
            .arg(format!("unix:{}", self.path("api.sock").display()))
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// What a command says, which must succeed.
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("ironhand starts");
        let (text, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(
            output.status.success(),
            "ironhand {arguments:?}: {}\n{text}{errors}{}",
            output.status,
            self.log()
        );
        text.into_owned()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let text = self.says(&[arguments, &["-o", "json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{text}"))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("server.log")).unwrap_or_default()
    }

    fn apply(&self, manifest: &str) {
        let file = self.path("applied.yaml");
        std::fs::write(&file, manifest).expect("a file in the temporary folder");
        self.says(&["apply", "-f", &file.to_string_lossy()]);
    }

    /// Describes the network, with more in its spec.
    fn describe(&self, more: &str) {
        self.apply(&format!(
            "apiVersion: ironhand/v1\nkind: Network\nmetadata: {{ name: lan }}\nspec: {{ subnet: 192.0.2.0/24, {more} }}\n"
        ));
    }

    /// Describes a host with an address of its own.
    fn keep(&self, name: &str, mac: &str, address: &str) {
        self.apply(&format!(
            "apiVersion: ironhand/v1\nkind: Host\nmetadata: {{ name: {name} }}\n\
             spec: {{ connectors: [{{ type: wol, address: 192.0.2.255 }}], macs: ['{mac}'], boot: {{ address: {address} }} }}\n"
        ));
    }

    /// How the network is served.
    fn service(&self) -> Value {
        let services = self.json(&["boot", "networks"]);
        services.as_array().and_then(|all| all.first()).cloned().unwrap_or_default()
    }

    /// Waits until the network is in this state, and gives what is told of it.
    fn stands(&self, state: &str) -> Value {
        wait_until(&format!("the network is {state}"), PATIENCE, || {
            let service = self.service();
            if service["state"] == state { Ok(service) } else { Err(format!("{service}\n{}", self.log())) }
        })
    }

    /// The leases in force: address, hardware address and host.
    fn leases(&self) -> Vec<(String, String, String)> {
        let leases = self.json(&["leases"]);
        let text = |lease: &Value, field: &str| lease[field].as_str().unwrap_or_default().to_owned();
        let one = |lease| (text(lease, "address"), text(lease, "hardwareAddress"), text(lease, "host"));
        leases.as_array().expect("a list").iter().map(one).collect()
    }

    /// A machine without an address.
    fn machine(&self, name: &str) -> Party {
        Party::without_address(&self.network, name)
    }
}

/// What udhcpc is given with these arguments more; it ends with the lease, and says what its script is told.
fn udhcpc(party: &Party, more: &[&str]) -> Result<String, String> {
    let mut command = party.command(&peer("udhcpc"));
    command.args(["-f", "-q", "-n", "-t", "10", "-T", "2", "-i", "eth0", "-s", "/bin/true"]).args(more);
    let output = command.output().expect("udhcpc runs");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let address = text.split("lease of ").nth(1).and_then(|rest| rest.split(' ').next());
    address.map(str::to_owned).ok_or(text)
}

/// dnsmasq at 192.0.2.2, as the server of somebody else.
fn foreign(site: &Site, party: &Party) -> Peer {
    let arguments = ["--dhcp-range=192.0.2.200,192.0.2.220", "--dhcp-boot=foreign.efi"];
    party.dnsmasq(&arguments, &site.path("foreign.log"))
}

const FULL: &str = "mode: full, pools: ['192.0.2.100-192.0.2.109'], exclude: [192.0.2.100], gateway: 192.0.2.254, dns: [192.0.2.53], \
    domain: rack.example, ntp: [192.0.2.42], routes: [{ to: 198.51.100.0/24, via: 192.0.2.253 }], authoritative: true";

/// A host has its own address and everybody else one of the pool; both outlive a kill of the server right behind the ACK, and
/// what a person changes holds for the next packet.
#[test]
fn addresses_are_given_kept_over_a_kill_and_changed_by_hand() {
    let mut site = Site::new();
    assert_eq!(site.service(), Value::Null, "where no network is described none is served");
    let (known, guest) = (site.machine("known"), site.machine("guest"));
    let (mac, of_guest) = (known.hardware_address("eth0"), guest.hardware_address("eth0"));
    site.keep("known", &mac, "192.0.2.20");
    site.describe(FULL);
    let service = site.stands("served");
    assert_eq!(
        (&service["pool"]["size"], &service["interfaces"][0]),
        (&9.into(), &"eth0".into()),
        "{service}"
    );

    assert_eq!(udhcpc(&known, &[]).as_deref(), Ok("192.0.2.20"));
    let given = udhcpc(&guest, &["-x", "hostname:guest7"]).expect("a lease");
    site.kill();
    assert_eq!(given, "192.0.2.101");
    site.start();
    site.stands("served");
    let wanted = [
        ("192.0.2.20".to_owned(), mac.clone(), "known".to_owned()),
        ("192.0.2.101".to_owned(), of_guest.clone(), String::new()),
    ];
    assert_eq!(site.leases(), wanted);
    let third = site.machine("third");
    assert_eq!(
        udhcpc(&third, &[]).as_deref(),
        Ok("192.0.2.102"),
        "what was given before the kill is nobody else's"
    );
    assert_eq!(udhcpc(&guest, &[]).as_deref(), Ok("192.0.2.101"));

    // The next packet is answered as the record says then.
    site.keep("known", &mac, "192.0.2.21");
    assert_eq!(udhcpc(&known, &[]).as_deref(), Ok("192.0.2.21"));
    // An address that somebody has is given to nobody else, whatever is reserved: the host has another one until then.
    site.keep("third", &third.hardware_address("eth0"), "192.0.2.101");
    assert_eq!(udhcpc(&third, &[]).as_deref(), Ok("192.0.2.102"));
    assert!(site.leases().contains(&wanted[1]), "{:?}", site.leases());
    // Once a person takes it back the host has it.
    site.says(&["leases", "--release", "192.0.2.101"]);
    assert_eq!(udhcpc(&third, &[]).as_deref(), Ok("192.0.2.101"));
    let moved = udhcpc(&guest, &[]).expect("another address");
    assert_ne!(moved, "192.0.2.101");

    for (form, part) in [("kea", "192.0.2.101,"), ("isc", "lease 192.0.2.101 {"), ("csv", "192.0.2.101,lan,")]
    {
        let text = site.says(&["leases", "--export", form]);
        assert!(text.contains(part), "{text}");
    }
    // ISC's server reads what is written for it.
    let (file, configuration) = (site.path("dhcpd.leases"), site.path("dhcpd.conf"));
    std::fs::write(&file, site.says(&["leases", "--export", "isc"])).expect("a file");
    let subnet = "subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.20 192.0.2.120; }\n";
    std::fs::write(&configuration, subnet).expect("a file");
    let mut dhcpd = Command::new(peer("dhcpd"));
    let output =
        dhcpd.arg("-T").arg("-cf").arg(&configuration).arg("-lf").arg(&file).output().expect("dhcpd runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let count = site.json(&["leases", "--all"]).as_array().map_or(0, Vec::len);
    assert!(
        said.contains(&format!("Wrote {count} leases to leases file")) && output.status.success(),
        "{said}"
    );
    let events = site.says(&["events", "-o", "json"]);
    for kind in ["network.served", "lease.released"] {
        assert!(events.contains(kind), "{events}");
    }
}

/// What clients of ISC's words are told.
#[test]
fn clients_are_told_the_options_of_their_network() {
    let site = Site::new();
    site.describe(FULL);
    site.stands("served");
    let client = site.machine("client");
    let (log, hook) = (site.path("dhclient.log"), site.path("hook"));
    let told = site.path("told");
    std::fs::write(&hook, format!("#!/bin/sh\nenv >> {}\n", told.display())).expect("a script");
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("a program of ours");
    let configuration = site.path("dhclient.conf");
    let request = "option classless code 121 = array of unsigned integer 8;\n\
        request subnet-mask, routers, domain-name, domain-name-servers, ntp-servers, classless;\n";
    std::fs::write(&configuration, request).expect("a file");
    let leases = site.path("dhclient.leases");
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let arguments = [
        "-4",
        "-d",
        "-v",
        "-1",
        "-cf",
        &text(&configuration),
        "-lf",
        &text(&leases),
        "-sf",
        &text(&hook),
        "--no-pid",
        "eth0",
    ]
    .map(str::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let _client = client.start(&peer("dhclient"), &arguments, &log);
    let said = wait_until("dhclient has an address", PATIENCE, || {
        let said = std::fs::read_to_string(&told).unwrap_or_default();
        if said.contains("reason=BOUND") {
            Ok(said)
        } else {
            Err(std::fs::read_to_string(&log).unwrap_or_default())
        }
    });
    for line in [
        "new_subnet_mask=255.255.255.0",
        "new_routers=192.0.2.254",
        "new_domain_name=rack.example",
        "new_domain_name_servers=192.0.2.53",
        "new_ntp_servers=192.0.2.42",
        "new_dhcp_server_identifier=192.0.2.1",
        "new_dhcp_lease_time=86400",
        "new_classless=24 198 51 100 192 0 2 253 0 192 0 2 254",
    ] {
        assert!(said.lines().any(|told| told == line), "{line} is not in\n{said}");
    }
}

/// Beside another server nothing is given until that one has gone, and comes back when it does; as a proxy we live with it.
#[test]
fn another_server_keeps_ours_silent_until_it_has_gone() {
    let site = Site::new();
    let other = Party::at(&site.network, "other", "192.0.2.2/24");
    let dnsmasq = foreign(&site, &other);
    site.describe(FULL);
    let service = site.stands("foreign");
    let reason = service["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("192.0.2.2") && reason.contains("besideOthers"), "{service}");
    let client = site.machine("client");
    let address = udhcpc(&client, &[]).expect("the other one serves");
    assert!(address.starts_with("192.0.2.2"), "{address}");
    assert_eq!(site.leases(), []);

    site.describe("mode: proxy");
    let beside = site.stands("served");
    let finding = beside["others"][0]["findings"][0].as_str().unwrap_or_default();
    assert!(finding.contains("foreign.efi"), "{beside}");
    // A system is not ours to answer.
    assert!(udhcpc(&client, &[]).expect("the other one serves").starts_with("192.0.2.2"));
    assert_eq!(site.leases(), []);

    site.describe(FULL);
    site.stands("foreign");
    dnsmasq.end();
    site.stands("served");
    assert_eq!(udhcpc(&client, &[]).as_deref(), Ok("192.0.2.101"));
    let events = site.says(&["events", "-o", "json"]);
    for words in
        ["192.0.2.2 answers DHCP on Network lan", "no other DHCP server answers on Network lan any more"]
    {
        assert!(events.contains(words), "{events}");
    }
}

/// perfdhcp's machines, several hundred of them: each has an address of its own, and nothing is lost.
#[test]
fn hundreds_of_machines_have_an_address_each() {
    let site = Site::new();
    site.apply(
        "apiVersion: ironhand/v1\nkind: Network\nmetadata: { name: lan }\n\
         spec: { subnet: 192.0.2.0/24, mode: full, pools: ['192.0.2.100-192.0.2.199'] }\n---\n\
         apiVersion: ironhand/v1\nkind: Network\nmetadata: { name: far }\n\
         spec: { subnet: 10.0.0.0/16, mode: full, relays: [192.0.2.3], pools: ['10.0.1.0-10.0.4.255'], probe: false }\n",
    );
    wait_until("both networks are served", PATIENCE, || {
        let services = site.json(&["boot", "networks"]);
        let served = |service: &Value| service["state"] == "served";
        let all = services.as_array().is_some_and(|all| all.len() == 2 && all.iter().all(served));
        // The far one has no relay in it that this machine has a route to; its relay stands here.
        if all { Ok(()) } else { Err(format!("{services}\n{}", site.log())) }
    });
    // It speaks as a relay at the address that it has (perfdhcp(8)).
    let client = Party::at(&site.network, "client", "192.0.2.3/24");
    let said = client.says(
        "perfdhcp",
        &["-4", "-W", "2000000", "-l", "eth0", "-r", "100", "-R", "600", "-n", "600", "192.0.2.1"],
    );
    for counts in ["sent packets: 600", "received packets: 600", "drops: 0"] {
        assert_eq!(said.matches(counts).count(), 2, "{said}\n{}", site.log());
    }
    let leases = site.leases();
    let addresses: BTreeSet<&String> = leases.iter().map(|(address, ..)| address).collect();
    let machines: BTreeSet<&String> = leases.iter().map(|(_, mac, _)| mac).collect();
    assert_eq!((leases.len(), addresses.len(), machines.len()), (600, 600, 600));
    let metrics = site.service();
    assert_eq!(metrics["network"], "far");
    assert_eq!(metrics["pool"]["free"], 1024 - 600, "{metrics}");
}

/// Interfaces come and go while the server runs, as those of VLANs and bonds do.
#[test]
fn a_network_is_served_as_soon_as_its_interface_is_there() {
    let site = Site::new();
    site.apply(
        "apiVersion: ironhand/v1\nkind: Network\nmetadata: { name: lan }\n\
         spec: { subnet: 198.51.100.0/24, interface: eth1, mode: full, pools: ['198.51.100.10-198.51.100.20'] }\n",
    );
    let service = site.stands("failed");
    assert!(
        service["reason"].as_str().is_some_and(|reason| reason.contains("no interface eth1")),
        "{service}"
    );
    let second = Network::new();
    let interface = site.server.join(&second, "198.51.100.1/24");
    assert_eq!(interface, "eth1");
    let client = Party::without_address(&second, "client");
    site.stands("served");
    assert_eq!(udhcpc(&client, &[]).as_deref(), Ok("198.51.100.10"));
    site.server.says("ip", &["link", "delete", "eth1"]);
    site.stands("failed");
    let leases = site.leases();
    assert_eq!(
        leases.first().map(|(address, ..)| address.as_str()),
        Some("198.51.100.10"),
        "what was given stays"
    );
}

/// The server is killed in the midst of giving addresses of IPv6: whoever was told of one has it afterwards.
#[test]
fn leases_of_ipv6_outlive_a_kill() {
    let mut site = Site::new();
    site.server.says("ip", &["-6", "address", "add", "2001:db8:7::1/64", "dev", "eth0", "nodad"]);
    site.describe("ipv6: { subnet: '2001:db8:7::/64' }");
    let served = |site: &Site| {
        wait_until("the network is served over IPv6", PATIENCE, || {
            let service = site.service();
            if service["ipv6"]["state"] == "served" {
                Ok(())
            } else {
                Err(format!("{service}\n{}", site.log()))
            }
        });
    };
    served(&site);
    let client = site.machine("client");
    wait_until("the client has a link-local address", PATIENCE, || {
        let all = client.says("ip", &["-6", "-o", "address", "show", "dev", "eth0", "scope", "link"]);
        if all.contains("fe80::") && !all.contains("tentative") { Ok(()) } else { Err(all) }
    });
    let capture = Capture::start(&client, "eth0", &site.path("client.pcap"));
    let arguments = ["-6", "-l", "eth0", "-r", "50", "-R", "1000", "-n", "1000", "all"];
    let load = client.start(&peer("perfdhcp"), &arguments, &site.path("perfdhcp.log"));
    let told = || {
        let fields = capture.so_far().fields("dhcpv6.msgtype == 7", &["dhcpv6.iaaddr.ip"]);
        fields.into_iter().flatten().collect::<BTreeSet<String>>()
    };
    wait_until("some addresses are given", PATIENCE, || {
        let told = told();
        if told.len() >= 20 { Ok(()) } else { Err(format!("{told:?}\n{}", site.log())) }
    });
    site.kill();
    drop(load);
    let told = told();
    site.start();
    served(&site);
    let leases = wait_until("the leases are read again", PATIENCE, || {
        let leases: BTreeSet<String> = site.leases().into_iter().map(|(address, ..)| address).collect();
        if leases.len() >= told.len() { Ok(leases) } else { Err(format!("{leases:?}")) }
    });
    let lost: Vec<&String> = told.difference(&leases).collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(site.leases().len(), leases.len(), "no address is two clients'");
    // One that is taken back is nobody's any more.
    let one = told.first().expect("there are some");
    site.says(&["leases", "--release", one]);
    assert!(!site.leases().iter().any(|(address, ..)| address == one));
    // Other servers keep those of IPv6 elsewhere, and a spreadsheet has all.
    assert!(!site.says(&["leases", "--export", "kea"]).contains("2001:db8:7:"));
    assert!(site.says(&["leases", "--export", "csv"]).contains("2001:db8:7:"));
}
