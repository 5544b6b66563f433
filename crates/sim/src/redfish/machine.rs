//! What a Redfish service sees of a controller that speaks IPMI: the same power, boot options and users.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ironhand_ipmi::boot::{BootSettings, ValidBitKept};
use ironhand_ipmi::chassis::ChassisIdentify;
use ironhand_ipmi::command::{GetSystemGuid, IdentifyState};
use ironhand_ipmi::procedure::Ask;
use ironhand_ipmi::sdr::ReadSdr;
use ironhand_ipmi::sel::{self, ClearSel, Entry, ReadSel, Record, Start};
use ironhand_ipmi::sensor::{ReadSensors, Sensor, SensorReport, SensorSelection, Threshold};
use ironhand_ipmi::user::{
    self, AccessChange, Limit, NewUser, PasswordSize, PasswordTest, UserId, UserName, UserPassword,
};
use ironhand_ipmi::{Bmc, BootDevice, BootFlags, ChassisControl, PrivilegeLevel, Procedure, boot, chassis};
use ironhand_redfish::bmc::{
    Account, AccountChange, AccountFault, BootEnabled, BootMode, BootOverride, BootTarget, Facts, LogRecord,
    Machine, Moment, PictureForm, Quantity, Reading, ResetType, Role, Unsupported,
};
use secrecy::SecretString;

use super::still;
use crate::picture::picture;
use crate::screen::Screen;

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
    /// The name of the machine, and its serial number.
    pub(crate) name: &'a str,
    pub(crate) serial: &'a str,
    /// What the machine shows, where that is known; else what one shows that is up.
    pub(crate) screen: Option<&'a Screen>,
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
            serial: self.serial.to_owned(),
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

    fn change_account(&mut self, account: u8, change: AccountChange) -> Result<(), AccountFault> {
        let user = UserId::new(account).ok_or(AccountFault::Refused)?;
        if let Some(name) = change.name {
            if self.accounts().iter().any(|known| known.name == name && known.id != account) {
                return Err(AccountFault::Taken);
            }
            let name = user_name(&name)?;
            self.run(user::set_name(user, name)).ok_or(AccountFault::Refused)?;
        }
        if let Some(password) = change.password {
            let password = UserPassword::new(&password).map_err(|_| AccountFault::Refused)?;
            self.run(user::set_password(user, password, PasswordSize::Twenty))
                .ok_or(AccountFault::Refused)?;
        }
        if let Some(role) = change.role {
            let limit = Some(Limit::Level(level(role)));
            let access = AccessChange { limit, ..AccessChange::default() };
            self.run(user::set_access(LAN_CHANNEL, user, access)).ok_or(AccountFault::Refused)?;
        }
        match change.enabled {
            Some(true) => self.run(user::enable(user, None)).ok_or(AccountFault::Refused),
            Some(false) => self.run(user::disable(user, None)).ok_or(AccountFault::Refused),
            None => Ok(()),
        }
    }

    fn create_account(
        &mut self,
        name: &str,
        password: &SecretString,
        role: Role,
    ) -> Result<u8, AccountFault> {
        if self.accounts().iter().any(|known| known.name == name) {
            return Err(AccountFault::Taken);
        }
        let password = UserPassword::new(password).map_err(|_| AccountFault::Refused)?;
        let (name, limit) = (user_name(name)?, level(role));
        let user = NewUser { name, password, size: PasswordSize::Twenty, limit };
        // What is left to refuse is that there is no place.
        self.run(user::create(LAN_CHANNEL, user)).map(|made| made.id.number()).ok_or(AccountFault::Full)
    }

    fn delete_account(&mut self, account: u8) -> Result<(), AccountFault> {
        let user = UserId::new(account).ok_or(AccountFault::Refused)?;
        self.run(user::delete(LAN_CHANNEL, user)).map(drop).ok_or(AccountFault::Refused)
    }

    fn sensors(&mut self) -> Vec<Reading> {
        let Some(repository) = self.run(ReadSdr::new(None)) else { return Vec::new() };
        let Some(reports) = self.run(ReadSensors::new(repository, SensorSelection::default())) else {
            return Vec::new();
        };
        reports.iter().filter_map(|(sensor, report)| reading(sensor, report)).collect()
    }

    fn log(&mut self) -> Vec<LogRecord> {
        let read = self.run(ReadSel::new(Start::First)).unwrap_or_default();
        read.entries.iter().map(record).collect()
    }

    fn clear_log(&mut self) {
        self.run(ClearSel::new());
    }

    fn picture(&mut self, form: PictureForm) -> Option<Vec<u8>> {
        match &self.screen {
            Some(screen) => still::file(&picture(screen), form),
            None => still::file(&still::login(self.name), form),
        }
    }
}

fn user_name(name: &str) -> Result<UserName, AccountFault> {
    UserName::new(name).ok().filter(|name| !name.is_empty()).ok_or(AccountFault::Name)
}

fn level(role: Role) -> PrivilegeLevel {
    match role {
        Role::ReadOnly => PrivilegeLevel::User,
        Role::Operator => PrivilegeLevel::Operator,
        Role::Administrator => PrivilegeLevel::Administrator,
    }
}

/// A sensor of a physical quantity; those of states are left to IPMI.
fn reading(sensor: &Sensor, report: &SensorReport) -> Option<Reading> {
    /// Units by their numbers (IPMI 2.0 table 43-15).
    const CELSIUS: u8 = 1;
    const VOLTS: u8 = 4;
    const AMPERES: u8 = 5;
    const WATTS: u8 = 6;
    const RPM: u8 = 18;
    if !sensor.is_threshold() {
        return None;
    }
    let quantity = match sensor.unit.base {
        CELSIUS => Quantity::Temperature,
        VOLTS => Quantity::Voltage,
        AMPERES => Quantity::Current,
        WATTS => Quantity::Power,
        RPM => Quantity::Fan,
        _ => return None,
    };
    // What is beyond a thousandth comes from the arithmetic, and is no part of the reading.
    let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
    let limit = |threshold| report.thresholds.get(threshold).map(rounded);
    Some(Reading {
        name: sensor.name.clone(),
        quantity,
        value: report.reading.as_ref().ok().and_then(|reading| reading.value).map(rounded),
        lower_critical: limit(Threshold::LowerCritical),
        upper_caution: limit(Threshold::UpperNonCritical),
        upper_critical: limit(Threshold::UpperCritical),
    })
}

fn record(entry: &Entry) -> LogRecord {
    let raw = entry.encode().iter().map(|byte| format!("{byte:02X}")).collect();
    let time = entry.record.time().and_then(|time| match time.moment() {
        sel::Moment::Clock(seconds) => Some(u64::from(seconds)),
        _ => None,
    });
    let (message, is_alarm) = match &entry.record {
        Record::Event(event) => {
            let way = if event.asserted { "" } else { " (no longer)" };
            let text = format!(
                "{} {:02X}h: {}{way}",
                event.sensor_type_name(),
                event.sensor_number,
                event.state_text()
            );
            (text, event.asserted && event.is_threshold())
        }
        Record::TimestampedOem { .. } | Record::Oem { .. } => {
            ("Record of the manufacturer".to_owned(), false)
        }
    };
    LogRecord { id: entry.id, time, message, raw, is_alarm }
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
    let (node, clock) = (hex::encode(&rest[2..]), hex::encode(&rest[..2]));
    format!("{}-{}-{}-{clock}-{node}", hex::encode([d, c, b, a]), hex::encode([f, e]), hex::encode([h, g]))
}

#[cfg(test)]
mod tests;
