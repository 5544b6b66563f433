use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use ironhand_dhcp::{HardwareAddress, LeaseState, SubnetId};
use proptest::prelude::*;

use super::*;

/// Set in the process of [`writes_until_it_is_killed`] that is killed.
const VICTIM: &str = "IRONHAND_TEST_JOURNAL";

fn lease(number: u32) -> Lease {
    Lease {
        address: Ipv4Addr::from_bits(0x0a00_0000 + number % 97),
        subnet: SubnetId(7),
        hardware: HardwareAddress::ethernet([2, 0, 0, 0, (number >> 8) as u8, number as u8]),
        identifier: number.is_multiple_of(3).then(|| number.to_be_bytes().into()),
        state: [LeaseState::Bound, LeaseState::Released, LeaseState::Declined][number as usize % 3],
        begins: UNIX_EPOCH + Duration::from_micros(1_000_000 + u64::from(number)),
        ends: UNIX_EPOCH + Duration::from_secs(4600 + u64::from(number)),
        host_name: number.is_multiple_of(2).then(|| format!("host {number} %\n").into()),
    }
}

fn reopen(path: &Path) -> (Journal, Recovered) {
    Journal::open(path, Durability::Write).unwrap()
}

fn sorted(mut leases: Vec<Lease>) -> Vec<Lease> {
    leases.sort_by_key(|lease| lease.address);
    leases
}

/// The latest of each address.
fn latest(numbers: impl Iterator<Item = u32>) -> Vec<Lease> {
    let leases: HashMap<_, _> = numbers.map(lease).map(|lease| (lease.address, lease)).collect();
    sorted(leases.into_values().collect())
}

#[test]
fn leases_are_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases");
    for durability in [Durability::Sync, Durability::Write] {
        let (mut journal, _) = Journal::<Lease>::open(&path, durability).unwrap();
        journal.append((0..60).map(lease).collect::<Vec<_>>().iter()).unwrap();
        journal.append(&[lease(100), lease(101)]).unwrap();
    }
    let (_, recovered) = reopen(&path);
    assert_eq!((recovered.torn, recovered.damaged), (0, 0));
    assert_eq!(sorted(recovered.leases), latest((0..60).chain([100, 101])));
}

#[test]
fn a_file_cut_anywhere_keeps_every_whole_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases");
    let (mut journal, _) = reopen(&path);
    journal.append((0..5).map(lease).collect::<Vec<_>>().iter()).unwrap();
    drop(journal);
    let bytes = fs::read(&path).unwrap();
    for cut in 0..=bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let whole = bytes[..cut].iter().filter(|byte| **byte == b'\n').count().saturating_sub(1) as u32;
        let (mut journal, recovered) = reopen(&path);
        assert_eq!(sorted(recovered.leases), latest(0..whole), "cut at {cut}");
        assert_eq!(recovered.damaged, 0, "cut at {cut}");
        let is_torn = cut > 0 && bytes[cut - 1] != b'\n';
        assert_eq!(recovered.torn > 0, is_torn, "cut at {cut}");
        // What comes behind is not glued to the torn end.
        journal.append(&[lease(50)]).unwrap();
        drop(journal);
        let (_, recovered) = reopen(&path);
        assert_eq!(sorted(recovered.leases), latest((0..whole).chain([50])), "cut at {cut}");
        assert_eq!(recovered.torn, 0, "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_costs_its_own_record_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases");
    let (mut journal, _) = reopen(&path);
    journal.append((0..3).map(lease).collect::<Vec<_>>().iter()).unwrap();
    drop(journal);
    let bytes = fs::read(&path).unwrap();
    let ends: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'\n').collect();
    for bit in Lease::HEADER.len() * 8..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &flipped).unwrap();
        let (_, recovered) = reopen(&path);
        // The line that the bit is in, and if it was its end, the one behind, too.
        let line = ends.iter().position(|end| bit / 8 <= *end).unwrap() as u32 - 1;
        let lost = |number: u32| number == line || bit / 8 == ends[line as usize + 1] && number == line + 1;
        let expected = latest((0..3).filter(|number| !lost(*number)));
        assert_eq!(sorted(recovered.leases), expected, "bit {bit}");
        assert!(recovered.damaged + recovered.torn > 0, "bit {bit}");
        if recovered.damaged > 0 {
            assert_eq!(fs::read(folder.path().join("leases.damaged")).unwrap(), flipped, "bit {bit}");
        }
    }
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases");
    let check = |text: &str| {
        fs::write(&path, text).unwrap();
        let error = Journal::<Lease>::open(&path, Durability::Write).unwrap_err();
        assert!(matches!(error, JournalError::Foreign(_)), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    };
    check("ironhand leases 2\n");
    check("lease 192.0.2.1 {\n");
    check("\n");
}

