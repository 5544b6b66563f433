use super::*;
use crate::bmc::{BmcConfig, Faults, desk};
use crate::command::RawCommand;

fn bmc(sel: SelConfig) -> Bmc {
    Bmc::new(BmcConfig { sel, ..BmcConfig::new(Vec::new()) }, Box::new(|bytes: &mut [u8]| bytes.fill(1)))
}

fn ask(bmc: &mut Bmc, now: Instant, raw: RawCommand) -> Result<Vec<u8>, CompletionCode> {
    let (code, data) = desk::ask(bmc, now, raw.netfn, raw.lun, raw.cmd, &raw.data);
    if code.is_ok() { Ok(data) } else { Err(code) }
}

fn event(number: u8) -> SystemEvent {
    SystemEvent::of_bmc(0x01, number, 0x01, [0x57, 0x2B, 0x2A])
}

fn numbers(bmc: &Bmc) -> Vec<(u16, u8)> {
    let number = |entry: &Entry| match &entry.record {
        Record::Event(event) => (entry.id, event.sensor_number),
        _ => (entry.id, 0),
    };
    bmc.sel.records.iter().map(number).collect()
}

#[test]
fn a_full_log_refuses_records_or_drops_the_oldest() {
    let now = Instant::now();
    let check = |when_full, last: Option<u16>, expected: &[(u16, u8)]| {
        let mut bmc = bmc(SelConfig { capacity: 2, when_full, ..SelConfig::default() });
        assert_eq!((bmc.log_event(now, event(1)), bmc.log_event(now, event(2))), (Some(1), Some(2)));
        assert!(!bmc.sel.info().overflow);
        assert_eq!(bmc.log_event(now, event(3)), last);
        assert!(bmc.sel.info().overflow);
        assert_eq!(numbers(&bmc), expected);
    };
    check(WhenFull::Refuse, None, &[(1, 1), (2, 2)]);
    check(WhenFull::DropOldest, Some(3), &[(2, 2), (3, 3)]);
}

#[test]
fn ids_begin_again_where_no_record_has_them() {
    let records = [1, 2, LARGEST_ID].map(|id| Entry { id, record: Record::Event(event(0)) });
    let records = Arc::new(VecDeque::from(records));
    let mut bmc = bmc(SelConfig { records, ..SelConfig::default() });
    assert_eq!(bmc.log_event(Instant::now(), event(1)), Some(3));
}

#[test]
fn records_are_shared_until_the_log_changes() {
    let config = SelConfig::sample();
    let (mut one, other) = (bmc(config.clone()), bmc(config.clone()));
    assert!(Arc::ptr_eq(&one.sel.records, &other.sel.records));
    assert!(one.log_event(Instant::now(), event(1)).is_some());
    assert!(!Arc::ptr_eq(&one.sel.records, &other.sel.records));
    assert_eq!((one.log_length(), other.log_length()), (config.records.len() + 1, config.records.len()));
}

#[test]
fn the_clock_counts_from_the_first_command_or_from_what_it_was_set_to() {
    let now = Instant::now();
    let later = now + Duration::from_secs(100);
    let time = |bmc: &mut Bmc, now| ask(bmc, now, RawCommand::of(&GetSelTime)).unwrap();
    let mut unset = bmc(SelConfig::default());
    assert_eq!(time(&mut unset, now), [0; 4]);
    assert_eq!(time(&mut unset, later), [100, 0, 0, 0]);
    assert_eq!(ask(&mut unset, later, RawCommand::of(&SetTime(Timestamp(0x6000_0000)))), Ok(Vec::new()));
    assert_eq!(time(&mut unset, later + Duration::from_secs(1)), [1, 0, 0, 0x60]);
    let clock = Some(SelClock { at: now, seconds: 0x6000_0000 });
    assert_eq!(time(&mut bmc(SelConfig { clock, ..SelConfig::default() }), later), [100, 0, 0, 0x60]);
}

#[test]
fn changes_of_the_log_end_reservations() {
    let now = Instant::now();
    let mut bmc = bmc(SelConfig::sample());
    let reserve = |bmc: &mut Bmc| {
        let data = ask(bmc, now, RawCommand::of(&ReserveSel)).unwrap();
        u16::from_le_bytes([data[0], data[1]])
    };
    let delete = |bmc: &mut Bmc, reservation, record| {
        ask(bmc, now, RawCommand::of(&DeleteSelEntry { reservation, record }))
    };
    let lost = Err(CompletionCode::RESERVATION_LOST);
    let first = reserve(&mut bmc);
    let second = reserve(&mut bmc);
    assert_eq!(delete(&mut bmc, first, 0), lost);
    assert_eq!(delete(&mut bmc, second, 0), Ok(vec![1, 0]));
    assert_eq!(delete(&mut bmc, second, 0), lost);
    let third = reserve(&mut bmc);
    assert_eq!(delete(&mut bmc, third, 1), Err(CompletionCode::NOT_PRESENT));
    bmc.log_event(now, event(1));
    let erase = RawCommand::of(&InitiateErase { reservation: third });
    assert_eq!(ask(&mut bmc, now, erase), lost);
    let piece = GetSelEntry { reservation: third, record: 2, offset: 8, count: 8 };
    assert_eq!(ask(&mut bmc, now, RawCommand::of(&piece)), lost);
}

