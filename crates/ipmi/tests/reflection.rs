//! Something that sends every datagram back is no BMC, and is told apart from silence.

use std::time::{Duration, Instant};

use ironhand_ipmi::{Client, ClientConfig, Condition, Error, Event, Output, Request};

#[test]
fn a_reflector_is_a_protocol_error_not_an_unreachable_bmc() {
    let mut count = 0u8;
    let entropy = Box::new(move |bytes: &mut [u8]| {
        bytes.fill_with(|| {
            count = count.wrapping_add(1);
            count
        });
    });
    let mut client = Client::new(ClientConfig::new("admin", "secret".into()), entropy);
    let peer = "192.0.2.1:623".parse().unwrap();
    let mut now = Instant::now();
    client.submit(now, Request::GetChassisStatus);
    let error = 'ended: loop {
        while let Some(output) = client.next_output() {
            match output {
                Output::Send(bytes) => client.receive(now, peer, &bytes),
                Output::Event(Event::Done { result, .. }) => break 'ended result.unwrap_err(),
                Output::Event(_) => {}
            }
        }
        now = client
            .next_wake()
            .expect("an unanswered request has a deadline")
            .max(now + Duration::from_millis(1));
        client.wake(now);
    };
    assert!(matches!(error, Error::Protocol(_)), "{error}");
    assert_eq!(error.condition(), Condition::ProtocolError);
}
