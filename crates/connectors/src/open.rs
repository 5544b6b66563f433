//! From a connector of a manifest to the device.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{Connector, ConnectorType, MacAddress, Tls, Way};

use crate::amt::AmtDevice;
use crate::front_panel::{self, PanelTimes, Pressed};
use crate::gsm::GsmSocket;
use crate::http_switch::HttpSwitch;
use crate::jetkvm::Jetkvm;
use crate::libvirt::Libvirt;
use crate::nanokvm::Nanokvm;
use crate::pdu::{PduDevice, PduTimes};
use crate::pikvm::Pikvm;
use crate::preview::PreviewDevice;
use crate::qemu::Qemu;
use crate::relay::{self, Relay, RelayTimes, Relayed};
use crate::shelly::Shelly;
use crate::ssh::SshDevice;
use crate::tasmota::Tasmota;
use crate::winrm::WinrmDevice;
use crate::wol::WakeOnLan;
use crate::{
    CONNECT, Device, Error, HttpClient, HttpLimits, Jetkvms, Login, MemoryPins, MemorySessions, Modems,
    PathHealth, Pins, Proof, RedfishDevice, Route, Sessions,
};

/// What a device needs to know beside its connector.
#[derive(Clone)]
pub struct Surroundings {
    /// The hardware addresses of the machine's network interfaces.
    pub macs: Vec<MacAddress>,
    /// Who logs in at the proxy or jump host between.
    pub hop: Option<Login>,
    /// The JetKVM units that the process speaks to.
    pub jetkvms: Jetkvms,
    /// The modems that text messages are sent through.
    pub modems: Modems,
    /// Which certificates devices showed first.
    pub pins: Arc<dyn Pins>,
    /// The sessions that are open on controllers.
    pub sessions: Arc<dyn Sessions>,
    /// How the addresses of the device fare.
    pub health: PathHealth,
    /// How long a device that is asked over HTTP may take to be connected to, over all addresses.
    pub connect: Duration,
    /// The folder in which other programs keep logs of consoles.
    pub console_logs: Option<PathBuf>,
}

impl Default for Surroundings {
    /// Nothing is known, and what is learned lasts as long as the surroundings do.
    fn default() -> Self {
        Self {
            macs: Vec::new(),
            hop: None,
            jetkvms: Jetkvms::default(),
            modems: Modems::default(),
            pins: Arc::new(MemoryPins::default()),
            sessions: Arc::new(MemorySessions::default()),
            health: PathHealth::default(),
            connect: CONNECT,
            console_logs: None,
        }
    }
}

