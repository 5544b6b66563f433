//! Changing the password of the account that Ironhand logs in with, over the line of the host.

use std::time::Instant;

use ironhand_api::{ActionReceipt, Capability, RotationPhase};
use ironhand_model::{RotationMachine, check_new_password};
use ironhand_store::{Rotation, StoreError};
use secrecy::ExposeSecret;

use super::Done;
use super::hands::{Hands, done};
use super::lines::Lines;
use crate::clock;
use crate::credentials::Opened;
use crate::device::DeviceError;
use crate::rotation::{Ledger as _, Outcome, PasswordOrder, StoredLedger, make};

/// The host has no BMC whose passwords can be changed.
const NO_USERS: DeviceError = DeviceError::NoConnector { capability: Capability::Users };

impl Hands {
    /// Changes the password, and proves it with a login of its own.
    pub(super) async fn rotate(
        &mut self,
        order: &PasswordOrder,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Done, DeviceError> {
        let refused = |reason: String| DeviceError::PasswordRefused { reason };
        if self.tools.store.rotation(&self.host).await.map_err(not_stored)?.is_some() {
            let reason = "what became of the last change is not known yet; it is being found out".to_owned();
            return Err(refused(reason));
        }
        let mut line = self.lines.as_mut().and_then(Lines::users).ok_or(NO_USERS)?;
        let Opened { name, username, password, .. } = line.log_in(order.user(), receipts).await?;
        let old = password.unwrap_or_default();
        let new = match order.given() {
            Some(given) => given.clone(),
            None => make()?,
        };
        // Before anything is stored: what is refused here leaves nothing behind.
        let lengths = line.check(&username, &old).await?;
        check_new_password(new.expose_secret(), lengths.longest)
            .map_err(|fault| refused(fault.to_string()))?;
        if let Some(fault) = lengths.fault(&new) {
            return Err(refused(fault));
        }
        if new.expose_secret() == old.expose_secret() {
            return Err(refused("the new password is the one that is valid now".to_owned()));
        }
        let mut rotation = Rotation {
            host: self.host.clone(),
            job: self.job.unwrap_or_default(),
            username,
            phase: RotationPhase::Prepared,
            old_credential: name,
            old,
            new,
            attempts: 0,
            changed_at: clock::now(),
        };
        let outcome = self.carry_through(RotationMachine::begin(), &mut rotation).await?;
        concluded(outcome)
    }

    /// Finds out what became of a change that was cut short, or left in doubt.
    pub(super) async fn resolve_rotation(
        &mut self,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Done, DeviceError> {
        let Some(mut rotation) = self.tools.store.rotation(&self.host).await.map_err(not_stored)? else {
            return Ok(done("no change of the password is unfinished", None));
        };
        let line = self.lines.as_mut().and_then(Lines::users).ok_or(NO_USERS)?;
        if let Some(waiting) = line.held_back(Instant::now()) {
            return Err(waiting);
        }
        let machine = RotationMachine::resume(rotation.phase, rotation.attempts);
        let outcome = self.carry_through(machine, &mut rotation).await?;
        if outcome.phase == RotationPhase::Indeterminate
            && let Some(reason) = self.set_by_hand(&rotation, receipts).await
        {
            let ledger = self.ledger();
            ledger.settle(&rotation, RotationPhase::RolledBack, &reason).await.map_err(not_stored)?;
            self.password_changed().await;
            return Err(DeviceError::PasswordKept { reason });
        }
        concluded(outcome)
    }

    async fn carry_through(
        &mut self,
        machine: RotationMachine,
        rotation: &mut Rotation,
    ) -> Result<Outcome, DeviceError> {
        let mut lines = self.lines.take();
        let outcome = match lines.as_mut().and_then(Lines::users) {
            // Boxed, as it holds all that a login may come through.
            Some(line) => Box::pin(line.change(machine, rotation, &self.ledger())).await.map_err(not_stored),
            None => Err(NO_USERS),
        };
        self.lines = lines;
        self.password_changed().await;
        outcome
    }

    /// Whether somebody has set a third password, which a named credential of the host has: then neither of the two
    /// is valid any more, and the change is over.
    async fn set_by_hand(
        &mut self,
        rotation: &Rotation,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Option<String> {
        let opened = self.lines.as_mut()?.users()?.log_in(Some(&rotation.username), receipts).await.ok()?;
        let label = opened.label.unwrap_or_default();
        Some(format!("neither the old nor the new password is valid, but {label} is"))
    }

    async fn password_changed(&mut self) {
        if let Some(lines) = &mut self.lines {
            lines.password_changed().await;
        }
    }

    fn ledger(&self) -> StoredLedger<'_> {
        StoredLedger {
            store: &self.tools.store,
            host: &self.host,
            token: self.held.token(),
            settings: self.settings,
        }
    }
}

fn concluded(outcome: Outcome) -> Result<Done, DeviceError> {
    let Outcome { phase, reason, attempts } = outcome;
    match phase {
        RotationPhase::Committed => Ok(done(format!("the password was changed: {reason}"), None)),
        RotationPhase::RolledBack => Err(DeviceError::PasswordKept { reason }),
        _ => Err(DeviceError::PasswordInDoubt { reason, attempts }),
    }
}

fn not_stored(error: StoreError) -> DeviceError {
    DeviceError::NotStored { reason: crate::http::chain(&error) }
}
