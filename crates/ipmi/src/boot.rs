//! Everything that boot options can say (IPMI 2.0 sections 28.12 and 28.13, table 28-14): which of several devices, what
//! is locked or shown while the machine boots, and when a BMC forgets what was set.
//!
//! Choosing the device alone is [`Request::SetBootOptions`](crate::Request::SetBootOptions), which also deals with the
//! firmware that wants UEFI disks named otherwise; [`BootSettings`] are sent as they are.

use crate::command::{BootFlags, Command, netfn, parameter};
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::procedure::chain::{Chain, ask, attempt, each, end};
use crate::procedure::{Procedure, ProcedureError};
use crate::wire::Reader;

/// The boot flags with all that stands beside the device: the five bytes of parameter 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BootSettings {
    /// Device, firmware and duration.
    pub flags: BootFlags,
    /// Which of several devices of the kind: 0 for any, 1 to 15 for internal ones, 17 to 31 for external ones.
    pub instance: u8,
    /// The firmware's settings are cleared.
    pub clear_cmos: bool,
    /// The keyboard is locked.
    pub lock_keyboard: bool,
    /// The screen stays dark.
    pub blank_screen: bool,
    /// The reset button is locked.
    pub lock_reset: bool,
    /// The power button is locked.
    pub lock_power: bool,
    /// The sleep button is locked.
    pub lock_sleep: bool,
    /// The firmware asks for no user password.
    pub bypass_password: bool,
    /// The firmware sends progress traps.
    pub progress_traps: bool,
    /// How much the firmware shows: 0 as it is set, 1 quiet, 2 verbose.
    pub verbosity: u8,
    /// Whether the firmware shows itself on the serial line: 0 as it is set, 1 no, 2 yes.
    pub console_redirection: u8,
}

impl BootSettings {
    /// These flags and nothing else.
    pub const fn new(flags: BootFlags) -> Self {
        Self {
            flags,
            instance: 0,
            clear_cmos: false,
            lock_keyboard: false,
            blank_screen: false,
            lock_reset: false,
            lock_power: false,
            lock_sleep: false,
            bypass_password: false,
            progress_traps: false,
            verbosity: 0,
            console_redirection: 0,
        }
    }

    fn bytes(self) -> [u8; 5] {
        let [mode, device, ..] = self.flags.bytes();
        let bit = |set: bool, bit: u8| u8::from(set) << bit;
        [
            mode,
            device
                | bit(self.clear_cmos, 7)
                | bit(self.lock_keyboard, 6)
                | bit(self.blank_screen, 1)
                | bit(self.lock_reset, 0),
            bit(self.lock_power, 7)
                | (self.verbosity & 3) << 5
                | bit(self.progress_traps, 4)
                | bit(self.bypass_password, 3)
                | bit(self.lock_sleep, 2)
                | self.console_redirection & 3,
            0,
            self.instance & 0x1F,
        ]
    }

    fn from_bytes(bytes: [u8; 5]) -> Self {
        let [_, device, shown, _, instance] = bytes;
        let bit = |byte: u8, bit: u8| byte >> bit & 1 == 1;
        Self {
            flags: BootFlags::from_bytes(bytes),
            instance: instance & 0x1F,
            clear_cmos: bit(device, 7),
            lock_keyboard: bit(device, 6),
            blank_screen: bit(device, 1),
            lock_reset: bit(device, 0),
            lock_power: bit(shown, 7),
            lock_sleep: bit(shown, 2),
            bypass_password: bit(shown, 3),
            progress_traps: bit(shown, 4),
            verbosity: shown >> 5 & 3,
            console_redirection: shown & 3,
        }
    }
}

/// What makes a BMC keep the flags' valid bit where it would clear it (parameter 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ValidBitKept {
    /// A PEF action restarts the machine.
    pub on_event_filter: bool,
    /// No Chassis Control comes within 60 seconds.
    pub without_control: bool,
    /// The watchdog timer restarts the machine.
    pub on_watchdog: bool,
    /// The reset button is pressed, or the machine restarts by itself.
    pub on_reset: bool,
    /// The machine is switched on by its button or a wake event.
    pub on_power_up: bool,
}

impl ValidBitKept {
    const fn bits(self) -> u8 {
        (self.on_event_filter as u8) << 4
            | (self.without_control as u8) << 3
            | (self.on_watchdog as u8) << 2
            | (self.on_reset as u8) << 1
            | self.on_power_up as u8
    }

    const fn from_bits(bits: u8) -> Self {
        Self {
            on_event_filter: bits & 0x10 != 0,
            without_control: bits & 0x08 != 0,
            on_watchdog: bits & 0x04 != 0,
            on_reset: bits & 0x02 != 0,
            on_power_up: bits & 0x01 != 0,
        }
    }
}

