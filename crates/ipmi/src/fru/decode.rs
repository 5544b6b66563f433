//! Reading an inventory out of a device's bytes, however many of them are wrong.

use std::fmt;

use crate::fru::field::CutOff;
use crate::fru::{
    Board, Chassis, Contents, END_OF_LIST, FORMAT_VERSION, Field, Inventory, LANGUAGE_ENGLISH, MultiRecord,
    Product, RECORD_HEADER, UNIT, sum,
};

/// Most records that are read of one device: a chain of damaged ones can be long.
const RECORD_LIMIT: usize = 256;

/// Most fields that are read of one area, whose length allows for more than this only if they are empty.
const FIELD_LIMIT: usize = 256;

/// Version of the multirecord format, in bits 3 to 0.
const RECORD_VERSION: u8 = 0x02;

/// A part of an inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Area {
    /// The common header, which says where the others are.
    Header,
    /// The internal use area.
    InternalUse,
    /// The chassis info area.
    Chassis,
    /// The board info area.
    Board,
    /// The product info area.
    Product,
    /// The multirecord area.
    MultiRecord,
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "common header",
            Self::InternalUse => "internal use area",
            Self::Chassis => "chassis area",
            Self::Board => "board area",
            Self::Product => "product area",
            Self::MultiRecord => "multirecord area",
        })
    }
}

/// Something that is wrong with an inventory. What could be read is there all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FruFlaw {
    /// The device holds no inventory: nothing was ever written to it.
    #[error("the device holds no inventory")]
    Blank,
    /// A version other than 1.
    #[error("the {area} has format version {version}, not 1")]
    Version {
        /// Where.
        area: Area,
        /// What it says.
        version: u8,
    },
    /// The bytes do not sum up to zero.
    #[error("the checksum of the {area} is wrong")]
    Checksum {
        /// Where.
        area: Area,
    },
    /// The area, or its end, lies beyond the device's last byte that could be read.
    #[error("the {area} is cut off")]
    CutOff {
        /// Where.
        area: Area,
    },
    /// The fields do not end with the mark C1h.
    #[error("the fields of the {area} have no end mark")]
    NoEndMark {
        /// Where.
        area: Area,
    },
    /// The header of a multirecord does not sum up to zero, so that nothing can be said of those behind it.
    #[error("the header checksum of multirecord {index} is wrong; it and those behind it are not read")]
    RecordHeader {
        /// Which, from 0.
        index: usize,
    },
    /// A multirecord does not sum up to zero.
    #[error("the checksum of multirecord {index} is wrong")]
    RecordChecksum {
        /// Which, from 0.
        index: usize,
    },
    /// A multirecord is too short for its type.
    #[error("multirecord {index} is too short for its type {record_type:#04x}")]
    RecordTooShort {
        /// Which, from 0.
        index: usize,
        /// Its type.
        record_type: u8,
    },
}

/// An inventory and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FruReading {
    /// What it says.
    pub inventory: Inventory,
    /// What is wrong.
    pub flaws: Vec<FruFlaw>,
}

/// The common header (FRU chapter 8): where the areas begin, in bytes; 0 for none.
struct Header {
    internal_use: usize,
    chassis: usize,
    board: usize,
    product: usize,
    records: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let [_, internal_use, chassis, board, product, records, _, _] = *bytes.first_chunk::<UNIT>()?;
        let [internal_use, chassis, board, product, records] =
            [internal_use, chassis, board, product, records].map(|offset| usize::from(offset) * UNIT);
        Some(Self { internal_use, chassis, board, product, records })
    }

    /// Where an area whose end is not said ends: at the next one, or at the end of all.
    fn end_of(&self, start: usize, length: usize) -> usize {
        let others = [self.internal_use, self.chassis, self.board, self.product, self.records];
        others.into_iter().filter(|offset| *offset > start).chain([length]).min().unwrap_or(length)
    }
}

