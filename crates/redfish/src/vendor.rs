//! Who made a controller, and which one it is: told by what it shows.

use std::fmt;

use crate::Resource;
use crate::exchange::shown;

/// Whose firmware a controller runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vendor {
    /// Dell: iDRAC.
    Dell,
    /// Hewlett Packard Enterprise: iLO.
    Hpe,
    /// Lenovo: XClarity Controller.
    Lenovo,
    /// Supermicro.
    Supermicro,
    /// OpenBMC, as it is or under a name that is not known here.
    OpenBmc,
    /// AMI MegaRAC, as it is or under a name that is not known here.
    AmiMegaRac,
    /// ASRock Rack: AMI MegaRAC with changes.
    AsrockRack,
    /// Gigabyte, also as Giga Computing: AMI MegaRAC with changes.
    Gigabyte,
    /// NVIDIA: OpenBMC with changes.
    Nvidia,
    /// Cisco: CIMC.
    Cisco,
    /// Fujitsu, also as Fsas: iRMC.
    Fujitsu,
    /// Huawei, also as xFusion: iBMC.
    Huawei,
    /// H3C: HDM.
    H3c,
    /// None of these.
    Generic,
}

impl Vendor {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Dell,
        Self::Hpe,
        Self::Lenovo,
        Self::Supermicro,
        Self::OpenBmc,
        Self::AmiMegaRac,
        Self::AsrockRack,
        Self::Gigabyte,
        Self::Nvidia,
        Self::Cisco,
        Self::Fujitsu,
        Self::Huawei,
        Self::H3c,
        Self::Generic,
    ];

    /// The name, as people write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dell => "Dell",
            Self::Hpe => "HPE",
            Self::Lenovo => "Lenovo",
            Self::Supermicro => "Supermicro",
            Self::OpenBmc => "OpenBMC",
            Self::AmiMegaRac => "AMI MegaRAC",
            Self::AsrockRack => "ASRock Rack",
            Self::Gigabyte => "Gigabyte",
            Self::Nvidia => "NVIDIA",
            Self::Cisco => "Cisco",
            Self::Fujitsu => "Fujitsu",
            Self::Huawei => "Huawei",
            Self::H3c => "H3C",
            Self::Generic => "generic",
        }
    }

    /// Whether the firmware is one of AMI's MegaRAC line.
    pub const fn is_megarac(self) -> bool {
        matches!(self, Self::AmiMegaRac | Self::AsrockRack | Self::Gigabyte)
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a controller is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Whose firmware it runs.
    pub vendor: Vendor,
    /// Its product and generation: `iDRAC 9`, `iLO 5`, `XCC2`.
    pub product: Option<String>,
    /// The version of its firmware, as it writes it.
    pub firmware: Option<String>,
    /// The model of the machine.
    pub model: Option<String>,
    /// What this was told by, the strongest first. It may contradict itself: then the first holds.
    pub evidence: Vec<String>,
}

/// The names under which vendors put what is their own (DSP0266 section 9.7.5), the particular before what it was made of.
const OEM_NAMES: [(&str, Vendor); 17] = [
    ("Dell", Vendor::Dell),
    ("Hpe", Vendor::Hpe),
    ("Hp", Vendor::Hpe),
    ("Lenovo", Vendor::Lenovo),
    ("Supermicro", Vendor::Supermicro),
    ("Cisco", Vendor::Cisco),
    ("ts_fujitsu", Vendor::Fujitsu),
    ("Huawei", Vendor::Huawei),
    ("xFusion", Vendor::Huawei),
    ("H3C", Vendor::H3c),
    ("ASRockRack", Vendor::AsrockRack),
    ("Gigabyte", Vendor::Gigabyte),
    ("GBT", Vendor::Gigabyte),
    ("Ami", Vendor::AmiMegaRac),
    ("AMI", Vendor::AmiMegaRac),
    ("Nvidia", Vendor::Nvidia),
    ("OpenBmc", Vendor::OpenBmc),
];

/// Words in which vendors name themselves, in small letters.
const WORDS: [(&str, Vendor); 22] = [
    ("dell", Vendor::Dell),
    ("idrac", Vendor::Dell),
    ("hewlett packard", Vendor::Hpe),
    ("hpe", Vendor::Hpe),
    ("ilo ", Vendor::Hpe),
    ("lenovo", Vendor::Lenovo),
    ("xclarity", Vendor::Lenovo),
    ("supermicro", Vendor::Supermicro),
    ("super micro", Vendor::Supermicro),
    ("cisco", Vendor::Cisco),
    ("fujitsu", Vendor::Fujitsu),
    ("fsas", Vendor::Fujitsu),
    ("irmc", Vendor::Fujitsu),
    ("huawei", Vendor::Huawei),
    ("xfusion", Vendor::Huawei),
    ("h3c", Vendor::H3c),
    ("asrock", Vendor::AsrockRack),
    ("giga", Vendor::Gigabyte),
    ("megarac", Vendor::AmiMegaRac),
    ("american megatrends", Vendor::AmiMegaRac),
    ("nvidia", Vendor::Nvidia),
    ("openbmc", Vendor::OpenBmc),
];

