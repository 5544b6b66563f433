//! The lane of a host: the one task in which everything that touches the host happens, one thing at a time.
//!
//! A lane observes (power through IPMI, the screen through VNC), lets the pure crates decide, makes the intent durable,
//! acts, and reads back what became of it. What people ask for through the API goes through it like everything else.

mod album;
mod fence;
mod hands;
mod hardware;
mod journal;
mod line;
mod lines;
mod paths;
mod raw;
mod rotate;
mod work;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{
    ActionReceipt, BootDevice, Capability, DeploymentSpec, FenceReport, Host, HostStatus, HttpStep, IpmiRaw,
    Job, Name, PictureDigest, PowerAction, PowerState, RecoverPlan, RecoverRequest, Run, SshStep, Work,
};
use ironhand_connectors::{Jetkvms, Modems};
use ironhand_console::keys::KeyStep;
use ironhand_ipmi_port::IpmiPort;
use ironhand_model::{DeploymentSeen, RunRefusal, Site, StartRefusal};
use ironhand_store::Store;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

pub(crate) use hardware::{Found, Hardware};
pub(crate) use line::{canonical, controller, resolve, suites, surroundings};
use work::Asker;
pub(crate) use work::{Ending, Lane, credentials_of};

use crate::Settings;
use crate::brake::Brake;
use crate::catalog::Catalog;
use crate::check::CheckDesk;
use crate::console::Consoles;
use crate::credentials::Refusals;
use crate::deployments::Deployments;
use crate::device::DeviceError;
use crate::outreach::Outreach;
use crate::rotation::{PasswordOrder, Turns};
use crate::screen::{Attempt, PictureReader, ScreenHands, Seen, Shot, View};
use crate::sdr_cache::SdrCache;

/// Commands that wait for a lane. People who ask for more than this of one host are told that it is busy.
const COMMANDS: usize = 16;

/// What all lanes share; cheap to clone.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) store: Store,
    pub(crate) port: IpmiPort,
    /// For logins beside the session that a host's line has: passwords are tried there while they are changed.
    pub(crate) login_port: IpmiPort,
    /// The folder in which other programs keep logs of consoles.
    pub(crate) console_logs: Option<Arc<Path>>,
    /// The logins that BMCs refused of late.
    pub(crate) refusals: Refusals,
    /// The streams of events that may be open at the same time.
    pub(crate) streams: Arc<Semaphore>,
    /// The JetKVM units that hosts are seen through.
    pub(crate) jetkvms: Jetkvms,
    /// The modems that text messages are sent through.
    pub(crate) modems: Modems,
    /// The sensor data records of BMCs.
    pub(crate) records: SdrCache,
    /// How many passwords are changed at the same time.
    pub(crate) turns: Turns,
    pub(crate) reader: PictureReader,
    /// Who has which console, and what is open of them.
    pub(crate) consoles: Consoles,
    /// What was done of late without a person.
    pub(crate) brake: Brake,
    /// Asks other systems.
    pub(crate) outreach: Outreach,
    /// What is deployed to which host.
    pub(crate) deployments: Deployments,
    pub(crate) catalog: Catalog,
    /// Asks hosts themselves how they are.
    pub(crate) checks: CheckDesk,
    /// What is said above hosts, as it changes.
    pub(crate) site: watch::Receiver<Arc<Site>>,
}

/// Something to do to a host.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Use the power button, and wait until the host shows it.
    Power {
        action: PowerAction,
        /// How long that may take, where not the default.
        timeout: Option<Duration>,
    },
    /// Choose what the host boots from.
    BootDevice { device: BootDevice, persistent: bool, uefi: bool },
    /// Press keys.
    Keys { steps: Vec<KeyStep> },
    /// Keep a picture of the screen.
    Snapshot { name: Option<String> },
    /// Ask another system.
    Http(Box<HttpStep>),
    /// Write to the serial console.
    Serial { steps: Vec<KeyStep> },
    /// Send the controller a command of its own.
    IpmiRaw(IpmiRaw),
    /// Run a command on a machine at an address; none where the host has none that is known.
    Ssh(Box<SshStep>, Option<String>),
    /// Say what the host boots.
    Deploy(DeploymentSpec),
    /// Read the hardware, or do something to it that is not power.
    Hardware(Hardware),
    /// Take the power away and prove it.
    Fence { attested: Option<Attestation> },
    /// Say that the host is fenced no longer.
    LiftFence,
    /// Change the password of the BMC's account.
    Rotate(PasswordOrder),
    /// Find out what became of a change of the password that was cut short.
    ResolveRotation,
}

