use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;

use super::commands::*;
use super::*;
use crate::bmc::{Bmc, BmcConfig, FruConfig, FruDevice, desk};
use crate::command::{Command, RawCommand};
use crate::completion::CompletionCode;
use crate::procedure::{Answer, Procedure, ProcedureError, Turn, script};

fn bmc(fru: FruConfig) -> Bmc {
    Bmc::new(BmcConfig { fru, ..BmcConfig::new(Vec::new()) }, Box::new(|bytes: &mut [u8]| bytes.fill(1)))
}

fn device(bytes: Vec<u8>, words: bool) -> FruConfig {
    let device = FruDevice { bytes: Arc::new(bytes), words, write_protected: false };
    FruConfig { devices: Arc::new(BTreeMap::from([(0, device)])) }
}

fn board() -> Inventory {
    let board = Board {
        made: Some(1),
        manufacturer: "Maker".into(),
        product: Field::SixBit("BOARD-01".into()),
        serial_number: Field::BcdPlus("12-34.5 ".into()),
        part_number: Field::Binary(vec![0xDE, 0xAD]),
        custom: vec!["one more".into()],
        ..Board::default()
    };
    Inventory { board: Some(board), ..Inventory::default() }
}

/// Repairs the checksum of the bytes at `range`, whose last one it is.
fn repair(bytes: &mut [u8], range: std::ops::Range<usize>) {
    let last = range.end - 1;
    bytes[last] = 0;
    bytes[last] = sum(&bytes[range]).wrapping_neg();
}

#[test]
fn fields_are_read_in_every_coding() {
    let check = |bytes: &[u8], language, expected: &str| {
        let (field, rest) = Field::split(bytes, language).unwrap().unwrap();
        assert_eq!((field.text().as_str(), rest.len()), (expected, 0), "{bytes:02x?}");
    };
    check(b"\xC5Maker", 0, "Maker");
    check(b"\xC7Maker  ", LANGUAGE_ENGLISH, "Maker");
    check(b"\xC3\xB0C\xE9", 0, "°Cé");
    check(b"\xC4A\x1B[m", 0, "A\u{FFFD}[m");
    check(b"\xC0", 0, "");
    check(&[0x00], 0, "");
    check(&[0x03, 0x00, 0xAB, 0x10], 0, "00ab10");
    check(&[0x43, 0x12, 0xA3, 0xBC], 0, "12 3-.");
    // The specification's own example of six-bit text is "IPMI".
    check(&[0x83, 0x29, 0xDC, 0xA6], 0, "IPMI");
    check(&[0xC4, 0x2D, 0x4E, 0x87, 0x65], 10, "中文");
    // A language, and Latin-1 all the same.
    check(b"\xC3abc", 10, "abc");
    check(b"\xC6PS1 AC", 10, "PS1 AC");
    assert_eq!(Field::split(&[0xC1, 0x00], 0), Ok(None));
    assert!(Field::split(b"\xC5Make", 0).is_err() && Field::split(b"", 0).is_err());
}

#[test]
fn texts_that_a_coding_does_not_have_are_not_written() {
    let encode = |field: Field| field.encode(0, &mut Vec::new());
    assert_eq!(encode(Field::BcdPlus("12A".into())), Err(EncodeError::Character { character: 'A' }));
    assert_eq!(encode(Field::SixBit("abc".into())), Err(EncodeError::Character { character: 'a' }));
    assert_eq!(encode(Field::Text("中".into())), Err(EncodeError::Character { character: '中' }));
    let long = Field::Text("x".repeat(64));
    assert_eq!(encode(long), Err(EncodeError::TooLong { length: 64, limit: 63 }));
}

