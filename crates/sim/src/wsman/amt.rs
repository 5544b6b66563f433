//! The classes of Intel AMT: power, the next boot, and the redirection of the screen.

use std::time::Instant;

use super::WsmanConfig;
use super::soap::{Asked, SoapFault, reference, text};
use crate::machine::{Activity, BootSource, Machine, NextBoot, Output};

const CIM: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/";
const AMT: &str = "http://intel.com/wbem/wscim/1/amt-schema/1/";
const IPS: &str = "http://intel.com/wbem/wscim/1/ips-schema/1/";

const CONFIGURATION: (&str, &str) = ("InstanceID", "Intel(r) AMT: Boot Configuration 0");

/// What methods return for what they cannot do now (the value "invalid parameter" of CIM).
const INVALID: u32 = 5;

/// Numbers of the services that are redirected: none, all, and the flag of the serial line.
const NO_SERVICE: u32 = 32768;
const ALL_SERVICES: u32 = 32771;
const SERIAL_LINE: u32 = 2;

/// The switches of the next boot that are not told here; all are off.
const SWITCHES: &[&str] = &[
    "BIOSPause",
    "ConfigurationDataReset",
    "ForcedProgressEvents",
    "LockKeyboard",
    "LockPowerButton",
    "LockResetButton",
    "LockSleepButton",
    "ReflashBIOS",
    "UseIDER",
    "UseSOL",
    "UseSafeMode",
    "UserPasswordBypass",
];

/// Sources that a boot can be made to start from.
const SOURCES: &[(&str, BootSource)] = &[
    ("Intel(r) AMT: Force Hard-drive Boot", BootSource::Disk),
    ("Intel(r) AMT: Force PXE Boot", BootSource::Network),
    ("Intel(r) AMT: Force CD/DVD Boot", BootSource::Optical),
];

/// What the engine knows.
pub(super) struct Engine {
    agent: bool,
    /// The source that is first in the order.
    source: Option<usize>,
    /// Whether the next boot is to end in the setup screens.
    setup: bool,
    /// Whether the next boot follows all that.
    armed: bool,
    pub(super) redirection: Redirection,
    /// Power changes that were done.
    pub(super) history: Vec<u16>,
}

/// What is switched on of the redirection of the screen.
pub(super) struct Redirection {
    pub(super) is_on: bool,
    pub(super) listens: bool,
    /// Whether the serial line is redirected.
    pub(super) serial: bool,
    needs_consent: bool,
}

impl Engine {
    pub(super) fn new(config: &WsmanConfig) -> Self {
        let WsmanConfig { redirects, needs_consent, agent, .. } = *config;
        let redirection =
            Redirection { is_on: redirects, listens: redirects, serial: redirects, needs_consent };
        Self { agent, source: None, setup: false, armed: false, redirection, history: Vec::new() }
    }

    pub(super) fn answer(
        &mut self,
        asked: &Asked<'_>,
        machine: &mut Machine,
        now: Instant,
    ) -> Result<String, SoapFault> {
        while let Some(output) = machine.next_output() {
            if output == Output::NextBootFollowed {
                (self.source, self.setup, self.armed) = (None, false, false);
            }
        }
        let class = [CIM, AMT, IPS].into_iter().find_map(|schema| asked.uri().strip_prefix(schema));
        match class.ok_or_else(SoapFault::no_such_class)? {
            "CIM_AssociatedPowerManagementService" => self.power_state(asked, machine),
            "CIM_PowerManagementService" => self.change_power(asked, machine, now),
            "AMT_BootCapabilities" => capabilities(asked),
            "AMT_BootSettingData" => self.switches(asked, machine),
            "CIM_BootConfigSetting" => self.order(asked, machine),
            "CIM_BootService" => self.arm(asked, machine),
            "CIM_OrderedComponent" => self.ordered(asked),
            "CIM_KVMRedirectionSAP" => self.redirection.screen(asked),
            "AMT_RedirectionService" => self.redirection.listener(asked),
            "IPS_OptInService" if asked.is_get() => {
                let required = u8::from(self.redirection.needs_consent);
                Ok(asked.instance(&format!(
                    "<p:OptInRequired>{required}</p:OptInRequired><p:OptInState>0</p:OptInState>"
                )))
            }
            _ => Err(SoapFault::no_such_class()),
        }
    }

