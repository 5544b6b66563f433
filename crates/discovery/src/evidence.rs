//! What one address showed to somebody without a password.

use std::net::IpAddr;

use serde::Serialize;

use crate::certificate::Certificate;
use crate::descriptor::Descriptor;
use crate::ssdp::Announced;

/// What one address showed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gathered {
    /// The address.
    pub address: IpAddr,
    /// What was asked, in order.
    pub asked: Vec<Asked>,
    /// Whether it answered the presence ping of RMCP.
    pub pong: bool,
    /// What its IPMI service tells to anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipmi: Option<Ipmi>,
    /// What it answers to a search by SSDP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announced: Option<Announced>,
    /// The TLS of its web server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// The service root of Redfish.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redfish: Option<serde_json::Value>,
    /// Whether its Redfish service is spoken to without TLS.
    pub redfish_is_plain: bool,
    /// How its web server names itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Vendors' own descriptions that it gave.
    pub descriptors: Vec<Descriptor>,
    /// The version of Intel AMT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amt: Option<String>,
    /// The TCP ports that took a connection, of those that were tried.
    pub open_ports: Vec<u16>,
    /// Paths beyond the service root that Redfish shows without a login.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unprotected: Vec<String>,
}

/// One question, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// What was asked, and where.
    pub question: String,
    /// What answered.
    pub answer: String,
    /// Milliseconds from the question to the answer, or to giving up.
    pub milliseconds: u64,
}

/// What an IPMI service tells to anybody (IPMI 2.0 sections 22.13 and 22.15).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ipmi {
    /// IPMI 2.0 sessions are possible.
    pub rmcp_plus: bool,
    /// IPMI 1.5 sessions are possible.
    pub ipmi_1_5: bool,
    /// Ways in which IPMI 1.5 sessions may be authenticated: `none`, `md2`, `md5`, `password`, `oem`.
    pub authentication: Vec<&'static str>,
    /// A key Kg is set.
    pub kg_is_set: bool,
    /// Every packet of an IPMI 1.5 session is authenticated.
    pub per_message_authentication: bool,
    /// Commands of the user level are authenticated.
    pub user_level_authentication: bool,
    /// Users without a name are enabled.
    pub null_users: bool,
    /// A user without name and password is enabled.
    pub anonymous_login: bool,
    /// IANA enterprise number; 0 where none is told.
    pub oem: u32,
    /// The cipher suites that it lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suites: Option<Vec<u8>>,
    /// Whether it opens a session without authentication; absent where it was not tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepts_suite_0: Option<bool>,
}

/// The TLS of a web server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// The port.
    pub port: u16,
    /// The version that was agreed on: `TLS 1.3`; absent where none was in common.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'static str>,
    /// The certificate of the server; absent where it makes no sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// The versions below TLS 1.2 that it accepts; absent where that was not tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_versions: Option<Vec<&'static str>>,
}

impl Gathered {
    /// Nothing yet.
    pub const fn new(address: IpAddr) -> Self {
        Self {
            address,
            asked: Vec::new(),
            pong: false,
            ipmi: None,
            announced: None,
            tls: None,
            redfish: None,
            redfish_is_plain: false,
            server: None,
            descriptors: Vec::new(),
            amt: None,
            open_ports: Vec::new(),
            unprotected: Vec::new(),
        }
    }

    /// Whether anything at all answered.
    pub fn answers(&self) -> bool {
        self.pong || self.ipmi.is_some() || self.announced.is_some() || !self.open_ports.is_empty()
    }
}
