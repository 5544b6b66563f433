//! Layouts of real media, from listings: a few of the files of each.

use super::*;

struct Listing(&'static [(&'static str, &'static str)]);

impl Files for Listing {
    fn spelled(&self, path: &str) -> Option<String> {
        self.0
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(path))
            .map(|(known, _)| (*known).to_owned())
    }

    fn text(&self, path: &str) -> Option<String> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(path)).map(|(_, text)| (*text).to_owned())
    }
}

/// What is expected of a listing.
struct Expected {
    family: Option<Family>,
    title: Option<&'static str>,
    architecture: Option<&'static str>,
    kernel: Option<&'static str>,
    initrd: &'static [&'static str],
    second_stage: Option<&'static str>,
    loaders: &'static [&'static str],
}

fn check(files: &'static [(&'static str, &'static str)], expected: Expected) {
    let medium = recognise(&Listing(files));
    assert_eq!(medium.family, expected.family, "{files:?}");
    assert_eq!(medium.title.as_deref(), expected.title, "{files:?}");
    assert_eq!(medium.architecture, expected.architecture, "{files:?}");
    assert_eq!(medium.kernel.as_deref(), expected.kernel, "{files:?}");
    assert_eq!(medium.initrd, expected.initrd, "{files:?}");
    assert_eq!(medium.second_stage.as_deref(), expected.second_stage, "{files:?}");
    assert_eq!(medium.loaders, expected.loaders, "{files:?}");
}

#[test]
fn debian_and_ubuntu_are_known() {
    check(
        &[
            (
                ".disk/info",
                "Debian GNU/Linux 12.5.0 \"Bookworm\" - Official amd64 NETINST with firmware 20240210-11:27\n",
            ),
            ("install.amd/vmlinuz", ""),
            ("install.amd/initrd.gz", ""),
            ("install.amd/gtk/vmlinuz", ""),
            ("EFI/boot/bootx64.efi", ""),
            ("EFI/boot/grubx64.efi", ""),
        ],
        Expected {
            family: Some(Family::DebianInstaller),
            title: Some("Debian GNU/Linux 12.5.0 \"Bookworm\""),
            architecture: Some("amd64"),
            kernel: Some("install.amd/vmlinuz"),
            initrd: &["install.amd/initrd.gz"],
            second_stage: None,
            loaders: &["EFI/boot/bootx64.efi", "EFI/boot/grubx64.efi"],
        },
    );
    check(
        &[("linux", ""), ("initrd.gz", ""), (".disk/info", "Debian GNU/Linux 12 - mini arm64\n")],
        Expected {
            family: Some(Family::DebianNetboot),
            title: Some("Debian GNU/Linux 12"),
            architecture: Some("arm64"),
            kernel: Some("linux"),
            initrd: &["initrd.gz"],
            second_stage: None,
            loaders: &[],
        },
    );
    check(
        &[
            ("debian-installer/amd64/linux", ""),
            ("debian-installer/amd64/initrd.gz", ""),
            ("debian-installer/amd64/bootnetx64.efi", ""),
            ("debian-installer/amd64/grubx64.efi", ""),
        ],
        Expected {
            family: Some(Family::DebianNetboot),
            title: None,
            architecture: Some("amd64"),
            kernel: Some("debian-installer/amd64/linux"),
            initrd: &["debian-installer/amd64/initrd.gz"],
            second_stage: None,
            loaders: &["debian-installer/amd64/bootnetx64.efi", "debian-installer/amd64/grubx64.efi"],
        },
    );
    check(
        &[
            (".disk/info", "Ubuntu-Server 20.04.6 LTS \"Focal Fossa\" - Release amd64 (20230314)"),
            ("casper/vmlinuz", ""),
            ("casper/initrd", ""),
            ("casper/hwe-vmlinuz", ""),
            ("EFI/BOOT/BOOTx64.EFI", ""),
            ("EFI/BOOT/grubx64.efi", ""),
            ("EFI/BOOT/mmx64.efi", ""),
        ],
        Expected {
            family: Some(Family::UbuntuLive),
            title: Some("Ubuntu-Server 20.04.6 LTS \"Focal Fossa\""),
            architecture: Some("amd64"),
            kernel: Some("casper/vmlinuz"),
            initrd: &["casper/initrd"],
            second_stage: None,
            loaders: &["EFI/BOOT/BOOTx64.EFI", "EFI/BOOT/grubx64.efi", "EFI/BOOT/mmx64.efi"],
        },
    );
    check(
        &[
            (".disk/info", "Ubuntu-Server 16.04.7 LTS \"Xenial Xerus\" - Release amd64 (20200810)"),
            ("install/vmlinuz", ""),
            ("install/netboot/ubuntu-installer/amd64/linux", ""),
            ("install/netboot/ubuntu-installer/amd64/initrd.gz", ""),
            ("install/hwe-netboot/ubuntu-installer/amd64/linux", ""),
            ("install/hwe-netboot/ubuntu-installer/amd64/initrd.gz", ""),
            ("EFI/BOOT/BOOTx64.EFI", ""),
        ],
        Expected {
            family: Some(Family::UbuntuInstaller),
            title: Some("Ubuntu-Server 16.04.7 LTS \"Xenial Xerus\""),
            architecture: Some("amd64"),
            kernel: Some("install/hwe-netboot/ubuntu-installer/amd64/linux"),
            initrd: &["install/hwe-netboot/ubuntu-installer/amd64/initrd.gz"],
            second_stage: None,
            loaders: &["EFI/BOOT/BOOTx64.EFI"],
        },
    );
}