    /// What may be asked for now.
    fn offered(&self, machine: &Machine) -> &'static [u16] {
        match (machine.is_on(), self.agent && machine.activity() == Activity::Up) {
            (false, _) => &[2],
            (true, false) => &[10, 8, 5, 11],
            (true, true) => &[10, 8, 5, 11, 14, 12],
        }
    }

    fn power_state(&self, asked: &Asked<'_>, machine: &Machine) -> Result<String, SoapFault> {
        if !asked.is_get() {
            return Err(unsupported());
        }
        let offered = self.offered(machine).iter().map(|value| {
            format!("<p:AvailableRequestedPowerStates>{value}</p:AvailableRequestedPowerStates>")
        });
        let state = if machine.is_on() { 2 } else { 8 };
        let offered: String = offered.collect();
        Ok(asked.instance(&format!("{offered}<p:PowerState>{state}</p:PowerState>")))
    }

    fn change_power(
        &mut self,
        asked: &Asked<'_>,
        machine: &mut Machine,
        now: Instant,
    ) -> Result<String, SoapFault> {
        asked.check_selectors(&[
            ("CreationClassName", "CIM_PowerManagementService"),
            ("Name", "Intel(r) AMT Power Management Service"),
            ("SystemCreationClassName", "CIM_ComputerSystem"),
            ("SystemName", "Intel(r) AMT"),
        ])?;
        if asked.method() != Some("RequestPowerStateChange") {
            return Err(unsupported());
        }
        let meant = asked.reference("ManagedElement");
        let is_machine = meant.is_some_and(|(uri, keys)| {
            uri.strip_prefix(CIM) == Some("CIM_ComputerSystem") && keys.contains(&("Name", "ManagedSystem"))
        });
        let value = asked.parameter("PowerState").and_then(|value| text(value).parse::<u16>().ok());
        let (true, Some(value)) = (is_machine, value) else {
            return Err(SoapFault::schema("A parameter is missing or wrong."));
        };
        if !self.offered(machine).contains(&value) {
            return Ok(asked.returned(INVALID));
        }
        match value {
            2 => machine.power_up(now),
            5 => machine.power_cycle(now),
            8 => machine.power_down(now),
            10 | 14 => machine.hard_reset(now),
            11 => machine.diagnostic_interrupt(now),
            12 => machine.soft_shutdown(now),
            _ => return Ok(asked.returned(INVALID)),
        }
        self.history.push(value);
        Ok(asked.returned(0))
    }

    fn switches(&mut self, asked: &Asked<'_>, machine: &mut Machine) -> Result<String, SoapFault> {
        if let Some(put) = asked.put() {
            let told = |name: &str| put.children().find(|node| node.tag_name().name() == name).map(text);
            let is_flag = |name: &&str| matches!(told(name), Some("true" | "false"));
            if !SWITCHES.iter().all(is_flag) || told("InstanceID").is_none() {
                return Err(SoapFault::schema("The representation is not whole."));
            }
            let setup = told("BIOSSetup") == Some("true");
            if setup && self.source.is_some() {
                return Err(SoapFault::new("InvalidRepresentation", "A boot source is chosen."));
            }
            self.setup = setup;
            self.pass_on(machine);
        } else if !asked.is_get() {
            return Err(unsupported());
        }
        let off: String = SWITCHES.iter().map(|name| format!("<p:{name}>false</p:{name}>")).collect();
        let setup = self.setup;
        Ok(asked.instance(&format!(
            "<p:BIOSLastStatus>2</p:BIOSLastStatus><p:BIOSLastStatus>0</p:BIOSLastStatus><p:BIOSSetup>{setup}</p:BIOSSetup>\
             <p:BootMediaIndex>0</p:BootMediaIndex><p:ElementName>Intel(r) AMT Boot Configuration Settings</p:ElementName>\
             <p:FirmwareVerbosity>0</p:FirmwareVerbosity><p:IDERBootDevice>0</p:IDERBootDevice>\
             <p:InstanceID>Intel(r) AMT:BootSettingData 0</p:InstanceID><p:OptionsCleared>true</p:OptionsCleared>\
             <p:OwningEntity>Intel(r) AMT</p:OwningEntity><p:RSEPassword></p:RSEPassword>{off}"
        )))
    }

    fn order(&mut self, asked: &Asked<'_>, machine: &mut Machine) -> Result<String, SoapFault> {
        asked.check_selectors(&[CONFIGURATION])?;
        if asked.method() != Some("ChangeBootOrder") {
            return Err(unsupported());
        }
        let source = match asked.reference("Source") {
            None => None,
            Some((_, keys)) => {
                let chosen = |id: &str| keys.contains(&("InstanceID", id));
                let found = SOURCES.iter().position(|(id, _)| chosen(id));
                if found.is_none() || self.setup {
                    return Ok(asked.returned(INVALID));
                }
                found
            }
        };
        self.source = source;
        self.pass_on(machine);
        Ok(asked.returned(0))
    }

    fn arm(&mut self, asked: &Asked<'_>, machine: &mut Machine) -> Result<String, SoapFault> {
        asked.check_selectors(&[
            ("Name", "Intel(r) AMT Boot Service"),
            ("CreationClassName", "CIM_BootService"),
        ])?;
        if asked.method() != Some("SetBootConfigRole") {
            return Err(unsupported());
        }
        let is_ours =
            asked.reference("BootConfigSetting").is_some_and(|(_, keys)| keys.contains(&CONFIGURATION));
        match asked.parameter("Role").map(text) {
            Some("1") if is_ours => self.armed = true,
            Some("32768") if is_ours => self.armed = false,
            _ => return Ok(asked.returned(INVALID)),
        }
        self.pass_on(machine);
        Ok(asked.returned(0))
    }

    fn ordered(&self, asked: &Asked<'_>) -> Result<String, SoapFault> {
        let instances: Vec<String> = SOURCES
            .iter()
            .enumerate()
            .map(|(at, (id, _))| {
                let place = u8::from(self.source == Some(at));
                let part = reference("PartComponent", &format!("{CIM}CIM_BootSourceSetting"), id);
                let group =
                    reference("GroupComponent", &format!("{CIM}CIM_BootConfigSetting"), CONFIGURATION.1);
                asked.instance(&format!("<p:AssignedSequence>{place}</p:AssignedSequence>{group}{part}"))
            })
            .collect();
        asked.list(&instances).ok_or_else(unsupported)?
    }

    /// Tells the machine what its next boot starts from.
    fn pass_on(&self, machine: &mut Machine) {
        let source = self.source.and_then(|at| SOURCES.get(at)).map(|(_, source)| *source);
        let source = if self.setup { Some(BootSource::Setup) } else { source };
        let order = source.filter(|_| self.armed).map(|source| NextBoot { source, persistent: false });
        machine.set_next_boot(order);
    }
}

