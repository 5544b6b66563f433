//! The BMC as a device: resets, states and texts (IPMI 2.0 chapters 20 and 22).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::bmc::commands::{Access, Answer, Handler, dataless, handler, untyped};
use crate::bmc::{Bmc, BmcEvent};
use crate::command::netfn;
use crate::completion::CompletionCode;
use crate::device::{
    ColdReset, GetAcpiPowerState, GetBmcGlobalEnables, GetDeviceGuid, GetSelfTestResults,
    GetSystemInfoParameter, GlobalEnables, SelfTest, SetSystemInfoParameter, SystemInfoParameter, WarmReset,
};
use crate::privilege::PrivilegeLevel;

pub(super) const HANDLERS: &[Handler] = &[
    dataless::<ColdReset>(|bmc, _| bmc.ask_reset(Reset::Cold)),
    dataless::<WarmReset>(|bmc, _| bmc.ask_reset(Reset::Warm)),
    dataless::<GetSelfTestResults>(|_, _| Ok(SelfTest::Passed.encode().to_vec())),
    dataless::<GetAcpiPowerState>(|bmc, _| Ok(acpi_power_state(bmc))),
    dataless::<GetDeviceGuid>(|bmc, _| Ok(bmc.config.guid.to_vec())),
    untyped((netfn::APP, 0x2E), Access::From(PrivilegeLevel::Operator), |bmc, _, data| {
        set_global_enables(bmc, data)
    }),
    dataless::<GetBmcGlobalEnables>(|bmc, _| Ok(vec![bmc.device.enables.bits()])),
    handler::<SetSystemInfoParameter>(|bmc, _, data| bmc.device.set_text(data)),
    handler::<GetSystemInfoParameter>(|bmc, _, data| bmc.device.text(data)),
];

/// Blocks of a system information text that are kept: 64 bytes with the two in front of them.
const BLOCKS: u8 = 5;

/// Bytes of a block.
const BLOCK: usize = 16;

/// How the BMC itself is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reset {
    /// Cold Reset: as after mains power came.
    Cold,
    /// Warm Reset: its firmware starts over; sessions stay open.
    Warm,
}

impl Reset {
    /// How long the BMC hears and says nothing. Real ones take half a minute and more; consoles see the same.
    const fn silence(self) -> Duration {
        match self {
            Self::Cold => Duration::from_secs(5),
            Self::Warm => Duration::from_secs(1),
        }
    }

    /// How long the BMC still listens after its reply. A console whose session outlives the reset says farewell, or goes
    /// on: ipmitool waits ten seconds where nobody hears it close its session.
    const fn grace(self) -> Duration {
        match self {
            Self::Cold => Duration::ZERO,
            Self::Warm => Duration::from_millis(200),
        }
    }
}

/// What the BMC knows of itself beside its configuration.
#[derive(Debug)]
pub(super) struct Device {
    enables: GlobalEnables,
    /// Blocks of system information texts, by parameter and number; at most [`BLOCKS`] of each parameter.
    texts: BTreeMap<(u8, u8), [u8; BLOCK]>,
    /// A reset that follows the reply to its command.
    reset: Option<Reset>,
}

impl Default for Device {
    fn default() -> Self {
        let enables = GlobalEnables { event_logging: true, ..GlobalEnables::default() };
        Self { enables, texts: BTreeMap::new(), reset: None }
    }
}

impl Device {
    fn set_text(&mut self, data: &[u8]) -> Answer {
        // Parameter 0 is set-in-progress, which needs no memory here.
        if let [0, _] = data {
            return Ok(Vec::new());
        }
        let (parameter, block, text) = SetSystemInfoParameter::decode_request(data)?;
        check_parameter(parameter)?;
        if block >= BLOCKS {
            return Err(CompletionCode::PARAMETER_OUT_OF_RANGE);
        }
        let kept = self.texts.entry((parameter, block)).or_insert([0; BLOCK]);
        *kept = [0; BLOCK];
        for (place, byte) in kept.iter_mut().zip(text) {
            *place = *byte;
        }
        Ok(Vec::new())
    }

    fn text(&self, data: &[u8]) -> Answer {
        /// Revision 1.1 of the parameters.
        const REVISION: u8 = 0x11;
        let &[flags, parameter, block, _] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
        if flags & 0x80 != 0 {
            return Ok(vec![REVISION]);
        }
        if parameter == 0 {
            return Ok(vec![REVISION, 0]);
        }
        check_parameter(parameter)?;
        if block >= BLOCKS {
            return Err(CompletionCode::PARAMETER_OUT_OF_RANGE);
        }
        let mut reply = vec![REVISION, block];
        reply.extend_from_slice(self.texts.get(&(parameter, block)).unwrap_or(&[0; BLOCK]));
        Ok(reply)
    }
}

fn check_parameter(number: u8) -> Result<(), CompletionCode> {
    match SystemInfoParameter::ALL.iter().any(|parameter| parameter.number() == number) {
        true => Ok(()),
        false => Err(CompletionCode::PARAMETER_UNSUPPORTED),
    }
}

impl Bmc {
    fn ask_reset(&mut self, reset: Reset) -> Answer {
        self.device.reset = Some(reset);
        Ok(Vec::new())
    }

    /// Carries out a reset whose command has been answered.
    pub(super) fn reset_if_asked(&mut self, now: Instant) {
        if let Some(reset) = self.device.reset.take() {
            self.watchdog.stop();
            self.channel.restart();
            match reset {
                Reset::Cold => self.forget_sessions(),
                Reset::Warm => {}
            }
            self.fall_silent(now + reset.grace(), reset.silence());
            self.event(BmcEvent::DeviceReset(reset));
        }
    }
}

fn acpi_power_state(bmc: &Bmc) -> Vec<u8> {
    /// S0 and S5; D0 of the device.
    const ON: u8 = 0x00;
    const SOFT_OFF: u8 = 0x05;
    vec![if bmc.chassis.power_on { ON } else { SOFT_OFF }, 0x00]
}

fn set_global_enables(bmc: &mut Bmc, data: &[u8]) -> Answer {
    let &[bits] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    bmc.device.enables = GlobalEnables::from_bits(bits);
    Ok(Vec::new())
}
