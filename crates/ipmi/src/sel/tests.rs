use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::commands::*;
use super::*;
use crate::bmc::{Bmc, BmcConfig, Faults, SelConfig, desk};
use crate::command::{Command, RawCommand};
use crate::completion::CompletionCode;
use crate::procedure::{Answer, Procedure, ProcedureError, Turn};

fn bmc(sel: SelConfig) -> Bmc {
    Bmc::new(BmcConfig { sel, ..BmcConfig::new(Vec::new()) }, Box::new(|bytes: &mut [u8]| bytes.fill(1)))
}

fn entry(id: u16) -> Entry {
    let event = SystemEvent::of_bmc(0x01, id as u8, 0x01, [0x57, 0x2B, 0x2A]);
    Entry { id, record: Record::Event(event) }
}

/// Runs `procedure` against a BMC that a function plays; returns its result and the commands asked.
fn play<P: Procedure>(
    mut procedure: P,
    mut bmc: impl FnMut(&RawCommand) -> Result<Vec<u8>, CompletionCode>,
) -> (Result<P::Output, ProcedureError>, Vec<RawCommand>) {
    let mut asked = Vec::new();
    for _ in 0..10_000 {
        match procedure.next() {
            Turn::Ask(raw) => {
                let answer = bmc(&raw);
                asked.push(raw);
                match &answer {
                    Ok(data) => procedure.answer(Answer { code: CompletionCode::OK, data }),
                    Err(code) => procedure.answer(Answer { code: *code, data: &[] }),
                }
            }
            Turn::Wait(_) => {}
            Turn::Done(result) => return (result, asked),
        }
    }
    panic!("the procedure does not end: {:?}", &asked[..20]);
}

/// A BMC that keeps these records, with these ids as "next", and gives at most `piece` bytes at once.
fn chain(
    records: Vec<(u16, u16)>,
    piece: usize,
) -> impl FnMut(&RawCommand) -> Result<Vec<u8>, CompletionCode> {
    let mut reservation = 0x10;
    move |raw| match raw.cmd {
        GetSelInfo::CMD => {
            let mut data = vec![0x51, records.len() as u8, 0];
            data.resize(14, 0);
            Ok(data)
        }
        ReserveSel::CMD => {
            reservation += 1;
            Ok(vec![reservation, 0])
        }
        GetSelEntry::CMD => {
            let id = u16::from_le_bytes([raw.data[2], raw.data[3]]);
            let record = match id {
                FIRST_RECORD => records.first(),
                LAST_RECORD => records.last(),
                id => records.iter().find(|record| record.0 == id),
            };
            let (id, next) = record.ok_or(CompletionCode::NOT_PRESENT)?;
            let (offset, count) = (usize::from(raw.data[4]), usize::from(raw.data[5]));
            if offset > 0 && raw.data[0] != reservation {
                return Err(CompletionCode::RESERVATION_LOST);
            }
            let wanted = count.min(16 - offset);
            if wanted > piece {
                return Err(CompletionCode::CANNOT_RETURN_LENGTH);
            }
            let mut data = next.to_le_bytes().to_vec();
            data.extend(&entry(*id).encode()[offset..offset + wanted]);
            Ok(data)
        }
        _ => Err(CompletionCode::INVALID_COMMAND),
    }
}

fn ids(reading: &SelReading) -> Vec<u16> {
    reading.entries.iter().map(|entry| entry.id).collect()
}

#[test]
fn record_types_are_told_apart() {
    let check = |record_type: u8, expected: &str| {
        let mut bytes = [0x11; RECORD_LENGTH];
        bytes[2] = record_type;
        let kind = match Entry::decode(&bytes).record {
            Record::Event(event) if event.has_reserved_type() => "bogus",
            Record::Event(_) => "event",
            Record::TimestampedOem { .. } => "timed",
            Record::Oem { .. } => "oem",
        };
        assert_eq!(kind, expected, "{record_type:#x}");
    };
    check(0x02, "event");
    check(0xC0, "timed");
    check(0xDF, "timed");
    check(0xE0, "oem");
    check(0xFF, "oem");
    // The fault "assumesystemevent": no such types exist.
    check(0x00, "bogus");
    check(0x03, "bogus");
    check(0xBF, "bogus");
}