impl Redirection {
    fn screen(&mut self, asked: &Asked<'_>) -> Result<String, SoapFault> {
        if asked.is_get() {
            let state = if self.is_on { 6 } else { 3 };
            return Ok(asked.instance(&format!("<p:EnabledState>{state}</p:EnabledState>")));
        }
        if asked.method() != Some("RequestStateChange") {
            return Err(unsupported());
        }
        match asked.parameter("RequestedState").map(text) {
            Some("2") => self.is_on = true,
            Some("3") => self.is_on = false,
            _ => return Ok(asked.returned(INVALID)),
        }
        Ok(asked.returned(0))
    }

    fn listener(&mut self, asked: &Asked<'_>) -> Result<String, SoapFault> {
        if let Some(put) = asked.put() {
            let told = |name: &str| put.children().find(|node| node.tag_name().name() == name).map(text);
            // Without its keys it is no instance.
            if told("Name").is_none() || told("EnabledState").is_none() {
                return Err(SoapFault::schema("The representation is not whole."));
            }
            self.listens = told("ListenerEnabled") == Some("true");
        } else if asked.method() == Some("RequestStateChange") {
            match asked.parameter("RequestedState").map(text).and_then(|state| state.parse().ok()) {
                Some(state @ NO_SERVICE..=ALL_SERVICES) => self.serial = state & SERIAL_LINE != 0,
                _ => return Ok(asked.returned(INVALID)),
            }
            return Ok(asked.returned(0));
        } else if !asked.is_get() {
            return Err(unsupported());
        }
        let listens = self.listens;
        let services = if self.serial { NO_SERVICE | SERIAL_LINE } else { NO_SERVICE };
        Ok(asked.instance(&format!(
            "<p:CreationClassName>AMT_RedirectionService</p:CreationClassName>\
             <p:ElementName>Intel(r) AMT Redirection Service</p:ElementName><p:EnabledState>{services}</p:EnabledState>\
             <p:ListenerEnabled>{listens}</p:ListenerEnabled><p:Name>Intel(r) AMT Redirection Service</p:Name>\
             <p:SystemCreationClassName>CIM_ComputerSystem</p:SystemCreationClassName>\
             <p:SystemName>Intel(r) AMT</p:SystemName>"
        )))
    }
}

fn capabilities(asked: &Asked<'_>) -> Result<String, SoapFault> {
    if !asked.is_get() {
        return Err(unsupported());
    }
    let flags = ["BIOSSetup", "ForceCDorDVDBoot", "ForceHardDriveBoot", "ForcePXEBoot"];
    let flags: String = flags.iter().map(|name| format!("<p:{name}>true</p:{name}>")).collect();
    Ok(asked.instance(&flags))
}

fn unsupported() -> SoapFault {
    SoapFault::new("ActionNotSupported", "The action is not supported by the service.")
}
