//! The networks and machines of these tests, proved with a server that we did not write.

use std::time::Duration;

use e2e::{Firmware, Machine, Network, Party, peer_file};

/// Software emulation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// dnsmasq with a script for iPXE, which boots Debian's kernel.
#[test]
fn firmware_boots_what_dnsmasq_offers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let installer = peer_file(INSTALLER);
    for (from, to) in [(installer.join("linux"), "linux"), (peer_file("boot/small.cpio"), "small.cpio")] {
        std::fs::copy(from, folder.path().join(to)).expect("a boot file");
    }
    let script = "#!ipxe\nkernel linux console=ttyS0 quiet told-by=dnsmasq\ninitrd small.cpio\nboot\n";
    std::fs::write(folder.path().join("script.ipxe"), script).expect("a script");
    let network = Network::new();
    let server = Party::at(&network, "dnsmasq", "192.0.2.1/24");
    let root = format!("--tftp-root={}", folder.path().display());
    let arguments =
        ["--dhcp-range=192.0.2.100,192.0.2.120", "--dhcp-boot=script.ipxe", "--enable-tftp", &root];
    let _dnsmasq = server.dnsmasq(&arguments, &folder.path().join("log"));
    let mut machine = Machine::boot(&network, Firmware::Bios, "52:54:00:00:00:01");
    machine.shows("marker: console=ttyS0 quiet told-by=dnsmasq", PATIENCE);
    machine.ends(PATIENCE);
    let frames = machine.frames();
    frames.judge("dhcp && ip.src == 192.0.2.1");
    assert_eq!(frames.count("tftp.opcode == 1 && tftp.source_file == \"small.cpio\""), 1);
}

const INSTALLER: &str = "boot/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64";
