//! Beside a DHCP server that is not ours: it gives the addresses, and we what is booted (PXE 2.1, section 2.4.3).

use e2e::{Firmware, Offer, Party, Peer};
use ironhand_boot_port::Service;

use crate::{Place, SERVER, chain, files};

/// A machine with dnsmasq, which gives addresses and nothing else.
struct Foreign {
    _party: Party,
    _dnsmasq: Peer,
    _folder: tempfile::TempDir,
}

impl Foreign {
    fn start(place: &Place) -> Self {
        let party = Party::at(&place.network, "foreign", "192.0.2.2/24");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dnsmasq = party.dnsmasq(&["--dhcp-range=192.0.2.100,192.0.2.120"], &folder.path().join("log"));
        Self { _party: party, _dnsmasq: dnsmasq, _folder: folder }
    }
}

const FOREIGN_ADDRESS: &str = "dhcp.option.dhcp == 5 && ip.src == 192.0.2.2 && dhcp.ip.your != 0.0.0.0";
const OUR_ADDRESS: &str = "dhcp && ip.src == 192.0.2.1 && dhcp.ip.your != 0.0.0.0";

#[test]
fn uefi_asks_at_port_4011() {
    let place = Place::new(chain(Offer::proxy(SERVER)), files("proxy"));
    let _foreign = Foreign::start(&place);
    let machine = place.boots(Firmware::Uefi, "52:54:00:00:02:01", "told-by=proxy");
    let frames = machine.frames();
    assert!(frames.count(FOREIGN_ADDRESS) >= 2, "{}", frames.summary());
    assert_eq!(frames.count(OUR_ADDRESS), 0, "{}", frames.summary());
    assert!(frames.count("dhcp.option.dhcp == 5 && udp.srcport == 4011") >= 1, "{}", frames.summary());
    place.station.has_sent(Service::Tftp, "ipxe/x64/snponly.efi");
}

#[test]
fn bios_takes_the_script_of_our_offer() {
    let place = Place::new(chain(Offer::proxy(SERVER)), files("proxy"));
    let _foreign = Foreign::start(&place);
    let machine = place.boots(Firmware::Bios, "52:54:00:00:02:02", "told-by=proxy");
    let frames = machine.frames();
    assert!(frames.count(FOREIGN_ADDRESS) >= 1, "{}", frames.summary());
    assert_eq!(frames.count(OUR_ADDRESS), 0, "{}", frames.summary());
}

#[test]
fn uefi_takes_the_url_of_our_offer() {
    let place = Place::new(chain(Offer::proxy(SERVER)), files("proxy"));
    let _foreign = Foreign::start(&place);
    let machine = place.boots(Firmware::UefiHttp, "52:54:00:00:02:03", "told-by=proxy");
    let frames = machine.frames();
    assert_eq!(frames.count(OUR_ADDRESS), 0, "{}", frames.summary());
    place.station.has_sent(Service::Http, "ipxe/x64/ipxe.efi");
}
