//! Real firmware that boots over IPv6 alone: router advertisement, DHCPv6, loader, script, kernel.

use e2e::{Firmware, Machine, Network, Party, wait_until};

use crate::PATIENCE;
use crate::place::Place;

/// What the product says on a wire over IPv6.
const OURS: &str = "(dhcpv6 || icmpv6.type == 134 || tftp || http) && (ipv6.src == 2001:db8:7::1 || \
     (ipv6.src == fe80::/10 && (dhcpv6.msgtype == 2 || dhcpv6.msgtype == 7 || icmpv6.type == 134)))";

/// A server that serves a network over IPv6, and over IPv4 as this says.
fn place(ipv4: &str) -> Place {
    let network = Network::new();
    let server = Party::at(&network, "server", "192.0.2.1/24");
    server.says("ip", &["-6", "address", "add", "2001:db8:7::1/64", "dev", "eth0", "nodad"]);
    let place = Place::with(network, server, &[]);
    place.ironhand.apply(&format!(
        "apiVersion: ironhand/v1\nkind: Network\nmetadata: {{ name: lab }}\nspec:\n  subnet: 192.0.2.0/24\n  interface: eth0\n  \
         {ipv4}\n  domain: lab.example\n  ipv6: {{ subnet: '2001:db8:7::/64', dns: ['2001:db8:7::53'] }}\n"
    ));
    wait_until("the network is served over IPv6", PATIENCE, || {
        let events = place.events("network.served");
        let served = |event: &String| {
            event.contains("is served over IPv6 at eth0 (2001:db8:7::/64, mode full)")
                && !event.contains("nothing to boot")
        };
        if events.iter().any(served) { Ok(()) } else { Err(format!("{events:#?}")) }
    });
    place
}

/// A machine that is described, deployed, and booted until its system says so and has switched it off.
fn boots(place: &Place, name: &str, firmware: Firmware, mac: &str) -> Machine {
    boots_as(place, name, firmware, mac, "")
}

/// The same, with what `boot` of its Host says.
fn boots_as(place: &Place, name: &str, firmware: Firmware, mac: &str, boot: &str) -> Machine {
    place.describe_boots(name, mac, boot);
    place.deploy(name, &format!("told-by={name}"));
    let mut machine = Machine::boot(&place.network, firmware, mac);
    machine.shows(&format!("told-by={name}"), PATIENCE);
    machine.ends(PATIENCE);
    machine.frames().judge(OURS);
    machine
}

/// Nothing was said to a machine over IPv4.
fn is_ipv6_alone(machine: &Machine) {
    let frames = machine.frames();
    assert_eq!(frames.count("ip.src == 192.0.2.1 && (tftp || http || dhcp)"), 0, "{}", frames.summary());
}

/// Where both families are served, firmware begins with IPv4, and nothing of IPv6 is in its way.
#[test]
fn firmware_boots_where_both_families_are_served() {
    let place = place("mode: full\n  pools: [192.0.2.100-192.0.2.199]");
    std::thread::scope(|both| {
        both.spawn(|| boots(&place, "bios46", Firmware::Bios, "52:54:00:00:06:03"));
        boots(&place, "uefi46", Firmware::Uefi, "52:54:00:00:06:04");
    });
    for host in ["bios46", "uefi46"] {
        place.tells(host, &[("acknowledge", ""), ("script", "boot.ipxe"), ("kernel", "media/debian/linux")]);
        place.stands_at(host, "booted");
    }
}

#[test]
fn firmware_boots_by_pxe_and_by_http_over_ipv6() {
    let place = place("mode: off");
    std::thread::scope(|both| {
        both.spawn(|| http(&place));
        pxe(&place);
    });
    let leases = place.ironhand.json(&["leases"]);
    let mut addresses: Vec<String> =
        leases.as_array().expect("a list").iter().map(|lease| lease["address"].to_string()).collect();
    let all = addresses.len();
    addresses.sort();
    addresses.dedup();
    assert!(addresses.len() == all && all >= 2, "{leases:#}");
    assert!(addresses.iter().all(|address| address.contains("2001:db8:7:")), "{leases:#}");
    let service = place.ironhand.json(&["boot", "networks"]);
    assert_eq!(service[0]["ipv6"]["leases"], all, "{service:#}");
}

/// OVMF by PXE over IPv6: its own driver, then iPXE on it, each at the address that is kept for the machine.
fn pxe(place: &Place) {
    let kept = "address6: '2001:db8:7::21'";
    let machine = boots_as(place, "pxe6", Firmware::Uefi6, "52:54:00:00:06:01", kept);
    is_ipv6_alone(&machine);
    let frames = machine.frames();
    let global = "ipv6.src == 2001:db8:7::/64 && ipv6.src != 2001:db8:7::1 && (tftp || http)";
    let at_kept = format!("{global} && ipv6.src == 2001:db8:7::21");
    assert!(
        frames.count(&at_kept) > 2 && frames.count(global) == frames.count(&at_kept),
        "{}",
        frames.summary()
    );
    place.tells(
        "pxe6",
        &[
            ("discover", "PXE over IPv6"),
            ("offer", "2001:db8:7::21"),
            ("request", "PXE over IPv6"),
            ("acknowledge", "2001:db8:7::21"),
            ("loader", "ipxe/x64/snponly.efi"),
            ("acknowledge", "2001:db8:7::21"),
            ("script", "boot.ipxe"),
            ("kernel", "media/debian/linux"),
            ("initrd", "media/debian/small.cpio"),
        ],
    );
    place.stands_at("pxe6", "booted");
}

/// OVMF by HTTP boot over IPv6.
fn http(place: &Place) {
    is_ipv6_alone(&boots(place, "http6", Firmware::UefiHttp6, "52:54:00:00:06:02"));
    place.tells(
        "http6",
        &[
            ("offer", "2001:db8:7:"),
            ("acknowledge", "2001:db8:7:"),
            ("loader", "ipxe/x64/"),
            ("script", "boot.ipxe"),
            ("kernel", "media/debian/linux"),
            ("initrd", "media/debian/small.cpio"),
        ],
    );
}
