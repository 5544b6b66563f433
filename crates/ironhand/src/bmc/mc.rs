//! `ironhand bmc mc`: the management controllers themselves.

use std::borrow::Cow;

use clap::{Args, Subcommand, ValueEnum};
use ironhand_ipmi::command::{GetDeviceId, GetSystemGuid};
use ironhand_ipmi::device::{
    self, ColdReset, GetAcpiPowerState, GetSelfTestResults, SelfTest, SystemInfoParameter, WarmReset,
};
use ironhand_ipmi::procedure::Ask;
use ironhand_ipmi::{DeviceId, Error};
use ironhand_ipmi_port::{Bmc, RunError};
use serde::Serialize;

use super::watchdog::{self, WatchdogAction};
use super::{Finding, Fleet, Problem, Shown};
use crate::exit::Failure;
use crate::output::{Field, Output, Tone};

/// `ironhand bmc mc`.
#[derive(Args)]
pub struct Mc {
    #[command(subcommand)]
    pub(super) action: Action,
}

#[derive(Subcommand)]
pub(super) enum Action {
    /// Show who made the BMC and which firmware it runs
    Info,
    /// Show the machine's GUID
    Guid,
    /// Show the results of the BMC's self test
    Selftest,
    /// Restart the BMC; the machine goes on running
    Reset {
        /// cold, as after mains power came, or warm
        #[arg(value_enum)]
        reset: ResetWord,
    },
    /// Show what software on the machine tells the BMC: names and versions
    SystemInfo,
    /// Show, stop or start the watchdog timer
    Watchdog {
        #[command(subcommand)]
        action: Option<WatchdogAction>,
    },
}

/// How a BMC is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ResetWord {
    /// As after mains power came
    Cold,
    /// Its firmware starts over
    Warm,
}

/// `ironhand bmc mc`.
pub async fn mc(fleet: &Fleet, asked: &Mc) -> Result<(), Failure> {
    match &asked.action {
        Action::Info => fleet.each(info).await,
        Action::Guid => {
            fleet
                .each(async |bmc| {
                    let guid = bmc.run(Ask::new("read the GUID", &GetSystemGuid)).await?;
                    Ok(Guid::of(guid.0))
                })
                .await
        }
        Action::Selftest => {
            let ask = || Ask::new("read the self test's results", &GetSelfTestResults);
            fleet.each(async |bmc| Ok(Test::of(bmc.run(ask()).await?))).await
        }
        Action::Reset { reset } => fleet.change(async |bmc| restart(bmc, *reset).await).await,
        Action::SystemInfo => fleet.each(system_info).await,
        Action::Watchdog { action } => {
            watchdog::watchdog(fleet, action.as_ref().unwrap_or(&WatchdogAction::Show)).await
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    manufacturer: Option<&'static str>,
    manufacturer_id: u32,
    product: u16,
    device_id: u8,
    device_revision: u8,
    firmware: String,
    ipmi: String,
    available: bool,
    provides_device_sdrs: bool,
    support: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auxiliary_revision: Option<String>,
    /// The machine's ACPI state, where the BMC tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    acpi: Option<&'static str>,
}

/// What the additional device support bits stand for, from bit 0.
const SUPPORT: [&str; 8] = [
    "sensors",
    "SDR repository",
    "SEL",
    "FRU inventory",
    "IPMB event receiver",
    "IPMB event generator",
    "bridge",
    "chassis",
];

async fn info(bmc: &Bmc) -> Result<Info, Problem> {
    let id = bmc.run(Ask::new("read the device id", &GetDeviceId)).await?;
    let acpi = match bmc.run(Ask::new("read the ACPI state", &GetAcpiPowerState)).await {
        Ok(state) => Some(state.system_text()),
        // Optional on BMCs, and of no weight here.
        Err(RunError::Procedure(_)) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Info::of(&id, acpi))
}

impl Info {
    fn of(id: &DeviceId, acpi: Option<&'static str>) -> Self {
        let bits = SUPPORT.into_iter().enumerate();
        Self {
            manufacturer: device::manufacturer_name(id.manufacturer),
            manufacturer_id: id.manufacturer,
            product: id.product,
            device_id: id.device_id,
            device_revision: id.device_revision,
            firmware: format!("{}.{:02}", id.firmware_major, id.firmware_minor),
            ipmi: format!("{}.{}", id.ipmi_version.major, id.ipmi_version.minor),
            available: id.available,
            provides_device_sdrs: id.provides_device_sdrs,
            support: bits
                .filter(|(bit, _)| id.additional_support >> bit & 1 == 1)
                .map(|(_, name)| name)
                .collect(),
            auxiliary_revision: id
                .auxiliary_revision
                .map(|bytes| bytes.map(|byte| format!("{byte:02x}")).join(" ")),
            acpi,
        }
    }
}

impl Finding for Info {
    fn outcome(&self) -> Cow<'static, str> {
        self.manufacturer.unwrap_or("unknown manufacturer").into()
    }

    fn shown(&self, _: Output) -> Shown {
        let manufacturer = format!("{} ({})", self.manufacturer.unwrap_or("unknown"), self.manufacturer_id);
        let availability = match self.available {
            true => Field::toned("in operation", Tone::Good),
            false => Field::toned("starting, or its firmware is updated", Tone::Warn),
        };
        let mut pairs = vec![
            ("manufacturer", manufacturer.into()),
            ("product", format!("{0} (0x{0:04x})", self.product).into()),
            ("device", format!("0x{:02x}, revision {}", self.device_id, self.device_revision).into()),
            ("firmware", self.firmware.as_str().into()),
            ("ipmi", self.ipmi.as_str().into()),
            ("state", availability),
            ("device SDRs", if self.provides_device_sdrs { "yes" } else { "no" }.into()),
            ("supports", self.support.join(", ").into()),
        ];
        pairs.extend(self.auxiliary_revision.as_deref().map(|text| ("auxiliary", text.into())));
        pairs.extend(self.acpi.map(|text| ("acpi", text.into())));
        Shown::Pairs(pairs)
    }
}

/// A GUID in both readings: IPMI counts its bytes from the least significant, much firmware sends SMBIOS order.
#[derive(Serialize)]
struct Guid {
    guid: String,
    smbios: String,
}

impl Guid {
    fn of(bytes: [u8; 16]) -> Self {
        let mut reversed = bytes;
        reversed.reverse();
        // SMBIOS stores the first three fields with the least significant byte first.
        let [b0, b1, b2, b3, b4, b5, b6, b7, rest @ ..] = bytes;
        let mut smbios = vec![b3, b2, b1, b0, b5, b4, b7, b6];
        smbios.extend_from_slice(&rest);
        Self { guid: dashed(&reversed), smbios: dashed(&smbios) }
    }
}

fn dashed(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

impl Finding for Guid {
    fn outcome(&self) -> Cow<'static, str> {
        "read".into()
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Line(format!("{}  (in SMBIOS order: {})", self.guid, self.smbios).into())
    }
}

#[derive(Serialize)]
struct Test {
    passed: bool,
    implemented: bool,
    failures: Vec<&'static str>,
}

impl Test {
    fn of(test: SelfTest) -> Self {
        Self {
            passed: test == SelfTest::Passed,
            implemented: test != SelfTest::NotImplemented,
            failures: test.failures(),
        }
    }
}

impl Finding for Test {
    fn outcome(&self) -> Cow<'static, str> {
        match (self.passed, self.implemented) {
            (true, _) => "passed".into(),
            (false, false) => "not implemented".into(),
            (false, true) => "failed".into(),
        }
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Line(match (self.passed, self.implemented) {
            (true, _) => Field::toned("passed", Tone::Good),
            (false, false) => Field::toned("the BMC has no self test", Tone::Dim),
            (false, true) => Field::toned(format!("failed: {}", self.failures.join(", ")), Tone::Bad),
        })
    }
}

