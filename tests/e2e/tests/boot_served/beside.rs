//! Beside a DHCP server that is not ours: it gives the addresses, and the product says what is booted.

use e2e::{Firmware, Party, Peer, wait_until};

use crate::PATIENCE;
use crate::place::Place;

/// dnsmasq, which gives addresses and nothing else.
struct Foreign {
    _party: Party,
    _dnsmasq: Peer,
    _folder: tempfile::TempDir,
}

impl Foreign {
    /// Starts it with further options.
    fn start(place: &Place, more: &[&str]) -> Self {
        let party = Party::at(&place.network, "foreign", "192.0.2.2/24");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let range = ["--dhcp-range=192.0.2.100,192.0.2.120"];
        let dnsmasq = party.dnsmasq(&[&range[..], more].concat(), &folder.path().join("log"));
        Self { _party: party, _dnsmasq: dnsmasq, _folder: folder }
    }
}

fn place(options: &[&str]) -> (Place, Foreign) {
    let network = e2e::Network::new();
    let server = Party::at(&network, "server", "192.0.2.1/24");
    let place = Place::of(network, server);
    let foreign = Foreign::start(&place, options);
    (place, foreign)
}

const FOREIGN_ADDRESS: &str = "dhcp.option.dhcp == 5 && ip.src == 192.0.2.2 && dhcp.ip.your != 0.0.0.0";
const OUR_ADDRESS: &str = "dhcp && ip.src == 192.0.2.1 && dhcp.ip.your != 0.0.0.0";

#[test]
fn a_proxy_says_what_is_booted_and_gives_no_address() {
    let (place, _foreign) = place(&[]);
    place.describe_network("subnet: 192.0.2.0/24, interface: eth0, mode: proxy");
    std::thread::scope(|both| {
        both.spawn(|| {
            let machine = place.boots("uefi", Firmware::Uefi, "52:54:00:00:06:01");
            let frames = machine.frames();
            assert!(frames.count(FOREIGN_ADDRESS) >= 2, "{}", frames.summary());
            assert_eq!(frames.count(OUR_ADDRESS), 0, "{}", frames.summary());
            let details = "dhcp.option.dhcp == 5 && udp.srcport == 4011";
            assert!(frames.count(details) >= 1, "{}", frames.summary());
        });
        both.spawn(|| {
            let machine = place.boots("bios", Firmware::Bios, "52:54:00:00:06:02");
            let frames = machine.frames();
            assert!(frames.count(FOREIGN_ADDRESS) >= 1, "{}", frames.summary());
            assert_eq!(frames.count(OUR_ADDRESS), 0, "{}", frames.summary());
        });
    });
    let steps =
        [("script", "boot.ipxe"), ("kernel", "media/debian/linux"), ("initrd", "media/debian/small.cpio")];
    // The other server gave the address; whose the loader is that is read there is told by the questions of the machine.
    let firmware = [
        ("request", "which 192.0.2.2 offers"),
        ("acknowledge", "on port 4011"),
        ("loader", "ipxe/x64/snponly.efi"),
        ("request", "which 192.0.2.2 offers"),
    ];
    place.tells("bios", &[&firmware[..1], &steps].concat());
    place.tells("uefi", &[&firmware[..], &steps].concat());
    assert_eq!(place.ironhand.json(&["leases"]), serde_json::json!([]), "they are the other server's");
}

#[test]
fn addresses_are_not_given_where_another_server_gives_them() {
    let (place, _foreign) = place(&[]);
    place.ironhand.apply(
        "apiVersion: ironhand/v1\nkind: Network\nmetadata: { name: lab }\nspec: { subnet: 192.0.2.0/24, \
         interface: eth0, mode: full, pools: [192.0.2.200-192.0.2.210] }\n",
    );
    wait_until("the other server is told", PATIENCE, || {
        let told = place.events("network.foreign-server");
        let found = told.iter().any(|told| told.contains("192.0.2.2"));
        if found { Ok(()) } else { Err(place.ironhand.ok(&["events"])) }
    });
}

#[test]
fn pxelinux_that_another_server_names_reads_what_is_booted_from_us() {
    let (place, _foreign) = place(&["--dhcp-boot=pxelinux/bios/pxelinux.0,,192.0.2.1"]);
    place.ironhand.apply(
        "apiVersion: ironhand/v1\nkind: Network\nmetadata: { name: lab }\nspec: { subnet: 192.0.2.0/24, \
         interface: eth0, mode: off }\n",
    );
    let machine = place.boots("old", Firmware::Bios, "52:54:00:00:06:03");
    let frames = machine.frames();
    assert_eq!(frames.count("dhcp && ip.src == 192.0.2.1"), 0, "{}", frames.summary());
    place.tells(
        "old",
        &[
            // Whose the loader was is not known before it says so in the name of its script.
            ("script", "pxelinux.cfg/01-52-54-00-00-06-03"),
            ("kernel", "media/debian/linux"),
            ("initrd", "media/debian/small.cpio"),
        ],
    );
    place.stands_at("old", "booted");
}
