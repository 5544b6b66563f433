use proptest::prelude::*;

use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_772_331_247_120).after(Duration::from_secs(seconds))
}

/// One finding a line: `off SECONDS SESSION`, `on SECONDS SESSION`, `silent SECONDS`, `outlets OFF/ALL`, `word NAME`.
fn parse(line: &str) -> FenceEvidence {
    let words: Vec<&str> = line.split(' ').collect();
    let number = |index: usize| words[index].parse::<u32>().unwrap();
    let source = "ipmi 10.0.7.12".to_owned();
    match words[0] {
        "off" | "on" => FenceEvidence::Reading {
            at: at(number(1).into()),
            source,
            session: number(2),
            off: words[0] == "off",
        },
        "silent" => {
            FenceEvidence::NoAnswer { at: at(number(1).into()), source, reason: "no reply".to_owned() }
        }
        "outlets" => {
            let (off, all) = words[1].split_once('/').unwrap();
            let source = "snmp 10.0.7.90".to_owned();
            FenceEvidence::Outlets { at: at(0), source, off: off.parse().unwrap(), all: all.parse().unwrap() }
        }
        "word" => FenceEvidence::Attested {
            at: at(0),
            by: words.get(1).copied().unwrap_or_default().to_owned(),
            statement: "I pulled both plugs".to_owned(),
        },
        _ => panic!("{line}"),
    }
}

#[test]
fn what_proves_that_a_host_is_without_power() {
    let host: Name = "rack7-12".parse().unwrap();
    let check = |evidence: &str, fenced: bool, reason: &str| {
        let found: Vec<FenceEvidence> =
            evidence.split(", ").filter(|one| !one.is_empty()).map(parse).collect();
        let report = judge_fence(&host, found.clone(), Duration::from_secs(5));
        assert_eq!((report.fenced, report.reason.as_str()), (fenced, reason), "{evidence}");
        assert_eq!((report.host, report.evidence), (host.clone(), found));
    };
    let twice = "ipmi 10.0.7.12 reported it off twice, 5s apart, in a session of its own each time";
    let once = "ipmi 10.0.7.12 reported the host off; a second such reading in a session of its own, at least 5s \
                later, is needed";
    let powered = "ipmi 10.0.7.12 does not report the host off";
    let silent = "ipmi 10.0.7.12: no reply; that nothing answers proves nothing";

    check("", false, "nothing was found out");
    check("off 0 1, off 5 2", true, twice);
    check("silent 0, off 1 1, silent 3, off 6 2", true, twice);
    check("off 0 1", false, once);
    check("off 0 1, off 5 1", false, once);
    check("off 0 1, off 60 1, off 61 1", false, once);
    check("off 0 1, off 4 2", false, once);
    check("off 9 1, off 4 2", false, once);
    check("off 0 1, off 4 2, off 5 3", true, twice);

    check("on 0 1", false, powered);
    check("on 0 1, off 1 1, off 6 2", true, twice);
    check("off 0 1, on 3 2", false, powered);
    check("off 0 1, off 5 2, on 6 2", false, powered);
    check("off 0 1, on 3 2, off 5 3", false, once);
    check("off 0 1, on 3 2, off 5 3, off 10 4", true, twice);

    check("silent 0", false, silent);
    check("silent 0, silent 60, silent 600, silent 6000", false, silent);

    let outlets = "every outlet that feeds it (2) is read back as off through snmp 10.0.7.90";
    check("silent 0, outlets 2/2", true, outlets);
    let some = |off| {
        format!("{off} of the 2 outlets that feed the host are read back as off through snmp 10.0.7.90")
    };
    check("outlets 1/2", false, &some(1));
    check("outlets 0/2", false, &some(0));
    check("outlets 2/2, outlets 1/2", false, &some(1));
    check("outlets 3/2", false, &some(3));
    check(
        "outlets 0/0",
        false,
        "0 of the 0 outlets that feed the host are read back as off through snmp 10.0.7.90",
    );
    check("outlets 2/2, on 1 1", false, powered);

    check("silent 0, word alice", true, "alice says so: I pulled both plugs");
    check("on 0 1, word alice", true, "alice says so: I pulled both plugs");
    check("word alice, on 1 1", false, powered);
    check("word", false, "nobody answers for it: the person who has seen it must give their name");
}

fn finding() -> impl Strategy<Value = FenceEvidence> {
    let source = || "ipmi 10.0.7.12".to_owned();
    prop_oneof![
        6 => (0u64..20, 1u32..4, prop::bool::weighted(0.8))
            .prop_map(move |(second, session, off)| FenceEvidence::Reading { at: at(second), source: source(), session, off }),
        2 => Just(parse("silent 3")),
        1 => (0u32..3, 0u32..3).prop_map(|(off, all)| parse(&format!("outlets {off}/{all}"))),
        1 => prop::sample::select(vec!["word", "word alice"]).prop_map(parse),
    ]
}

proptest! {
    #[test]
    fn nothing_else_proves_it(evidence in prop::collection::vec(finding(), 0..8)) {
        let report = judge_fence(&"h".parse().unwrap(), evidence.clone(), Duration::from_secs(5));
        let powered = |one: &FenceEvidence| matches!(one, FenceEvidence::Reading { off: false, .. });
        let standing = evidence.iter().rposition(powered).map_or(&evidence[..], |last| &evidence[last + 1..]);
        let offs: Vec<(Timestamp, u32)> = standing
            .iter()
            .filter_map(|one| match one {
                FenceEvidence::Reading { at, session, .. } => Some((*at, *session)),
                _ => None,
            })
            .collect();
        let twice = (0..offs.len()).any(|first| {
            offs[first..].iter().any(|(later, session)| {
                later.since(offs[first].0) >= Duration::from_secs(5) && *session != offs[first].1
            })
        });
        let last_outlets = standing.iter().rev().find_map(|one| match one {
            FenceEvidence::Outlets { off, all, .. } => Some(*all > 0 && off == all),
            _ => None,
        });
        let last_word = standing.iter().rev().find_map(|one| match one {
            FenceEvidence::Attested { by, .. } => Some(!by.is_empty()),
            _ => None,
        });
        prop_assert_eq!(report.fenced, twice || last_outlets == Some(true) || last_word == Some(true), "{}", report.reason);
        prop_assert!(!report.reason.is_empty());
    }
}
