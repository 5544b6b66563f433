//! Under which terms a lane works: whether its host is managed, and by which settings.

use std::time::{Duration, Instant};

use ironhand_api::{Capability, Connector, EventKind, Management, PowerAction, Said, Settings, Work};
use ironhand_model::{Observation, Terms, Wanted};

use super::Lane;
use super::act::Purpose;
use crate::clock;
use crate::device::DeviceError;
use crate::lane::line::power_actions;
use crate::lane::{Action, ActionFailure, Ports};
use crate::screen::View;

/// A host that comes under management is read within this time; a zone full of them not all at the same moment.
const FIRST_READING: Duration = Duration::from_millis(300);

impl Lane {
    /// Takes up the terms under which the host is worked on now.
    pub(super) fn govern(&mut self, ports: &Ports) {
        let terms = self.site.borrow_and_update().terms(&self.host);
        self.take_up(&terms);
        let before = std::mem::replace(&mut self.terms, terms);
        if before.zone != self.terms.zone {
            self.judge();
        }
        let (was, is) = (before.management.is_enabled(), self.terms.management.is_enabled());
        if !is {
            self.go_quiet(ports);
        } else if !was {
            self.wake_up(ports);
        } else if before.settings != self.terms.settings {
            self.adopt(&before.settings, ports);
        }
    }

    /// Makes the terms facts. What was said of the host itself is an event of the store already; what was said above
    /// it is not yet one of this host.
    pub(super) fn take_up(&mut self, terms: &Terms) {
        let now = clock::now();
        let before = self.facts.management();
        let management = Observation::Management(terms.management, terms.reason.clone());
        let mut changes = self.facts.observe(now, &terms.source, management);
        if is_told(before, terms.management) {
            changes.retain(|change| change.kind != EventKind::ManagementChanged);
        }
        self.take_in(&terms.source, changes);
        let maintenance = Observation::Maintenance(terms.maintenance.clone());
        // Always said of the host itself.
        self.facts.observe(now, &format!("Host {}", self.name), maintenance);
    }

    /// Why nothing is done to the host, where it is not managed.
    pub(super) fn refusal(&self) -> Option<DeviceError> {
        let Terms { management, source, reason, .. } = &self.terms;
        let error = || DeviceError::NotManaged { level: source.clone(), reason: reason.clone() };
        (!management.is_enabled()).then(error)
    }

    /// Why an action cannot be done through any connector of the host, whatever the state of its devices.
    pub(super) fn incapable(&self, action: &Action) -> Option<DeviceError> {
        if let Action::Power { action, .. } = action {
            return self.powerless(*action);
        }
        let capability = action.needs()?;
        let connectors = &self.host.spec.connectors;
        let error = || DeviceError::NoCapability {
            host: self.name.clone(),
            capability,
            connectors: connectors.iter().map(ToString::to_string).collect(),
        };
        (!connectors.iter().any(|connector| connector.can(capability))).then(error)
    }

    /// Why a power action cannot be done, whatever the state of the devices.
    fn powerless(&self, action: PowerAction) -> Option<DeviceError> {
        let connectors = || self.host.spec.connectors_for(Capability::Power);
        let able: Vec<_> = connectors().filter(|own| power_actions(&own.way).contains(&action)).collect();
        if able.is_empty() {
            let told = |own: &Connector| {
                let words: Vec<_> = power_actions(&own.way).iter().map(|one| one.as_str()).collect();
                format!("{own} can {}", words.join(", "))
            };
            let connectors = connectors().map(told).collect();
            return Some(DeviceError::NoPower { host: self.name.clone(), action, connectors });
        }
        let may = |own: &&Connector| !own.kind().is_hard_cut() || own.allow_hard_cut;
        let cuts = Wanted::Power(action).cuts();
        (cuts && !able.iter().any(may)).then_some(DeviceError::CutNotAllowed)
    }

