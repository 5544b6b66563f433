//! The commands that the BMC carries out: one table, one function for each.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Instant;

use crate::Peer;
use crate::bmc::session15;
use crate::bmc::{
    Bmc, BmcEvent, channel, chassis, dcmi, device, fru, lan, sdr, sel, sensors, sol, users, watchdog,
};
use crate::command::{
    AuthenticationCapabilities, ChassisControl, CloseSession, Command, GetBootFlags,
    GetChannelAuthenticationCapabilities, GetChassisStatus, GetDeviceId, GetSystemGuid,
    SetSessionPrivilegeLevel, encode_suite_records, netfn,
};
use crate::completion::CompletionCode;
use crate::message::Message;
use crate::privilege::PrivilegeLevel;
use crate::quirk::Quirk;

/// The number of the LAN channel.
pub(super) const LAN_CHANNEL: u8 = 1;

/// Channel Eh: the one that the command came over.
const THIS_CHANNEL: u8 = 0x0E;

/// Levels that Get Channel Authentication Capabilities can be asked for: Callback to OEM (section 22.13).
const REQUESTED_PRIVILEGES: RangeInclusive<u8> = 1..=5;

/// The most sessions that Get Session Info can count.
const SESSION_LIMIT: u8 = 0x3F;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    pub(super) now: Instant,
    pub(super) from: Peer,
    /// Where the session is, for commands inside one.
    pub(super) session: Option<usize>,
    /// The session's present privilege level.
    pub(super) privilege: Option<PrivilegeLevel>,
}

/// The data of a reply, or why there is none.
pub(super) type Answer = Result<Vec<u8>, CompletionCode>;

/// A completion code with the data that stands beside it, whichever code it is.
pub(super) type CodedAnswer = (CompletionCode, Vec<u8>);

/// Who may ask.
#[derive(Debug, Clone, Copy)]
pub(super) enum Access {
    /// Anybody, also outside a session.
    Anybody,
    /// Sessions at this privilege level or above.
    From(PrivilegeLevel),
}

/// How a command is carried out.
#[derive(Clone, Copy)]
pub(super) enum Action {
    /// With the request's data, whose length it checks.
    WithData(fn(&mut Bmc, Caller, &[u8]) -> Answer),
    /// Its request has no data; one that has some is refused.
    WithoutData(fn(&mut Bmc, Caller) -> Answer),
    /// As [`Action::WithData`], and its reply has data beside a code that is not 0, too.
    Coded(fn(&mut Bmc, Caller, &[u8]) -> CodedAnswer),
}

/// A command that the BMC knows.
pub(super) struct Handler {
    pub(super) netfn: u8,
    pub(super) command: u8,
    pub(super) access: Access,
    pub(super) action: Action,
}

/// The entry of a typed command, with the numbers and the privilege level that its type has.
pub(super) const fn handler<C: Command>(answer: fn(&mut Bmc, Caller, &[u8]) -> Answer) -> Handler {
    acting::<C>(Action::WithData(answer))
}

/// The entry of a typed command whose request has no data.
pub(super) const fn dataless<C: Command>(answer: fn(&mut Bmc, Caller) -> Answer) -> Handler {
    acting::<C>(Action::WithoutData(answer))
}

/// The entry of a typed command that is carried out like this.
pub(super) const fn acting<C: Command>(action: Action) -> Handler {
    Handler { netfn: C::NETFN, command: C::CMD, access: Access::From(C::PRIVILEGE), action }
}

/// The entry of a command without a type.
pub(super) const fn untyped(
    (netfn, command): (u8, u8),
    access: Access,
    answer: fn(&mut Bmc, Caller, &[u8]) -> Answer,
) -> Handler {
    Handler { netfn, command, access, action: Action::WithData(answer) }
}

/// Every command that the BMC knows: a table for each of its parts.
const TABLES: &[&[Handler]] = &[
    HANDLERS,
    session15::HANDLERS,
    fru::HANDLERS,
    sel::HANDLERS,
    sol::HANDLERS,
    users::HANDLERS,
    chassis::HANDLERS,
    device::HANDLERS,
    watchdog::HANDLERS,
    channel::HANDLERS,
    lan::HANDLERS,
    sdr::HANDLERS,
    sensors::HANDLERS,
    dcmi::HANDLERS,
];

/// Those of the BMC itself, its sessions and its machine.
const HANDLERS: &[Handler] = &[
    dataless::<GetDeviceId>(|bmc, _| Ok(bmc.config.device_id.encode())),
    Handler { access: Access::Anybody, ..dataless::<GetSystemGuid>(|bmc, _| Ok(bmc.config.guid.to_vec())) },
    Handler {
        access: Access::Anybody,
        ..handler::<GetChannelAuthenticationCapabilities>(authentication_capabilities)
    },
    handler::<SetSessionPrivilegeLevel>(set_session_privilege),
    handler::<CloseSession>(close_session),
    untyped((netfn::APP, 0x3D), Access::From(PrivilegeLevel::User), session_info),
    untyped((netfn::APP, 0x54), Access::Anybody, channel_cipher_suites),
    dataless::<GetChassisStatus>(|bmc, _| Ok(bmc.chassis.encode())),
    handler::<ChassisControl>(chassis_control),
    untyped((netfn::CHASSIS, 0x08), Access::From(PrivilegeLevel::Operator), set_boot_options),
    handler::<GetBootFlags>(boot_options),
];

