//! Serial over LAN at the BMC: payload commands, configuration, and the serial port of the machine behind it.

use std::time::{Duration, Instant};

use crate::bmc::commands::{Access, Answer, Caller, Handler, LAN_CHANNEL, handler, untyped};
use crate::bmc::{Bmc, BmcEvent};
use crate::command::{Command, netfn};
use crate::completion::CompletionCode;
use crate::fault::IgnoreReason;
use crate::packet::PayloadType;
use crate::privilege::PrivilegeLevel;
use crate::quirk::{Quirk, Quirks};
use crate::sol::packet::HEADER;
use crate::sol::parameter::{GetSolParameter, selector};
use crate::sol::payload::SOL;
use crate::sol::redirection::{Faults, Redirection};
use crate::sol::sender::{Gather, Retry};
use crate::sol::{
    ActivateSol, BitRate, ChannelPayloadSupport, DeactivateSol, GetChannelPayloadSupport,
    GetSolActivationStatus, GetSolInstanceInfo, GetSolPayloadVersion, GetUserSolAccess, SerialAlerts,
    SetSolParameter, SetUserSolAccess, SolAccumulate, SolActivation, SolAuthentication, SolParameter,
    SolRetry,
};

/// Bytes of an SOL payload, either way.
const PAYLOAD_SIZE: u16 = 255;

/// The longest interval that the parameters can say, which holds for settings as well.
const INTERVAL_LIMIT: Duration = Duration::from_millis(2550);

/// The only instance: a machine's first serial port.
const INSTANCE: u8 = 1;

/// Revision 1.1 of the configuration parameters (section 26.3).
const PARAMETER_REVISION: u8 = 0x11;

/// Payload types that sessions of this BMC carry: IPMI and SOL; those of set-up, 10h to 15h.
const PAYLOAD_SUPPORT: ChannelPayloadSupport =
    ChannelPayloadSupport { standard: 0x0003, setup: 0x003F, oem: 0 };

/// How a BMC's SOL is configured at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SolSettings {
    /// Whether it can be activated.
    pub enabled: bool,
    /// The lowest privilege level that may.
    pub privilege: PrivilegeLevel,
    /// How the system's characters are gathered.
    pub accumulate: SolAccumulate,
    /// How often a packet is sent again.
    pub retry: SolRetry,
    /// Speed of the serial port.
    pub bit_rate: BitRate,
    /// The UDP port that consoles are told: that of the BMC's sessions. Some consoles refuse any other.
    pub port: u16,
}

impl Default for SolSettings {
    /// Enabled from User on; 20 ms or 96 characters; seven retransmissions 500 ms apart; 115.2 kbit/s; port 623.
    fn default() -> Self {
        Self {
            enabled: true,
            privilege: PrivilegeLevel::User,
            accumulate: SolAccumulate { interval: Duration::from_millis(20), threshold: 96 },
            retry: SolRetry { count: 7, interval: Duration::from_millis(500) },
            bit_rate: BitRate::B115200,
            port: 623,
        }
    }
}

/// SOL at a BMC.
#[derive(Debug)]
pub(super) struct SolState {
    settings: SolSettings,
    force_encryption: bool,
    force_authentication: bool,
    non_volatile_bit_rate: BitRate,
    set_in_progress: bool,
    /// Bit n: user id n may not activate.
    denied: u64,
    active: Option<Box<ActiveSol>>,
}

#[derive(Debug)]
struct ActiveSol {
    /// The BMC's id of the session.
    session: u32,
    redirection: Redirection,
}

impl SolState {
    pub(super) fn new(settings: SolSettings) -> Self {
        Self {
            settings,
            force_encryption: true,
            force_authentication: true,
            non_volatile_bit_rate: settings.bit_rate,
            set_in_progress: false,
            denied: 0,
            active: None,
        }
    }

    /// Forgets who has the console, without a word.
    pub(super) fn forget(&mut self) {
        self.active = None;
    }

    pub(super) fn set_power(&mut self, on: bool) {
        if let Some(active) = &mut self.active {
            active.redirection.set_unavailable(!on);
        }
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.active.as_ref()?.redirection.next_wake()
    }

    fn parameter(&self, selector: u8) -> Option<SolParameter> {
        let settings = &self.settings;
        Some(match selector {
            selector::SET_IN_PROGRESS => SolParameter::SetInProgress(self.set_in_progress),
            selector::ENABLE => SolParameter::Enable(settings.enabled),
            selector::AUTHENTICATION => SolParameter::Authentication(SolAuthentication {
                force_encryption: self.force_encryption,
                force_authentication: self.force_authentication,
                privilege: settings.privilege,
            }),
            selector::ACCUMULATE => SolParameter::Accumulate(settings.accumulate),
            selector::RETRY => SolParameter::Retry(settings.retry),
            selector::NON_VOLATILE_BIT_RATE => SolParameter::NonVolatileBitRate(self.non_volatile_bit_rate),
            selector::VOLATILE_BIT_RATE => SolParameter::VolatileBitRate(settings.bit_rate),
            selector::CHANNEL => SolParameter::Channel(LAN_CHANNEL),
            selector::PORT => SolParameter::Port(settings.port),
            _ => return None,
        })
    }

