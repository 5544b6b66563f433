//! What is believed of a host, and how each observation changes it.
//!
//! The facts are separate: a controller that answers says nothing of the screen, a lost controller says nothing of the
//! power. Each change is told once, so an outage is one event however often it is observed.

mod checks;
mod deployment;
mod events;
mod fence;
mod serial;
mod ways;

use std::collections::BTreeMap;
use std::time::Duration;

use ironhand_api::{
    CheckState, EventKind, Fact, Health, HostHardware, HostStatus, Icon, Management, PictureDigest,
    PowerAction, PowerState, Reach, Said, ScreenKind, ScreenStatus, Severity, Span, Timestamp,
};
use serde::{Deserialize, Serialize};

use checks::CheckFacts;
pub use checks::CheckSeen;
pub(crate) use checks::Illness;
pub use deployment::DeploymentSeen;
use events::EventFacts;
pub use events::EventSeen;
pub use serial::SerialLine;

/// One thing seen of a host, or asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// The power state that the management controller reported; it also shows that the controller answers.
    Power(PowerState),
    /// A power action was accepted: it is awaited until it is seen, or until the time given here.
    PowerAsked {
        /// What was asked for.
        action: PowerAction,
        /// When waiting for it ends; see [`power_deadline`].
        until: Timestamp,
    },
    /// How the management controller was reached, with the failure in words.
    Reach(Reach, Option<String>),
    /// The same for one of several connectors, whether or not another one made up for it.
    Way(Reach, Option<String>),
    /// Over which of its addresses a device with several is spoken to.
    Path {
        /// The address.
        address: String,
        /// Why it is not the first of them; none where it is.
        detail: Option<String>,
    },
    /// The same as [`Observation::Reach`] for the screen.
    ScreenReach(Reach, Option<String>),
    /// The same for a connector that may show the screen beside its work: nothing is lost that was never seen there.
    ScreenBeside(Reach, Option<String>),
    /// The device of the only connector that might show the screen has none to show.
    NoScreen,
    /// A reading of the screen; it also shows that the screen can be reached.
    Screen {
        /// What it shows.
        kind: ScreenKind,
        /// The last line that is not blank.
        headline: String,
        /// Whether the reading may be acted on.
        reliable: bool,
        /// Equal for equal screens.
        text_hash: u64,
    },
    /// What a check of the host itself came to, by its name.
    Check {
        /// What conditions call it.
        name: String,
        /// What it came to.
        state: CheckState,
        /// Why, where it did not pass.
        detail: Option<String>,
    },
    /// A heartbeat of the host arrived, and it is genuine.
    Heartbeat,
    /// Whether the host is managed, and why not.
    Management(Management, Option<String>),
    /// Somebody began work on the host, or ended it.
    Maintenance(Said),
    /// It was proven that the host is without power; a [fencing](crate::judge_fence) alone may say so.
    Fenced {
        /// What proves it, in words.
        detail: String,
    },
    /// A person wants the host to count as fenced no longer.
    FenceLifted,
}

/// A change of a fact: one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What kind of event it is.
    pub kind: EventKind,
    /// How much it matters to a person.
    pub severity: Severity,
    /// What changed, in words that an operator understands.
    pub message: String,
}

impl Change {
    fn new(kind: EventKind, severity: Severity, message: String) -> Self {
        Self { kind, severity, message }
    }
}

/// How long a power action is awaited where nobody said otherwise: an orderly shutdown takes minutes, everything else
/// is the work of the management controller alone.
pub const fn power_deadline(action: PowerAction) -> Duration {
    match action {
        PowerAction::Soft => Duration::from_secs(300),
        PowerAction::On | PowerAction::Off | PowerAction::Cycle | PowerAction::Reset | PowerAction::Nmi => {
            Duration::from_secs(60)
        }
    }
}

