//! Cipher suites and the algorithms they stand for (IPMI 2.0 sections 13.28 and 22.15.2).

/// A cipher suite: which algorithms authenticate the set-up, protect each packet and encrypt it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CipherSuite {
    /// Suite 3: RAKP-HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128. What every IPMI 2.0 BMC before about 2016 speaks.
    Suite3,
    /// Suite 8: RAKP-HMAC-MD5, HMAC-MD5-128, AES-CBC-128. MD5 is broken for other uses; only for BMCs without suite 3.
    Suite8,
    /// Suite 12: RAKP-HMAC-MD5, MD5-128, AES-CBC-128. As suite 8, with weaker authentication codes.
    Suite12,
    /// Suite 17: RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128. The only one that many later BMCs accept.
    Suite17,
}

impl CipherSuite {
    /// All that this crate speaks, the strongest first.
    pub const ALL: [Self; 4] = [Self::Suite17, Self::Suite3, Self::Suite8, Self::Suite12];

    /// The order that works on the most BMCs: the stronger suite first. The others of [`CipherSuite::ALL`] are for
    /// configurations that name them.
    pub const PREFERRED: [Self; 2] = [Self::Suite17, Self::Suite3];

    /// The number in the specification's table 22-20 and in other tools' `-C` option.
    pub const fn id(self) -> u8 {
        match self {
            Self::Suite3 => 3,
            Self::Suite8 => 8,
            Self::Suite12 => 12,
            Self::Suite17 => 17,
        }
    }

    /// The suite with this number, if this crate speaks it.
    pub const fn from_id(id: u8) -> Option<Self> {
        match id {
            3 => Some(Self::Suite3),
            8 => Some(Self::Suite8),
            12 => Some(Self::Suite12),
            17 => Some(Self::Suite17),
            _ => None,
        }
    }

    pub(crate) const fn algorithms(self) -> Algorithms {
        match self {
            Self::Suite3 => Algorithms {
                authentication: Authentication::RakpHmacSha1,
                integrity: Integrity::HmacSha1_96,
                confidentiality: Confidentiality::AesCbc128,
            },
            Self::Suite8 => Algorithms {
                authentication: Authentication::RakpHmacMd5,
                integrity: Integrity::HmacMd5_128,
                confidentiality: Confidentiality::AesCbc128,
            },
            Self::Suite12 => Algorithms {
                authentication: Authentication::RakpHmacMd5,
                integrity: Integrity::Md5_128,
                confidentiality: Confidentiality::AesCbc128,
            },
            Self::Suite17 => Algorithms {
                authentication: Authentication::RakpHmacSha256,
                integrity: Integrity::HmacSha256_128,
                confidentiality: Confidentiality::AesCbc128,
            },
        }
    }
}

/// The three algorithms of a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Algorithms {
    pub(crate) authentication: Authentication,
    pub(crate) integrity: Integrity,
    pub(crate) confidentiality: Confidentiality,
}

/// Authentication algorithms (table 13-17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authentication {
    RakpHmacMd5,
    RakpHmacSha1,
    RakpHmacSha256,
}

impl Authentication {
    /// Whether firmware of `Quirk::Intel20` looks only at a password's first 16 bytes.
    pub(crate) const fn is_md5(self) -> bool {
        matches!(self, Self::RakpHmacMd5)
    }

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::RakpHmacSha1 => 1,
            Self::RakpHmacMd5 => 2,
            Self::RakpHmacSha256 => 3,
        }
    }

    pub(crate) const fn hash(self) -> Hash {
        match self {
            Self::RakpHmacMd5 => Hash::Md5,
            Self::RakpHmacSha1 => Hash::Sha1,
            Self::RakpHmacSha256 => Hash::Sha256,
        }
    }

    /// Length in bytes of RAKP message 4's integrity check value (section 13.28.1).
    pub(crate) const fn check_value_length(self) -> usize {
        match self {
            Self::RakpHmacSha1 => 12,
            Self::RakpHmacMd5 | Self::RakpHmacSha256 => 16,
        }
    }
}

/// Integrity algorithms (table 13-18).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Integrity {
    HmacMd5_128,
    HmacSha1_96,
    HmacSha256_128,
    Md5_128,
}

impl Integrity {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::HmacSha1_96 => 1,
            Self::HmacMd5_128 => 2,
            Self::Md5_128 => 3,
            Self::HmacSha256_128 => 4,
        }
    }

    pub(crate) const fn hash(self) -> Hash {
        match self {
            Self::HmacMd5_128 | Self::Md5_128 => Hash::Md5,
            Self::HmacSha1_96 => Hash::Sha1,
            Self::HmacSha256_128 => Hash::Sha256,
        }
    }

    /// Length in bytes of the authentication code at a packet's end.
    pub(crate) const fn code_length(self) -> usize {
        match self {
            Self::HmacSha1_96 => 12,
            Self::HmacMd5_128 | Self::HmacSha256_128 | Self::Md5_128 => 16,
        }
    }
}

/// Confidentiality algorithms (table 13-19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confidentiality {
    AesCbc128,
}

impl Confidentiality {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::AesCbc128 => 1,
        }
    }
}

/// The hash function below an authentication code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Md5,
    Sha1,
    Sha256,
}