/// How many bytes of a device must be read, as far as `bytes`, its first ones, tell: at most `size`, the device's own.
pub(super) fn extent(bytes: &[u8], size: usize) -> usize {
    let Some(header) = Header::read(bytes).filter(|_| !is_blank(bytes)) else { return size.min(UNIT) };
    let mut extent = UNIT;
    for start in [header.chassis, header.board, header.product] {
        if start != 0 {
            let length = bytes.get(start + 1).map_or(UNIT, |length| usize::from(*length) * UNIT);
            extent = extent.max(start + length);
        }
    }
    if header.internal_use != 0 {
        extent = extent.max(header.end_of(header.internal_use, size));
    }
    let mut start = header.records;
    for _ in 0..RECORD_LIMIT {
        if start == 0 {
            break;
        }
        let head = bytes.get(start..start + RECORD_HEADER);
        let length = head.map_or(0, |head| usize::from(head[2]));
        extent = extent.max(start + RECORD_HEADER + length);
        // Unknown yet, the last one, or damaged: nothing behind it can be found.
        start = match head {
            Some(head) if head[1] & END_OF_LIST == 0 && sum(head) == 0 => start + RECORD_HEADER + length,
            _ => 0,
        };
    }
    extent.min(size)
}

fn is_blank(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(UNIT)];
    head.is_empty() || head.iter().all(|byte| *byte == 0) || head.iter().all(|byte| *byte == 0xFF)
}

impl FruReading {
    /// Reads what a device holds. Never fails: what cannot be made out is missing, and a flaw says why.
    pub fn decode(bytes: &[u8]) -> Self {
        let mut reading = Self::default();
        if is_blank(bytes) {
            reading.flaws.push(FruFlaw::Blank);
            return reading;
        }
        let Some(header) = Header::read(bytes) else {
            reading.flaws.push(FruFlaw::CutOff { area: Area::Header });
            return reading;
        };
        reading.check_version(Area::Header, bytes[0]);
        if sum(&bytes[..UNIT]) != 0 {
            reading.flaws.push(FruFlaw::Checksum { area: Area::Header });
        }
        reading.internal_use(bytes, &header);
        reading.chassis(bytes, &header);
        reading.board(bytes, &header);
        reading.product(bytes, &header);
        reading.records(bytes, header.records);
        reading
    }

    fn check_version(&mut self, area: Area, byte: u8) {
        let version = byte & 0x0F;
        if version != FORMAT_VERSION {
            self.flaws.push(FruFlaw::Version { area, version });
        }
    }

    fn internal_use(&mut self, bytes: &[u8], header: &Header) {
        let start = header.internal_use;
        if start == 0 {
            return;
        }
        match bytes.get(start..header.end_of(start, bytes.len())).and_then(<[u8]>::split_first) {
            Some((_version, data)) => self.inventory.internal_use = Some(data.to_vec()),
            None => self.flaws.push(FruFlaw::CutOff { area: Area::InternalUse }),
        }
    }

    fn chassis(&mut self, bytes: &[u8], header: &Header) {
        let Some(([chassis_type], fields)) = self.open(Area::Chassis, bytes, header, header.chassis) else {
            return;
        };
        let mut fields = self.fields(Area::Chassis, fields, LANGUAGE_ENGLISH, &[]);
        self.inventory.chassis = Some(Chassis {
            chassis_type,
            part_number: fields.take(),
            serial_number: fields.take(),
            custom: fields.rest(),
        });
    }

    fn board(&mut self, bytes: &[u8], header: &Header) {
        let area = self.open(Area::Board, bytes, header, header.board);
        let Some(([language, m0, m1, m2], fields)) = area else { return };
        let mut fields = self.fields(Area::Board, fields, language, &[2, 4]);
        self.inventory.board = Some(Board {
            language,
            made: Some(u32::from_le_bytes([m0, m1, m2, 0])).filter(|minutes| *minutes != 0),
            manufacturer: fields.take(),
            product: fields.take(),
            serial_number: fields.take(),
            part_number: fields.take(),
            fru_file_id: fields.take(),
            custom: fields.rest(),
        });
    }