/// Identifiers of controllers that one vendor alone uses.
const MANAGERS: [(&str, Vendor); 5] = [
    ("iDRAC.Embedded.1", Vendor::Dell),
    ("CIMC", Vendor::Cisco),
    ("iRMC", Vendor::Fujitsu),
    ("BMC_0", Vendor::Nvidia),
    ("bmc", Vendor::OpenBmc),
];

/// What a controller is, by its service root, and more surely by its manager and system where these can be read.
pub fn identify(root: &Resource, manager: Option<&Resource>, system: Option<&Resource>) -> Identity {
    let mut signs = Signs::default();
    signs.own_property("the service root", root);
    signs.words("the service root's Vendor", root.text(&["Vendor"]));
    signs.words("the service root's Product", root.text(&["Product"]));
    signs.words("the service root's Name", root.text(&["Name"]));
    if let Some(manager) = manager {
        signs.own_property("the manager", manager);
        signs.words("the manager's Model", manager.text(&["Model"]));
        signs.words("the manager's Manufacturer", manager.text(&["Manufacturer"]));
    }
    let linked = root.link(&["Links", "ManagerProvidingService"]);
    if let Some(path) = linked.or(manager.map(|manager| manager.path.as_str())) {
        signs.manager(path);
    }
    if let Some(system) = system {
        signs.own_property("the system", system);
        signs.words("the system's Manufacturer", system.text(&["Manufacturer"]));
    }
    let vendor = signs.vendor();
    let product = product(vendor, root, manager, system);
    Identity {
        vendor,
        product: product.as_deref().map(shown),
        firmware: firmware(root, manager).as_deref().map(shown),
        model: system.and_then(|system| system.text(&["Model"])).map(shown),
        evidence: signs.found.into_iter().map(|(_, evidence)| evidence).collect(),
    }
}

/// Signs of a vendor, the strongest first.
#[derive(Default)]
struct Signs {
    found: Vec<(Vendor, String)>,
}

impl Signs {
    fn own_property(&mut self, place: &str, resource: &Resource) {
        for (name, vendor) in OEM_NAMES {
            if resource.at(&["Oem", name]).is_object() {
                self.found.push((vendor, format!("{place} has a property of {name}'s own")));
            }
        }
    }

    fn words(&mut self, place: &str, text: Option<&str>) {
        let Some(text) = text else { return };
        let small = text.to_lowercase();
        // Three letters are too few to look for inside other words.
        let vendor = match small.as_str() {
            "ami" => Some(Vendor::AmiMegaRac),
            "hp" => Some(Vendor::Hpe),
            _ => WORDS.iter().find(|(word, _)| small.contains(word)).map(|(_, vendor)| *vendor),
        };
        if let Some(vendor) = vendor {
            self.found.push((vendor, format!("{place} is {}", shown(text))));
        }
    }

    fn manager(&mut self, path: &str) {
        let id = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        if let Some((id, vendor)) = MANAGERS.iter().find(|(known, _)| *known == id) {
            self.found.push((*vendor, format!("the manager is called {id}")));
        }
    }

    /// The vendor of the strongest sign, except that firmware under several names is told by the more particular one.
    fn vendor(&self) -> Vendor {
        let first = self.found.first().map_or(Vendor::Generic, |(vendor, _)| *vendor);
        let names = match first {
            Vendor::AmiMegaRac => [Vendor::AsrockRack, Vendor::Gigabyte].as_slice(),
            Vendor::OpenBmc => [Vendor::Nvidia].as_slice(),
            _ => [].as_slice(),
        };
        let particular = self.found.iter().find(|(vendor, _)| names.contains(vendor));
        particular.map_or(first, |(vendor, _)| *vendor)
    }
}

