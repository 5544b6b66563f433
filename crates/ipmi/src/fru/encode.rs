//! Writing an inventory as a device holds it: for the BMC side, and to check the reading side.

use crate::fru::{
    END_OF_FIELDS, END_OF_LIST, FORMAT_VERSION, Field, Inventory, LANGUAGE_ENGLISH, MultiRecord, UNIT, sum,
};

/// Longest info area in bytes: its length has eight bits, in units of eight bytes.
const AREA_LIMIT: usize = 0xFF * UNIT;

/// The farthest that an area can begin.
const OFFSET_LIMIT: usize = 0xFF * UNIT;

/// Longest multirecord in bytes, without its header.
const RECORD_LIMIT: usize = 0xFF;

/// Why an inventory cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A field holds a character that its coding or language does not have.
    #[error("{character:?} cannot be written in the field's coding")]
    Character {
        /// The character.
        character: char,
    },
    /// A field, an area, a record or the whole is too long.
    #[error("{length} bytes exceed the limit of {limit}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
}

impl Inventory {
    /// The bytes of a device that holds this inventory, a multiple of eight.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] where something is too long, or a text holds what its coding does not have.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = vec![0; UNIT];
        bytes[0] = FORMAT_VERSION;
        if let Some(data) = &self.internal_use {
            let mut area = [&[FORMAT_VERSION], data.as_slice()].concat();
            area.resize(area.len().next_multiple_of(UNIT), 0);
            place(&mut bytes, 1, &area)?;
        }
        if let Some(chassis) = &self.chassis {
            let fields = [&chassis.part_number, &chassis.serial_number];
            let area = info_area(&[chassis.chassis_type], LANGUAGE_ENGLISH, &fields, &[], &chassis.custom)?;
            place(&mut bytes, 2, &area)?;
        }
        if let Some(board) = &self.board {
            let [m0, m1, m2, _] = board.made.unwrap_or(0).to_le_bytes();
            let fields = [
                &board.manufacturer,
                &board.product,
                &board.serial_number,
                &board.part_number,
                &board.fru_file_id,
            ];
            let head = [board.language, m0, m1, m2];
            let area = info_area(&head, board.language, &fields, &[2, 4], &board.custom)?;
            place(&mut bytes, 3, &area)?;
        }
        if let Some(product) = &self.product {
            let fields = [
                &product.manufacturer,
                &product.name,
                &product.part_number,
                &product.version,
                &product.serial_number,
                &product.asset_tag,
                &product.fru_file_id,
            ];
            let area = info_area(&[product.language], product.language, &fields, &[4, 6], &product.custom)?;
            place(&mut bytes, 4, &area)?;
        }
        if !self.records.is_empty() {
            place(&mut bytes, 5, &records(&self.records)?)?;
        }
        bytes[UNIT - 1] = sum(&bytes[..UNIT - 1]).wrapping_neg();
        Ok(bytes)
    }
}

/// Appends an area and notes in the header's byte `entry` where it is.
fn place(bytes: &mut Vec<u8>, entry: usize, area: &[u8]) -> Result<(), EncodeError> {
    let start = bytes.len();
    if start > OFFSET_LIMIT {
        return Err(EncodeError::TooLong { length: start, limit: OFFSET_LIMIT });
    }
    bytes[entry] = (start / UNIT) as u8;
    bytes.extend_from_slice(area);
    Ok(())
}

fn info_area(
    head: &[u8],
    language: u8,
    fields: &[&Field],
    english: &[usize],
    custom: &[Field],
) -> Result<Vec<u8>, EncodeError> {
    let mut area = vec![FORMAT_VERSION, 0];
    area.extend_from_slice(head);
    for (place, field) in fields.iter().copied().chain(custom).enumerate() {
        let language = if english.contains(&place) { LANGUAGE_ENGLISH } else { language };
        field.encode(language, &mut area)?;
    }
    area.push(END_OF_FIELDS);
    let length = (area.len() + 1).next_multiple_of(UNIT);
    if length > AREA_LIMIT {
        return Err(EncodeError::TooLong { length, limit: AREA_LIMIT });
    }
    area.resize(length, 0);
    area[1] = (length / UNIT) as u8;
    area[length - 1] = sum(&area).wrapping_neg();
    Ok(area)
}

fn records(records: &[MultiRecord]) -> Result<Vec<u8>, EncodeError> {
    let mut area = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let data = record.contents.encode();
        if data.len() > RECORD_LIMIT {
            return Err(EncodeError::TooLong { length: data.len(), limit: RECORD_LIMIT });
        }
        let end = if index + 1 == records.len() { END_OF_LIST } else { 0 };
        let head =
            [record.record_type, end | record.version & 0x0F, data.len() as u8, sum(&data).wrapping_neg()];
        area.extend_from_slice(&head);
        area.push(sum(&head).wrapping_neg());
        area.extend(data);
    }
    area.resize(area.len().next_multiple_of(UNIT), 0);
    Ok(area)
}
