//! What a lane does to its host, and what becomes of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::BoxFuture;
use ironhand_api::{DeploymentSpec, Job, Probe, Step, StepOutcome};
use ironhand_model::Planned;

use super::decide::STORE_RETRY;
use super::job::THE_API;
use super::{Lane, Polled};
use crate::clock;
use crate::console::keys_of_flow;
use crate::device::DeviceError;
use crate::lane::hands::Hands;
use crate::lane::lines::Lines;
use crate::lane::{Action, ActionFailure, Done, Refused, Reply};
use crate::screen::ScreenWatch;

pub(super) struct Wanted {
    pub(super) action: Action,
    pub(super) purpose: Purpose,
}

/// Who wants an action, and who is to be told of its outcome.
pub(super) enum Purpose {
    /// A step of a flow.
    Step(Box<Planned>),
    /// A person; where the server stops meanwhile, they must ask again.
    Person(Reply<Done>),
    /// A person who only wants to know something, which is no event.
    Reader(Reply<Done>),
    /// A person who was told the number of the job, and perhaps waits for its end.
    Job { job: Box<Job>, reply: Option<Reply<Done>> },
    /// The lane itself: to find out what became of something that was cut short.
    Own,
    /// The lane itself: to know what the host is.
    Knowledge,
}

/// An action under way.
pub(super) struct Acting {
    pub(super) words: String,
    pub(super) action: Action,
    pub(super) purpose: Purpose,
    pub(super) future: BoxFuture<'static, Acted>,
}

/// What became of an action, and the lines that it used.
pub(super) struct Acted {
    pub(super) lines: Option<Lines>,
    pub(super) result: Result<Done, ActionFailure>,
    /// What whoever asked should know, whatever came of it.
    pub(super) warnings: Vec<String>,
}

/// The outcome of an action for the person who asked for it.
pub(super) struct Answer {
    pub(super) reply: Reply<Done>,
    pub(super) result: Result<Done, ActionFailure>,
    /// The job that it was asked for as.
    pub(super) job: Option<u64>,
}

/// Who asked for an action, and what they wait for.
pub(in crate::lane) enum Asker {
    /// Its outcome.
    Outcome(Reply<Done>),
    /// That the server will do it, or tell of it, whatever happens.
    Acceptance(Reply<Job>),
}

impl Asker {
    /// Tells that nothing is done.
    pub(super) fn refuse(self, error: DeviceError) {
        let refused = Refused::at_once(error);
        // An error of sending means that nobody waits any longer; the same below.
        match self {
            Self::Outcome(reply) => drop(reply.send(Err(refused))),
            Self::Acceptance(reply) => drop(reply.send(Err(refused))),
        }
    }

    /// Tells that the job is durable; returns who waits for its outcome.
    pub(super) fn accepted(self, job: &Job) -> Option<Reply<Done>> {
        match self {
            Self::Outcome(reply) => Some(reply),
            Self::Acceptance(reply) => {
                let _ = reply.send(Ok(job.clone()));
                None
            }
        }
    }
}

impl Answer {
    pub(super) fn give(self) {
        let Self { reply, result, job } = self;
        // An error means that the person waits no longer.
        let _ = reply.send(result.map_err(|failure| Refused { failure, job }));
    }
}

