use super::*;
use crate::bmc::{Bmc, BmcConfig, SensorSet, desk};
use crate::command::RawCommand;
use crate::quirk::{Quirk, Quirks};
use crate::sdr::commands::{SdrRange, WHOLE_RECORD};
use crate::sdr::{Entity, EventOnlySensor, SensorKey, Sharing};
use std::time::Instant;

/// Command numbers of the repository, of device SDRs, and Get Device ID.
const INFO: (u8, u8) = (0x0A, 0x20);
const RESERVE: (u8, u8) = (0x0A, 0x22);
const GET: (u8, u8) = (0x0A, 0x23);
const DEVICE_INFO: (u8, u8) = (0x04, 0x20);
const DEVICE_RESERVE: (u8, u8) = (0x04, 0x22);
const DEVICE_GET: (u8, u8) = (0x04, 0x21);
const DEVICE_ID: (u8, u8) = (0x06, 0x01);

/// A repository written down, that follows the specification until a test says otherwise.
struct Fake {
    /// Id, id of the next one, bytes.
    records: Vec<(u16, u16, Vec<u8>)>,
    claimed: u16,
    added: u32,
    reservation: u16,
    /// Commands that were asked, by their numbers.
    log: Vec<(u8, u8)>,
}

impl Fake {
    fn with(names: &[&str]) -> Self {
        let records: Vec<_> = (1u16..)
            .zip(names)
            .map(|(id, name)| {
                let next = if usize::from(id) == names.len() { LAST_RECORD } else { id + 1 };
                (id, next, record(id, name))
            })
            .collect();
        Self { claimed: records.len() as u16, records, added: 7, reservation: 0, log: Vec::new() }
    }

    fn info(&self) -> (u8, Vec<u8>) {
        let mut data = vec![0x51];
        data.extend(self.claimed.to_le_bytes());
        data.extend([0, 0]);
        data.extend(self.added.to_le_bytes());
        data.extend([0, 0, 0, 0, 0x02]);
        (0, data)
    }

    fn get(&self, data: &[u8]) -> (u8, Vec<u8>) {
        let range = SdrRange::decode(data).unwrap();
        if range.offset != 0 && range.reservation != self.reservation {
            return (0xC5, Vec::new());
        }
        let first = |id: u16| range.record == 0 && id == self.records[0].0;
        let Some((_, next, bytes)) = self.records.iter().find(|(id, _, _)| *id == range.record || first(*id))
        else {
            return (0xCB, Vec::new());
        };
        let Some(rest) = bytes.get(usize::from(range.offset)..) else { return (0xC9, Vec::new()) };
        let count = if range.count == WHOLE_RECORD { rest.len() } else { rest.len().min(range.count.into()) };
        let mut reply = next.to_le_bytes().to_vec();
        reply.extend_from_slice(&rest[..count]);
        (0, reply)
    }

    fn answer(&mut self, raw: &RawCommand) -> (u8, Vec<u8>) {
        self.log.push((raw.netfn, raw.cmd));
        match (raw.netfn, raw.cmd) {
            DEVICE_ID => (0, vec![0x20, 0x01, 0x01, 0x00, 0x02, 0x8F, 0x57, 0x01, 0x00, 0x34, 0x12]),
            INFO => self.info(),
            RESERVE => {
                self.reservation += 1;
                (0, self.reservation.to_le_bytes().to_vec())
            }
            GET => self.get(&raw.data),
            _ => (0xC1, Vec::new()),
        }
    }
}

fn record(id: u16, name: &str) -> Vec<u8> {
    let body = RecordBody::EventOnly(EventOnlySensor {
        key: SensorKey::of_bmc(id as u8),
        entity: Entity::new(7, 1),
        sensor_type: 0x12,
        event_type: 0x6F,
        direction: 0,
        sharing: Sharing::default(),
        oem: 0,
        name: name.to_owned(),
    });
    Record { id, body }.encode()
}

fn names(repository: &SdrRepository) -> Vec<(u16, &str)> {
    repository.records().iter().map(|record| (record.id, record.name().unwrap_or("?"))).collect()
}

/// Reads from a fake whose answers a test changes; the repository must hold records 1, 2, 3 of these names.
fn check(expected: &[SdrFlaw], answer: impl FnMut(&RawCommand) -> (u8, Vec<u8>)) -> Arc<SdrRepository> {
    let repository = desk::converse(ReadSdr::new(None), answer).unwrap();
    assert_eq!(names(&repository), [(1, "Alpha"), (2, "Beta"), (3, "Gamma")]);
    assert_eq!(repository.flaws(), expected);
    repository
}