/// Everything observed of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HostFacts {
    power: Option<Fact<PowerState>>,
    reach: Option<Fact<Reach>>,
    screen_reach: Option<Fact<Reach>>,
    /// Not `management`: earlier releases kept another type under that name.
    managed: Option<Fact<Management>>,
    maintenance: Option<Said>,
    fenced: Option<Fact<bool>>,
    fence_broken: Option<Fact<PowerState>>,
    power_wanted: Option<Timestamp>,
    screen: Option<ScreenStatus>,
    /// The last state that was seen, where `power` tells what is awaited.
    seen: PowerState,
    asked: Option<Asked>,
    /// Until when a cycle may still take the power away: many controllers show the host on for a while after they
    /// accepted one.
    cycling: Option<Timestamp>,
    standing: Option<Standing>,
    /// By the names of the connectors.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    ways: BTreeMap<String, Fact<Reach>>,
    /// The addresses in use of devices with several, by the names of the connectors.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    paths: BTreeMap<String, Fact<String>>,
    #[serde(skip_serializing_if = "CheckFacts::is_empty")]
    checks: CheckFacts,
    #[serde(skip_serializing_if = "EventFacts::is_empty")]
    events: EventFacts,
    #[serde(skip)]
    serial: Option<Vec<SerialLine>>,
    /// None before it was looked up.
    #[serde(skip)]
    deployment: Option<Option<DeploymentSeen>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hardware: Option<HostHardware>,
    /// When the host was last started, or given back by whoever worked on it: it may be booting since.
    started: Option<Timestamp>,
}

/// A power action that was accepted and is not yet seen to be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    action: PowerAction,
    at: Timestamp,
    until: Timestamp,
}

/// The screen of the last reading, and whether it was told as an event. Only a screen that stands still is told:
/// otherwise each line of a booting kernel would be an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Standing {
    hash: u64,
    told: Option<u64>,
    /// Since when it was seen so; none where an earlier release saw it.
    #[serde(default)]
    since: Option<Timestamp>,
}

impl HostFacts {
    /// A host of which nothing was observed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The power state, as last believed; its age and [`reach`](Self::reach) tell what it is worth.
    pub fn power(&self) -> PowerState {
        self.power.as_ref().map_or(PowerState::Unknown, |fact| fact.value)
    }

    /// The power state with its time and source; none before the first observation.
    pub fn power_fact(&self) -> Option<&Fact<PowerState>> {
        self.power.as_ref()
    }

    /// Whether the management controller answers; none before the first attempt.
    pub fn reach(&self) -> Option<&Fact<Reach>> {
        self.reach.as_ref()
    }

    /// When it was last looked how the host is: its controller was asked, or, where it has none that tells, a check was made.
    pub(crate) fn looked_at(&self) -> Option<Timestamp> {
        let asked = self.reach.as_ref().map(|fact| fact.observed_at);
        asked.or_else(|| self.checked_at())
    }

    /// When the host was last started, as far as it was seen: it may be booting since.
    pub(crate) const fn started_at(&self) -> Option<Timestamp> {
        self.started
    }

    /// Whether the screen can be seen; none before the first attempt.
    pub fn screen_reach(&self) -> Option<&Fact<Reach>> {
        self.screen_reach.as_ref()
    }

    /// Whether the host is managed; enabled before it was told.
    pub fn management(&self) -> Management {
        self.managed.as_ref().map_or(Management::Enabled, |fact| fact.value)
    }

    /// Whether the host is managed, since when, and where that was said.
    pub fn management_fact(&self) -> Option<&Fact<Management>> {
        self.managed.as_ref()
    }

    /// That somebody works on the host.
    pub fn maintenance(&self) -> Option<&Said> {
        self.maintenance.as_ref()
    }

    /// What the host is, where its inventory was read.
    pub fn hardware(&self) -> Option<&HostHardware> {
        self.hardware.as_ref()
    }

    /// Takes in what the host is.
    pub fn know_hardware(&mut self, hardware: HostHardware) {
        self.hardware = Some(hardware);
    }

