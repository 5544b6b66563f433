//! The loop of a lane: observe, decide, make durable, act, and read back.

mod observe;
mod wiring;

use std::collections::VecDeque;
use std::future::pending;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use ironhand_api::{
    EventKind, Host, HostStatus, IncidentState, Name, PictureDigest, PowerState, Severity, Step, StepOutcome,
    Timestamp, Verdict,
};
use ironhand_console::keys;
use ironhand_model::{
    Decided, Decision, HostFacts, HostRecovery, Planned, ScreenView, Site, Terms, Transition,
    View as Situation,
};
use ironhand_store::{EventDraft, HostState, StoreError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::hands::{Hands, Notice};
use super::journal::{Entry, Journal};
use super::line::IpmiLine;
use super::{Action, ActionFailure, Command, Done, Ports, Tools};
use crate::catalog::{FlowSet, Looked};
use crate::clock;
use crate::device::DeviceError;
use crate::ownership::Held;
use crate::screen::{ScreenWatch, Seen, View};

/// Observations of an action that wait for the lane; it takes them as they come.
const NOTICES: usize = 16;

/// Actions of people that wait behind the one under way.
const QUEUE: usize = 8;

/// How often the last readings are stored though nothing has changed, so that a restart does not make them look old.
const REFRESH: Duration = Duration::from_secs(300);

/// How long a lane waits before it asks a store again that has failed.
const STORE_RETRY: Duration = Duration::from_secs(1);

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
    view: Option<watch::Receiver<View>>,
    last: Option<LastLook>,
    /// At home, unless a reading or an action has it.
    line: Option<IpmiLine>,
    /// The line that is away was made for a manifest, or a credential, that is no longer current.
    line_stale: bool,
    polling: Option<BoxFuture<'static, Polled>>,
    acting: Option<BoxFuture<'static, Acted>>,
    queue: VecDeque<Wanted>,
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
    /// The next storing of readings that changed nothing.
    refresh: Instant,
}

struct Polled {
    line: IpmiLine,
    result: Result<PowerState, DeviceError>,
}

struct Wanted {
    action: Action,
    purpose: Purpose,
}

/// Who wants an action, and who is to be told of its outcome.
enum Purpose {
    Step(Box<Planned>),
    Person(oneshot::Sender<Result<Done, ActionFailure>>),
}

struct Acted {
    line: Option<IpmiLine>,
    words: String,
    purpose: Purpose,
    result: Result<Done, ActionFailure>,
}

/// The outcome of an action for the person who asked for it.
struct Answer {
    reply: oneshot::Sender<Result<Done, ActionFailure>>,
    result: Result<Done, ActionFailure>,
}

impl Answer {
    fn give(answer: Option<Self>) {
        if let Some(Self { reply, result }) = answer {
            // An error means that the person waits no longer.
            let _ = reply.send(result);
        }
    }
}