fn product(
    vendor: Vendor,
    root: &Resource,
    manager: Option<&Resource>,
    system: Option<&Resource>,
) -> Option<String> {
    let model = manager.and_then(|manager| manager.text(&["Model"])).unwrap_or_default();
    let product = match vendor {
        Vendor::Dell => idrac(model, firmware(root, manager).as_deref()),
        Vendor::Hpe => {
            let told = [
                hpe_manager(root).and_then(|told| told["ManagerType"].as_str()),
                root.text(&["Oem", "Hpe", "Moniker", "PRODGEN"]),
                Some(model),
                manager.and_then(|manager| manager.text(&["FirmwareVersion"])),
            ];
            told.into_iter().flatten().find_map(|text| generation(text, "iLO ")).unwrap_or("iLO".to_owned())
        }
        Vendor::Lenovo if model.contains("TSM") || model.contains("ThinkSystem Manager") => "TSM".to_owned(),
        Vendor::Lenovo => match generation(model, "Controller ") {
            Some(controller) => format!("XCC{}", controller.trim_start_matches("Controller ")),
            None => "XCC".to_owned(),
        },
        Vendor::Supermicro => {
            let told = [
                root.text(&["Product"]),
                Some(model),
                system.and_then(|system| system.text(&["Model"])),
                system.and_then(|system| system.text(&["SKU"])),
                system.and_then(|system| system.text(&["Oem", "Supermicro", "BoardModel"])),
            ];
            let told = || told.into_iter().flatten();
            told().find_map(board_generation).or_else(|| told().find_map(machine_generation))?
        }
        Vendor::Fujitsu => generation(model, "iRMC S").unwrap_or("iRMC".to_owned()),
        Vendor::OpenBmc | Vendor::Nvidia => "OpenBMC".to_owned(),
        Vendor::AmiMegaRac | Vendor::AsrockRack | Vendor::Gigabyte => "MegaRAC".to_owned(),
        Vendor::Cisco => "CIMC".to_owned(),
        Vendor::Huawei => "iBMC".to_owned(),
        Vendor::H3c => generation(model, "HDM").unwrap_or("HDM".to_owned()),
        Vendor::Generic => {
            let model = Some(model).filter(|model| !model.is_empty());
            root.text(&["Product"]).or(model)?.to_owned()
        }
    };
    Some(product)
}

/// Dell names the generation of the machine in the manager's model (`14G Monolithic`); versions before 3 are of iDRAC 8 and
/// older, and iDRAC 10 began to count anew.
fn idrac(model: &str, firmware: Option<&str>) -> String {
    let machine = model.split('G').next().and_then(|number| number.trim().parse::<u32>().ok());
    let version = firmware.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    let generation = match (machine, version) {
        (Some(..=11), _) => 6,
        (Some(12), _) => 7,
        (Some(13), _) | (None, Some(2)) => 8,
        (Some(14..=16), _) | (None, Some(3..)) => 9,
        (Some(17..), _) | (None, Some(1)) => 10,
        (None, _) => return "iDRAC".to_owned(),
    };
    format!("iDRAC {generation}")
}

/// `name` with the digits that follow it in `text`.
fn generation(text: &str, name: &str) -> Option<String> {
    let at = text.find(name)?;
    let digits: String = text[at + name.len()..].chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then(|| format!("{name}{digits}"))
}

/// The generation in the name of a Supermicro board or machine: `X11` of `X11DPi-N`, and of `SYS-E300-9D-X11`.
fn board_generation(text: &str) -> Option<String> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric()).find_map(|word| {
        let letter = word.chars().next().filter(|letter| matches!(letter, 'X' | 'H' | 'B' | 'A' | 'M'))?;
        let digits: String = word[1..].chars().take_while(char::is_ascii_digit).collect();
        (digits.len() == 1 || digits.len() == 2).then(|| format!("{letter}{digits}"))
    })
}

/// The generation in the name of a newer Supermicro machine, whose third digit counts from X12: `SYS-621C-TN12R` is of X13.
fn machine_generation(text: &str) -> Option<String> {
    let name = text.strip_prefix("SYS-")?;
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    let counted = name.get(2..3)?.parse::<u32>().ok().filter(|_| digits == 3)?;
    Some(format!("X{}", 12 + counted))
}

fn firmware(root: &Resource, manager: Option<&Resource>) -> Option<String> {
    let told = manager
        .and_then(|manager| manager.text(&["FirmwareVersion"]))
        .or_else(|| hpe_manager(root)?["ManagerFirmwareVersion"].as_str())?;
    // HPE writes the product in front.
    let version = told.split_once(" v").filter(|(product, _)| product.starts_with("iLO"));
    Some(version.map_or(told, |(_, version)| version).to_owned())
}

/// What an iLO tells of itself in the service root.
fn hpe_manager(root: &Resource) -> Option<&serde_json::Value> {
    let own = ["Hpe", "Hp"].into_iter().map(|name| root.at(&["Oem", name, "Manager"]));
    own.into_iter().find_map(|managers| managers.get(0))
}