    /// The last reading of the screen.
    pub fn screen(&self) -> Option<&ScreenStatus> {
        self.screen.as_ref()
    }

    /// For how long the screen has shown the same text, as far as it was looked at; none before the first reading.
    pub fn screen_unchanged_for(&self) -> Option<Duration> {
        let since = self.standing?.since?;
        Some(self.screen.as_ref()?.read_at.since(since))
    }

    /// The state that people see at a glance. While a power action is awaited it stays what was last seen: a host
    /// that was told to power off is not off.
    pub fn icon(&self) -> Icon {
        match (self.management().is_enabled(), self.answers(), self.seen) {
            (false, ..) => Icon::Disabled,
            (_, true, PowerState::On) => Icon::On,
            (_, true, PowerState::Off) => Icon::Off,
            _ => Icon::Unknown,
        }
    }

    /// The facts as the API shows them, beside what the caller knows of the host's recovery.
    pub fn status(
        &self,
        health: Health,
        incident: Option<u64>,
        picture: Option<PictureDigest>,
    ) -> HostStatus {
        HostStatus {
            power: self.power.clone(),
            reach: self.reach.clone(),
            screen_reach: self.screen_reach.clone(),
            management: self.managed.clone(),
            maintenance: self.maintenance.clone(),
            fenced: self.fenced.clone(),
            alerts: Vec::new(),
            owner: None,
            ways: Vec::new(),
            screens: Vec::new(),
            console: None,
            checks: self.check_statuses(),
            hardware: self.hardware.clone(),
            icon: self.icon(),
            screen: self.screen.clone(),
            health: if health == Health::Well && self.is_blind() { Health::Unknown } else { health },
            incident,
            picture,
        }
    }

    /// Whether the controller or the screen was never reached, or cannot be reached now.
    fn is_blind(&self) -> bool {
        let reached = |fact: &Option<Fact<Reach>>| fact.as_ref().is_some_and(|fact| fact.value == Reach::Ok);
        !reached(&self.reach) || self.screen_reach.is_some() && !reached(&self.screen_reach)
    }

    /// Takes in what was seen at `at` through `source` (a connector like `ipmi 10.0.7.12`; for a power action, who
    /// asked). Returns what changed by it, in order; nothing where it confirms what is believed.
    pub fn observe(&mut self, at: Timestamp, source: &str, observation: Observation) -> Vec<Change> {
        let mut changes = Vec::new();
        match observation {
            Observation::Power(state) => {
                if state == PowerState::On && self.seen == PowerState::Off {
                    self.started = Some(at);
                }
                changes.extend(self.see_reach(at, source, Reach::Ok, None));
                changes.extend(self.see_power(at, source, state));
                changes.extend(self.fence_meets_power(at, source, state));
            }
            Observation::PowerAsked { action, until } => {
                self.started = Some(at);
                changes.extend(self.fence_meets_request(at, source, action));
                changes.extend(self.await_power(source, Asked { action, at, until }));
            }
            Observation::Reach(reach, detail) => {
                changes.extend(self.see_reach(at, source, reach, detail));
            }
            Observation::Way(reach, detail) => {
                changes.extend(self.see_way(at, source, reach, detail));
            }
            Observation::Path { address, detail } => {
                changes.extend(self.see_path(at, source, address, detail));
            }
            Observation::ScreenReach(reach, detail) => {
                changes.extend(Contact::Screen.see(&mut self.screen_reach, at, source, reach, detail));
            }
            Observation::ScreenBeside(reach, detail) => {
                let seen_there = self.screen_reach.as_ref().is_some_and(|fact| fact.source == source);
                if seen_there {
                    changes.extend(Contact::Screen.see(&mut self.screen_reach, at, source, reach, detail));
                }
            }
            Observation::NoScreen => self.screen_reach = None,
            Observation::Screen { kind, headline, reliable, text_hash } => {
                changes.extend(Contact::Screen.see(&mut self.screen_reach, at, source, Reach::Ok, None));
                self.screen = Some(ScreenStatus { read_at: at, kind, headline, reliable });
                changes.extend(self.see_screen(at, text_hash));
            }
            Observation::Management(management, detail) => {
                changes.extend(self.manage(at, source, management, detail));
            }
            Observation::Maintenance(said) => {
                if self.maintenance.is_some() && !said.on {
                    self.started = Some(at);
                }
                changes.extend(self.maintain(source, said));
            }
            Observation::Heartbeat => changes.extend(self.see_heartbeat(at, source)),
            Observation::Check { name, state, detail } => {
                changes.extend(self.see_check(at, source, &name, state, detail));
            }
            Observation::Fenced { detail } => changes.extend(self.fence(at, source, detail)),
            Observation::FenceLifted => {
                changes.extend(self.lift_fence(at, &format!("{source} lifted the fence")))
            }
        }
        changes
    }

