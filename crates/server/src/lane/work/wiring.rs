//! What a lane is connected to, and what it is told.

use std::time::Instant;

use ironhand_api::{Capability, Connector, ConnectorType, ConsoleLog, Host, Name, Through, WayStatus};

use super::Lane;
use crate::clock;
use crate::console::{self, Keeper};
use crate::entrance::Entrance;
use crate::lane::lines::Lines;
use crate::lane::{Command, Ports};
use crate::screen::{ScreenWatch, SerialDoor, Target, View, VncLoan};

impl Lane {
    pub(super) async fn told(&mut self, command: Command, ports: &mut Ports) {
        match command {
            Command::Act { action, asker } => self.asked(action, asker).await,
            Command::Rule { run, ruling, reply } => {
                let ruled = self.rule(run, &ruling).await;
                // An error means that the person waits no longer.
                let _ = reply.send(ruled);
            }
            Command::Recover { request, reply } => {
                let begun = self.recover(&request, ports).await;
                // As above.
                let _ = reply.send(begun);
            }
            Command::Plan { request, reply } => {
                // As above.
                let _ = reply.send(self.plan(&request, ports));
            }
            Command::Refresh(reply) => self.refresh(reply),
            Command::Reconfigure(host) => {
                let moved = host.spec.connectors != self.host.spec.connectors
                    || host.spec.credentials != self.host.spec.credentials;
                self.host = *host;
                let names: Vec<_> = self.host.spec.connectors.iter().map(ToString::to_string).collect();
                self.facts.keep_ways(|source| names.iter().any(|name| name == source));
                self.govern(ports);
                self.watch_checks().await;
                if moved && self.terms.management.is_enabled() {
                    self.renew_lines();
                    self.open_screen(ports);
                }
                self.follow_flows();
            }
            Command::PinsForgotten if self.terms.management.is_enabled() => self.renew_lines(),
            Command::PinsForgotten => {}
            Command::Heartbeat => self.beaten(),
            // Nothing is open that was opened with it.
            Command::CredentialChanged(_) if !self.terms.management.is_enabled() => {}
            Command::CredentialChanged(name) => {
                if self.host.spec.connectors_for(Capability::Power).any(|own| self.uses(own, &name)) {
                    self.renew_lines();
                    self.credential_changed(&name);
                }
                let shows = |own: &&Connector| own.can(Capability::Screen) || own.can(Capability::Serial);
                if self.host.spec.connectors.iter().filter(shows).any(|own| self.uses(own, &name)) {
                    self.open_screen(ports);
                }
            }
        }
    }

    pub(super) fn connector(&self, capability: Capability) -> Option<&Connector> {
        self.host.spec.connector_for(capability)
    }

    fn credentials(&self, connector: &Connector) -> Vec<Name> {
        credentials_of(&self.host, connector)
    }

    pub(super) fn uses(&self, connector: &Connector, name: &Name) -> bool {
        let hop = connector.through.as_ref().and_then(Through::credential);
        hop == Some(name) || self.credentials(connector).contains(name)
    }

    pub(super) fn open_lines(&mut self) {
        let before = self.lines.take();
        self.hints.renew();
        self.keep_paths();
        let credentials = |connector: &Connector| self.credentials(connector);
        let settings = self.terms.settings;
        let mut lines = Lines::of(&self.host, credentials, &self.paths, &self.tools, settings);
        if let (Some(lines), Some(mut before)) = (&mut lines, before) {
            lines.follow(&mut before);
        }
        self.lines = lines;
    }

    /// Makes the lines anew; those that are away are thrown out when they come home.
    pub(super) fn renew_lines(&mut self) {
        let away = self.polling.is_some() || self.acting.is_some();
        if away && self.lines.is_none() {
            self.lines_stale = true;
        } else {
            self.open_lines();
        }
        self.times.power = Instant::now();
    }

    pub(super) fn lines_home(&mut self, lines: Option<Lines>) {
        if !self.terms.management.is_enabled() {
            self.lines_stale = false;
        } else if std::mem::take(&mut self.lines_stale) {
            self.lines = lines;
            self.open_lines();
        } else if lines.is_some() {
            self.lines = lines;
        }
    }

    /// The ways to the host, where there are several, or one that is more than an address.
    pub(super) fn ways(&self) -> Vec<WayStatus> {
        let connectors = &self.host.spec.connectors;
        let powers = connectors.iter().filter(|way| way.can(Capability::Power)).count();
        let told = |way: &&Connector| {
            let more = way.through.is_some() || !way.backup_addresses.is_empty();
            more || way.can(Capability::Power) && powers > 1
        };
        connectors.iter().filter(told).map(|connector| self.way(connector)).collect()
    }

