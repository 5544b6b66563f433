//! The operating system, from the kernel's first line to its last.

use std::time::{Duration, Instant};

use super::fault::FileSystem;
use super::script::Script;
use super::tty::{Prompt, Shell};
use super::{Machine, Phase, Step};

/// Which system runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    /// The one on the disk.
    Installed,
    /// The one on the disk, stopped before its services.
    Recovery,
    /// The one from the network. It repairs a disk that cannot boot, and offers a login otherwise.
    Rescue,
}

impl System {
    /// Its host name; `name` is the machine's.
    pub(super) fn host(self, name: &str) -> &str {
        match self {
            Self::Installed | Self::Recovery => name,
            Self::Rescue => "rescue",
        }
    }
}

const KERNEL: &[&str] = &[
    "Linux version 6.1.0-18-amd64 (gcc-12 12.2.0, ld 2.40) #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1",
    "Command line: BOOT_IMAGE=/boot/vmlinuz-6.1.0-18-amd64 root=/dev/sda1 ro",
    "BIOS-provided physical RAM map:",
    "BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable",
    "BIOS-e820: [mem 0x0000000000100000-0x00000000bffd9fff] usable",
    "NX (Execute Disable) protection: active",
    "DMI: {product}",
    "tsc: Detected 2294.608 MHz processor",
    "Memory: 131814944K/134217208K available",
    "SLUB: HWalign=64, Order=0-3, MinObjects=0, CPUs=24, Nodes=2",
    "Console: colour {console}",
    "smp: Brought up 2 nodes, 24 CPUs",
    "PCI: Using configuration type 1 for base access",
    "ACPI: Interpreter enabled",
    "NET: Registered PF_INET protocol family",
    "Unpacking initramfs...",
    "Freeing initrd memory: 31752K",
    "Serial: 8250/16550 driver, 4 ports, IRQ sharing enabled",
    "ahci 0000:00:1f.2: AHCI 0001.0301 32 slots 6 ports 6 Gbps 0x3f impl SATA mode",
    "ixgbe 0000:04:00.0 eno1: NIC Link is Up 10 Gbps, Flow Control: RX/TX",
    "Run /init as init process",
];

const DISK: &[&str] = &[
    "sd 0:0:0:0: [sda] 937703088 512-byte logical blocks: (480 GB/447 GiB)",
    "sd 0:0:0:0: [sda] Write Protect is off",
    " sda: sda1 sda2",
    "sd 0:0:0:0: [sda] Attached SCSI disk",
];

const SERVICES: &[&str] = &[
    "Listening on \u{1B}[1mJournal Socket\u{1B}[0m.",
    "Started \u{1B}[1mRule-based device manager\u{1B}[0m.",
    "Reached target \u{1B}[1mLocal File Systems\u{1B}[0m.",
    "Started \u{1B}[1mNetwork Time Synchronization\u{1B}[0m.",
    "Reached target \u{1B}[1mNetwork\u{1B}[0m.",
    "Started \u{1B}[1mSystem Logging Service\u{1B}[0m.",
    "Started \u{1B}[1mOpenBSD Secure Shell server\u{1B}[0m.",
    "Reached target \u{1B}[1mMulti-User System\u{1B}[0m.",
];

const OK: &str = "[\u{1B}[32m  OK  \u{1B}[0m] ";

impl Machine {
    pub(super) fn kernel(&mut self, now: Instant, system: System) {
        self.phase = Phase::Booting;
        self.system = system;
        self.type_ahead.clear();
        self.kernel_started = now;
        self.earlier_uptime = Duration::ZERO;
        let mode = self.make.traits().console_mode;
        let console = format!("dummy device {}x{}", mode.columns(), mode.rows());
        let script = Script::new().show(0, mode);
        let (script, mut uptime) = KERNEL.iter().fold((script, Duration::ZERO), |(script, uptime), line| {
            let line = line.replace("{product}", self.make.traits().product).replace("{console}", &console);
            let step = Duration::from_micros(20_000 + self.seed.below(180_000));
            let stamped = format!("{}{line}\n", stamp(uptime));
            (script.print(step.as_millis().try_into().unwrap_or(100), stamped), uptime + step)
        });
        let script = if self.condition.root_missing && system != System::Rescue {
            script
        } else {
            DISK.iter().fold(script, |script, line| {
                uptime += Duration::from_micros(30_000 + self.seed.below(90_000));
                script.print(80, format!("{}{line}\n", stamp(uptime)))
            })
        };
        self.run(now, script.begin(400, Step::KernelReady));
    }

    pub(super) fn kernel_ready(&mut self, now: Instant) {
        if self.condition.panic_always {
            return self.panic(now, "Fatal machine check");
        }
        if std::mem::take(&mut self.condition.panic_once) {
            return self.panic(now, "Fatal exception in interrupt");
        }
        match self.system {
            System::Rescue => self.rescue(now),
            _ if self.condition.root_missing => {
                self.panic(now, "VFS: Unable to mount root fs on unknown-block(0,0)");
            }
            System::Installed | System::Recovery => self.check_file_system(now),
        }
    }

