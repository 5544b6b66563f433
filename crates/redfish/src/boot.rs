//! What the next boots start from (DSP0268, the Boot property of ComputerSystem).

mod dell;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::etag::patch;
use crate::exchange::shown;
use crate::system::Place;
use crate::task::settle;
use crate::{Answer, Error, Method, Operation, Quirk, Request, Resource, Stop, Talk};

/// How often a choice is sent again that the controller refuses while the machine starts.
const POST_ATTEMPTS: u32 = 12;

/// Between these.
const POST_PAUSE: Duration = Duration::from_secs(10);

/// How often is looked whether a choice shows, and how long is waited between.
const LOOKS: u32 = 3;
const LOOK_PAUSE: Duration = Duration::from_secs(2);

/// What a boot starts from (DSP0268, BootSource).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BootTarget {
    /// The firmware's own order.
    None,
    /// The network.
    Pxe,
    /// The network, by HTTP.
    UefiHttp,
    /// A hard disk.
    Hdd,
    /// A CD or DVD, a virtual one among them.
    Cd,
    /// A USB device.
    Usb,
    /// A floppy disk.
    Floppy,
    /// An SD card.
    SdCard,
    /// The firmware's setup pages.
    BiosSetup,
    /// The firmware's tools.
    Utilities,
    /// The manufacturer's diagnosis.
    Diags,
    /// The UEFI shell.
    UefiShell,
    /// A device that is named by its UEFI path.
    UefiTarget,
}

impl BootTarget {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::None,
        Self::Pxe,
        Self::UefiHttp,
        Self::Hdd,
        Self::Cd,
        Self::Usb,
        Self::Floppy,
        Self::SdCard,
        Self::BiosSetup,
        Self::Utilities,
        Self::Diags,
        Self::UefiShell,
        Self::UefiTarget,
    ];

    /// As Redfish writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Pxe => "Pxe",
            Self::UefiHttp => "UefiHttp",
            Self::Hdd => "Hdd",
            Self::Cd => "Cd",
            Self::Usb => "Usb",
            Self::Floppy => "Floppy",
            Self::SdCard => "SDCard",
            Self::BiosSetup => "BiosSetup",
            Self::Utilities => "Utilities",
            Self::Diags => "Diags",
            Self::UefiShell => "UefiShell",
            Self::UefiTarget => "UefiTarget",
        }
    }

    /// The property that says where exactly it boots from, of those that can be told so.
    const fn source(self) -> Option<&'static str> {
        match self {
            Self::UefiHttp => Some("HttpBootUri"),
            Self::UefiTarget => Some("UefiTargetBootSourceOverride"),
            _ => None,
        }
    }

    fn of(text: &str) -> Option<Self> {
        match text {
            "UsbCd" => Some(Self::Cd),
            _ => Self::ALL.into_iter().find(|target| target.as_str() == text),
        }
    }
}

impl fmt::Display for BootTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// For how long a choice holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BootEnabled {
    /// There is none.
    #[default]
    Disabled,
    /// For the next boot.
    Once,
    /// For every boot.
    Continuous,
}

impl BootEnabled {
    /// As Redfish writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "Disabled",
            Self::Once => "Once",
            Self::Continuous => "Continuous",
        }
    }
}

/// The firmware's interface to what it boots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BootMode {
    /// UEFI.
    Uefi,
    /// The old BIOS.
    #[default]
    Legacy,
}

impl BootMode {
    /// As Redfish writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uefi => "UEFI",
            Self::Legacy => "Legacy",
        }
    }
}

/// What a machine shows as its choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootState {
    /// What is booted from; none where it is something that no [`BootTarget`] stands for.
    pub target: Option<BootTarget>,
    /// For how long.
    pub enabled: BootEnabled,
    /// Through which interface, where it shows one.
    pub mode: Option<BootMode>,
}