const NAMES: [&str; 3] = ["Alpha", "Beta", "Gamma"];

#[test]
fn records_are_read_whole_one_command_each() {
    let mut fake = Fake::with(&NAMES);
    let repository = check(&[], |raw| fake.answer(raw));
    assert_eq!(fake.log, [DEVICE_ID, INFO, RESERVE, GET, GET, GET, INFO]);
    let key = repository.key().unwrap();
    assert_eq!((key.manufacturer, key.product), (343, 0x1234));
    assert_eq!(repository.sensor(SensorKey::of_bmc(2)).map(|sensor| sensor.name.as_str()), Some("Beta"));
}

#[test]
fn records_that_were_read_before_are_not_read_again_while_they_hold() {
    let mut fake = Fake::with(&NAMES);
    let before = check(&[], |raw| fake.answer(raw));
    fake.log.clear();
    let again = desk::converse(ReadSdr::new(Some(Arc::clone(&before))), |raw| fake.answer(raw)).unwrap();
    assert!(Arc::ptr_eq(&before, &again));
    assert_eq!(fake.log, [DEVICE_ID, INFO]);

    for change in [|fake: &mut Fake| fake.added += 1, |fake: &mut Fake| fake.claimed += 1] {
        let mut fake = Fake::with(&NAMES);
        change(&mut fake);
        let again = desk::converse(ReadSdr::new(Some(Arc::clone(&before))), |raw| fake.answer(raw)).unwrap();
        assert!(!Arc::ptr_eq(&before, &again));
    }
}

#[test]
fn a_wrong_count_is_told_and_does_not_matter() {
    for claimed in [0, 1, 2, 9] {
        let mut fake = Fake { claimed, ..Fake::with(&NAMES) };
        check(&[SdrFlaw::Count { claimed, found: 3 }], |raw| fake.answer(raw));
    }
}

#[test]
fn the_id_that_was_asked_for_is_kept() {
    let mut fake = Fake::with(&NAMES);
    fake.records[1].2[0] = 0x77;
    check(&[SdrFlaw::OtherId { asked: 2, answered: 0x77 }], |raw| fake.answer(raw));
}

#[test]
fn a_record_that_is_shorter_than_it_says_is_read_as_far_as_it_goes() {
    let mut fake = Fake::with(&NAMES);
    let found = fake.records[1].2.len() as u16;
    fake.records[1].2[4] += 20;
    for beyond in [0xC9, 0xCB, 0xCC, 0xCA, 0xFF] {
        // Past the end the BMC says one of these, or gives nothing.
        let answer = |raw: &RawCommand| {
            let (code, data) = fake.answer(raw);
            let past = (raw.netfn, raw.cmd) == GET && data.len() == 2;
            if past { (beyond, Vec::new()) } else { (code, data) }
        };
        check(&[SdrFlaw::Length { record: 2, claimed: found + 20, found }], answer);
    }
    check(&[SdrFlaw::Length { record: 2, claimed: found + 20, found }], |raw| fake.answer(raw));
}

#[test]
fn a_repository_without_an_end_is_read_once() {
    // The last one leads to the first, to itself, to one that is not there, or to copies of itself.
    for next in [0, 1, 3] {
        let mut fake = Fake::with(&NAMES);
        fake.records[2].1 = next;
        check(&[SdrFlaw::NoEnd { record: 3 }], |raw| fake.answer(raw));
    }
    let mut fake = Fake::with(&NAMES);
    fake.records[2].1 = 4;
    check(&[SdrFlaw::NoEnd { record: 4 }], |raw| fake.answer(raw));

    let mut fake = Fake::with(&NAMES);
    fake.records[2].1 = 4;
    fake.records.push((4, 5, record(3, "Gamma")));
    check(&[SdrFlaw::OtherId { asked: 4, answered: 3 }, SdrFlaw::NoEnd { record: 4 }][1..], |raw| {
        fake.answer(raw)
    });
}

#[test]
fn whole_reads_that_come_short_are_made_up_in_parts() {
    let mut fake = Fake::with(&NAMES);
    let mut asked = Vec::new();
    let answer = |raw: &RawCommand| {
        let (code, mut data) = fake.answer(raw);
        if (raw.netfn, raw.cmd) == GET {
            asked.push((raw.data[4], raw.data[5]));
            if raw.data[5] == WHOLE_RECORD {
                data.truncate(2 + 12);
            }
        }
        (code, data)
    };
    check(&[], answer);
    // 12 of 22 bytes, then the rest; the next records in parts from the beginning.
    assert_eq!(asked[..5], [(0, 0xFF), (12, 10), (0, 5), (5, 16), (0, 5)]);
}

