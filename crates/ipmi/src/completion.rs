//! Completion codes: a BMC's one-byte verdict on a command (IPMI 2.0 table 5-2).

use std::fmt;

/// The first byte of every reply's data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CompletionCode(pub u8);

impl CompletionCode {
    /// The command was carried out.
    pub const OK: Self = Self(0x00);
    /// Get/Set System Boot Options and others: this parameter is not supported (a code of the command's own).
    pub const PARAMETER_UNSUPPORTED: Self = Self(0x80);
    /// Set commands of LAN, SOL and boot parameters: another console is in the middle of setting (a code of their own).
    pub(crate) const SET_IN_PROGRESS: Self = Self(0x81);
    /// Set commands of LAN and SOL parameters: the parameter cannot be written (a code of their own).
    pub(crate) const READ_ONLY: Self = Self(0x82);
    /// The BMC is busy and has not begun the command; it may be sent again.
    pub const NODE_BUSY: Self = Self(0xC0);
    /// The BMC does not know the command.
    pub const INVALID_COMMAND: Self = Self(0xC1);
    /// The BMC knows the command, but not at the logical unit that was asked.
    pub const INVALID_FOR_LUN: Self = Self(0xC2);
    /// The command took too long inside the BMC; whether it was carried out is unknown.
    pub const PROCESSING_TIMEOUT: Self = Self(0xC3);
    /// There is no room for what is to be stored.
    pub const OUT_OF_SPACE: Self = Self(0xC4);
    /// The reservation was cancelled by a change of the data, or never given.
    pub const RESERVATION_LOST: Self = Self(0xC5);
    /// The request is shorter or longer than the command wants.
    pub const REQUEST_LENGTH_INVALID: Self = Self(0xC7);
    /// A field of the request is longer than allowed.
    pub const FIELD_LENGTH_EXCEEDED: Self = Self(0xC8);
    /// The data exceeds a limit of the field.
    pub const PARAMETER_OUT_OF_RANGE: Self = Self(0xC9);
    /// The BMC cannot answer with as many bytes as were asked for.
    pub const CANNOT_RETURN_LENGTH: Self = Self(0xCA);
    /// What the request names (a sensor, a record) does not exist.
    pub const NOT_PRESENT: Self = Self(0xCB);
    /// The command means nothing for this sensor or type of record.
    pub(crate) const ILLEGAL_FOR_SENSOR: Self = Self(0xCD);
    /// A field of the request holds a value that is not allowed.
    pub const INVALID_FIELD: Self = Self(0xCC);
    /// The command was accepted but its response is not available; whether it was carried out is unknown.
    pub const RESPONSE_UNAVAILABLE: Self = Self(0xCE);
    /// The session's or user's privilege is too low.
    pub const INSUFFICIENT_PRIVILEGE: Self = Self(0xD4);
    /// Not possible in the present state, such as a power cycle of a machine that is off.
    pub const WRONG_STATE: Self = Self(0xD5);
    /// No further explanation.
    pub const UNSPECIFIED: Self = Self(0xFF);

    /// Whether the command was carried out.
    pub fn is_ok(self) -> bool {
        self == Self::OK
    }

    /// Whether the code leaves open if the command was carried out.
    pub(crate) fn leaves_outcome_open(self) -> bool {
        matches!(self, Self::PROCESSING_TIMEOUT | Self::RESPONSE_UNAVAILABLE)
    }

    /// The meaning that table 5-2 gives the code, where it is the same for all commands.
    pub fn meaning(self) -> &'static str {
        match self.0 {
            0x00 => "completed",
            0x01..=0x7E => "device-specific code",
            0x80..=0xBE => "code of this command's own",
            0xC0 => "node busy",
            0xC1 => "invalid command",
            0xC2 => "command invalid for given LUN",
            0xC3 => "timeout while processing the command",
            0xC4 => "out of space",
            0xC5 => "reservation cancelled or invalid",
            0xC6 => "request data truncated",
            0xC7 => "request data length invalid",
            0xC8 => "request data field length limit exceeded",
            0xC9 => "parameter out of range",
            0xCA => "cannot return the number of requested data bytes",
            0xCB => "requested sensor, data or record not present",
            0xCC => "invalid data field in request",
            0xCD => "command illegal for the sensor or record type",
            0xCE => "command response could not be provided",
            0xCF => "cannot execute duplicated request",
            0xD0 => "SDR repository in update mode",
            0xD1 => "device in firmware update mode",
            0xD2 => "BMC initialisation in progress",
            0xD3 => "destination unavailable",
            0xD4 => "insufficient privilege level",
            0xD5 => "not supported in present state",
            0xD6 => "command sub-function disabled or unavailable",
            0xFF => "unspecified error",
            _ => "reserved code",
        }
    }
}

impl fmt::Debug for CompletionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompletionCode({:#04x})", self.0)
    }
}

impl fmt::Display for CompletionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}h ({})", self.0, self.meaning())
    }
}
