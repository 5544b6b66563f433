//! The rows by which media are known.

use super::Family;

/// One way in which media are laid out.
pub(super) struct Row {
    pub(super) family: Family,
    /// Of each group one file has to be there.
    pub(super) needs: &'static [&'static [&'static str]],
    /// None of these may be there.
    pub(super) never: &'static [&'static str],
    /// The kernel: the first that is there.
    pub(super) kernel: &'static [&'static str],
    /// What is loaded with it: of each group the first that is there.
    pub(super) initrd: &'static [&'static [&'static str]],
    /// What is fetched when the installer runs: the first that is there.
    pub(super) second_stage: &'static [&'static str],
    /// What there is to know.
    pub(super) notes: &'static [&'static str],
}

/// A row that asks for nothing.
const EMPTY: Row = Row {
    family: Family::RedHat,
    needs: &[],
    never: &[],
    kernel: &[],
    initrd: &[],
    second_stage: &[],
    notes: &[],
};

const DEBIAN_CD: &[&str] = &[
    "install.amd/vmlinuz",
    "install.a64/vmlinuz",
    "install.386/vmlinuz",
    "install.ppc/vmlinux",
    "install.riscv64/vmlinuz",
];
const DEBIAN_CD_INITRD: &[&str] = &[
    "install.amd/initrd.gz",
    "install.a64/initrd.gz",
    "install.386/initrd.gz",
    "install.ppc/initrd.gz",
    "install.riscv64/initrd.gz",
];
const DEBIAN_NET: &[&str] = &[
    "debian-installer/amd64/linux",
    "debian-installer/arm64/linux",
    "debian-installer/i386/linux",
    "debian-installer/ppc64el/vmlinux",
    "debian-installer/riscv64/linux",
    "linux",
];
const DEBIAN_NET_INITRD: &[&str] = &[
    "debian-installer/amd64/initrd.gz",
    "debian-installer/arm64/initrd.gz",
    "debian-installer/i386/initrd.gz",
    "debian-installer/ppc64el/initrd.gz",
    "debian-installer/riscv64/initrd.gz",
    "initrd.gz",
];
const UBUNTU_OLD: &[&str] = &[
    "install/hwe-netboot/ubuntu-installer/amd64/linux",
    "install/netboot/ubuntu-installer/amd64/linux",
    "install/netboot/ubuntu-installer/arm64/linux",
    "install/netboot/ubuntu-installer/i386/linux",
];
const UBUNTU_OLD_INITRD: &[&str] = &[
    "install/hwe-netboot/ubuntu-installer/amd64/initrd.gz",
    "install/netboot/ubuntu-installer/amd64/initrd.gz",
    "install/netboot/ubuntu-installer/arm64/initrd.gz",
    "install/netboot/ubuntu-installer/i386/initrd.gz",
];
const PXEBOOT: &[&str] = &["images/pxeboot/vmlinuz"];
const PXEBOOT_INITRD: &[&str] = &["images/pxeboot/initrd.img"];
const SUSE: &[&str] = &[
    "boot/x86_64/loader/linux",
    "boot/aarch64/linux",
    "boot/aarch64/loader/linux",
    "boot/ppc64le/linux",
    "boot/ppc64le/loader/linux",
    "boot/s390x/linux",
];
const SUSE_INITRD: &[&str] = &[
    "boot/x86_64/loader/initrd",
    "boot/aarch64/initrd",
    "boot/aarch64/loader/initrd",
    "boot/ppc64le/initrd",
    "boot/ppc64le/loader/initrd",
    "boot/s390x/initrd",
];
/// Loaders of Windows; media for UEFI alone, as those for 64-bit ARM are, may lack the first two.
const WINDOWS: &[&str] =
    &["bootmgr.efi", "bootmgr", "efi/boot/bootx64.efi", "efi/boot/bootaa64.efi", "efi/boot/bootia32.efi"];
const SQUASHFS: &str = "LiveOS/squashfs.img";