/// Makes ready to use a connector under a login; without one where the device needs none. Nothing is sent yet.
///
/// # Errors
///
/// [`Error::Unsupported`] where this version does not drive connectors of the type, [`Error::Misconfigured`] where what
/// the manifest says cannot be used.
pub fn open(
    connector: &Connector,
    login: Option<Login>,
    surroundings: &Surroundings,
) -> Result<Box<dyn Device>, Error> {
    // What opens the machine's controllers is not for a strip, a switch or a unit, some of which take it in clear.
    let is_unit =
        matches!(connector.kind(), ConnectorType::Pikvm | ConnectorType::Nanokvm | ConnectorType::Jetkvm);
    let foreign = connector.kind().is_hard_cut() || connector.kind() == ConnectorType::Wol || is_unit;
    let login = login.filter(|_| !foreign || connector.credentials.is_some());
    match &connector.way {
        Way::Ipmi(_) => Err(refused("be driven here: IPMI has lines of its own")),
        Way::Redfish(options) => Ok(Box::new(RedfishDevice::open(connector, options, login, surroundings)?)),
        Way::Vnc(_) | Way::Kvm(_) => Err(refused("do anything but show a screen")),
        Way::Preview(options) => PreviewDevice::open(connector, options, login, surroundings),
        Way::SshConsole(_) | Way::Telnet | Way::SerialTcp | Way::ConsoleLog(_) => {
            Err(refused("do anything but lead to a serial console"))
        }
        Way::Pdu(options) => {
            Ok(Box::new(PduDevice::new(connector, options, login.as_ref(), PduTimes::default())?))
        }
        Way::Gsm(options) => Ok(Box::new(GsmSocket::new(connector, options, login, &surroundings.modems)?)),
        Way::Wol(options) => {
            Ok(Box::new(WakeOnLan::new(connector, options, &surroundings.macs, login.as_ref())?))
        }
        Way::Tasmota(options) => {
            let client = switch(connector, surroundings, Proof::Off)?;
            Ok(relayed(Tasmota::new(client, options, login)))
        }
        Way::Shelly(options) => {
            let client = switch(connector, surroundings, Proof::Off)?;
            Ok(relayed(Shelly::new(client, options, login)))
        }
        Way::HttpSwitch(options) => {
            let tls = options.tls.as_ref().unwrap_or(&Tls::Off);
            let proof = Proof::of(tls, connector.to_string(), &surroundings.pins)?;
            let client = switch(connector, surroundings, proof)?;
            Ok(relayed(HttpSwitch::new(client, options, login)?))
        }
        Way::Pikvm(options) => {
            let client = unit(connector, options.tls.as_ref().unwrap_or(&Tls::Default), surroundings)?;
            Ok(Box::new(Pressed::new(Pikvm::new(client, login), PanelTimes::default())))
        }
        Way::Amt(options) => Ok(Box::new(AmtDevice::open(connector, options, login, surroundings)?)),
        Way::Winrm(options) => Ok(Box::new(WinrmDevice::open(connector, options, login, surroundings)?)),
        Way::Nanokvm(options) => {
            let client = unit(connector, options.tls.as_ref().unwrap_or(&Tls::Off), surroundings)?;
            Ok(Box::new(Pressed::new(Nanokvm::new(client, login), PanelTimes::default())))
        }
        Way::Jetkvm(options) => {
            let client = unit(connector, options.tls.as_ref().unwrap_or(&Tls::Off), surroundings)?;
            let panel = Jetkvm::new(&surroundings.jetkvms, connector, client, login);
            Ok(Box::new(Pressed::new(panel, PanelTimes::default())))
        }
        Way::Ssh(options) => {
            let route = Route::of(connector, surroundings.hop.clone())?;
            let health = surroundings.health.clone();
            Ok(Box::new(SshDevice::new(connector, options, login, route, health)?))
        }
        Way::Qemu => {
            let route = Route::of(connector, surroundings.hop.clone())?;
            Ok(Box::new(Qemu::new(connector, route, surroundings.health.clone())?))
        }
        Way::Libvirt(options) => {
            let route = Route::of(connector, surroundings.hop.clone())?;
            Ok(Box::new(Libvirt::new(options, route, surroundings.health.clone())))
        }
    }
}

/// Asks a switch.
fn switch(connector: &Connector, surroundings: &Surroundings, proof: Proof) -> Result<HttpClient, Error> {
    let route = Route::of(connector, surroundings.hop.clone())?;
    Ok(HttpClient::new(route, proof, relay::LIMITS).with_health(surroundings.health.clone()))
}

/// Asks a unit at the buttons of a machine.
fn unit(connector: &Connector, tls: &Tls, surroundings: &Surroundings) -> Result<HttpClient, Error> {
    let mut route = Route::of(connector, surroundings.hop.clone())?;
    if connector.port.is_none() {
        route.port = if tls.is_off() { 80 } else { 443 };
    }
    let proof = Proof::of(tls, connector.to_string(), &surroundings.pins)?;
    let limits = HttpLimits { connect: surroundings.connect, ..front_panel::LIMITS };
    Ok(HttpClient::new(route, proof, limits).with_health(surroundings.health.clone()))
}

fn relayed(relay: impl Relay + 'static) -> Box<dyn Device> {
    Box::new(Relayed::new(relay, RelayTimes::default()))
}

fn refused(what: &str) -> Error {
    Error::Unsupported { what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_driven_is_refused_with_a_reason() {
        let check = |way: Way, reason: &str| {
            let refused = open(&Connector::new(way, "192.0.2.1"), None, &Surroundings::default());
            let Err(Error::Unsupported { what }) = refused.map(|_| ()) else { panic!("it is driven") };
            assert!(what.contains(reason), "{what}");
        };
        check(Way::Vnc(Default::default()), "screen");
        check(Way::Ipmi(Default::default()), "lines of its own");
    }
}
