use proptest::prelude::*;

use super::*;

/// An iLO 4, written by the fields that it is known to give.
const ILO: &str = "<?xml version=\"1.0\"?><RIMP><HSI><SBSN>CZJ1234567  </SBSN><SPN>ProLiant DL380 Gen9</SPN>\
    <UUID>000000CZJ1234567</UUID><NICS><NIC><PORT>1</PORT><DESCRIPTION>iLO 4</DESCRIPTION>\
    <MACADDR>14:02:ec:00:00:01</MACADDR></NIC><NIC><PORT>1</PORT><DESCRIPTION>331i</DESCRIPTION>\
    <MACADDR>14:02:ec:00:00:10</MACADDR></NIC></NICS></HSI><MP><ST>1</ST>\
    <PN>Integrated Lights-Out 4 (iLO 4)</PN><FWRI>2.50</FWRI><SN>ILOCZJ1234567</SN></MP></RIMP>";

fn check(kind: DescriptorKind, body: &str, expected: [Option<&str>; 4]) {
    let read = kind.read(body.as_bytes());
    let told = read
        .as_ref()
        .map(|read| [&read.product, &read.firmware, &read.model, &read.serial].map(|text| text.as_deref()));
    assert_eq!(told, Some(expected), "{body}");
}

#[test]
fn descriptions_tell_controller_and_machine() {
    check(
        DescriptorKind::Ilo,
        ILO,
        [Some("iLO 4"), Some("2.50"), Some("ProLiant DL380 Gen9"), Some("CZJ1234567")],
    );
    check(
        DescriptorKind::Ilo,
        "<RIMP><INFRA2><PN>BladeSystem c7000</PN><FWRI>4.85</FWRI><ENCL_SN>GB1</ENCL_SN></INFRA2></RIMP>",
        [Some("Onboard Administrator"), Some("4.85"), Some("BladeSystem c7000"), Some("GB1")],
    );
    check(
        DescriptorKind::Idrac,
        r#"{"Attributes":{"FwVer":"6.10.30.00","ServerGen":"15G","SystemModelName":"PowerEdge R650","iDRACName":"x"}}"#,
        [Some("iDRAC 9"), Some("6.10.30.00"), Some("PowerEdge R650"), None],
    );
    check(
        DescriptorKind::Idrac,
        r#"{"Attributes":{"FwVer":"1.20.25.00","ServerGen":"17G","SystemModelName":"PowerEdge R670"}}"#,
        [Some("iDRAC 10"), Some("1.20.25.00"), Some("PowerEdge R670"), None],
    );
    check(
        DescriptorKind::OldIdrac,
        r#"{"aimGetProp" : {"hostname" :"a","fwVersion" :"2.40.40","sysDesc" :"PowerEdge R730","status" : "OK"}}"#,
        [Some("iDRAC"), Some("2.40.40"), Some("PowerEdge R730"), None],
    );
    check(
        DescriptorKind::Xcc,
        r#"[{"type":"lenovo-xcc","enclosure-machinetype-model":"7X06CTO1WW","enclosure-serial-number":"J100ABCD","xcc-variant":"3"}]"#,
        [Some("XCC3"), None, Some("7X06CTO1WW"), Some("J100ABCD")],
    );
    check(DescriptorKind::Aten, "<title>ATEN International Co Ltd.</title>", [None; 4]);
}

#[test]
fn the_addresses_are_those_of_the_machine_and_not_of_its_controller() {
    let read = DescriptorKind::Ilo.read(ILO.as_bytes()).unwrap();
    assert_eq!(read.macs, ["14:02:ec:00:00:10".parse().unwrap()]);
}

#[test]
fn pages_of_other_servers_are_no_descriptions() {
    let pages =
        ["", "<html><body>Not found</body></html>", "{}", "[]", "null", "{\"Attributes\":{}}", "[[]]"];
    for page in pages {
        for kind in DescriptorKind::ALL {
            assert_eq!(kind.read(page.as_bytes()), None, "{kind:?} {page}");
        }
    }
}

proptest! {
    #[test]
    fn no_answer_makes_a_reader_fail(body in prop::collection::vec(any::<u8>(), 0..400), kind in 0..5usize) {
        let _ = DescriptorKind::ALL[kind].read(&body);
    }

    #[test]
    fn no_damage_to_a_description_makes_its_reader_fail(at in 0..ILO.len(), with in ".{0,8}") {
        let damaged = format!("{}{with}{}", &ILO[..at], &ILO[at..]);
        if let Some(read) = DescriptorKind::Ilo.read(damaged.as_bytes()) {
            prop_assert!(read.model.is_none_or(|model| model.chars().count() <= LONGEST_TEXT));
        }
        let _ = DescriptorKind::Ilo.read(&ILO.as_bytes()[..at]);
    }
}
