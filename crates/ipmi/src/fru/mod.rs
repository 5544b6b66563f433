//! Inventory of field replaceable units: who made the board, the chassis, the power supply, and which one it is
//! (IPMI 2.0 chapter 34; Platform Management FRU Information Storage Definition 1.0, revision 1.3, cited as "FRU").
//!
//! [`Inventory`] is what a device's bytes say; [`ReadFru`] and [`ReadFrus`] are the procedures that get them.

mod area;
pub mod commands;
mod decode;
mod encode;
mod field;
mod multirecord;
mod read;

pub use area::{Board, Chassis, Inventory, Product, chassis_type_name};
pub use decode::{Area, FruFlaw, FruReading};
pub use encode::EncodeError;
pub use field::{Field, LANGUAGE_ENGLISH};
pub use multirecord::{
    Compatibility, Contents, DcLoad, DcOutput, ManagementAccess, MultiRecord, PowerSupply,
};
pub use read::{DeviceReading, ReadFru, ReadFrus};

/// Offsets and lengths of areas count in units of so many bytes.
const UNIT: usize = 8;

/// Version of the header and of each area, in bits 3 to 0 of their first byte.
const FORMAT_VERSION: u8 = 0x01;

/// The type/length byte that ends an area's fields: no field of one Latin-1 character can exist.
const END_OF_FIELDS: u8 = 0xC1;

/// Multirecords: this record is the last one, in the byte that also holds the version.
const END_OF_LIST: u8 = 0x80;

/// Length of a multirecord's header in bytes.
const RECORD_HEADER: usize = 5;

/// The sum of `bytes` as a checksum takes it: zero when the checksum is among them.
fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

#[cfg(test)]
mod tests;
