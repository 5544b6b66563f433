use std::net::IpAddr;

use ironhand_api::{Manifest, parse_manifests};
use proptest::prelude::*;

use super::*;

fn found(address: &str, serial: Option<&str>) -> Found {
    let spoken = |protocol, port| Spoken { protocol, port, plain: false };
    Found {
        address: address.parse().unwrap(),
        vendor: Some("HPE".to_owned()),
        product: Some("iLO 5".to_owned()),
        firmware: None,
        model: Some("ProLiant DL380 (Gen10), v2".to_owned()),
        serial: serial.map(str::to_owned),
        macs: vec!["52:54:00:12:34:56".parse().unwrap()],
        confidence: "high".to_owned(),
        speaks: vec![spoken(Protocol::Redfish, 8443), spoken(Protocol::Ipmi, 623)],
        conflicts: Vec::new(),
        login: None,
        evidence: serde_json::Value::Null,
    }
}

fn host(proposals: &mut Proposals, found: &Found) -> Host {
    proposals.host(found, &"bmc".parse().unwrap()).expect("something is spoken")
}

/// The manifest as it is printed is one that Ironhand takes.
fn read_back(host: Host) -> Host {
    let text = serde_json::to_string(&Manifest::Host(host)).unwrap();
    let mut manifests =
        parse_manifests("proposal", &text).unwrap_or_else(|faults| panic!("{faults:?}: {text}"));
    let Some(Manifest::Host(host)) = manifests.pop() else { panic!("one host") };
    host
}

#[test]
fn a_proposal_is_a_valid_manifest() {
    let host = read_back(host(&mut Proposals::default(), &found("10.0.0.7", Some("CZJ1234567"))));
    assert_eq!(host.metadata.name.to_string(), "czj1234567");
    assert_eq!(host.metadata.labels["model"], "ProLiant-DL380-Gen10-v2");
    let ways: Vec<_> = host.spec.connectors.iter().map(ToString::to_string).collect();
    assert_eq!(ways, ["redfish 10.0.0.7 port 8443", "ipmi 10.0.0.7"]);
    assert_eq!(host.spec.macs.len(), 1);
}

#[test]
fn names_come_from_serial_numbers_or_addresses_and_differ() {
    let mut proposals = Proposals::default();
    let mut check = |address: &str, serial: Option<&str>, name: &str| {
        let host = read_back(host(&mut proposals, &found(address, serial)));
        assert_eq!(host.metadata.name.to_string(), name);
    };
    check("10.0.0.7", None, "bmc-10-0-0-7");
    check("10.0.0.8", Some("ABC"), "abc");
    check("10.0.0.9", Some("ABC"), "abc-2");
    check("10.0.0.10", Some("To be filled by O.E.M."), "bmc-10-0-0-10");
    check("2001:db8::7", None, "bmc-2001-db8--7");
}

#[test]
fn what_no_host_can_be_reached_by_gives_no_proposal() {
    let silent = Found { speaks: Vec::new(), ..found("10.0.0.7", None) };
    assert!(Proposals::default().host(&silent, &"bmc".parse().unwrap()).is_none());
}

proptest! {
    #[test]
    fn whatever_a_controller_says_of_itself_the_proposal_is_valid(
        vendor in ".{0,90}", model in ".{0,90}", serial in ".{0,90}", address in any::<[u8; 4]>(),
    ) {
        let found = Found {
            address: IpAddr::from(address),
            vendor: Some(vendor),
            model: Some(model),
            serial: Some(serial),
            ..found("10.0.0.7", None)
        };
        read_back(host(&mut Proposals::default(), &found));
    }
}