/// Begins to erase the log; returns the reply's data and the question how far it is.
fn erase(bmc: &mut Bmc, now: Instant) -> (Vec<u8>, RawCommand) {
    let reservation = ask(bmc, now, RawCommand::of(&ReserveSel)).unwrap();
    let reservation = u16::from_le_bytes([reservation[0], reservation[1]]);
    let begun = ask(bmc, now, RawCommand::of(&InitiateErase { reservation })).unwrap();
    (begun, RawCommand::of(&crate::sel::commands::GetErasure { reservation }))
}

#[test]
fn the_log_can_be_read_as_soon_as_it_is_erased() {
    let now = Instant::now();
    let mut bmc = bmc(SelConfig::sample());
    assert_eq!(erase(&mut bmc, now).0, [1]);
    let first = RawCommand::of(&GetSelEntry::whole(0));
    assert_eq!(ask(&mut bmc, now, first), Err(CompletionCode::NOT_PRESENT));
    assert!(ask(&mut bmc, now, RawCommand::of(&ReserveSel)).is_ok());
}

#[test]
fn a_bmc_may_take_its_time_to_erase() {
    const ERASE_TIME: Duration = Duration::from_millis(300);
    let now = Instant::now();
    let mut bmc = bmc(SelConfig::sample());
    bmc.set_faults(Faults { erase_time: ERASE_TIME, ..Faults::default() });
    let (begun, progress) = erase(&mut bmc, now);
    assert_eq!(begun, [0]);
    assert_eq!(ask(&mut bmc, now, progress.clone()), Ok(vec![0]));
    let first = RawCommand::of(&GetSelEntry::whole(0));
    assert_eq!(ask(&mut bmc, now, first.clone()), Err(code::ERASE_IN_PROGRESS));
    let later = now + ERASE_TIME;
    assert_eq!(ask(&mut bmc, later, progress), Ok(vec![1]));
    assert_eq!(ask(&mut bmc, later, first), Err(CompletionCode::NOT_PRESENT));
}

#[test]
fn records_and_events_are_added_from_outside() {
    let now = Instant::now();
    let mut bmc = bmc(SelConfig::default());
    let mut bytes = Entry { id: 0x7777, record: Record::Event(event(9)) }.encode();
    assert_eq!(ask(&mut bmc, now, RawCommand::of(&AddSelEntry(bytes))), Ok(vec![1, 0]));
    bytes[2] = 0x03;
    let refused = Err(code::RECORD_TYPE_UNSUPPORTED);
    assert_eq!(ask(&mut bmc, now, RawCommand::of(&AddSelEntry(bytes))), refused);
    let (code, _) = desk::ask(&mut bmc, now, 0x04, 0, 0x02, &[0x04, 0x01, 0x30, 0x81, 0x59]);
    assert!(code.is_ok());
    let added = &bmc.sel.records[1].record;
    let expected = SystemEvent::of_bmc(0x01, 0x30, 0x01, [0x59, 0xFF, 0xFF]).deasserted();
    let expected = SystemEvent { time: Timestamp(0), ..expected.from(Generator::REMOTE_CONSOLE) };
    assert_eq!(*added, Record::Event(expected));
}

#[test]
fn pieces_beyond_the_record_are_refused() {
    let mut bmc = bmc(SelConfig::sample());
    let now = Instant::now();
    let reservation = bmc.sel.reserve();
    let mut check = |offset, count, expected: Result<usize, CompletionCode>| {
        let command = GetSelEntry { reservation, record: 0, offset, count };
        let length = ask(&mut bmc, now, RawCommand::of(&command)).map(|data| data.len() - 2);
        assert_eq!(length, expected, "{offset} {count}");
    };
    check(0, 0xFF, Ok(16));
    check(0, 16, Ok(16));
    check(10, 0xFF, Ok(6));
    check(10, 6, Ok(6));
    check(10, 7, Err(CompletionCode::CANNOT_RETURN_LENGTH));
    check(16, 1, Err(CompletionCode::PARAMETER_OUT_OF_RANGE));
}