#[test]
fn parts_are_halved_until_the_bmc_can_return_them() {
    for (limit, code) in [(16, 0xCA), (8, 0xCA), (5, 0xFF), (4, 0xC8)] {
        let mut fake = Fake::with(&NAMES);
        let answer = |raw: &RawCommand| {
            let too_much = (raw.netfn, raw.cmd) == GET && raw.data[5] > limit;
            if too_much { (code, Vec::new()) } else { fake.answer(raw) }
        };
        check(&[], answer);
    }
    let mut fake = Fake::with(&NAMES);
    let refused = desk::converse(ReadSdr::new(None), |raw| match (raw.netfn, raw.cmd) {
        GET => (0xCA, Vec::new()),
        _ => fake.answer(raw),
    });
    let code = CompletionCode::CANNOT_RETURN_LENGTH;
    assert_eq!(refused, Err(ProcedureError::Refused { doing: DOING, code }));
}

#[test]
fn a_lost_reservation_is_taken_anew() {
    let mut fake = Fake::with(&NAMES);
    let mut losses = 5;
    let answer = |raw: &RawCommand| {
        let part = (raw.netfn, raw.cmd) == GET && raw.data[2] == 2;
        if part && losses > 0 {
            losses -= 1;
            return (0xC5, Vec::new());
        }
        fake.answer(raw)
    };
    check(&[], answer);
    assert_eq!(fake.reservation, 6);

    let mut fake = Fake::with(&NAMES);
    let lost = desk::converse(ReadSdr::new(None), |raw| match (raw.netfn, raw.cmd) {
        GET => (0xC5, Vec::new()),
        _ => fake.answer(raw),
    });
    assert_eq!(lost, Err(ProcedureError::Unstable { doing: DOING, attempts: LOST_LIMIT + 1 }));
}

#[test]
fn records_that_change_while_they_are_read_are_read_again() {
    let mut fake = Fake::with(&["Old", "Beta", "Gamma"]);
    let mut reads = 0;
    let answer = |raw: &RawCommand| {
        if (raw.netfn, raw.cmd) == GET {
            reads += 1;
            if reads == 2 {
                fake.records[0].2 = record(1, "Alpha");
                fake.added += 1;
            }
        }
        fake.answer(raw)
    };
    check(&[], answer);

    // A BMC whose times never rest is believed in the end, and read anew next time.
    let mut fake = Fake::with(&NAMES);
    let answer = |raw: &RawCommand| {
        fake.added += 1;
        fake.answer(raw)
    };
    assert_eq!(check(&[SdrFlaw::Unsteady], answer).key(), None);
}

#[test]
fn a_last_record_that_always_times_out_is_left_out() {
    let mut fake = Fake::with(&["Alpha", "Beta", "Gamma", "Delta"]);
    let answer = |raw: &RawCommand| {
        let last = (raw.netfn, raw.cmd) == GET && raw.data[2] == 4;
        if last { (0xC3, Vec::new()) } else { fake.answer(raw) }
    };
    let code = CompletionCode::PROCESSING_TIMEOUT;
    let flaws = [SdrFlaw::Unreadable { record: 4, code }, SdrFlaw::Count { claimed: 4, found: 3 }];
    assert!(check(&flaws, answer).key().is_some());
}

#[test]
fn what_stands_before_an_unreadable_record_is_kept() {
    let mut fake = Fake::with(&["Alpha", "Beta", "Gamma", "Delta", "Epsilon"]);
    let mut timeouts = 0;
    let answer = |raw: &RawCommand| match ((raw.netfn, raw.cmd), raw.data.get(2)) {
        (GET, Some(4)) => (0xD5, Vec::new()),
        (GET, Some(2)) if timeouts < 2 => {
            timeouts += 1;
            (0xC3, Vec::new())
        }
        _ => fake.answer(raw),
    };
    let flaw = SdrFlaw::Unreadable { record: 4, code: CompletionCode::WRONG_STATE };
    assert_eq!(check(&[flaw], answer).key(), None);
}

#[test]
fn a_bmc_without_info_and_reservations_is_read() {
    let mut fake = Fake::with(&NAMES);
    let answer = |raw: &RawCommand| match (raw.netfn, raw.cmd) {
        INFO | RESERVE => (0xC1, Vec::new()),
        _ => fake.answer(raw),
    };
    assert_eq!(check(&[], answer).key(), None);
}

