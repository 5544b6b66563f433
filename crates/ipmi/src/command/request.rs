//! What can be asked of a BMC, what it answers, and which messages this takes.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::command::boot::SetBootOption;
use crate::command::{
    BootFlags, ChassisControl, ChassisStatus, Command, DeviceId, GetBootFlags, GetChassisStatus, GetDeviceId,
    GetSystemGuid, SystemGuid, netfn,
};
use crate::completion::CompletionCode;
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;

/// A command given by its numbers, for what this crate has no type for.
///
/// What is shown of it for debugging has no data where that holds a password or a key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawCommand {
    /// Network function of the request: an even number up to 62.
    pub netfn: u8,
    /// Logical unit of the BMC: 0 to 3, nearly always 0.
    pub lun: u8,
    /// Command number.
    pub cmd: u8,
    /// Request data: up to [`RawCommand::DATA_LIMIT`] bytes.
    pub data: Vec<u8>,
    /// The privilege level that the command needs.
    pub privilege: PrivilegeLevel,
    /// Whether it may be sent again when no reply came. Say `false` unless a second execution is harmless.
    pub repeatable: bool,
}

impl RawCommand {
    /// Longest request data in bytes: what fits, with all headers, into the 255 bytes of an inner message.
    pub const DATA_LIMIT: usize = 248;

    /// The numbers and data of a typed command, for LUN 0.
    pub fn of<C: Command>(command: &C) -> Self {
        let mut data = Vec::new();
        command.encode(&mut data);
        Self {
            netfn: C::NETFN,
            lun: 0,
            cmd: C::CMD,
            data,
            privilege: C::PRIVILEGE,
            repeatable: C::REPEATABLE,
        }
    }

    /// Overwrites the data if it holds a password or a key.
    pub(crate) fn wipe(&mut self) {
        if holds_secret(self.netfn, self.cmd) {
            self.data.zeroize();
        }
    }
}

impl fmt::Debug for RawCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RawCommand");
        shown.field("netfn", &self.netfn).field("lun", &self.lun).field("cmd", &self.cmd);
        if !holds_secret(self.netfn, self.cmd) {
            shown.field("data", &self.data);
        }
        shown.field("privilege", &self.privilege).field("repeatable", &self.repeatable);
        if holds_secret(self.netfn, self.cmd) { shown.finish_non_exhaustive() } else { shown.finish() }
    }
}

/// Whether the request of a command carries a password or a key: Set User Password (section 22.30) and Set Channel
/// Security Keys (section 22.25).
fn holds_secret(netfn: u8, cmd: u8) -> bool {
    netfn & 0x3E == netfn::APP && matches!(cmd, 0x47 | 0x56)
}

/// Something to ask of a BMC, for [`Client::submit`](crate::Client::submit).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Request {
    /// Who made the BMC. Answered by [`Reply::DeviceId`].
    GetDeviceId,
    /// The machine's own id. Answered by [`Reply::SystemGuid`].
    GetSystemGuid,
    /// Is the machine on? Answered by [`Reply::ChassisStatus`].
    GetChassisStatus,
    /// Switch power or reset. Answered by [`Reply::Done`]; never sent twice.
    ChassisControl(ChassisControl),
    /// Set where the machine boots from. Answered by [`Reply::Done`] when the BMC has taken the flags; read them back
    /// with [`Request::GetBootFlags`] to see what it made of them.
    ///
    /// This takes several messages: set in progress, keep the flags beyond 60 seconds, boot info acknowledge, the
    /// flags, set complete. A BMC may lack every one of these parameters but the flags.
    SetBootOptions(BootFlags),
    /// Where will the machine boot from? Answered by [`Reply::BootFlags`].
    GetBootFlags,
    /// Any other command. Answered by [`Reply::Raw`].
    Raw(RawCommand),
}

/// What a BMC answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// To [`Request::ChassisControl`] and [`Request::SetBootOptions`]: the BMC accepted it.
    Done,
    /// To [`Request::GetDeviceId`].
    DeviceId(DeviceId),
    /// To [`Request::GetSystemGuid`].
    SystemGuid(SystemGuid),
    /// To [`Request::GetChassisStatus`].
    ChassisStatus(ChassisStatus),
    /// To [`Request::GetBootFlags`].
    BootFlags(BootFlags),
    /// To [`Request::Raw`]: the reply's data behind the completion code.
    Raw(Vec<u8>),
}

impl From<ChassisControl> for Request {
    fn from(control: ChassisControl) -> Self {
        Self::ChassisControl(control)
    }
}

