//! The five commands on users.

use crate::command::{Command, netfn};
use crate::completion::CompletionCode;
use crate::fault::Fault;
use crate::keys::SecretKey;
use crate::privilege::PrivilegeLevel;
use crate::user::{Limit, PasswordSize, UserAccess, UserId, UserName};
use crate::wire::Reader;

/// Set User Password's own code: the tested password is not the stored one.
pub(crate) const PASSWORD_MISMATCH: CompletionCode = CompletionCode(0x80);

/// Set User Password's own code: the tested password has another size than the stored one.
pub(crate) const PASSWORD_SIZE_MISMATCH: CompletionCode = CompletionCode(0x81);

/// Set User Access (section 22.26).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SetUserAccess {
    pub(crate) channel: u8,
    pub(crate) user: UserId,
    /// Bits 6:4; `None` leaves them and changes the limit alone.
    pub(crate) access: Option<u8>,
    pub(crate) limit: Limit,
}

/// Set User Access, byte 1: bits 6:4 are to be taken.
const CHANGE: u8 = 0x80;

impl Command for SetUserAccess {
    type Reply = ();
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x43;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Administrator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        let flags = self.access.map_or(0, |flags| CHANGE | flags & 0x70);
        data.extend_from_slice(&[flags | self.channel & 0xF, self.user.number(), self.limit.number()]);
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

impl SetUserAccess {
    /// Reads the request's data, as the BMC side does. The optional session limit is not kept.
    pub(crate) fn decode_request(data: &[u8]) -> Result<Self, CompletionCode> {
        let (&[flags, user, limit] | &[flags, user, limit, _]) = data else {
            return Err(CompletionCode::REQUEST_LENGTH_INVALID);
        };
        Ok(Self {
            channel: flags & 0xF,
            user: UserId::new(user & 0x3F).ok_or(CompletionCode::INVALID_FIELD)?,
            access: (flags & CHANGE != 0).then_some(flags & 0x70),
            limit: Limit::from_number(limit),
        })
    }
}

/// Get User Access (section 22.27): what a user may do on a channel, and how many users there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GetUserAccess {
    pub(crate) channel: u8,
    pub(crate) user: UserId,
}

/// How many users a BMC has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserCounts {
    /// Places: the highest user id.
    pub maximum: u8,
    /// Users that are enabled. Careless firmware counts all.
    pub enabled: u8,
    /// Users whose names cannot be changed, from user 1 on.
    pub fixed_names: u8,
}

/// What a BMC says of a user's being enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EnabledStatus {
    /// It does not say, as IPMI 1.5 and early 2.0 firmware.
    Unspecified,
    /// The user is enabled.
    Enabled,
    /// The user is disabled.
    Disabled,
    /// A reserved value.
    Reserved,
}

/// The reply to [`GetUserAccess`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FoundAccess {
    pub(crate) counts: UserCounts,
    pub(crate) status: EnabledStatus,
    pub(crate) access: UserAccess,
}

impl Command for GetUserAccess {
    type Reply = FoundAccess;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x44;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&[self.channel & 0xF, self.user.number()]);
    }

    fn decode(data: &[u8]) -> Result<FoundAccess, Fault> {
        let [maximum, enabled, fixed_names, access] = Reader::new(data).array("user access")?;
        Ok(FoundAccess {
            counts: UserCounts {
                maximum: maximum & 0x3F,
                enabled: enabled & 0x3F,
                fixed_names: fixed_names & 0x3F,
            },
            status: match enabled >> 6 {
                0 => EnabledStatus::Unspecified,
                1 => EnabledStatus::Enabled,
                2 => EnabledStatus::Disabled,
                _ => EnabledStatus::Reserved,
            },
            access: UserAccess::from_bits(access, access),
        })
    }
}

impl FoundAccess {
    /// The reply's data, as the BMC side sends it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let status = match self.status {
            EnabledStatus::Unspecified => 0,
            EnabledStatus::Enabled => 1,
            EnabledStatus::Disabled => 2,
            EnabledStatus::Reserved => 3,
        };
        vec![
            self.counts.maximum & 0x3F,
            status << 6 | self.counts.enabled & 0x3F,
            self.counts.fixed_names & 0x3F,
            self.access.flags() | self.access.limit.number(),
        ]
    }
}

/// Set User Name (section 22.28).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetUserName {
    pub(crate) user: UserId,
    pub(crate) name: UserName,
}

impl Command for SetUserName {
    type Reply = ();
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x45;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Administrator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.push(self.user.number());
        data.extend_from_slice(&self.name.field());
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

/// Get User Name (section 22.29).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GetUserName(pub(crate) UserId);

impl Command for GetUserName {
    type Reply = UserName;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x46;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.push(self.0.number());
    }

    fn decode(data: &[u8]) -> Result<UserName, Fault> {
        Ok(UserName::from_field(data))
    }
}

/// Set User Password (section 22.30), which also enables, disables and tests.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SetUserPassword {
    pub(crate) user: UserId,
    pub(crate) size: PasswordSize,
    pub(crate) operation: Operation,
}

/// What Set User Password does.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    /// The password stands behind it for BMCs that want the field in any case.
    Disable(Option<SecretKey>),
    /// As with `Disable`.
    Enable(Option<SecretKey>),
    Set(SecretKey),
    Test(SecretKey),
}

impl Operation {
    const fn number(&self) -> u8 {
        match self {
            Self::Disable(_) => 0,
            Self::Enable(_) => 1,
            Self::Set(_) => 2,
            Self::Test(_) => 3,
        }
    }

    const fn password(&self) -> Option<&SecretKey> {
        match self {
            Self::Disable(password) | Self::Enable(password) => password.as_ref(),
            Self::Set(password) | Self::Test(password) => Some(password),
        }
    }
}

/// Set User Password, byte 1: the password field has 20 bytes.
const TWENTY: u8 = 0x80;

impl Command for SetUserPassword {
    type Reply = ();
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x47;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Administrator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        // At once, so that no copy of the password is left behind where the bytes stood before they grew.
        data.reserve(2 + PasswordSize::Twenty.bytes());
        let size = match self.size {
            PasswordSize::Sixteen => 0,
            PasswordSize::Twenty => TWENTY,
        };
        data.extend_from_slice(&[size | self.user.number(), self.operation.number()]);
        if let Some(password) = self.operation.password() {
            data.extend_from_slice(&password.bytes()[..self.size.bytes()]);
        }
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

impl SetUserPassword {
    /// Reads the request's data, as the BMC side does.
    pub(crate) fn decode_request(data: &[u8]) -> Result<Self, CompletionCode> {
        let (&[user, operation], password) =
            data.split_first_chunk().ok_or(CompletionCode::REQUEST_LENGTH_INVALID)?;
        let size = if user & TWENTY != 0 { PasswordSize::Twenty } else { PasswordSize::Sixteen };
        let key = (password.len() == size.bytes()).then(|| SecretKey::padded(password)).flatten();
        if key.is_none() && !password.is_empty() {
            return Err(CompletionCode::REQUEST_LENGTH_INVALID);
        }
        let needed = |key: Option<SecretKey>| key.ok_or(CompletionCode::REQUEST_LENGTH_INVALID);
        Ok(Self {
            user: UserId::new(user & 0x3F).ok_or(CompletionCode::INVALID_FIELD)?,
            size,
            operation: match operation & 3 {
                0 => Operation::Disable(key),
                1 => Operation::Enable(key),
                2 => Operation::Set(needed(key)?),
                _ => Operation::Test(needed(key)?),
            },
        })
    }
}
