//! What a device is: told by what it shows to anybody.
//!
//! Each sign has a weight. The heaviest one that names a maker decides; what contradicts it is shown beside it.

use ironhand_api::MacAddress;
use ironhand_redfish::{Resource, Vendor};
use serde::Serialize;

use crate::{Gathered, Maker};

/// What a device is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Who makes the controller or its firmware; absent where nothing tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<Maker>,
    /// The family of the controller: `iLO`, `iDRAC`, `XCC`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Its generation within the family: `5`, `9`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<String>,
    /// The version of its firmware.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// The model of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The serial number of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The UUID of the Redfish service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// The addresses of the machine's network interfaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub macs: Vec<MacAddress>,
    /// How sure the vendor is.
    pub confidence: Confidence,
    /// What it was told by, the weightiest first.
    pub evidence: Vec<Sign>,
    /// Signs that contradict the one that decided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
}

/// How sure something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Nothing tells.
    #[default]
    None,
    /// A number that firmware is known to leave as somebody else had it.
    Low,
    /// One sign, or signs that contradict each other.
    Medium,
    /// The device says so itself, and nothing contradicts.
    High,
}

impl Confidence {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// How much a sign weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Somebody else's number is often left in its place.
    Hint,
    /// A name that people can change: in a certificate, in a header.
    Name,
    /// What the device says of itself in a document of its own.
    Statement,
}

/// A sign of what a device is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sign {
    /// Who it says made the device; absent where it tells only what is spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maker: Option<Maker>,
    /// How much it weighs.
    pub weight: Weight,
    /// What was seen.
    pub seen: String,
}

/// What the device at an address is.
pub fn identify(gathered: &Gathered) -> Identity {
    let mut identity = Identity::default();
    let mut signs = Vec::new();
    describe(gathered, &mut identity, &mut signs);
    service_root(gathered, &mut identity, &mut signs);
    names(gathered, &mut identity, &mut signs);
    numbers(gathered, &mut signs);
    // Stable: what came first at a weight stays first.
    signs.sort_by_key(|sign| std::cmp::Reverse(sign.weight));
    decide(&mut identity, signs);
    identity
}

/// Vendors' own descriptions: they know most.
fn describe(gathered: &Gathered, identity: &mut Identity, signs: &mut Vec<Sign>) {
    for descriptor in &gathered.descriptors {
        let name = descriptor.kind.name();
        let product = descriptor.product.as_deref();
        let seen =
            product.map_or_else(|| format!("it gives {name}"), |product| format!("{name} says {product}"));
        signs.push(Sign { maker: Some(descriptor.maker), weight: Weight::Statement, seen });
        product.into_iter().for_each(|product| identity.name(product));
        identity.firmware = identity.firmware.take().or_else(|| descriptor.firmware.clone());
        identity.model = identity.model.take().or_else(|| descriptor.model.clone());
        identity.serial = identity.serial.take().or_else(|| descriptor.serial.clone());
        if identity.macs.is_empty() {
            identity.macs.clone_from(&descriptor.macs);
        }
    }
}

fn service_root(gathered: &Gathered, identity: &mut Identity, signs: &mut Vec<Sign>) {
    let Some(value) = &gathered.redfish else { return };
    let resource = Resource { path: ironhand_redfish::ROOT.to_owned(), etag: None, value: value.clone() };
    let told = ironhand_redfish::identify(&resource, None, None);
    let maker = (told.vendor != Vendor::Generic).then_some(Maker::Redfish(told.vendor));
    if told.evidence.is_empty() {
        let seen = "its Redfish service root names no vendor".to_owned();
        signs.push(Sign { maker, weight: Weight::Statement, seen });
    }
    signs.extend(told.evidence.into_iter().map(|seen| Sign { maker, weight: Weight::Statement, seen }));
    if let Some(product) = told.product.filter(|_| maker.is_some()) {
        identity.name(&product);
    }
    identity.firmware = identity.firmware.take().or(told.firmware);
    let text = |names: &[&str]| resource.text(names).map(str::to_owned);
    identity.serial = identity.serial.take().or_else(|| text(&["Oem", "Dell", "ServiceTag"]));
    identity.uuid = text(&["UUID"]);
    let version = text(&["RedfishVersion"]);
    let plain = if gathered.redfish_is_plain { " without TLS" } else { "" };
    let seen = match version {
        Some(version) => format!("it speaks Redfish {version}{plain}"),
        None => format!("it speaks Redfish{plain}"),
    };
    signs.push(Sign { maker: None, weight: Weight::Name, seen });
}

/// Words in which makers name themselves in certificates and headers, in small letters.
const WORDS: [(&str, Maker, &str); 17] = [
    ("dell", Maker::DELL, "iDRAC"),
    ("idrac", Maker::DELL, "iDRAC"),
    ("hewlett packard", Maker::HPE, "iLO"),
    ("hewlett-packard", Maker::HPE, "iLO"),
    ("hp-ilo", Maker::HPE, "iLO"),
    ("hpe-ilo", Maker::HPE, "iLO"),
    ("lenovo", Maker::LENOVO, ""),
    ("super micro", Maker::SUPERMICRO, ""),
    ("supermicro", Maker::SUPERMICRO, ""),
    ("american megatrends", Maker::AMI, "MegaRAC"),
    ("openbmc", Maker::OPENBMC, "OpenBMC"),
    ("fujitsu", Maker::Redfish(Vendor::Fujitsu), "iRMC"),
    ("cisco", Maker::Redfish(Vendor::Cisco), "CIMC"),
    ("huawei", Maker::Redfish(Vendor::Huawei), "iBMC"),
    ("xfusion", Maker::Redfish(Vendor::Huawei), "iBMC"),
    ("h3c", Maker::Redfish(Vendor::H3c), "HDM"),
    ("nvidia", Maker::Redfish(Vendor::Nvidia), ""),
];