#[test]
fn a_bmc_with_device_records_only_is_read() {
    // It says so in its device id, or only refuses the repository's commands.
    for support in [0x01, 0x03] {
        let mut fake = Fake::with(&NAMES);
        let answer = |raw: &RawCommand| match (raw.netfn, raw.cmd) {
            DEVICE_ID => (0, vec![0x20, 0x81, 0x01, 0x00, 0x02, support, 0x57, 0x01, 0x00, 0x34, 0x12]),
            INFO | RESERVE | GET => (0xC1, Vec::new()),
            DEVICE_INFO => (0, vec![3, 0x81, 9, 0, 0, 0]),
            DEVICE_RESERVE => fake.answer(&RawCommand { netfn: 0x0A, ..raw.clone() }),
            DEVICE_GET => fake.answer(&RawCommand { netfn: 0x0A, cmd: 0x23, ..raw.clone() }),
            _ => (0xC1, Vec::new()),
        };
        let key = check(&[], answer).key().unwrap();
        assert_eq!(key.stamp, SdrStamp::Device { sensors: 3, change: Some(9) });
    }
}

#[test]
fn no_records_are_no_error_and_no_commands_are_one() {
    let mut fake = Fake { records: vec![(9, LAST_RECORD, Vec::new())], claimed: 0, ..Fake::with(&[]) };
    fake.records[0].0 = 9;
    let answer = |raw: &RawCommand| match (raw.netfn, raw.cmd) {
        GET => (0xCB, Vec::new()),
        _ => fake.answer(raw),
    };
    let empty = desk::converse(ReadSdr::new(None), answer).unwrap();
    assert!(empty.records().is_empty() && empty.flaws().is_empty());

    let nothing = desk::converse(ReadSdr::new(None), |_| (0xC1, Vec::new()));
    assert_eq!(nothing, Err(ProcedureError::Refused { doing: DOING, code: CompletionCode::INVALID_COMMAND }));
    // Answers of no bytes at all.
    let empty = desk::converse(ReadSdr::new(None), |_| (0, Vec::new()));
    assert_eq!(empty, Err(ProcedureError::Refused { doing: DOING, code: CompletionCode::UNSPECIFIED }));
}

#[test]
fn a_bmc_that_makes_up_records_is_left_in_the_end() {
    let mut fake = Fake::with(&NAMES);
    let answer = |raw: &RawCommand| match (raw.netfn, raw.cmd) {
        GET => {
            let id = u16::from_le_bytes([raw.data[2], raw.data[3]]).max(1);
            let mut reply = (id + 1).to_le_bytes().to_vec();
            reply.extend(record(id, &format!("Sensor {id}")));
            (0, reply)
        }
        _ => fake.answer(raw),
    };
    let repository = desk::converse(ReadSdr::new(None), answer).unwrap();
    assert_eq!(repository.records().len(), RECORD_LIMIT);
    assert!(repository.flaws().contains(&SdrFlaw::TooMany(RECORD_LIMIT)));
}

#[test]
fn our_own_bmc_is_read_with_and_without_vendor_faults() {
    let read = |quirks: Quirks, device_sdrs: bool| {
        let mut config = BmcConfig::new(Vec::new());
        config.quirks = quirks;
        if device_sdrs {
            config.device_id.provides_device_sdrs = true;
            config.device_id.additional_support &= !REPOSITORY_DEVICE;
        }
        let mut bmc = Bmc::new(config, Box::new(|bytes: &mut [u8]| bytes.fill(1)));
        desk::run(&mut bmc, Instant::now(), ReadSdr::new(None)).unwrap()
    };
    let plain = read(Quirks::NONE, false);
    assert_eq!(plain.flaws(), []);
    let sample = SensorSet::sample();
    let expected: Vec<_> =
        (1..).zip(sample.records()).map(|(id, bytes)| Record::decode(id, bytes).unwrap()).collect();
    assert_eq!(plain.records(), expected);
    for quirk in [Quirk::AssumeMaxSdrRecordCount, Quirk::SdrRecordId, Quirk::SdrInfo, Quirk::SdrPartialReads]
    {
        let faulty = read(quirk.into(), false);
        assert_eq!(faulty.records()[1..], expected[1..], "{quirk}");
        assert_eq!(
            faulty.flaws().is_empty(),
            matches!(quirk, Quirk::SdrInfo | Quirk::SdrPartialReads),
            "{quirk}"
        );
    }
    let device = read(Quirks::NONE, true);
    assert_eq!((device.records(), device.flaws()), (&expected[..], &[][..]));
    assert!(matches!(device.key().unwrap().stamp, SdrStamp::Device { .. }));
}
