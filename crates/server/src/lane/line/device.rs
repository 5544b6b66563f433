//! The line to a device that does not speak IPMI.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ironhand_api::{
    ActionReceipt, Capability, Connector, ConnectorType, InsertMediaRequest, MacAddress, Name, PowerAction,
    PowerState, Way,
};
use ironhand_connectors::{
    BootOverride, CertificateProblem, Device, Error, Hints, Login, MemorySessions, Outlets, PathHealth,
    RedfishDevice, Surroundings,
};
use ironhand_store::Store;
use secrecy::SecretString;
use tokio::time::timeout;

use super::kept::Kept;
use super::{LogsIn, ask, ask_as, controller};
use crate::Settings;
use crate::credentials::{Credentials, Opened, hop_login, login_of};
use crate::device::DeviceError;
use crate::lane::Tools;
use crate::lane::hardware::{Hardware, Told, ask_device};
use crate::rotation::{RedfishSession, Session as _};

/// How long a device may take over anything. Devices keep deadlines of their own, which are shorter; this one keeps a
/// fault there from holding up the host for ever.
const LONGEST: Duration = Duration::from_secs(180);

/// How long a device may take to begin a stream: what is read waits for it, once.
const OPENING: Duration = Duration::from_secs(10);

/// The same of a device that is told by text messages, which networks deliver when they like.
const LONGEST_BY_MESSAGE: Duration = Duration::from_secs(600);

/// The line to a device that does not speak IPMI.
pub(in crate::lane) struct DeviceLine {
    host: Name,
    /// The connector, as facts and receipts name it.
    source: String,
    connector: Connector,
    surroundings: Surroundings,
    credentials: Credentials,
    store: Store,
    /// What is open, and the place of its credential.
    open: Option<(usize, Box<dyn Device>)>,
    /// The place of the credential of the last login that was tried by itself, and worked.
    logged_in: Option<usize>,
}

/// What the devices of a host need to know beside their connectors.
pub(crate) fn surroundings(
    host: &Name,
    macs: &[MacAddress],
    health: PathHealth,
    tools: &Tools,
    settings: &Settings,
) -> Surroundings {
    let kept = Arc::new(Kept { store: tools.store.clone(), host: host.clone() });
    Surroundings {
        macs: macs.to_vec(),
        hop: None,
        jetkvms: tools.jetkvms.clone(),
        modems: tools.modems.clone(),
        pins: Arc::clone(&kept) as _,
        sessions: kept,
        health,
        connect: settings.connect_timeout,
        console_logs: tools.console_logs.as_deref().map(Into::into),
    }
}

/// What a device is asked.
pub(super) enum Ask {
    /// The power state of the machine.
    PowerState,
    /// A change of power.
    Power(PowerAction),
    /// The outlets that feed the machine.
    Outlets,
    /// What the next boots are to start from.
    BootOverride(BootOverride),
    /// Something harmless that takes a login, and shows that the device keeps accounts.
    Login,
    /// Something of the hardware, with the login of the server that has an image.
    Hardware(Hardware, Option<Login>),
}

/// What comes back.
pub(super) enum Answer {
    /// The power state of the machine.
    PowerState(PowerState),
    /// It was accepted.
    Accepted,
    /// The outlets that feed the machine.
    Outlets(Outlets),
    /// What is read back.
    BootOverride(BootOverride),
    /// What the hardware says.
    Hardware(Told),
}

impl Ask {
    /// Whether anything may be another than before.
    const fn changes(&self) -> bool {
        match self {
            Self::PowerState | Self::Outlets | Self::Login => false,
            Self::Power(_) | Self::BootOverride(_) => true,
            Self::Hardware(asked, _) => !asked.only_reads(),
        }
    }
}