#[test]
fn times_are_of_the_clock_or_since_the_start_or_unknown() {
    let check = |raw, expected| assert_eq!(Timestamp(raw).moment(), expected);
    check(0, Moment::SinceStart(Duration::ZERO));
    check(0x2000_0000, Moment::SinceStart(Duration::from_secs(0x2000_0000)));
    check(0x2000_0001, Moment::Clock(0x2000_0001));
    check(0xFFFF_FFFE, Moment::Clock(0xFFFF_FFFE));
    check(0xFFFF_FFFF, Moment::Unknown);
}

#[test]
fn generators_are_named() {
    let check = |raw, expected: &str| assert_eq!(Generator(raw).to_string(), expected);
    check(0x0020, "BMC");
    check(0x0220, "BMC LUN 2");
    check(0x602C, "controller 2Ch channel 6");
    check(0x0001, "system firmware");
    check(0x0033, "SMI handler");
    check(0x0041, "system software");
    check(0x0081, "remote console 1");
    check(0x008D, "remote console 7");
}

#[test]
fn a_log_is_read_whole_from_a_place_and_from_its_end() {
    let sample = SelConfig::sample();
    let all: Vec<Entry> = sample.records.iter().cloned().collect();
    let check = |start: Start, expected: &[Entry]| {
        let read = desk::run(&mut bmc(SelConfig::sample()), Instant::now(), ReadSel::new(start.clone()));
        let expected = SelReading { entries: expected.to_vec(), ..SelReading::default() };
        assert_eq!(read, Ok(expected), "{start:?}");
    };
    check(Start::First, &all);
    check(Start::Last(3), &all[all.len() - 3..]);
    check(Start::Last(1), &all[all.len() - 1..]);
    check(Start::Last(1000), &all);
    check(Start::Last(0), &[]);
    check(Start::After(all[4].clone()), &all[5..]);
    check(Start::After(all[all.len() - 1].clone()), &[]);
    let empty = desk::run(&mut bmc(SelConfig::default()), Instant::now(), ReadSel::new(Start::First));
    assert_eq!(empty, Ok(SelReading::default()));
}

#[test]
fn the_last_ones_are_found_where_ids_have_gaps() {
    let (read, _) =
        play(ReadSel::new(Start::Last(3)), chain(vec![(2, 9), (9, 20), (20, 21), (21, 0xFFFF)], 16));
    assert_eq!(ids(&read.unwrap()), [9, 20, 21]);
    // Record 19 = 21 - 3 + 1 exists, but only two are behind it in the chain.
    let (read, _) =
        play(ReadSel::new(Start::Last(3)), chain(vec![(2, 9), (9, 19), (19, 21), (21, 0xFFFF)], 16));
    assert_eq!(ids(&read.unwrap()), [9, 19, 21]);
}

#[test]
fn a_followed_log_that_was_erased_is_read_from_its_beginning() {
    let known = Entry { record: Record::Oem { record_type: 0xE0, data: [1; 13] }, ..entry(2) };
    let (read, _) = play(ReadSel::new(Start::After(known)), chain(vec![(1, 2), (2, 0xFFFF)], 16));
    let read = read.unwrap();
    assert_eq!((ids(&read), read.erased), (vec![1, 2], true), "id 2 is another record now");
    let (read, _) = play(ReadSel::new(Start::After(entry(7))), chain(vec![(1, 2), (2, 0xFFFF)], 16));
    let read = read.unwrap();
    assert_eq!((ids(&read), read.erased), (vec![1, 2], true), "id 7 is gone");
}

#[test]
fn chains_of_records_are_not_followed_in_circles() {
    let check = |records, expected: &[u16], flaw| {
        let (read, _) = play(ReadSel::new(Start::First), chain(records, 16));
        let read = read.unwrap();
        assert_eq!((ids(&read).as_slice(), read.flaws.as_slice()), (expected, [flaw].as_slice()));
    };
    check(vec![(1, 2), (2, 1)], &[1, 2], SelFlaw::Loop { record: 2, next: 1 });
    check(vec![(1, 1)], &[1], SelFlaw::Loop { record: 1, next: 1 });
    check(vec![(1, 2), (2, 0)], &[1, 2], SelFlaw::Loop { record: 2, next: 0 });
    check(vec![(1, 2), (2, 3)], &[1, 2], SelFlaw::MissingNext { record: 2, next: 3 });
    check(vec![(1, 7), (2, 3), (3, 0xFFFF)], &[1], SelFlaw::MissingNext { record: 1, next: 7 });
}