    /// Ends the wait for a power action whose deadline has passed: the state is again what was last seen. Takes in which
    /// heartbeats are late. Extra calls are harmless.
    pub fn wake(&mut self, now: Timestamp) -> Vec<Change> {
        let mut changes = self.miss_heartbeats(now);
        changes.extend(self.give_up_power(now));
        changes
    }

    fn give_up_power(&mut self, now: Timestamp) -> Option<Change> {
        let asked = self.asked.filter(|asked| asked.until <= now)?;
        self.asked = None;
        let seen = self.seen;
        if let Some(fact) = &mut self.power {
            fact.value = seen;
            fact.since = now;
        }
        let waited = in_words(asked.until.since(asked.at));
        let message = match seen {
            PowerState::Unknown => format!(
                "power {} was asked for and not seen to come true within {waited}",
                asked.action.as_str()
            ),
            _ => {
                format!("power is still {seen}, {waited} after power {} was asked for", asked.action.as_str())
            }
        };
        Some(Change::new(EventKind::PowerChanged, Severity::Warning, message))
    }

    /// When [`wake`](Self::wake) has something to do.
    pub fn next_wake(&self) -> Option<Timestamp> {
        let power = self.asked.map(|asked| asked.until);
        power.into_iter().chain(self.heartbeat_due()).min()
    }

    fn answers(&self) -> bool {
        self.reach.as_ref().is_some_and(|fact| fact.value == Reach::Ok)
    }

    fn see_reach(
        &mut self,
        at: Timestamp,
        source: &str,
        reach: Reach,
        detail: Option<String>,
    ) -> Option<Change> {
        Contact::Controller.see(&mut self.reach, at, source, reach, detail)
    }

    fn see_power(&mut self, at: Timestamp, source: &str, state: PowerState) -> Option<Change> {
        let before = self.power();
        let first = self.power.is_none();
        if !matches!(state, PowerState::TurningOn | PowerState::TurningOff) {
            self.seen = state;
        }
        self.cycling = self.cycling.filter(|until| *until > at);
        let cycling = self.cycling.is_some();
        if let Some(asked) = self.asked {
            if state == PowerState::Off {
                self.cycling = None;
            }
            if state != asked.action.wanted() {
                // Not yet there: the deadline, not the next reading, ends the wait.
                if let Some(fact) = &mut self.power {
                    fact.observed_at = at;
                    source.clone_into(&mut fact.source);
                }
                return None;
            }
            self.asked = None;
            set(&mut self.power, at, source, state, None);
            let message = if self.cycling.is_some() {
                format!("power is {state}; the cycle has not been seen to take it away yet")
            } else {
                format!("power is {state}, as asked")
            };
            return Some(Change::new(EventKind::PowerChanged, Severity::Info, message));
        }
        set(&mut self.power, at, source, state, None);
        if state == before && !first {
            return None;
        }
        let (severity, message) = match (first, before, state) {
            (false, _, PowerState::Unknown) => {
                (Severity::Warning, "the management controller no longer knows the power state".to_owned())
            }
            (true, _, PowerState::Unknown) => {
                (Severity::Warning, "the management controller does not know the power state".to_owned())
            }
            (false, PowerState::On, PowerState::Off) if cycling => {
                (Severity::Info, "power is off, as the cycle wants it for a moment".to_owned())
            }
            (false, PowerState::Off, PowerState::On) if cycling => {
                self.cycling = None;
                (Severity::Info, "power is on again, as asked".to_owned())
            }
            (false, PowerState::On | PowerState::TurningOn, PowerState::Off) => {
                (Severity::Warning, "power went off, and nobody asked for it here".to_owned())
            }
            (false, PowerState::Off, PowerState::On) => {
                (Severity::Info, "power came on, and nobody asked for it here".to_owned())
            }
            _ => (Severity::Info, format!("power is {state}")),
        };
        Some(Change::new(EventKind::PowerChanged, severity, message))
    }

