//! Machines with real firmware, which QEMU emulates in software, and which boot from a network of the test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::wire::Wire;
use crate::{Display, Frozen, Network, Party, Peer, peer, peer_file};

/// What a machine starts with. Each boots from its network card first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// SeaBIOS; the card's boot ROM is iPXE.
    Bios,
    /// UEFI by PXE, with its own driver for the card.
    Uefi,
    /// UEFI by HTTP boot alone.
    UefiHttp,
    /// UEFI by PXE over IPv6 alone.
    Uefi6,
    /// UEFI by HTTP boot over IPv6 alone.
    UefiHttp6,
    /// UEFI by PXE, with Microsoft's keys: it starts only what they or theirs have signed.
    SecureBoot,
    /// UEFI on 64-bit ARM, by PXE.
    Arm64,
}

/// What a machine is built of.
#[derive(Clone, Copy, Debug)]
pub struct Hardware<'h> {
    /// What it starts with.
    pub firmware: Firmware,
    /// The hardware address of its network card. Its serial number is the same without colons.
    pub address: &'h str,
    /// Its disk, which it boots from where the network gives it nothing; it has none where absent.
    pub disk: Option<&'h Path>,
    /// Whether it has a screen, which is its console then. Without one its console is its serial line.
    pub screen: bool,
}

impl<'h> Hardware<'h> {
    /// A machine without a disk and a screen.
    pub const fn new(firmware: Firmware, address: &'h str) -> Self {
        Self { firmware, address, disk: None, screen: false }
    }

    /// The serial number that its firmware knows (SMBIOS).
    pub fn serial(&self) -> String {
        self.address.replace(':', "").to_uppercase()
    }
}

/// The socket in a machine's folder that QEMU serves its screen at.
const SCREEN: &str = "screen";

/// A running machine, switched off when dropped.
pub struct Machine {
    folder: tempfile::TempDir,
    wire: Wire,
    qemu: Peer,
}

impl Machine {
    /// Switches on a machine with this firmware and hardware address in this network.
    pub fn boot(network: &Network, firmware: Firmware, hardware_address: &str) -> Self {
        Self::start(network, &Hardware::new(firmware, hardware_address))
    }

