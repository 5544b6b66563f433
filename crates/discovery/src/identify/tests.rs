use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Certificate, DescriptorKind, Ipmi, Tls};

fn nothing() -> Gathered {
    Gathered::new(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

fn certificate(organization: &str) -> Option<Tls> {
    let certificate = Certificate {
        issuer_organization: Some(organization.to_owned()),
        issuer: None,
        subject: None,
        self_signed: true,
        not_before: 0,
        not_after: 0,
        key: "RSA",
        key_bits: 2048,
        weak_digest: false,
        sha256: String::new(),
        key_sha256: String::new(),
    };
    Some(Tls { port: 443, version: Some("TLS 1.3"), certificate: Some(certificate), old_versions: None })
}

fn enterprise(oem: u32) -> Option<Ipmi> {
    Some(Ipmi { rmcp_plus: true, oem, ..Ipmi::default() })
}

fn described(kind: DescriptorKind, body: &str) -> Gathered {
    Gathered { descriptors: kind.read(body.as_bytes()).into_iter().collect(), ..nothing() }
}

/// What is told of `gathered`: vendor, product, confidence, and how many signs contradict.
#[track_caller]
fn check(
    gathered: &Gathered,
    vendor: Option<&str>,
    product: Option<&str>,
    confidence: Confidence,
    conflicts: usize,
) {
    let told = identify(gathered);
    let got = (told.vendor.map(Maker::as_str), told.product(), told.confidence, told.conflicts.len());
    assert_eq!(got, (vendor, product.map(str::to_owned), confidence, conflicts), "{:#?}", told.evidence);
}

#[test]
fn signs_tell_the_vendor() {
    use Confidence::{High, Low, Medium, None as Nothing};
    check(&nothing(), None, None, Nothing, 0);
    check(&Gathered { pong: true, ..nothing() }, None, None, Nothing, 0);
    check(&Gathered { ipmi: enterprise(0), ..nothing() }, None, None, Nothing, 0);
    check(&Gathered { ipmi: enterprise(674), ..nothing() }, Some("Dell"), None, Low, 0);
    check(&Gathered { tls: certificate("Dell Inc."), ..nothing() }, Some("Dell"), Some("iDRAC"), Medium, 0);
    check(
        &Gathered { tls: certificate("Dell Inc."), server: Some("iDRAC/9".to_owned()), ..nothing() },
        Some("Dell"),
        Some("iDRAC"),
        High,
        0,
    );
    let idrac = r#"{"Attributes":{"FwVer":"6.10","ServerGen":"15G"}}"#;
    let idrac = described(DescriptorKind::Idrac, idrac);
    check(&idrac, Some("Dell"), Some("iDRAC 9"), High, 0);
    let root = json!({
        "RedfishVersion": "1.6.0",
        "Oem": { "Hpe": { "Manager": [{ "ManagerType": "iLO 5", "ManagerFirmwareVersion": "2.72" }] } },
    });
    check(&Gathered { redfish: Some(root), ..nothing() }, Some("HPE"), Some("iLO 5"), High, 0);
    check(
        &Gathered { redfish: Some(json!({ "RedfishVersion": "1.0.2" })), ..nothing() },
        None,
        None,
        Nothing,
        0,
    );
    check(&Gathered { amt: Some("11.8.50".to_owned()), ..nothing() }, Some("Intel"), Some("AMT 11"), High, 0);
}

#[test]
fn contradictions_are_shown_and_lower_the_confidence() {
    let idrac = described(DescriptorKind::Idrac, r#"{"Attributes":{"FwVer":"6.10","ServerGen":"15G"}}"#);
    // A number that was left as AMI had it says nothing against a statement.
    let left = Gathered { ipmi: enterprise(20_974), ..idrac.clone() };
    check(&left, Some("Dell"), Some("iDRAC 9"), Confidence::High, 1);
    let other = Gathered { tls: certificate("Lenovo"), ..idrac };
    check(&other, Some("Dell"), Some("iDRAC 9"), Confidence::Medium, 1);
    let told = identify(&other);
    assert!(told.conflicts[0].contains("Dell contradicts Lenovo"), "{:?}", told.conflicts);
}

#[test]
fn firmware_of_one_maker_under_the_name_of_another_is_no_contradiction() {
    let gathered = Gathered {
        redfish: Some(json!({ "RedfishVersion": "1.8.0", "Vendor": "GIGABYTE" })),
        ipmi: enterprise(20_974),
        tls: certificate("American Megatrends International LLC (AMI)"),
        ..nothing()
    };
    check(&gathered, Some("Gigabyte"), Some("MegaRAC"), Confidence::High, 0);
}

proptest! {
    #[test]
    fn any_service_root_is_taken_as_it_is(
        vendor in ".{0,40}", product in ".{0,40}", oem in "[A-Za-z]{0,8}", number in any::<u32>(), server in ".{0,40}",
    ) {
        let root = json!({
            "Vendor": vendor, "Product": product, "UUID": number, "Oem": { oem.as_str(): { "Manager": [null] } },
        });
        let gathered =
            Gathered { redfish: Some(root), ipmi: enterprise(number), server: Some(server), ..nothing() };
        let _ = identify(&gathered).product();
    }
}
