//! Real firmware and the loaders of Debian against our DHCP, TFTP and HTTP; tshark judges each frame of ours.

mod alone;
mod beside;
mod relayed;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use e2e::{Files, Firmware, Machine, Network, Offer, Party, Station, peer_file};

/// Software emulation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// What our server says.
const OURS: &str = "(dhcp || tftp || http) && ip.src == 192.0.2.1";

/// A network with a station in it.
struct Place {
    network: Network,
    station: Station,
    server: Party,
}

impl Place {
    fn new(offer: Offer, files: Files) -> Self {
        let network = Network::new();
        let server = Party::at(&network, "server", "192.0.2.1/24");
        let station = Station::start(&server, SERVER, offer, files);
        Self { network, station, server }
    }

    /// Switches a machine on, which must come as far as a system that prints `marker`.
    fn boots(&self, firmware: Firmware, hardware_address: &str, marker: &str) -> Machine {
        boots(&self.network, firmware, hardware_address, marker)
    }
}

fn boots(network: &Network, firmware: Firmware, hardware_address: &str, marker: &str) -> Machine {
    let mut machine = Machine::boot(network, firmware, hardware_address);
    machine.shows(marker, PATIENCE);
    machine.ends(PATIENCE);
    machine.frames().judge(OURS);
    machine
}

/// A file of Debian's network installer.
fn installer(file: &str) -> PathBuf {
    peer_file("boot/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64").join(file)
}

/// Debian's kernel with a small system, which prints its command line and switches off; both EFI builds of iPXE; and a
/// script that starts the kernel.
fn files(told_by: &str) -> Files {
    let script = format!(
        "#!ipxe\nkernel linux initrd=small.cpio console=ttyS0 quiet told-by={told_by}\ninitrd small.cpio\nboot\n"
    );
    Files::default()
        .file("linux", &installer("linux"))
        .file("small.cpio", &peer_file("boot/small.cpio"))
        .file("ipxe/x64/snponly.efi", &peer_file("boot/usr/lib/ipxe/snponly.efi"))
        .file("ipxe/x64/ipxe.efi", &peer_file("boot/boot/ipxe.efi"))
        .text("boot.ipxe", &script)
}

/// What each kind of client is told in every one of these networks.
fn chain(offer: Offer) -> Offer {
    Offer { pxe: "ipxe/x64/snponly.efi", http: "ipxe/x64/ipxe.efi", ipxe: "boot.ipxe", ..offer }
}