impl BootState {
    /// What a resource shows; the firmware's own order where it shows nothing.
    pub fn of(resource: &Resource) -> Self {
        let text = |name: &str| resource.text(&["Boot", name]).unwrap_or_default();
        let enabled = match text("BootSourceOverrideEnabled") {
            "Once" => BootEnabled::Once,
            "Continuous" => BootEnabled::Continuous,
            _ => BootEnabled::Disabled,
        };
        let target = match text("BootSourceOverrideTarget") {
            "" => Some(BootTarget::None),
            text => BootTarget::of(text),
        };
        let mode = match text("BootSourceOverrideMode") {
            "UEFI" => Some(BootMode::Uefi),
            "Legacy" => Some(BootMode::Legacy),
            _ => None,
        };
        Self { target, enabled, mode }
    }

    fn is_own_order(self) -> bool {
        self.enabled == BootEnabled::Disabled || self.target == Some(BootTarget::None)
    }
}

impl fmt::Display for BootState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.target.map_or("another device", BootTarget::as_str);
        write!(f, "{target} ({})", self.enabled.as_str())
    }
}

/// Reads what the next boots start from: one request.
///
/// # Errors
///
/// What [`Operation::perform`] says.
pub fn boot_state(talk: &mut Talk, place: &Place) -> Result<BootState, Stop> {
    Ok(BootState::of(talk.read(&place.system)?.as_ref()))
}

/// Chooses what the next boots start from, and gives what is read back.
#[derive(Clone, Debug)]
pub struct SetBoot {
    /// The machine.
    pub place: Place,
    /// What to boot from; [`BootTarget::None`] leaves it to the firmware's own order.
    pub target: BootTarget,
    /// For every boot instead of the next one.
    pub persistent: bool,
    /// The interface; none leaves it as it is.
    pub mode: Option<BootMode>,
    /// The address that [`BootTarget::UefiHttp`] fetches from, where none leaves it to DHCP, or the UEFI path of the device of
    /// [`BootTarget::UefiTarget`]; of others nothing.
    pub source: Option<String>,
}

impl Operation for SetBoot {
    type Output = BootState;

    fn perform(&self, talk: &mut Talk) -> Result<BootState, Stop> {
        let system = talk.read(&self.place.system)?;
        if self.target == BootTarget::Cd
            && self.place.quirks.contains(Quirk::CdAttribute)
            && let Some(attributes) = dell::attributes(talk, &self.place)?
        {
            dell::set_virtual_cd(talk, &attributes, self.persistent)?;
            return Ok(BootState {
                target: Some(BootTarget::Cd),
                enabled: self.enabled(),
                ..BootState::of(&system)
            });
        }
        let mut choice = self.choice(&system)?;
        let mut written = Arc::clone(&system);
        let mut answer = self.write(talk, &written, &choice)?;
        if refuses_property(&answer) && choice.remove("BootSourceOverrideMode").is_some() {
            answer = self.write(talk, &written, &choice)?;
        }
        if refuses_property(&answer)
            && let Some(settings) = system.link(&["@Redfish.Settings", "SettingsObject"])
        {
            written = talk.read(settings)?;
            answer = self.write(talk, &written, &choice)?;
        }
        if !answer.is_success() {
            let request = Request::with(Method::Patch, written.path.clone(), Value::Null);
            return Err(answer.error(&request).into());
        }
        // What is written to settings may be a task that waits for the next start.
        if written.path == system.path {
            settle(talk, &answer)?;
        }
        self.read_back(talk, &written.path)
    }
}

impl SetBoot {
    const fn enabled(&self) -> BootEnabled {
        match (self.target, self.persistent) {
            (BootTarget::None, _) => BootEnabled::Disabled,
            (_, true) => BootEnabled::Continuous,
            (_, false) => BootEnabled::Once,
        }
    }