#[test]
fn damaged_inventories_are_read_as_far_as_they_go() {
    let whole = board().encode().unwrap();
    let check = |name: &str, damage: &dyn Fn(&mut Vec<u8>), kept: bool, expected: &[FruFlaw]| {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        let reading = FruReading::decode(&bytes);
        assert_eq!(reading.flaws, expected, "{name}");
        let read = reading.inventory.board.is_some_and(|board| board.manufacturer.text() == "Maker");
        assert_eq!(read, kept, "{name}");
    };
    check("whole", &|_| {}, true, &[]);
    check("blank", &|bytes| bytes.fill(0xFF), false, &[FruFlaw::Blank]);
    check("zero", &|bytes| bytes.fill(0), false, &[FruFlaw::Blank]);
    check("empty", &|bytes| bytes.clear(), false, &[FruFlaw::Blank]);
    check("short", &|bytes| bytes.truncate(5), false, &[FruFlaw::CutOff { area: Area::Header }]);
    let cut = FruFlaw::CutOff { area: Area::Board };
    check("no board", &|bytes| bytes.truncate(9), false, &[cut]);
    let no_end = FruFlaw::NoEndMark { area: Area::Board };
    check("half a board", &|bytes| bytes.truncate(30), true, &[cut, no_end]);
    // The fault "skipchecks": Dell R610, R710.
    check("header sum", &|bytes| bytes[7] ^= 1, true, &[FruFlaw::Checksum { area: Area::Header }]);
    let checksum = FruFlaw::Checksum { area: Area::Board };
    check("board sum", &|bytes| *bytes.last_mut().unwrap() ^= 1, true, &[checksum]);
    let far = |bytes: &mut Vec<u8>| {
        bytes[3] = 0xF0;
        repair(bytes, 0..8);
    };
    check("board elsewhere", &far, false, &[cut]);
    let version = |bytes: &mut Vec<u8>| {
        bytes[8] = 2;
        let end = bytes.len();
        repair(bytes, 8..end);
    };
    check("version", &version, true, &[FruFlaw::Version { area: Area::Board, version: 2 }]);
}

#[test]
fn damaged_records_are_told_apart() {
    let oem = |data: &[u8]| MultiRecord::new(0xC0, Contents::Oem { manufacturer: 7154, data: data.to_vec() });
    let short = MultiRecord::new(0x01, Contents::Other(vec![1]));
    let records = vec![oem(&[1, 2]), short.clone(), oem(&[3])];
    let whole = Inventory { records, ..Inventory::default() }.encode().unwrap();
    let too_short = FruFlaw::RecordTooShort { index: 1, record_type: 0x01 };
    let check = |place: usize, expected: &[FruFlaw], count: usize| {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x40;
        let reading = FruReading::decode(&bytes);
        assert_eq!((reading.flaws.as_slice(), reading.inventory.records.len()), (expected, count), "{place}");
    };
    let last = whole.len() - 1;
    check(last, &[too_short], 3);
    check(8 + 5, &[FruFlaw::RecordChecksum { index: 0 }, too_short], 3);
    check(8 + 10 + 4, &[FruFlaw::RecordHeader { index: 1 }], 1);
}

#[test]
fn dates_and_chassis_types_are_told() {
    let made = |made| Board { made, ..Board::default() }.made_seconds();
    assert_eq!((made(None), made(Some(0)), made(Some(1))), (None, Some(820_454_400), Some(820_454_460)));
    assert_eq!(
        (chassis_type_name(0x17), chassis_type_name(0x97)),
        ("Rack Mount Chassis", "Rack Mount Chassis")
    );
    assert_eq!((chassis_type_name(0), chassis_type_name(0x7F)), ("Unspecified", "Unspecified"));
}

#[test]
fn devices_are_read_by_bytes_and_by_words() {
    let inventory = board();
    let bytes = inventory.encode().unwrap();
    let expected = FruReading { inventory, flaws: Vec::new() };
    for words in [false, true] {
        let mut padded = bytes.clone();
        padded.resize(4096, 0xFF);
        let mut bmc = bmc(device(padded, words));
        assert_eq!(desk::run(&mut bmc, Instant::now(), ReadFru::new(0)), Ok(expected.clone()), "{words}");
    }
}

#[test]
fn half_a_word_does_not_shift_what_follows() {
    let inventory = board();
    let bytes = inventory.encode().unwrap();
    let (read, _) = script::run(ReadFru::new(0), |raw| {
        if raw.cmd == GetFruInventoryAreaInfo::CMD {
            return (0, vec![0x00, 0x10, 1]);
        }
        let (offset, words) = (2 * usize::from(raw.data[1]), raw.data[3]);
        let mut device = bytes.clone();
        device.resize(4096, 0xFF);
        let came = usize::from(words) * 2 - usize::from(words > 1);
        (0, [&[words], &device[offset..offset + came]].concat())
    });
    assert_eq!(read, Ok(FruReading { inventory, flaws: Vec::new() }));
}

