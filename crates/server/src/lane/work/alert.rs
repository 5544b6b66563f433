//! Alerts of the host: numbered, and stored together with what they tell of.

use ironhand_api::EventKind;
use ironhand_model::{AlertChange, AlertStep};
use ironhand_store::{EventDraft, StoreError};

use super::Lane;

impl Lane {
    /// Takes in what happened to alerts; it is stored with whatever is stored next.
    pub(super) fn alert_changes(&mut self, changes: impl IntoIterator<Item = AlertChange>) {
        self.news.extend(changes);
    }

    /// Gives new alerts their numbers, and puts what happened into the journal.
    pub(super) async fn number_alerts(&mut self) -> Result<(), StoreError> {
        while let Some(change) = self.news.first() {
            if change.step == AlertStep::Opened {
                let id = self.tools.store.next_alert_id().await?;
                self.alerts.number(change.cause, id);
            }
            let change = self.news.remove(0);
            let Some(alert) = self.alerts.alert(&self.name, &change) else { continue };
            let kind = match change.step {
                AlertStep::Opened => EventKind::AlertOpened,
                AlertStep::Repeated => EventKind::AlertRepeated,
                AlertStep::Cleared => EventKind::AlertCleared,
            };
            let event = EventDraft::new(kind, change.severity, change.message);
            self.journal.event(EventDraft { alert: Some(alert.id), ..event });
            self.journal.alert(alert);
        }
        Ok(())
    }
}