    fn set(&mut self, parameter: SolParameter) -> Result<(), CompletionCode> {
        match parameter {
            SolParameter::SetInProgress(true) if self.set_in_progress => {
                return Err(CompletionCode::SET_IN_PROGRESS);
            }
            SolParameter::SetInProgress(on) => self.set_in_progress = on,
            SolParameter::Enable(on) => self.settings.enabled = on,
            SolParameter::Authentication(authentication) => {
                self.force_encryption = authentication.force_encryption;
                self.force_authentication = authentication.force_authentication;
                self.settings.privilege = authentication.privilege;
            }
            SolParameter::Accumulate(accumulate) => self.settings.accumulate = accumulate,
            SolParameter::Retry(retry) => self.settings.retry = retry,
            SolParameter::NonVolatileBitRate(rate) => {
                self.non_volatile_bit_rate = rate;
                self.settings.bit_rate = rate;
            }
            SolParameter::VolatileBitRate(rate) => self.settings.bit_rate = rate,
            // The channel is this BMC's only one, and the port that of its socket.
            SolParameter::Channel(_) | SolParameter::Port(_) => return Err(CompletionCode::READ_ONLY),
        }
        Ok(())
    }

    fn redirection(&self, now: Instant, faults: Faults, power_on: bool) -> Redirection {
        let SolSettings { accumulate, retry, .. } = self.settings;
        let interval = retry.interval.min(INTERVAL_LIMIT);
        let retry =
            Retry { first: interval, ceiling: interval, count: retry.count.into(), renumber_after: None };
        let threshold = match accumulate.threshold {
            0 => usize::MAX,
            threshold => threshold.into(),
        };
        let gather = Gather { interval: accumulate.interval.min(INTERVAL_LIMIT), threshold };
        let mut redirection =
            Redirection::new(now, usize::from(PAYLOAD_SIZE) - HEADER, retry, gather, faults);
        redirection.set_unavailable(!power_on);
        redirection
    }
}

impl Bmc {
    /// The machine wrote this to its serial port. It goes to the console that is open, if one is; what a slow one does
    /// not take is lost, and the console is told. [`Bmc::console_room`] says what can be taken.
    pub fn console_output(&mut self, now: Instant, characters: &[u8]) {
        if let Some(active) = &mut self.sol.active {
            active.redirection.output(now, characters);
            self.send_sol(now);
        }
    }

    /// The machine sent a break on its serial port.
    pub fn console_break(&mut self, now: Instant) {
        if let Some(active) = &mut self.sol.active {
            active.redirection.output_break();
            self.send_sol(now);
        }
    }

    /// How many of the machine's characters can be taken now without a loss; `None` while no console is open.
    pub fn console_room(&self) -> Option<usize> {
        Some(self.sol.active.as_ref()?.redirection.room())
    }

    /// Takes an SOL payload that came in the session `id` under session sequence number `order`.
    pub(super) fn receive_sol(
        &mut self,
        now: Instant,
        id: u32,
        order: u32,
        payload: &[u8],
    ) -> Result<(), IgnoreReason> {
        let active = self.sol.active.as_mut().filter(|active| active.session == id);
        let input = active.ok_or(IgnoreReason::Unexpected)?.redirection.receive(now, order, payload)?;
        if input.sends_break {
            self.event(BmcEvent::ConsoleBreak);
        }
        if !input.characters.is_empty() {
            self.event(BmcEvent::ConsoleInput(input.characters));
        }
        self.send_sol(now);
        Ok(())
    }

    pub(super) fn wake_sol(&mut self, now: Instant) {
        if let Some(active) = &mut self.sol.active {
            active.redirection.wake(now);
            self.send_sol(now);
        }
    }

    /// The session `id` is no more.
    pub(super) fn end_sol_of(&mut self, id: u32) {
        if self.sol.active.take_if(|active| active.session == id).is_some() {
            self.event(BmcEvent::ConsoleClosed);
        }
    }

    fn send_sol(&mut self, now: Instant) {
        while let Some(active) = &mut self.sol.active {
            let session = active.session;
            let Some(payload) = active.redirection.next_payload(now) else { return };
            self.send_sol_payload(session, &payload);
        }
    }