/// The word of a person that a host is without power.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attestation {
    /// Who says so.
    pub(crate) by: String,
    /// What they have seen or done.
    pub(crate) statement: String,
}

impl Action {
    /// Whether it goes through the BMC; the others go through the screen.
    const fn needs_bmc(&self) -> bool {
        matches!(
            self,
            Self::Power { .. }
                | Self::BootDevice { .. }
                | Self::Hardware(_)
                | Self::Fence { .. }
                | Self::Rotate(_)
                | Self::ResolveRotation
                | Self::IpmiRaw(_)
        )
    }

    /// Whether it only says something of a host, so that it is done whether the host is managed or not.
    const fn only_says(&self) -> bool {
        matches!(self, Self::Fence { attested: Some(_) } | Self::LiftFence)
    }

    /// What it is as a job; none where it is not worth one.
    const fn work(&self) -> Option<Work> {
        match self {
            Self::Power { action, .. } => Some(Work::Power(*action)),
            Self::Fence { .. } => Some(Work::Fence),
            Self::Rotate(_) => Some(Work::Password),
            Self::BootDevice { .. }
            | Self::Keys { .. }
            | Self::Snapshot { .. }
            | Self::Http(_)
            | Self::Serial { .. }
            | Self::IpmiRaw(_)
            | Self::Ssh(..)
            | Self::Deploy(_)
            | Self::Hardware(_)
            | Self::LiftFence
            | Self::ResolveRotation => None,
        }
    }

    /// What it is, for an event.
    fn describe(&self) -> String {
        match self {
            Self::Power { action, .. } => format!("power {}", action.as_str()),
            Self::BootDevice { device, persistent: false, .. } => {
                format!("boot device {} once", device.as_str())
            }
            Self::BootDevice { device, persistent: true, .. } => {
                format!("boot device {} for good", device.as_str())
            }
            // What people type may be a password.
            Self::Keys { steps } => format!("{} keys", steps.len()),
            Self::Snapshot { .. } => "snapshot".to_owned(),
            Self::Http(request) => request.to_string(),
            Self::Serial { steps } => format!("{} keys to the serial console", steps.len()),
            Self::IpmiRaw(raw) => raw.to_string(),
            Self::Ssh(command, _) => command.to_string(),
            Self::Deploy(spec) => format!("deploy Profile {}", spec.profile),
            Self::Hardware(asked) => asked.describe(),
            Self::Fence { attested: None } => "fence".to_owned(),
            Self::Fence { attested: Some(person) } => format!("fence, attested by {}", person.by),
            Self::LiftFence => "lift the fence".to_owned(),
            Self::Rotate(_) => "password".to_owned(),
            Self::ResolveRotation => "password, cut short before".to_owned(),
        }
    }
}

/// How long a power action may take to come true, where the request does not say.
const fn time_for(action: PowerAction, settings: &Settings) -> Duration {
    match action {
        PowerAction::Soft => settings.soft_off_timeout,
        _ => settings.action_timeout,
    }
}

/// What was done, and what was seen of it.
#[derive(Clone)]
pub(crate) struct Done {
    /// In words.
    pub(crate) detail: String,
    /// The power state, where it was read back.
    pub(crate) power: Option<PowerState>,
    /// Each attempt.
    pub(crate) receipts: Vec<ActionReceipt>,
    /// The picture that a snapshot keeps.
    pub(crate) picture: Option<Arc<Shot>>,
    /// What was captured for later steps, by name.
    pub(crate) captured: BTreeMap<String, String>,
    /// What the person who asked should know though it was done.
    pub(crate) warnings: Vec<String>,
    /// The job under which it was done, where it was one.
    pub(crate) job: Option<u64>,
    /// What proves that the host is without power.
    pub(crate) fence: Option<FenceReport>,
    /// What was read of the hardware, with the connector.
    pub(crate) found: Option<(String, Found)>,
    /// What is deployed now, where that was asked for.
    pub(crate) deployed: Option<Box<DeploymentSeen>>,
}

/// What was not done, or not seen to have come true, and why.
#[derive(Clone, Debug)]
pub(crate) struct ActionFailure {
    pub(crate) error: DeviceError,
    pub(crate) receipts: Vec<ActionReceipt>,
}

/// What whoever asked for an action is told that was not done.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) failure: ActionFailure,
    /// The job that ended so, where it became one.
    pub(crate) job: Option<u64>,
}

/// Where an answer goes.
type Reply<T> = oneshot::Sender<Result<T, Refused>>;

