//! What a scan found at one address: what is shown, kept in the file of a scan, and made manifests of.

use std::net::IpAddr;

use ironhand_api::MacAddress;
use serde::{Deserialize, Serialize};

use crate::{Gathered, Identity, Ports};

/// What was found at an address that answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The address.
    pub address: IpAddr,
    /// Who makes the controller, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// The controller and its generation: `iLO 5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The version of its firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// The model of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The serial number of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The addresses of the machine's network interfaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub macs: Vec<MacAddress>,
    /// How sure the vendor is: `none`, `low`, `medium`, `high`.
    pub confidence: String,
    /// The protocols that it speaks.
    pub speaks: Vec<Spoken>,
    /// Signs that contradict the one that decided the vendor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
    /// The account that it accepted, by the name of its credential; absent where none was tried or accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// What it was told by, and all that was asked.
    pub evidence: serde_json::Value,
}

/// A protocol, and how it is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spoken {
    /// Which protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
    /// Whether it is spoken without TLS, where the protocol has both.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub plain: bool,
}

/// Protocols that manifests can name a way by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Redfish.
    Redfish,
    /// IPMI 2.0.
    Ipmi,
    /// IPMI, though no version that sessions are opened in.
    #[serde(rename = "ipmi-1.5")]
    Ipmi15,
    /// Intel AMT.
    Amt,
}

impl Protocol {
    /// The name, as manifests write it where they can.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redfish => "redfish",
            Self::Ipmi => "ipmi",
            Self::Ipmi15 => "ipmi-1.5",
            Self::Amt => "amt",
        }
    }
}

impl Found {
    /// What was found; `None` where nothing of a controller answers.
    pub fn new(gathered: &Gathered, identity: &Identity, ports: &Ports) -> Option<Self> {
        let speaks = spoken(gathered, ports);
        let shows_itself = gathered.pong || gathered.announced.is_some();
        if speaks.is_empty() && identity.vendor.is_none() && !shows_itself {
            return None;
        }
        let evidence = serde_json::json!({ "signs": identity.evidence, "gathered": gathered });
        Some(Self {
            address: gathered.address,
            vendor: identity.vendor.map(|vendor| vendor.to_string()),
            product: identity.product(),
            firmware: identity.firmware.clone(),
            model: identity.model.clone(),
            serial: identity.serial.clone(),
            macs: identity.macs.clone(),
            confidence: identity.confidence.as_str().to_owned(),
            speaks,
            conflicts: identity.conflicts.clone(),
            login: None,
            evidence,
        })
    }

    /// Vendor and product in a few words.
    pub fn what(&self) -> String {
        let words: Vec<&str> =
            [&self.vendor, &self.product].into_iter().flatten().map(String::as_str).collect();
        match words.as_slice() {
            [] => "unknown".to_owned(),
            // `OpenBMC OpenBMC` says no more than one of them.
            [vendor, product] if vendor.contains(product) => (*vendor).to_owned(),
            words => words.join(" "),
        }
    }
}

fn spoken(gathered: &Gathered, ports: &Ports) -> Vec<Spoken> {
    let mut speaks = Vec::new();
    if gathered.redfish.is_some() {
        let plain = gathered.redfish_is_plain;
        let port = if plain { ports.http } else { ports.https };
        speaks.push(Spoken { protocol: Protocol::Redfish, port, plain });
    }
    if let Some(ipmi) = &gathered.ipmi {
        let protocol = if ipmi.rmcp_plus { Protocol::Ipmi } else { Protocol::Ipmi15 };
        speaks.push(Spoken { protocol, port: ports.ipmi, plain: false });
    }
    if gathered.amt.is_some() {
        speaks.push(Spoken { protocol: Protocol::Amt, port: ports.amt, plain: true });
    }
    speaks
}
