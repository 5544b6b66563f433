//! VeNCrypt (community protocol document, "VeNCrypt"): TLS around the connection, and a way to authenticate within.

use core::fmt;

/// The version both sides agree on.
pub(crate) const VERSION: [u8; 2] = [0, 2];

/// A way to authenticate within VeNCrypt, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VencryptSubtype(pub u32);

/// What protects the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tunnel {
    Nothing,
    /// TLS in which the server shows no certificate.
    AnonymousTls,
    /// TLS with a certificate.
    X509,
}

/// How the viewer proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    None,
    Vnc,
    Plain,
}

impl VencryptSubtype {
    /// A name and a password in the clear.
    pub const PLAIN: Self = Self(256);
    /// TLS without a certificate, and nobody is asked who they are.
    pub const TLS_NONE: Self = Self(257);
    /// TLS without a certificate, and VNC Authentication.
    pub const TLS_VNC: Self = Self(258);
    /// TLS without a certificate, a name and a password.
    pub const TLS_PLAIN: Self = Self(259);
    /// TLS with a certificate, and nobody is asked who they are.
    pub const X509_NONE: Self = Self(260);
    /// TLS with a certificate, and VNC Authentication.
    pub const X509_VNC: Self = Self(261);
    /// TLS with a certificate, a name and a password.
    pub const X509_PLAIN: Self = Self(262);

    /// What the subtype consists of; `None` for those that are not known here.
    pub(crate) fn parts(self) -> Option<(Tunnel, Proof)> {
        Some(match self {
            Self::PLAIN => (Tunnel::Nothing, Proof::Plain),
            Self::TLS_NONE => (Tunnel::AnonymousTls, Proof::None),
            Self::TLS_VNC => (Tunnel::AnonymousTls, Proof::Vnc),
            Self::TLS_PLAIN => (Tunnel::AnonymousTls, Proof::Plain),
            Self::X509_NONE => (Tunnel::X509, Proof::None),
            Self::X509_VNC => (Tunnel::X509, Proof::Vnc),
            Self::X509_PLAIN => (Tunnel::X509, Proof::Plain),
            _ => return None,
        })
    }
}

impl fmt::Display for VencryptSubtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            256 => "Plain",
            257 => "TLSNone",
            258 => "TLSVnc",
            259 => "TLSPlain",
            260 => "X509None",
            261 => "X509Vnc",
            262 => "X509Plain",
            263 => "TLSSASL",
            264 => "X509SASL",
            number => return write!(f, "VeNCrypt type {number}"),
        };
        f.write_str(name)
    }
}
