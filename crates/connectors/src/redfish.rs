//! Machines behind a Redfish controller (DMTF DSP0266).
//!
//! What is asked, and what the answers mean, stands in the crate `redfish`; here it is carried: over one session for
//! each account, few requests at a time, with what does not change kept for the next operation.

mod accounts;
mod broker;
mod console;
mod events;
mod hardware;
mod hints;
mod picture;
mod sessions;
mod transport;
mod vnc;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use ironhand_api::{
    BootDevice, Connector, EventLog, Inventory, MediaDrive, PowerAction, PowerState, RedfishOptions, Sensors,
    VirtualMedia,
};
use ironhand_redfish::{
    Answer, BootEnabled, BootMode, BootState, BootTarget, ClearLog, EjectMedia, Error as Redfish,
    InsertMedia, Operation, Place, PowerState as Shown, Quirk, ReadInventory, ReadLog, ReadSensors, Request,
    ResetAction, Run, SetBoot, SetIndicator, SetPassword, SetPower, Stop, Talk, Tree, Turn, locate,
    media_slots, power_state,
};
use secrecy::SecretString;

use self::broker::Broker;
use self::transport::Transport;
use crate::preview::{self, Preview};
use crate::{
    Authorization, BootOverride, Device, Error, Hints, HttpClient, HttpLimits, Login, MediaImage, Picture,
    Proof, Route, Surroundings,
};

pub use self::events::RedfishEvents;
pub use self::sessions::{MemorySessions, Sessions};
pub use self::vnc::{VncServer, vnc_encryption};

/// Requests to one controller at a time: more of them make controllers slower, or fail.
const IN_FLIGHT: usize = 2;

/// Who asks a controller, and for which machine.
#[derive(Clone)]
pub struct RedfishConfig {
    /// The name under which its sessions are kept.
    pub controller: String,
    /// The account.
    pub login: Login,
    /// The `Id` of the machine among several; without it the host's own is chosen.
    pub system: Option<String>,
    /// Where sessions are kept.
    pub sessions: Arc<dyn Sessions>,
}

/// A machine behind a Redfish controller.
pub struct RedfishDevice {
    transport: Transport,
    broker: Broker,
    system: Option<String>,
    place: Option<Place>,
    tree: Tree,
    /// What asks for pages beside Redfish.
    pages: Arc<HttpClient>,
    /// The web pages that show the screen, once they were asked.
    preview: Option<Preview>,
}

impl RedfishDevice {
    /// A controller that `http` reaches.
    pub fn new(http: HttpClient, config: RedfishConfig) -> Self {
        let system = config.system.clone();
        let pages = Arc::new(http.beside(preview::LIMITS));
        Self {
            transport: Transport::new(http),
            broker: Broker::new(config),
            system,
            place: None,
            tree: Tree::default(),
            pages,
            preview: None,
        }
    }

    /// The controller of a manifest.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`] where there is no login, or what the manifest says of certificates cannot be used.
    pub fn open(
        connector: &Connector,
        options: &RedfishOptions,
        login: Option<Login>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let missing = || Error::Misconfigured { reason: "Redfish needs a credential".to_owned() };
        let mut route = Route::of(connector, surroundings.hop.clone())?;
        if options.tls.is_off() && connector.port.is_none() {
            route.port = 80;
        }
        let controller = connector.to_string();
        let proof = Proof::of(&options.tls, controller.clone(), &surroundings.pins)?;
        let limits = HttpLimits { connect: surroundings.connect, ..HttpLimits::default() };
        let http = HttpClient::new(route, proof, limits).with_health(surroundings.health.clone());
        let sessions = Arc::clone(&surroundings.sessions);
        let login = login.ok_or_else(missing)?;
        Ok(Self::new(http, RedfishConfig { controller, login, system: options.system.clone(), sessions }))
    }

    /// Does an operation on the controller.
    ///
    /// # Errors
    ///
    /// [`Error::Redfish`] with why it did not reach its end, [`Error::LoginRefused`], and what [`HttpClient::send`] says.
    pub async fn run<O: Operation>(&mut self, operation: O) -> Result<O::Output, Error> {
        // Where the future is dropped what is known is asked for anew.
        let mut run = Run::new(operation, std::mem::take(&mut self.tree));
        let result = self.play(&mut run).await;
        self.tree = run.into_tree();
        result
    }

    /// Does an operation that reads much, of which nothing is kept: of thousands of controllers that would fill memory.
    async fn survey<O: Operation>(&mut self, operation: O) -> Result<O::Output, Error> {
        let kept = self.tree.clone();
        let result = self.run(operation).await;
        self.tree = kept;
        result
    }

