//! Recovery procedures.

mod deploy;
mod http;
mod nested;
mod ssh;
mod tell;

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{Condition, DeploymentPhase, HostSelect, Metadata, PowerState, Reach, Span};

pub use deploy::Deploy;
pub use http::{HttpAuth, HttpBody, HttpExpect, HttpStatus, HttpStep, JsonExpect, SecretText, TextOrSecret};
pub use nested::{Approve, Branch, Call, Choose, Repeat};
pub use ssh::{SshExpect, SshStep};
pub use tell::{IpmiRaw, Notify, Serial};

/// A recovery procedure: when it applies, what it does, how it knows that it worked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flow {
    /// Name and labels.
    pub metadata: Metadata,
    /// The procedure.
    pub spec: FlowSpec,
}

/// What a flow does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlowSpec {
    /// Which hosts it may work on; all where absent.
    #[serde(default, skip_serializing_if = "HostSelect::is_all")]
    pub select: HostSelect,
    /// When it applies.
    pub when: When,
    /// Of several flows that apply, the one with the highest priority is taken; of equals, the first by name.
    #[serde(default)]
    pub priority: i32,
    /// Whether it only tells what it would do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// How often hosts that it may work on are looked at, though nothing is wrong with them; as the setting
    /// `screenInterval` says where absent, or where that is more often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_every: Option<Span>,
    /// Whether it may begin in quiet hours, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub even_in_quiet_hours: bool,
    /// What it does, in order.
    #[serde(rename = "do")]
    #[schemars(length(min = 1))]
    pub steps: Vec<Step>,
    /// How it knows that the host is well again.
    pub verify: Verify,
    /// How often it may try.
    #[serde(default)]
    pub limits: Limits,
    /// What is done once when the last run that the flow may make has failed: steps `notify` and `http`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "one_or_several")]
    pub on_failure: Vec<Step>,
    /// Screens with the verdict expected of them, for `ironhand flow test`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

/// The schema of `onFailure`: one step, or several.
fn one_or_several(generator: &mut SchemaGenerator) -> Schema {
    let (one, several) = (generator.subschema_for::<Step>(), generator.subschema_for::<Vec<Step>>());
    json_schema!({ "anyOf": [one, several] })
}

/// When a flow applies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct When {
    /// What must be seen: on a reading of the screen where it asks for one, else whenever the host is looked at.
    #[serde(flatten)]
    pub condition: Condition,
    /// A regular expression that the text of the screen must not match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<String>,
    /// How many readings, or looks at the host, in a row must give the verdict; 1 to 100.
    #[serde(default = "When::default_stable")]
    #[schemars(range(min = 1, max = 100))]
    pub stable: u32,
}

impl When {
    /// The readings in a row where a flow does not say: one may be a moment between two screens.
    pub(crate) const DEFAULT_STABLE: u32 = 2;

    const fn default_stable() -> u32 {
        Self::DEFAULT_STABLE
    }

    /// Whether the flow begins on what the screen shows; else on another sign, like the power that is off.
    pub fn needs_screen(&self) -> bool {
        self.condition.needs_screen()
    }
}

impl FlowSpec {
    /// Whether readings of the screen prove the host well; else looks at it do, as where a flow begins without a screen
    /// and its `verify` asks for none.
    pub fn is_proven_on_screen(&self) -> bool {
        self.when.needs_screen() || self.verify.condition.needs_screen()
    }
}

/// One step of a flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Step {
    /// Press keys: plain text types itself, `<Enter>`, `<F1>`, `<Ctrl-Alt-Del>`, `<Down*3>`, `<wait 500ms>`.
    Keys(String),
    /// Use the power button.
    Power(PowerAction),
    /// Choose what the next boot starts from.
    BootDevice(BootDeviceStep),
    /// Go on when something has come true, fail when it has not within the time.
    WaitFor(WaitFor),
    /// Do nothing for a while.
    Sleep(Span),
    /// Keep a picture of the screen as evidence.
    Snapshot(Option<String>),
    /// Go on with what the host shows.
    Choose(Choose),
    /// Do steps until something has come true.
    Repeat(Repeat),
    /// Do the steps of another flow.
    Call(Call),
    /// Go on when a person agrees.
    Approve(Approve),
    /// Ask another system over HTTP.
    Http(Box<HttpStep>),
    /// Tell somebody.
    Notify(Notify),
    /// Write to the serial console.
    Serial(Serial),
    /// Send the management controller a command of its own.
    IpmiRaw(IpmiRaw),
    /// Run a command on a machine that can be logged in to.
    Ssh(Box<SshStep>),
    /// Make the host boot a profile.
    Deploy(Deploy),
}