/// The boot options of a BMC; each is `None` where it lacks the parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BootOptions {
    /// Somebody is in the middle of setting options (parameter 0).
    pub set_in_progress: Option<bool>,
    /// When the valid bit is kept (parameter 3).
    pub valid_bit_kept: Option<ValidBitKept>,
    /// Who has yet to look at the options: bit 0 the BIOS, 1 the loader, 2 the service partition, 3 the system, 4 OEM
    /// (parameter 4).
    pub waiting: Option<u8>,
    /// The flags (parameter 5).
    pub settings: Option<BootSettings>,
}

/// Get System Boot Options for any parameter; the reply is its data.
#[derive(Debug, Clone, Copy)]
struct GetBootOption(u8);

impl Command for GetBootOption {
    type Reply = Vec<u8>;
    const NETFN: u8 = netfn::CHASSIS;
    const CMD: u8 = 0x09;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[self.0, 0, 0]);
    }

    fn decode(data: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut reader = Reader::new(data);
        let [_version, _selector] = reader.array("boot option parameter")?;
        Ok(reader.rest().to_vec())
    }
}

/// Set System Boot Options for any parameter.
#[derive(Debug, Clone)]
struct SetBootOption(u8, Vec<u8>);

impl Command for SetBootOption {
    type Reply = ();
    const NETFN: u8 = netfn::CHASSIS;
    const CMD: u8 = 0x08;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.push(self.0);
        data.extend_from_slice(&self.1);
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

/// Reads all boot options.
pub fn read() -> impl Procedure<Output = BootOptions> + Send {
    const READ: [u8; 4] = [
        parameter::SET_IN_PROGRESS,
        parameter::VALID_BIT_CLEARING,
        parameter::BOOT_INFO_ACKNOWLEDGE,
        parameter::BOOT_FLAGS,
    ];
    each(READ, |number| attempt("read the boot options", &GetBootOption(number))).map(|parts| {
        let part = |index: usize| parts.get(index).and_then(|part| part.as_ref().ok());
        BootOptions {
            set_in_progress: part(0).and_then(|data| data.first()).map(|state| state & 3 != 0),
            valid_bit_kept: part(1).and_then(|data| data.first()).map(|bits| ValidBitKept::from_bits(*bits)),
            // The first byte is a mask for writing.
            waiting: part(2).and_then(|data| data.get(1)).map(|bits| bits & 0x1F),
            settings: part(3)
                .and_then(|data| data.first_chunk())
                .map(|bytes| BootSettings::from_bytes(*bytes)),
        }
    })
}

/// Sets the boot flags with all that stands beside them, to be kept as `kept` says, and reads them back.
///
/// A BMC may lack every parameter but the flags. [`ProcedureError::NotKept`] where it shows another device, firmware,
/// duration or instance.
pub fn set(settings: BootSettings, kept: ValidBitKept) -> impl Procedure<Output = BootSettings> + Send {
    let doing = "set the boot options";
    let offer = |number, data: Vec<u8>| attempt(doing, &SetBootOption(number, data));
    offer(parameter::SET_IN_PROGRESS, vec![1])
        .then(move |_| offer(parameter::VALID_BIT_CLEARING, vec![kept.bits()]))
        .then(move |_| offer(parameter::BOOT_INFO_ACKNOWLEDGE, vec![1, 1]))
        .then(move |_| ask(doing, &SetBootOption(parameter::BOOT_FLAGS, settings.bytes().to_vec())).caught())
        .then(move |outcome| offer(parameter::SET_IN_PROGRESS, vec![0]).then(move |_| end(outcome)))
        .then(move |()| ask("read the boot options", &GetBootOption(parameter::BOOT_FLAGS)))
        .then(move |read| {
            let shown = read.first_chunk().map(|bytes| BootSettings::from_bytes(*bytes));
            end(match shown {
                None => Err(ProcedureError::Malformed {
                    doing: "read the boot options",
                    fault: Fault::Truncated("boot flags"),
                }),
                Some(shown) if shown.flags == settings.flags && shown.instance == settings.instance => {
                    Ok(shown)
                }
                // Flags that were cleared may show anything but validity.
                Some(shown) if !settings.flags.valid && !shown.flags.valid => Ok(shown),
                Some(_) => Err(ProcedureError::NotKept { doing }),
            })
        })
}

/// Clears the boot flags, so that the machine follows its own order.
pub fn clear() -> impl Procedure<Output = BootSettings> + Send {
    set(BootSettings::new(BootFlags::cleared()), ValidBitKept::default())
}

#[cfg(test)]
mod tests;
