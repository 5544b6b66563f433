//! The change of a password of a controller's account, over IPMI or Redfish.
//!
//! [`RotationMachine`] says what is next; [`drive`] does it: it makes each phase durable before the step behind it, and
//! has the [`Account`] set passwords and log in. A change that is cut short at any point is taken up by the next start
//! from what is stored.

mod account;
mod ipmi;
mod redfish;
mod secret;
mod turns;

use std::future::Future;
use std::sync::Arc;

use ironhand_api::{EventKind, Job, JobState, Name, RotationPhase, Severity};
use ironhand_model::{RotationAnswer, RotationMachine, RotationStep};
use ironhand_store::{EventDraft, Record, Rotation, RotationEnded, Store, StoreError};
use secrecy::{ExposeSecret, SecretString};

pub(crate) use account::{Account, Console, NoPlace, Session};
pub(crate) use redfish::RedfishSession;
pub(crate) use secret::make;
pub(crate) use turns::{Turn, Turns};

use crate::{Settings, clock};

/// The greatest length of a new password over IPMI in octets: what IPMI 2.0 can carry. A BMC that keeps fewer is found out, and
/// has its old password back.
pub(crate) const LONGEST: usize = 20;

/// From this length on a BMC may keep less than it was given.
const LONG: usize = 17;

/// What a person asks for; cheap to clone.
#[derive(Clone)]
pub(crate) struct PasswordOrder {
    inner: Arc<OrderInner>,
}

struct OrderInner {
    user: Option<String>,
    new: Option<SecretString>,
    /// Held until the change is over.
    _turn: Turn,
}

impl PasswordOrder {
    pub(crate) fn new(user: Option<String>, new: Option<SecretString>, turn: Turn) -> Self {
        Self { inner: Arc::new(OrderInner { user, new, _turn: turn }) }
    }

    /// The account, where another one is meant than the one that Ironhand logs in with.
    pub(crate) fn user(&self) -> Option<&str> {
        self.inner.user.as_deref()
    }

    /// The new password, where it is given.
    pub(crate) fn given(&self) -> Option<&SecretString> {
        self.inner.new.as_ref()
    }
}

impl PartialEq for PasswordOrder {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl std::fmt::Debug for PasswordOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordOrder").field("user", &self.user()).finish_non_exhaustive()
    }
}

/// Where a change is made durable.
pub(crate) trait Ledger: Sync {
    /// The change as it stands now.
    fn put(&self, rotation: &Rotation) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The change is over, and which password is used from now on is settled.
    fn settle(
        &self,
        rotation: &Rotation,
        phase: RotationPhase,
        reason: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Committed, rolled back, or indeterminate.
    pub(crate) phase: RotationPhase,
    /// Why, in words.
    pub(crate) reason: String,
    /// How often it was tried; see [`retry_after`](ironhand_model::retry_after).
    pub(crate) attempts: u32,
}

/// Takes a change from where `machine` stands to its end, or to where it is in doubt. What it comes to is durable then.
pub(crate) async fn drive<C: Console, L: Ledger>(
    mut machine: RotationMachine,
    rotation: &mut Rotation,
    mut account: Account<C>,
    ledger: &L,
) -> Result<Outcome, StoreError> {
    if rotation.new.expose_secret().len() >= LONG {
        machine = machine.long();
    }
    loop {
        let answer = match machine.next() {
            RotationStep::Persist(phase) => {
                rotation.phase = phase;
                rotation.attempts = machine.attempts();
                rotation.changed_at = clock::now();
                if let Err(error) = ledger.put(rotation).await {
                    account.end().await;
                    return Err(error);
                }
                RotationAnswer::Stored
            }
            RotationStep::Set => RotationAnswer::Set(account.set().await),
            RotationStep::Undo => RotationAnswer::Set(account.undo().await),
            RotationStep::Login(which) => RotationAnswer::Login(account.login(which).await),
            RotationStep::Wait(time) => {
                account.rest(time).await;
                RotationAnswer::Waited
            }
            RotationStep::Settle(phase) => {
                rotation.phase = phase;
                rotation.attempts = machine.attempts();
                rotation.changed_at = clock::now();
                let mut reason = machine.reason().to_owned();
                if phase != RotationPhase::Committed
                    && let Some(last) = account.reason()
                {
                    reason = format!("{reason} ({last})");
                }
                account.end().await;
                ledger.settle(rotation, phase, &reason).await?;
                return Ok(Outcome { phase, reason, attempts: rotation.attempts });
            }
        };
        machine.answer(answer);
    }
}

/// The store as the ledger of one host's change.
pub(crate) struct StoredLedger<'s> {
    pub(crate) store: &'s Store,
    pub(crate) host: &'s Name,
    /// The fencing token under which the host is held.
    pub(crate) token: Option<u64>,
    pub(crate) settings: Settings,
}

impl Ledger for StoredLedger<'_> {
    async fn put(&self, rotation: &Rotation) -> Result<(), StoreError> {
        self.store.put_rotation(rotation, self.token, clock::now()).await
    }

    async fn settle(
        &self,
        rotation: &Rotation,
        phase: RotationPhase,
        reason: &str,
    ) -> Result<(), StoreError> {
        let now = clock::now();
        let user = &rotation.username;
        let (ended, severity, message) = match phase {
            RotationPhase::Committed => (
                RotationEnded::Committed { grace_until: now.after(self.settings.password_grace) },
                Severity::Info,
                format!("the password of {user} was changed: {reason}"),
            ),
            RotationPhase::RolledBack => (
                RotationEnded::RolledBack,
                Severity::Warning,
                format!("the password of {user} was not changed: {reason}"),
            ),
            // In doubt: both passwords are kept.
            _ => return self.put(rotation).await,
        };
        let mut record = Record::of(self.host.clone(), now);
        record.token = self.token;
        // One that ended in doubt is corrected.
        let known = |job: &Job| matches!(job.state, JobState::Done | JobState::Failed);
        let job = self.store.job(rotation.job).await?.filter(|job| !known(job));
        record.jobs.extend(job.map(|job| {
            let done = phase == RotationPhase::Committed;
            Job {
                state: if done { JobState::Done } else { JobState::Failed },
                ended_at: Some(now),
                detail: Some(message.clone()),
                code: (!done).then(|| "password.not_changed".to_owned()),
                ..job
            }
        }));
        record.events.push(EventDraft::new(EventKind::PasswordChanged, severity, message));
        self.store.settle_rotation(self.host, ended, self.token, record).await.map(drop)
    }
}

#[cfg(test)]
mod tests;
