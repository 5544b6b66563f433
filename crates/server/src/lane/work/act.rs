//! What a lane does to its host, and what becomes of it.

use std::time::Instant;

use futures_util::future::BoxFuture;
use ironhand_api::{EventKind, Severity, Step, StepOutcome};
use ironhand_console::keys;
use ironhand_model::Planned;
use ironhand_store::EventDraft;
use tokio::sync::oneshot;

use super::{Lane, Polled};
use crate::clock;
use crate::device::DeviceError;
use crate::lane::hands::Hands;
use crate::lane::line::IpmiLine;
use crate::lane::{Action, ActionFailure, Done};

pub(super) struct Wanted {
    pub(super) action: Action,
    pub(super) purpose: Purpose,
}

/// Who wants an action, and who is to be told of its outcome.
pub(super) enum Purpose {
    Step(Box<Planned>),
    Person(oneshot::Sender<Result<Done, ActionFailure>>),
}

/// An action under way.
pub(super) struct Acting {
    pub(super) words: String,
    pub(super) purpose: Purpose,
    pub(super) future: BoxFuture<'static, Acted>,
}

/// What became of an action, and the line that it used.
pub(super) struct Acted {
    pub(super) line: Option<IpmiLine>,
    pub(super) result: Result<Done, ActionFailure>,
}

/// The outcome of an action for the person who asked for it.
pub(super) struct Answer {
    pub(super) reply: oneshot::Sender<Result<Done, ActionFailure>>,
    pub(super) result: Result<Done, ActionFailure>,
}

impl Answer {
    pub(super) fn give(answer: Option<Self>) {
        if let Some(Self { reply, result }) = answer {
            // An error means that the person waits no longer.
            let _ = reply.send(result);
        }
    }
}

impl Lane {
    /// Starts what is due and can start.
    pub(super) fn start(&mut self) {
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
                held.lasting().await;
                let result = line.power().await;
                Polled { line, result }
            }));
        }
    }

    fn act(&mut self, Wanted { action, purpose }: Wanted) -> Acting {
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
        let future = Box::pin(async move {
            let result = match held.check(Instant::now()) {
                Ok(()) => hands.perform(&action).await,
                Err(lost) => Err(ActionFailure { error: lost.into(), receipts: Vec::new() }),
            };
            Acted { line: hands.line, result }
        });
        Acting { words, purpose, future }
    }

    /// Takes in what became of an action. Returns whom to tell, once it is durable.
    pub(super) fn acted(&mut self, Acted { line, mut result }: Acted) -> Option<Answer> {
        let Acting { words, purpose, .. } = self.acting.take()?;
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
                if let Ok(done) = &mut result {
                    done.warnings = self.warnings();
                }
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

    /// Tells whoever wanted an action that it is not begun.
    pub(super) fn refuse(&mut self, purpose: Purpose, error: DeviceError) {
        tracing::debug!(host = %self.name, %error, "refused");
        let failure = ActionFailure { error, receipts: Vec::new() };
        match purpose {
            Purpose::Step(planned) => self.step_ended(&planned, Err(failure)),
            // An error means that the person waits no longer.
            Purpose::Person(reply) => drop(reply.send(Err(failure))),
        }
    }

    pub(super) fn step_ended(&mut self, planned: &Planned, result: Result<Done, ActionFailure>) {
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
}

/// The action that a step of a flow asks for.
pub(super) fn action_of(step: &Step) -> Result<Action, String> {
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