/// The rows, the more special before the more general.
pub(super) const ROWS: &[Row] = &[
    Row {
        family: Family::Windows,
        needs: &[&["sources/boot.wim"], WINDOWS],
        kernel: WINDOWS,
        initrd: &[
            &["bootmgr"],
            &["bootmgr.efi"],
            &["boot/bcd", "efi/microsoft/boot/bcd"],
            &["boot/boot.sdi"],
            &["sources/boot.wim"],
        ],
        second_stage: &["sources/install.wim", "sources/install.esd", "sources/install.swm"],
        notes: &[
            "it is booted by wimboot, which takes these files by their names",
            "what it boots reads the rest of the medium from a share or a disc, not over HTTP, unless boot.wim fetches it",
        ],
        ..EMPTY
    },
    Row {
        family: Family::Esxi,
        needs: &[&["boot.cfg"], &["b.b00"], &["mboot.c32", "efi/boot/bootx64.efi"]],
        kernel: &["efi/boot/bootx64.efi", "mboot.c32"],
        initrd: &[&["efi/boot/boot.cfg", "boot.cfg"]],
        notes: &["the modules that are listed in boot.cfg are fetched below its prefix"],
        ..EMPTY
    },
    Row {
        family: Family::XenServer,
        needs: &[&["boot/xen.gz"], &["boot/vmlinuz"], &["install.img"]],
        kernel: &["boot/xen.gz"],
        initrd: &[&["boot/vmlinuz"], &["install.img"]],
        notes: &["it is a multiboot kernel with two modules"],
        ..EMPTY
    },
    Row {
        family: Family::UbuntuLive,
        needs: &[
            &["casper/vmlinuz", "casper/vmlinuz.efi", "casper/vmlinux"],
            &["casper/initrd", "casper/initrd.lz", "casper/initrd.gz"],
        ],
        kernel: &["casper/vmlinuz", "casper/vmlinuz.efi", "casper/vmlinux"],
        initrd: &[&["casper/initrd", "casper/initrd.lz", "casper/initrd.gz"]],
        notes: &["the whole image is fetched into memory by the installer (url=)"],
        ..EMPTY
    },
    Row {
        family: Family::UbuntuInstaller,
        needs: &[UBUNTU_OLD, UBUNTU_OLD_INITRD],
        kernel: UBUNTU_OLD,
        initrd: &[UBUNTU_OLD_INITRD],
        ..EMPTY
    },
    Row {
        family: Family::DebianInstaller,
        needs: &[&[".disk/info"], DEBIAN_CD, DEBIAN_CD_INITRD],
        kernel: DEBIAN_CD,
        initrd: &[DEBIAN_CD_INITRD],
        notes: &[
            "this initrd looks for a disc: boot a netboot image of the same release to install over the network",
        ],
        ..EMPTY
    },
    Row {
        family: Family::DebianNetboot,
        needs: &[DEBIAN_NET, DEBIAN_NET_INITRD],
        kernel: DEBIAN_NET,
        initrd: &[DEBIAN_NET_INITRD],
        ..EMPTY
    },
    Row {
        family: Family::SuseMicro,
        needs: &[
            SUSE,
            SUSE_INITRD,
            &["config.bootoptions", "boot/initrd.system_image", "initrd.system_image"],
        ],
        kernel: SUSE,
        initrd: &[SUSE_INITRD],
        notes: &["an image is written to the disk; there is no installer"],
        ..EMPTY
    },
    Row {
        family: Family::SuseAgama,
        needs: &[SUSE, SUSE_INITRD, &[SQUASHFS]],
        kernel: SUSE,
        initrd: &[SUSE_INITRD],
        second_stage: &[SQUASHFS],
        ..EMPTY
    },
    Row { family: Family::Suse, needs: &[SUSE, SUSE_INITRD], kernel: SUSE, initrd: &[SUSE_INITRD], ..EMPTY },
    Row {
        family: Family::RedHat,
        needs: &[PXEBOOT, PXEBOOT_INITRD, &["images/install.img"]],
        kernel: PXEBOOT,
        initrd: &[PXEBOOT_INITRD],
        second_stage: &["images/install.img"],
        ..EMPTY
    },
    Row {
        family: Family::RedHatLive,
        needs: &[PXEBOOT, PXEBOOT_INITRD],
        kernel: PXEBOOT,
        initrd: &[PXEBOOT_INITRD],
        second_stage: &[SQUASHFS],
        ..EMPTY
    },
    Row {
        family: Family::FreeBsd,
        needs: &[&["boot/loader.efi", "boot/loader"], &["boot/kernel/kernel"]],
        kernel: &["boot/loader.efi", "boot/loader"],
        initrd: &[&["boot/kernel/kernel"]],
        notes: &["it is booted by its own loader, or whole into memory by mfsBSD"],
        ..EMPTY
    },
];

/// Loaders of UEFI, in the order in which one is looked for.
pub(super) const LOADERS: &[&str] = &[
    "EFI/BOOT/BOOTX64.EFI",
    "EFI/BOOT/BOOTAA64.EFI",
    "EFI/BOOT/BOOTIA32.EFI",
    "EFI/BOOT/BOOTRISCV64.EFI",
    "EFI/BOOT/grubx64.efi",
    "EFI/BOOT/grubaa64.efi",
    "EFI/BOOT/grub.efi",
    "EFI/BOOT/mmx64.efi",
    "EFI/BOOT/mmaa64.efi",
    "EFI/BOOT/crypto64.efi",
    "EFI/BOOT/safeboot.efi",
    "boot/grubx64.efi",
    "debian-installer/amd64/bootnetx64.efi",
    "debian-installer/amd64/grubx64.efi",
    "debian-installer/arm64/bootnetaa64.efi",
    "debian-installer/arm64/grubaa64.efi",
    "bootnetx64.efi",
];

/// Which architecture a loader is for, where nothing else says it.
pub(super) const LOADERS_OF: &[(&str, &str)] = &[
    ("EFI/BOOT/BOOTX64.EFI", "amd64"),
    ("EFI/BOOT/BOOTAA64.EFI", "arm64"),
    ("EFI/BOOT/BOOTRISCV64.EFI", "riscv64"),
    ("EFI/BOOT/BOOTIA32.EFI", "i386"),
];

/// Words in paths and descriptions, and the architecture that they stand for.
pub(super) const ARCHITECTURES: &[(&str, &str)] = &[
    ("amd64", "amd64"),
    ("x86_64", "amd64"),
    ("amd", "amd64"),
    ("arm64", "arm64"),
    ("aarch64", "arm64"),
    ("a64", "arm64"),
    ("i386", "i386"),
    ("i686", "i386"),
    ("386", "i386"),
    ("ppc64el", "ppc64el"),
    ("ppc64le", "ppc64el"),
    ("s390x", "s390x"),
    ("riscv64", "riscv64"),
];
