//! What a service wants of the machine behind it.

use secrecy::SecretString;

pub use crate::boot::{BootEnabled, BootMode};

/// A machine with its management controller, as the other protocols of the controller see it too.
pub trait Machine {
    /// What it is.
    fn facts(&mut self) -> Facts;

    /// Whether it has power.
    fn is_on(&mut self) -> bool;

    /// Presses a button. Power comes and goes later, as on real machines.
    fn reset(&mut self, how: ResetType);

    /// What the next boots are to do.
    fn boot(&mut self) -> BootOverride;

    /// Says what the next boots are to do.
    ///
    /// # Errors
    ///
    /// [`Unsupported`] where the machine cannot.
    fn set_boot(&mut self, wish: BootOverride) -> Result<(), Unsupported>;

    /// Whether the identify light is lit or blinks.
    fn is_identified(&mut self) -> bool;

    /// Lights the identify light, or switches it off.
    fn identify(&mut self, lit: bool);

    /// The accounts of the controller.
    fn accounts(&mut self) -> Vec<Account>;

    /// Whether the password is that of this account.
    fn knows_password(&mut self, account: u8, password: &SecretString) -> bool;

    /// Changes an account.
    ///
    /// # Errors
    ///
    /// [`AccountFault`].
    fn change_account(&mut self, account: u8, change: AccountChange) -> Result<(), AccountFault>;

    /// Makes an account, which may log in at once. Gives its place.
    ///
    /// # Errors
    ///
    /// [`AccountFault`].
    fn create_account(&mut self, name: &str, password: &SecretString, role: Role)
    -> Result<u8, AccountFault>;

    /// Deletes an account.
    ///
    /// # Errors
    ///
    /// [`AccountFault`].
    fn delete_account(&mut self, account: u8) -> Result<(), AccountFault>;

    /// What the sensors of physical quantities say.
    fn sensors(&mut self) -> Vec<Reading>;

    /// The event log, the oldest record first.
    fn log(&mut self) -> Vec<LogRecord>;

    /// Erases the event log.
    fn clear_log(&mut self);

    /// What its screen shows, as a whole file; nothing where it sends no picture.
    fn picture(&mut self, _form: PictureForm) -> Option<Vec<u8>> {
        None
    }
}

/// The form of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PictureForm {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// BMP of 24 bits a pixel.
    Bmp,
    /// BMP of 16 bits a pixel: five of red, six of green, five of blue.
    Bmp16,
}

impl PictureForm {
    /// The media type of such files.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Bmp | Self::Bmp16 => "image/bmp",
        }
    }
}

/// What to change of an account; `None` leaves a part as it is.
#[derive(Debug, Default)]
pub struct AccountChange {
    /// The user's name.
    pub name: Option<String>,
    /// The password.
    pub password: Option<SecretString>,
    /// What it may do.
    pub role: Option<Role>,
    /// Whether it may log in.
    pub enabled: Option<bool>,
}

/// Why an account is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountFault {
    /// Another account has the name.
    #[error("another account has the name")]
    Taken,
    /// There is no room for another account.
    #[error("there is no room for another account")]
    Full,
    /// No account can have such a name.
    #[error("no account can have such a name")]
    Name,
    /// The controller refused for another reason.
    #[error("the controller refused")]
    Refused,
}

/// What a sensor measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// Degrees Celsius.
    Temperature,
    /// Turns a minute.
    Fan,
    /// Volts.
    Voltage,
    /// Amperes.
    Current,
    /// Watts.
    Power,
}

/// What a sensor says.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Its name.
    pub name: String,
    /// What it measures.
    pub quantity: Quantity,
    /// The value, in the unit of the quantity; `None` where it says nothing at present.
    pub value: Option<f64>,
    /// Below this it is critical.
    pub lower_critical: Option<f64>,
    /// Above this it is worth a look.
    pub upper_caution: Option<f64>,
    /// Above this it is critical.
    pub upper_critical: Option<f64>,
}

impl Reading {
    /// `Status.Health` by the limits.
    pub(super) fn health(&self) -> &'static str {
        let above = |limit: Option<f64>| self.value.zip(limit).is_some_and(|(value, limit)| value >= limit);
        let below = |limit: Option<f64>| self.value.zip(limit).is_some_and(|(value, limit)| value <= limit);
        if above(self.upper_critical) || below(self.lower_critical) {
            "Critical"
        } else if above(self.upper_caution) {
            "Warning"
        } else {
            "OK"
        }
    }
}

