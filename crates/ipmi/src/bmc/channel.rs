//! The BMC's channels (IPMI 2.0 sections 22.22 to 22.24): one LAN, always open.

use crate::bmc::Bmc;
use crate::bmc::commands::{Answer, Handler, LAN_CHANNEL, handler};
use crate::channel::{
    AccessSetting, ChannelAccess, ChannelInfo, GetChannelAccess, GetChannelInfo, SetChannelAccess,
};
use crate::completion::CompletionCode;
use crate::privilege::PrivilegeLevel;
use crate::user::Limit;

pub(super) const HANDLERS: &[Handler] = &[
    handler::<SetChannelAccess>(|bmc, _, data| set_access(bmc, data)),
    handler::<GetChannelAccess>(|bmc, _, data| access(bmc, data)),
    handler::<GetChannelInfo>(|bmc, _, data| info(bmc, data)),
];

/// IANA enterprise number of the IPMI forum.
const IPMI_FORUM: u32 = 7154;

/// Who may use the LAN, now and after a restart.
#[derive(Debug)]
pub(super) struct Channel {
    present: ChannelAccess,
    non_volatile: ChannelAccess,
}

impl Default for Channel {
    fn default() -> Self {
        let open = ChannelAccess {
            alerting_disabled: false,
            per_message_authentication_disabled: false,
            user_level_authentication_disabled: false,
            mode: 2,
            limit: Limit::Level(PrivilegeLevel::Administrator),
        };
        Self { present: open, non_volatile: open }
    }
}

impl Channel {
    fn of(&mut self, byte: u8) -> Result<&mut ChannelAccess, CompletionCode> {
        match AccessSetting::from_bits(byte) {
            Some(AccessSetting::Present) => Ok(&mut self.present),
            Some(AccessSetting::NonVolatile) => Ok(&mut self.non_volatile),
            None => Err(CompletionCode::INVALID_FIELD),
        }
    }

    /// The highest privilege level of sessions over the LAN; `None` where nobody may log in.
    pub(super) fn limit(&self) -> Option<PrivilegeLevel> {
        match self.present.limit {
            // A manufacturer's own level is above all others.
            Limit::Oem => Some(PrivilegeLevel::Administrator),
            limit => limit.level(),
        }
    }

    /// The BMC restarts.
    pub(super) fn restart(&mut self) {
        self.present = self.non_volatile;
    }
}

fn set_access(bmc: &mut Bmc, data: &[u8]) -> Answer {
    /// Set Channel Access's own code: the channel has no such mode.
    const MODE_UNSUPPORTED: CompletionCode = CompletionCode(0x83);
    let &[channel, flags, limit] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    Bmc::check_channel(channel)?;
    let wanted = ChannelAccess::from_bits([flags, limit]);
    // Bits 7:6 of each byte say which settings it is for; zero leaves them as they are.
    if flags >> 6 != 0 {
        if wanted.mode > 3 {
            return Err(MODE_UNSUPPORTED);
        }
        let access = bmc.channel.of(flags)?;
        *access = ChannelAccess { limit: access.limit, ..wanted };
    }
    if limit >> 6 != 0 {
        if wanted.limit.level().is_none() && wanted.limit != Limit::Oem {
            return Err(CompletionCode::INVALID_FIELD);
        }
        bmc.channel.of(limit)?.limit = wanted.limit;
    }
    Ok(Vec::new())
}

fn access(bmc: &mut Bmc, data: &[u8]) -> Answer {
    let &[channel, setting] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    Bmc::check_channel(channel)?;
    Ok(bmc.channel.of(setting)?.bits().to_vec())
}

/// The channels beside the LAN: IPMB and the machine's own interface, a KCS one (tables 6-2 and 6-3). Neither has
/// sessions.
fn sessionless(channel: u8) -> Option<ChannelInfo> {
    let (medium, protocol) = match channel {
        0x00 => (0x01, 0x01),
        0x0F => (0x0C, 0x05),
        _ => return None,
    };
    let vendor = IPMI_FORUM;
    Some(ChannelInfo {
        channel,
        medium,
        protocol,
        session_support: 0,
        active_sessions: 0,
        vendor,
        auxiliary: [0; 2],
    })
}

fn info(bmc: &mut Bmc, data: &[u8]) -> Answer {
    let &[channel] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    if let Some(info) = sessionless(channel & 0x0F) {
        return Ok(info.encode());
    }
    Bmc::check_channel(channel)?;
    let info = ChannelInfo {
        channel: LAN_CHANNEL,
        medium: 0x04,
        protocol: 0x01,
        session_support: 2,
        active_sessions: bmc.session_count().min(0x3F) as u8,
        vendor: IPMI_FORUM,
        auxiliary: [0; 2],
    };
    Ok(info.encode())
}
