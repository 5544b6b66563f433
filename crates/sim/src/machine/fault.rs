//! What can be wrong with a machine.

/// A fault of a simulated machine.
///
/// Faults of its boot path make a running machine restart by itself, as a failing machine does, and show on
/// the way up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MachineFault {
    /// A power supply fails: firmware stops with `Press F1 to continue`. F1 acknowledges it.
    PowerSupplyF1,
    /// The kernel panics, once. A reset or a power cycle brings the machine back.
    KernelPanic,
    /// The kernel on the disk does not find its root at any boot: `VFS: Unable to mount root fs`. The network
    /// image repairs the disk.
    RootMissing,
    /// The machine check handler panics at each boot, whatever is booted. Nothing but a person helps.
    PanicEveryBoot,
    /// The root file system is damaged: `RUN fsck MANUALLY`, with a shell of the initial RAM disk. `fsck -y
    /// /dev/sda1`, then `exit` or `reboot`.
    FsckManually,
    /// As [`MachineFault::FsckManually`], but the maintenance shell asks for
    /// [`ROOT_PASSWORD`](super::ROOT_PASSWORD) first.
    FsckWithPassword,
    /// The disk controller hangs: `No bootable device`, until a power cycle; a reset does not help.
    NoBootableDevice,
    /// The disk is empty: `No bootable device`, until the machine is booted from the network, whose image
    /// restores the disk.
    DiskErased,
    /// What is on the disk is an installer that stops at an error: `Installation step failed`. The network image restores the disk.
    InstallerStopped,
    /// GRUB does not find its modules: `grub rescue>`. It takes `set prefix=(hd0,msdos1)/boot/grub`, `insmod
    /// normal`, `normal`; the booted system then repairs the loader.
    GrubRescue,
}

impl MachineFault {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::PowerSupplyF1,
        Self::KernelPanic,
        Self::RootMissing,
        Self::PanicEveryBoot,
        Self::FsckManually,
        Self::FsckWithPassword,
        Self::NoBootableDevice,
        Self::DiskErased,
        Self::InstallerStopped,
        Self::GrubRescue,
    ];

    /// Its name, like `kernel-panic`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PowerSupplyF1 => "power-supply-f1",
            Self::KernelPanic => "kernel-panic",
            Self::RootMissing => "root-missing",
            Self::PanicEveryBoot => "panic-every-boot",
            Self::FsckManually => "fsck-manually",
            Self::FsckWithPassword => "fsck-with-password",
            Self::NoBootableDevice => "no-bootable-device",
            Self::DiskErased => "disk-erased",
            Self::InstallerStopped => "installer-stopped",
            Self::GrubRescue => "grub-rescue",
        }
    }
}

/// What of a machine is damaged at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Condition {
    /// A power supply failed and nobody has acknowledged it.
    pub(crate) power_supply: bool,
    pub(crate) disk: Disk,
    pub(crate) loader_modules_lost: bool,
    pub(crate) root_missing: bool,
    /// The file system needs a repair; the shell that is offered for it may want a password.
    pub(crate) file_system: FileSystem,
    /// The next kernel panics.
    pub(crate) panic_once: bool,
    /// Every kernel panics.
    pub(crate) panic_always: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Disk {
    #[default]
    Good,
    /// Its controller hangs until power is taken away.
    Hung,
    Erased,
    /// Nothing but an installer is on it.
    HalfInstalled,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FileSystem {
    #[default]
    Clean,
    Damaged,
    DamagedBehindPassword,
}

impl Condition {
    pub(crate) fn damage(&mut self, fault: MachineFault) {
        match fault {
            MachineFault::PowerSupplyF1 => self.power_supply = true,
            MachineFault::KernelPanic => self.panic_once = true,
            MachineFault::RootMissing => self.root_missing = true,
            MachineFault::PanicEveryBoot => self.panic_always = true,
            MachineFault::FsckManually => self.file_system = FileSystem::Damaged,
            MachineFault::FsckWithPassword => self.file_system = FileSystem::DamagedBehindPassword,
            MachineFault::NoBootableDevice => self.disk = Disk::Hung,
            MachineFault::DiskErased => self.disk = Disk::Erased,
            MachineFault::InstallerStopped => self.disk = Disk::HalfInstalled,
            MachineFault::GrubRescue => self.loader_modules_lost = true,
        }
    }

    /// Whether what is on the disk cannot come up.
    pub(crate) fn disk_needs_image(self) -> bool {
        matches!(self.disk, Disk::Erased | Disk::HalfInstalled) || self.root_missing
    }

    /// The network image was written over the disk: everything on it is new.
    pub(crate) fn restore_disk(&mut self) {
        self.disk = Disk::Good;
        self.root_missing = false;
        self.loader_modules_lost = false;
        self.file_system = FileSystem::Clean;
    }

    /// Power was taken away.
    pub(crate) fn lose_power(&mut self) {
        if self.disk == Disk::Hung {
            self.disk = Disk::Good;
        }
    }
}
