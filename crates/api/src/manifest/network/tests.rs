//! Networks as people write them.

use crate::{DhcpMode, Manifest, UnknownMachine, parse_manifests};

/// Parses a network with a spec; the faults, joined, where it has any.
fn check(spec: &str, wanted: Result<(), &str>) {
    let text =
        format!("apiVersion: ironhand/v1\nkind: Network\nmetadata: {{ name: rack7 }}\nspec: {{ {spec} }}\n");
    match (parse_manifests("test", &text), wanted) {
        (Ok(manifests), Ok(())) => {
            let written = serde_json::to_string(&manifests[0]).unwrap();
            let read: Manifest = serde_json::from_str(&written).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), written, "{spec}");
        }
        (Err(faults), Err(wanted)) => {
            let told: Vec<String> = faults.iter().map(|fault| format!("{fault} {:?}", fault.hint)).collect();
            let told = told.join("\n");
            assert!(told.contains(wanted) && told.contains("test:4:"), "{spec}: {told}");
        }
        (found, _) => panic!("{spec}: {:?}", found.err()),
    }
}

#[test]
fn a_network_needs_a_subnet_and_nothing_else() {
    check("subnet: 10.0.7.0/24", Ok(()));
    check("mode: off", Err("`subnet` is missing"));
    check("subnet: 10.0.7.9/24", Err("the subnet is 10.0.7.0/24"));
    check("subnet: 10.0.7.0", Err("is not a subnet"));
    let text =
        "apiVersion: ironhand/v1\nkind: Network\nmetadata: { name: rack7 }\nspec: { subnet: 10.0.7.0/24 }";
    let Manifest::Network(network) = parse_manifests("test", text).unwrap().remove(0) else { panic!() };
    assert_eq!((network.spec.mode, network.spec.unknown), (DhcpMode::Off, UnknownMachine::Refuse));
    assert!(network.spec.probe && !network.spec.authoritative && !network.spec.beside_others);
}

#[test]
fn everything_can_be_said_of_a_network() {
    check(
        "subnet: 10.0.7.0/24, interface: eth1, relays: [10.9.0.1], mode: full, pools: [10.0.7.100-10.0.7.199], \
         exclude: [10.0.7.150, 10.0.7.160-10.0.7.169], gateway: 10.0.7.1, dns: [10.0.7.1], domain: rack7.example, \
         ntp: [10.0.7.2], bootLease: 20m, lease: 8h, routes: [{ to: 10.1.0.0/16, via: 10.0.7.254 }], \
         options: [{ code: 252, text: 'http://{{ server.address }}/wpad.dat' }, { code: 150, addresses: [10.0.0.1] }, \
         { code: 43, vendorClass: ArubaAP, hex: '01 04 0a:00:07:01' }, { code: 26, number: { value: 9000, bytes: 2 } }], \
         authoritative: true, besideOthers: true, probe: false, unknown: discovery, discovery: look, \
         methods: [tftp, http], loader: secure, proxy: option43, \
         ipv6: { subnet: '2001:db8:7::/64', mode: hosts, advertise: true, router: true, dns: ['2001:db8:7::1'] }",
        Ok(()),
    );
}

#[test]
fn addresses_lie_where_they_belong() {
    let full = |more: &str, wanted| check(&format!("subnet: 10.0.7.0/24, mode: full, {more}"), wanted);
    full("pools: [10.0.7.1-10.0.7.254]", Ok(()));
    full(
        "pools: [10.0.7.200-10.0.8.9]",
        Err("the pool 10.0.7.200-10.0.8.9 lies outside the subnet 10.0.7.0/24"),
    );
    full("pools: [10.0.7.0-10.0.7.9]", Err("lies outside the subnet"));
    full("pools: [10.0.7.9-10.0.7.255]", Err("lies outside the subnet"));
    full("pools: [10.0.7.9-10.0.7.20, 10.0.7.20-10.0.7.30]", Err("has addresses in common with the pool"));
    full("pools: [10.0.7.9-10.0.7.8]", Err("ends before it begins"));
    full("gateway: 10.0.8.1", Err("the gateway 10.0.8.1 lies outside the subnet"));
    full("gateway: 10.0.7.255", Err("the gateway 10.0.7.255 lies outside the subnet"));
    full("routes: [{ to: 10.1.0.0/16, via: 10.9.0.1 }]", Err("the router 10.9.0.1 lies outside"));
    full("routes: [{ to: 10.1.0.0/16, via: 0.0.0.0 }]", Ok(()));
    check(
        "subnet: 10.0.7.0/24, mode: proxy, pools: [10.0.7.9-10.0.7.20]",
        Err("in mode full alone, not in mode proxy"),
    );
    check("subnet: 10.0.7.0/24, pools: [10.0.7.9-10.0.7.20]", Err("in mode full alone"));
}

#[test]
fn options_and_terms_have_bounds() {
    let check = |more: &str, wanted| check(&format!("subnet: 10.0.7.0/24, {more}"), wanted);
    check("options: [{ code: 54, addresses: [10.0.7.1] }]", Err("option 54 is made by the server"));
    check("options: [{ code: 255, text: a }]", Err("between 1 and 254"));
    check("options: [{ code: 66 }]", Err("exactly one of `text`, `hex`, `addresses` and `number`"));
    check("options: [{ code: 66, text: a, hex: '00' }]", Err("exactly one of"));
    check("options: [{ code: 43, hex: '012' }]", Err("pairs of hexadecimal digits"));
    check("options: [{ code: 26, number: { value: 9000, bytes: 1 } }]", Err("does not fit"));
    check("options: [{ code: 26, number: { value: 9, bytes: 3 } }]", Err("1, 2 or 4 bytes"));
    check("bootLease: 5s", Err("`bootLease` must be between"));
    check("interface: 'a/b'", Err("is not the name of an interface"));
    check("domain: 'rack 7'", Err("is not the name of a domain"));
    check("unknown: discovery", Err("`unknown: discovery` needs `discovery`"));
    check("unknown: installs", Err("`installs` is not what can become of an unknown machine"));
    check("methods: [http, http]", Err("names a protocol twice"));
    check("methods: []", Err("`methods` is empty"));
    check("dns: [dns.example]", Err("`dns.example` in `dns` is not an IPv4 address"));
}

#[test]
fn the_ipv6_side_needs_a_subnet_and_nothing_else() {
    let ipv6 = |spec: &str, wanted| check(&format!("subnet: 10.0.7.0/24, ipv6: {{ {spec} }}"), wanted);
    ipv6("subnet: '2001:db8:7::/64'", Ok(()));
    ipv6("subnet: 'fd00:7::/64', mode: off, advertise: false", Ok(()));
    ipv6("mode: full", Err("`subnet` is missing"));
    ipv6("subnet: '2001:db8:7::1/64'", Err("the subnet is 2001:db8:7::/64"));
    ipv6("subnet: '2001:db8:7::/56'", Err("with 64 bits"));
    ipv6("subnet: '2001:db8:7::/64', mode: proxy", Err("DHCPv6"));
    ipv6("subnet: '2001:db8:7::/64', dns: [10.0.7.1]", Err("is not an IPv6 address"));
    ipv6("subnet: '2001:db8:7::/64', advertise: false, router: true", Err("`advertise: false` forbids"));
}