impl Bmc {
    /// Carries out a command and encodes the reply.
    pub(super) fn answer(&mut self, caller: Caller, request: &Message<'_>) -> Vec<u8> {
        self.commands += 1;
        let (code, data) = match self.find(caller, request) {
            Ok(Action::Coded(answer)) => answer(self, caller, request.data),
            Ok(Action::WithData(answer)) => coded(answer(self, caller, request.data)),
            Ok(Action::WithoutData(answer)) if request.data.is_empty() => coded(answer(self, caller)),
            Ok(Action::WithoutData(_)) => (CompletionCode::REQUEST_LENGTH_INVALID, Vec::new()),
            Err(code) => (code, Vec::new()),
        };
        request.encode_reply(code, &data)
    }

    /// What the command asks for, if the caller may have it.
    fn find(&self, caller: Caller, request: &Message<'_>) -> Result<Action, CompletionCode> {
        if self.busy && caller.session.is_some() {
            return Err(CompletionCode::NODE_BUSY);
        }
        let handler = TABLES
            .iter()
            .copied()
            .flatten()
            .find(|handler| handler.netfn == request.netfn && handler.command == request.command)
            .ok_or(CompletionCode::INVALID_COMMAND)?;
        if request.to_lun != 0 {
            return Err(CompletionCode::INVALID_FOR_LUN);
        }
        match handler.access {
            Access::Anybody => {}
            Access::From(needed) if caller.privilege.is_some_and(|privilege| privilege >= needed) => {}
            Access::From(_) => return Err(CompletionCode::INSUFFICIENT_PRIVILEGE),
        }
        Ok(handler.action)
    }

    /// How many sessions can be open at once. Get Session Info has six bits for it (section 22.20), which also keeps
    /// every session's handle within a byte.
    pub(super) fn session_limit(&self) -> u8 {
        self.config.max_sessions.clamp(1, SESSION_LIMIT)
    }

    pub(super) fn check_channel(byte: u8) -> Result<(), CompletionCode> {
        match byte & 0x0F {
            LAN_CHANNEL | THIS_CHANNEL => Ok(()),
            _ => Err(CompletionCode::INVALID_FIELD),
        }
    }
}

fn coded(answer: Answer) -> CodedAnswer {
    match answer {
        Ok(data) => (CompletionCode::OK, data),
        Err(code) => (code, Vec::new()),
    }
}

fn authentication_capabilities(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let &[channel, privilege] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    Bmc::check_channel(channel)?;
    if !REQUESTED_PRIVILEGES.contains(&(privilege & 0x0F)) {
        return Err(CompletionCode::INVALID_FIELD);
    }
    let untrue = bmc.config.quirks.contains(Quirk::AuthenticationCapabilities);
    let [named_users, null_users, anonymous_login] = bmc.users.kinds();
    let capabilities = AuthenticationCapabilities {
        channel: LAN_CHANNEL,
        extended: channel & 0x80 != 0,
        types: bmc.config.ipmi15.types(),
        per_message_authentication: bmc.config.ipmi15.claims_per_message(bmc.config.quirks),
        user_level_authentication: true,
        ipmi_1_5: !bmc.config.ipmi15.authentications.is_empty(),
        oem_auxiliary: 0,
        kg_is_set: bmc.kg().is_some() != untrue,
        named_users: named_users != untrue,
        null_users,
        anonymous_login,
        rmcp_plus: true,
        oem: 0,
    };
    Ok(capabilities.encode())
}

/// Get Channel Cipher Suites (section 22.15): 16 bytes of the records at a time.
fn channel_cipher_suites(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let &[channel, _payload_type, list] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    Bmc::check_channel(channel)?;
    let mut records = encode_suite_records(&bmc.config.suites);
    if bmc.config.quirks.contains(Quirk::Sun20) {
        // Without the byte that begins a record.
        records.retain(|byte| *byte != 0xC0);
    }
    if list & 0x80 == 0 {
        // The other form lists algorithms, not suites: each of the tagged numbers once.
        records =
            records.chunks(5).flat_map(|record| record.iter().skip(2).copied().collect::<Vec<_>>()).collect();
        records.sort_unstable();
        records.dedup();
    }
    let mut reply = vec![LAN_CHANNEL];
    reply.extend(records.iter().skip(usize::from(list & 0x3F) * 16).take(16));
    Ok(reply)
}