#[test]
fn one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases");
    let (journal, _) = reopen(&path);
    assert!(matches!(Journal::<Lease>::open(&path, Durability::Sync), Err(JournalError::InUse(_))));
    drop(journal);
    reopen(&path);
}

#[test]
fn a_file_of_old_records_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases");
    let (mut journal, _) = reopen(&path);
    let mut most = 0;
    for batch in 0..150 {
        let leases: Vec<Lease> = (batch * 1000..(batch + 1) * 1000).map(lease).collect();
        journal.append(&leases).unwrap();
        most = most.max(fs::metadata(&path).unwrap().len());
    }
    drop(journal);
    assert!(fs::metadata(&path).unwrap().len() < most, "it never became shorter");
    assert_eq!(sorted(reopen(&path).1.leases), latest(0..150_000));
}

#[test]
fn a_write_that_fails_is_told_and_made_good() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases");
    let (mut journal, _) = reopen(&path);
    journal.append(&[lease(1)]).unwrap();
    // A file that cannot be written stands for a full disk.
    journal.file = File::open(&path).unwrap();
    assert!(matches!(journal.append(&[lease(2)]), Err(JournalError::System { attempt: "written", .. })));
    journal.append(&[lease(3)]).unwrap();
    drop(journal);
    assert_eq!(sorted(reopen(&path).1.leases), latest([1, 3].into_iter()));
}

/// Appends one lease after another and says which ones are kept, in the process that the next test kills. As a test of its
/// own it keeps ten.
#[test]
fn writes_until_it_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let victim = std::env::var_os(VICTIM).map(PathBuf::from);
    let path = victim.clone().unwrap_or_else(|| folder.path().join("leases"));
    let (mut journal, _) = Journal::<Lease>::open(&path, Durability::Sync).unwrap();
    let last = victim.map_or(10, |_| u32::MAX);
    for number in 0..last {
        journal.append(&[lease(number)]).unwrap();
        println!("kept {number}");
    }
    drop(journal);
    assert_eq!(sorted(reopen(&path).1.leases), latest(0..last));
}

#[test]
fn kill_9_loses_nothing_that_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    for (round, killed_after) in [1, 40, 200].into_iter().enumerate() {
        let path = folder.path().join(format!("leases-{round}"));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::tests::writes_until_it_is_killed", "--nocapture"])
            .env(VICTIM, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        // The first line stands behind what the test harness says of the test.
        let numbers =
            output.lines().map_while(Result::ok).filter_map(|line| line.split("kept ").nth(1)?.parse().ok());
        let mut numbers = numbers;
        let mut kept: Option<u32> = None;
        while kept.is_none_or(|number| number < killed_after) {
            kept = Some(numbers.next().expect("it goes on until it is killed"));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had said before it ended.
        let kept = numbers.last().or(kept).unwrap();
        let (_, recovered) = reopen(&path);
        let found = sorted(recovered.leases);
        // One more may have been written that was not told any more.
        assert!(found == latest(0..kept + 1) || found == latest(0..kept + 2), "kept {kept}, found {found:?}");
    }
}

proptest! {
    #[test]
    fn every_lease_is_read_as_it_was_written(
        address: u32, subnet: u32, kind: u8,
        hardware in proptest::collection::vec(any::<u8>(), 0..17),
        identifier in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..65)),
        name: Option<String>, begins in 0..1_u64 << 52, lasts: u32,
    ) {
        let begins = UNIX_EPOCH + Duration::from_micros(begins);
        let lease = Lease {
            address: Ipv4Addr::from_bits(address),
            subnet: SubnetId(subnet),
            hardware: HardwareAddress::new(kind, &hardware),
            identifier: identifier.map(Vec::into_boxed_slice),
            state: LeaseState::Bound,
            begins,
            ends: begins + Duration::from_secs(lasts.into()),
            host_name: name.map(String::into_boxed_str),
        };
        let mut line = Vec::new();
        record::write(&lease, &mut line);
        prop_assert_eq!(line.pop(), Some(b'\n'));
        prop_assert!(!line.contains(&b'\n'));
        prop_assert_eq!(record::read(&line), Some(lease));
    }

    #[test]
    fn no_bytes_make_it_fall_over(bytes: Vec<u8>) {
        let mut file = Lease::HEADER.to_vec();
        file.extend(&bytes);
        prop_assert!(Replay::<Lease>::read(&file).unwrap().leases.is_empty());
        Replay::<Lease>::read(&bytes);
    }
}
