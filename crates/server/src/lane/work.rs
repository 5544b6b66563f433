//! The loop of a lane: observe, decide, make durable, act, and read back.

mod act;
mod alert;
mod check;
mod decide;
mod event_log;
mod govern;
mod hints;
mod inventory;
mod job;
mod observe;
mod proof;
mod recover;
mod refresh;
mod rotation;
mod rule;
mod wiring;

use std::collections::VecDeque;
use std::future::pending;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use ironhand_api::{Capability, Host, HostStatus, IncidentState, Job, Name, PictureDigest, Verdict};
use ironhand_model::{
    AlertChange, Cadence, DeploymentSeen, HostAlerts, HostFacts, HostRecovery, Observation, SerialLine, Site,
    Terms,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::hands::Notice;
use super::journal::Journal;
use super::lines::{Lines, Reading};
use super::paths::Paths;
use super::{Command, Ports, Tools};
use crate::catalog::FlowSet;
use crate::check::CheckResult;
use crate::clock;
use crate::console::Keeper;
use crate::deployments::DeploymentWatch;
use crate::device::DeviceError;
use crate::ownership::{Held, Taken};
use crate::screen::{ScreenWatch, Seen, View, VncLoan};
pub(super) use act::Asker;
use act::{Acted, Acting, Answer, Wanted};
use check::CheckWatch;
use hints::{HintWatch, HintsOpened};
pub(crate) use wiring::credentials_of;

/// Observations of an action that wait for the lane; it takes them as they come.
const NOTICES: usize = 16;

/// Actions of people that wait behind the one under way.
const QUEUE: usize = 8;

/// Within which time a host that was applied or taken up is read for the first time. People wait for it; a fleet of
/// ten thousand that is taken up at once is let through by the window of the port.
const SPREAD: Duration = Duration::from_secs(1);

/// How often the last readings are stored though nothing has changed, so that a restart does not make them look old.
/// Each host has its own moment of that time, and keeps it: a fleet that was taken up, or has changed, at once would
/// else be stored at once ever after.
const REFRESH: Duration = Duration::from_secs(300);

/// The lane of one host.
pub(crate) struct Lane {
    name: Name,
    host: Host,
    held: Held,
    tools: Tools,
    facts: HostFacts,
    recovery: HostRecovery,
    journal: Journal,
    flows: watch::Receiver<Arc<FlowSet>>,
    site: watch::Receiver<Arc<Site>>,
    /// Under which terms the host is worked on.
    terms: Terms,
    screen: Option<ScreenWatch>,
    /// The VNC server that the host's controller can switch.
    loan: Option<VncLoan>,
    /// Keeps the serial console open for its log, where that is set.
    keeper: Option<Keeper>,
    deployments: DeploymentWatch,
    view: Option<watch::Receiver<View>>,
    last: Option<LastLook>,
    /// At home, unless a reading or an action has them.
    lines: Option<Lines>,
    /// The lines that are away were made for a manifest, or a credential, that is no longer current.
    lines_stale: bool,
    paths: Paths,
    hints: HintWatch,
    /// What the host itself is asked, and what comes of it.
    checks: CheckWatch,
    polling: Option<BoxFuture<'static, Polled>>,
    acting: Option<Acting>,
    queue: VecDeque<Wanted>,
    /// The job of a change of the password that an earlier start left.
    rotation_job: Option<Job>,
    /// Jobs that the last start did not finish, until the host is read and they can be taken up.
    unfinished: Vec<Job>,
    alerts: HostAlerts,
    /// Outcomes that are told once they are durable.
    untold: Vec<Answer>,
    /// What happened to alerts and is not in the journal yet.
    news: Vec<AlertChange>,
    cadence: Cadence,
    /// The store refused a write, since another server has the host.
    is_lost: bool,
    /// Who waits for the next reading.
    refreshing: Vec<oneshot::Sender<Result<HostStatus, DeviceError>>>,
    notices: (mpsc::Sender<Notice>, mpsc::Receiver<Notice>),
    times: Times,
}

/// The last look at the screen, and what the flows say of it.
struct LastLook {
    seen: Arc<Seen>,
    flows: Arc<FlowSet>,
    verdicts: Vec<Verdict>,
    text: String,
}

/// When something is due.
struct Times {
    /// The next reading of the power state.
    power: Instant,
    /// The next decision, where nothing is observed before.
    decide: Option<Instant>,
    /// When the store is asked again that failed.
    store: Option<Instant>,
    /// The next storing of readings that changed nothing.
    refresh: Instant,
    /// When it is looked at what became of a change of the password that is not over; none where there is none.
    rotation: Option<Instant>,
    /// When the inventory is read next.
    inventory: Instant,
    /// When the event log is read next, where a flow asks for it.
    event_log: Instant,
}

struct Polled {
    lines: Lines,
    reading: Reading,
    /// What came of opening a stream of events, where that was due.
    hints: HintsOpened,
}

/// What a lane wakes up for.
enum Happening {
    Stopped,
    Retired,
    Told(Option<Command>),
    Polled(Polled),
    Hinted(Option<Result<String, ironhand_connectors::Error>>),
    Acted(Acted),
    Noticed(Notice),
    Checked(CheckResult),
    /// What the host wrote on its serial console lately.
    Heard(Option<Vec<SerialLine>>),
    /// What is deployed to the host.
    Deployed(Option<DeploymentSeen>),
    Looked,
    FlowsChanged,
    Governed,
    Due,
}

/// How a lane is ended.
#[derive(Clone)]
pub(crate) struct Ending {
    /// The server stops: the lane is taken up again by the next start.
    pub(crate) stop: CancellationToken,
    /// The host was deleted.
    pub(crate) retire: CancellationToken,
}

impl Lane {
    pub(crate) fn new(taken: Taken, tools: Tools) -> Self {
        let Taken { host, state, jobs, held } = taken;
        let now = Instant::now();
        let site = tools.site.clone();
        let terms = site.borrow().terms(&host);
        let mut lane = Self {
            name: host.metadata.name.clone(),
            site,
            terms,
            flows: tools.catalog.watch(),
            facts: state.facts,
            recovery: state.recovery,
            journal: Journal::default(),
            screen: None,
            loan: None,
            keeper: None,
            deployments: tools.deployments.follow(),
            view: None,
            last: None,
            lines: None,
            lines_stale: false,
            paths: Paths::default(),
            hints: HintWatch::new(),
            checks: CheckWatch::default(),
            polling: None,
            acting: None,
            queue: VecDeque::new(),
            rotation_job: None,
            unfinished: jobs,
            alerts: state.alerts,
            untold: Vec::new(),
            news: Vec::new(),
            cadence: Cadence::default(),
            is_lost: false,
            refreshing: Vec::new(),
            notices: mpsc::channel(NOTICES),
            times: Times {
                power: now,
                decide: None,
                store: None,
                refresh: now + REFRESH,
                rotation: None,
                inventory: now + inventory::FIRST,
                event_log: now,
            },
            host,
            held,
            tools,
        };
        // What was begun is settled first.
        let spread = if lane.unfinished.is_empty() { SPREAD } else { Duration::ZERO };
        lane.times.power = now + lane.share(lane.terms.settings.power_interval.min(spread));
        lane.times.refresh = now + lane.share(REFRESH);
        lane.times.inventory = now + inventory::FIRST + lane.share(inventory::SPREAD);
        lane
    }

    /// Works until the server stops or the host is deleted.
    pub(crate) async fn run(mut self: Box<Self>, ports: &mut Ports, ending: Ending) {
        let terms = self.terms.clone();
        self.take_up(&terms);
        self.watch_checks().await;
        let resumed = self.recovery.resume(clock::now());
        self.journal.transitions(resumed);
        if self.terms.management.is_enabled() {
            self.open_lines();
            self.open_screen(ports);
        }
        self.take_up_rotation().await;
        if !self.reads_power() {
            let missing = DeviceError::NoConnector { capability: Capability::PowerState };
            let refusal = self.refusal().unwrap_or(missing);
            self.give_up_jobs(&refusal);
        }
        self.think().await;
        loop {
            self.look_at_rotation();
            self.look_at_inventory();
            self.look_at_event_log();
            self.start().await;
            if self.is_lost {
                return Box::pin(self.leave(ports, &ending)).await;
            }
            ports.status.send_replace(self.status());
            match self.next(ports, &ending).await {
                // Boxed, for the same reason as in `commit`.
                Happening::Stopped => return Box::pin(self.park(ports)).await,
                Happening::Retired => return Box::pin(self.retire()).await,
                happening => self.handle(happening, ports).await,
            }
        }
    }

    /// Waits for what is next. Dropping the future loses nothing.
    async fn next(&mut self, ports: &mut Ports, ending: &Ending) -> Happening {
        let due = self.due();
        let Self {
            polling,
            acting,
            notices,
            view,
            flows,
            site,
            hints,
            checks,
            keeper,
            deployments,
            name,
            ..
        } = self;
        tokio::select! {
            biased;
            () = ending.retire.cancelled() => Happening::Retired,
            () = ending.stop.cancelled() => Happening::Stopped,
            Some(notice) = notices.1.recv() => Happening::Noticed(notice),
            acted = done(acting.as_mut().map(|acting| &mut acting.future)) => Happening::Acted(acted),
            polled = done(polling.as_mut()) => Happening::Polled(polled),
            // What was said of the host before it was asked for.
            Ok(()) = site.changed() => Happening::Governed,
            command = ports.commands.recv() => Happening::Told(command),
            told = hints.next() => Happening::Hinted(told),
            result = checks.next() => Happening::Checked(result),
            () = changed(view) => Happening::Looked,
            lines = heard(keeper) => Happening::Heard(lines),
            seen = deployments.next(name) => Happening::Deployed(seen),
            Ok(()) = flows.changed() => Happening::FlowsChanged,
            () = tokio::time::sleep_until(due.into()) => Happening::Due,
        }
    }

    async fn handle(&mut self, happening: Happening, ports: &mut Ports) {
        let mut fresh = false;
        match happening {
            Happening::Told(None) | Happening::Stopped | Happening::Retired | Happening::Due => {}
            Happening::Told(Some(command)) => self.told(command, ports).await,
            Happening::Noticed((at, source, observation)) => {
                fresh = matches!(observation, Observation::Power(_));
                self.observe(at, &source, observation);
            }
            Happening::Polled(polled) => fresh = self.polled(polled),
            Happening::Hinted(told) => self.hinted(told),
            Happening::Checked(result) => self.checked(result),
            Happening::Looked => self.looked(ports),
            Happening::Heard(lines) => {
                self.facts.heard_serial(lines);
                self.judge();
            }
            Happening::Deployed(seen) => {
                self.facts.know_deployment(seen);
                self.judge();
            }
            Happening::FlowsChanged => self.follow_flows(),
            Happening::Governed => {
                self.govern(ports);
                self.watch_checks().await;
            }
            Happening::Acted(acted) => {
                let answer = self.acted(acted);
                self.untold.extend(answer);
            }
        }
        self.think().await;
        if fresh {
            self.refreshed();
        }
        if self.journal.is_empty() {
            self.untold.drain(..).for_each(Answer::give);
        }
    }

    fn due(&self) -> Instant {
        let power = self.reads_power().then_some(self.times.power);
        let rotation = self.times.rotation.filter(|_| self.lines.is_some());
        let times = [power, rotation, self.times.decide, self.times.store, Some(self.times.refresh)];
        times.into_iter().flatten().min().unwrap_or(self.times.refresh)
    }

    /// Whether the lines are at home, and one of them reads the power state.
    fn reads_power(&self) -> bool {
        self.lines.as_ref().is_some_and(|lines| lines.can(Capability::PowerState))
    }

    fn status(&self) -> HostStatus {
        let incident = self.recovery.incident().filter(|incident| incident.state != IncidentState::Closed);
        let picture: Option<PictureDigest> = self.last.as_ref().map(|last| last.seen.shot.digest.clone());
        let status = self.facts.status(self.recovery.health(), incident.map(|incident| incident.id), picture);
        let owner = Some(self.held.owner().to_owned());
        let screens = self.screen.as_ref().map(ScreenWatch::ways).unwrap_or_default();
        let (ways, console) = (self.ways(), self.tools.consoles.desks().holder(&self.name));
        HostStatus { alerts: self.alerts.open().collect(), owner, ways, screens, console, ..status }
    }

    /// A part of `whole` that is this host's own, so that hosts do not fall into step.
    fn share(&self, whole: Duration) -> Duration {
        let mut hash = DefaultHasher::new();
        self.name.hash(&mut hash);
        whole.mul_f64((hash.finish() % 1000) as f64 / 1000.0)
    }

    /// The server stops: an action that is nearly done is waited for, its outcome recorded; nothing new begins. A step
    /// that is not done in time is found without an outcome by the next start.
    async fn park(mut self: Box<Self>, ports: &Ports) {
        let patience = self.terms.settings.shutdown_timeout / 2;
        if let Some(acting) = &mut self.acting
            && let Ok(acted) = tokio::time::timeout(patience, &mut acting.future).await
        {
            let answer = self.acted(acted);
            self.untold.extend(answer);
        }
        match self.commit(clock::now(), &[]).await {
            Ok(()) => self.untold.drain(..).for_each(Answer::give),
            // Who waits for an outcome is told that the server stops, and the next start tells of the job.
            Err(error) => tracing::error!(host = %self.name, %error, "the last readings were not stored"),
        }
        ports.hands.send_replace(None);
        if let Some(screen) = self.screen.take() {
            screen.close().await;
        }
    }

    /// The store refuses what this lane writes: another server has the host, or it was just deleted. Nothing more is
    /// sent or stored until somebody says which.
    async fn leave(mut self: Box<Self>, ports: &Ports, ending: &Ending) {
        self.polling = None;
        self.acting = None;
        self.lines = None;
        self.hints.renew();
        self.checks = CheckWatch::default();
        self.screen = None;
        self.keeper = None;
        self.queue.clear();
        self.untold.clear();
        self.refreshing.clear();
        ports.hands.send_replace(None);
        tokio::select! {
            () = ending.retire.cancelled() => self.retire().await,
            () = ending.stop.cancelled() => {}
        }
    }

    /// The host was deleted: nobody is to look at its incident.
    async fn retire(mut self: Box<Self>) {
        self.held = self.held.after_deletion();
        let closed = self.recovery.close(clock::now(), "the deletion of the host");
        self.journal.transitions(closed);
        if !self.journal.is_empty()
            && let Err(error) = self.commit(clock::now(), &[]).await
        {
            tracing::error!(host = %self.name, %error, "the incident of a deleted host stays open");
        }
    }
}

/// What a job comes to; waits for ever where there is none.
async fn done<T>(job: Option<&mut BoxFuture<'static, T>>) -> T {
    match job {
        Some(job) => job.await,
        None => pending().await,
    }
}

async fn heard(keeper: &mut Option<Keeper>) -> Option<Vec<SerialLine>> {
    match keeper {
        Some(keeper) => keeper.heard().await,
        None => pending().await,
    }
}

async fn changed(view: &mut Option<watch::Receiver<View>>) {
    match view {
        // An error means that the watch over the screen ended, after which nothing changes.
        Some(view) => {
            if view.changed().await.is_err() {
                pending().await
            }
        }
        None => pending().await,
    }
}
