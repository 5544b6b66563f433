//! How services differ from vendor to vendor, as data.

mod vendors;

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
    /// How it shows the machine's screen.
    pub(super) screen: Screen,
}

/// How a controller shows the machine's screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Screen {
    /// Not by still pictures.
    Nowhere,
    /// iDRAC 9 and later: by an action of its Lifecycle Controller.
    Exported,
    /// iDRAC 7 and 8: by the console preview of its web pages.
    ConsolePreview,
    /// iLO 5 and later: by a thumbnail.
    Thumbnail,
    /// XCC and XCC2: by a web page.
    HostScreenShot,
    /// XCC3: by a file that shows who has a Redfish session.
    MiniScreenShot,
    /// Supermicro X9 and X10: by CapturePreview.
    CapturePreview,
    /// Supermicro from X11 on: by `op.cgi`, which wants a token against forged requests.
    SysPreview,
    /// H3C HDM.
    Capture,
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
    /// Who makes its machines.
    pub const fn manufacturer(&self) -> &'static str {
        self.manufacturer
    }

    /// The model of its machines.
    pub const fn model(&self) -> &'static str {
        self.model
    }

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
        screen: Screen::Nowhere,
    };

    /// All flavours.
    pub const ALL: &'static [&'static Self] = &[
        Self::GENERIC,
        Self::IDRAC9,
        Self::IDRAC8,
        Self::ILO5,
        Self::XCC,
        Self::XCC3,
        Self::SUPERMICRO,
        Self::SUPERMICRO_X10,
        Self::OPENBMC,
        Self::MEGARAC,
        Self::IBMC,
        Self::CIMC,
        Self::IRMC,
        Self::ASROCKRACK,
        Self::GIGABYTE,
        Self::HDM,
        Self::GB200,
    ];
}
