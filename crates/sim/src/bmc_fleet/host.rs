//! One BMC of a fleet with the little machine behind it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use ironhand_ipmi::bmc::{Faults, Ipmi15Config, LanSettings, SelClock, SelConfig, SolSettings};
use ironhand_ipmi::{Bmc, BmcConfig, BmcEvent, BmcOutput, ChassisStatus, CipherSuite, PrivilegeLevel, User};
use ironhand_redfish::bmc::{Flavour, Moment, Service, ServiceReply, ServiceRequest, StreamId};
use secrecy::SecretString;

use super::console::SerialConsole;
use super::path::{Path, Way};
use super::plan::{Effects, FaultPlan, Firmware};
use super::statistics::Counters;
use super::switch::{PowerSwitch, PowerTimes};
use super::visits::Visits;
use crate::fleet::host_name;
use crate::inventory;
use crate::machine::Seed;
use crate::power_log;
use crate::redfish::Board;

/// What all hosts of a fleet are made from.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) user: String,
    pub(super) password: SecretString,
    pub(super) suites: Vec<CipherSuite>,
    pub(super) kg: Option<SecretString>,
    pub(super) ipmi15: Ipmi15Config,
    pub(super) inactivity: Duration,
    pub(super) seed: u64,
    pub(super) on: bool,
    pub(super) times: PowerTimes,
    /// What the clocks of all BMCs show when.
    pub(super) clock: SelClock,
    pub(super) plan: FaultPlan,
    /// Of the Redfish services, in turn.
    pub(super) flavours: Vec<&'static Flavour>,
}

impl Pattern {
    /// Whose controllers that of this host is like.
    fn flavour(&self, index: usize) -> &'static Flavour {
        let place = index.checked_rem(self.flavours.len()).unwrap_or_default();
        self.flavours.get(place).copied().unwrap_or(Flavour::GENERIC)
    }
}

/// The serial number of this host's machine.
fn serial(index: usize) -> String {
    format!("SRV{:07}", index + 1)
}

/// The time, and what is the same for all hosts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock<'a> {
    pub(super) now: Instant,
    /// Since the start of the fleet.
    pub(super) elapsed: Duration,
    pub(super) pattern: &'a Pattern,
    pub(super) counters: &'a Counters,
}

/// A datagram that is to leave, some time after now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) after: Duration,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// What a datagram that came leads to.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// To be sent.
    pub(super) outgoing: Vec<Outgoing>,
    /// To be given to [`Host::deliver`] some time after now: what faults have held up on the way in.
    pub(super) incoming: Vec<Outgoing>,
}

/// A BMC, the machine behind it, and what is wrong with them.
pub(super) struct Host {
    bmc: Bmc,
    switch: PowerSwitch,
    path: Path,
    /// The rules of the plan that are about this host.
    rules: Box<[u16]>,
    /// Behind the serial port; none before somebody has opened it.
    console: Option<Box<SerialConsole>>,
    /// None before somebody has asked it.
    redfish: Option<Box<Service>>,
    /// What the Redfish service's tokens are drawn from.
    tokens: u64,
    index: usize,
    /// What the BMC's firmware has been told to be like.
    firmware: Firmware,
    /// When a worker will call [`Self::wake`].
    pub(super) armed: Option<Instant>,
    commands: u64,
    pub(super) visits: Visits,
}

