//! The next boot, by the profile that DMTF calls Boot Control (DSP1012).
//!
//! AMT keeps one configuration for one boot: a source, which is put first in the order, and switches such as that for
//! the setup screens. What is not asked for is cleared, so that nothing of an earlier order is left.

use ironhand_api::BootDevice;
use roxmltree::Node;

use super::{number, power};
use crate::wsman::{Property, Resource, Value, Wsman, child, children, text};
use crate::{BootOverride, Error};

const CAPABILITIES: Resource =
    Resource::all("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_BootCapabilities");

/// The switches of the next boot.
const SWITCHES: Resource = Resource::all("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_BootSettingData");

/// The configuration, whose order of sources is changed.
const CONFIGURATION: Resource = Resource {
    uri: "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_BootConfigSetting",
    selectors: &[("InstanceID", "Intel(r) AMT: Boot Configuration 0")],
};

/// What makes the next boot follow the configuration.
const SERVICE: Resource = Resource {
    uri: "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_BootService",
    selectors: &[("Name", "Intel(r) AMT Boot Service")],
};

/// The order, as it is read back: one instance for each source.
const ORDER: Resource =
    Resource::all("http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_OrderedComponent");

const SOURCE: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_BootSourceSetting";

/// The role of a configuration that holds for one boot.
const NEXT_SINGLE_USE: u32 = 1;

/// What the switches tell, and nobody may set; firmware refuses to be told them.
const TOLD: &[&str] = &[
    "BIOSLastStatus",
    "BootguardStatus",
    "OptionsCleared",
    "RPEEnabled",
    "SecureBootControlEnabled",
    "UEFIHTTPSBootEnabled",
    "UEFILocalPBABootEnabled",
    "WinREBootEnabled",
];

/// What names the switches as a whole.
const NAMES: &[&str] = &["InstanceID", "ElementName", "OwningEntity"];

/// Chooses what the next boot starts from.
pub(super) async fn set(service: &Wsman, wanted: BootOverride) -> Result<BootOverride, Error> {
    let refused = |what: &str| Err(Error::Unsupported { what: what.to_owned() });
    if wanted.persistent {
        return refused("choose a boot device for more than one boot");
    }
    if wanted.uefi {
        return refused("choose between UEFI and legacy boot: what the firmware is set to holds");
    }
    let (capability, source) = means(wanted.device);
    if let Some(capability) = capability
        && !service.get(&CAPABILITIES, |node| flag(node, capability)).await?
    {
        return refused(&format!(
            "boot from {:?}: its firmware says that it has no {capability}",
            wanted.device
        ));
    }
    let setup = wanted.device == BootDevice::Bios;
    let switches = service.get(&SWITCHES, |node| Ok(cleared(node, setup))).await?;
    // An earlier source would forbid to set some of the switches, and an earlier switch to choose a source.
    order(service, None).await?;
    service.put(&SWITCHES, switches).await?;
    if source.is_some() {
        order(service, source).await?;
    }
    if wanted.device != BootDevice::None {
        let input = vec![
            ("BootConfigSetting".to_owned(), Value::Reference(CONFIGURATION)),
            number("Role", NEXT_SINGLE_USE),
        ];
        let returned = service.invoke(&SERVICE, "SetBootConfigRole", input).await?;
        power::accepted(returned, "use the boot device once")?;
    }
    let device = read_back(service).await?;
    Ok(BootOverride { device: device.unwrap_or(wanted.device), persistent: false, uefi: false })
}

/// What AMT calls a device: the capability to boot from it, and its source.
fn means(device: BootDevice) -> (Option<&'static str>, Option<Resource>) {
    macro_rules! source {
        ($id:literal) => {
            Some(Resource { uri: SOURCE, selectors: &[("InstanceID", $id)] })
        };
    }
    match device {
        BootDevice::None => (None, None),
        BootDevice::Pxe => (Some("ForcePXEBoot"), source!("Intel(r) AMT: Force PXE Boot")),
        BootDevice::Disk => (Some("ForceHardDriveBoot"), source!("Intel(r) AMT: Force Hard-drive Boot")),
        BootDevice::Cdrom => (Some("ForceCDorDVDBoot"), source!("Intel(r) AMT: Force CD/DVD Boot")),
        BootDevice::Bios => (Some("BIOSSetup"), None),
    }
}

/// Puts a source first in the order, or none.
async fn order(service: &Wsman, source: Option<Resource>) -> Result<(), Error> {
    let input = source.map(|source| ("Source".to_owned(), Value::Reference(source)));
    let returned = service.invoke(&CONFIGURATION, "ChangeBootOrder", input.into_iter().collect()).await?;
    power::accepted(returned, "change the boot order")
}

/// The switches as they are to be: all off but that for the setup screens.
///
/// Which there are depends on the firmware, so they are taken from what it tells. Texts and bytes, of which a password
/// is one, belong to switches that are off then, and are left out.
fn cleared(node: Node<'_, '_>, setup: bool) -> Vec<Property> {
    let mut properties = Vec::new();
    for property in children(node) {
        let name = property.tag_name().name();
        let value = match text(property) {
            _ if TOLD.contains(&name) => continue,
            _ if name == "BIOSSetup" => setup.to_string(),
            value if NAMES.contains(&name) => value.to_owned(),
            "true" | "false" => "false".to_owned(),
            value if value.parse::<u64>().is_ok() => "0".to_owned(),
            _ => continue,
        };
        properties.push((name.to_owned(), Value::Text(value)));
    }
    properties
}

/// The device that the next boot starts from; nothing where the firmware does not tell its order.
async fn read_back(service: &Wsman) -> Result<Option<BootDevice>, Error> {
    if service.get(&SWITCHES, |node| flag(node, "BIOSSetup")).await? {
        return Ok(Some(BootDevice::Bios));
    }
    match service.enumerate(&ORDER, ordered).await {
        Ok(found) => {
            let first = found.into_iter().flatten().min_by_key(|(place, _)| *place);
            Ok(Some(first.map_or(BootDevice::None, |(_, device)| device)))
        }
        Err(error) if error.is_unsupported() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The place of a source in the order with the device that it means; nothing for one that is not used, and for other
/// components.
fn ordered(node: Node<'_, '_>) -> Result<Option<(u32, BootDevice)>, Error> {
    let part = child(node, "PartComponent")?;
    let id = part.descendants().find(|node| node.tag_name().name() == "Selector").map(text);
    let devices = [BootDevice::Pxe, BootDevice::Disk, BootDevice::Cdrom];
    let device = devices.into_iter().find(|device| {
        let source = means(*device).1;
        source.is_some_and(|source| source.selectors.first().map(|(_, value)| *value) == id)
    });
    let place = child(node, "AssignedSequence").ok().map(crate::wsman::number).transpose()?.unwrap_or(0);
    Ok(device.filter(|_| place > 0).map(|device| (place, device)))
}

/// A switch.
fn flag(node: Node<'_, '_>, name: &str) -> Result<bool, Error> {
    match text(child(node, name)?) {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Error::Malformed { reason: format!("`{name}` is neither true nor false") }),
    }
}
