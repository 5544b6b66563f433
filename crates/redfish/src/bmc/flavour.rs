//! How services differ from vendor to vendor, as data. What vendors do is told by their published mock-ups and by
//! people's reports; none of it was tried against their devices.

use std::time::Duration;

use super::machine::{BootEnabled, BootTarget, ResetType};

/// How a service differs from others.
#[derive(Debug)]
pub struct Flavour {
    /// By which it is chosen: `generic`, `idrac9`.
    pub name: &'static str,
    /// `Vendor` of the service root, where it has one.
    pub(super) vendor: Option<&'static str>,
    /// `Product` of the service root, where it has one.
    pub(super) product: Option<&'static str>,
    /// The key below `Oem` of the service root, where it has one.
    pub(super) oem: Option<&'static str>,
    /// `Manufacturer` and `Model` of the machine.
    pub(super) manufacturer: &'static str,
    pub(super) model: &'static str,
    /// `Model` and firmware of the controller, and the machine's firmware.
    pub(super) controller: &'static str,
    pub(super) firmware: &'static str,
    pub(super) bios: &'static str,
    /// What it calls the machine, the controller and the case.
    pub(super) system: &'static str,
    pub(super) manager: &'static str,
    pub(super) chassis: &'static str,
    /// Baseboards that it lists beside the machine, and that have no power of their own.
    pub(super) baseboards: &'static [&'static str],
    pub(super) resets: &'static [ResetType],
    /// Reset values stand in a resource of their own (ActionInfo) instead of beside the action.
    pub(super) action_info: bool,
    /// What it says to a button that would change nothing.
    pub(super) idle_button: IdleButton,
    pub(super) boot_targets: &'static [BootTarget],
    pub(super) boot_enabled: &'static [BootEnabled],
    /// A boot target that comes without `BootSourceOverrideEnabled` holds for one boot, whatever held before.
    pub(super) boot_reverts_to_once: bool,
    pub(super) media: &'static [Drive],
    pub(super) media_habit: MediaHabit,
    /// How many sessions there can be at once, and the message when there are no more.
    pub(super) session_slots: usize,
    pub(super) session_limit_message: &'static str,
    /// How long a session may be silent before it is closed.
    pub(super) session_timeout: Duration,
    /// Failed logins in a row that lock an account, 0 for never, and for how long.
    pub(super) lockout: (u32, Duration),
    /// How short and how long a password may be. IPMI keeps 20 bytes, whatever vendors say.
    pub(super) password: (usize, usize),
    pub(super) tags: Tags,
    pub(super) needs_tag: NeedsTag,
    /// It has a stream of server-sent events.
    pub(super) streams_events: bool,
}

/// A drive for virtual media.
#[derive(Debug)]
pub(super) struct Drive {
    pub(super) id: &'static str,
    pub(super) types: &'static [&'static str],
}

/// How images get into drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaHabit {
    /// By InsertMedia.
    Insert,
    /// By InsertMedia, which takes nothing about insertion or protection.
    ImageOnly,
    /// By InsertMedia, which must be told the protocol.
    NeedsProtocol,
    /// There is no action: properties are written.
    Patch,
}

/// What a service says to a button that would change nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdleButton {
    /// That all is well.
    Accept,
    /// 409.
    Conflict,
    /// 400, as iLO does.
    InvalidState,
}

/// What entity tags look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tags {
    Strong,
    /// `W/"..."`, and accepted like this.
    Weak,
    /// `W/"..."`, and only `"..."` is accepted.
    WeakRefused,
}

/// Which writes need `If-Match`, and the status for those without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NeedsTag {
    Nowhere,
    /// 428.
    Accounts,
    /// 412.
    Everywhere,
}

const PLAIN_CD: &[&str] = &["CD", "DVD"];
const PLAIN_USB: &[&str] = &["USBStick"];
const ALL_ENABLED: &[BootEnabled] = &[BootEnabled::Disabled, BootEnabled::Once, BootEnabled::Continuous];

impl Flavour {
    /// A service that keeps to the specification.
    pub const GENERIC: &'static Self = &Self::BASE;

    const BASE: Self = Self {
        name: "generic",
        vendor: None,
        product: Some("Simulated Controller"),
        oem: None,
        manufacturer: "Ironhand",
        model: "Simulated Server",
        controller: "Simulated Controller",
        firmware: "1.0.0",
        bios: "1.0.0",
        system: "1",
        manager: "1",
        chassis: "1",
        baseboards: &[],
        resets: &ResetType::ALL,
        action_info: false,
        idle_button: IdleButton::Accept,
        boot_targets: &[
            BootTarget::None,
            BootTarget::Pxe,
            BootTarget::Hdd,
            BootTarget::Cd,
            BootTarget::Usb,
            BootTarget::BiosSetup,
            BootTarget::Diags,
            BootTarget::UefiHttp,
        ],
        boot_enabled: ALL_ENABLED,
        boot_reverts_to_once: false,
        media: &[Drive { id: "CD", types: PLAIN_CD }, Drive { id: "USB", types: PLAIN_USB }],
        media_habit: MediaHabit::Insert,
        session_slots: 16,
        session_limit_message: "SessionLimitExceeded",
        session_timeout: Duration::from_secs(600),
        lockout: (0, Duration::from_secs(60)),
        password: (5, 20),
        tags: Tags::Strong,
        needs_tag: NeedsTag::Nowhere,
        streams_events: true,
    };

