//! What a decision is made from, and what of it says nothing now.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{
    Flow, Incident, Name, PictureDigest, PowerState, Reach, Run, Settings, Step, Timestamp, Verdict,
};

use crate::facts::in_words;
use crate::{CheckSeen, Find, HostFacts, Known, Sight, verdict};

/// What a decision is made from.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The host.
    pub host: &'a Name,
    /// What is believed of it.
    pub facts: &'a HostFacts,
    /// The last reading of its screen.
    pub screen: Option<ScreenView<'a>>,
    /// The flows that select the host, in any order.
    pub flows: &'a [Arc<Flow>],
    /// Why nothing is done without a person for now, where somebody said so.
    pub hold: Option<&'a str>,
    /// Until when nothing begins since the hours are quiet, but for flows that may; none where they are not.
    pub quiet_until: Option<Timestamp>,
    /// Whether what flows would do is only told.
    pub observes: bool,
    /// How long it is waited before the host counts as unwell, or a person is asked.
    pub patience: Patience,
    /// Asks whether a run may begin.
    pub permit: Permit<'a>,
    /// Fills in the templates of a step that begins.
    pub fill: Fill<'a>,
}

/// How long it is waited for a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long it may take to boot: a check that fails meanwhile is no sign of illness.
    pub boot: Duration,
    /// How long an open incident may show what no flow recognises; then a person is asked.
    pub ask: Duration,
}

impl From<&Settings> for Patience {
    fn from(settings: &Settings) -> Self {
        Self { boot: settings.boot_time, ask: settings.ask_after }
    }
}

/// Fills in the templates of a step, for a run of an incident: nothing where the step has none, else why they give no
/// text.
pub type Fill<'a> = &'a dyn Fn(&Step, &Run, &Incident) -> Result<Option<Step>, String>;

/// Asks whether a run of a flow may begin on one more host, whose incident opened at that time, and counts it where it may;
/// else why not, and when to ask again.
pub type Permit<'a> = &'a dyn Fn(&Flow, Timestamp) -> Result<(), (String, Timestamp)>;

/// What is new since the last decision, and may be acted on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fresh {
    /// The screen was read again, reliably.
    pub(super) reading: bool,
    /// It was looked again how the host is.
    pub(super) look: bool,
}

impl Fresh {
    /// Whether what `flow` begins on was seen again.
    pub(super) fn is_for(self, flow: &Flow) -> bool {
        if flow.spec.when.needs_screen() { self.reading } else { self.look }
    }
}

/// A reading of the screen.
#[derive(Clone, Copy)]
pub struct ScreenView<'a> {
    /// Differs from one reading to the next; a reading that was seen before is not counted again.
    pub seq: u64,
    /// When the picture was taken.
    pub read_at: Timestamp,
    /// Whether the reading may be acted on.
    pub reliable: bool,
    /// The picture.
    pub picture: Option<&'a PictureDigest>,
    /// The text that was read.
    pub text: &'a str,
    /// What each of the flows says of it.
    pub verdicts: &'a [Verdict],
    /// Looks for the pattern of a `waitFor` or `verify` on it.
    pub find: Find<'a>,
}

impl<'a> View<'a> {
    pub(super) fn flow(&self, name: &Name) -> Option<&'a Arc<Flow>> {
        self.flows.iter().find(|flow| flow.metadata.name == *name)
    }

    /// What `flow` says of the last reading, or of the host where it begins without one.
    pub(super) fn verdict(&self, flow: &Flow) -> Option<Cow<'a, Verdict>> {
        if !flow.spec.when.needs_screen() {
            let mut verdict = verdict(flow, &self.sight_of_signs());
            // A host that somebody has switched off fails all checks, and so does one that boots.
            let condition = &flow.spec.when.condition;
            let off = obstacle_to_host(self.facts).filter(|_| !condition.minds_power_off());
            if let Some(reason) = off.or_else(|| self.boots().filter(|_| condition.minds_checks())) {
                (verdict.applies, verdict.reason) = (false, reason);
            }
            return Some(Cow::Owned(verdict));
        }
        self.screen?.verdicts.iter().find(|verdict| verdict.flow == flow.metadata.name).map(Cow::Borrowed)
    }

    /// Whether `flow` recognises the last reading, firmly or not.
    pub(super) fn still_applies(&self, flow: &Flow) -> bool {
        self.verdict(flow).is_some_and(|verdict| verdict.applies)
    }

    /// That it may be booting still, as far as it was looked at.
    fn boots(&self) -> Option<String> {
        let ready_at = self.facts.started_at()?.after(self.patience.boot);
        let boots = self.facts.power() == PowerState::On && self.facts.looked_at()? < ready_at;
        boots.then(|| format!("the host was started, and may take {} to boot", in_words(self.patience.boot)))
    }

    /// What is known of the host beside its screen; of that only what says something now.
    fn sight_of_signs(&self) -> Sight<'a> {
        match obstacle_to_reading(self.facts) {
            Some(_) => View { screen: None, ..*self }.sight_now(),
            None => self.sight_now(),
        }
    }
}

/// After when what is seen of a host counts.
#[derive(Clone, Copy)]
pub(super) struct Since {
    /// Everything but what follows.
    pub(super) seen: Timestamp,
    /// Lines of the serial console.
    pub(super) heard: Timestamp,
}