#[derive(Serialize)]
pub(super) struct Restart {
    /// The BMC answered before it restarted.
    pub(super) answered: bool,
}

/// Restarts a BMC; it is asked once. Many never answer, as they are gone by then.
async fn restart(bmc: &Bmc, reset: ResetWord) -> Result<Restart, Problem> {
    let doing = "restart the BMC";
    let outcome = match reset {
        ResetWord::Cold => bmc.run(Ask::new(doing, &ColdReset)).await,
        ResetWord::Warm => bmc.run(Ask::new(doing, &WarmReset)).await,
    };
    match outcome {
        Ok(()) => Ok(Restart { answered: true }),
        Err(RunError::Client(Error::OutcomeUnknown)) => Ok(Restart { answered: false }),
        Err(error) => Err(error.into()),
    }
}

impl Finding for Restart {
    fn outcome(&self) -> Cow<'static, str> {
        if self.answered { "restarting".into() } else { "silent".into() }
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Line(match self.answered {
            true => "restarting".into(),
            false => Field::toned("asked once, no answer: most likely it restarts", Tone::Warn),
        })
    }
}

#[derive(Serialize)]
struct SystemInfo {
    texts: Vec<SystemText>,
}

#[derive(Serialize)]
struct SystemText {
    name: &'static str,
    value: String,
}

const fn text_name(parameter: SystemInfoParameter) -> &'static str {
    match parameter {
        SystemInfoParameter::FirmwareVersion => "firmware version",
        SystemInfoParameter::SystemName => "system name",
        SystemInfoParameter::PrimaryOsName => "installed system",
        SystemInfoParameter::OsName => "running system",
        SystemInfoParameter::OsVersion => "system version",
        SystemInfoParameter::BmcUrl => "web pages",
    }
}

async fn system_info(bmc: &Bmc) -> Result<SystemInfo, Problem> {
    let mut texts = Vec::new();
    for parameter in SystemInfoParameter::ALL {
        if let Some(value) = bmc.run(device::read_system_info(parameter)).await? {
            texts.push(SystemText { name: text_name(parameter), value });
        }
    }
    Ok(SystemInfo { texts })
}

impl Finding for SystemInfo {
    fn outcome(&self) -> Cow<'static, str> {
        if self.texts.is_empty() { "nothing told".into() } else { "read".into() }
    }

    fn shown(&self, _: Output) -> Shown {
        match self.texts.is_empty() {
            true => Shown::Line(Field::toned("the machine has told the BMC nothing", Tone::Dim)),
            false => {
                Shown::Pairs(self.texts.iter().map(|text| (text.name, text.value.as_str().into())).collect())
            }
        }
    }
}