    /// Dell iDRAC 9.
    pub const IDRAC9: &'static Self = &Self {
        name: "idrac9",
        vendor: Some("Dell"),
        product: Some("Integrated Dell Remote Access Controller"),
        oem: Some("Dell"),
        manufacturer: "Dell Inc.",
        model: "PowerEdge R650",
        controller: "16G Monolithic",
        firmware: "7.10.30.00",
        bios: "1.14.1",
        system: "System.Embedded.1",
        manager: "iDRAC.Embedded.1",
        chassis: "System.Embedded.1",
        resets: &[
            ResetType::On,
            ResetType::ForceOff,
            ResetType::ForceRestart,
            ResetType::GracefulRestart,
            ResetType::GracefulShutdown,
            ResetType::PushPowerButton,
            ResetType::Nmi,
            ResetType::PowerCycle,
        ],
        idle_button: IdleButton::Conflict,
        boot_targets: &[
            BootTarget::None,
            BootTarget::Pxe,
            BootTarget::Floppy,
            BootTarget::Cd,
            BootTarget::Hdd,
            BootTarget::BiosSetup,
            BootTarget::Utilities,
            BootTarget::UefiTarget,
            BootTarget::SdCard,
            BootTarget::UefiHttp,
        ],
        media: &[Drive { id: "RemovableDisk", types: PLAIN_USB }, Drive { id: "CD", types: PLAIN_CD }],
        session_slots: 8,
        session_limit_message: "IDRAC.2.8.RAC0218",
        session_timeout: Duration::from_secs(1800),
        tags: Tags::Weak,
        ..Self::BASE
    };

    /// HPE iLO 5.
    pub const ILO5: &'static Self = &Self {
        name: "ilo5",
        vendor: Some("HPE"),
        product: Some("ProLiant DL380 Gen10"),
        oem: Some("Hpe"),
        manufacturer: "HPE",
        model: "ProLiant DL380 Gen10",
        controller: "iLO 5",
        firmware: "iLO 5 v2.72",
        bios: "U30 v2.68",
        resets: &[
            ResetType::On,
            ResetType::ForceOff,
            ResetType::GracefulShutdown,
            ResetType::ForceRestart,
            ResetType::Nmi,
            ResetType::PushPowerButton,
            ResetType::GracefulRestart,
        ],
        idle_button: IdleButton::InvalidState,
        boot_targets: &[
            BootTarget::None,
            BootTarget::Cd,
            BootTarget::Hdd,
            BootTarget::Usb,
            BootTarget::SdCard,
            BootTarget::Utilities,
            BootTarget::Diags,
            BootTarget::BiosSetup,
            BootTarget::Pxe,
            BootTarget::UefiShell,
            BootTarget::UefiHttp,
            BootTarget::UefiTarget,
        ],
        media: &[Drive { id: "1", types: &["Floppy", "USBStick"] }, Drive { id: "2", types: PLAIN_CD }],
        session_timeout: Duration::from_secs(30),
        password: (8, 20),
        tags: Tags::Weak,
        streams_events: false,
        ..Self::BASE
    };

    /// Lenovo XCC.
    pub const XCC: &'static Self = &Self {
        name: "xcc",
        vendor: Some("Lenovo"),
        product: Some("Lenovo XClarity Controller"),
        oem: Some("Lenovo"),
        manufacturer: "Lenovo",
        model: "ThinkSystem SR650",
        controller: "Lenovo XClarity Controller",
        firmware: "2.83",
        bios: "3.20",
        resets: &[
            ResetType::On,
            ResetType::Nmi,
            ResetType::GracefulShutdown,
            ResetType::GracefulRestart,
            ResetType::ForceOn,
            ResetType::ForceOff,
            ResetType::ForceRestart,
        ],
        boot_targets: &[
            BootTarget::None,
            BootTarget::Pxe,
            BootTarget::Cd,
            BootTarget::Usb,
            BootTarget::Hdd,
            BootTarget::BiosSetup,
            BootTarget::Diags,
            BootTarget::UefiTarget,
        ],
        boot_enabled: &[BootEnabled::Once, BootEnabled::Disabled],
        media: &[
            Drive { id: "EXT1", types: PLAIN_CD },
            Drive { id: "EXT2", types: PLAIN_CD },
            Drive { id: "EXT3", types: PLAIN_CD },
            Drive { id: "EXT4", types: PLAIN_CD },
        ],
        media_habit: MediaHabit::Patch,
        session_timeout: Duration::from_secs(300),
        password: (10, 20),
        needs_tag: NeedsTag::Accounts,
        ..Self::BASE
    };

    /// Supermicro X13.
    pub const SUPERMICRO: &'static Self = &Self {
        name: "supermicro",
        product: None,
        oem: Some("Supermicro"),
        manufacturer: "Supermicro",
        model: "SYS-621C-TN12R",
        controller: "X13DDW-A",
        firmware: "01.02.10",
        bios: "2.1",
        resets: &[
            ResetType::On,
            ResetType::ForceOff,
            ResetType::GracefulShutdown,
            ResetType::GracefulRestart,
            ResetType::ForceRestart,
            ResetType::Nmi,
            ResetType::ForceOn,
            ResetType::PowerCycle,
        ],
        action_info: true,
        boot_targets: &[
            BootTarget::None,
            BootTarget::Pxe,
            BootTarget::Floppy,
            BootTarget::Usb,
            BootTarget::Hdd,
            BootTarget::BiosSetup,
            BootTarget::UsbCd,
            BootTarget::UefiBootNext,
            BootTarget::UefiHttp,
        ],
        boot_reverts_to_once: true,
        media: &[
            Drive { id: "VirtualMedia1", types: PLAIN_CD },
            Drive { id: "VirtualMedia2", types: PLAIN_CD },
        ],
        media_habit: MediaHabit::ImageOnly,
        session_timeout: Duration::from_secs(300),
        lockout: (3, Duration::from_secs(30)),
        password: (8, 20),
        streams_events: false,
        ..Self::BASE
    };

    /// OpenBMC.
    pub const OPENBMC: &'static Self = &Self {
        name: "openbmc",
        product: None,
        manufacturer: "OpenBMC",
        model: "Simulated Board",
        controller: "OpenBmc",
        firmware: "2.14.0",
        system: "system",
        manager: "bmc",
        chassis: "chassis",
        resets: &[
            ResetType::ForceOff,
            ResetType::PowerCycle,
            ResetType::Nmi,
            ResetType::GracefulShutdown,
            ResetType::On,
            ResetType::ForceOn,
            ResetType::GracefulRestart,
            ResetType::ForceRestart,
        ],
        action_info: true,
        media: &[Drive { id: "USB1", types: PLAIN_USB }, Drive { id: "USB2", types: PLAIN_USB }],
        session_timeout: Duration::from_secs(1800),
        lockout: (10, Duration::from_secs(600)),
        password: (8, 20),
        ..Self::BASE
    };

    /// AMI MegaRAC, as on NVIDIA's DGX.
    pub const MEGARAC: &'static Self = &Self {
        name: "megarac",
        vendor: Some("AMI"),
        product: Some("AMI Redfish Server"),
        oem: Some("Ami"),
        manufacturer: "NVIDIA",
        model: "DGXH100",
        controller: "MegaRAC",
        firmware: "24.01.05",
        bios: "1.01.03",
        system: "DGX",
        manager: "BMC",
        chassis: "DGX",
        baseboards: &["HGX_Baseboard_0"],
        resets: &[ResetType::ForceOff, ResetType::ForceRestart, ResetType::GracefulShutdown, ResetType::On],
        action_info: true,
        media: &[Drive { id: "CD1", types: PLAIN_CD }],
        media_habit: MediaHabit::NeedsProtocol,
        session_timeout: Duration::from_secs(30),
        lockout: (5, Duration::from_secs(30)),
        password: (13, 20),
        tags: Tags::WeakRefused,
        needs_tag: NeedsTag::Accounts,
        ..Self::BASE
    };

    /// Huawei iBMC.
    pub const IBMC: &'static Self = &Self {
        name: "ibmc",
        oem: Some("Huawei"),
        product: None,
        manufacturer: "Huawei",
        model: "2288H V5",
        controller: "iBMC",
        firmware: "6.41",
        bios: "8.20",
        media: &[Drive { id: "CD", types: PLAIN_CD }],
        session_slots: 4,
        session_timeout: Duration::from_secs(300),
        password: (8, 20),
        needs_tag: NeedsTag::Everywhere,
        streams_events: false,
        ..Self::BASE
    };

    /// All flavours.
    pub const ALL: &'static [&'static Self] = &[
        Self::GENERIC,
        Self::IDRAC9,
        Self::ILO5,
        Self::XCC,
        Self::SUPERMICRO,
        Self::OPENBMC,
        Self::MEGARAC,
        Self::IBMC,
    ];
}