    fn product(&mut self, bytes: &[u8], header: &Header) {
        let Some(([language], fields)) = self.open(Area::Product, bytes, header, header.product) else {
            return;
        };
        let mut fields = self.fields(Area::Product, fields, language, &[4, 6]);
        self.inventory.product = Some(Product {
            language,
            manufacturer: fields.take(),
            name: fields.take(),
            part_number: fields.take(),
            version: fields.take(),
            serial_number: fields.take(),
            asset_tag: fields.take(),
            fru_file_id: fields.take(),
            custom: fields.rest(),
        });
    }

    /// Finds an info area; returns the bytes that stand between its length and its fields, and what follows.
    fn open<'a, const N: usize>(
        &mut self,
        area: Area,
        bytes: &'a [u8],
        header: &Header,
        start: usize,
    ) -> Option<([u8; N], &'a [u8])> {
        if start == 0 {
            return None;
        }
        let Some([version, length]) = bytes.get(start..).and_then(<[u8]>::first_chunk::<2>) else {
            self.flaws.push(FruFlaw::CutOff { area });
            return None;
        };
        self.check_version(area, *version);
        let end = match usize::from(*length) * UNIT {
            // No length at all: the area can reach to the next one.
            0 => header.end_of(start, bytes.len()),
            length => start + length,
        };
        let whole = match bytes.get(start..end) {
            Some(whole) => {
                if sum(whole) != 0 {
                    self.flaws.push(FruFlaw::Checksum { area });
                }
                // The last byte is the checksum.
                &whole[..whole.len() - 1]
            }
            None => {
                self.flaws.push(FruFlaw::CutOff { area });
                &bytes[start..]
            }
        };
        let found = whole.get(2..).and_then(<[u8]>::split_first_chunk::<N>);
        found.map(|(head, fields)| (*head, fields))
    }

    /// Splits fields up to the end mark; those at the places in `english` have no other language.
    fn fields(&mut self, area: Area, mut bytes: &[u8], language: u8, english: &[usize]) -> Fields {
        let mut fields = Vec::new();
        loop {
            let language = if english.contains(&fields.len()) { LANGUAGE_ENGLISH } else { language };
            match Field::split(bytes, language) {
                Ok(Some((field, rest))) if fields.len() < FIELD_LIMIT => {
                    fields.push(field);
                    bytes = rest;
                }
                Ok(None) => return Fields(fields.into_iter()),
                Ok(Some(_)) | Err(CutOff) => break,
            }
        }
        self.flaws.push(FruFlaw::NoEndMark { area });
        Fields(fields.into_iter())
    }

    fn records(&mut self, bytes: &[u8], mut start: usize) {
        if start == 0 {
            return;
        }
        for index in 0..RECORD_LIMIT {
            let Some((header, rest)) =
                bytes.get(start..).and_then(<[u8]>::split_first_chunk::<RECORD_HEADER>)
            else {
                self.flaws.push(FruFlaw::CutOff { area: Area::MultiRecord });
                return;
            };
            if sum(header) != 0 {
                self.flaws.push(FruFlaw::RecordHeader { index });
                return;
            }
            let [record_type, format, length, checksum, _] = *header;
            let Some(data) = rest.get(..usize::from(length)) else {
                self.flaws.push(FruFlaw::CutOff { area: Area::MultiRecord });
                return;
            };
            if sum(data).wrapping_add(checksum) != 0 {
                self.flaws.push(FruFlaw::RecordChecksum { index });
            }
            let contents = Contents::decode(record_type, data).unwrap_or_else(|_| {
                self.flaws.push(FruFlaw::RecordTooShort { index, record_type });
                Contents::Other(data.to_vec())
            });
            self.inventory.records.push(MultiRecord { record_type, version: format & 0x0F, contents });
            if format & END_OF_LIST != 0 {
                return;
            }
            start += RECORD_HEADER + data.len();
        }
    }
}

/// The fields of an area in order.
struct Fields(std::vec::IntoIter<Field>);

impl Fields {
    /// The next one; an empty one where the area ended early.
    fn take(&mut self) -> Field {
        self.0.next().unwrap_or_default()
    }

    fn rest(self) -> Vec<Field> {
        self.0.collect()
    }
}

impl MultiRecord {
    /// A record in the present version of the format.
    pub fn new(record_type: u8, contents: Contents) -> Self {
        Self { record_type, version: RECORD_VERSION, contents }
    }
}