#[test]
fn records_are_read_in_pieces_where_they_do_not_come_whole() {
    for piece in [2, 3, 4, 8, 15] {
        let (read, _) = play(ReadSel::new(Start::First), chain(vec![(1, 2), (2, 0xFFFF)], piece));
        assert_eq!(read.unwrap().entries, [entry(1), entry(2)], "{piece}");
    }
    let (read, _) = play(ReadSel::new(Start::First), chain(vec![(1, 0xFFFF)], 1));
    let code = CompletionCode::CANNOT_RETURN_LENGTH;
    assert_eq!(read, Err(ProcedureError::Refused { doing: "read a record of the SEL", code }));
}

#[test]
fn a_refusal_of_the_first_record_is_no_empty_log() {
    for code in [CompletionCode::INVALID_FIELD, CompletionCode::PARAMETER_OUT_OF_RANGE] {
        // Of whole records only: then pieces do.
        let mut records = chain(vec![(1, 2), (2, 0xFFFF)], 8);
        let (read, _) = play(ReadSel::new(Start::First), |raw| {
            records(raw)
                .map_err(|refusal| if refusal == CompletionCode::NOT_PRESENT { refusal } else { code })
        });
        assert_eq!(read.unwrap().entries, [entry(1), entry(2)]);
        // Of all: then the log cannot be read.
        let mut records = chain(vec![(1, 0xFFFF)], 16);
        let (read, _) = play(ReadSel::new(Start::First), |raw| match raw.cmd {
            GetSelEntry::CMD => Err(code),
            _ => records(raw),
        });
        assert_eq!(read, Err(ProcedureError::Refused { doing: "read a record of the SEL", code }));
        // Of an id that is gone: then reading begins at the first one.
        let mut records = chain(vec![(1, 2), (2, 0xFFFF)], 16);
        let (read, _) = play(ReadSel::new(Start::After(entry(7))), |raw| records(raw).map_err(|_| code));
        let read = read.unwrap();
        assert_eq!((ids(&read), read.erased), (vec![1, 2], true));
    }
}

#[test]
fn a_reservation_lost_between_pieces_is_taken_again() {
    let mut chain = chain(vec![(1, 0xFFFF)], 8);
    let mut losses = 3;
    let (read, _) = play(ReadSel::new(Start::First), |raw| {
        if raw.cmd == GetSelEntry::CMD && raw.data[4] != 0 && losses > 0 {
            losses -= 1;
            return Err(CompletionCode::RESERVATION_LOST);
        }
        chain(raw)
    });
    assert_eq!(read.unwrap().entries, [entry(1)]);
    let (read, _) = play(ReadSel::new(Start::First), |raw| match raw.cmd {
        GetSelEntry::CMD => Err(CompletionCode::RESERVATION_LOST),
        _ => Ok(vec![0; 14]),
    });
    assert_eq!(read, Ok(SelReading::default()), "Get SEL Info says that there is nothing");
}

#[test]
fn a_log_that_is_erased_while_it_is_read_gives_what_was_and_what_is() {
    let (mut before, mut after) =
        (chain(vec![(1, 2), (2, 3), (3, 0xFFFF)], 16), chain(vec![(9, 0xFFFF)], 16));
    let mut asked = 0;
    let (read, _) = play(ReadSel::new(Start::First), |raw| {
        asked += 1;
        if asked <= 3 { before(raw) } else { after(raw) }
    });
    let read = read.unwrap();
    assert_eq!((ids(&read), read.erased), (vec![1, 2, 9], true));
}

#[test]
fn a_bmc_without_the_commands_is_refused_plainly() {
    let refuse = |_: &RawCommand| Err(CompletionCode::INVALID_COMMAND);
    let code = CompletionCode::INVALID_COMMAND;
    let refused = |doing| ProcedureError::Refused { doing, code };
    assert_eq!(play(ReadSel::new(Start::First), refuse).0, Err(refused("read a record of the SEL")));
    assert_eq!(play(ReadSelStatus::new(), refuse).0, Err(refused("read the state of the SEL")));
    assert_eq!(play(ClearSel::new(), refuse).0, Err(refused("erase the SEL")));
    assert_eq!(play(SetSelTime::new(1), refuse).0, Err(refused("set its clock")));
}