/// Names in certificates and headers.
fn names(gathered: &Gathered, identity: &mut Identity, signs: &mut Vec<Sign>) {
    let certificate = gathered.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
    let told = [
        ("its certificate is issued by", certificate.and_then(|shown| shown.issuer_organization.as_deref())),
        ("its certificate is issued by", certificate.and_then(|shown| shown.issuer.as_deref())),
        ("its certificate is for", certificate.and_then(|shown| shown.subject.as_deref())),
        ("its web server calls itself", gathered.server.as_deref()),
    ];
    for (what, text) in told.into_iter().filter_map(|(what, text)| Some((what, text?))) {
        let small = text.to_lowercase();
        let known = WORDS.iter().find(|(word, ..)| small.contains(word));
        if let Some((_, maker, family)) = known {
            signs.push(Sign { maker: Some(*maker), weight: Weight::Name, seen: format!("{what} {text:?}") });
            if identity.family.is_none() && !family.is_empty() {
                identity.family = Some((*family).to_owned());
            }
        }
    }
    if let Some(version) = &gathered.amt {
        let seen = format!("it calls itself Intel(R) Active Management Technology {version}");
        signs.push(Sign { maker: Some(Maker::INTEL), weight: Weight::Statement, seen });
        if identity.family.is_none() {
            identity.family = Some("AMT".to_owned());
            identity.generation = version.split('.').next().map(str::to_owned);
            identity.firmware = Some(version.clone());
        }
    }
}

/// What IPMI tells.
fn numbers(gathered: &Gathered, signs: &mut Vec<Sign>) {
    let Some(ipmi) = &gathered.ipmi else {
        if gathered.pong {
            let seen = "it answers the presence ping of RMCP".to_owned();
            signs.push(Sign { maker: None, weight: Weight::Hint, seen });
        }
        return;
    };
    let seen = match (ipmi.rmcp_plus, ipmi.ipmi_1_5) {
        (true, _) => "it speaks IPMI 2.0".to_owned(),
        (false, true) => "it speaks IPMI 1.5 alone".to_owned(),
        (false, false) => "it speaks IPMI".to_owned(),
    };
    signs.push(Sign { maker: None, weight: Weight::Name, seen });
    if ipmi.oem != 0 {
        let maker = Maker::of_enterprise(ipmi.oem);
        let named = maker.map(|maker| format!(", which is {maker}'s")).unwrap_or_default();
        let seen = format!("its IPMI names the enterprise number {}{named}", ipmi.oem);
        signs.push(Sign { maker, weight: Weight::Hint, seen });
    }
}

fn decide(identity: &mut Identity, signs: Vec<Sign>) {
    let Some(first) = signs.iter().find(|sign| sign.maker.is_some()) else {
        identity.evidence = signs;
        return;
    };
    let (vendor, weight) = (first.maker, first.weight);
    for sign in &signs {
        if let (Some(vendor), Some(other)) = (vendor, sign.maker)
            && !vendor.agrees(other)
        {
            identity.conflicts.push(format!("{vendor} contradicts {other}: {}", sign.seen));
        }
    }
    // A hint against a statement is no more than a left-over.
    let doubted = signs.iter().any(|sign| {
        sign.weight > Weight::Hint
            && sign.maker.is_some_and(|other| vendor.is_some_and(|vendor| !vendor.agrees(other)))
    });
    let voices = signs.iter().filter(|sign| sign.maker.is_some() && sign.maker == vendor).count();
    identity.vendor = vendor;
    identity.confidence = match (weight, doubted) {
        (Weight::Hint, _) => Confidence::Low,
        (_, true) => Confidence::Medium,
        (Weight::Name, false) if voices < 2 => Confidence::Medium,
        _ => Confidence::High,
    };
    identity.evidence = signs;
}

impl Identity {
    /// Takes a product's name apart into family and generation, unless one that says as much is known already.
    fn name(&mut self, product: &str) {
        let at = product.find(|letter: char| letter.is_ascii_digit()).unwrap_or(product.len());
        let (family, generation) = product.split_at(at);
        let family = family.trim_end();
        let generation = Some(generation).filter(|text| !text.is_empty()).map(str::to_owned);
        if family.is_empty() || self.family.is_some() && (self.generation.is_some() || generation.is_none()) {
            return;
        }
        (self.family, self.generation) = (Some(family.to_owned()), generation);
    }

    /// Family and generation as people say them: `iLO 5`, `XCC2`.
    pub fn product(&self) -> Option<String> {
        let family = self.family.as_deref()?;
        let Some(generation) = &self.generation else { return Some(family.to_owned()) };
        let between = if family.chars().all(|letter| letter.is_ascii_uppercase()) && family != "AMT" {
            ""
        } else {
            " "
        };
        Some(format!("{family}{between}{generation}"))
    }
}

#[cfg(test)]
mod tests;