    /// The initial RAM disk looks at the root file system.
    pub(super) fn check_file_system(&mut self, now: Instant) {
        self.phase = Phase::Booting;
        let script = Script::new()
            .print(200, "Begin: Will now check root file system ... fsck from util-linux 2.38.1\n");
        if self.condition.file_system == FileSystem::Clean {
            let script = script
                .print(400, "/dev/sda1: clean, 81234/29302784 files, 1203331/117212886 blocks\ndone.\n");
            if self.system == System::Recovery {
                return self.prompt(now, script.print(600, "\n"), Prompt::RootPassword);
            }
            return self.run(now, script.begin(500, Step::Services));
        }
        let script = script
            .print(300, "/dev/sda1 contains a file system with errors, check forced.\n")
            .print(900, "/dev/sda1: Inodes that were part of a corrupted orphan linked list found.\n\n")
            .print(20, "/dev/sda1: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.\n")
            .print(0, "        (i.e., without -a or -p options)\n")
            .print(50, "fsck exited with status code 4\ndone.\n");
        if self.condition.file_system == FileSystem::DamagedBehindPassword {
            let script =
                script.print(700, "You are in emergency mode: the root file system cannot be mounted.\n");
            return self.prompt(now, script, Prompt::RootPassword);
        }
        let script = script.print(300, "The root filesystem on /dev/sda1 requires a manual fsck.\n\n").print(
            300,
            "BusyBox v1.35.0 built-in shell (ash)\nEnter 'help' for a list of built-in commands.\n\n",
        );
        self.prompt(now, script, Prompt::Shell(Shell::InitialRamDisk));
    }

    pub(super) fn file_system_repaired(&mut self) {
        self.condition.file_system = FileSystem::Clean;
    }

    pub(super) fn services(&mut self, now: Instant) {
        self.phase = Phase::Booting;
        self.system = System::Installed;
        let script = Script::new().print(100, "\nWelcome to \u{1B}[1;31mDebian GNU/Linux 12\u{1B}[0m!\n\n");
        let script = SERVICES.iter().fold(script, |script, line| script.print(180, format!("{OK}{line}\n")));
        let script = if std::mem::take(&mut self.condition.loader_modules_lost) {
            script.print(800, format!("{OK}Finished \u{1B}[1mReinstall the boot loader\u{1B}[0m.\n"))
        } else {
            script
        };
        self.run(now, script.begin(900, Step::Login));
    }

    /// The system from the network: it writes its image over a disk that cannot boot.
    fn rescue(&mut self, now: Instant) {
        if !self.condition.disk_needs_image() {
            let script =
                Script::new().print(300, "\nrescue: the system disk looks sound, nothing to repair\n");
            return self.run(now, script.begin(800, Step::Login));
        }
        let script = Script::new()
            .print(300, "\nrescue: the system disk /dev/sda does not boot\n")
            .print(400, "rescue: writing the image of this site to /dev/sda\n");
        let script = [20, 40, 60, 80, 100]
            .iter()
            .fold(script, |script, percent| script.print(700, format!("rescue: {percent:3}% written\n")));
        self.run(
            now,
            script.print(300, "rescue: done, restarting from /dev/sda\n").begin(900, Step::DiskRestored),
        );
    }

    pub(super) fn login(&mut self, now: Instant) {
        let host = self.system.host(&self.name);
        let issue = format!("\u{1B}[1;1H\u{1B}[JDebian GNU/Linux 12 {host} tty1\n\n");
        self.prompt(now, Script::new().print(0, issue), Prompt::UserName);
    }

    /// The kernel's last words. Nothing but the power button or the reset line is heard afterwards.
    pub(super) fn panic(&mut self, now: Instant, reason: &str) {
        let uptime = self.earlier_uptime + now.duration_since(self.kernel_started).mul_f64(self.pace);
        let product = self.make.traits().product;
        let lines = [
            format!("Kernel panic - not syncing: {reason}"),
            "CPU: 3 PID: 1 Comm: swapper/3 Not tainted 6.1.0-18-amd64 #1  Debian 6.1.76-1".to_owned(),
            format!("Hardware name: {product}"),
            "Call Trace:".to_owned(),
            " <TASK>".to_owned(),
            " dump_stack_lvl+0x44/0x5c".to_owned(),
            " panic+0x118/0x2ed".to_owned(),
            " </TASK>".to_owned(),
            "Kernel Offset: 0x2e000000 from 0xffffffff81000000".to_owned(),
            format!("---[ end Kernel panic - not syncing: {reason} ]---"),
        ];
        self.phase = Phase::Panicked;
        self.type_ahead.clear();
        let first = Script::new().print(0, "\n");
        let stamped = lines.iter().enumerate().map(|(index, line)| {
            let index = u64::try_from(index).unwrap_or(0);
            format!("{}{line}", stamp(uptime + Duration::from_micros(index * 713)))
        });
        self.run(now, first.lines(10, stamped));
    }

    /// An orderly end of the running system.
    pub(super) fn stop(&mut self, now: Instant, then: Step) {
        self.phase = Phase::Stopping;
        self.type_ahead.clear();
        let script = Script::new()
            .print(200, "\n")
            .print(300, format!("{OK}Stopped target \u{1B}[1mMulti-User System\u{1B}[0m.\n"))
            .print(700, format!("{OK}Stopped \u{1B}[1mOpenBSD Secure Shell server\u{1B}[0m.\n"))
            .print(900, format!("{OK}Unmounted \u{1B}[1mAll file systems\u{1B}[0m.\n"));
        let last =
            if then == Step::PowerOff { "reboot: Power down\n" } else { "reboot: Restarting system\n" };
        self.run(now, script.print(800, last).begin(700, then));
    }
}

/// A time stamp as the kernel writes it.
fn stamp(uptime: Duration) -> String {
    format!("[{:5}.{:06}] ", uptime.as_secs(), uptime.subsec_micros())
}