fn set_session_privilege(bmc: &mut Bmc, caller: Caller, data: &[u8]) -> Answer {
    /// Codes of this command's own (section 22.18).
    const LEVEL_UNAVAILABLE: CompletionCode = CompletionCode(0x80);
    const EXCEEDS_LIMIT: CompletionCode = CompletionCode(0x81);
    if bmc.config.quirks.contains(Quirk::Intel82571) {
        return Err(CompletionCode::INVALID_COMMAND);
    }
    let &[asked] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    let active = caller
        .session
        .and_then(|place| bmc.sessions.active_mut(place))
        .ok_or(CompletionCode::INSUFFICIENT_PRIVILEGE)?;
    // 0 asks for the present level.
    if asked & 0x0F != 0 {
        let level = PrivilegeLevel::from_number(asked & 0x0F)
            .filter(|level| *level >= PrivilegeLevel::User)
            .ok_or(LEVEL_UNAVAILABLE)?;
        if level > active.limit {
            return Err(EXCEEDS_LIMIT);
        }
        active.privilege = level;
    }
    Ok(vec![active.privilege.number()])
}

fn close_session(bmc: &mut Bmc, caller: Caller, data: &[u8]) -> Answer {
    /// Codes of this command's own (section 22.19).
    const INVALID_SESSION_ID: CompletionCode = CompletionCode(0x87);
    const INVALID_SESSION_HANDLE: CompletionCode = CompletionCode(0x88);
    let place = match data {
        &[0, 0, 0, 0, handle] => {
            let place = usize::from(handle).checked_sub(1).ok_or(INVALID_SESSION_HANDLE)?;
            bmc.sessions.active(place).map(|_| place).ok_or(INVALID_SESSION_HANDLE)?
        }
        &[i0, i1, i2, i3] | &[i0, i1, i2, i3, _] => {
            let id = u32::from_le_bytes([i0, i1, i2, i3]);
            bmc.sessions.place_of(id).ok_or(INVALID_SESSION_ID)?
        }
        _ => return Err(CompletionCode::REQUEST_LENGTH_INVALID),
    };
    let own = caller.session == Some(place);
    if !own && caller.privilege < Some(PrivilegeLevel::Administrator) {
        return Err(CompletionCode::INSUFFICIENT_PRIVILEGE);
    }
    bmc.sessions.active_mut(place).ok_or(INVALID_SESSION_ID)?.closing = true;
    Ok(Vec::new())
}

/// Get Session Info (section 22.20).
fn session_info(bmc: &mut Bmc, caller: Caller, data: &[u8]) -> Answer {
    let active = || bmc.sessions.active_places();
    let place = match data {
        [0x00] => caller.session,
        [0xFE, handle] => {
            usize::from(*handle).checked_sub(1).filter(|place| bmc.sessions.active(*place).is_some())
        }
        &[0xFF, i0, i1, i2, i3] => {
            let id = u32::from_le_bytes([i0, i1, i2, i3]);
            bmc.sessions.place_of(id).filter(|place| bmc.sessions.active(*place).is_some())
        }
        [number @ 0x01..=0xFD] => active().nth(usize::from(*number) - 1),
        _ => return Err(CompletionCode::REQUEST_LENGTH_INVALID),
    };
    let counts = [bmc.session_limit(), u8::try_from(active().count()).unwrap_or(SESSION_LIMIT)];
    let found = place.and_then(|place| Some((place, bmc.sessions.get(place)?, bmc.sessions.active(place)?)));
    let Some((place, session, active)) = found else {
        // No such session: handle 0 and the counts.
        return Ok(vec![0, counts[0], counts[1]]);
    };
    let handle = u8::try_from(place + 1).map_err(|_| CompletionCode::UNSPECIFIED)?;
    let mut reply = vec![handle, counts[0], counts[1]];
    // Session protocol 1, IPMI 2.0, and the channel.
    reply.extend_from_slice(&[active.user as u8 + 1, active.privilege.number(), 0x10 | LAN_CHANNEL]);
    reply.extend_from_slice(&console_address(session.peer));
    Ok(reply)
}

/// A console's IPv4 address, MAC (unknown here) and port.
fn console_address(peer: Peer) -> [u8; 12] {
    let ip = match peer.ip().to_canonical() {
        IpAddr::V4(ip) => ip.octets(),
        IpAddr::V6(_) => [0; 4],
    };
    let [port_low, port_high] = peer.port().to_le_bytes();
    [ip[0], ip[1], ip[2], ip[3], 0, 0, 0, 0, 0, 0, port_low, port_high]
}

fn chassis_control(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let &[number] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    let control = ChassisControl::from_number(number & 0x0F).ok_or(CompletionCode::INVALID_FIELD)?;
    // Section 28.3 recommends this answer to a power cycle of a machine that is off.
    if control == ChassisControl::PowerCycle && !bmc.chassis.power_on {
        return Err(CompletionCode::WRONG_STATE);
    }
    bmc.boot.chassis_controlled();
    bmc.note_control(control);
    bmc.event(BmcEvent::ChassisControl(control));
    Ok(Vec::new())
}

fn boot_options(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let mut reply = bmc.boot.get(data)?;
    if bmc.config.quirks.contains(Quirk::BootSurplus) {
        reply.extend_from_slice(&[0xA5; 12]);
    }
    Ok(reply)
}

fn set_boot_options(bmc: &mut Bmc, caller: Caller, data: &[u8]) -> Answer {
    if let Some(flags) = bmc.boot.set(caller.now, data)? {
        bmc.event(BmcEvent::BootFlagsSet(flags));
    }
    Ok(Vec::new())
}
