//! Power strips with switched outlets, by SNMP.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is particular to `pdu`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PduOptions {
    /// The outlets of the strip at the connector's address that feed the machine.
    #[schemars(length(min = 1))]
    pub outlets: Vec<Outlet>,
    /// Outlets of further strips that feed the machine too: it is without power only when all are off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<Feed>,
    /// Which tables the strip has; without it, it is asked what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<PduModel>,
    /// The tables of a strip that this version does not know; for `model: generic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oids: Option<PowerOids>,
    /// The version of SNMP; without it 2c. The credential's password is the community of versions 1 and 2c; of version 3
    /// its user name and password are the user's, for authentication and privacy alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snmp: Option<SnmpVersion>,
    /// Version 3 only: how messages are authenticated; without it SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<SnmpAuthentication>,
    /// Version 3 only: how messages are encrypted; without it AES-128.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<SnmpPrivacy>,
}

/// An outlet of a strip: its number, from 1, or its name as the strip lists it, or a path of indices such as `1.1.12`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Outlet {
    /// Its number, from 1.
    Number(u32),
    /// Its name, or its indices with dots between.
    Name(String),
}

impl fmt::Display for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// Outlets of a further strip, which speaks as the first one does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Feed {
    /// Its IP address or host name.
    pub address: String,
    /// Its outlets.
    #[schemars(length(min = 1))]
    pub outlets: Vec<Outlet>,
}

/// Which tables a strip has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PduModel {
    /// APC rPDU2 and rPDU.
    Apc,
    /// APC MasterSwitch.
    ApcMasterSwitch,
    /// Raritan PX, first generation.
    RaritanPx1,
    /// Raritan PX2 and PX3.
    Raritan,
    /// Server Technology Sentry3.
    Sentry3,
    /// Server Technology Sentry4 (PRO2, PRO3X).
    Sentry4,
    /// Eaton ePDU.
    Eaton,
    /// Eaton, switched, first generation.
    EatonSwitched,
    /// Tripp Lite.
    TrippLite,
    /// Any other, by `oids`.
    Generic,
}

/// The tables of a strip that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PowerOids {
    /// The object that tells an outlet's state, without the outlet's index: `1.3.6.1.4.1. ...`.
    pub status: String,
    /// The object that switches an outlet, without its index.
    pub control: String,
    /// What `status` reads for on.
    pub on: i32,
    /// What `status` reads for off.
    pub off: i32,
    /// What is written to `control` for on; without it as `on`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_on: Option<i32>,
    /// What is written to `control` for off; without it as `off`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_off: Option<i32>,
}

/// A version of SNMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SnmpVersion {
    /// Version 1 (RFC 1157).
    #[serde(rename = "v1")]
    V1,
    /// Version 2c (RFC 1901).
    #[serde(rename = "v2c")]
    V2c,
    /// Version 3 with the user-based security model (RFC 3414).
    #[serde(rename = "v3")]
    V3,
}

/// How messages of SNMP version 3 are authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SnmpAuthentication {
    /// HMAC-MD5-96 (RFC 3414).
    Md5,
    /// HMAC-SHA-96 (RFC 3414).
    Sha1,
    /// HMAC-192-SHA-256 (RFC 7860).
    #[serde(rename = "sha256")]
    Sha256,
    /// HMAC-384-SHA-512 (RFC 7860).
    #[serde(rename = "sha512")]
    Sha512,
}

/// How messages of SNMP version 3 are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SnmpPrivacy {
    /// Not at all.
    None,
    /// DES (RFC 3414).
    Des,
    /// AES-128 in CFB mode (RFC 3826).
    #[serde(rename = "aes128")]
    Aes128,
    /// AES-256, as most vendors have it.
    #[serde(rename = "aes256")]
    Aes256,
}
