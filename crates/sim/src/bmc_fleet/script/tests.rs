use std::net::Ipv4Addr;

use ironhand_ipmi::Quirk;
use ironhand_redfish::bmc::{AnswerFault, Flavour, ScreenFault};

use super::super::plan::Share;
use super::*;

fn fault_of(text: &str) -> Result<BmcFault, ScriptError> {
    let plan: FaultPlan = format!("faults: [ {{ fault: {text} }} ]").parse()?;
    Ok(plan.rules()[0].fault.clone())
}

#[test]
fn every_fault_has_its_words() {
    let millis = Duration::from_millis;
    let check = |text: &str, expected: BmcFault| assert_eq!(fault_of(text), Ok(expected), "{text}");
    let one = Share::from_percent(1.0).unwrap();
    check("silent", BmcFault::Silent);
    check("{ slow: { delay: 20ms } }", BmcFault::Slow { delay: millis(20), jitter: millis(0) });
    check(
        "{ slow: { delay: 1.5s, jitter: 5ms } }",
        BmcFault::Slow { delay: millis(1500), jitter: millis(5) },
    );
    check("{ lossy: 1% }", BmcFault::Lossy(one));
    check("{ duplicate: 100% }", BmcFault::Duplicate(Share::ALL));
    check("{ reordered: { share: 1% } }", BmcFault::Reordered { share: one, delay: millis(30) });
    check("{ reordered: { share: 1%, delay: 2s } }", BmcFault::Reordered { share: one, delay: millis(2000) });
    check("{ garbage: 0% }", BmcFault::Garbage(Share::NONE));
    check("wrong-hmac", BmcFault::WrongHmac);
    check("sessions-full", BmcFault::SessionsFull);
    check("{ reboot-mid-command: { silent: 3s } }", BmcFault::RebootMidCommand { silent: millis(3000) });
    check("suite-17-only", BmcFault::Suite17Only);
    check("suite-3-only", BmcFault::Suite3Only);
    check("truncating-passwords", BmcFault::TruncatingPasswords);
    check("locked", BmcFault::Locked);
    check(
        "{ lockout: { failures: 3, for: 5m } }",
        BmcFault::Lockout { failures: 3, duration: millis(300_000) },
    );
    check("{ quirk: intel20 }", BmcFault::Quirk(Quirk::Intel20));
    for fault in AnswerFault::ALL {
        check(&format!("{{ redfish: {} }}", fault.name()), BmcFault::Redfish(fault));
    }
    for fault in ScreenFault::ALL {
        check(&format!("{{ screen: {} }}", fault.name()), BmcFault::Screen(fault));
    }
}

#[test]
fn bmcs_are_named_by_number_and_address() {
    let check = |options: &str, expected: &[usize]| {
        let plan: FaultPlan = format!("faults: [ {{ fault: silent, {options} }} ]").parse().unwrap();
        let struck: Vec<usize> = (0..300)
            .filter(|index| {
                let address = Ipv4Addr::from_bits(0x7F01_0001 + *index as u32);
                !plan.rules_of(*index, address.into()).is_empty()
            })
            .map(|index| index + 1)
            .collect();
        assert_eq!(struck, expected, "{options}");
    };
    check("bmcs: 7", &[7]);
    check("bmcs: 3-5", &[3, 4, 5]);
    check("bmcs: [1, 4-5, 300]", &[1, 4, 5, 300]);
    check("bmcs: 127.1.0.9", &[9]);
    check("bmcs: [127.1.0.255 - 127.1.1.1, 2]", &[2, 255, 256, 257]);
    check("every: 100", &[100, 200, 300]);
    check("every: 2, bmcs: 1-5", &[2, 4]);
    check("bmcs: []", &(1..=300).collect::<Vec<_>>());
}

#[test]
fn faults_come_and_go() {
    let plan: FaultPlan = "faults: [ { fault: silent, from: 10s, until: 20s } ]".parse().unwrap();
    let rules = plan.rules_of(0, Ipv4Addr::LOCALHOST.into());
    for (second, silent) in [(0, false), (9, false), (10, true), (19, true), (20, false)] {
        assert_eq!(plan.effects(&rules, Duration::from_secs(second)).silent, silent, "second {second}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let check = |text: &str, place: (u64, u64), part: &str| {
        let error = text.parse::<FaultPlan>().expect_err(text);
        assert_eq!((error.line, error.column), place, "{error}");
        assert!(error.message.contains(part), "{error}");
        assert!(!error.message.contains('\n'), "{error}");
    };
    check("faults:\n  - fault: silence\n", (2, 12), "silence");
    check("faults:\n  - fault: silent\n    evry: 3\n", (3, 5), "evry");
    check("faults:\n  - bmcs: 3\n", (2, 5), "fault");
    check("faults:\n  - fault: { slow: { delay: 20 } }\n", (2, 29), "with units");
    check("faults:\n  - fault: { slow: { delay: 20ms, jitter: -1s } }\n", (2, 43), "with units");
    check("faults:\n  - fault: { lossy: 101% }\n", (2, 21), "between 0% and 100%");
    check("faults:\n  - fault: { quirk: intel21 }\n", (2, 21), "unknown quirk");
    check("faults:\n  - fault: silent\n    bmcs: [1, 0-4]\n", (3, 15), "between 1 and 65000");
    check("faults:\n  - fault: silent\n    bmcs: all\n", (3, 11), "names no BMCs");
    check("faults:\n  - fault: silent\n    bmcs: 127.1.0.9-127.1.0.1\n", (3, 11), "no range of addresses");
    check("faults:\n  - fault: silent\n    every: 0\n", (3, 12), "starts with 1");
    check("faults:\n  - fault: silent\n    from: 10s\n    until: 10s\n", (4, 12), "ends before it begins");
    check("faults: [\n", (1, 9), "");
    check("", (1, 1), "");
    check(&"#".repeat(MAX_SCRIPT + 1), (1, 1), "at most");
    let many = format!("faults:\n{}", "- fault: silent\n".repeat(MAX_RULES + 1));
    check(&many, (MAX_RULES as u64 + 2, 10), "at most 1000");
}

#[test]
fn the_guide_tells_the_truth() {
    let guide = include_str!("../../../../../docs/guides/simulated-bmcs.md");
    let (_, rest) = guide.split_once("```yaml\n").unwrap();
    let (script, rest) = rest.split_once("```").unwrap();
    let plan: FaultPlan = script.parse().unwrap();
    assert!(plan.rules().len() > 5);
    let mut listed = 0;
    for row in rest.lines().filter(|line| line.starts_with("| `")) {
        let faults = row.split('|').nth(1).unwrap().split("`, `");
        for text in faults.map(|text| text.trim().trim_matches('`').replace("NAME", "intel20")) {
            assert!(fault_of(&text).is_ok(), "{text}");
            listed += 1;
        }
    }
    assert_eq!(listed, 15 + AnswerFault::ALL.len() + ScreenFault::ALL.len(), "every fault has its row");
}

#[test]
fn the_guide_names_every_flavour() {
    let guide = include_str!("../../../../../docs/guides/simulated-bmcs.md");
    for flavour in Flavour::ALL {
        assert!(guide.contains(&format!("`{}`", flavour.name)), "{}", flavour.name);
    }
}