    fn await_power(&mut self, source: &str, asked: Asked) -> Option<Change> {
        let (awaited, nothing_to_do) = match asked.action {
            PowerAction::On => (PowerState::TurningOn, Some(PowerState::On)),
            PowerAction::Cycle => (PowerState::TurningOn, None),
            PowerAction::Off | PowerAction::Soft => (PowerState::TurningOff, Some(PowerState::Off)),
            PowerAction::Reset | PowerAction::Nmi => return None,
        };
        let seen = Some(self.seen).filter(|_| self.answers() && self.asked.is_none());
        if seen.is_some() && seen == nothing_to_do {
            return None;
        }
        let before = self.power();
        self.cycling = (asked.action == PowerAction::Cycle).then_some(asked.until);
        self.asked = Some(asked);
        set(&mut self.power, asked.at, source, awaited, None);
        (before != awaited).then(|| {
            let message = format!("power is {awaited}: {} was asked for by {source}", asked.action.as_str());
            Change::new(EventKind::PowerChanged, Severity::Info, message)
        })
    }

    fn see_screen(&mut self, at: Timestamp, hash: u64) -> Option<Change> {
        let last = self.standing;
        let told = last.and_then(|standing| standing.told);
        let stands = last.is_some_and(|standing| standing.hash == hash);
        let tell = stands && told != Some(hash);
        let since = last.filter(|_| stands).and_then(|standing| standing.since).or(Some(at));
        self.standing = Some(Standing { hash, told: if tell { Some(hash) } else { told }, since });
        let screen = self.screen.as_ref().filter(|_| tell)?;
        let message = match screen.kind {
            ScreenKind::Blank => "the screen is blank".to_owned(),
            ScreenKind::Graphics => "the screen shows graphics".to_owned(),
            ScreenKind::Text if screen.reliable => format!("the screen shows `{}`", screen.headline.trim()),
            ScreenKind::Text => "the screen shows text that cannot be read with certainty".to_owned(),
        };
        Some(Change::new(EventKind::ScreenChanged, Severity::Info, message))
    }

    fn manage(
        &mut self,
        at: Timestamp,
        source: &str,
        management: Management,
        detail: Option<String>,
    ) -> Option<Change> {
        let before = self.management();
        set(&mut self.managed, at, source, management, detail);
        if management == before {
            return None;
        }
        // Nothing is observed while a host is not managed, so contact is not known when it is managed again.
        self.reach = None;
        self.screen_reach = None;
        let message = if management.is_enabled() {
            "the host is managed: it is watched and repaired".to_owned()
        } else {
            format!("management is {management}: the host is neither watched nor repaired")
        };
        Some(Change::new(EventKind::ManagementChanged, Severity::Info, message))
    }

