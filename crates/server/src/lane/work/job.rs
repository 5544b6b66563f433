//! Jobs: work that people ask for is durable before it is acknowledged, and is never repeated blindly.

use std::time::{Duration, Instant};

use ironhand_api::{EventKind, Job, JobState, PowerAction, PowerState, Severity, Work};
use ironhand_model::{Resumption, resume_power};
use ironhand_store::{EventDraft, StoreError};

use super::act::{Answer, Asker, Purpose, Wanted};
use super::{Lane, QUEUE};
use crate::clock;
use crate::device::DeviceError;
use crate::lane::{Action, ActionFailure, Done, time_for};

/// Who asks for jobs, as far as anybody knows before there is access control.
pub(super) const THE_API: &str = "the API";

impl Lane {
    /// Takes in what a person wants; where that is a job, once it is durable.
    pub(super) async fn asked(&mut self, action: Action, asker: Asker) {
        self.cadence.hurry(clock::now());
        let busy = || DeviceError::Busy { waiting: QUEUE };
        let full = self.queue.len() >= QUEUE;
        let refusal = self.refusal().filter(|_| !action.only_says());
        let idle = action == Action::LiftFence && !self.has_fence();
        let refusal = refusal
            .or_else(|| idle.then_some(DeviceError::NotFenced))
            .or_else(|| self.incapable(&action))
            .or_else(|| full.then(busy));
        if let Some(error) = refusal {
            tracing::debug!(host = %self.name, op = action.describe(), %error, "refused");
            return asker.refuse(error);
        }
        let purpose = match action.work() {
            None => match asker {
                Asker::Outcome(reply) if action.only_reads() => Purpose::Reader(reply),
                Asker::Outcome(reply) => Purpose::Person(reply),
                // Only jobs can be asked after later.
                asker => return asker.refuse(DeviceError::Stopping),
            },
            Some(work) => match self.accept(&action, work).await {
                Ok(job) => {
                    let reply = asker.accepted(&job);
                    Purpose::Job { job: Box::new(job), reply }
                }
                Err(error) => return asker.refuse(DeviceError::not_stored(&error)),
            },
        };
        self.queue.push_back(Wanted { action, purpose });
    }

    /// Makes a job durable. One that begins at once is stored as running, which saves another transaction.
    async fn accept(&mut self, action: &Action, work: Work) -> Result<Job, StoreError> {
        let id = self.tools.store.next_job_id().await?;
        let now = clock::now();
        let free = self.acting.is_none() && self.queue.is_empty() && self.unfinished.is_empty();
        let at_once = free && self.is_ready_for(action);
        let job = Job {
            id,
            host: self.name.clone(),
            work,
            state: if at_once { JobState::Running } else { JobState::Queued },
            requested_by: THE_API.to_owned(),
            accepted_at: now,
            until: self.limit(action).map(|limit| now.after(limit)),
            ended_at: None,
            detail: None,
            code: None,
            power: None,
            fence: None,
            warnings: self.warnings(Some(work)),
            receipts: Vec::new(),
        };
        let message = format!("job {id} is accepted: {}, asked for through {THE_API}", action.describe());
        let event = EventDraft::new(EventKind::JobAccepted, Severity::Info, message);
        self.journal.job(job.clone());
        self.journal.event(EventDraft { job: Some(id), ..event });
        match self.commit(now, &[]).await {
            Ok(()) => Ok(job),
            Err(error) => {
                self.journal.withdraw(id);
                Err(error)
            }
        }
    }

    /// Makes it durable that something may have been sent from now on.
    pub(super) async fn begin(&mut self, action: &Action, purpose: &mut Purpose) -> Result<(), StoreError> {
        let Purpose::Job { job, .. } = purpose else { return Ok(()) };
        if job.state != JobState::Queued {
            return Ok(());
        }
        let now = clock::now();
        let until = self.limit(action).map(|limit| now.after(limit));
        let running = Job { state: JobState::Running, until, ..(**job).clone() };
        self.journal.job(running.clone());
        self.commit(now, &[]).await?;
        **job = running;
        Ok(())
    }

    /// How long an action may take to come true.
    fn limit(&self, action: &Action) -> Option<Duration> {
        match action {
            Action::Power { action, timeout } => {
                Some(timeout.unwrap_or_else(|| time_for(*action, &self.terms.settings)))
            }
            _ => None,
        }
    }

    /// Takes in what became of a job.
    pub(super) fn job_ended(&mut self, mut job: Job, result: &Result<Done, ActionFailure>) {
        let severity = match result {
            Ok(done) => {
                job.state = JobState::Done;
                job.detail = Some(done.detail.clone());
                job.power = done.power;
                job.fence.clone_from(&done.fence);
                job.receipts.clone_from(&done.receipts);
                Severity::Info
            }
            Err(ActionFailure { error, receipts }) => {
                job.state = if error.leaves_doubt() { JobState::Unknown } else { JobState::Failed };
                job.detail = Some(error.to_string());
                job.code = Some(error.code().to_owned());
                job.power = error.power_seen();
                if let DeviceError::FenceNotProven(report) = error {
                    job.fence = Some((**report).clone());
                }
                job.receipts.clone_from(receipts);
                Severity::Warning
            }
        };
        self.settle(job, severity);
    }