impl Lane {
    /// Starts what is due and can start.
    pub(super) async fn start(&mut self) {
        if self.acting.is_none()
            && self.times.store.is_none_or(|retry| retry <= Instant::now())
            && self.queue.front().is_some_and(|wanted| self.is_ready_for(&wanted.action))
            && let Some(Wanted { action, mut purpose }) = self.queue.pop_front()
        {
            match Box::pin(self.begin(&action, &mut purpose)).await {
                Ok(()) => {
                    self.times.store = None;
                    self.acting = Some(self.act(Wanted { action, purpose }));
                }
                Err(error) => {
                    tracing::error!(host = %self.name, error = %crate::http::chain(&error), "nothing is begun: the store failed");
                    self.times.store = Some(Instant::now() + STORE_RETRY);
                    self.queue.push_front(Wanted { action, purpose });
                }
            }
        }
        if self.polling.is_none()
            && self.times.power <= Instant::now()
            && self.reads_power()
            && let Some(mut lines) = self.lines.take()
        {
            let held = self.held.clone();
            let streams = self.hints.is_due().then(|| Arc::clone(&self.tools.streams));
            let place = streams.and_then(|streams| streams.try_acquire_owned().ok());
            self.polling = Some(Box::pin(async move {
                held.lasting().await;
                let reading = lines.read(None, &mut lines.attempts(), &mut Vec::new()).await;
                let hints = match place {
                    Some(place) if reading.result.is_ok() => Some((lines.hints().await, place)),
                    _ => None,
                };
                Polled { lines, reading, hints }
            }));
        }
    }

    /// Whether the BMC is free for an action that goes through it, and what an earlier start began there is settled.
    pub(super) fn is_ready_for(&self, action: &Action) -> bool {
        let settled = self.unfinished.is_empty() || *action == Action::ResolveRotation;
        !action.needs_bmc() || (self.lines.is_some() || self.polling.is_none()) && settled
    }

    fn act(&mut self, Wanted { action, purpose }: Wanted) -> Acting {
        let words = action.describe();
        let who = match &purpose {
            Purpose::Step(planned) => format!("flow {}", planned.flow),
            Purpose::Person(_) | Purpose::Reader(_) => THE_API.to_owned(),
            Purpose::Job { job, .. } => job.requested_by.clone(),
            Purpose::Own | Purpose::Knowledge => "Ironhand itself".to_owned(),
        };
        let held = self.held.clone();
        tracing::info!(host = %self.name, op = words, by = who, lease = held.token(), "action");
        let mut hands = Hands {
            lines: if action.needs_bmc() { self.lines.take() } else { None },
            screen: self.screen.as_ref().map(ScreenWatch::hands),
            serial: if matches!(action, Action::Serial { .. }) { self.serial_door() } else { None },
            notices: self.notices.0.clone(),
            settings: self.terms.settings,
            who,
            is_run: matches!(purpose, Purpose::Step(_)),
            host: self.name.clone(),
            tools: self.tools.clone(),
            held: held.clone(),
            job: match &purpose {
                Purpose::Job { job, .. } => Some(job.id),
                _ => None,
            },
            warnings: Vec::new(),
        };
        let asked = action.clone();
        let future = Box::pin(async move {
            let result = match held.check(Instant::now()) {
                Ok(()) => hands.perform(&action).await,
                Err(lost) => Err(ActionFailure { error: lost.into(), receipts: Vec::new() }),
            };
            Acted { lines: hands.lines, result, warnings: hands.warnings }
        });
        Acting { words, action: asked, purpose, future }
    }

    /// Takes in what became of an action. Returns whom to tell, once it is durable.
    pub(super) fn acted(&mut self, Acted { lines, result, warnings }: Acted) -> Option<Answer> {
        let Acting { words, action, mut purpose, .. } = self.acting.take()?;
        // What the action saw at its very end came true before it ended.
        while let Ok((at, source, observation)) = self.notices.1.try_recv() {
            self.observe(at, &source, observation);
        }
        if result.as_ref().is_ok_and(|done| done.power.is_some()) {
            // It read the power state, which saves a reading.
            self.times.power = Instant::now() + self.power_interval();
        }
        self.lines_home(lines);
        self.look_at_paths();
        if let Purpose::Job { job, .. } = &mut purpose {
            job.warnings.extend(warnings);
        }
        self.learn(&result);
        self.learn_event_log(&purpose, &result);
        self.fence_ended(&action, &result);
        self.rotation_ended(&action, &result);
        self.ended(&words, purpose, result)
    }

