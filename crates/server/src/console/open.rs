//! Opening the serial console of a host through the first of its connectors that gives one.

use futures_util::future::BoxFuture;
use ironhand_api::{Capability, Connector, Host, Way};
use ironhand_connectors::{Login, PathHealth, SerialConsole, Surroundings, open_serial};
use secrecy::SecretString;

use crate::Settings;
use crate::device::DeviceError;
use crate::entrance::Entrance;
use crate::lane::Tools;
use crate::serial::sol::{SolConsole, SolTarget};

/// An open serial console, and the connector that gives it.
pub(super) struct Opened {
    pub(super) connector: String,
    pub(super) console: Box<dyn SerialConsole>,
}

/// Opens the serial console of a host through the first connector, in the order of the manifest, that gives it.
pub(super) async fn serial(host: &Host, tools: &Tools, settings: &Settings) -> Result<Opened, DeviceError> {
    let mut failures: Vec<(String, DeviceError)> = Vec::new();
    for connector in host.spec.connectors_for(Capability::Serial) {
        let mut entrance = Entrance::new(host, connector, PathHealth::default(), tools, settings);
        let (port, settings) = (tools.console_port.clone(), *settings);
        let open = move |connector: Connector, login: Option<Login>, surroundings: Surroundings| {
            let (port, settings) = (port.clone(), settings);
            let opened: BoxFuture<'static, Result<Box<dyn SerialConsole>, DeviceError>> =
                Box::pin(async move {
                    match &connector.way {
                        Way::Ipmi(options) => {
                            let nobody =
                                || Login { username: String::new(), password: SecretString::default() };
                            let login = login.unwrap_or_else(nobody);
                            let target = SolTarget::of(&connector, options, login, port, &settings).await?;
                            Ok(Box::new(SolConsole::open(target).await?) as Box<dyn SerialConsole>)
                        }
                        _ => Ok(open_serial(&connector, login, &surroundings).await?),
                    }
                });
            opened
        };
        match entrance.enter(open).await {
            Ok(console) => return Ok(Opened { connector: connector.to_string(), console }),
            Err((error, _)) => failures.push((connector.to_string(), error)),
        }
    }
    let reasons = failures.iter().map(|(source, error)| format!("{source}: {error}")).collect();
    let several = failures.len() > 1;
    // One that has no serial console after all says the least.
    failures.sort_by_key(|(_, error)| error.is_unsupported());
    match failures.into_iter().next() {
        None => Err(DeviceError::NoCapability {
            host: host.metadata.name.clone(),
            capability: Capability::Serial,
            connectors: host.spec.connectors.iter().map(ToString::to_string).collect(),
        }),
        Some((_, telling)) if several => {
            Err(DeviceError::EveryWayFailed { telling: Box::new(telling), reasons, cut_not_allowed: false })
        }
        Some((_, error)) => Err(error),
    }
}