impl Host {
    pub(super) fn new(pattern: &Pattern, index: usize, address: SocketAddr) -> Self {
        let mut seed = Seed::new(pattern.seed ^ (index as u64).wrapping_mul(0xA24B_AED4_963E_E407));
        let mut guid = [0; 16];
        guid[..8].copy_from_slice(&seed.next().to_le_bytes());
        guid[8..].copy_from_slice(&(index as u64).to_be_bytes());
        let users = vec![User::new(&*pattern.user, pattern.password.clone(), PrivilegeLevel::Administrator)];
        let flavour = pattern.flavour(index);
        let chassis = ChassisStatus { power_on: pattern.on, ..ChassisStatus::default() };
        let sel = SelConfig { clock: Some(pattern.clock), ..SelConfig::sample() };
        let sol = SolSettings { port: address.port(), ..SolSettings::default() };
        let sensor_variation = Some(seed.next());
        let config = BmcConfig {
            suites: pattern.suites.clone(),
            kg: pattern.kg.clone(),
            ipmi15: pattern.ipmi15.clone(),
            inactivity: pattern.inactivity,
            lan: lan_at(address),
            sensor_variation,
            guid,
            chassis,
            fru: inventory::devices(flavour, &serial(index)),
            sel,
            sol,
            ..BmcConfig::new(users)
        };
        let mut bmc = Bmc::new(config, Box::new(predictable(seed.next())));
        if !pattern.on {
            power_log::show(&mut bmc, false);
        }
        Self {
            bmc,
            switch: PowerSwitch::new(pattern.on, pattern.times),
            path: Path::new(seed.next()),
            tokens: seed.next(),
            redfish: None,
            firmware: Firmware::default(),
            rules: pattern.plan.rules_of(index, address.ip()),
            console: None,
            index,
            armed: None,
            commands: 0,
            visits: Visits::default(),
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.switch.is_on()
    }

    /// A datagram sets out on its way to the BMC.
    pub(super) fn receive(&mut self, clock: &Clock<'_>, from: SocketAddr, bytes: &[u8], work: &mut Work) {
        let effects = self.effects(clock);
        let passes = self.path.pass(&effects, Way::In);
        if passes.is_lost() {
            clock.counters.lost.add(1);
        }
        for after in passes {
            if after.is_zero() {
                self.hear(clock, &effects, from, bytes, work);
            } else {
                work.incoming.push(Outgoing { after, to: from, bytes: bytes.to_vec() });
            }
        }
    }

    /// A datagram that was held up on its way reaches the BMC.
    pub(super) fn deliver(&mut self, clock: &Clock<'_>, from: SocketAddr, bytes: &[u8], work: &mut Work) {
        let effects = self.effects(clock);
        self.hear(clock, &effects, from, bytes, work);
    }

    fn hear(
        &mut self,
        clock: &Clock<'_>,
        effects: &Effects,
        from: SocketAddr,
        bytes: &[u8],
        work: &mut Work,
    ) {
        self.visits.heard(from);
        self.follow_switch(clock);
        self.bmc.receive(clock.now, from, bytes);
        self.drain(clock, effects, work);
    }

    /// Answers a request to the Redfish service; `None` where it keeps silent. Where the request is no mere reading, call
    /// [`Self::wake`] afterwards.
    pub(super) fn answer(&mut self, clock: &Clock<'_>, request: &ServiceRequest) -> Option<ServiceReply> {
        let effects = self.effects(clock);
        if effects.silent {
            return None;
        }
        self.follow_switch(clock);
        clock.counters.requests.add(1);
        let (index, tokens) = (self.index, self.tokens);
        let service = self.redfish.get_or_insert_with(|| {
            Box::new(Service::new(clock.pattern.flavour(index), Box::new(predictable(tokens))))
        });
        let unix = unix_at(clock, clock.now);
        let (name, serial) = (host_name(index), serial(index));
        let mut board =
            Board { bmc: &mut self.bmc, now: clock.now, name: &name, serial: &serial, screen: None };
        service.set_faults(effects.of_redfish());
        let mut reply = service.answer(Moment { at: clock.now, unix }, request, &mut board);
        reply.delivery.after += self.path.lateness(&effects);
        Some(reply)
    }

    /// Sessions that are open at the Redfish service and the web pages.
    pub(super) fn web_sessions(&mut self, now: Instant) -> usize {
        self.redfish.as_mut().map_or(0, |service| service.session_count(now))
    }

    /// The next event of a stream of the Redfish service.
    pub(super) fn next_event(&mut self, stream: StreamId) -> Option<String> {
        self.redfish.as_mut()?.next_event(stream)
    }

    pub(super) fn end_stream(&mut self, stream: StreamId) {
        if let Some(service) = &mut self.redfish {
            service.end_stream(stream);
        }
    }

    /// Does what is due.
    pub(super) fn wake(&mut self, clock: &Clock<'_>, work: &mut Work) {
        let effects = self.effects(clock);
        self.follow_switch(clock);
        self.bmc.wake(clock.now);
        self.drain(clock, &effects, work);
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.bmc.next_wake().into_iter().chain(self.switch.next_wake()).min()
    }

    /// What is wrong now; the BMC is told what of it is its own.
    fn effects(&mut self, clock: &Clock<'_>) -> Effects {
        if self.rules.is_empty() {
            return Effects::default();
        }
        let effects = clock.pattern.plan.effects(&self.rules, clock.elapsed);
        let Firmware { faults, quirks, suites, lockout } = effects.firmware;
        let before = std::mem::replace(&mut self.firmware, effects.firmware);
        if before != effects.firmware {
            let restart_at_command = match faults.restart_at_command == before.faults.restart_at_command {
                // It happens once: what has happened already is not asked for again.
                true => self.bmc.faults().restart_at_command,
                false => faults.restart_at_command,
            };
            self.bmc.set_faults(Faults { restart_at_command, ..faults });
            self.bmc.set_quirks(quirks);
            self.bmc.set_suites(suites.unwrap_or(&clock.pattern.suites));
            self.bmc.set_bad_password_threshold(lockout);
        }
        effects
    }

    fn follow_switch(&mut self, clock: &Clock<'_>) {
        let now = clock.now;
        while let Some(change) = self.switch.wake(now) {
            power_log::tell(&mut self.bmc, now, change);
            if let Some(service) = &mut self.redfish {
                let unix = unix_at(clock, now);
                service.power_changed(Moment { at: now, unix }, self.switch.is_on());
                if change.boots() {
                    service.booted();
                }
            }
            if change.boots() {
                self.bmc.take_boot_flags();
                if let Some(console) = &mut self.console {
                    self.bmc.console_output(now, &console.boot());
                }
            }
        }
    }

    fn drain(&mut self, clock: &Clock<'_>, effects: &Effects, work: &mut Work) {
        let counters = clock.counters;
        while let Some(output) = self.bmc.next_output() {
            match output {
                BmcOutput::Send { to, bytes } => self.send(clock, effects, to, bytes, work),
                BmcOutput::Event(BmcEvent::SessionOpened { .. }) => counters.sessions_opened.add(1),
                BmcOutput::Event(BmcEvent::AuthFailed { .. }) => counters.failed_logins.add(1),
                BmcOutput::Event(BmcEvent::Ignored { .. }) => counters.ignored.add(1),
                BmcOutput::Event(BmcEvent::ConsoleOpened { .. }) => {
                    let output = self.console().open();
                    self.bmc.console_output(clock.now, &output);
                }
                BmcOutput::Event(BmcEvent::ConsoleInput(input)) => {
                    let output = self.console().input(&input);
                    self.bmc.console_output(clock.now, &output);
                }
                BmcOutput::Event(BmcEvent::ConsoleBreak) => {
                    let output = self.console().take_break();
                    self.bmc.console_output(clock.now, &output);
                }
                BmcOutput::Event(event) => {
                    if let Some(control) = event.control() {
                        self.visits.control(control);
                        self.switch.control(clock.now, control);
                    }
                }
            }
        }
        let commands = self.bmc.commands();
        counters.commands.add(commands.wrapping_sub(std::mem::replace(&mut self.commands, commands)));
    }

    fn console(&mut self) -> &mut SerialConsole {
        let index = self.index;
        self.console.get_or_insert_with(|| Box::new(SerialConsole::new(format!("sim{}", index + 1))))
    }

    fn send(
        &mut self,
        clock: &Clock<'_>,
        effects: &Effects,
        to: SocketAddr,
        bytes: Vec<u8>,
        work: &mut Work,
    ) {
        let passes = self.path.pass(effects, Way::Out);
        if passes.is_lost() {
            clock.counters.lost.add(1);
            return;
        }
        let bytes = self.path.spoil(effects, bytes);
        let mut passes = passes.peekable();
        while let Some(after) = passes.next() {
            if passes.peek().is_none() {
                work.outgoing.push(Outgoing { after, to, bytes });
                return;
            }
            work.outgoing.push(Outgoing { after, to, bytes: bytes.clone() });
        }
    }
}

/// Seconds since 1970 by the clock of the BMCs.
fn unix_at(clock: &Clock<'_>, now: Instant) -> u64 {
    let SelClock { at, seconds } = clock.pattern.clock;
    u64::from(seconds) + now.saturating_duration_since(at).as_secs()
}

/// Predictable on purpose: the same seed gives the same session ids, and nobody outside reaches the BMCs.
fn predictable(seed: u64) -> impl FnMut(&mut [u8]) + Send {
    let mut bytes = Seed::new(seed);
    move |out: &mut [u8]| {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&bytes.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// What a BMC that listens there says of its network. Its hardware address is locally administered and is as unique as
/// the place: the port, then what differs between loopback addresses.
fn lan_at(place: SocketAddr) -> LanSettings {
    let address = match place.ip() {
        IpAddr::V4(address) => address,
        // The settings' other address is of IPv6 by itself; there is none of IPv4.
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    };
    let ([p0, p1], [_, a1, a2, a3]) = (place.port().to_be_bytes(), address.octets());
    LanSettings {
        address,
        // The loopback network has no gateway.
        mask: Ipv4Addr::new(255, 0, 0, 0),
        gateway: Ipv4Addr::UNSPECIFIED,
        mac: [0x02, p0, p1, a1, a2, a3],
        ..LanSettings::default()
    }
}

#[cfg(test)]
mod tests;