/// A record of the event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// Its number.
    pub id: u16,
    /// Seconds since 1970, where it has a time.
    pub time: Option<u64>,
    /// What happened, in words.
    pub message: String,
    /// The record as hexadecimal digits.
    pub raw: String,
    /// A state that nobody wants was entered.
    pub is_alarm: bool,
}

/// The machine cannot do this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the machine cannot do this")]
pub struct Unsupported;

/// What a machine is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The name that people call it by.
    pub host_name: String,
    /// Serial number.
    pub serial: String,
    /// UUID of the machine, as text with dashes.
    pub uuid: String,
    /// Asset tag.
    pub asset_tag: String,
}

/// How a machine is started or stopped (Resource.ResetType).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResetType {
    /// Switch on.
    On,
    /// Switch off at once.
    ForceOff,
    /// Ask the operating system to shut down.
    GracefulShutdown,
    /// Ask the operating system to shut down, then start again.
    GracefulRestart,
    /// Pulse the reset line.
    ForceRestart,
    /// Raise a diagnostic interrupt.
    Nmi,
    /// Switch on, whatever stands against it.
    ForceOn,
    /// Press the power button shortly.
    PushPowerButton,
    /// Switch off and on again.
    PowerCycle,
}

impl ResetType {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::On,
        Self::ForceOff,
        Self::GracefulShutdown,
        Self::GracefulRestart,
        Self::ForceRestart,
        Self::Nmi,
        Self::ForceOn,
        Self::PushPowerButton,
        Self::PowerCycle,
    ];

    /// As the schema spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::On => "On",
            Self::ForceOff => "ForceOff",
            Self::GracefulShutdown => "GracefulShutdown",
            Self::GracefulRestart => "GracefulRestart",
            Self::ForceRestart => "ForceRestart",
            Self::Nmi => "Nmi",
            Self::ForceOn => "ForceOn",
            Self::PushPowerButton => "PushPowerButton",
            Self::PowerCycle => "PowerCycle",
        }
    }
}

/// Where to boot from (ComputerSystem.BootSource).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BootTarget {
    /// As the firmware is set up.
    #[default]
    None,
    /// The network, by PXE.
    Pxe,
    /// A hard disk.
    Hdd,
    /// A CD or DVD, virtual ones included.
    Cd,
    /// A USB device.
    Usb,
    /// A virtual CD at a USB port.
    UsbCd,
    /// A floppy disk.
    Floppy,
    /// The setup screens of the firmware.
    BiosSetup,
    /// The vendor's diagnostics.
    Diags,
    /// The vendor's utilities.
    Utilities,
    /// An SD card.
    SdCard,
    /// The network, by HTTP.
    UefiHttp,
    /// The shell of UEFI.
    UefiShell,
    /// A device named by its UEFI path.
    UefiTarget,
    /// The entry that UEFI's `BootNext` names.
    UefiBootNext,
}

impl BootTarget {
    /// As the schema spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Pxe => "Pxe",
            Self::Hdd => "Hdd",
            Self::Cd => "Cd",
            Self::Usb => "Usb",
            Self::UsbCd => "UsbCd",
            Self::Floppy => "Floppy",
            Self::BiosSetup => "BiosSetup",
            Self::Diags => "Diags",
            Self::Utilities => "Utilities",
            Self::SdCard => "SDCard",
            Self::UefiHttp => "UefiHttp",
            Self::UefiShell => "UefiShell",
            Self::UefiTarget => "UefiTarget",
            Self::UefiBootNext => "UefiBootNext",
        }
    }
}

/// What the next boots are to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BootOverride {
    /// For how many boots.
    pub enabled: BootEnabled,
    /// From where.
    pub target: BootTarget,
    /// How.
    pub mode: BootMode,
}

/// What an account may do (DSP0266 section 13.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    ReadOnly,
    /// Reads, and works the machine.
    Operator,
    /// Everything.
    Administrator,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Administrator, Self::Operator, Self::ReadOnly];

    /// As the schema spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "ReadOnly",
            Self::Operator => "Operator",
            Self::Administrator => "Administrator",
        }
    }
}

/// An account of the controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its place in the controller's table of users, counted from 1.
    pub id: u8,
    /// The user's name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it may log in.
    pub enabled: bool,
}