    fn way(&self, connector: &Connector) -> WayStatus {
        let name = connector.to_string();
        let only = match connector.kind() {
            ConnectorType::Vnc => self.facts.screen_reach().filter(|fact| fact.source == name),
            _ => self.facts.reach().filter(|fact| fact.source == name),
        };
        WayStatus {
            reach: self.facts.way(&name).or(only).cloned(),
            through: connector.through.as_ref().map(ToString::to_string),
            paths: self.paths.status(connector),
            connector: name,
        }
    }

    /// Follows the manifest with what is known of the addresses of the host's devices.
    fn keep_paths(&mut self) {
        self.paths.keep(&self.host, &self.terms.settings);
    }

    /// Takes in over which addresses the host's devices are spoken to.
    pub(super) fn look_at_paths(&mut self) {
        let seen = |connector: &Connector| Some((connector.to_string(), self.paths.seen(connector)?));
        let seen: Vec<_> = self.host.spec.connectors.iter().filter_map(seen).collect();
        for (source, observation) in seen {
            self.observe(clock::now(), &source, observation);
        }
    }

    /// Watches the screen through the connectors that the manifest names, in place of those before.
    pub(super) fn open_screen(&mut self, ports: &Ports) {
        self.view = None;
        self.last = None;
        self.keep_paths();
        let screens = self.host.spec.screens();
        let settings = &self.terms.settings;
        let enter = |connector: &Connector| {
            Entrance::new(&self.host, connector, self.paths.of(connector), &self.tools, settings)
        };
        let controller = self.host.spec.connectors.iter().find(|way| way.kind() == ConnectorType::Redfish);
        let loan = controller.map(|controller| {
            // Who looks until now gives back what they use.
            match self.loan.take().filter(|loan| loan.follow(enter(controller))) {
                Some(loan) => loan,
                None => VncLoan::new(self.name.clone(), enter(controller)),
            }
        });
        let enter_screen = |connector: &Connector| {
            let loan = loan.clone().filter(|_| connector.enabled_by().is_some());
            Entrance { loan, ..enter(connector) }
        };
        let entrances: Vec<_> = screens.into_iter().map(enter_screen).collect();
        self.loan.clone_from(&loan);
        let serial = self.serial_door();
        self.screen = (!entrances.is_empty() || serial.is_some()).then(|| {
            let (host, reader) = (self.name.clone(), self.tools.reader.clone());
            let settings = self.terms.settings;
            let target = Target { host, entrances, serial, loan: loan.clone(), reader, settings };
            ScreenWatch::watch(target, self.screen_interval())
        });
        self.view = self.screen.as_ref().map(ScreenWatch::view);
        ports.hands.send_replace(self.screen.as_ref().map(ScreenWatch::hands));
        ports.view.send_replace(View::Connecting);
        self.keep_console();
    }

    /// Keeps the serial console open for its log, where that is set, and for flows that ask what the host writes.
    pub(super) fn keep_console(&mut self) {
        let always = self.terms.settings.console_log == ConsoleLog::Always;
        let listens = self.flows.borrow().ask_serial(&self.whereabouts());
        self.keeper = match always || listens {
            true => self.serial_door().map(|door| Keeper::start(door, listens)),
            false => None,
        };
        self.facts.heard_serial(None);
    }

    /// The flows changed: they may ask for other things than those before.
    pub(super) fn follow_flows(&mut self) {
        let listens = self.flows.borrow().ask_serial(&self.whereabouts());
        let listened = self.keeper.as_ref().is_some_and(Keeper::listens);
        if listens != listened && self.terms.management.is_enabled() {
            self.keep_console();
        }
        self.judge();
    }

    /// What leads to the serial console, where the host has one.
    pub(super) fn serial_door(&self) -> Option<SerialDoor> {
        let settings = self.terms.settings;
        let entrances = console::entrances(&self.host, &self.tools, &settings);
        let (host, consoles) = (self.name.clone(), self.tools.consoles.clone());
        (!entrances.is_empty()).then_some(SerialDoor { host, entrances, consoles, settings })
    }
}

/// The credentials of a connector: its own, or the host's where it is a controller or a screen. Others are devices of
/// their own, which the passwords of the host's controller are not to be told to.
pub(crate) fn credentials_of(host: &Host, connector: &Connector) -> Vec<Name> {
    let kind = connector.kind();
    let shares = kind.needs_credentials() || kind == ConnectorType::Vnc;
    let shared = || if shares { host.spec.credentials.clone() } else { Vec::new() };
    connector.credentials.clone().unwrap_or_else(shared)
}
