//! The flavours of vendors. What their services do is told by their published mock-ups and by people's reports; none of it
//! was tried against their devices.

use std::time::Duration;

use super::{Drive, Flavour, IdleButton, MediaHabit, NeedsTag, PLAIN_CD, PLAIN_USB, Screen, Tags};
use crate::bmc::machine::{BootEnabled, BootTarget, ResetType};

impl Flavour {
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
        screen: Screen::Exported,
        ..Self::BASE
    };

    /// Dell iDRAC 8.
    pub const IDRAC8: &'static Self = &Self {
        name: "idrac8",
        model: "PowerEdge R730",
        controller: "13G Monolithic",
        firmware: "2.86.86.86",
        bios: "2.19.0",
        screen: Screen::ConsolePreview,
        ..*Self::IDRAC9
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
        screen: Screen::Thumbnail,
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
        screen: Screen::HostScreenShot,
        ..Self::BASE
    };

    /// Lenovo XCC3, which is made of OpenBMC.
    pub const XCC3: &'static Self = &Self {
        name: "xcc3",
        vendor: Some("Lenovo"),
        product: Some("Lenovo XClarity Controller"),
        oem: Some("Lenovo"),
        manufacturer: "Lenovo",
        model: "ThinkSystem SR650 V4",
        controller: "Lenovo XClarity Controller 3",
        firmware: "1.20",
        bios: "1.10",
        session_timeout: Duration::from_secs(300),
        password: (10, 20),
        screen: Screen::MiniScreenShot,
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
        screen: Screen::SysPreview,
        ..Self::BASE
    };

    /// Supermicro X10.
    pub const SUPERMICRO_X10: &'static Self = &Self {
        name: "supermicro-x10",
        model: "SYS-6028R-T",
        controller: "X10DRi",
        firmware: "03.94",
        bios: "3.4",
        screen: Screen::CapturePreview,
        ..*Self::SUPERMICRO
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

    /// Cisco CIMC: the machine is named by its serial number.
    pub const CIMC: &'static Self = &Self {
        name: "cimc",
        vendor: Some("Cisco Systems Inc."),
        product: Some("Cisco Integrated Management Controller"),
        manufacturer: "Cisco Systems Inc",
        model: "UCSC-C220-M5SX",
        controller: "UCSC-C220-M5SX",
        firmware: "4.2(3b)",
        bios: "C220M5.4.2.3b",
        system: "WZP00000AAA",
        manager: "CIMC",
        resets: &[
            ResetType::On,
            ResetType::ForceOff,
            ResetType::GracefulShutdown,
            ResetType::GracefulRestart,
            ResetType::ForceRestart,
            ResetType::Nmi,
            ResetType::PowerCycle,
        ],
        boot_targets: &[
            BootTarget::None,
            BootTarget::Pxe,
            BootTarget::Hdd,
            BootTarget::Cd,
            BootTarget::BiosSetup,
        ],
        media: &[Drive { id: "0", types: PLAIN_CD }],
        session_slots: 4,
        session_timeout: Duration::from_secs(1800),
        password: (8, 20),
        streams_events: false,
        ..Self::BASE
    };

    /// Fujitsu iRMC S5.
    pub const IRMC: &'static Self = &Self {
        name: "irmc",
        vendor: Some("FUJITSU"),
        product: None,
        oem: Some("ts_fujitsu"),
        manufacturer: "FUJITSU",
        model: "PRIMERGY RX2530 M5",
        controller: "iRMC S5",
        firmware: "3.37P",
        bios: "V5.0.0.14",
        system: "0",
        manager: "iRMC",
        chassis: "0",
        resets: &[
            ResetType::On,
            ResetType::ForceOff,
            ResetType::GracefulShutdown,
            ResetType::ForceRestart,
            ResetType::PushPowerButton,
            ResetType::Nmi,
            ResetType::PowerCycle,
        ],
        boot_targets: &[
            BootTarget::None,
            BootTarget::Pxe,
            BootTarget::Floppy,
            BootTarget::Cd,
            BootTarget::Hdd,
            BootTarget::BiosSetup,
        ],
        media: &[Drive { id: "0", types: PLAIN_CD }],
        session_timeout: Duration::from_secs(300),
        password: (8, 20),
        streams_events: false,
        ..Self::BASE
    };

    /// AMI MegaRAC as on boards of ASRock Rack.
    pub const ASROCKRACK: &'static Self =
        &Self { name: "asrockrack", manufacturer: "ASRockRack", model: "ROMED8-2T", ..Self::MEGARAC_BOARD };

    /// AMI MegaRAC as on boards of Gigabyte.
    pub const GIGABYTE: &'static Self = &Self {
        name: "gigabyte",
        manufacturer: "GIGABYTE",
        model: "R282-Z90",
        firmware: "12.61.06",
        ..Self::MEGARAC_BOARD
    };

    const MEGARAC_BOARD: Self = Self {
        controller: "AST2500",
        firmware: "2.04.00",
        system: "Self",
        manager: "Self",
        chassis: "Self",
        baseboards: &[],
        boot_targets: &[
            BootTarget::None,
            BootTarget::Pxe,
            BootTarget::Cd,
            BootTarget::Usb,
            BootTarget::Hdd,
            BootTarget::BiosSetup,
        ],
        password: (8, 20),
        ..*Self::MEGARAC
    };

    /// H3C HDM.
    pub const HDM: &'static Self = &Self {
        name: "hdm",
        vendor: Some("H3C"),
        product: None,
        manufacturer: "H3C",
        model: "UniServer R4900 G5",
        controller: "HDM2",
        firmware: "HDM2_2.03",
        resets: &[
            ResetType::On,
            ResetType::ForceOff,
            ResetType::GracefulShutdown,
            ResetType::ForceRestart,
            ResetType::Nmi,
        ],
        boot_targets: &[
            BootTarget::None,
            BootTarget::Pxe,
            BootTarget::Hdd,
            BootTarget::Cd,
            BootTarget::BiosSetup,
        ],
        media: &[Drive { id: "CD", types: PLAIN_CD }],
        session_timeout: Duration::from_secs(300),
        password: (8, 20),
        streams_events: false,
        screen: Screen::Capture,
        ..Self::BASE
    };

    /// NVIDIA GB200: OpenBMC, with a baseboard of GPUs beside the host.
    pub const GB200: &'static Self = &Self {
        name: "gb200",
        vendor: Some("NVIDIA"),
        product: Some("GB200 NVL"),
        manufacturer: "NVIDIA",
        model: "GB200 NVL",
        firmware: "GB200Nvl-25.06-5",
        bios: "02.03.19",
        system: "System_0",
        manager: "BMC_0",
        chassis: "Chassis_0",
        baseboards: &["HGX_Baseboard_0"],
        media: &[
            Drive { id: "USB1", types: &["CD", "USBStick"] },
            Drive { id: "USB2", types: &["CD", "USBStick"] },
        ],
        ..*Self::OPENBMC
    };
}
