//! Where our server gives address and boot file alike.

use e2e::{Firmware, Machine, Offer, peer_file};
use ironhand_boot_port::Service;

use crate::{PATIENCE, Place, SERVER, chain, files, installer};

#[test]
fn bios_boots_the_installer_by_the_ipxe_of_its_card() {
    let script = "#!ipxe\nkernel linux console=ttyS0 quiet rdinit=/marker told-by=bios\n\
                  initrd initrd.gz\ninitrd marker.cpio\nboot\n";
    let files = files("nobody")
        .text("boot.ipxe", script)
        .file("initrd.gz", &installer("initrd.gz"))
        .file("marker.cpio", &peer_file("boot/marker.cpio"));
    let place = Place::new(chain(Offer::full(SERVER)), files);
    place.boots(
        Firmware::Bios,
        "52:54:00:00:01:01",
        "marker: console=ttyS0 quiet rdinit=/marker told-by=bios",
    );
    for file in ["boot.ipxe", "linux", "initrd.gz", "marker.cpio"] {
        place.station.has_sent(Service::Http, file);
    }
}

#[test]
fn uefi_boots_ipxe_by_tftp_and_what_its_script_says() {
    let place = Place::new(chain(Offer::full(SERVER)), files("uefi"));
    let machine = place.boots(Firmware::Uefi, "52:54:00:00:01:02", "told-by=uefi");
    place.station.has_sent(Service::Tftp, "ipxe/x64/snponly.efi");
    place.station.has_sent(Service::Http, "boot.ipxe");
    // OVMF asks how long the file is, and leaves with an error when it knows (rule T2).
    assert_eq!(machine.frames().count("tftp.opcode == 5 && tftp.error.code == 8"), 1);
}

#[test]
fn uefi_boots_ipxe_by_http() {
    let place = Place::new(chain(Offer::full(SERVER)), files("http"));
    place.boots(Firmware::UefiHttp, "52:54:00:00:01:03", "told-by=http");
    place.station.has_sent(Service::Http, "ipxe/x64/ipxe.efi");
}

#[test]
fn secure_boot_starts_what_is_signed() {
    let configuration = "set timeout=0\nlinux /linux console=ttyS0 quiet told-by=grub\n\
                         initrd /small.cpio\nboot\n";
    let signed = "boot/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed";
    let files = files("nobody")
        .file("shim/shimx64.efi", &peer_file("boot/usr/lib/shim/shimx64.efi.signed"))
        .file("shim/grubx64.efi", &peer_file(signed))
        .text("grub/grub.cfg", configuration);
    let place = Place::new(Offer { pxe: "shim/shimx64.efi", ..Offer::full(SERVER) }, files);
    place.boots(Firmware::SecureBoot, "52:54:00:00:01:04", "told-by=grub");
    for file in ["shim/shimx64.efi", "shim/grubx64.efi", "grub/grub.cfg", "linux", "small.cpio"] {
        place.station.has_sent(Service::Tftp, file);
    }
}

#[test]
fn secure_boot_refuses_what_is_not_signed() {
    let place = Place::new(chain(Offer::full(SERVER)), files("nobody"));
    let mut machine = Machine::boot(&place.network, Firmware::SecureBoot, "52:54:00:00:01:05");
    machine.shows("Access Denied", PATIENCE);
    place.station.has_sent(Service::Tftp, "ipxe/x64/snponly.efi");
}