impl DeviceLine {
    pub(super) fn new(
        host: &Name,
        macs: &[MacAddress],
        connector: &Connector,
        credentials: Vec<Name>,
        health: PathHealth,
        tools: &Tools,
        settings: &Settings,
    ) -> Self {
        let surroundings = surroundings(host, macs, health, tools, settings);
        let (store, refusals) = (tools.store.clone(), tools.refusals.clone());
        let at = controller(connector);
        let credentials = match connector.kind() {
            // The other way into the controller whose passwords are changed over IPMI.
            ConnectorType::Redfish => Credentials::of_bmc(host, at, credentials, store, refusals, settings),
            _ => Credentials::of_device(host, at, credentials, store, refusals, settings),
        };
        Self {
            host: host.clone(),
            source: connector.to_string(),
            surroundings,
            connector: connector.clone(),
            credentials,
            store: tools.store.clone(),
            open: None,
            logged_in: None,
        }
    }

    pub(super) async fn power_state(
        &mut self,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<PowerState, DeviceError> {
        match ask(self, &Ask::PowerState, receipts).await? {
            Answer::PowerState(state) => Ok(state),
            _ => Ok(PowerState::Unknown),
        }
    }

    pub(super) async fn power(
        &mut self,
        action: PowerAction,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<(), DeviceError> {
        ask(self, &Ask::Power(action), receipts).await.map(drop)
    }

    pub(super) async fn outlets(
        &mut self,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Outlets, DeviceError> {
        match ask(self, &Ask::Outlets, receipts).await? {
            Answer::Outlets(outlets) => Ok(outlets),
            _ => Ok(Outlets { off: 0, all: 0 }),
        }
    }

    pub(super) async fn boot_override(
        &mut self,
        wanted: BootOverride,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<BootOverride, DeviceError> {
        match ask(self, &Ask::BootOverride(wanted), receipts).await? {
            Answer::BootOverride(kept) => Ok(kept),
            _ => Err(DeviceError::BootDeviceNotKept),
        }
    }

    pub(super) async fn hardware(
        &mut self,
        asked: &Hardware,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Told, DeviceError> {
        let login = match asked {
            Hardware::InsertMedia(InsertMediaRequest { credential: Some(name), .. }) => {
                Some(login_of(&self.store, name).await?)
            }
            _ => None,
        };
        match ask(self, &Ask::Hardware(asked.clone(), login), receipts).await? {
            Answer::Hardware(told) => Ok(told),
            _ => Err(DeviceError::Stopping),
        }
    }

    /// Opens the stream of what the device tells of itself, where it was spoken to; none where it has none.
    pub(super) async fn hints(&mut self) -> Result<Option<Hints>, DeviceError> {
        match (&mut self.open, self.connector.kind()) {
            (Some((_, device)), _) => match timeout(OPENING, device.hints()).await {
                Ok(opened) => Ok(opened?),
                Err(_) => {
                    Err(Error::Silent { address: self.connector.address.clone(), after: OPENING }.into())
                }
            },
            // It may have one, when it can be spoken to.
            (None, ConnectorType::Redfish) => Err(DeviceError::Stopping),
            (None, _) => Ok(None),
        }
    }

    /// Ends what is open on the device.
    pub(super) async fn hang_up(&mut self) {
        if let Some((_, device)) = self.open.take() {
            // What is not given back in time ends by the device's own clock.
            let _ = timeout(LONGEST, device.close()).await;
        }
    }

    /// A password of the host may be another one now.
    pub(super) async fn password_changed(&mut self) {
        self.hang_up().await;
        self.credentials.changed();
    }

    /// Makes ready for a session under a given password, of which nothing is kept.
    pub(super) async fn fresh(
        &mut self,
        username: &str,
        password: &SecretString,
    ) -> Result<RedfishSession, DeviceError> {
        let Way::Redfish(options) = &self.connector.way else {
            return Err(DeviceError::NoConnector { capability: Capability::Users });
        };
        let surroundings = Surroundings {
            sessions: Arc::new(MemorySessions::default()),
            hop: hop_login(&self.connector, &self.store).await?,
            ..self.surroundings.clone()
        };
        let login = Login { username: username.to_owned(), password: password.clone() };
        let device = RedfishDevice::open(&self.connector, options, Some(login), &surroundings)?;
        Ok(RedfishSession::new(device))
    }

    /// Logs in: under the first credential that the device accepts, or the first of this account.
    pub(super) async fn log_in(
        &mut self,
        account: Option<&str>,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Opened, DeviceError> {
        ask_as(self, account, &Ask::Login, receipts).await?;
        let place = self.logged_in.ok_or(DeviceError::Stopping)?;
        self.credentials.open(place).await
    }

    async fn try_login(&mut self, place: usize) -> Result<Answer, DeviceError> {
        let Opened { username, password, .. } = self.credentials.open(place).await?;
        let mut session = self.fresh(&username, &password.unwrap_or_default()).await?;
        let entered = session.enter().await;
        session.end().await;
        entered?;
        self.logged_in = Some(place);
        Ok(Answer::Accepted)
    }

    /// Why no login may be tried now.
    pub(super) fn held_back(&self, now: Instant) -> Option<DeviceError> {
        self.credentials.held(now)
    }

    /// A login was refused that the line did not make itself.
    pub(super) fn login_refused(&self, why: &DeviceError) {
        self.credentials.login_refused(None, Instant::now(), why);
    }

    /// How long the device may take over anything.
    fn longest(&self) -> Duration {
        match self.connector.kind() {
            ConnectorType::Gsm => LONGEST_BY_MESSAGE,
            _ => LONGEST,
        }
    }
}

impl LogsIn for DeviceLine {
    type Ask = Ask;
    type Answer = Answer;

    fn host(&self) -> &Name {
        &self.host
    }

    fn source(&self) -> &str {
        &self.source
    }

    fn credentials(&mut self) -> &mut Credentials {
        &mut self.credentials
    }

    async fn attempt(&mut self, place: usize, ask: &Ask) -> Result<Answer, DeviceError> {
        if matches!(ask, Ask::Login) {
            return self.try_login(place).await;
        }
        if self.open.as_ref().is_none_or(|(open, _)| *open != place) {
            // Closed before the next is opened: sessions are scarce.
            self.hang_up().await;
            let opened = self.credentials.open(place).await?;
            let login = opened.password.map(|password| Login { username: opened.username, password });
            self.surroundings.hop = hop_login(&self.connector, &self.store).await?;
            let device = ironhand_connectors::open(&self.connector, login, &self.surroundings)?;
            self.open = Some((place, device));
        }
        let longest = self.longest();
        let Some((_, device)) = &mut self.open else { return Err(DeviceError::Stopping) };
        match timeout(longest, answer(device.as_mut(), ask)).await {
            Ok(Ok(answered)) => Ok(answered),
            Ok(Err(error)) => Err(explained(&self.surroundings, &self.host, &self.source, error).await),
            // It may have been sent.
            Err(_) if ask.changes() => Err(Error::OutcomeUnknown.into()),
            Err(_) => Err(Error::Silent { address: self.connector.address.clone(), after: longest }.into()),
        }
    }

    fn refused(&mut self) {
        // Nothing is open under a login that was refused.
        self.open = None;
    }

    fn failed(&mut self, _error: &DeviceError) {}
}

async fn answer(device: &mut dyn Device, ask: &Ask) -> Result<Answer, Error> {
    match ask {
        Ask::PowerState => device.power_state().await.map(Answer::PowerState),
        Ask::Power(action) => device.power(*action).await.map(|()| Answer::Accepted),
        Ask::Outlets => device.outlets().await.map(Answer::Outlets),
        Ask::Login => Err(Error::Unsupported { what: "log in by itself".to_owned() }),
        Ask::BootOverride(wanted) => device.set_boot_override(*wanted).await.map(Answer::BootOverride),
        Ask::Hardware(asked, login) => ask_device(device, asked, login.as_ref()).await.map(Answer::Hardware),
    }
}

/// The error, with what accepts the certificate that a device shows now, where it is the pin of Ironhand that it does
/// not fit.
async fn explained(surroundings: &Surroundings, host: &Name, source: &str, error: Error) -> DeviceError {
    if let Error::Certificate { problem: CertificateProblem::Changed { .. }, .. } = &error
        && let Ok(Some(_)) = surroundings.pins.pinned(source).await
    {
        return DeviceError::CertificateChanged { host: host.clone(), error: Box::new(error) };
    }
    error.into()
}
