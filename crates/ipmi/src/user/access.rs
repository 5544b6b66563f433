//! What a user may do on a channel.

use crate::command::Command;
use crate::privilege::PrivilegeLevel;
use crate::procedure::chain::{Chain, ask, end};
use crate::procedure::{Procedure, ProcedureError};
use crate::user::{GetUserAccess, SetUserAccess, UserId};

/// The highest privilege level that a user reaches on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// A level of the specification.
    Level(PrivilegeLevel),
    /// A level of the BMC's manufacturer.
    Oem,
    /// The user may not use the channel at all.
    NoAccess,
    /// A number without a meaning in the specification; 0 on places that were never filled.
    Reserved(u8),
}

impl Limit {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Level(level) => level.number(),
            Self::Oem => 5,
            Self::NoAccess => 0xF,
            Self::Reserved(number) => number & 0xF,
        }
    }

    pub(crate) const fn from_number(number: u8) -> Self {
        match (PrivilegeLevel::from_number(number & 0xF), number & 0xF) {
            (Some(level), _) => Self::Level(level),
            (None, 5) => Self::Oem,
            (None, 0xF) => Self::NoAccess,
            (None, other) => Self::Reserved(other),
        }
    }

    /// The level, where there is one.
    pub const fn level(self) -> Option<PrivilegeLevel> {
        match self {
            Self::Level(level) => Some(level),
            Self::Oem | Self::NoAccess | Self::Reserved(_) => None,
        }
    }
}

impl From<PrivilegeLevel> for Limit {
    fn from(level: PrivilegeLevel) -> Self {
        Self::Level(level)
    }
}

/// What a user may do on one channel (table 22-31).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserAccess {
    /// The user may only be called back. Meant for modems, yet some BMCs honour it on a LAN.
    pub callback_only: bool,
    /// The name and password also serve for link authentication, as PPP does it.
    pub link_authentication: bool,
    /// The user may send IPMI messages: without this, no session over a LAN.
    pub ipmi_messaging: bool,
    /// The highest privilege level.
    pub limit: Limit,
}

impl UserAccess {
    /// What a user of a LAN needs.
    pub const fn lan(level: PrivilegeLevel) -> Self {
        Self {
            callback_only: false,
            link_authentication: false,
            ipmi_messaging: true,
            limit: Limit::Level(level),
        }
    }

    /// Nothing at all.
    pub const NONE: Self = Self {
        callback_only: false,
        link_authentication: false,
        ipmi_messaging: false,
        limit: Limit::NoAccess,
    };

    /// Bits 6:0 as both commands have them.
    pub(crate) const fn flags(self) -> u8 {
        (self.callback_only as u8) << 6
            | (self.link_authentication as u8) << 5
            | (self.ipmi_messaging as u8) << 4
    }

    pub(crate) const fn from_bits(flags: u8, limit: u8) -> Self {
        Self {
            callback_only: flags & 0x40 != 0,
            link_authentication: flags & 0x20 != 0,
            ipmi_messaging: flags & 0x10 != 0,
            limit: Limit::from_number(limit),
        }
    }
}

/// Which parts of a user's access to change; `None` leaves a part as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AccessChange {
    /// See [`UserAccess::callback_only`].
    pub callback_only: Option<bool>,
    /// See [`UserAccess::link_authentication`].
    pub link_authentication: Option<bool>,
    /// See [`UserAccess::ipmi_messaging`].
    pub ipmi_messaging: Option<bool>,
    /// See [`UserAccess::limit`].
    pub limit: Option<Limit>,
}

impl AccessChange {
    fn apply(self, access: UserAccess) -> UserAccess {
        UserAccess {
            callback_only: self.callback_only.unwrap_or(access.callback_only),
            link_authentication: self.link_authentication.unwrap_or(access.link_authentication),
            ipmi_messaging: self.ipmi_messaging.unwrap_or(access.ipmi_messaging),
            limit: self.limit.unwrap_or(access.limit),
        }
    }
}

/// Changes what `user` may do on `channel` (0 to 11, or 14 for the channel that is asked over), and reads back what holds
/// then.
///
/// [`ProcedureError::NotKept`] where the BMC accepts the change and shows another limit or no IPMI messaging.
pub fn set_access(
    channel: u8,
    user: UserId,
    change: AccessChange,
) -> impl Procedure<Output = UserAccess> + Send {
    let read = move || ask("read the user's access", &GetUserAccess { channel, user });
    read().then(move |before| {
        let wanted = change.apply(before.access);
        write_access(channel, user, wanted).then(move |()| read()).then(move |after| {
            let kept =
                after.access.limit == wanted.limit && after.access.ipmi_messaging == wanted.ipmi_messaging;
            end(match kept {
                true => Ok(after.access),
                false => Err(ProcedureError::NotKept { doing: "set the user's access" }),
            })
        })
    })
}

/// Sets what `user` may do on `channel`, all of it.
pub(super) fn write_access(
    channel: u8,
    user: UserId,
    access: UserAccess,
) -> impl Procedure<Output = <SetUserAccess as Command>::Reply> + Send {
    ask(
        "set the user's access",
        &SetUserAccess { channel, user, access: Some(access.flags()), limit: access.limit },
    )
}