#[test]
fn the_log_is_erased_and_erasing_is_waited_for() {
    let mut bmc = bmc(SelConfig::sample());
    let now = Instant::now();
    assert_eq!(desk::run(&mut bmc, now, ClearSel::new()), Ok(()));
    assert_eq!(bmc.log_length(), 0);
    bmc.set_faults(Faults { erase_time: Duration::from_secs(3), ..Faults::default() });
    assert_eq!(desk::run(&mut bmc, now, ClearSel::new()), Ok(()), "waits for a slow one");
    let mut lost = 0;
    let (cleared, asked) = play(ClearSel::new(), |raw| match (raw.cmd, raw.data.last()) {
        (0x47, Some(0xAA)) if lost < 2 => {
            lost += 1;
            Err(CompletionCode::RESERVATION_LOST)
        }
        (0x47, Some(0xAA)) => Ok(vec![0]),
        (0x47, _) => Ok(vec![1]),
        _ => Ok(vec![7, 0]),
    });
    assert_eq!(cleared, Ok(()));
    assert_eq!(asked.last().unwrap().data, [7, 0, b'C', b'L', b'R', 0]);
    assert!(asked.iter().all(|raw| raw.data.last() != Some(&0xAA) || !raw.repeatable));
    let (stuck, _) = play(ClearSel::new(), |_| Ok(vec![0, 0]));
    assert_eq!(stuck, Err(ProcedureError::NotKept { doing: "erase the SEL" }));
}

#[test]
fn the_clock_is_set_and_read_back() {
    let mut bmc = bmc(SelConfig::default());
    let now = Instant::now();
    let seconds = 1_800_000_000;
    assert_eq!(desk::run(&mut bmc, now, SetSelTime::new(seconds)), Ok(Timestamp(seconds)));
    let (ignored, _) = play(SetSelTime::new(seconds), |_| Ok(vec![0; 4]));
    assert_eq!(ignored, Err(ProcedureError::NotKept { doing: "set its clock" }));
}

#[test]
fn a_status_says_how_full_the_log_is() {
    let sample = SelConfig::sample();
    let used = sample.records.len();
    let config = SelConfig { capacity: used as u16 * 4, ..sample };
    let status = desk::run(&mut bmc(config), Instant::now(), ReadSelStatus::new()).unwrap();
    assert_eq!((usize::from(status.info.entries), status.percent_used()), (used, 25));
    let info = SelInfo { entries: 1, free: 48, ..status.info };
    assert_eq!(SelStatus { info, allocation: None, clock: None }.percent_used(), 25);
    let info = SelInfo { entries: 0, free: 0, ..status.info };
    assert_eq!(SelStatus { info, allocation: None, clock: None }.percent_used(), 0);
}

proptest! {
    #[test]
    fn records_come_back_as_they_were(bytes: [u8; RECORD_LENGTH]) {
        prop_assert_eq!(Entry::decode(&bytes).encode(), bytes);
    }

    #[test]
    fn replies_of_any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(info) = GetSelInfo::decode(&bytes) {
            prop_assert_eq!(GetSelInfo::decode(&info.encode()), Ok(info));
        }
        if let Ok(allocation) = GetSelAllocationInfo::decode(&bytes) {
            prop_assert_eq!(&allocation.encode()[..], &bytes[..9]);
        }
        let _ = GetSelEntry::decode(&bytes);
        let _ = InitiateErase::decode(&bytes);
        let _ = GetSelTimeUtcOffset::decode(&bytes);
    }

    #[test]
    fn procedures_end_whatever_a_bmc_answers(
        seed: u64,
        start in prop_oneof![
            Just(Start::First),
            (0u16..5).prop_map(Start::Last),
            any::<[u8; 16]>().prop_map(|bytes| Start::After(Entry::decode(&bytes))),
        ],
    ) {
        let mut state = seed;
        let mut noise = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let mut answer = |_: &RawCommand| match noise() % 8 {
            0 => Err(CompletionCode(0xC0 + noise() % 0x10)),
            1 => Ok((0..noise() % 20).map(|_| noise()).collect()),
            // Small ids, so that chains meet.
            _ => Ok([noise() % 4, 0].into_iter().chain((0..16).map(|_| noise())).collect()),
        };
        let _ = play(ReadSel::new(start), &mut answer);
        let _ = play(ClearSel::new(), &mut answer);
        let _ = play(ReadSelStatus::new(), &mut answer);
        let _ = play(SetSelTime::new(5), &mut answer);
    }
}
