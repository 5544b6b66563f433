//! What the areas of an inventory hold (FRU chapters 10 to 12).

use crate::fru::{Field, LANGUAGE_ENGLISH, MultiRecord};

/// What a device's bytes say. A part that is missing is none that the device has.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Inventory {
    /// Bytes for the device's own use, behind the area's version.
    pub internal_use: Option<Vec<u8>>,
    /// The chassis.
    pub chassis: Option<Chassis>,
    /// The board.
    pub board: Option<Board>,
    /// The product that the unit is, or is a part of.
    pub product: Option<Product>,
    /// Further records, such as a power supply's ratings.
    pub records: Vec<MultiRecord>,
}

/// The chassis info area (FRU chapter 10).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Chassis {
    /// The chassis' form, as in SMBIOS; see [`chassis_type_name`].
    pub chassis_type: u8,
    /// Part number.
    pub part_number: Field,
    /// Serial number.
    pub serial_number: Field,
    /// What the manufacturer added.
    pub custom: Vec<Field>,
}

/// The board info area (FRU chapter 11).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Board {
    /// Language code of the text fields (FRU chapter 15).
    pub language: u8,
    /// When it was made, in minutes since 1996-01-01 00:00 UTC: 24 bits; `None` where that is not said.
    pub made: Option<u32>,
    /// Manufacturer.
    pub manufacturer: Field,
    /// Name.
    pub product: Field,
    /// Serial number; always in English.
    pub serial_number: Field,
    /// Part number.
    pub part_number: Field,
    /// The file from which the area was written; always in English.
    pub fru_file_id: Field,
    /// What the manufacturer added.
    pub custom: Vec<Field>,
}

/// The product info area (FRU chapter 12).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Product {
    /// Language code of the text fields (FRU chapter 15).
    pub language: u8,
    /// Manufacturer.
    pub manufacturer: Field,
    /// Name.
    pub name: Field,
    /// Part or model number.
    pub part_number: Field,
    /// Version.
    pub version: Field,
    /// Serial number; always in English.
    pub serial_number: Field,
    /// The owner's asset tag.
    pub asset_tag: Field,
    /// The file from which the area was written; always in English.
    pub fru_file_id: Field,
    /// What the manufacturer added.
    pub custom: Vec<Field>,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            language: LANGUAGE_ENGLISH,
            made: None,
            manufacturer: Field::default(),
            product: Field::default(),
            serial_number: Field::default(),
            part_number: Field::default(),
            fru_file_id: Field::default(),
            custom: Vec::new(),
        }
    }
}

impl Default for Product {
    fn default() -> Self {
        Self {
            language: LANGUAGE_ENGLISH,
            manufacturer: Field::default(),
            name: Field::default(),
            part_number: Field::default(),
            version: Field::default(),
            serial_number: Field::default(),
            asset_tag: Field::default(),
            fru_file_id: Field::default(),
            custom: Vec::new(),
        }
    }
}

impl Board {
    /// When it was made, in seconds since 1970-01-01 00:00 UTC.
    pub fn made_seconds(&self) -> Option<u32> {
        /// 1996-01-01 00:00 UTC.
        const EPOCH: u32 = 820_454_400;
        self.made.map(|minutes| EPOCH + (minutes & 0xFF_FFFF) * 60)
    }
}

/// What a chassis type is called (SMBIOS 3.7, table 17).
pub fn chassis_type_name(chassis_type: u8) -> &'static str {
    let index = usize::from(chassis_type & 0x7F).checked_sub(1);
    index.and_then(|index| CHASSIS_TYPES.get(index)).copied().unwrap_or("Unspecified")
}

/// The names of chassis types from 1.
const CHASSIS_TYPES: [&str; 0x24] = [
    "Other",
    "Unknown",
    "Desktop",
    "Low Profile Desktop",
    "Pizza Box",
    "Mini Tower",
    "Tower",
    "Portable",
    "Laptop",
    "Notebook",
    "Hand Held",
    "Docking Station",
    "All In One",
    "Sub Notebook",
    "Space-saving",
    "Lunch Box",
    "Main Server Chassis",
    "Expansion Chassis",
    "SubChassis",
    "Bus Expansion Chassis",
    "Peripheral Chassis",
    "RAID Chassis",
    "Rack Mount Chassis",
    "Sealed-case PC",
    "Multi-system Chassis",
    "Compact PCI",
    "Advanced TCA",
    "Blade",
    "Blade Enclosure",
    "Tablet",
    "Convertible",
    "Detachable",
    "IoT Gateway",
    "Embedded PC",
    "Mini PC",
    "Stick PC",
];