    /// Sends a payload that the redirection knows nothing of.
    pub(super) fn send_scripted_sol(&mut self, payload: &[u8]) {
        if let Some(session) = self.sol.active.as_ref().map(|active| active.session) {
            self.send_sol_payload(session, payload);
        }
    }

    fn send_sol_payload(&mut self, id: u32, payload: &[u8]) {
        let Some(place) = self.sessions.place_of(id) else { return };
        let Some(peer) = self.sessions.get(place).map(|session| session.peer) else { return };
        if let Some(active) = self.sessions.active_mut(place) {
            let bytes = active.seal(&mut *self.entropy, self.config.quirks, PayloadType::Sol, payload);
            self.send(peer, bytes);
        }
    }
}

const fn from_user(command: u8, answer: fn(&mut Bmc, Caller, &[u8]) -> Answer) -> Handler {
    untyped((netfn::APP, command), Access::From(PrivilegeLevel::User), answer)
}

pub(super) const HANDLERS: &[Handler] = &[
    from_user(ActivateSol::CMD, activate),
    from_user(DeactivateSol::CMD, deactivate),
    from_user(GetSolActivationStatus::CMD, activation_status),
    from_user(GetSolInstanceInfo::CMD, instance_info),
    handler::<SetUserSolAccess>(set_user_access),
    handler::<GetUserSolAccess>(user_access),
    from_user(GetChannelPayloadSupport::CMD, channel_payload_support),
    from_user(GetSolPayloadVersion::CMD, payload_version),
    handler::<SetSolParameter>(set_parameter),
    handler::<GetSolParameter>(get_parameter),
];

/// Checks that a command names an instance of SOL that there is.
fn check_instance(payload_type: u8, instance: u8) -> Result<(), CompletionCode> {
    match (payload_type & 0x3F, instance & 0x0F) {
        (SOL, INSTANCE) => Ok(()),
        _ => Err(CompletionCode::INVALID_FIELD),
    }
}

fn activate(bmc: &mut Bmc, caller: Caller, data: &[u8]) -> Answer {
    let &[payload_type, instance, auxiliary, _, _, _] = data else {
        return Err(CompletionCode::REQUEST_LENGTH_INVALID);
    };
    check_instance(payload_type, instance)?;
    let place = caller.session.ok_or(CompletionCode::INSUFFICIENT_PRIVILEGE)?;
    let session = bmc.sessions.get(place).ok_or(CompletionCode::UNSPECIFIED)?;
    let (id, peer) = (session.id, session.peer);
    let user = bmc.sessions.active(place).ok_or(CompletionCode::UNSPECIFIED)?.user;
    let denied = bmc.sol.denied & user_bit(user as u8 + 1) != 0;
    if caller.privilege < Some(bmc.sol.settings.privilege) || denied {
        return Err(CompletionCode::INSUFFICIENT_PRIVILEGE);
    }
    if !bmc.sol.settings.enabled {
        return Err(CompletionCode(ActivateSol::DISABLED));
    }
    if bmc.sol.active.is_some() {
        return Err(CompletionCode(ActivateSol::ALREADY_ACTIVE));
    }
    // Packets of a session are always encrypted and authenticated here.
    if auxiliary & ActivateSol::PROTECTED != ActivateSol::PROTECTED {
        return Err(CompletionCode(ActivateSol::WITHOUT_ENCRYPTION));
    }
    let quirks = bmc.config.quirks;
    let faults = Faults {
        deaf: quirks.contains(Quirk::SerialAlertsDeferred)
            && auxiliary & ActivateSol::ALERTS != SerialAlerts::Deferred.bits(),
        stale: quirks.contains(Quirk::SolPacketSequence).then_some(1),
    };
    let redirection = bmc.sol.redirection(caller.now, faults, bmc.chassis.power_on);
    bmc.sol.active = Some(Box::new(ActiveSol { session: id, redirection }));
    let user = bmc.user_name(user);
    bmc.event(BmcEvent::ConsoleOpened { peer, user });
    Ok(activation(quirks, bmc.sol.settings.port).encode())
}

fn activation(quirks: Quirks, port: u16) -> SolActivation {
    let size = match quirks.contains(Quirk::SolPayloadSize) {
        true => PAYLOAD_SIZE.swap_bytes(),
        false => PAYLOAD_SIZE,
    };
    let port = match quirks.contains(Quirk::SolPort) {
        true => port.swap_bytes(),
        false => port,
    };
    SolActivation { inbound_size: size, outbound_size: size, port }
}

