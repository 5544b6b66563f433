//! Opening the serial console of a host through the first of its connectors that gives one.

use std::time::Duration;

use futures_util::future::BoxFuture;
use ironhand_api::{Capability, Connector, Host, Name, Way};
use ironhand_connectors::{Login, PathHealth, SerialConsole, Surroundings, open_serial};
use ironhand_ipmi_port::IpmiPort;
use secrecy::SecretString;

use crate::Settings;
use crate::device::DeviceError;
use crate::entrance::{Entered, Entrance, Open};
use crate::lane::Tools;
use crate::serial::sol::{SolConsole, SolTarget};

/// An open serial console, and the connector that gives it.
pub(super) struct Opened {
    pub(super) connector: String,
    pub(super) console: Box<dyn SerialConsole>,
}

/// The connectors that give the serial console of a host, in the order of the manifest.
pub(crate) fn entrances(host: &Host, tools: &Tools, settings: &Settings) -> Vec<Entrance> {
    let serial = host.spec.connectors_for(Capability::Serial);
    serial.map(|connector| Entrance::new(host, connector, PathHealth::default(), tools, settings)).collect()
}

/// Opens the serial console of a host through the first of `entrances` that gives it. Where none does, tells how long to wait
/// where credentials tell.
pub(super) async fn serial(
    host: &Name,
    entrances: &mut [Entrance],
    port: &IpmiPort,
    settings: &Settings,
) -> Entered<Opened> {
    let mut failures: Vec<(String, DeviceError, Option<Duration>)> = Vec::new();
    for entrance in &mut *entrances {
        match entrance.enter(opener(port, settings)).await {
            Ok(console) => return Ok(Opened { connector: entrance.source.clone(), console }),
            Err((error, wait)) => failures.push((entrance.source.clone(), error, wait)),
        }
    }
    let reasons = failures.iter().map(|(source, error, _)| format!("{source}: {error}")).collect();
    let several = failures.len() > 1;
    // Any of them may be tried when its own wait is over; those without one, soon.
    let wait = failures.iter().map(|(.., wait)| *wait).min().flatten();
    // One that has no serial console after all says the least.
    failures.sort_by_key(|(_, error, _)| error.is_unsupported());
    let error = match failures.into_iter().next() {
        None => DeviceError::NoCapability {
            host: host.clone(),
            capability: Capability::Serial,
            connectors: Vec::new(),
        },
        Some((_, telling, _)) if several => {
            DeviceError::EveryWayFailed { telling: Box::new(telling), reasons, cut_not_allowed: false }
        }
        Some((_, error, _)) => error,
    };
    Err((error, wait))
}

/// What opens a connector under a login.
fn opener(port: &IpmiPort, settings: &Settings) -> impl Open<Box<dyn SerialConsole>> {
    let (port, settings) = (port.clone(), *settings);
    move |connector: Connector, login: Option<Login>, surroundings: Surroundings| {
        let (port, settings) = (port.clone(), settings);
        let opened: BoxFuture<'static, Result<Box<dyn SerialConsole>, DeviceError>> = Box::pin(async move {
            match &connector.way {
                Way::Ipmi(options) => {
                    let nobody = || Login { username: String::new(), password: SecretString::default() };
                    let login = login.unwrap_or_else(nobody);
                    let target = SolTarget::of(&connector, options, login, port, &settings).await?;
                    Ok(Box::new(SolConsole::open(target).await?) as Box<dyn SerialConsole>)
                }
                _ => Ok(open_serial(&connector, login, &surroundings).await?),
            }
        });
        opened
    }
}
