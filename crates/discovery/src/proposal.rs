//! Host manifests for what was found: a beginning that people read before they apply it.

use std::collections::{BTreeMap, BTreeSet};

use ironhand_api::{
    AmtOptions, Connector, Host, HostSpec, IpmiOptions, Metadata, Name, RedfishOptions, Tls, Way,
};

use crate::Found;
use crate::found::{Protocol, Spoken};

/// The longest value of a label that manifests take, in bytes.
const LONGEST_LABEL: usize = 63;

/// Makes manifests whose names differ from each other.
#[derive(Debug, Default)]
pub struct Proposals {
    names: BTreeSet<String>,
}

impl Proposals {
    /// The host at an address, with `credential` where none was accepted; `None` where nothing is spoken that a host can
    /// be reached by.
    pub fn host(&mut self, found: &Found, credential: &Name) -> Option<Host> {
        let connectors: Vec<Connector> =
            found.speaks.iter().filter_map(|spoken| connector(found, *spoken)).collect();
        if connectors.is_empty() {
            return None;
        }
        let accepted = found.login.as_deref().and_then(|name| name.parse().ok());
        let spec = HostSpec {
            macs: found.macs.clone(),
            credentials: vec![accepted.unwrap_or_else(|| credential.clone())],
            connectors,
            ..HostSpec::default()
        };
        let metadata = Metadata {
            name: self.name(found)?,
            labels: labels(found),
            resource_version: None,
            created_at: None,
        };
        Some(Host { metadata, spec, status: None })
    }

    /// The serial number, else the address; a number behind it where another has that name.
    fn name(&mut self, found: &Found) -> Option<Name> {
        let serial = found.serial.as_deref().map(|serial| serial.trim().to_lowercase());
        let serial = serial.filter(|serial| serial.parse::<Name>().is_ok());
        let address = found.address.to_string().replace(['.', ':'], "-");
        let address = format!("bmc-{}", address.trim_matches('-'));
        let name = serial.unwrap_or(address);
        let numbered = (2..).map(|number: usize| format!("{name}-{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !self.names.contains(name))?;
        self.names.insert(free.clone());
        free.parse().ok()
    }
}

fn connector(found: &Found, spoken: Spoken) -> Option<Connector> {
    let tls = if spoken.plain { Tls::Off } else { Tls::default() };
    let way = match spoken.protocol {
        Protocol::Redfish => Way::Redfish(RedfishOptions { tls, system: None }),
        Protocol::Ipmi => Way::Ipmi(IpmiOptions::default()),
        Protocol::Amt => Way::Amt(AmtOptions { tls }),
        // Sessions of IPMI 1.5 protect nothing, and no lane opens them.
        Protocol::Ipmi15 => return None,
    };
    let mut connector = Connector::new(way, found.address.to_string());
    connector.port = Some(spoken.port).filter(|port| *port != connector.kind().default_port());
    Some(connector)
}

fn labels(found: &Found) -> BTreeMap<String, String> {
    let labels = [("vendor", &found.vendor), ("model", &found.model), ("bmc", &found.product)];
    let labels = labels.into_iter().filter_map(|(key, value)| {
        let value = label(value.as_deref()?);
        (!value.is_empty()).then(|| (key.to_owned(), value))
    });
    labels.collect()
}

/// A text as the value of a label: letters, digits and a few signs, dashes for what lies between.
fn label(text: &str) -> String {
    let keeps = |letter: char| letter.is_ascii_alphanumeric() || "-._+/".contains(letter);
    let words = text.split(|letter| !keeps(letter)).filter(|word| !word.is_empty());
    let mut label = words.collect::<Vec<_>>().join("-");
    label.truncate(LONGEST_LABEL);
    label
}

#[cfg(test)]
mod tests;
