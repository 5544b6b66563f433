//! The BMC's side: one [`Bmc`] answers any number of consoles.

mod boot;
mod channel;
mod chassis;
mod commands;
mod config;
mod dcmi;
mod device;
mod faults;
mod fru;
mod inside;
mod lan;
mod lockout;
mod scripted;
mod sdr;
mod sel;
mod sensors;
mod session;
mod session15;
mod setup;
mod sol;
mod users;
mod watchdog;

pub use config::{BmcConfig, User};
pub use device::Reset;
pub use faults::{Faults, Proof};
pub use fru::{FruConfig, FruDevice};
pub use lan::LanSettings;
pub use lockout::BadPasswordThreshold;
pub use scripted::ScriptedAnswer;
pub use sel::{SelClock, SelConfig, WhenFull};
pub use sensors::{SensorInput, SensorInputError, SensorSet};
pub use session15::Ipmi15Config;
pub use sol::SolSettings;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Peer;
use crate::command::{BootFlags, ChassisControl, ChassisStatus};
use crate::entropy::Entropy;
use crate::fault::{Fault, IgnoreReason};
use crate::message::{BMC_ADDRESS, Message};
use crate::packet::{self, Datagram, PayloadType, PlusPacket};
use crate::privilege::PrivilegeLevel;
use crate::quirk::Quirk;
use crate::suite::CipherSuite;
use crate::watchdog::{PretimeoutInterrupt, TimeoutAction, TimerUse};
use boot::BootOptions;
use channel::Channel;
use chassis::FrontPanel;
use commands::Caller;
use dcmi::Dcmi;
use device::Device;
use faults::Misbehaviour;
use lan::Lan;
use lockout::Lockout;
use sdr::Reservations;
use sel::SystemEventLog;
use sensors::Sensors;
use session::{Phase, Sessions};
use sol::SolState;
use users::Users;
use watchdog::Watchdog;

/// Outputs that may wait to be fetched before datagrams are no longer taken, as a full socket buffer would do.
const OUTPUT_LIMIT: usize = 256;

/// The longest inactivity time that a configuration may ask for, so that adding it to any instant stays in range.
const INACTIVITY_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// What a BMC wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BmcOutput {
    /// Send this datagram.
    Send {
        /// To this console.
        to: Peer,
        /// The datagram.
        bytes: Vec<u8>,
    },
    /// Something happened.
    Event(BmcEvent),
}

/// What happened at a BMC.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BmcEvent {
    /// A console asked for this, and was told that it is being done. Do it, and show its effect through
    /// [`Bmc::set_chassis`].
    ChassisControl(ChassisControl),
    /// A console set the boot flags.
    BootFlagsSet(BootFlags),
    /// The watchdog timer is about to expire. Raise this interrupt at the machine.
    WatchdogPretimeout {
        /// Which.
        interrupt: PretimeoutInterrupt,
    },
    /// The watchdog timer expired. Do this to the machine.
    WatchdogExpired {
        /// What.
        action: TimeoutAction,
        /// Who used the timer.
        timer_use: TimerUse,
    },
    /// A console had the BMC restarted. It is silent for a while; after a cold reset it has forgotten its sessions.
    DeviceReset(Reset),
    /// A console opened the machine's serial console.
    ConsoleOpened {
        /// The console.
        peer: Peer,
        /// The user's name.
        user: String,
    },
    /// The console that was open wrote this to the machine's serial port.
    ConsoleInput(Vec<u8>),
    /// The console that was open sent a break to the machine's serial port.
    ConsoleBreak,
    /// The serial console was closed, or taken by another session.
    ConsoleClosed,
    /// A console opened a session.
    SessionOpened {
        /// The console.
        peer: Peer,
        /// The user's name.
        user: String,
        /// The cipher suite; `None` for a session of IPMI 1.5.
        suite: Option<CipherSuite>,
        /// The highest privilege level that the session may rise to.
        limit: PrivilegeLevel,
    },
    /// A session that was open is no more.
    SessionClosed {
        /// The console.
        peer: Peer,
        /// The user's name.
        user: String,
        /// Why.
        reason: SessionEnd,
    },
    /// A console failed to open a session.
    AuthFailed {
        /// The console.
        peer: Peer,
        /// The name that it gave.
        user: String,
        /// Why.
        reason: AuthFailure,
    },
    /// A datagram had no effect.
    Ignored {
        /// Who sent it.
        peer: Peer,
        /// Why.
        reason: IgnoreReason,
    },
}