#[test]
fn red_hat_and_suse_are_known() {
    check(
        &[
            (
                ".treeinfo",
                "[general]\nfamily = AlmaLinux\nversion = 9.4\narch = x86_64\n[release]\nname = AlmaLinux\nversion = 9.4\n",
            ),
            (".discinfo", "1714000000.0\nAlmaLinux 9.4\nx86_64\n"),
            ("images/pxeboot/vmlinuz", ""),
            ("images/pxeboot/initrd.img", ""),
            ("images/install.img", ""),
            ("EFI/BOOT/BOOTX64.EFI", ""),
            ("EFI/BOOT/grubx64.efi", ""),
            ("EFI/BOOT/mmx64.efi", ""),
        ],
        Expected {
            family: Some(Family::RedHat),
            title: Some("AlmaLinux 9.4"),
            architecture: Some("amd64"),
            kernel: Some("images/pxeboot/vmlinuz"),
            initrd: &["images/pxeboot/initrd.img"],
            second_stage: Some("images/install.img"),
            loaders: &["EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/grubx64.efi", "EFI/BOOT/mmx64.efi"],
        },
    );
    check(
        &[
            ("images/pxeboot/vmlinuz", ""),
            ("images/pxeboot/initrd.img", ""),
            ("LiveOS/squashfs.img", ""),
            ("EFI/BOOT/BOOTAA64.EFI", ""),
        ],
        Expected {
            family: Some(Family::RedHatLive),
            title: None,
            architecture: Some("arm64"),
            kernel: Some("images/pxeboot/vmlinuz"),
            initrd: &["images/pxeboot/initrd.img"],
            second_stage: Some("LiveOS/squashfs.img"),
            loaders: &["EFI/BOOT/BOOTAA64.EFI"],
        },
    );
    check(
        &[
            ("media.1/products", "/ SLES15-SP5 15.5-0\n"),
            ("media.1/media", ""),
            ("boot/x86_64/loader/linux", ""),
            ("boot/x86_64/loader/initrd", ""),
            ("EFI/BOOT/bootx64.efi", ""),
            ("EFI/BOOT/grub.efi", ""),
        ],
        Expected {
            family: Some(Family::Suse),
            title: Some("SLES15-SP5 15.5-0"),
            architecture: Some("amd64"),
            kernel: Some("boot/x86_64/loader/linux"),
            initrd: &["boot/x86_64/loader/initrd"],
            second_stage: None,
            loaders: &["EFI/BOOT/bootx64.efi", "EFI/BOOT/grub.efi"],
        },
    );
    check(
        &[
            ("install/media.1/products", "/ Leap 16.0-0\n"),
            ("boot/x86_64/loader/linux", ""),
            ("boot/x86_64/loader/initrd", ""),
            ("LiveOS/squashfs.img", ""),
        ],
        Expected {
            family: Some(Family::SuseAgama),
            title: Some("Leap 16.0-0"),
            architecture: Some("amd64"),
            kernel: Some("boot/x86_64/loader/linux"),
            initrd: &["boot/x86_64/loader/initrd"],
            second_stage: Some("LiveOS/squashfs.img"),
            loaders: &[],
        },
    );
    check(
        &[("initrd.system_image", ""), ("boot/x86_64/loader/linux", ""), ("boot/x86_64/loader/initrd", "")],
        Expected {
            family: Some(Family::SuseMicro),
            title: None,
            architecture: Some("amd64"),
            kernel: Some("boot/x86_64/loader/linux"),
            initrd: &["boot/x86_64/loader/initrd"],
            second_stage: None,
            loaders: &[],
        },
    );
}