    /// Notes that a job is over.
    fn settle(&mut self, mut job: Job, severity: Severity) {
        job.ended_at = Some(clock::now());
        let outcome = match job.state {
            JobState::Done => "",
            JobState::Unknown => ", has an unknown outcome",
            _ => ", failed",
        };
        let detail = job.detail.as_deref().unwrap_or_default();
        let message = format!("{}, asked for through {}{outcome}: {detail}", job.work, job.requested_by);
        let event = EventDraft::new(EventKind::JobEnded, severity, message);
        self.journal.event(EventDraft { job: Some(job.id), ..event });
        self.journal.job(job);
    }

    /// Takes up the jobs that the last start did not finish, on a host that was just read as `seen`.
    pub(super) fn resume_jobs(&mut self, seen: PowerState) {
        for job in std::mem::take(&mut self.unfinished) {
            match job.work {
                Work::Power(action) => self.resume_power(job, action, seen),
                Work::Fence | Work::Password if job.state == JobState::Queued => {
                    let detail = "the server stopped before anything was sent; ask again".to_owned();
                    self.resumed(job, JobState::Failed, detail);
                }
                Work::Fence | Work::Password => {
                    let detail = format!(
                        "the server stopped before it was known what became of it; power is {seen}; ask again"
                    );
                    self.resumed(job, JobState::Unknown, detail);
                }
            }
        }
    }

    fn resume_power(&mut self, job: Job, action: PowerAction, seen: PowerState) {
        let now = clock::now();
        match resume_power(action, job.state, job.until, now, seen) {
            Resumption::Begin => {
                let timeout = job.until.map(|until| until.since(now));
                let action = Action::Power { action, timeout };
                let purpose = Purpose::Job { job: Box::new(job), reply: None };
                self.queue.push_back(Wanted { action, purpose });
            }
            Resumption::Done(detail) => {
                let job = Job { power: Some(seen), ..job };
                self.resumed(job, JobState::Done, detail);
            }
            Resumption::Unknown(detail) => self.resumed(job, JobState::Unknown, detail),
            Resumption::Expired(detail) => self.resumed(job, JobState::Failed, detail),
        }
    }

    pub(super) fn resumed(&mut self, job: Job, state: JobState, detail: String) {
        let severity = if state == JobState::Done { Severity::Info } else { Severity::Warning };
        let code = (state != JobState::Done).then(|| "job.interrupted".to_owned());
        self.settle(Job { state, code, detail: Some(detail), ..job }, severity);
    }

    /// Ends the jobs that the last start did not finish, where the host cannot be read to see what became of them.
    pub(super) fn give_up_jobs(&mut self, error: &DeviceError) {
        for job in std::mem::take(&mut self.unfinished) {
            let (state, detail) = match job.state {
                JobState::Queued => (JobState::Failed, error.to_string()),
                _ => {
                    let detail = format!("the server stopped before it was known what became of it; {error}");
                    (JobState::Unknown, detail)
                }
            };
            self.settle(
                Job { state, detail: Some(detail), code: Some(error.code().to_owned()), ..job },
                Severity::Warning,
            );
        }
    }

    /// Takes in what became of an action, or why it is not begun. Returns whom to tell, once that is durable.
    pub(super) fn ended(
        &mut self,
        words: &str,
        purpose: Purpose,
        mut result: Result<Done, ActionFailure>,
    ) -> Option<Answer> {
        match purpose {
            Purpose::Step(planned) => {
                self.step_ended(&planned, result);
                None
            }
            Purpose::Job { job, reply } => {
                if let Ok(done) = &mut result {
                    done.job = Some(job.id);
                    done.warnings.clone_from(&job.warnings);
                }
                let id = job.id;
                self.job_ended(*job, &result);
                reply.map(|reply| Answer { reply, result, job: Some(id) })
            }
            // What it found out was recorded with it.
            Purpose::Own => {
                if result
                    .as_ref()
                    .is_err_and(|failure| matches!(failure.error, DeviceError::NotManaged { .. }))
                {
                    self.times.rotation = Some(Instant::now());
                }
                None
            }
            // What was read is known now; what was not is asked for again later.
            Purpose::Knowledge => None,
            Purpose::Reader(reply) => {
                if let Ok(done) = &mut result {
                    done.warnings = self.warnings(None);
                }
                Some(Answer { reply, result, job: None })
            }
            Purpose::Person(reply) => {
                if let Ok(done) = &mut result {
                    done.warnings = self.warnings(None);
                }
                let (severity, message) = match &result {
                    Ok(done) => {
                        (Severity::Info, format!("{words}, asked for through {THE_API}: {}", done.detail))
                    }
                    Err(failure) => (
                        Severity::Warning,
                        format!("{words}, asked for through {THE_API}, failed: {}", failure.error),
                    ),
                };
                self.journal.event(EventDraft::new(EventKind::ActionDone, severity, message));
                Some(Answer { reply, result, job: None })
            }
        }
    }
}