impl From<RawCommand> for Request {
    fn from(command: RawCommand) -> Self {
        Self::Raw(command)
    }
}

impl From<GetDeviceId> for Request {
    fn from(_: GetDeviceId) -> Self {
        Self::GetDeviceId
    }
}

impl From<GetSystemGuid> for Request {
    fn from(_: GetSystemGuid) -> Self {
        Self::GetSystemGuid
    }
}

impl From<GetChassisStatus> for Request {
    fn from(_: GetChassisStatus) -> Self {
        Self::GetChassisStatus
    }
}

impl From<GetBootFlags> for Request {
    fn from(_: GetBootFlags) -> Self {
        Self::GetBootFlags
    }
}

/// One message of a request.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) netfn: u8,
    pub(crate) lun: u8,
    pub(crate) command: u8,
    /// Wiped in any case: some commands carry passwords.
    pub(crate) data: Zeroizing<Vec<u8>>,
    pub(crate) privilege: PrivilegeLevel,
    pub(crate) repeatable: bool,
    /// Whether the request goes on when the BMC refuses this step.
    pub(crate) optional: bool,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { netfn, lun, command, .. } = self;
        f.debug_struct("Step")
            .field("netfn", netfn)
            .field("lun", lun)
            .field("command", command)
            .finish_non_exhaustive()
    }
}

impl Step {
    pub(crate) fn of<C: Command>(command: &C) -> Self {
        let mut data = Zeroizing::new(Vec::new());
        command.encode(&mut data);
        Self {
            netfn: C::NETFN,
            lun: 0,
            command: C::CMD,
            data,
            privilege: C::PRIVILEGE,
            repeatable: C::REPEATABLE,
            optional: false,
        }
    }

    fn optional<C: Command>(command: &C) -> Self {
        Self { optional: true, ..Self::of(command) }
    }

    /// Whether the request may go on although the BMC answered this step with `code`.
    pub(crate) fn tolerates(&self, code: CompletionCode) -> bool {
        code.is_ok() || self.optional && code != CompletionCode::INSUFFICIENT_PRIVILEGE
    }
}

impl Request {
    /// The message at `index`, or `None` behind the last one.
    pub(crate) fn step(&self, index: usize) -> Option<Step> {
        if let Self::SetBootOptions(flags) = self {
            return match index {
                0 => Some(Step::optional(&SetBootOption::SetInProgress(true))),
                1 => Some(Step::optional(&SetBootOption::KeepValidBit)),
                2 => Some(Step::optional(&SetBootOption::OfferBootInfo)),
                3 => Some(Step::of(&SetBootOption::Flags(*flags))),
                4 => Some(Step::optional(&SetBootOption::SetInProgress(false))),
                _ => None,
            };
        }
        (index == 0).then(|| self.only_step())
    }

    fn only_step(&self) -> Step {
        match self {
            Self::GetDeviceId => Step::of(&GetDeviceId),
            Self::GetSystemGuid => Step::of(&GetSystemGuid),
            Self::GetChassisStatus => Step::of(&GetChassisStatus),
            Self::ChassisControl(control) => Step::of(control),
            Self::SetBootOptions(flags) => Step::of(&SetBootOption::Flags(*flags)),
            Self::GetBootFlags => Step::of(&GetBootFlags),
            Self::Raw(raw) => Step {
                netfn: raw.netfn & 0x3E,
                lun: raw.lun,
                command: raw.cmd,
                data: Zeroizing::new(raw.data.clone()),
                privilege: raw.privilege,
                repeatable: raw.repeatable,
                optional: false,
            },
        }
    }

    /// The privilege level that the whole request needs.
    pub(crate) fn privilege(&self) -> PrivilegeLevel {
        self.only_step().privilege
    }

    /// Reads the data of the last step's reply.
    pub(crate) fn decode_reply(&self, data: &[u8]) -> Result<Reply, Fault> {
        match self {
            Self::GetDeviceId => GetDeviceId::decode(data).map(Reply::DeviceId),
            Self::GetSystemGuid => GetSystemGuid::decode(data).map(Reply::SystemGuid),
            Self::GetChassisStatus => GetChassisStatus::decode(data).map(Reply::ChassisStatus),
            Self::ChassisControl(_) | Self::SetBootOptions(_) => Ok(Reply::Done),
            Self::GetBootFlags => GetBootFlags::decode(data).map(Reply::BootFlags),
            Self::Raw(_) => Ok(Reply::Raw(data.to_vec())),
        }
    }
}