impl fmt::Display for Step {
    /// What the step does, as an operator would say it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(keys) => write!(f, "press `{keys}`"),
            Self::Power(action) => write!(f, "power {}", action.as_str()),
            Self::BootDevice(choice) => {
                let (device, persistent, uefi) = choice.resolve();
                let how_long = if persistent { "every boot" } else { "the next boot" };
                let how = if uefi { " by UEFI" } else { "" };
                write!(f, "boot from {} at {how_long}{how}", device.as_str())
            }
            Self::WaitFor(wait) => {
                write!(f, "wait for {}, at most {}", wait.condition, wait.timeout)
            }
            Self::Sleep(length) => write!(f, "sleep {length}"),
            Self::Snapshot(Some(note)) => write!(f, "keep a picture of the screen ({note})"),
            Self::Snapshot(None) => f.write_str("keep a picture of the screen"),
            Self::Choose(choose) => choose.fmt(f),
            Self::Approve(approve) => approve.fmt(f),
            Self::Http(request) => request.fmt(f),
            Self::Notify(notify) => notify.fmt(f),
            Self::Serial(serial) => serial.fmt(f),
            Self::IpmiRaw(raw) => raw.fmt(f),
            Self::Ssh(command) => command.fmt(f),
            Self::Deploy(deploy) => deploy.fmt(f),
            Self::Repeat(repeat) => repeat.fmt(f),
            Self::Call(call) => write!(f, "do the steps of flow {}", call.flow()),
        }
    }
}

/// What can be done with the power (IPMI 2.0 section 28.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PowerAction {
    /// Power on; nothing to do where the host is on.
    On,
    /// Power off at once, without the operating system's consent.
    Off,
    /// Power off, wait, power on.
    Cycle,
    /// Reset without removing power.
    Reset,
    /// Ask the operating system to shut down (ACPI).
    Soft,
    /// Raise a diagnostic interrupt.
    Nmi,
}

impl PowerAction {
    /// The word as the command line and manifests write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Cycle => "cycle",
            Self::Reset => "reset",
            Self::Soft => "soft",
            Self::Nmi => "nmi",
        }
    }

    /// The power state that shows that the action came true.
    pub const fn wanted(self) -> PowerState {
        match self {
            Self::On | Self::Cycle | Self::Reset | Self::Nmi => PowerState::On,
            Self::Off | Self::Soft => PowerState::Off,
        }
    }
}

/// What a boot starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BootDevice {
    /// The firmware's own order.
    None,
    /// The network.
    Pxe,
    /// The first hard disk.
    Disk,
    /// CD or DVD.
    Cdrom,
    /// The firmware's setup pages.
    Bios,
}

impl BootDevice {
    /// The word as the command line and manifests write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pxe => "pxe",
            Self::Disk => "disk",
            Self::Cdrom => "cdrom",
            Self::Bios => "bios",
        }
    }
}

/// The boot device of a step: `bootDevice: pxe`, or with its options written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum BootDeviceStep {
    /// For the next boot only, with the firmware's own interface.
    Once(BootDevice),
    /// With options.
    Full {
        /// The device.
        device: BootDevice,
        /// For every boot from now on.
        #[serde(default)]
        persistent: bool,
        /// Boot through UEFI rather than the legacy BIOS.
        #[serde(default)]
        uefi: bool,
    },
}

impl BootDeviceStep {
    /// Device, whether it persists, whether UEFI is asked for.
    pub const fn resolve(self) -> (BootDevice, bool, bool) {
        match self {
            Self::Once(device) => (device, false, false),
            Self::Full { device, persistent, uefi } => (device, persistent, uefi),
        }
    }
}

/// What a step waits for: everything that is given must be true at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaitFor {
    /// What must be seen.
    #[serde(flatten)]
    pub condition: Condition,
    /// How long at most.
    pub timeout: Span,
}

/// How a flow knows that the host is well again: everything that is given must be true at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verify {
    /// What must be seen, on as many readings in a row as `when` asks for.
    #[serde(flatten)]
    pub condition: Condition,
    /// How long the host may take after the last step.
    pub timeout: Span,
}

/// How often a flow may try on one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// Runs in one incident before a person is asked; 1 to 100. A host that falls ill of the same again within the
    /// cooldown is counted on.
    #[schemars(range(min = 1, max = 100))]
    pub attempts: u32,
    /// The least time between the end of a failed run and the next.
    pub cooldown: Span,
    /// On how many hosts runs of it may begin within the setting `blastWindow`; as many as the settings allow where absent.
    #[schemars(range(min = 1, max = 1_000_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { attempts: 2, cooldown: Span::from_secs(60), hosts: None }
    }
}

/// A screen and the verdict that the flow must give on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Example {
    /// A picture file, relative to the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// The text of a screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The power state of the host meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerState>,
    /// How its controller can be reached meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Reach>,
    /// For how long the screen has stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchanged_for: Option<Span>,
    /// Whether the host answers pings meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ping: Option<bool>,
    /// Whether its heartbeats arrive meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<bool>,
    /// What its controller told of lately, in its log and otherwise; nothing where it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// What it wrote on its serial console lately, in lines; nothing where it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The phase of its deployment meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentPhase>,
    /// Whether the flow applies to it.
    pub matches: bool,
}
