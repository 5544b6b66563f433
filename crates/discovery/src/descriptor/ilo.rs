//! The description of an iLO or an Onboard Administrator: XML with the root `RIMP`.

use super::{Descriptor, DescriptorKind, MOST_MACS, text};
use crate::Maker;

/// Reads it. The elements are few and flat, so they are looked for by their names: old firmware writes XML that a strict
/// reader refuses.
pub(super) fn read(xml: &str) -> Option<Descriptor> {
    let rimp = element(xml, "RIMP")?;
    let mut found = Descriptor::new(DescriptorKind::Ilo, Maker::HPE);
    let controller = element(rimp, "MP");
    let enclosure = element(rimp, "INFRA2").filter(|_| controller.is_none());
    if let Some(named) = controller.or(enclosure) {
        found.firmware = element(named, "FWRI").and_then(text);
        let name = element(named, "PN").and_then(text);
        found.product = name.map(|name| short(&name));
    }
    if enclosure.is_some() {
        found.product = Some("Onboard Administrator".to_owned());
    }
    let machine = element(rimp, "HSI").or(enclosure)?;
    found.model = element(machine, "SPN").or_else(|| element(machine, "PN")).and_then(text);
    found.serial = element(machine, "SBSN").or_else(|| element(machine, "ENCL_SN")).and_then(text);
    let nics = elements(element(machine, "NICS").unwrap_or_default(), "NIC");
    found.macs = nics
        .filter(|nic| !element(nic, "DESCRIPTION").is_some_and(|described| described.contains("iLO")))
        .filter_map(|nic| element(nic, "MACADDR")?.trim().parse().ok())
        .take(MOST_MACS)
        .collect();
    Some(found)
}

/// `iLO 4` of `Integrated Lights-Out 4 (iLO 4)`; the first generation has no number.
fn short(name: &str) -> String {
    let inside = name.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inside, _)| inside);
    inside.filter(|inside| inside.starts_with("iLO")).unwrap_or(name).to_owned()
}

/// What stands in the first element of this name, which has no attributes.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    elements(xml, name).next()
}

/// What stands in each element of this name, which do not contain each other.
fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, behind) = rest.split_once(&open)?;
        let (inside, after) = behind.split_once(&close)?;
        rest = after;
        Some(inside)
    })
}