#[test]
fn the_samples_devices_are_sound() {
    let mut bmc = bmc(FruConfig::sample());
    let readings = desk::run(&mut bmc, Instant::now(), ReadFrus::new(vec![0, 1, 2, 3])).unwrap();
    let sound = |reading: &DeviceReading| reading.reading.as_ref().is_ok_and(|read| read.flaws.is_empty());
    assert_eq!(readings.iter().map(sound).collect::<Vec<_>>(), [true, true, true, false]);
    let code = CompletionCode::NOT_PRESENT;
    let doing = "tell the size of a FRU device";
    assert_eq!(readings[3].reading, Err(ProcedureError::Refused { doing, code }));
    let supply = &readings[1].reading.as_ref().unwrap().inventory;
    assert_eq!(supply.records.len(), 2);
}

/// A device whose BMC gives no more than `limit` bytes at once, refuses with `code`, and is busy the first time.
fn read_in_pieces(limit: usize, code: u8) -> Result<FruReading, ProcedureError> {
    let bytes = board().encode().unwrap();
    let mut procedure = ReadFru::new(0);
    let mut busy = false;
    for _ in 0..1000 {
        let answer = match procedure.next() {
            Turn::Done(result) => return result,
            Turn::Wait(_) => continue,
            Turn::Ask(RawCommand { cmd: GetFruInventoryAreaInfo::CMD, .. }) => Ok(vec![0xFF, 0xFF, 0]),
            Turn::Ask(raw) => {
                let (offset, count) = (usize::from(raw.data[1]), usize::from(raw.data[3]));
                if !std::mem::replace(&mut busy, true) {
                    Err(0x81)
                } else if count > limit {
                    Err(code)
                } else {
                    Ok([&[count as u8], &bytes[offset..offset + count]].concat())
                }
            }
        };
        match answer {
            Ok(data) => procedure.answer(Answer { code: CompletionCode::OK, data: &data }),
            Err(code) => procedure.answer(Answer { code: CompletionCode(code), data: &[] }),
        }
    }
    panic!("it does not end");
}

#[test]
fn pieces_shrink_until_the_bmc_gives_them() {
    let expected = FruReading { inventory: board(), flaws: Vec::new() };
    for code in [0xC7, 0xC8, 0xCA, 0xFF] {
        for limit in [2, 7, 16, 31] {
            assert_eq!(read_in_pieces(limit, code), Ok(expected.clone()), "{limit} {code:#x}");
        }
    }
    let refused = ProcedureError::Refused { doing: "read a FRU device", code: CompletionCode(0xCA) };
    assert_eq!(read_in_pieces(1, 0xCA), Err(refused));
}

#[test]
fn devices_are_written_each_bmc_its_own() {
    let config = FruConfig::sample();
    let (mut one, mut other) = (bmc(config.clone()), bmc(config));
    let now = Instant::now();
    let write = |bmc: &mut Bmc, offset: u16, bytes: &[u8]| {
        let raw = RawCommand::of(&WriteFruData { device: 0, offset, bytes: bytes.to_vec() });
        desk::ask(bmc, now, raw.netfn, raw.lun, raw.cmd, &raw.data)
    };
    assert_eq!(write(&mut one, 7, &[0]), (CompletionCode::OK, vec![1]));
    assert_eq!(write(&mut one, 0xFFFF, &[0]), (CompletionCode::PARAMETER_OUT_OF_RANGE, vec![]));
    let flaws = |bmc: &mut Bmc| desk::run(bmc, now, ReadFru::new(0)).unwrap().flaws;
    assert_eq!(flaws(&mut one), [FruFlaw::Checksum { area: Area::Header }]);
    assert_eq!(flaws(&mut other), []);
}

fn field() -> impl Strategy<Value = Field> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..64).prop_map(Field::Binary),
        "([0-9 .:,_-][0-9 .:,_-]){0,31}".prop_map(Field::BcdPlus),
        "([ -_]{4}){0,21}".prop_map(Field::SixBit),
        "([ -~\u{A1}-\u{FF}]{2,63})?".prop_map(Field::Text),
    ]
}

