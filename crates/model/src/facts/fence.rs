//! That a host is proven to be without power, and what ends that.

use ironhand_api::{EventKind, Fact, PowerAction, PowerState, Severity, Timestamp};

use super::{Change, HostFacts, set};

impl HostFacts {
    /// That the host is proven to be without power, since when and by what: from a fencing until power is seen, or
    /// wanted, again.
    pub fn fenced(&self) -> Option<&Fact<bool>> {
        self.fenced.as_ref()
    }

    /// That the host had power after it was fenced, and nobody here had asked for it: until it is fenced again, or a
    /// person says by lifting the fence or by using the power button what the host is to be. That it is seen off for a
    /// moment ends nothing: its work may run in two places.
    pub fn fence_broken(&self) -> Option<&Fact<PowerState>> {
        self.fence_broken.as_ref()
    }

    /// When a person last said that the host is to have power: by lifting a fence, or by the power button.
    pub fn power_wanted(&self) -> Option<Timestamp> {
        self.power_wanted
    }

    pub(super) fn fence(&mut self, at: Timestamp, source: &str, detail: String) -> Option<Change> {
        let before = self.fenced.is_some();
        self.fence_broken = None;
        let message = format!("the host is proven to be without power: {detail}");
        set(&mut self.fenced, at, source, true, Some(detail));
        (!before).then(|| Change::new(EventKind::FenceChanged, Severity::Info, message))
    }

    pub(super) fn lift_fence(&mut self, at: Timestamp, why: &str) -> Option<Change> {
        self.power_wanted = Some(at);
        let fenced = self.fenced.take().is_some();
        let broken = self.fence_broken.take().is_some();
        let message = format!("the host is fenced no longer: {why}");
        (fenced || broken).then(|| Change::new(EventKind::FenceChanged, Severity::Info, message))
    }

    /// A power action that was accepted: one that wants power ends the fencing.
    pub(super) fn fence_meets_request(
        &mut self,
        at: Timestamp,
        source: &str,
        action: PowerAction,
    ) -> Option<Change> {
        match action {
            PowerAction::On | PowerAction::Cycle | PowerAction::Reset => {
                self.lift_fence(at, &format!("power {} was asked for by {source}", action.as_str()))
            }
            PowerAction::Off | PowerAction::Soft | PowerAction::Nmi => None,
        }
    }

    /// A power state that was read: a host that is powering off still has power.
    pub(super) fn fence_meets_power(
        &mut self,
        at: Timestamp,
        source: &str,
        state: PowerState,
    ) -> Option<Change> {
        if matches!(state, PowerState::Off | PowerState::Unknown) {
            return None;
        }
        self.fenced.take()?;
        let message =
            format!("the host was fenced and has power: it is seen {state}, and nobody asked for it here");
        set(&mut self.fence_broken, at, source, state, Some(message.clone()));
        Some(Change::new(EventKind::FenceChanged, Severity::Critical, message))
    }
}