fn deactivate(bmc: &mut Bmc, caller: Caller, data: &[u8]) -> Answer {
    let &[payload_type, instance, ..] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    check_instance(payload_type, instance)?;
    if caller.privilege < Some(bmc.sol.settings.privilege) {
        return Err(CompletionCode::INSUFFICIENT_PRIVILEGE);
    }
    let mut active = bmc.sol.active.take().ok_or(CompletionCode(DeactivateSol::NOT_ACTIVE))?;
    let own = caller.session.and_then(|place| bmc.sessions.get(place)).map(|session| session.id);
    if own != Some(active.session) && !bmc.config.quirks.contains(Quirk::SolStolen) {
        let payload = active.redirection.deactivate();
        bmc.send_sol_payload(active.session, &payload);
    }
    bmc.event(BmcEvent::ConsoleClosed);
    Ok(Vec::new())
}

fn activation_status(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let &[payload_type] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    check_instance(payload_type, INSTANCE)?;
    if bmc.config.quirks.contains(Quirk::SolStatus) {
        return Err(CompletionCode::UNSPECIFIED);
    }
    Ok(vec![INSTANCE, u8::from(bmc.sol.active.is_some()), 0])
}

fn instance_info(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let &[payload_type, instance] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    check_instance(payload_type, instance)?;
    let session = bmc.sol.active.as_ref().map_or(0, |active| active.session);
    let mut reply = session.to_le_bytes().to_vec();
    // The system's first serial port, then reserved bytes.
    reply.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0]);
    Ok(reply)
}

/// The bit of a user id.
fn user_bit(id: u8) -> u64 {
    1 << (id & 0x3F)
}

/// Checks that a user id is one of the BMC's.
fn check_user(bmc: &Bmc, id: u8) -> Result<(), CompletionCode> {
    match (1..=bmc.users.maximum()).contains(&id) {
        true => Ok(()),
        false => Err(CompletionCode::INVALID_FIELD),
    }
}

fn set_user_access(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let &[channel, user, standard, _, _, _] = data else {
        return Err(CompletionCode::REQUEST_LENGTH_INVALID);
    };
    Bmc::check_channel(channel)?;
    let id = user & 0x3F;
    check_user(bmc, id)?;
    if standard & 1 << SOL != 0 {
        match user >> 6 {
            0 => bmc.sol.denied &= !user_bit(id),
            1 => bmc.sol.denied |= user_bit(id),
            _ => return Err(CompletionCode::INVALID_FIELD),
        }
    }
    Ok(Vec::new())
}

fn user_access(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let &[channel, user] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    Bmc::check_channel(channel)?;
    let id = user & 0x3F;
    check_user(bmc, id)?;
    let allowed = u8::from(bmc.sol.denied & user_bit(id) == 0) << SOL;
    Ok(vec![allowed, 0, 0, 0])
}

fn channel_payload_support(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let &[channel] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    Bmc::check_channel(channel)?;
    if bmc.config.quirks.contains(Quirk::SolChannelSupport) {
        return Err(CompletionCode::UNSPECIFIED);
    }
    Ok(PAYLOAD_SUPPORT.encode())
}

fn payload_version(_: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    /// A code of this command's own: the payload type is not there.
    const UNAVAILABLE: CompletionCode = CompletionCode(0x80);
    /// Of all payload types: 1.0.
    const VERSION: u8 = 0x10;
    let &[channel, payload_type] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    Bmc::check_channel(channel)?;
    let available = match payload_type & 0x3F {
        standard @ 0x00..=0x0F => PAYLOAD_SUPPORT.standard & 1 << standard != 0,
        setup @ 0x10..=0x1F => PAYLOAD_SUPPORT.setup & 1 << (setup - 0x10) != 0,
        _ => false,
    };
    if available { Ok(vec![VERSION]) } else { Err(UNAVAILABLE) }
}

fn set_parameter(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let (&[channel, selector], value) =
        data.split_first_chunk().ok_or(CompletionCode::REQUEST_LENGTH_INVALID)?;
    Bmc::check_channel(channel)?;
    let present = bmc.sol.parameter(selector).ok_or(CompletionCode::PARAMETER_UNSUPPORTED)?;
    if value.len() != present.encode_value().len() {
        return Err(CompletionCode::REQUEST_LENGTH_INVALID);
    }
    let parameter = SolParameter::decode_value(selector, value).map_err(|_| CompletionCode::INVALID_FIELD)?;
    bmc.sol.set(parameter)?;
    Ok(Vec::new())
}

fn get_parameter(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let &[channel, selector, _set, _block] = data else {
        return Err(CompletionCode::REQUEST_LENGTH_INVALID);
    };
    Bmc::check_channel(channel)?;
    let mut reply = vec![PARAMETER_REVISION];
    // Bit 7 asks for the revision alone.
    if channel & 0x80 == 0 {
        let parameter = bmc.sol.parameter(selector).ok_or(CompletionCode::PARAMETER_UNSUPPORTED)?;
        reply.extend(parameter.encode_value());
    }
    Ok(reply)
}

#[cfg(test)]
mod tests;
