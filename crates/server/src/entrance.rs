//! Getting in to what stays open, a screen or a serial console, under the first login of a host that is accepted.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use ironhand_api::{Connector, ConnectorType, Host, Reach};
use ironhand_connectors::{Error, Login, PathHealth, Surroundings};
use ironhand_store::Store;
use tokio::time::timeout;

use crate::Settings;
use crate::credentials::{Credentials, Opened, hop_login};
use crate::device::DeviceError;
use crate::lane::{Tools, controller, credentials_of, surroundings};
use crate::screen::VncLoan;

/// How long a connector may take until it lets us in: some controllers take twenty seconds to log in to their web pages
/// and to take a first picture.
const OPEN: Duration = Duration::from_secs(30);

/// A connector to a screen or a serial console, and what is needed for it.
pub(crate) struct Entrance {
    /// The connector, as facts and receipts name it.
    pub(crate) source: String,
    pub(crate) connector: Connector,
    /// What is to be known beside it, without the login of a host between.
    pub(crate) surroundings: Surroundings,
    /// Where that login is kept.
    pub(crate) store: Store,
    pub(crate) credentials: Credentials,
    /// What is switched on before it is connected to, and given back afterwards.
    pub(crate) loan: Option<VncLoan>,
}

/// What connects under a login.
pub(crate) trait Open<T>:
    Fn(Connector, Option<Login>, Surroundings) -> BoxFuture<'static, Result<T, DeviceError>> + Sync
{
}

impl<T, F> Open<T> for F where
    F: Fn(Connector, Option<Login>, Surroundings) -> BoxFuture<'static, Result<T, DeviceError>> + Sync
{
}

/// What came of entering; where it failed, how long to wait where credentials tell.
pub(crate) type Entered<T> = Result<T, (DeviceError, Option<Duration>)>;

impl Entrance {
    /// Of a connector of a host, under the host's logins for it.
    pub(crate) fn new(
        host: &Host,
        connector: &Connector,
        health: PathHealth,
        tools: &Tools,
        settings: &Settings,
    ) -> Self {
        let (name, names, store) =
            (&host.metadata.name, credentials_of(host, connector), tools.store.clone());
        let (at, refusals) = (controller(connector), tools.refusals.clone());
        let credentials = match connector.kind() {
            ConnectorType::Vnc => Credentials::new(names, store.clone(), settings),
            // The same accounts as those of the line to it.
            ConnectorType::Ipmi | ConnectorType::Redfish => {
                Credentials::of_bmc(name, at, names, store.clone(), refusals, settings)
            }
            _ => Credentials::of_device(name, at, names, store.clone(), refusals, settings),
        };
        Self {
            source: connector.to_string(),
            connector: connector.clone(),
            surroundings: surroundings(name, &host.spec.macs, health, tools, settings),
            store,
            credentials,
            loan: None,
        }
    }

    /// Connects by `open` with the first credential that is accepted.
    pub(crate) async fn enter<T>(&mut self, open: impl Open<T>) -> Entered<T> {
        let mut refusal = None;
        if let Err(error) = self.credentials.look_up().await {
            return Err((error, None));
        }
        let begun = Instant::now();
        for place in self.credentials.order(begun) {
            if let Some(held) = self.credentials.place_held(place, begun) {
                refusal = Some(held);
                continue;
            }
            match self.attempt(place, &open).await {
                Ok(connection) => {
                    self.credentials.worked(place);
                    return Ok(connection);
                }
                Err(error) if error.is_refusal() || matches!(error, DeviceError::Credential { .. }) => {
                    if error.is_refusal() {
                        self.credentials.login_refused(Some(place), Instant::now(), &error);
                    }
                    refusal = Some(error);
                }
                // Asking on would only prolong the lock.
                Err(error) if error.reach() == Reach::Throttled => {
                    let wait = self.credentials.all_refused(Instant::now(), error.clone());
                    return Err((error, Some(wait)));
                }
                Err(error) => return Err((error, None)),
            }
        }
        match refusal.unwrap_or(DeviceError::NotSeenYet) {
            DeviceError::Waiting { last, wait } => Err((DeviceError::Waiting { last, wait }, Some(wait))),
            error => {
                let wait = self.credentials.all_refused(Instant::now(), error.clone());
                Err((error, Some(wait)))
            }
        }
    }

    async fn attempt<T>(&self, place: usize, open: &impl Open<T>) -> Result<T, DeviceError> {
        let Opened { username, password, .. } = self.credentials.open(place).await?;
        let login = password.map(|password| Login { username, password });
        let hop = hop_login(&self.connector, &self.store).await?;
        let surroundings = Surroundings { hop, ..self.surroundings.clone() };
        match timeout(OPEN, open(self.connector.clone(), login, surroundings)).await {
            Ok(opened) => opened,
            Err(_) => Err(late(&self.connector.address, OPEN)),
        }
    }
}

/// Nothing came within this time.
pub(crate) fn late(address: &str, after: Duration) -> DeviceError {
    Error::Silent { address: address.to_owned(), after }.into()
}