    fn maintain(&mut self, source: &str, said: Said) -> Option<Change> {
        let before = self.maintenance.take();
        let on = said.on;
        let reason = said.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        self.maintenance = on.then_some(said);
        if before.is_some() == on {
            return None;
        }
        let message = if on {
            format!("maintenance was begun by {source}{reason}; the host is watched and not repaired")
        } else {
            format!("maintenance was ended by {source}{reason}")
        };
        Some(Change::new(EventKind::MaintenanceChanged, Severity::Info, message))
    }
}

/// Takes a value as observed; `since` moves only when the value does.
fn set<T: PartialEq>(
    fact: &mut Option<Fact<T>>,
    at: Timestamp,
    source: &str,
    value: T,
    detail: Option<String>,
) {
    let since = match fact {
        Some(known) if known.value == value => known.since,
        _ => at,
    };
    *fact = Some(Fact { value, observed_at: at, since, source: source.to_owned(), detail });
}

/// What is reached or not.
#[derive(Clone, Copy)]
enum Contact {
    Controller,
    Screen,
}

impl Contact {
    fn see(
        self,
        fact: &mut Option<Fact<Reach>>,
        at: Timestamp,
        source: &str,
        reach: Reach,
        detail: Option<String>,
    ) -> Option<Change> {
        let before = fact.as_ref().map(|known| (known.value, known.since));
        let through = fact.as_ref().map(|known| known.source.clone()).filter(|through| through != source);
        set(fact, at, source, reach, detail);
        let detail = fact.as_ref().and_then(|known| known.detail.as_deref());
        let message = match before {
            Some((Reach::Ok, _)) if reach == Reach::Ok => match (self, through) {
                (Self::Screen, Some(through)) => {
                    format!("the screen is seen through {source}, no longer {through}")
                }
                _ => return None,
            },
            Some((value, _)) if value == reach => return None,
            Some((value, since)) if reach == Reach::Ok => {
                let lost = in_words(at.since(since));
                format!("{} again, after {lost} ({value})", self.words(Reach::Ok))
            }
            _ => match detail {
                Some(detail) => format!("{} ({source}): {detail}", self.words(reach)),
                None => format!("{} ({source})", self.words(reach)),
            },
        };
        let severity = match reach {
            Reach::Ok | Reach::Throttled => Severity::Info,
            Reach::Unreachable | Reach::ProtocolError => Severity::Warning,
            Reach::AuthFailed | Reach::NotTrusted => Severity::Critical,
        };
        let kind = match self {
            Self::Controller => EventKind::ReachChanged,
            Self::Screen => EventKind::ScreenReachChanged,
        };
        Some(Change::new(kind, severity, message))
    }

    const fn words(self, reach: Reach) -> &'static str {
        match (self, reach) {
            (Self::Controller, Reach::Ok) => "the management controller answers",
            (Self::Controller, Reach::Unreachable) => "the management controller does not answer",
            (Self::Controller, Reach::AuthFailed) => {
                "the management controller refuses the user name or password"
            }
            (Self::Controller, Reach::ProtocolError) => {
                "the management controller answers with something that is not its protocol"
            }
            (Self::Controller, Reach::NotTrusted) => {
                "the management controller does not prove that it is the one that was meant"
            }
            (Self::Controller, Reach::Throttled) => "the management controller is busy or out of sessions",
            (Self::Screen, Reach::Ok) => "the screen can be seen",
            (Self::Screen, Reach::Unreachable) => "the screen cannot be reached",
            (Self::Screen, Reach::AuthFailed) => "the screen refuses the password",
            (Self::Screen, Reach::ProtocolError) => {
                "the screen answers with something that is not its protocol"
            }
            (Self::Screen, Reach::NotTrusted) => {
                "the screen does not prove that it is the one that was meant"
            }
            (Self::Screen, Reach::Throttled) => "the screen is busy or out of sessions",
        }
    }
}

/// A length of time in whole seconds, as people say it.
pub(crate) fn in_words(length: Duration) -> Span {
    Span::from_secs(length.as_secs())
}

#[cfg(test)]
mod tests;