/// What a lane is told.
enum Command {
    /// A person wants something done.
    Act { action: Action, asker: Asker },
    /// A person says something of a run.
    Rule { run: u64, ruling: Ruling, reply: oneshot::Sender<Result<Run, RulingError>> },
    /// A person wants a flow to be run.
    Recover { request: Box<RecoverRequest>, reply: oneshot::Sender<Result<Run, RecoverError>> },
    /// A person wants to know what that would do.
    Plan { request: Box<RecoverRequest>, reply: oneshot::Sender<Result<RecoverPlan, StartRefusal>> },
    /// Somebody wants to know how the host is now.
    Refresh(oneshot::Sender<Result<HostStatus, DeviceError>>),
    /// The host's manifest changed.
    Reconfigure(Box<Host>),
    /// A credential changed, or is gone.
    CredentialChanged(Name),
    /// Pinned certificates of the host's devices are forgotten.
    PinsForgotten,
    /// A heartbeat of the host arrived, and it is genuine.
    Heartbeat,
}

/// What a person says of a run.
#[derive(Clone, Debug)]
pub(crate) struct Ruling {
    /// Who says it.
    pub(crate) by: String,
    /// Why.
    pub(crate) reason: Option<String>,
    /// Whether it is to go on; else it is stopped.
    pub(crate) go_on: bool,
}

/// Why a ruling does not hold.
#[derive(Clone, Debug)]
pub(crate) enum RulingError {
    /// It makes no sense for the run as it stands.
    Refused(RunRefusal),
    /// The lane could not take it in.
    Device(DeviceError),
}

/// Why a run does not begin that a person asked for.
#[derive(Clone, Debug)]
pub(crate) enum RecoverError {
    /// The host is not as it must be.
    Refused(StartRefusal),
    /// The lane could not take it in.
    Device(DeviceError),
}

