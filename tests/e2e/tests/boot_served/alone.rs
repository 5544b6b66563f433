//! Where the product gives address and program alike.

use e2e::{Firmware, Machine, peer_file};

use crate::PATIENCE;
use crate::place::{FULL, OURS, Place, text, write_image};

#[test]
fn firmware_boots_by_pxe_and_by_http_and_each_machine_what_is_its_own() {
    let place = Place::new(FULL);
    std::thread::scope(|both| {
        both.spawn(|| bios(&place));
        both.spawn(|| http(&place));
    });
    uefi(&place);
    // Each address was given to one machine.
    let leases = place.ironhand.json(&["leases"]);
    let mut addresses: Vec<String> =
        leases.as_array().expect("a list").iter().map(|lease| lease["address"].to_string()).collect();
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 3, "{leases:#}");
}

/// SeaBIOS with iPXE in the ROM of its card.
fn bios(place: &Place) {
    let mac = "52:54:00:00:05:01";
    place.boots("bios", Firmware::Bios, mac);
    place.tells(
        "bios",
        &[
            ("discover", ""),
            ("offer", "192.0.2."),
            ("request", ""),
            ("acknowledge", "192.0.2."),
            ("script", "boot.ipxe"),
            ("kernel", "media/debian/linux"),
            ("initrd", "media/debian/small.cpio"),
        ],
    );
    place.stands_at("bios", "booted");
}

/// OVMF by PXE: its own driver, then iPXE on it.
fn uefi(place: &Place) {
    let machine = place.boots("uefi", Firmware::Uefi, "52:54:00:00:05:02");
    place.tells(
        "uefi",
        &[
            ("offer", "192.0.2."),
            ("acknowledge", "192.0.2."),
            ("loader", "ipxe/x64/snponly.efi"),
            ("acknowledge", "192.0.2."),
            ("script", "boot.ipxe"),
            ("kernel", "media/debian/linux"),
            ("initrd", "media/debian/small.cpio"),
        ],
    );
    let frames = machine.frames();
    assert_eq!(
        frames.count(
            "tftp.opcode == 1 && tftp.source_file == \"ipxe/x64/snponly.efi\" && !tftp.option.value == \"0\""
        ),
        1,
        "{}",
        frames.summary()
    );
}

/// OVMF by HTTP boot.
fn http(place: &Place) {
    place.boots("http", Firmware::UefiHttp, "52:54:00:00:05:03");
    place.tells(
        "http",
        &[
            ("offer", "192.0.2."),
            ("acknowledge", "192.0.2."),
            ("loader", "ipxe/x64/"),
            ("script", "boot.ipxe"),
            ("kernel", "media/debian/linux"),
            ("initrd", "media/debian/small.cpio"),
        ],
    );
}

#[test]
fn secure_boot_starts_what_is_signed() {
    let place = Place::new(&format!("{FULL}, loader: secure"));
    let machine = place.boots("signed", Firmware::SecureBoot, "52:54:00:00:05:04");
    place.tells(
        "signed",
        &[
            ("loader", "secure/x64/shimx64.efi"),
            ("loader", "secure/x64/grubx64.efi"),
            ("script", "grub/grub.cfg"),
            ("script", "grub.cfg-01-52:54:00:00:05:04"),
            ("kernel", "media/debian/linux"),
            ("initrd", "media/debian/small.cpio"),
        ],
    );
    assert_eq!(machine.frames().count("http"), 0, "shim and GRUB stay with the protocol they came by");
    place.stands_at("signed", "booted");
}

#[test]
fn secure_boot_refuses_what_is_not_signed_and_that_is_told_as_a_stall() {
    let place = Place::new(FULL);
    place.describe_host("unsigned", "52:54:00:00:05:05");
    place.deploy("unsigned", "told-by=nobody");
    let mut machine = Machine::boot(&place.network, Firmware::SecureBoot, "52:54:00:00:05:05");
    machine.shows("Access Denied", PATIENCE);
    machine.frames().judge(OURS);
    place.tells("unsigned", &[("loader", "ipxe/x64/snponly.efi")]);
    machine.waits("the stall is told", PATIENCE, |_| {
        place.events("boot.stalled").iter().any(|told| told.contains("Secure Boot"))
    });
}

/// AAVMF by PXE. There is no iPXE for it here, and so it is given the signed GRUB of Debian's installer.
#[test]
fn arm64_boots_by_grub() {
    let place = Place::new(FULL);
    let installer = peer_file("boot/usr/lib/debian-installer/images/12/arm64/text/debian-installer/arm64");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let image = write_image(folder.path(), &[installer.join("linux")]);
    place.ironhand.ok(&["media", "add", "arm64", text(&image), "--link"]);
    place.ironhand.ok(&["media", "add", "grub", "--loaders", text(&installer.join("grubaa64.efi"))]);
    let mac = "52:54:00:00:05:06";
    place.describe_host("arm", mac);
    // Without a root file system: the kernel says what it was told, and that it has none.
    place.ironhand.apply(
        "apiVersion: ironhand/v1\nkind: Profile\nmetadata: { name: arm }\nspec:\n  media: arm64\n  kernel: linux\n  \
         commandLine: console=ttyAMA0 panic=-1 told-by=arm\n  architectures: [arm64]\n---\n\
         apiVersion: ironhand/v1\nkind: Deployment\nmetadata: { name: arm }\nspec: { host: arm, profile: arm }\n",
    );
    let mut machine = Machine::boot(&place.network, Firmware::Arm64, mac);
    machine.shows("Kernel command line: ", PATIENCE);
    machine.shows("told-by=arm", PATIENCE);
    machine.ends(PATIENCE);
    machine.frames().judge(OURS);
    place.tells(
        "arm",
        &[
            ("loader", "grub/arm64/grubaa64.efi"),
            ("script", "grub.cfg"),
            ("script", "grub.cfg-01-52:54:00:00:05:06"),
            ("kernel", "media/arm64/linux"),
        ],
    );
    place.stands_at("arm", "booted");
}