    /// What a person who acts on the host should know; `work` is the job that they ask for.
    pub(super) fn warnings(&self, work: Option<Work>) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Said { on: true, at, reason } = &self.terms.maintenance {
            let since = at.map(|at| format!(" since {at}")).unwrap_or_default();
            let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            warnings.push(format!("the host is in maintenance{since}{reason}"));
        }
        if let Some(Work::Power(action)) = work {
            warnings.extend(self.facts.fence_warning(action));
        }
        warnings
    }

    /// The host is not managed any more: nothing is read or begun, and its sessions are given back, of which
    /// controllers have few. What a person has begun is brought to its end: it may have been sent, and its outcome must
    /// be known. A step of a flow is broken off: it may be why somebody disabled the host.
    fn go_quiet(&mut self, ports: &Ports) {
        let Some(refusal) = self.refusal() else { return };
        self.polling = None;
        self.lines = None;
        self.hints.renew();
        self.lines_stale = false;
        for wanted in std::mem::take(&mut self.queue) {
            let failure = ActionFailure { error: refusal.clone(), receipts: Vec::new() };
            // That it was refused need not be durable: it can be asked for again.
            let answer = self.ended(&wanted.action.describe(), wanted.purpose, Err(failure));
            self.untold.extend(answer);
        }
        if let Some(acting) = self.acting.take_if(|acting| matches!(acting.purpose, Purpose::Step(_)))
            && let Purpose::Step(planned) = acting.purpose
        {
            let broken_off = ActionFailure { error: DeviceError::Stopping, receipts: Vec::new() };
            self.step_ended(&planned, Err(broken_off));
        }
        self.give_up_jobs(&refusal);
        for reply in self.refreshing.drain(..) {
            // An error means that nobody waits any longer.
            let _ = reply.send(Err(refusal.clone()));
        }
        self.view = None;
        self.last = None;
        // Without anybody who holds it, the session ends.
        self.screen = None;
        self.keeper = None;
        ports.hands.send_replace(None);
        ports.view.send_replace(View::Connecting);
    }

    /// The host is managed from now on.
    fn wake_up(&mut self, ports: &Ports) {
        if self.acting.is_none() {
            self.open_lines();
        } else {
            self.lines_stale = true;
        }
        self.open_screen(ports);
        self.cadence.hurry(clock::now());
        self.times.power = Instant::now() + self.share(FIRST_READING);
    }

    /// Other settings hold. Most are looked at whenever they are needed; a session is given up only where it was opened
    /// by one that changed.
    fn adopt(&mut self, before: &Settings, ports: &Ports) {
        let now = self.terms.settings;
        if sessions(before) != sessions(&now) {
            self.renew_lines();
        }
        if screens(before) != screens(&now) {
            self.open_screen(ports);
        } else if before.console_log != now.console_log {
            self.keep_console();
        }
        self.times.power = self.times.power.min(Instant::now() + self.power_interval());
    }
}

/// Whether a change of management was told as an event already, since it comes from a command about the host itself.
const fn is_told(before: Management, after: Management) -> bool {
    matches!(
        (before, after),
        (Management::Enabled, Management::DisabledAtHost) | (Management::DisabledAtHost, Management::Enabled)
    )
}

/// The settings that sessions with controllers are opened by.
const fn sessions(settings: &Settings) -> [Duration; 6] {
    [
        settings.ipmi_retransmit_longest,
        settings.ipmi_session_timeout,
        settings.ipmi_timeout,
        settings.resolve_timeout,
        settings.auth_first,
        settings.auth_longest,
    ]
}

/// The settings that connections to screens are opened by.
const fn screens(settings: &Settings) -> [Duration; 7] {
    [
        settings.reconnect_first,
        settings.reconnect_longest,
        settings.connect_timeout,
        settings.resolve_timeout,
        settings.key_interval,
        settings.auth_first,
        settings.auth_longest,
    ]
}
