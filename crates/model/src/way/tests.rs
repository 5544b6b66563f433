use super::*;

const ALL: [Wanted; 8] = [
    Wanted::Reading,
    Wanted::Setting,
    Wanted::Power(PowerAction::On),
    Wanted::Power(PowerAction::Off),
    Wanted::Power(PowerAction::Cycle),
    Wanted::Power(PowerAction::Reset),
    Wanted::Power(PowerAction::Soft),
    Wanted::Power(PowerAction::Nmi),
];

/// A candidate from letters: `-` cannot, `m` switches the mains, `c` may cut, `r` rests, `x` failed, `?` is in doubt.
fn candidate(letters: &str) -> Candidate {
    let has = |letter| letters.contains(letter);
    let tried = match (has('x'), has('?')) {
        (true, _) => Some(Tried::NotDone),
        (_, true) => Some(Tried::InDoubt),
        _ => None,
    };
    Candidate { can: !has('-'), switches_mains: has('m'), may_cut: has('c'), rests: has('r'), tried }
}

#[test]
fn connectors_are_tried_in_order_and_the_mains_last() {
    use NextWay::{Stop, Try};
    use NoWay::{AllTried, CutNotAllowed, InDoubt, NoneCan};
    let check = |wanted: Wanted, ways: &str, expected: NextWay| {
        let candidates: Vec<_> = ways.split(' ').map(candidate).collect();
        assert_eq!(next_way(wanted, &candidates), expected, "{wanted:?} of {ways}");
    };
    let [on, off, cycle] = [PowerAction::On, PowerAction::Off, PowerAction::Cycle].map(Wanted::Power);
    let [soft, reset] = [PowerAction::Soft, PowerAction::Reset].map(Wanted::Power);
    check(on, "a a", Try(0));
    check(on, "x a", Try(1));
    check(on, "- a", Try(1));
    check(on, "x x", Stop(AllTried));
    check(on, "- -", Stop(NoneCan));
    check(on, "x -", Stop(AllTried));
    // One that failed not long ago comes behind the others, and is tried all the same.
    check(on, "r a", Try(1));
    check(on, "r x", Try(0));
    check(on, "r r", Try(0));
    check(Wanted::Reading, "r a", Try(1));
    // The mains come last, even behind one that rests, and cut only where that is allowed.
    check(off, "mc a", Try(1));
    check(off, "mc r", Try(1));
    check(off, "mc x", Try(0));
    check(off, "x m", Stop(CutNotAllowed));
    check(cycle, "x m mc", Try(2));
    check(cycle, "x m xmc", Stop(CutNotAllowed));
    check(off, "m", Stop(CutNotAllowed));
    // To give power cuts none.
    check(on, "x m", Try(1));
    // What may have been done is asked for again only where twice is once, and never of the mains.
    check(on, "? a", Try(1));
    check(off, "? a", Try(1));
    check(off, "? mc", Stop(InDoubt));
    check(on, "? m", Try(1));
    check(Wanted::Setting, "? a", Try(1));
    check(soft, "? a", Stop(InDoubt));
    check(reset, "x ? a", Stop(InDoubt));
    check(cycle, "? a mc", Stop(InDoubt));
    check(off, "? x", Stop(InDoubt));
}

/// All that there is to know of three connectors, in each combination.
#[test]
fn nothing_is_cut_or_repeated_that_must_not_be() {
    let mut each = Vec::new();
    for bits in 0..16_u8 {
        for tried in [None, Some(Tried::NotDone), Some(Tried::InDoubt)] {
            let bit = |at: u8| bits & (1 << at) != 0;
            each.push(Candidate {
                can: bit(0),
                switches_mains: bit(1),
                may_cut: bit(2),
                rests: bit(3),
                tried,
            });
        }
    }
    for wanted in ALL {
        for first in &each {
            for second in &each {
                for third in &each {
                    judge(wanted, &[*first, *second, *third]);
                }
            }
        }
    }
}

fn judge(wanted: Wanted, candidates: &[Candidate]) {
    let doubt = candidates.iter().any(|way| way.tried == Some(Tried::InDoubt));
    match next_way(wanted, candidates) {
        NextWay::Try(place) => {
            let chosen = candidates[place];
            assert!(chosen.can && chosen.tried.is_none(), "{wanted:?} {candidates:?}");
            assert!(!doubt || wanted.is_idempotent(), "{wanted:?} {candidates:?}");
            if chosen.switches_mains {
                let softer = |way: &&Candidate| way.can && way.tried.is_none() && !way.switches_mains;
                assert_eq!(candidates.iter().find(softer), None, "{wanted:?} {candidates:?}");
                assert!(!wanted.cuts() || chosen.may_cut && !doubt, "{wanted:?} {candidates:?}");
            }
            // Each is tried once, so it ends.
            for tried in [Tried::NotDone, Tried::InDoubt] {
                let mut after = candidates.to_vec();
                after[place].tried = Some(tried);
                assert_ne!(next_way(wanted, &after), NextWay::Try(place));
            }
        }
        NextWay::Stop(NoWay::NoneCan) => assert!(candidates.iter().all(|way| !way.can)),
        NextWay::Stop(NoWay::AllTried) => {
            assert!(
                !candidates.iter().any(|way| way.can && way.tried.is_none()),
                "{wanted:?} {candidates:?}"
            );
        }
        NextWay::Stop(NoWay::InDoubt) => assert!(doubt, "{wanted:?} {candidates:?}"),
        NextWay::Stop(NoWay::CutNotAllowed) => {
            let bare = |way: &Candidate| way.can && way.switches_mains && !way.may_cut;
            assert!(wanted.cuts() && candidates.iter().any(bare), "{wanted:?} {candidates:?}");
        }
    }
}