impl BmcEvent {
    /// What is to be done to the machine: asked for by a console, or by a watchdog timer that expired.
    pub const fn control(&self) -> Option<ChassisControl> {
        match self {
            Self::ChassisControl(control) => Some(*control),
            Self::WatchdogExpired { action, .. } => match action {
                TimeoutAction::HardReset => Some(ChassisControl::HardReset),
                TimeoutAction::PowerDown => Some(ChassisControl::PowerDown),
                TimeoutAction::PowerCycle => Some(ChassisControl::PowerCycle),
                TimeoutAction::None | TimeoutAction::Reserved(_) => None,
            },
            Self::WatchdogPretimeout { interrupt: PretimeoutInterrupt::Nmi } => {
                Some(ChassisControl::DiagnosticInterrupt)
            }
            _ => None,
        }
    }
}

/// Why a BMC ended a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionEnd {
    /// Close Session.
    Closed,
    /// Nothing came for [`BmcConfig::inactivity`].
    Inactive,
}

/// Why a console could not log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthFailure {
    /// No enabled user has the name, or the name is too long.
    UnknownUser,
    /// The user may not have the privilege level asked for.
    Privilege,
    /// The proof in RAKP message 3 was made with another password. A console that checks message 2 never gets here.
    WrongPassword,
}

/// A BMC: sessions, users, power and boot options.
///
/// It answers the commands of power and boot, sensors and their records, the System Event Log, FRU devices, users, LAN
/// and channel settings, Serial over LAN, the watchdog timer, resets and DCMI, and says "invalid command" (C1h) to
/// everything else. It has no machine behind it: commands come out as [`BmcEvent`]s, the machine's state goes in
/// through [`Bmc::set_chassis`].
///
/// After each call to another method, fetch outputs until there are none and arrange for [`Bmc::wake`] at
/// [`Bmc::next_wake`].
pub struct Bmc {
    config: BmcConfig,
    entropy: Box<dyn Entropy>,
    inactivity: Duration,
    sessions: Sessions,
    lockout: Lockout,
    misbehaviour: Misbehaviour,
    scripted: Option<ScriptedAnswer>,
    users: Users,
    chassis: ChassisStatus,
    boot: BootOptions,
    front_panel: FrontPanel,
    channel: Channel,
    lan: Lan,
    dcmi: Dcmi,
    device: Device,
    watchdog: Watchdog,
    sel: SystemEventLog,
    sol: SolState,
    sensors: Sensors,
    reservations: Reservations,
    busy: bool,
    commands: u64,
    outputs: VecDeque<BmcOutput>,
}

