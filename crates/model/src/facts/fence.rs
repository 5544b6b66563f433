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

    /// What a person should know whose power action ends the fencing.
    pub fn fence_warning(&self, action: PowerAction) -> Option<String> {
        let fenced = self.fenced.as_ref().map(|fact| fact.since).filter(|_| wants_power(action))?;
        Some(format!(
            "the host was fenced at {fenced}: whoever took over its work may still hold it; the fence is over"
        ))
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
        let why = || format!("power {} was asked for by {source}", action.as_str());
        wants_power(action).then(|| self.lift_fence(at, &why())).flatten()
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

/// Whether the host is to have power after this action.
const fn wants_power(action: PowerAction) -> bool {
    match action {
        PowerAction::On | PowerAction::Cycle | PowerAction::Reset => true,
        PowerAction::Off | PowerAction::Soft | PowerAction::Nmi => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Observation;

    #[test]
    fn who_gives_power_to_a_fenced_host_is_warned() {
        let now = Timestamp::from_millis(1_772_331_247_120);
        let mut facts = HostFacts::new();
        let check = |facts: &HostFacts, wanted: [bool; 6]| {
            use PowerAction::{Cycle, Nmi, Off, On, Reset, Soft};
            let warned = [On, Cycle, Reset, Off, Soft, Nmi].map(|action| facts.fence_warning(action));
            assert_eq!(warned.each_ref().map(Option::is_some), wanted);
            let words = format!("the host was fenced at {now}: ");
            assert!(warned.iter().flatten().all(|warning| warning.starts_with(&words)), "{warned:?}");
        };
        check(&facts, [false; 6]);
        facts.observe(now, "ipmi", Observation::Fenced { detail: "off was read twice".to_owned() });
        check(&facts, [true, true, true, false, false, false]);
        facts.observe(now, "ipmi", Observation::FenceLifted);
        check(&facts, [false; 6]);
    }
}
