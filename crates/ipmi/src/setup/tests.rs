use proptest::prelude::*;

use super::*;
use crate::packet::PayloadType;
use crate::recording;

#[test]
fn recorded_messages_are_read_and_written_the_same() {
    for recording in recording::all() {
        let check = |payload_type, encode: fn(&[u8]) -> Vec<u8>| {
            let payload = recording.setup(payload_type);
            assert_eq!(encode(payload), payload, "{payload_type:?}");
        };
        check(PayloadType::OpenSessionRequest, |bytes| OpenSessionRequest::decode(bytes).unwrap().encode());
        check(PayloadType::OpenSessionResponse, |bytes| OpenSessionResponse::decode(bytes).unwrap().encode());
        check(PayloadType::Rakp1, |bytes| Rakp1::decode(bytes).unwrap().encode());
        check(PayloadType::Rakp2, |bytes| Rakp2::decode(bytes).unwrap().encode());
        check(PayloadType::Rakp3, |bytes| Rakp3::decode(bytes).unwrap().encode());
        check(PayloadType::Rakp4, |bytes| Rakp4::decode(bytes).unwrap().encode());
    }
}

#[test]
fn a_recorded_proposal_names_the_suite() {
    for recording in recording::all() {
        let request = OpenSessionRequest::decode(recording.setup(PayloadType::OpenSessionRequest)).unwrap();
        let ours = OpenSessionRequest::proposing(
            recording.suite,
            request.tag,
            request.privilege,
            request.console_session,
        );
        assert_eq!(ours, request);
    }
}

#[test]
fn refusals_may_be_shorter_than_they_should() {
    // OpenIPMI's ipmi_sim 2.0.33 refuses suite 17 with two bytes.
    let response = OpenSessionResponse::decode(&[0x86, 0x04]).unwrap();
    assert_eq!(response.outcome, Err(RakpStatus::INVALID_AUTHENTICATION_ALGORITHM));
    assert_eq!((response.tag, response.console_session), (0x86, 0));
    let rakp2 = Rakp2::decode(&[7, 0x0D, 0, 0, 1, 0, 0, 0]).unwrap();
    assert_eq!((rakp2.console_session, rakp2.outcome), (1, Err(RakpStatus::UNAUTHORIZED_NAME)));
    let rakp4 = Rakp4::decode(&[7, 0x0F]).unwrap();
    assert_eq!(rakp4.outcome, Err(RakpStatus::INVALID_INTEGRITY_CHECK_VALUE));
}

#[test]
fn successes_may_not_be_short() {
    for recording in recording::all() {
        let open = recording.setup(PayloadType::OpenSessionResponse);
        for length in 0..open.len() {
            assert!(OpenSessionResponse::decode(&open[..length]).is_err(), "{length} bytes");
        }
        let rakp2 = recording.setup(PayloadType::Rakp2);
        for length in 0..40 {
            assert!(Rakp2::decode(&rakp2[..length]).is_err(), "{length} bytes");
        }
    }
}

#[test]
fn a_session_without_id_is_a_fault() {
    let mut bytes = recording::all()[0].setup(PayloadType::OpenSessionResponse).to_vec();
    bytes[8..12].fill(0);
    assert_eq!(OpenSessionResponse::decode(&bytes), Err(Fault::Field { field: "BMC session id", value: 0 }));
}

#[test]
fn a_name_that_is_too_long_stays_too_long() {
    let rakp1 = |length: usize| {
        let message =
            Rakp1 { tag: 1, bmc_session: 2, console_random: [3; 16], role: 0x14, name: vec![b'n'; length] };
        Rakp1::decode(&message.encode()).unwrap().name.len()
    };
    assert_eq!([rakp1(0), rakp1(16), rakp1(17), rakp1(200)], [0, 16, 17, 17]);
}

fn outcome<T: fmt::Debug>(ok: impl Strategy<Value = T>) -> impl Strategy<Value = Result<T, RakpStatus>> {
    prop_oneof![ok.prop_map(Ok), (1u8..).prop_map(|status| Err(RakpStatus(status)))]
}

proptest! {
    #[test]
    fn open_session_messages_survive_the_wire(
        tag: u8,
        privilege in 0u8..16,
        console_session: u32,
        algorithms in proptest::array::uniform3(proptest::option::of(0u8..64)),
        result in outcome((1u32.., 0u8..64, 0u8..64, 0u8..64)),
    ) {
        let [authentication, integrity, confidentiality] = algorithms;
        let request =
            OpenSessionRequest { tag, privilege, console_session, authentication, integrity, confidentiality };
        prop_assert_eq!(OpenSessionRequest::decode(&request.encode()), Ok(request));
        let outcome = result.map(|(bmc_session, authentication, integrity, confidentiality)| OpenedSession {
            bmc_session, authentication, integrity, confidentiality,
        });
        // A refusal's privilege field means nothing.
        let privilege = if outcome.is_ok() { privilege } else { 0 };
        let response = OpenSessionResponse { tag, privilege, console_session, outcome };
        prop_assert_eq!(OpenSessionResponse::decode(&response.encode()), Ok(response));
    }

    #[test]
    fn rakp_messages_survive_the_wire(
        tag: u8,
        session: u32,
        randoms: [[u8; 16]; 2],
        role: u8,
        name in proptest::collection::vec(any::<u8>(), 0..=NAME_LIMIT),
        code in proptest::collection::vec(any::<u8>(), 0..40),
        status in outcome(Just(())),
    ) {
        let rakp1 = Rakp1 { tag, bmc_session: session, console_random: randoms[0], role, name };
        prop_assert_eq!(Rakp1::decode(&rakp1.encode()), Ok(rakp1));
        let proof = Rakp2Proof { bmc_random: randoms[0], guid: randoms[1], code: code.clone() };
        let rakp2 = Rakp2 { tag, console_session: session, outcome: status.map(|()| proof) };
        prop_assert_eq!(Rakp2::decode(&rakp2.encode()), Ok(rakp2));
        let rakp3 = Rakp3 { tag, bmc_session: session, outcome: status.map(|()| code.clone()) };
        prop_assert_eq!(Rakp3::decode(&rakp3.encode()), Ok(rakp3));
        let rakp4 = Rakp4 { tag, console_session: session, outcome: status.map(|()| code) };
        prop_assert_eq!(Rakp4::decode(&rakp4.encode()), Ok(rakp4));
    }

    #[test]
    fn any_bytes_decode_to_something_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = OpenSessionRequest::decode(&bytes);
        let _ = OpenSessionResponse::decode(&bytes);
        let _ = Rakp1::decode(&bytes);
        let _ = Rakp2::decode(&bytes);
        let _ = Rakp3::decode(&bytes);
        let _ = Rakp4::decode(&bytes);
    }
}