impl From<StartRefusal> for RecoverError {
    fn from(refusal: StartRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The lane's side of its handle. It outlives a lane that panicked.
pub(crate) struct Ports {
    commands: mpsc::Receiver<Command>,
    status: watch::Sender<HostStatus>,
    view: watch::Sender<View>,
    hands: watch::Sender<Option<ScreenHands>>,
}

/// How others speak to a lane; cheap to clone.
#[derive(Clone)]
pub(crate) struct LaneHandle {
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<HostStatus>,
    view: watch::Receiver<View>,
    hands: watch::Receiver<Option<ScreenHands>>,
}

/// A handle, and the lane's side of it.
pub(crate) fn ports(status: HostStatus) -> (LaneHandle, Ports) {
    let (commands, asked) = mpsc::channel(COMMANDS);
    let (show_status, status) = watch::channel(status);
    let (show_view, view) = watch::channel(View::Connecting);
    let (lend_hands, hands) = watch::channel(None);
    let handle = LaneHandle { commands, status, view, hands };
    (handle, Ports { commands: asked, status: show_status, view: show_view, hands: lend_hands })
}

impl Refused {
    /// Nothing was begun, nor kept as a job.
    fn at_once(error: DeviceError) -> Self {
        Self { failure: ActionFailure { error, receipts: Vec::new() }, job: None }
    }
}

impl LaneHandle {
    /// What is known of the host.
    pub(crate) fn status(&self) -> HostStatus {
        self.status.borrow().clone()
    }

    /// Does something to the host, after what others asked for before, and waits for its outcome.
    pub(crate) async fn act(&self, action: Action) -> Result<Done, Refused> {
        self.ask(action, Asker::Outcome).await
    }

    /// Has something done to the host that is a job. Returns when it is durable: the server will do it, or tell of it,
    /// whatever happens.
    pub(crate) async fn submit(&self, action: Action) -> Result<Job, Refused> {
        self.ask(action, Asker::Acceptance).await
    }

    async fn ask<T>(&self, action: Action, asker: impl FnOnce(Reply<T>) -> Asker) -> Result<T, Refused> {
        let (reply, done) = oneshot::channel();
        self.commands.try_send(Command::Act { action, asker: asker(reply) }).map_err(
            |error| match error {
                mpsc::error::TrySendError::Full(_) => {
                    Refused::at_once(DeviceError::Busy { waiting: COMMANDS })
                }
                mpsc::error::TrySendError::Closed(_) => Refused::at_once(DeviceError::Stopping),
            },
        )?;
        done.await.map_err(|_| Refused::at_once(DeviceError::Stopping))?
    }

    /// Says something of a run of the host; it holds when this returns.
    pub(crate) async fn rule(&self, run: u64, ruling: Ruling) -> Result<Run, RulingError> {
        let (reply, done) = oneshot::channel();
        let stopping = |_| RulingError::Device(DeviceError::Stopping);
        self.commands.send(Command::Rule { run, ruling, reply }).await.map_err(|_| stopping(()))?;
        done.await.map_err(|_| stopping(()))?
    }

    /// Begins a run that a person asks for; it is durable when this returns.
    pub(crate) async fn recover(&self, request: RecoverRequest) -> Result<Run, RecoverError> {
        let (reply, done) = oneshot::channel();
        let stopping = |()| RecoverError::Device(DeviceError::Stopping);
        let command = Command::Recover { request: Box::new(request), reply };
        self.commands.send(command).await.map_err(|_| stopping(()))?;
        done.await.map_err(|_| stopping(()))?
    }

    /// What such a run would do.
    pub(crate) async fn plan(&self, request: RecoverRequest) -> Result<RecoverPlan, RecoverError> {
        let (reply, done) = oneshot::channel();
        let stopping = |()| RecoverError::Device(DeviceError::Stopping);
        let command = Command::Plan { request: Box::new(request), reply };
        self.commands.send(command).await.map_err(|_| stopping(()))?;
        Ok(done.await.map_err(|_| stopping(()))??)
    }

    /// Reads the power state now. Whoever asks while it is being read shares the reading.
    pub(crate) async fn refresh(&self) -> Result<HostStatus, DeviceError> {
        let (reply, read) = oneshot::channel();
        self.commands.send(Command::Refresh(reply)).await.map_err(|_| DeviceError::Stopping)?;
        read.await.map_err(|_| DeviceError::Stopping)?
    }

    /// The last look at the screen.
    pub(crate) fn last_seen(&self) -> Result<Arc<Seen>, DeviceError> {
        if self.hands.borrow().is_none() {
            return Err(self.no_screen());
        }
        match &*self.view.borrow() {
            View::Seen(seen) => Ok(Arc::clone(seen)),
            View::Lost { error, .. } => Err(error.clone()),
            View::Connecting => Err(DeviceError::NotSeenYet),
        }
    }

    /// Looks at the screen now.
    pub(crate) async fn look(&self) -> Result<Arc<Seen>, DeviceError> {
        let hands = self.hands.borrow().clone();
        hands.ok_or_else(|| self.no_screen())?.look().await.result
    }

    /// The host's screen, as its connectors change; none where it has none.
    pub(crate) fn screens(&self) -> Result<watch::Receiver<Option<ScreenHands>>, DeviceError> {
        if self.hands.borrow().is_none() { Err(self.no_screen()) } else { Ok(self.hands.clone()) }
    }

    /// Presses keys at once, beside what the lane does.
    pub(crate) async fn press(&self, steps: Vec<KeyStep>) -> Attempt<()> {
        let hands = self.hands.borrow().clone();
        match hands {
            Some(hands) => hands.press(steps).await,
            None => Attempt { through: "".into(), result: Err(self.no_screen()) },
        }
    }

    /// Whether the host is managed, so that something may be opened on its controllers.
    pub(crate) fn managed(&self) -> Result<(), DeviceError> {
        let status = self.status.borrow();
        match status.management.as_ref().filter(|fact| !fact.value.is_enabled()) {
            Some(fact) => {
                Err(DeviceError::NotManaged { level: fact.source.clone(), reason: fact.detail.clone() })
            }
            None => Ok(()),
        }
    }

    /// Why the host has no screen now.
    pub(crate) fn no_screen(&self) -> DeviceError {
        let missing = DeviceError::NoConnector { capability: Capability::Screen };
        self.managed().err().unwrap_or(missing)
    }

    /// The picture of the last look, where it has this name.
    pub(crate) fn shot(&self, digest: &PictureDigest) -> Option<Arc<Shot>> {
        match &*self.view.borrow() {
            View::Seen(seen) if seen.shot.digest == *digest => Some(Arc::clone(&seen.shot)),
            _ => None,
        }
    }

    /// Tells the lane that the host's manifest changed.
    pub(crate) async fn reconfigure(&self, host: Host) {
        // An error means that the lane has ended, as it does when the server stops.
        let _ = self.commands.send(Command::Reconfigure(Box::new(host))).await;
    }

    /// Tells the lane that a credential changed.
    pub(crate) async fn credential_changed(&self, name: Name) {
        // As above.
        let _ = self.commands.send(Command::CredentialChanged(name)).await;
    }
    /// Tells the lane of a heartbeat that is genuine.
    pub(crate) async fn heartbeat(&self) {
        // As above.
        let _ = self.commands.send(Command::Heartbeat).await;
    }

    /// Tells the lane that pinned certificates are forgotten.
    pub(crate) async fn pins_forgotten(&self) {
        // As above.
        let _ = self.commands.send(Command::PinsForgotten).await;
    }
}