    pub(super) fn step_ended(&mut self, planned: &Planned, result: Result<Done, ActionFailure>) {
        let (outcome, receipts) = match result {
            Ok(done) => {
                if let Some(shot) = done.picture {
                    self.journal.snapshot(planned.run, shot);
                }
                if let Some(deployed) = done.deployed {
                    self.facts.know_deployment(Some(*deployed));
                }
                self.recovery.capture(planned, done.captured);
                (StepOutcome::Done(done.detail), done.receipts)
            }
            Err(ActionFailure { error, receipts }) if error.leaves_doubt() => {
                (StepOutcome::Unknown(error.to_string()), receipts)
            }
            Err(ActionFailure { error, receipts }) => (StepOutcome::Failed(error.to_string()), receipts),
        };
        let transitions = self.recovery.record(clock::now(), planned, outcome, receipts);
        self.journal.transitions(transitions);
    }
}

impl Lane {
    /// The action that a step of a flow asks for.
    pub(super) fn action_of(&self, planned: &Planned) -> Result<Action, String> {
        match &planned.step {
            Step::Ssh(command) => {
                let address = command.address.clone().or_else(|| self.own_address());
                Ok(Action::Ssh(command.clone(), address))
            }
            Step::Deploy(deploy) => Ok(Action::Deploy(DeploymentSpec {
                host: self.name.clone(),
                profile: deploy.profile.clone(),
                boot: deploy.boot,
                deadline: deploy.deadline,
                request: Some(planned.request()),
            })),
            step => action_of(step),
        }
    }

    /// Where the host itself is: where its checks ask it, an SSH server first, or the address that it boots with.
    fn own_address(&self) -> Option<String> {
        let checks = || self.terms.health.iter().map(|check| &check.probe);
        let ssh = checks().find_map(|probe| match probe {
            Probe::Ssh(address) => Some(host_part(address)),
            _ => None,
        });
        let other = || {
            checks().find_map(|probe| match probe {
                Probe::Ping(address) => Some(address.clone()),
                Probe::Tcp(address) => Some(host_part(address)),
                _ => None,
            })
        };
        let boot = || {
            let boot = self.host.spec.boot.as_ref()?;
            let address = boot.address.map(IpAddr::V4).or(boot.address6.map(IpAddr::V6))?;
            Some(address.to_string())
        };
        ssh.or_else(other).or_else(boot)
    }
}

/// An address without its port.
fn host_part(address: &str) -> String {
    if let Some(inner) = address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return inner.0.to_owned();
    }
    match address.split_once(':') {
        // A second colon makes it an IPv6 address without a port.
        Some((host, port)) if !port.contains(':') => host.to_owned(),
        _ => address.to_owned(),
    }
}

/// The action that a step of a flow asks for which needs nothing else to be known.
fn action_of(step: &Step) -> Result<Action, String> {
    match step {
        Step::Keys(written) => keys_of_flow(written).map(|steps| Action::Keys { steps }),
        Step::Power(action) => Ok(Action::Power { action: *action, timeout: None }),
        Step::BootDevice(device) => {
            let (device, persistent, uefi) = device.resolve();
            Ok(Action::BootDevice { device, persistent, uefi })
        }
        Step::Snapshot(name) => Ok(Action::Snapshot { name: name.clone() }),
        Step::Serial(serial) => keys_of_flow(serial.send()).map(|steps| Action::Serial { steps }),
        Step::IpmiRaw(raw) => Ok(Action::IpmiRaw(raw.clone())),
        Step::Http(request) => Ok(Action::Http(request.clone())),
        Step::Notify(_)
        | Step::WaitFor(_)
        | Step::Sleep(_)
        | Step::Choose(_)
        | Step::Repeat(_)
        | Step::Call(_)
        | Step::Approve(_)
        | Step::Ssh(_)
        | Step::Deploy(_) => Err("waiting is not an action".to_owned()),
    }
}
