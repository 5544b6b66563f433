use super::*;
use crate::bmc::{Bmc, BmcConfig, BmcOutput, User};
use crate::suite::CipherSuite;

/// Runs an audit against what answers datagrams; returns the report, how long it took and what was sent.
fn run(mut answer: impl FnMut(Instant, &[u8]) -> Vec<Vec<u8>>) -> (AuditReport, Duration, usize) {
    let begun = Instant::now();
    let mut now = begun;
    let mut audit = Audit::new(now, &mut |bytes: &mut [u8]| bytes.fill(0x5A));
    let mut sent = 0;
    loop {
        match audit.next_output() {
            Some(AuditOutput::Send(bytes)) => {
                sent += 1;
                for answer in answer(now, &bytes) {
                    audit.receive(now, &answer);
                }
            }
            Some(AuditOutput::Done(report)) => {
                assert_eq!(audit.next_wake(), None);
                return (report, now - begun, sent);
            }
            None => {
                now = audit.next_wake().unwrap();
                audit.wake(now);
            }
        }
    }
}

fn answers_of(bmc: &mut Bmc, now: Instant, bytes: &[u8]) -> Vec<Vec<u8>> {
    bmc.receive(now, "192.0.2.1:40000".parse().unwrap(), bytes);
    let outputs = std::iter::from_fn(|| bmc.next_output());
    outputs
        .filter_map(|output| match output {
            BmcOutput::Send { bytes, .. } => Some(bytes),
            BmcOutput::Event(_) => None,
        })
        .collect()
}

fn bmc() -> Bmc {
    let users = vec![User::new("admin", "secret".into(), PrivilegeLevel::Administrator)];
    let config = BmcConfig { suites: CipherSuite::ALL.to_vec(), ..BmcConfig::new(users) };
    let mut count = 0u8;
    Bmc::new(
        config,
        Box::new(move |bytes: &mut [u8]| {
            bytes.fill_with(|| {
                count = count.wrapping_add(1);
                count
            });
        }),
    )
}

#[test]
fn a_good_bmc_tells_its_suites_and_refuses_suite_0() {
    let mut bmc = bmc();
    let (report, took, sent) = run(|now, bytes| answers_of(&mut bmc, now, bytes));
    assert!(report.capabilities.is_some_and(|capabilities| capabilities.rmcp_plus));
    assert_eq!(report.suites, Some(vec![3, 8, 12, 17]));
    assert_eq!(report.suite_0, Suite0::Refused(RakpStatus::NO_CIPHER_SUITE_MATCH));
    assert_eq!((took, sent), (Duration::ZERO, 4), "capabilities, two parts of the list, suite 0");
    assert_eq!(bmc.session_count(), 0);
}

/// The BMC's answer to an Open Session Request, changed.
fn with_open_response(change: fn(&mut Vec<u8>)) -> Suite0 {
    let mut bmc = bmc();
    let (report, ..) = run(|now, bytes| {
        let mut answers = answers_of(&mut bmc, now, bytes);
        for answer in answers.iter_mut().filter(|answer| answer[5] == 0x11) {
            let request = OpenSessionRequest::decode(&bytes[16..]).unwrap();
            let opened = crate::setup::OpenedSession::accepting(CipherSuite::Suite3, 7);
            let response = OpenSessionResponse {
                tag: request.tag,
                privilege: 4,
                console_session: request.console_session,
                outcome: Ok(opened),
            };
            *answer = packet::encode_clear(PayloadType::OpenSessionResponse, &response.encode());
            change(answer);
        }
        answers
    });
    report.suite_0
}

#[test]
fn a_bmc_that_accepts_suite_0_is_found() {
    assert_eq!(with_open_response(|_| {}), Suite0::Strengthened);
    // The algorithms' numbers are the fifth byte of each record.
    let accept = |answer: &mut Vec<u8>| [32, 40, 48].into_iter().for_each(|at| answer[at] = 0);
    assert_eq!(with_open_response(accept), Suite0::Accepted);
    let other_tag = |answer: &mut Vec<u8>| answer[16] ^= 1;
    assert_eq!(with_open_response(other_tag), Suite0::Silent, "that was not the answer");
}

#[test]
fn silence_costs_three_seconds_and_three_datagrams() {
    let (report, took, sent) = run(|_, _| Vec::new());
    assert_eq!(report, AuditReport::default());
    assert_eq!((took, sent), (3 * WAIT, 3));
}

#[test]
fn a_bmc_that_keeps_its_suites_to_itself_costs_a_second() {
    let mut bmc = bmc();
    let (report, took, _) = run(|now, bytes| match bytes.get(19) == Some(&0x54) {
        true => Vec::new(),
        false => answers_of(&mut bmc, now, bytes),
    });
    assert_eq!((report.suites, took), (None, WAIT));
    assert!(matches!(report.suite_0, Suite0::Refused(_)));
}