fn contents() -> impl Strategy<Value = MultiRecord> {
    let data = || proptest::collection::vec(any::<u8>(), 0..200);
    let any_known = (0u8..6, proptest::collection::vec(any::<u8>(), 24..40)).prop_map(|(kind, data)| {
        // What decodes from any bytes holds only values that can be written.
        MultiRecord::new(kind, Contents::decode(kind, &data).unwrap())
    });
    prop_oneof![
        any_known,
        (0xC0u8.., 0u32..0x100_0000, data()).prop_map(|(kind, manufacturer, data)| MultiRecord::new(
            kind,
            Contents::Oem { manufacturer, data }
        )),
        (0x06u8..0xC0, data()).prop_map(|(kind, data)| MultiRecord::new(kind, Contents::Other(data))),
    ]
}

prop_compose! {
    fn inventory()(
        internal_use in proptest::option::of((0usize..5, any::<u8>())),
        chassis in proptest::option::of((any::<u8>(), proptest::collection::vec(field(), 2..5))),
        board in proptest::option::of((0u32..0x100_0000, proptest::collection::vec(field(), 5..8))),
        product in proptest::option::of(proptest::collection::vec(field(), 7..10)),
        records in proptest::collection::vec(contents(), 0..4),
    ) -> Inventory {
        Inventory {
            internal_use: internal_use.map(|(units, byte)| vec![byte; units * 8 + 7]),
            chassis: chassis.map(|(chassis_type, fields)| {
                let mut fields = fields.into_iter();
                let [part_number, serial_number] = [fields.next().unwrap(), fields.next().unwrap()];
                Chassis { chassis_type, part_number, serial_number, custom: fields.collect() }
            }),
            board: board.map(|(made, fields)| {
                let mut it = fields.into_iter();
                let mut next = || it.next().unwrap();
                Board {
                    language: LANGUAGE_ENGLISH,
                    made: Some(made).filter(|made| *made != 0),
                    manufacturer: next(),
                    product: next(),
                    serial_number: next(),
                    part_number: next(),
                    fru_file_id: next(),
                    custom: it.collect(),
                }
            }),
            product: product.map(|fields| {
                let mut it = fields.into_iter();
                let mut next = || it.next().unwrap();
                Product {
                    language: LANGUAGE_ENGLISH,
                    manufacturer: next(),
                    name: next(),
                    part_number: next(),
                    version: next(),
                    serial_number: next(),
                    asset_tag: next(),
                    fru_file_id: next(),
                    custom: it.collect(),
                }
            }),
            records,
        }
    }
}

proptest! {
    #[test]
    fn inventories_come_back_as_they_were(inventory in inventory()) {
        let bytes = inventory.encode().unwrap();
        let reading = FruReading::decode(&bytes);
        prop_assert_eq!(&reading.flaws, &[]);
        prop_assert_eq!(&reading.inventory, &inventory);
        let read = desk::run(&mut bmc(device(bytes, false)), Instant::now(), ReadFru::new(0));
        prop_assert_eq!(read, Ok(reading));
    }

    #[test]
    fn any_bytes_are_read(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), small: bool) {
        if small {
            // Offsets that lie within.
            for byte in bytes.iter_mut().take(8) {
                *byte %= 32;
            }
        }
        let reading = FruReading::decode(&bytes);
        let size = bytes.len();
        prop_assert!(decode::extent(&bytes, size) <= size);
        let _ = reading.inventory.encode();
    }

    #[test]
    fn reading_ends_whatever_a_bmc_answers(seed: u64) {
        let mut state = seed;
        let mut noise = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let mut procedure = ReadFru::new(0);
        // The largest device, one byte at a time.
        for _ in 0..0x1_0000 * 2 {
            match procedure.next() {
                Turn::Ask(_) if noise() % 50 == 0 => {
                    procedure.answer(Answer { code: CompletionCode(noise()), data: &[] });
                }
                Turn::Ask(_) => {
                    let data: Vec<u8> = (0..noise() % 40).map(|_| noise()).collect();
                    procedure.answer(Answer { code: CompletionCode::OK, data: &data });
                }
                Turn::Wait(_) => {}
                Turn::Done(_) => return Ok(()),
            }
        }
        prop_assert!(false, "it does not end");
    }
}