impl Bmc {
    /// A BMC without sessions.
    pub fn new(mut config: BmcConfig, entropy: Box<dyn Entropy>) -> Self {
        let users = Users::new(std::mem::take(&mut config.users));
        Self {
            users,
            inactivity: config.inactivity.min(INACTIVITY_LIMIT),
            chassis: chassis::completed(config.chassis, ChassisStatus::default()),
            misbehaviour: Misbehaviour::new(config.faults),
            scripted: None,
            sel: SystemEventLog::new(&config.sel),
            sol: SolState::new(config.sol),
            sensors: Sensors::new(Arc::clone(&config.sensors), config.sensor_variation),
            reservations: Reservations::default(),
            config,
            entropy,
            sessions: Sessions::default(),
            lockout: Lockout::default(),
            boot: BootOptions::default(),
            front_panel: FrontPanel::default(),
            channel: Channel::default(),
            lan: Lan::default(),
            dcmi: Dcmi::default(),
            device: Device::default(),
            watchdog: Watchdog::default(),
            busy: false,
            commands: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Says what Get Chassis Status answers from now on. The identify light and the buttons stay as consoles set them,
    /// unless `status` says something of them. Where it does not change the last power event, that of switching on says
    /// whether a console asked for it.
    ///
    /// While the machine is off, an open serial console is told that no characters can be transferred.
    pub fn set_chassis(&mut self, status: ChassisStatus) {
        self.sol.set_power(status.power_on);
        let status = self.front_panel.noting_power_up(status, self.chassis);
        self.chassis = chassis::completed(status, self.chassis);
    }

    /// What Get Chassis Status answers.
    pub fn chassis(&self) -> ChassisStatus {
        self.chassis
    }

    /// The boot flags, if they are valid.
    pub fn boot_flags(&self) -> Option<BootFlags> {
        let flags = match self.config.quirks.contains(Quirk::UefiDisk) {
            true => self.boot.flags().with_uefi_disk_moved(),
            false => self.boot.flags(),
        };
        Some(flags).filter(|flags| flags.valid)
    }

    /// The machine boots and follows the boot flags: returns them if they are valid, and clears the valid bit unless
    /// they are persistent.
    pub fn take_boot_flags(&mut self) -> Option<BootFlags> {
        let flags = self.boot_flags()?;
        if !flags.persistent {
            self.boot.clear_valid();
        }
        Some(flags)
    }

    /// While `busy`, answers "node busy" (C0h) to every command of a session, as a BMC does that is starting.
    pub fn set_busy(&mut self, busy: bool) {
        self.busy = busy;
    }

    /// Lets all users log in again that failed logins locked out.
    pub fn unlock_users(&mut self) {
        self.lockout = Lockout::default();
    }

    /// Forgets all sessions without a word, as a BMC does that restarts. Consoles find out by silence.
    pub fn forget_sessions(&mut self) {
        self.sessions = Sessions::default();
        self.sol.forget();
    }

    /// Commands answered so far, whatever the answer; a repeated request counts once.
    pub fn commands(&self) -> u64 {
        self.commands
    }

    /// Sessions that are open.
    pub fn session_count(&self) -> usize {
        self.sessions.active_places().count()
    }

    /// Takes a datagram from a console.
    pub fn receive(&mut self, now: Instant, from: Peer, bytes: &[u8]) {
        if self.outputs.len() + self.misbehaviour.held_count() >= OUTPUT_LIMIT
            || self.misbehaviour.is_silent(now)
        {
            return;
        }
        self.wake(now);
        let before = self.outputs.len();
        let taken = match Datagram::decode(bytes) {
            Ok(Datagram::Ping { .. }) if self.config.quirks.contains(Quirk::IpmiPing) => Ok(()),
            Ok(Datagram::Ping { tag }) => {
                self.send(from, packet::encode_pong(tag));
                Ok(())
            }
            Ok(Datagram::Pong { .. }) => Err(IgnoreReason::Unexpected),
            Ok(Datagram::Sessionless(payload)) => self
                .receive_sessionless(now, from, payload)
                .map(|reply| self.send(from, packet::encode_sessionless(&reply))),
            Ok(Datagram::Session15(packet)) => self.receive_15(now, from, &packet),
            Ok(Datagram::Plus(packet)) => self.receive_plus(now, from, &packet),
            Err(fault) => Err(fault.into()),
        };
        if let Err(reason) = taken {
            self.event(BmcEvent::Ignored { peer: from, reason });
        }
        self.misbehave(now, before);
    }

    /// Acts on a deadline that passed; calls before it are harmless.
    pub fn wake(&mut self, now: Instant) {
        self.release_held(now);
        self.boot.wake(now);
        self.wake_front_panel(now);
        self.wake_watchdog(now);
        self.wake_sol(now);
        while let Some(place) = self.sessions.lapsed(now) {
            self.end_session(place, SessionEnd::Inactive);
        }
    }

    /// When to call [`Bmc::wake`] next; `None` while there is nothing to wait for.
    pub fn next_wake(&self) -> Option<Instant> {
        let wakes = [
            self.sessions.next_deadline(),
            self.boot.next_wake(),
            self.misbehaviour.next_wake(),
            self.front_panel.next_wake(),
            self.watchdog.next_wake(),
            self.sol.next_wake(),
        ];
        wakes.into_iter().flatten().min()
    }

    /// The next thing to do for this BMC, in order.
    pub fn next_output(&mut self) -> Option<BmcOutput> {
        self.outputs.pop_front()
    }

    fn send(&mut self, to: Peer, bytes: Vec<u8>) {
        self.outputs.push_back(BmcOutput::Send { to, bytes });
    }

    fn event(&mut self, event: BmcEvent) {
        self.outputs.push_back(BmcOutput::Event(event));
    }

    fn user_name(&self, user: usize) -> String {
        self.users.name(user)
    }

    fn receive_plus(
        &mut self,
        now: Instant,
        from: Peer,
        packet: &PlusPacket<'_>,
    ) -> Result<(), IgnoreReason> {
        if packet.session != 0 {
            return self.receive_in_session(now, from, packet);
        }
        let payload = packet.clear_payload()?;
        match packet.payload_type {
            PayloadType::Ipmi => {
                let reply = self.receive_sessionless(now, from, payload)?;
                self.send(from, packet::encode_clear(PayloadType::Ipmi, &reply));
                Ok(())
            }
            PayloadType::OpenSessionRequest => self.open_session(now, from, payload),
            PayloadType::Rakp1 => self.rakp1(now, from, payload),
            PayloadType::Rakp3 => self.rakp3(now, from, payload),
            PayloadType::Sol | PayloadType::OpenSessionResponse | PayloadType::Rakp2 | PayloadType::Rakp4 => {
                Err(IgnoreReason::Unexpected)
            }
        }
    }

    fn receive_sessionless(
        &mut self,
        now: Instant,
        from: Peer,
        payload: &[u8],
    ) -> Result<Vec<u8>, IgnoreReason> {
        let request = decode_request(payload)?;
        Ok(self.answer(Caller { now, from, session: None, privilege: None }, &request))
    }

    fn receive_in_session(
        &mut self,
        now: Instant,
        from: Peer,
        packet: &PlusPacket<'_>,
    ) -> Result<(), IgnoreReason> {
        let unknown = IgnoreReason::UnknownSession(packet.session);
        let place = self.sessions.place_of(packet.session).ok_or(unknown)?;
        let session = self.sessions.get_mut(place).ok_or(unknown)?;
        let Phase::Active(active) = &mut session.phase else { return Err(IgnoreReason::OutOfStep) };
        let payload = active.open(packet)?;
        // Consoles behind a translating router may come from another port than before.
        session.peer = from;
        session.deadline = now + self.inactivity;
        if packet.payload_type == PayloadType::Sol {
            let id = session.id;
            return self.receive_sol(now, id, packet.sequence, &payload);
        }
        self.carry_out_in_session(now, from, place, payload)
    }

    /// Carries out the command in `payload`, which is proven to be the session's, and answers it.
    fn carry_out_in_session(
        &mut self,
        now: Instant,
        from: Peer,
        place: usize,
        payload: Vec<u8>,
    ) -> Result<(), IgnoreReason> {
        let request = decode_request(&payload)?;
        let active = self.sessions.active_mut(place).ok_or(IgnoreReason::OutOfStep)?;
        let kept = match self.misbehaviour.faults.repeats_commands {
            true => None,
            false => active.kept_reply(now, &payload),
        };
        let mut reply = match kept {
            Some(reply) => reply,
            None => {
                let privilege = Some(active.privilege);
                let reply = match self.scripted.take() {
                    Some(scripted) => scripted.answering(&request),
                    None => self.answer(Caller { now, from, session: Some(place), privilege }, &request),
                };
                if let Some(active) = self.sessions.active_mut(place) {
                    active.keep_reply(now, payload, reply.clone());
                }
                reply
            }
        };
        if self.config.quirks.contains(Quirk::NoChecksumCheck)
            && let Some(checksum) = reply.last_mut()
        {
            *checksum = !*checksum;
        }
        if let Some(silent_for) = self.misbehaviour.faults.restart_at_command.take() {
            self.restart(now, silent_for);
            return Ok(());
        }
        if let Some(active) = self.sessions.active_mut(place) {
            let mut bytes = active.seal(&mut *self.entropy, self.config.quirks, PayloadType::Ipmi, &reply);
            Proof::Packets.spoil(&self.misbehaviour.faults, &mut bytes);
            self.send(from, bytes);
        }
        if let Some(place) = self.sessions.closing() {
            self.end_session(place, SessionEnd::Closed);
        }
        self.reset_if_asked(now);
        Ok(())
    }

    fn end_session(&mut self, place: usize, reason: SessionEnd) {
        let Some(session) = self.sessions.remove(place) else { return };
        self.end_sol_of(session.id);
        if let Phase::Active(active) = session.phase {
            let user = self.user_name(active.user);
            self.event(BmcEvent::SessionClosed { peer: session.peer, user, reason });
        }
    }
}

impl std::fmt::Debug for Bmc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bmc")
            .field("chassis", &self.chassis)
            .field("sessions", &self.session_count())
            .finish_non_exhaustive()
    }
}

/// Decodes a message that must be a request to the BMC itself.
fn decode_request(payload: &[u8]) -> Result<Message<'_>, IgnoreReason> {
    let request = Message::decode(payload)?;
    if request.is_reply() {
        return Err(IgnoreReason::Unexpected);
    }
    if request.to != BMC_ADDRESS {
        return Err(Fault::Field { field: "responder address", value: request.to.into() }.into());
    }
    Ok(request)
}

#[cfg(test)]
pub(crate) mod desk;
#[cfg(test)]
mod tests;