impl From<Timestamp> for Since {
    fn from(at: Timestamp) -> Self {
        Self { seen: at, heard: at }
    }
}

impl<'a> View<'a> {
    /// What was seen of the host last, whenever that was.
    pub(super) fn sight_now(&self) -> Sight<'a> {
        self.sight(Timestamp::from_millis(0).into())
    }

    /// What was seen of the host after `since`.
    pub(super) fn sight(&self, Since { seen: since, heard }: Since) -> Sight<'a> {
        let screen: Known<ScreenView<'a>> = match self.screen {
            None => Err("the screen was not read since".to_owned()),
            Some(screen) if screen.read_at <= since => Err("the screen was not read since".to_owned()),
            Some(screen) if !screen.reliable => Err("the screen cannot be read with certainty".to_owned()),
            Some(screen) => Ok(screen),
        };
        let of_screen = Sight::of(self.facts, &|_| None);
        let seen = screen.as_ref().map(|_| ()).map_err(Clone::clone);
        let answers = self.facts.reach().is_some_and(|fact| fact.value == Reach::Ok);
        let power = self.facts.power_fact().filter(|fact| answers && fact.observed_at > since);
        let reach = self.facts.reach().filter(|fact| fact.observed_at > since);
        let seen_since = |check: CheckSeen| CheckSeen {
            state: check.state.filter(|_| check.at.is_some_and(|at| at > since)),
            ..check
        };
        Sight {
            find: screen.map(|screen| screen.find),
            kind: seen.clone().and(of_screen.kind),
            unchanged_for: seen.and(of_screen.unchanged_for),
            power: power
                .map(|fact| fact.value)
                .ok_or_else(|| "the power state was not seen since".to_owned()),
            reach: reach
                .map(|fact| fact.value)
                .ok_or_else(|| "the management controller was not reached since".to_owned()),
            power_for: of_screen.power_for,
            reach_for: of_screen.reach_for,
            checks: of_screen.checks.into_iter().map(seen_since).collect(),
            events: of_screen.events.into_iter().filter(|(event, _)| event.at > since).collect(),
            watched: of_screen.watched,
            // Its record is kept here: whenever it came to that, it is so now.
            deployment: of_screen.deployment,
            serial: of_screen
                .serial
                .map(|lines| lines.into_iter().filter(|(line, _)| line.at > heard).collect()),
        }
    }
}

/// Why the host belongs to people for now: it is watched at most, a run ends, and none begins.
pub(super) fn reserved(facts: &HostFacts) -> Option<&'static str> {
    if !facts.management().is_enabled() {
        Some("the host is not managed")
    } else if facts.maintenance().is_some() {
        Some("the host is in maintenance")
    } else if facts.fenced().is_some() {
        // Its work may have been started elsewhere on the strength of that.
        Some("the host is fenced")
    } else if facts.fence_broken().is_some() {
        Some("the host was fenced and has power, and nobody has said what it is to be")
    } else {
        None
    }
}

/// Why nothing that is seen of the host says how it fares.
pub(super) fn obstacle_to_host(facts: &HostFacts) -> Option<String> {
    if let Some(reason) = reserved(facts) {
        return Some(reason.to_owned());
    }
    match facts.power() {
        state @ (PowerState::Off | PowerState::TurningOff | PowerState::TurningOn) => {
            Some(format!("the host is {state}"))
        }
        PowerState::On | PowerState::Unknown => None,
    }
}

/// Why what the screen shows says nothing of the host now.
pub(super) fn obstacle_to_reading(facts: &HostFacts) -> Option<String> {
    if let Some(reason) = obstacle_to_host(facts) {
        return Some(reason);
    }
    match facts.screen_reach() {
        None => Some("the screen was not seen yet".to_owned()),
        Some(fact) if fact.value == Reach::Ok => None,
        Some(fact) => Some(format!("the screen cannot be seen: {}", fact.value)),
    }
}

/// Why `step` cannot be done now.
pub(super) fn obstacle_to_step(facts: &HostFacts, step: &Step) -> Option<String> {
    match step {
        Step::Keys(_) | Step::Snapshot(_) => obstacle_to_reading(facts),
        Step::Power(_) | Step::BootDevice(_) | Step::IpmiRaw(_) => match (reserved(facts), facts.reach()) {
            (Some(reason), _) => Some(reason.to_owned()),
            (None, None) => Some("the management controller was not reached yet".to_owned()),
            (None, Some(fact)) if fact.value == Reach::Ok => None,
            (None, Some(fact)) => Some(format!("the management controller cannot be used: {}", fact.value)),
        },
        // What stands within them is looked at when it is begun.
        Step::WaitFor(_)
        | Step::Sleep(_)
        | Step::Choose(_)
        | Step::Repeat(_)
        | Step::Call(_)
        | Step::Approve(_) => None,
        // They go past the host's own devices, or through one whose state nobody knows before.
        Step::Http(_) | Step::Notify(_) | Step::Serial(_) | Step::Ssh(_) | Step::Deploy(_) => {
            reserved(facts).map(str::to_owned)
        }
    }
}