    /// Does an operation on the machine, which is looked for where it is not known.
    ///
    /// # Errors
    ///
    /// As [`RedfishDevice::run`].
    pub async fn at_place<T>(
        &mut self,
        act: impl Fn(&mut Talk, &Place) -> Result<T, Stop>,
    ) -> Result<T, Error> {
        let known = self.place.is_some();
        let place = self.place().await?;
        match self.run(|talk: &mut Talk| act(talk, &place)).await {
            // Firmware gives a machine another name, too.
            Err(Error::Redfish(Redfish::Missing { path })) if known && path == place.system => {
                self.place = None;
                self.tree = Tree::default();
                let place = self.place().await?;
                self.run(|talk: &mut Talk| act(talk, &place)).await
            }
            result => result,
        }
    }

    /// Asks for a change of power. Tells the kinds of reset that the controller accepted for it, in order: where it knows
    /// no cycle of its own, `ForceOff` and, once the machine was seen off, `On`.
    ///
    /// # Errors
    ///
    /// What [`Device::power`] says.
    pub async fn switch(&mut self, action: PowerAction) -> Result<Vec<&'static str>, Error> {
        let action = match action {
            PowerAction::On => ResetAction::On,
            PowerAction::Off => ResetAction::ForceOff,
            PowerAction::Cycle => ResetAction::PowerCycle,
            PowerAction::Reset => ResetAction::ForceRestart,
            PowerAction::Soft => ResetAction::GracefulShutdown,
            PowerAction::Nmi => ResetAction::Nmi,
        };
        let place = self.place().await?;
        self.run(SetPower { place, action }).await
    }

    /// What is known of the controller and its machine.
    ///
    /// # Errors
    ///
    /// As [`RedfishDevice::run`].
    pub async fn place(&mut self) -> Result<Place, Error> {
        if let Some(place) = &self.place {
            return Ok(place.clone());
        }
        let wanted = self.system.clone();
        let place = self.run(|talk: &mut Talk| locate(talk, wanted.as_deref())).await?;
        Ok(self.place.insert(place).clone())
    }

    async fn play<O: Operation>(&self, run: &mut Run<O>) -> Result<O::Output, Error> {
        loop {
            match run.next_turn() {
                Turn::Done(result) => return result.map_err(|error| self.broker.named(error)),
                Turn::Wait(time) => tokio::time::sleep(time).await,
                Turn::Ask(questions) => {
                    let asked = questions
                        .into_iter()
                        .map(|question| async move { (question.id, self.exchange(&question.request).await) });
                    let mut answers = stream::iter(asked).buffer_unordered(self.in_flight());
                    while let Some((id, answer)) = answers.next().await {
                        run.answer(id, answer?);
                    }
                }
            }
        }
    }

    fn in_flight(&self) -> usize {
        let one = self.place.as_ref().is_some_and(|place| place.quirks.contains(Quirk::OneAtATime));
        if one { 1 } else { IN_FLIGHT }
    }

    /// Sends one request, and once more where the session that it belonged to was over.
    async fn exchange(&self, request: &Request) -> Result<Answer, Error> {
        let root = is_root(&request.path);
        if request.anonymous || root {
            let anonymous = self.transport.ask(request, Authorization::None).await?;
            if root {
                self.broker.saw_root(&anonymous).await;
            }
            // The root is for everybody; not every controller knows.
            if request.anonymous || !matches!(anonymous.status, 401 | 403) {
                return Ok(anonymous);
            }
        }
        let transport = &self.transport;
        let credentials = self.broker.credentials(transport).await?;
        let answer = transport.ask(request, self.broker.authorization(&credentials)).await?;
        if !self.broker.is_over(&credentials, &answer).await {
            return Ok(answer);
        }
        let credentials = self.broker.credentials(transport).await?;
        let answer = transport.ask(request, self.broker.authorization(&credentials)).await?;
        self.broker.is_over(&credentials, &answer).await;
        Ok(answer)
    }
}

/// Whether a path is that of the service root.
fn is_root(path: &str) -> bool {
    path.trim_end_matches('/') == ironhand_redfish::ROOT.trim_end_matches('/')
}