    /// What to write, by what the machine says it takes.
    fn choice(&self, system: &Resource) -> Result<Map<String, Value>, Error> {
        let boot = system.at(&["Boot"]);
        let allowed = |name: &str| allowed(boot, name);
        let allows = |values: &[&str], value: &str| values.is_empty() || values.contains(&value);
        let mut choice = Map::new();
        let enabled = self.enabled();
        if allows(&allowed("BootSourceOverrideEnabled"), enabled.as_str()) {
            choice.insert("BootSourceOverrideEnabled".to_owned(), json!(enabled.as_str()));
        } else if enabled != BootEnabled::Disabled {
            let long = if self.persistent { "every boot" } else { "the next boot alone" };
            return Err(Error::Unsupported { what: format!("choose {} for {long}", self.target) });
        }
        let targets = allowed("BootSourceOverrideTarget");
        let has_usb_cd = targets.contains(&"UsbCd");
        let is_usb_cd = has_usb_cd
            && (self.place.quirks.contains(Quirk::UsbCd) || !targets.contains(&BootTarget::Cd.as_str()));
        let word = match self.target {
            BootTarget::Cd if is_usb_cd => "UsbCd",
            target => target.as_str(),
        };
        if allows(&targets, word) {
            choice.insert("BootSourceOverrideTarget".to_owned(), json!(word));
        } else if self.target != BootTarget::None || choice.is_empty() {
            let what = format!("boot from {}; it can from {}", self.target, targets.join(", "));
            return Err(Error::Unsupported { what });
        }
        if let Some(mode) = self.mode.filter(|_| !boot["BootSourceOverrideMode"].is_null()) {
            choice.insert("BootSourceOverrideMode".to_owned(), json!(mode.as_str()));
        }
        if let Some((name, source)) = self.source() {
            let sources = allowed(name);
            if !allows(&sources, source) {
                let known = shown(&sources.join(", "));
                return Err(Error::Unsupported { what: format!("boot from {source}; it can from {known}") });
            }
            choice.insert(name.to_owned(), json!(source));
        } else if self.target == BootTarget::UefiTarget {
            return Err(Error::Unsupported {
                what: "boot from a UEFI device whose path is not given".into(),
            });
        }
        Ok(choice)
    }

    /// Where exactly it is to boot from, with the property that says so.
    fn source(&self) -> Option<(&'static str, &str)> {
        self.target.source().zip(self.source.as_deref())
    }

    /// Writes a choice, again while the machine starts.
    fn write(
        &self,
        talk: &mut Talk,
        resource: &Resource,
        choice: &Map<String, Value>,
    ) -> Result<Arc<Answer>, Stop> {
        let body = json!({ "Boot": choice });
        let mut attempt = 1;
        loop {
            let answer = patch(talk, resource, &body)?;
            let starts = answer.message_ids().iter().any(|id| id == "UnableToModifyDuringSystemPOST");
            if attempt == POST_ATTEMPTS || !starts {
                return Ok(answer);
            }
            attempt += 1;
            talk.pause(POST_PAUSE)?;
        }
    }

    fn read_back(&self, talk: &mut Talk, path: &str) -> Result<BootState, Stop> {
        let mut look = 1;
        loop {
            let resource = talk.read(path)?;
            let state = BootState::of(&resource);
            let is_kept = match self.target {
                BootTarget::None => state.is_own_order(),
                target => state.target == Some(target) && state.enabled == self.enabled(),
            };
            let source = self.source().map(|(name, source)| (resource.text(&["Boot", name]), source));
            let is_source_kept = source.is_none_or(|(seen, wanted)| seen == Some(wanted));
            if is_kept && is_source_kept {
                return Ok(state);
            }
            if look == LOOKS {
                let what = "the boot device".to_owned();
                let seen = match source {
                    Some((seen, _)) if is_kept => {
                        format!("{state} from {}", shown(seen.unwrap_or("nowhere")))
                    }
                    _ => state.to_string(),
                };
                return Err(Error::NotKept { what, seen }.into());
            }
            look += 1;
            talk.pause(LOOK_PAUSE)?;
        }
    }
}

/// The values that a property of `Boot` may have, none where the machine does not say. The older schema of HPE writes them
/// beside the property, under a name of its own.
fn allowed<'a>(boot: &'a Value, name: &str) -> Vec<&'a str> {
    let older = match name {
        "BootSourceOverrideTarget" => "BootSourceOverrideSupported",
        "UefiTargetBootSourceOverride" => "UefiTargetBootSourceOverrideSupported",
        _ => "",
    };
    let values = boot[format!("{name}@Redfish.AllowableValues").as_str()].as_array();
    let values = values.or_else(|| boot[older].as_array());
    values.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether a refusal is about what was written, and not about who wrote it or when.
fn refuses_property(answer: &Answer) -> bool {
    let is_later = answer.message_ids().iter().any(|id| id == "UnableToModifyDuringSystemPOST");
    matches!(answer.status, 400 | 405 | 422 | 501) && !is_later
}
