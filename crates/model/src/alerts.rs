//! What somebody should know of now: opened once for each cause, told again while it lasts, cleared when it is over.
//!
//! The state is stored with the host, so a restart or another server opens nothing twice.

use std::collections::BTreeMap;

use ironhand_api::{Alert, AlertCause, Name, Reach, Settings, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::HostFacts;
use crate::facts::in_words;

/// The alerts of one host. Of each cause at most one is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HostAlerts {
    /// The last alert of each cause, open or cleared.
    last: BTreeMap<AlertCause, Episode>,
    /// Since when nothing was learned from the controller, however the attempts failed.
    lost_since: Option<Timestamp>,
}

/// One alert from its opening to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Episode {
    id: u64,
    message: String,
    opened_at: Timestamp,
    told_at: Timestamp,
    repeats: u32,
    cleared_at: Option<Timestamp>,
}

/// The id of an alert that [`HostAlerts::number`] has not been called for; true ids begin at 1.
const UNNUMBERED: u64 = 0;

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertStep {
    /// There is a new cause.
    Opened,
    /// It lasts, and is told again.
    Repeated,
    /// The cause is gone.
    Cleared,
}

/// A change of an alert: one event, and one row to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertChange {
    /// The cause.
    pub cause: AlertCause,
    /// How much the event matters to a person.
    pub severity: Severity,
    /// What happened, in words that an operator understands.
    pub message: String,
    /// What happened to the alert.
    pub step: AlertStep,
}

/// What the facts say of a cause.
enum Finding {
    /// It is there.
    Raised(String),
    /// It is not there.
    Gone(&'static str),
    /// The facts do not tell: what is open stays open.
    Untold,
}

impl HostAlerts {
    /// Draws from the facts which causes began and ended, and tells again what has been open for long. `needs_human`
    /// is why a person must look, where recovery says so. To be called after each change of the facts and at
    /// [`next_wake`](Self::next_wake); extra calls are harmless.
    ///
    /// A host that is not managed has no alerts, save those that stay true while nobody looks: that nobody knows its
    /// password, that it could not be fenced, and that it has power after it was fenced.
    #[must_use = "changes must be recorded"]
    pub fn consider(
        &mut self,
        now: Timestamp,
        facts: &HostFacts,
        needs_human: Option<&str>,
        settings: &Settings,
    ) -> Vec<AlertChange> {
        let managed = facts.management().is_enabled();
        let reach = facts.reach().filter(|_| managed);
        self.lost_since = reach
            .filter(|fact| !matches!(fact.value, Reach::Ok | Reach::AuthFailed))
            .map(|fact| self.lost_since.unwrap_or(fact.since));
        let mut changes = Vec::new();
        for cause in AlertCause::ALL {
            let finding = match cause {
                AlertCause::PasswordIndeterminate => Finding::Untold,
                AlertCause::FenceRefused => self.refusal(facts),
                AlertCause::FenceBroken => match facts.fence_broken() {
                    Some(fact) => Finding::Raised(fact.detail.clone().unwrap_or_default()),
                    None => Finding::Gone("somebody has decided what the host is to be"),
                },
                _ if !managed => Finding::Gone("the host is not managed"),
                AlertCause::AuthFailed => auth(facts),
                AlertCause::NotTrusted => trust(facts),
                AlertCause::ContactLost => self.contact(now, facts, settings),
                AlertCause::NeedsHuman => match needs_human {
                    Some(reason) => Finding::Raised(format!("a person must look: {reason}")),
                    None => Finding::Gone("the host waits for a person no longer"),
                },
            };
            let change = match finding {
                Finding::Raised(message) if !self.is_open(cause) => self.raise(now, cause, message),
                Finding::Gone(why) => self.clear(now, cause, why),
                Finding::Raised(_) | Finding::Untold => None,
            };
            changes.extend(change.or_else(|| self.repeat(now, cause, settings)));
        }
        changes
    }

    /// Opens an alert that facts do not tell of. Where one of this cause is open it only takes the new words.
    #[must_use = "a change must be recorded"]
    pub fn raise(&mut self, now: Timestamp, cause: AlertCause, message: String) -> Option<AlertChange> {
        if let Some(open) = self.last.get_mut(&cause).filter(|one| one.cleared_at.is_none()) {
            open.message = message;
            return None;
        }
        let episode = Episode {
            id: UNNUMBERED,
            message: message.clone(),
            opened_at: now,
            told_at: now,
            repeats: 0,
            cleared_at: None,
        };
        self.last.insert(cause, episode);
        Some(AlertChange { cause, severity: severity(cause), message, step: AlertStep::Opened })
    }

    /// Clears the alert of this cause, where one is open; `why` the cause is gone, in words.
    #[must_use = "a change must be recorded"]
    pub fn clear(&mut self, now: Timestamp, cause: AlertCause, why: &str) -> Option<AlertChange> {
        let open = self.last.get_mut(&cause).filter(|one| one.cleared_at.is_none())?;
        open.cleared_at = Some(now);
        let lasted = in_words(now.since(open.opened_at));
        let message = format!("{why}; the alert was open for {lasted}");
        Some(AlertChange { cause, severity: Severity::Info, message, step: AlertStep::Cleared })
    }

