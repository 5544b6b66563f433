//! What a Redfish service sees of a controller that speaks IPMI: the same power, boot options and users.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ironhand_ipmi::boot::{BootSettings, ValidBitKept};
use ironhand_ipmi::chassis::ChassisIdentify;
use ironhand_ipmi::command::{GetSystemGuid, IdentifyState};
use ironhand_ipmi::procedure::Ask;
use ironhand_ipmi::user::{self, Limit, PasswordTest, UserId, UserPassword};
use ironhand_ipmi::{Bmc, BootDevice, BootFlags, ChassisControl, PrivilegeLevel, Procedure, boot, chassis};
use ironhand_redfish::bmc::{
    Account, BootEnabled, BootMode, BootOverride, BootTarget, Facts, Machine, Moment, ResetType, Role,
    Unsupported,
};
use secrecy::SecretString;

/// The number of the LAN channel.
const LAN_CHANNEL: u8 = 1;

/// Now, by both clocks.
pub(crate) fn moment() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { at: Instant::now(), unix: since.as_secs() }
}

/// A controller, as its Redfish service sees it.
pub(crate) struct Board<'a> {
    pub(crate) bmc: &'a mut Bmc,
    pub(crate) now: Instant,
    /// The name of the machine.
    pub(crate) name: &'a str,
}

impl Board<'_> {
    fn run<P: Procedure>(&mut self, procedure: P) -> Option<P::Output> {
        let result = self.bmc.run(self.now, procedure);
        result.inspect_err(|error| tracing::debug!(%error, "a simulated controller refused itself")).ok()
    }
}

impl Machine for Board<'_> {
    fn facts(&mut self) -> Facts {
        let guid = self.run(Ask::new("read the GUID", &GetSystemGuid)).map(|guid| guid.0).unwrap_or_default();
        Facts {
            host_name: self.name.to_owned(),
            serial: guid.iter().rev().take(5).map(|byte| format!("{byte:02X}")).collect(),
            uuid: uuid(guid),
            asset_tag: String::new(),
        }
    }

    fn is_on(&mut self) -> bool {
        self.bmc.chassis().power_on
    }

    fn reset(&mut self, how: ResetType) {
        let on = self.is_on();
        let control = match how {
            ResetType::On | ResetType::ForceOn => ChassisControl::PowerUp,
            ResetType::ForceOff => ChassisControl::PowerDown,
            ResetType::GracefulShutdown => ChassisControl::SoftShutdown,
            // IPMI has no word for a restart that waits for the system.
            ResetType::GracefulRestart | ResetType::ForceRestart => ChassisControl::HardReset,
            ResetType::Nmi => ChassisControl::DiagnosticInterrupt,
            ResetType::PushPowerButton if on => ChassisControl::SoftShutdown,
            ResetType::PushPowerButton => ChassisControl::PowerUp,
            ResetType::PowerCycle => ChassisControl::PowerCycle,
        };
        self.run(Ask::new("switch the machine", &control));
    }

    fn boot(&mut self) -> BootOverride {
        let Some(flags) = self.bmc.boot_flags() else { return BootOverride::default() };
        let target = match flags.device {
            BootDevice::NoOverride | BootDevice::Reserved(_) => return BootOverride::default(),
            BootDevice::Pxe => BootTarget::Pxe,
            BootDevice::Disk | BootDevice::DiskSafeMode | BootDevice::RemoteDisk => BootTarget::Hdd,
            BootDevice::Diagnostics => BootTarget::Diags,
            BootDevice::Setup => BootTarget::BiosSetup,
            BootDevice::CdRom | BootDevice::RemoteCdRom => BootTarget::Cd,
            BootDevice::RemoteMedia => BootTarget::Usb,
            BootDevice::RemoteFloppy | BootDevice::Floppy => BootTarget::Floppy,
        };
        BootOverride {
            enabled: if flags.persistent { BootEnabled::Continuous } else { BootEnabled::Once },
            target,
            mode: if flags.uefi { BootMode::Uefi } else { BootMode::Legacy },
        }
    }

    fn set_boot(&mut self, wish: BootOverride) -> Result<(), Unsupported> {
        let device = match wish.target {
            BootTarget::None => BootDevice::NoOverride,
            BootTarget::Pxe | BootTarget::UefiHttp => BootDevice::Pxe,
            BootTarget::Hdd | BootTarget::SdCard => BootDevice::Disk,
            BootTarget::Cd | BootTarget::UsbCd => BootDevice::CdRom,
            BootTarget::Usb => BootDevice::RemoteMedia,
            BootTarget::Floppy => BootDevice::Floppy,
            BootTarget::BiosSetup => BootDevice::Setup,
            BootTarget::Diags | BootTarget::Utilities => BootDevice::Diagnostics,
            BootTarget::UefiShell | BootTarget::UefiTarget | BootTarget::UefiBootNext => {
                return Err(Unsupported);
            }
        };
        let flags = match (wish.enabled, device) {
            (BootEnabled::Disabled, _) | (_, BootDevice::NoOverride) => BootFlags::cleared(),
            (BootEnabled::Once, device) => BootFlags::once(device),
            (BootEnabled::Continuous, device) => BootFlags::once(device).persistent(),
        };
        let flags = if wish.mode == BootMode::Uefi && flags.valid { flags.uefi() } else { flags };
        let settings = BootSettings::new(flags);
        let kept = ValidBitKept { without_control: true, ..ValidBitKept::default() };
        self.run(boot::set(settings, kept)).map(drop).ok_or(Unsupported)
    }

    fn is_identified(&mut self) -> bool {
        matches!(self.bmc.chassis().identify, Some(IdentifyState::Temporary | IdentifyState::Indefinite))
    }

    fn identify(&mut self, lit: bool) {
        let wish = if lit { ChassisIdentify::On } else { ChassisIdentify::Seconds(0) };
        self.run(chassis::identify(wish));
    }

    fn accounts(&mut self) -> Vec<Account> {
        let listed = self.run(user::list(LAN_CHANNEL)).map(|list| list.users).unwrap_or_default();
        let named = listed.into_iter().filter(|user| !user.name.is_empty());
        named
            .map(|user| Account {
                id: user.id.number(),
                name: user.name.as_str().to_owned(),
                role: role(user.access.limit),
                enabled: user.enabled == user::EnabledStatus::Enabled,
            })
            .collect()
    }

    fn knows_password(&mut self, account: u8, password: &SecretString) -> bool {
        let (Some(user), Ok(password)) = (UserId::new(account), UserPassword::new(password)) else {
            return false;
        };
        matches!(self.run(user::test_password(user, password)), Some(PasswordTest::Matches(_)))
    }
}

fn role(limit: Limit) -> Role {
    match limit.level() {
        Some(PrivilegeLevel::Administrator) => Role::Administrator,
        Some(PrivilegeLevel::Operator) => Role::Operator,
        _ => Role::ReadOnly,
    }
}

/// A GUID as text: its first three fields are little-endian on the wire of IPMI.
fn uuid(guid: [u8; 16]) -> String {
    let [a, b, c, d, e, f, g, h, rest @ ..] = guid;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (node, clock) = (hex(&rest[2..]), hex(&rest[..2]));
    format!("{}-{}-{}-{clock}-{node}", hex(&[d, c, b, a]), hex(&[f, e]), hex(&[h, g]))
}

#[cfg(test)]
mod tests;