/// What a lane wakes up for.
enum Happening {
    Stopped,
    Retired,
    Told(Option<Command>),
    Polled(Polled),
    Acted(Acted),
    Noticed(Notice),
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
    pub(crate) fn new(host: Host, state: HostState, held: Held, tools: Tools) -> Self {
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
            view: None,
            last: None,
            line: None,
            line_stale: false,
            polling: None,
            acting: None,
            queue: VecDeque::new(),
            notices: mpsc::channel(NOTICES),
            times: Times { power: now, decide: None, refresh: now + REFRESH },
            host,
            held,
            tools,
        };
        // A fleet that starts at once must not read all its BMCs at once.
        lane.times.power = now + lane.share(lane.terms.settings.power_interval);
        lane
    }

    /// Works until the server stops or the host is deleted.
    pub(crate) async fn run(mut self, ports: &mut Ports, ending: Ending) {
        self.govern(ports);
        let resumed = self.recovery.resume(clock::now());
        self.journal.transitions(resumed);
        self.open_line();
        self.open_screen(ports);
        self.think().await;
        loop {
            self.start();
            ports.status.send_replace(self.status());
            match self.next(ports, &ending).await {
                Happening::Stopped => return self.park(ports).await,
                Happening::Retired => return self.retire().await,
                happening => self.handle(happening, ports).await,
            }
        }
    }

    /// Waits for what is next. Dropping the future loses nothing.
    async fn next(&mut self, ports: &mut Ports, ending: &Ending) -> Happening {
        let due = self.due();
        let Self { polling, acting, notices, view, flows, site, .. } = self;
        tokio::select! {
            biased;
            () = ending.retire.cancelled() => Happening::Retired,
            () = ending.stop.cancelled() => Happening::Stopped,
            Some(notice) = notices.1.recv() => Happening::Noticed(notice),
            acted = done(acting) => Happening::Acted(acted),
            polled = done(polling) => Happening::Polled(polled),
            command = ports.commands.recv() => Happening::Told(command),
            () = changed(view) => Happening::Looked,
            Ok(()) = flows.changed() => Happening::FlowsChanged,
            Ok(()) = site.changed() => Happening::Governed,
            () = tokio::time::sleep_until(due.into()) => Happening::Due,
        }
    }

    async fn handle(&mut self, happening: Happening, ports: &mut Ports) {
        match happening {
            Happening::Told(None) | Happening::Stopped | Happening::Retired => {}
            Happening::Told(Some(command)) => self.told(command, ports),
            Happening::Noticed((at, source, observation)) => self.observe(at, &source, observation),
            Happening::Polled(polled) => self.polled(polled),
            Happening::Looked => self.looked(ports),
            Happening::FlowsChanged => self.judge(),
            Happening::Governed => self.govern(ports),
            Happening::Due => {}
            Happening::Acted(acted) => {
                let answer = self.acted(acted);
                self.think().await;
                return Answer::give(answer);
            }
        }
        self.think().await;
    }

    /// Takes in what became of an action. Returns whom to tell, once it is durable.
    fn acted(&mut self, Acted { line, words, purpose, result }: Acted) -> Option<Answer> {
        self.acting = None;
        // What the action saw at its very end came true before it ended.
        while let Ok((at, source, observation)) = self.notices.1.try_recv() {
            self.observe(at, &source, observation);
        }
        if result.as_ref().is_ok_and(|done| done.power.is_some()) {
            // It read the power state, which saves a reading.
            self.times.power = Instant::now() + self.pace().0;
        }
        self.line_home(line);
        match purpose {
            Purpose::Step(planned) => {
                self.step_ended(&planned, result);
                None
            }
            Purpose::Person(reply) => {
                let (severity, message) = match &result {
                    Ok(done) => {
                        (Severity::Info, format!("{words}, asked for through the API: {}", done.detail))
                    }
                    Err(failure) => (
                        Severity::Warning,
                        format!("{words}, asked for through the API, failed: {}", failure.error),
                    ),
                };
                self.journal.event(EventDraft::new(EventKind::ActionDone, severity, message));
                Some(Answer { reply, result })
            }
        }
    }

    fn step_ended(&mut self, planned: &Planned, result: Result<Done, ActionFailure>) {
        let (outcome, receipts) = match result {
            Ok(done) => {
                if let Some(shot) = done.picture {
                    self.journal.snapshot(planned.run, shot);
                }
                (StepOutcome::Done(done.detail), done.receipts)
            }
            Err(ActionFailure { error, receipts }) => match error {
                DeviceError::Ipmi(ironhand_ipmi::Error::OutcomeUnknown) | DeviceError::Stopping => {
                    (StepOutcome::Unknown(error.to_string()), receipts)
                }
                error => (StepOutcome::Failed(error.to_string()), receipts),
            },
        };
        let transitions = self.recovery.record(clock::now(), planned, outcome, receipts);
        self.journal.transitions(transitions);
    }

    /// Decides what to do, makes it durable, and only then sees to it that it is done.
    async fn think(&mut self) {
        let now = clock::now();
        let changes = self.facts.wake(now);
        self.journal.changes(changes);
        let before = self.recovery.clone();
        match self.decide(now).await {
            Ok(decision) => {
                let until = self.carry_out(decision);
                let until = [until, self.facts.next_wake()].into_iter().flatten().min();
                self.times.decide = until.map(|until| Instant::now() + until.since(now));
            }
            Err(error) => {
                tracing::error!(host = %self.name, error = %crate::http::chain(&error), "nothing is done: the store failed");
                self.recovery = before;
                self.times.decide = Some(Instant::now() + STORE_RETRY);
            }
        }
        if let Some(screen) = &self.screen {
            screen.set_pace(self.pace().1);
        }
    }

    /// Asks the model what to do, on what was seen last.
    fn consider(&mut self, now: Timestamp) -> Decided {
        let flows = Arc::clone(&self.flows.borrow());
        let selecting = flows.selecting(&self.host.metadata.labels);
        let looked = self.last.as_ref().map(|last| looked(&last.seen, &last.text));
        let find = |pattern: &str| looked.as_ref().and_then(|looked| flows.find(pattern, looked));
        let screen = self.last.as_ref().map(|last| ScreenView {
            seq: last.seen.number,
            read_at: last.seen.at,
            reliable: last.seen.shot.reading.is_reliable(),
            picture: Some(&last.seen.shot.digest),
            verdicts: &last.verdicts,
            find: &find,
        });
        let situation = Situation { host: &self.name, facts: &self.facts, screen, flows: &selecting };
        self.recovery.decide(now, &situation)
    }

    async fn decide(&mut self, now: Timestamp) -> Result<Decision, StoreError> {
        let mut decided = self.consider(now);
        let incident =
            if decided.needs_incident_id() { self.tools.store.next_incident_id().await? } else { 0 };
        let run = if decided.needs_run_id() { self.tools.store.next_run_id().await? } else { 0 };
        if incident != 0 || run != 0 {
            self.recovery.number(&mut decided, incident, run);
        }
        let due = self.times.refresh <= Instant::now();
        if due || !decided.transitions.is_empty() || !self.journal.is_empty() {
            self.commit(now, &decided.transitions).await?;
        }
        Ok(decided.decision)
    }

    async fn commit(&mut self, at: Timestamp, decided: &[Transition]) -> Result<(), StoreError> {
        let state = HostState { facts: self.facts.clone(), recovery: self.recovery.clone() };
        let entry = Entry { host: &self.name, at, status: self.status(), state, decided };
        // Boxed: a lane waits most of its life, and must not hold the room that this takes meanwhile.
        Box::pin(self.journal.commit(&self.tools.store, entry)).await?;
        self.times.refresh = Instant::now() + REFRESH;
        Ok(())
    }

    /// Queues the step of a decision; says when to decide again.
    fn carry_out(&mut self, decision: Decision) -> Option<Timestamp> {
        match decision {
            Decision::Act(planned) => {
                match action_of(&planned.step) {
                    Ok(action) => {
                        // Before what people asked for: it was decided on what the screen shows now.
                        self.queue.push_front(Wanted { action, purpose: Purpose::Step(planned) });
                    }
                    Err(reason) => {
                        let outcome = StepOutcome::Failed(reason);
                        let transitions = self.recovery.record(clock::now(), &planned, outcome, Vec::new());
                        self.journal.transitions(transitions);
                        return Some(clock::now());
                    }
                }
                None
            }
            Decision::Wait { until, .. } => until,
            Decision::Settled | Decision::NeedsHuman { .. } => None,
        }
    }

    /// Starts what is due and can start.
    fn start(&mut self) {
        if self.acting.is_none()
            && let Some(wanted) = self.queue.front()
            && (self.line.is_some() || self.polling.is_none() || !wanted.action.needs_bmc())
            && let Some(wanted) = self.queue.pop_front()
        {
            self.acting = Some(self.act(wanted));
        }
        if self.polling.is_none()
            && self.times.power <= Instant::now()
            && let Some(mut line) = self.line.take()
        {
            let held = self.held.clone();
            self.polling = Some(Box::pin(async move {
                let result = match held.check(Instant::now()) {
                    Ok(()) => line.power().await,
                    Err(lost) => Err(lost.into()),
                };
                Polled { line, result }
            }));
        }
    }

    fn act(&mut self, Wanted { action, purpose }: Wanted) -> BoxFuture<'static, Acted> {
        let words = action.describe();
        let who = match &purpose {
            Purpose::Step(planned) => format!("flow {}", planned.flow),
            Purpose::Person(_) => "the API".to_owned(),
        };
        let held = self.held.clone();
        tracing::info!(host = %self.name, op = words, by = who, lease = held.token(), "action");
        let mut hands = Hands {
            line: if action.needs_bmc() { self.line.take() } else { None },
            screen: self.screen.as_ref().map(|screen| (screen.hands(), self.screen_source())),
            notices: self.notices.0.clone(),
            settings: self.terms.settings,
            who,
        };
        Box::pin(async move {
            let result = match held.check(Instant::now()) {
                Ok(()) => hands.perform(&action).await,
                Err(lost) => Err(ActionFailure { error: lost.into(), receipts: Vec::new() }),
            };
            Acted { line: hands.line, words, purpose, result }
        })
    }

    fn due(&self) -> Instant {
        let power = self.line.is_some().then_some(self.times.power);
        let times = [power, self.times.decide, Some(self.times.refresh)];
        times.into_iter().flatten().min().unwrap_or(self.times.refresh)
    }

    /// Intervals of power and screen readings: short while something is wrong and Ironhand works on it, or while a
    /// screen is recognised and more readings decide.
    fn pace(&self) -> (Duration, Duration) {
        let settings = &self.terms.settings;
        let at_work =
            self.recovery.incident().is_some_and(|incident| incident.state != IncidentState::NeedsHuman);
        let suspicious = self.recovery.incident().is_none()
            && self.last.as_ref().is_some_and(|last| last.verdicts.iter().any(|verdict| verdict.applies));
        if at_work || suspicious {
            (settings.power_interval_fast, settings.screen_interval_incident)
        } else {
            (settings.power_interval, settings.screen_interval)
        }
    }

    fn status(&self) -> HostStatus {
        let incident = self.recovery.incident().filter(|incident| incident.state != IncidentState::Closed);
        let picture: Option<PictureDigest> = self.last.as_ref().map(|last| last.seen.shot.digest.clone());
        self.facts.status(self.recovery.health(), incident.map(|incident| incident.id), picture)
    }

    /// A part of `whole` that is this host's own, so that hosts do not fall into step.
    fn share(&self, whole: Duration) -> Duration {
        let mut hash = DefaultHasher::new();
        self.name.hash(&mut hash);
        whole.mul_f64((hash.finish() % 1000) as f64 / 1000.0)
    }

    /// The server stops: an action that is nearly done is waited for, its outcome recorded; nothing new begins. A step
    /// that is not done in time is found without an outcome by the next start.
    async fn park(mut self, ports: &Ports) {
        let patience = self.terms.settings.shutdown_timeout / 2;
        let mut answer = None;
        if let Some(acting) = &mut self.acting
            && let Ok(acted) = tokio::time::timeout(patience, acting).await
        {
            answer = self.acted(acted);
        }
        if let Err(error) = self.commit(clock::now(), &[]).await {
            tracing::error!(host = %self.name, %error, "the last readings were not stored");
        }
        Answer::give(answer);
        ports.hands.send_replace(None);
        if let Some(screen) = self.screen.take() {
            screen.close().await;
        }
    }

    /// The host was deleted: nobody is to look at its incident.
    async fn retire(mut self) {
        let closed = self.recovery.close(clock::now(), "the deletion of the host");
        self.journal.transitions(closed);
        if !self.journal.is_empty()
            && let Err(error) = self.commit(clock::now(), &[]).await
        {
            tracing::error!(host = %self.name, %error, "the incident of a deleted host stays open");
        }
    }
}

fn looked<'l>(seen: &'l Seen, text: &'l str) -> Looked<'l> {
    Looked { page: &seen.shot.page, text, at: seen.at, picture: Some(&seen.shot.digest) }
}

/// The action that a step of a flow asks for.
fn action_of(step: &Step) -> Result<Action, String> {
    match step {
        Step::Keys(written) => match keys::parse(written) {
            Ok(steps) => Ok(Action::Keys { steps }),
            Err(error) => Err(error.to_string()),
        },
        Step::Power(action) => Ok(Action::Power { action: *action, wait: true, timeout: None }),
        Step::BootDevice(device) => {
            let (device, persistent, uefi) = device.resolve();
            Ok(Action::BootDevice { device, persistent, uefi })
        }
        Step::Snapshot(name) => Ok(Action::Snapshot { name: name.clone() }),
        Step::WaitFor(_) | Step::Sleep(_) => Err("waiting is not an action".to_owned()),
    }
}

/// What a job comes to; waits for ever where there is none.
async fn done<T>(job: &mut Option<BoxFuture<'static, T>>) -> T {
    match job {
        Some(job) => job.await,
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