    /// Gives the last alert of this cause its id, where it has none.
    pub fn number(&mut self, cause: AlertCause, id: u64) {
        if let Some(episode) = self.last.get_mut(&cause).filter(|one| one.id == UNNUMBERED) {
            episode.id = id;
        }
    }

    /// The causes of the alerts that are open.
    pub fn open(&self) -> impl Iterator<Item = AlertCause> {
        self.last.iter().filter(|(_, one)| one.cleared_at.is_none()).map(|(cause, _)| *cause)
    }

    /// When [`consider`](Self::consider) has something to do even if nothing is observed.
    pub fn next_wake(&self, settings: &Settings) -> Option<Timestamp> {
        let lost = self.lost_since.filter(|_| !self.is_open(AlertCause::ContactLost));
        let due = lost.map(|since| since.after(settings.alert_after));
        let open = self.last.values().filter(|one| one.cleared_at.is_none());
        open.map(|one| one.told_at.after(settings.alert_repeat)).chain(due).min()
    }

    /// The row of the alert that `change` tells of, as it is now; none before it was [numbered](Self::number).
    pub fn alert(&self, host: &Name, change: &AlertChange) -> Option<Alert> {
        let episode = self.last.get(&change.cause).filter(|one| one.id != UNNUMBERED)?;
        Some(Alert {
            id: episode.id,
            host: host.clone(),
            cause: change.cause,
            severity: severity(change.cause),
            message: episode.message.clone(),
            opened_at: episode.opened_at,
            told_at: episode.told_at,
            repeats: episode.repeats,
            cleared_at: episode.cleared_at,
        })
    }

    fn is_open(&self, cause: AlertCause) -> bool {
        self.last.get(&cause).is_some_and(|one| one.cleared_at.is_none())
    }

    fn repeat(&mut self, now: Timestamp, cause: AlertCause, settings: &Settings) -> Option<AlertChange> {
        let open = self.last.get_mut(&cause).filter(|one| one.cleared_at.is_none())?;
        if now < open.told_at.after(settings.alert_repeat) {
            return None;
        }
        open.told_at = now;
        open.repeats = open.repeats.saturating_add(1);
        let lasts = in_words(now.since(open.opened_at));
        let message = format!("for {lasts}: {}", open.message);
        Some(AlertChange { cause, severity: severity(cause), message, step: AlertStep::Repeated })
    }

    /// A fencing that was refused matters until it succeeds, or is not wanted any more.
    fn refusal(&self, facts: &HostFacts) -> Finding {
        let opened = self.last.get(&AlertCause::FenceRefused).map(|one| one.opened_at);
        if facts.fenced().is_some() {
            Finding::Gone("the host is proven to be without power")
        } else if facts.power_wanted().is_some_and(|wanted| Some(wanted) > opened) {
            Finding::Gone("somebody wants the host to have power")
        } else {
            Finding::Untold
        }
    }

    /// Contact is lost while nothing but failures comes back; a refused password is an answer.
    fn contact(&self, now: Timestamp, facts: &HostFacts, settings: &Settings) -> Finding {
        match (facts.reach(), self.lost_since) {
            (Some(fact), Some(since)) if now >= since.after(settings.alert_after) => {
                let detail = fact.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
                let lost = in_words(now.since(since));
                let message =
                    format!("the management controller cannot be used for {lost}, {}{detail}", fact.value);
                Finding::Raised(message)
            }
            (Some(_), None) => Finding::Gone("the management controller answers"),
            _ => Finding::Untold,
        }
    }
}

/// That a controller which refused the credentials does not answer at all now does not mend the credentials.
fn auth(facts: &HostFacts) -> Finding {
    match facts.reach() {
        Some(fact) if fact.value == Reach::AuthFailed => {
            let detail = fact.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
            Finding::Raised(format!("the management controller refuses every credential{detail}"))
        }
        Some(fact) if fact.value == Reach::Ok => {
            Finding::Gone("the management controller accepts a credential")
        }
        _ => Finding::Untold,
    }
}

fn trust(facts: &HostFacts) -> Finding {
    match facts.not_trusted() {
        Some(fact) => {
            let detail = fact.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
            Finding::Raised(format!("{} is not trusted, and told no password{detail}", fact.source))
        }
        None => Finding::Gone("no device of the host shows a certificate that is not trusted"),
    }
}

/// How much a cause matters: contact often comes back by itself, the others need a person.
const fn severity(cause: AlertCause) -> Severity {
    match cause {
        AlertCause::ContactLost => Severity::Warning,
        AlertCause::AuthFailed
        | AlertCause::NotTrusted
        | AlertCause::PasswordIndeterminate
        | AlertCause::FenceRefused
        | AlertCause::FenceBroken
        | AlertCause::NeedsHuman => Severity::Critical,
    }
}

#[cfg(test)]
mod tests;