impl Device for RedfishDevice {
    fn power_state(&mut self) -> BoxFuture<'_, Result<PowerState, Error>> {
        Box::pin(async { Ok(told(self.at_place(power_state).await?)) })
    }

    fn power(&mut self, action: PowerAction) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.switch(action).await.map(drop) })
    }

    fn set_boot_override(&mut self, wanted: BootOverride) -> BoxFuture<'_, Result<BootOverride, Error>> {
        let target = match wanted.device {
            BootDevice::None => BootTarget::None,
            BootDevice::Pxe => BootTarget::Pxe,
            BootDevice::Disk => BootTarget::Hdd,
            BootDevice::Cdrom => BootTarget::Cd,
            BootDevice::Bios => BootTarget::BiosSetup,
        };
        Box::pin(async move {
            let place = self.place().await?;
            let mode = wanted.uefi.then_some(BootMode::Uefi);
            let set = SetBoot { place, target, persistent: wanted.persistent, mode, source: None };
            let shown = self.run(set).await?;
            Ok(kept(shown, wanted.device))
        })
    }

    fn sensors(&mut self) -> BoxFuture<'_, Result<Sensors, Error>> {
        Box::pin(async {
            let place = self.place().await?;
            let found = self.survey(ReadSensors { place }).await?;
            Ok(Sensors {
                sensors: found.items.into_iter().map(hardware::sensor).collect(),
                missing: hardware::missing(&found.missing),
            })
        })
    }

    fn inventory(&mut self) -> BoxFuture<'_, Result<Inventory, Error>> {
        Box::pin(async {
            let place = self.place().await?;
            let controller = place.identity.product.clone();
            Ok(hardware::inventory(self.survey(ReadInventory { place }).await?, controller))
        })
    }

    fn event_log(&mut self, newest: usize) -> BoxFuture<'_, Result<EventLog, Error>> {
        Box::pin(async move {
            let place = self.place().await?;
            let (log, found) = self.survey(ReadLog { place, log: None, newest }).await?;
            Ok(EventLog {
                entries: found.items.into_iter().map(|entry| hardware::entry(entry, &log.id)).collect(),
                missing: hardware::missing(&found.missing),
            })
        })
    }

    fn clear_event_log(&mut self) -> BoxFuture<'_, Result<String, Error>> {
        Box::pin(async {
            let place = self.place().await?;
            Ok(self.run(ClearLog { place, log: None }).await?.id)
        })
    }

    fn identify(&mut self, on: bool, time: Option<Duration>) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            if time.is_some() {
                let what =
                    "switch the identification light off by itself: Redfish knows no such time".to_owned();
                return Err(Error::Unsupported { what });
            }
            let place = self.place().await?;
            self.run(SetIndicator { place, on }).await
        })
    }

    fn media(&mut self) -> BoxFuture<'_, Result<VirtualMedia, Error>> {
        Box::pin(async {
            let found = self.at_place(media_slots).await?;
            Ok(VirtualMedia {
                drives: found.items.into_iter().map(hardware::drive).collect(),
                missing: hardware::missing(&found.missing),
            })
        })
    }

    fn insert_media(&mut self, image: MediaImage) -> BoxFuture<'_, Result<MediaDrive, Error>> {
        Box::pin(async move {
            let place = self.place().await?;
            let login = image.login.map(|login| (login.username, login.password));
            let kind = hardware::kind(image.kind);
            let insert =
                InsertMedia { place, image: image.url, kind, slot: image.drive, login, replace: true };
            self.run(insert).await.map(hardware::drive)
        })
    }

    fn eject_media(&mut self, drive: Option<String>) -> BoxFuture<'_, Result<Vec<MediaDrive>, Error>> {
        Box::pin(async move {
            let place = self.place().await?;
            let emptied = self.run(EjectMedia { place, slot: drive }).await?;
            Ok(emptied.into_iter().map(hardware::drive).collect())
        })
    }

    fn set_password(&mut self, username: String, new: SecretString) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let set = |account| SetPassword { username: username.clone(), new: new.clone(), account };
            match self.run(set(None)).await {
                // Before that the controller shows nothing else, not even its accounts.
                Err(Error::Redfish(Redfish::PasswordChangeRequired { account: Some(account) })) => {
                    self.run(set(Some(account))).await.map(drop)
                }
                result => result.map(drop),
            }
        })
    }

    fn picture(&mut self) -> BoxFuture<'_, Result<Picture, Error>> {
        Box::pin(self.take_picture())
    }

    fn hints(&mut self) -> BoxFuture<'_, Result<Option<Hints>, Error>> {
        Box::pin(self.open_hints())
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Some(mut preview) = self.preview.take() {
                preview.close().await;
            }
            self.pages.close().await;
            self.broker.log_out(&self.transport).await;
            self.transport.close().await;
        })
    }
}

/// The power state, in the words of all connectors.
const fn told(state: Shown) -> PowerState {
    match state {
        // A machine that is paused has its power.
        Shown::On | Shown::Paused => PowerState::On,
        Shown::Off => PowerState::Off,
        Shown::PoweringOn => PowerState::TurningOn,
        Shown::PoweringOff => PowerState::TurningOff,
    }
}

/// What a controller shows after `asked` was chosen, in the words of all connectors. A device that these have no word
/// for cannot be what is shown then.
fn kept(shown: BootState, asked: BootDevice) -> BootOverride {
    let device = match (shown.enabled, shown.target) {
        (BootEnabled::Disabled, _) => BootDevice::None,
        (_, Some(BootTarget::None)) => BootDevice::None,
        (_, Some(BootTarget::Pxe)) => BootDevice::Pxe,
        (_, Some(BootTarget::Hdd)) => BootDevice::Disk,
        (_, Some(BootTarget::Cd)) => BootDevice::Cdrom,
        (_, Some(BootTarget::BiosSetup)) => BootDevice::Bios,
        (_, _) => asked,
    };
    BootOverride {
        device,
        persistent: shown.enabled == BootEnabled::Continuous,
        uefi: shown.mode == Some(BootMode::Uefi),
    }
}
