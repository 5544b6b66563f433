//! What a lane is connected to, and what it is told.

use std::time::Instant;

use ironhand_api::{Capability, Connector, Name};

use super::Lane;
use crate::credentials::Credentials;
use crate::lane::line::IpmiLine;
use crate::lane::{Command, Ports};
use crate::screen::{ScreenWatch, Target, View};

impl Lane {
    pub(super) async fn told(&mut self, command: Command, ports: &mut Ports) {
        match command {
            Command::Act { action, asker } => self.asked(action, asker).await,
            Command::Refresh(reply) => self.refresh(reply),
            Command::Reconfigure(host) => {
                let moved = host.spec.connectors != self.host.spec.connectors
                    || host.spec.credentials != self.host.spec.credentials;
                self.host = *host;
                self.govern(ports);
                if moved && self.terms.management.is_enabled() {
                    self.renew_line();
                    self.open_screen(ports);
                }
                self.judge();
            }
            // Nothing is open that was opened with it.
            Command::CredentialChanged(_) if !self.terms.management.is_enabled() => {}
            Command::CredentialChanged(name) => {
                if self.connector(Capability::Power).is_some_and(|own| self.uses(own, &name)) {
                    self.renew_line();
                    self.credential_changed();
                }
                if self.connector(Capability::Screen).is_some_and(|own| self.uses(own, &name)) {
                    self.open_screen(ports);
                }
            }
        }
    }

    pub(super) fn connector(&self, capability: Capability) -> Option<&Connector> {
        self.host.spec.connector_for(capability)
    }

    /// The credentials of a connector: its own, or the host's.
    fn credentials(&self, connector: &Connector) -> Vec<Name> {
        connector.credentials.clone().unwrap_or_else(|| self.host.spec.credentials.clone())
    }

    fn uses(&self, connector: &Connector, name: &Name) -> bool {
        self.credentials(connector).contains(name)
    }

    pub(super) fn open_line(&mut self) {
        let before = self.line.take();
        self.line = self.connector(Capability::Power).map(|connector| {
            let credentials = self.credentials(connector);
            let settings = self.terms.settings;
            let mut line = IpmiLine::new(&self.name, connector, credentials, &self.tools, settings);
            if let Some(before) = &before {
                line.follow(before);
            }
            line
        });
    }

    /// Makes the line anew; one that is away is thrown out when it comes home.
    pub(super) fn renew_line(&mut self) {
        let away = self.polling.is_some() || self.acting.is_some();
        if away && self.line.is_none() {
            self.line_stale = true;
        } else {
            self.open_line();
        }
        self.times.power = Instant::now();
    }

    pub(super) fn line_home(&mut self, line: Option<IpmiLine>) {
        if !self.terms.management.is_enabled() {
            self.line_stale = false;
        } else if std::mem::take(&mut self.line_stale) {
            self.line = line;
            self.open_line();
        } else if line.is_some() {
            self.line = line;
        }
    }

    /// Watches the screen that the manifest names, in place of the one before.
    pub(super) fn open_screen(&mut self, ports: &Ports) {
        self.view = None;
        self.last = None;
        self.screen = self.connector(Capability::Screen).map(|connector| {
            let credentials = self.credentials(connector);
            let target = Target {
                host: self.name.clone(),
                address: connector.address.clone(),
                port: connector.effective_port(),
                credentials: Credentials::new(credentials, self.tools.store.clone(), &self.terms.settings),
                reader: self.tools.reader.clone(),
                settings: self.terms.settings,
            };
            ScreenWatch::watch(target, self.screen_interval())
        });
        self.view = self.screen.as_ref().map(ScreenWatch::view);
        ports.hands.send_replace(self.screen.as_ref().map(ScreenWatch::hands));
        ports.view.send_replace(View::Connecting);
    }
}