    /// Switches a machine on in this network.
    pub fn start(network: &Network, hardware: &Hardware<'_>) -> Self {
        let Hardware { firmware, address: hardware_address, disk, screen } = *hardware;
        let interface = network.plug();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let wire = Wire::new(network, &interface, &folder.path().join("wire.pcap"));
        let serial = format!("file:{}", folder.path().join("serial").display());
        let device = match firmware {
            Firmware::Bios => format!("virtio-net-pci,netdev=net,mac={hardware_address},bootindex=1"),
            // Without the card's boot ROM, which is iPXE: the firmware's own network stack is what servers meet.
            _ => format!("virtio-net-pci,netdev=net,mac={hardware_address},bootindex=1,romfile="),
        };
        let mut arguments: Vec<String> = [
            "-accel",
            "tcg",
            "-m",
            "1024",
            "-nodefaults",
            "-display",
            "none",
            "-no-reboot",
            "-serial",
            &serial,
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.extend(["-netdev", wire.netdev(), "-device", &device].map(str::to_owned));
        arguments.extend(board(firmware, folder.path()));
        if screen {
            let socket = format!("unix:{}", folder.path().join(SCREEN).display());
            arguments.extend(["-machine", "graphics=on", "-vga", "std", "-vnc", &socket].map(str::to_owned));
        }
        arguments.extend(["-smbios".to_owned(), format!("type=1,serial={}", hardware.serial())]);
        if let Some(disk) = disk {
            arguments.push("-drive".to_owned());
            arguments.push(format!("if=none,id=disk,format=raw,file={}", disk.display()));
            arguments.extend(words("-device virtio-blk-pci,drive=disk,bootindex=2"));
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let emulator = if firmware == Firmware::Arm64 { "qemu-system-aarch64" } else { "qemu-system-x86_64" };
        let qemu = network.start(&peer(emulator), &arguments, &folder.path().join("qemu.log"));
        Self { folder, wire, qemu }
    }

    /// Waits until it writes this on its serial line, which is its console.
    pub fn shows(&mut self, text: &str, patience: Duration) {
        self.waits(&format!("the machine shows {text:?}"), patience, |machine| {
            machine.console().contains(text)
        });
    }

    /// Shows its screen at an address of `party`, as a KVM unit does that is plugged into it.
    pub fn display(&self, party: &Party, at: SocketAddr) -> Display {
        Display::open(party, at, &self.folder.path().join(SCREEN))
    }

    /// Waits until it has switched itself off.
    pub fn ends(&mut self, patience: Duration) {
        self.waits("the machine switches itself off", patience, |machine| machine.qemu.has_ended());
    }

    /// Waits until a server, seen from outside, has come so far with this machine.
    pub fn waits(&mut self, what: &str, patience: Duration, mut is_so: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + patience;
        while !is_so(self) {
            let over = self.qemu.has_ended() && !is_so(self);
            assert!(!over, "it has ended, and never: {what}\n{}", self.account());
            assert!(Instant::now() < deadline, "not within {patience:?}: {what}\n{}", self.account());
            // Neither QEMU nor a server gives another sign.
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    /// All that it wrote on its serial line.
    pub fn console(&self) -> String {
        String::from_utf8_lossy(&self.read("serial")).into_owned()
    }

    /// The frames on its wire until now.
    pub fn frames(&self) -> Frozen {
        self.wire.so_far()
    }

    /// What is to be read when it does not boot.
    fn account(&self) -> String {
        let qemu = String::from_utf8_lossy(&self.read("qemu.log")).into_owned();
        let console = self.console();
        let mut start = console.len().saturating_sub(3000);
        while !console.is_char_boundary(start) {
            start += 1;
        }
        format!(
            "QEMU says: {qemu}\nits wire:\n{}\nits console ends:\n{}",
            self.frames().summary(),
            &console[start..]
        )
    }

    fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(file)).unwrap_or_default()
    }
}

/// QEMU's arguments for the board and its firmware.
fn board(firmware: Firmware, folder: &Path) -> Vec<String> {
    let (code, variables) = match firmware {
        // Without graphics SeaBIOS shows on the serial line what it would show on the screen.
        Firmware::Bios => return words("-machine pc,graphics=off"),
        Firmware::Uefi | Firmware::UefiHttp | Firmware::Uefi6 | Firmware::UefiHttp6 => {
            ("OVMF/OVMF_CODE_4M.fd", "OVMF/OVMF_VARS_4M.fd")
        }
        Firmware::SecureBoot => ("OVMF/OVMF_CODE_4M.secboot.fd", "OVMF/OVMF_VARS_4M.ms.fd"),
        Firmware::Arm64 => ("AAVMF/AAVMF_CODE.fd", "AAVMF/AAVMF_VARS.fd"),
    };
    let image = |file: &str| peer_file("boot/usr/share").join(file);
    let own: PathBuf = folder.join("variables.fd");
    std::fs::copy(image(variables), &own).expect("the firmware's variables");
    let mut arguments = words(match firmware {
        Firmware::SecureBoot => {
            "-machine q35,smm=on -global driver=cfi.pflash01,property=secure,value=on -global ICH9-LPC.disable_s3=1"
        }
        Firmware::Arm64 => "-machine virt -cpu cortex-a57",
        _ => "-machine q35",
    });
    arguments.extend([
        "-drive".to_owned(),
        format!("if=pflash,format=raw,unit=0,readonly=on,file={}", image(code).display()),
        "-drive".to_owned(),
        format!("if=pflash,format=raw,unit=1,file={}", own.display()),
    ]);
    let off = |what: &str| format!("-fw_cfg name=opt/org.tianocore/{what},string=no");
    if matches!(firmware, Firmware::UefiHttp | Firmware::UefiHttp6 | Firmware::Uefi6) {
        arguments.extend(words(&off("IPv4PXESupport")));
    }
    if matches!(firmware, Firmware::UefiHttp | Firmware::UefiHttp6) {
        arguments.extend(words(&off("IPv6PXESupport")));
    }
    arguments
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}
