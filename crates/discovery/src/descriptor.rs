//! Descriptions in vendors' own forms, which their controllers give to anybody.
//!
//! What they say is taken as text of bounded length: it comes from whoever answers at an address.

mod dell;
mod ilo;
mod lenovo;

use ironhand_api::MacAddress;
use serde::Serialize;

use crate::Maker;

/// The longest text that is taken from a description, in characters.
pub(crate) const LONGEST_TEXT: usize = 120;

/// The most addresses of network interfaces that are taken.
pub(crate) const MOST_MACS: usize = 32;

/// Where vendors' descriptions stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DescriptorKind {
    /// iLO 2 to 6, and HP's Onboard Administrator.
    Ilo,
    /// iDRAC 9 and later.
    Idrac,
    /// iDRAC 7 and 8.
    OldIdrac,
    /// XClarity Controller.
    Xcc,
    /// The login page of Supermicro's older firmware.
    Aten,
}

impl DescriptorKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ilo, Self::Idrac, Self::OldIdrac, Self::Xcc, Self::Aten];

    /// The path that is asked for it.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Ilo => "/xmldata?item=All",
            Self::Idrac => "/sysmgmt/2015/bmc/info",
            Self::OldIdrac => "/session?aimGetProp=hostname,gui_str_title_bar,OEMHostName,fwVersion,sysDesc",
            Self::Xcc => "/DeviceDescription.json",
            Self::Aten => "/cgi/login.cgi",
        }
    }

    /// How it is called in explanations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ilo => "the description of an iLO",
            Self::Idrac => "the description of an iDRAC",
            Self::OldIdrac => "the description of an older iDRAC",
            Self::Xcc => "the description of an XClarity Controller",
            Self::Aten => "the login page of an older Supermicro BMC",
        }
    }

    /// Reads an answer; `None` where it is no such description.
    pub fn read(self, body: &[u8]) -> Option<Descriptor> {
        let text = std::str::from_utf8(body).ok()?;
        match self {
            Self::Ilo => ilo::read(text),
            Self::Idrac => dell::read(text),
            Self::OldIdrac => dell::read_old(text),
            Self::Xcc => lenovo::read(text),
            Self::Aten => {
                let maker = Maker::SUPERMICRO;
                text.contains("ATEN International").then(|| Descriptor::new(self, maker))
            }
        }
    }
}

/// What a vendor's description says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Which description.
    pub kind: DescriptorKind,
    /// Whose.
    pub maker: Maker,
    /// The controller and its generation: `iLO 4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The version of its firmware.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// The model of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The serial number of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The addresses of the machine's network interfaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub macs: Vec<MacAddress>,
}

impl Descriptor {
    const fn new(kind: DescriptorKind, maker: Maker) -> Self {
        Self { kind, maker, product: None, firmware: None, model: None, serial: None, macs: Vec::new() }
    }
}

/// Which descriptions are worth asking for, where the service root named `maker`, or nobody.
pub(crate) fn worth_asking(maker: Option<Maker>) -> &'static [DescriptorKind] {
    use DescriptorKind::{Idrac, Ilo, OldIdrac, Xcc};
    match maker {
        None => &DescriptorKind::ALL,
        Some(maker) if maker == Maker::HPE => &[Ilo],
        Some(maker) if maker == Maker::DELL => &[Idrac, OldIdrac],
        Some(maker) if maker == Maker::LENOVO => &[Xcc],
        Some(_) => &[],
    }
}

/// A text that a device tells: without blanks around it, and without control characters, which could steer a terminal;
/// none where it is empty or says nothing.
pub(crate) fn text(raw: &str) -> Option<String> {
    let raw = raw.trim();
    let says = !raw.is_empty() && !raw.eq_ignore_ascii_case("null") && !raw.eq_ignore_ascii_case("n/a");
    says.then(|| raw.chars().filter(|letter| !letter.is_control()).take(LONGEST_TEXT).collect())
}

#[cfg(test)]
mod tests;
