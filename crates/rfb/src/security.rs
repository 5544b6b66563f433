//! Ways to authenticate (RFC 6143 section 7.2); one module for each that has more than a number.

pub(crate) mod vencrypt;
pub(crate) mod vnc_authentication;

use core::fmt;

/// A security type by its number (RFC 6143 section 7.1.2 and the IANA registry of RFB security types).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityType(pub u8);

impl SecurityType {
    /// No type at all: the server refuses the connection.
    pub(crate) const INVALID: Self = Self(0);
    /// No authentication.
    pub const NONE: Self = Self(1);
    /// A password of up to eight bytes, proved by DES.
    pub const VNC_AUTHENTICATION: Self = Self(2);
    /// TLS, and a way to authenticate within: [`VencryptSubtype`](crate::VencryptSubtype).
    pub const VENCRYPT: Self = Self(19);
}

impl fmt::Display for SecurityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            1 => "None",
            2 => "VNC Authentication",
            5 | 6 => "RA2",
            16 => "Tight (or ATEN iKVM)",
            18 => "TLS",
            19 => "VeNCrypt",
            20 => "SASL",
            30 => "Apple Remote Desktop",
            number => return write!(f, "type {number}"),
        };
        write!(f, "{name} ({})", self.0)
    }
}
