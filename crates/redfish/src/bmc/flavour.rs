//! How services differ from vendor to vendor, as data.

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
    /// `Manufacturer` and `Model` of the machine.
    pub(super) manufacturer: &'static str,
    pub(super) model: &'static str,
    pub(super) system: &'static str,
    pub(super) resets: &'static [ResetType],
    /// Reset values stand in a resource of their own (ActionInfo) instead of beside the action.
    pub(super) action_info: bool,
    pub(super) boot_targets: &'static [BootTarget],
    pub(super) boot_enabled: &'static [BootEnabled],
    /// How many sessions there can be at once.
    pub(super) session_slots: usize,
    /// How long a session may be silent before it is closed.
    pub(super) session_timeout: Duration,
    /// Failed logins in a row that lock an account, 0 for never, and for how long.
    pub(super) lockout: (u32, Duration),
}

impl Flavour {
    /// A service that keeps to the specification.
    pub const GENERIC: &'static Self = &Self {
        name: "generic",
        vendor: None,
        product: Some("Simulated Controller"),
        manufacturer: "Ironhand",
        model: "Simulated Server",
        system: "1",
        resets: &ResetType::ALL,
        action_info: false,
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
        boot_enabled: &[BootEnabled::Disabled, BootEnabled::Once, BootEnabled::Continuous],
        session_slots: 16,
        session_timeout: Duration::from_secs(600),
        lockout: (0, Duration::from_secs(60)),
    };

    /// All flavours.
    pub const ALL: &'static [&'static Self] = &[Self::GENERIC];
}
