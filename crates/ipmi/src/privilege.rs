//! Privilege levels (IPMI 2.0 section 6.8).

/// What a session or a user may do. Each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrivilegeLevel {
    /// May only ask to be called back; of no use over a LAN.
    Callback,
    /// May read: status, sensors, logs.
    User,
    /// May also switch power, set the boot device and reset.
    Operator,
    /// May also manage users and the network.
    Administrator,
}

impl PrivilegeLevel {
    /// The number on the wire: 1 to 4.
    pub const fn number(self) -> u8 {
        match self {
            Self::Callback => 1,
            Self::User => 2,
            Self::Operator => 3,
            Self::Administrator => 4,
        }
    }

    /// The level with this number; `None` for 0 ("highest", or "no change"), 5 (OEM) and the reserved ones.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Callback),
            2 => Some(Self::User),
            3 => Some(Self::Operator),
            4 => Some(Self::Administrator),
            _ => None,
        }
    }

    /// The next lower level that is of use over a LAN.
    pub(crate) const fn lower(self) -> Option<Self> {
        match self {
            Self::Administrator => Some(Self::Operator),
            Self::Operator => Some(Self::User),
            Self::User | Self::Callback => None,
        }
    }
}