#[test]
fn other_systems_are_known() {
    check(
        &[
            (".discinfo", "1\nESXi 7.0.3\n"),
            ("boot.cfg", ""),
            ("b.b00", ""),
            ("mboot.c32", ""),
            ("efi/boot/bootx64.efi", ""),
            ("efi/boot/boot.cfg", ""),
            ("efi/boot/crypto64.efi", ""),
        ],
        Expected {
            family: Some(Family::Esxi),
            title: Some("ESXi 7.0.3"),
            architecture: Some("amd64"),
            kernel: Some("efi/boot/bootx64.efi"),
            initrd: &["efi/boot/boot.cfg"],
            second_stage: None,
            loaders: &["efi/boot/bootx64.efi", "efi/boot/crypto64.efi"],
        },
    );
    check(
        &[
            (".treeinfo", "[release]\nname = XenServer\nversion = 7.0\n"),
            ("boot/xen.gz", ""),
            ("boot/vmlinuz", ""),
            ("install.img", ""),
            ("boot/grubx64.efi", ""),
        ],
        Expected {
            family: Some(Family::XenServer),
            title: Some("XenServer 7.0"),
            architecture: None,
            kernel: Some("boot/xen.gz"),
            initrd: &["boot/vmlinuz", "install.img"],
            second_stage: None,
            loaders: &["boot/grubx64.efi"],
        },
    );
    check(
        &[
            ("bootmgr", ""),
            ("bootmgr.efi", ""),
            ("boot/bcd", ""),
            ("boot/boot.sdi", ""),
            ("sources/boot.wim", ""),
            ("sources/install.wim", ""),
            ("efi/boot/bootx64.efi", ""),
        ],
        Expected {
            family: Some(Family::Windows),
            title: None,
            architecture: Some("amd64"),
            kernel: Some("bootmgr.efi"),
            initrd: &["bootmgr", "bootmgr.efi", "boot/bcd", "boot/boot.sdi", "sources/boot.wim"],
            second_stage: Some("sources/install.wim"),
            loaders: &["efi/boot/bootx64.efi"],
        },
    );
    // For 64-bit ARM, and without BIOS.
    check(
        &[
            ("efi/boot/bootaa64.efi", ""),
            ("efi/microsoft/boot/bcd", ""),
            ("boot/boot.sdi", ""),
            ("sources/boot.wim", ""),
            ("sources/install.esd", ""),
        ],
        Expected {
            family: Some(Family::Windows),
            title: None,
            architecture: Some("arm64"),
            kernel: Some("efi/boot/bootaa64.efi"),
            initrd: &["efi/microsoft/boot/bcd", "boot/boot.sdi", "sources/boot.wim"],
            second_stage: Some("sources/install.esd"),
            loaders: &["efi/boot/bootaa64.efi"],
        },
    );
    check(
        &[("boot/loader.efi", ""), ("boot/loader", ""), ("boot/kernel/kernel", ""), (".profile", "")],
        Expected {
            family: Some(Family::FreeBsd),
            title: None,
            architecture: None,
            kernel: Some("boot/loader.efi"),
            initrd: &["boot/kernel/kernel"],
            second_stage: None,
            loaders: &[],
        },
    );
    check(
        &[("hello.txt", ""), ("EFI/BOOT/BOOTX64.EFI", "")],
        Expected {
            family: None,
            title: None,
            architecture: Some("amd64"),
            kernel: None,
            initrd: &[],
            second_stage: None,
            loaders: &["EFI/BOOT/BOOTX64.EFI"],
        },
    );
}
