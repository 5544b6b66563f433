use std::collections::BTreeSet;

use super::*;
use crate::{Certificate, Confidence, Ipmi, Maker, NetworkPort, Tls};

/// Monday, 2026-06-01.
const NOW: i64 = 1_780_272_000;

fn nothing() -> Gathered {
    Gathered::new([10, 0, 0, 7].into())
}

/// An IPMI service as good as they come.
fn good_ipmi() -> Ipmi {
    Ipmi {
        rmcp_plus: true,
        kg_is_set: true,
        per_message_authentication: true,
        user_level_authentication: true,
        suites: Some(vec![3, 17]),
        accepts_suite_0: Some(false),
        ..Ipmi::default()
    }
}

fn ipmi(change: impl FnOnce(&mut Ipmi)) -> Gathered {
    let mut ipmi = good_ipmi();
    change(&mut ipmi);
    Gathered { ipmi: Some(ipmi), ..nothing() }
}

/// A web server as good as they come.
fn tls(change: impl FnOnce(&mut Tls, &mut Certificate)) -> Gathered {
    let mut certificate = Certificate {
        issuer_organization: Some("Example".to_owned()),
        issuer: None,
        subject: None,
        self_signed: false,
        not_before: NOW - 86_400,
        not_after: NOW + 86_400,
        key: "RSA",
        key_bits: 2048,
        weak_digest: false,
        sha256: "aa".repeat(32),
        key_sha256: "bb".repeat(32),
    };
    let mut tls =
        Tls { port: 443, version: Some("TLS 1.3"), certificate: None, old_versions: Some(Vec::new()) };
    change(&mut tls, &mut certificate);
    tls.certificate = Some(certificate);
    Gathered { tls: Some(tls), ..nothing() }
}

/// The identifiers of what is found, the worst first.
#[track_caller]
fn check(gathered: &Gathered, expected: &[&str]) {
    check_as(gathered, &Identity::default(), expected);
}

#[track_caller]
fn check_as(gathered: &Gathered, identity: &Identity, expected: &[&str]) {
    let found = findings(gathered, identity, &Inside::default(), NOW);
    let ids: Vec<_> = found.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, expected, "{found:#?}");
    assert!(found.is_sorted_by_key(|finding| std::cmp::Reverse(finding.severity)));
}

#[test]
fn what_is_kept_well_has_no_findings() {
    check(&nothing(), &[]);
    check(&tls(|_, _| {}), &[]);
    // It is part of the protocol, however well it is kept.
    check(&ipmi(|_| {}), &["IPMI-HASH"]);
}

#[test]
fn faults_of_ipmi_are_found() {
    check(&ipmi(|ipmi| ipmi.accepts_suite_0 = Some(true)), &["IPMI-C0", "IPMI-HASH"]);
    check(&ipmi(|ipmi| ipmi.suites = Some(vec![0, 3, 17])), &["IPMI-HASH", "IPMI-C0-LISTED"]);
    check(&ipmi(|ipmi| ipmi.anonymous_login = true), &["IPMI-ANON", "IPMI-HASH"]);
    check(&ipmi(|ipmi| ipmi.null_users = true), &["IPMI-ANON", "IPMI-HASH"]);
    check(&ipmi(|ipmi| ipmi.suites = Some(vec![3])), &["IPMI-HASH", "IPMI-SUITE"]);
    check(&ipmi(|ipmi| ipmi.suites = Some(vec![3, 8, 17])), &["IPMI-HASH", "IPMI-SUITE"]);
    check(&ipmi(|ipmi| ipmi.suites = None), &["IPMI-HASH"]);
    check(&ipmi(|ipmi| ipmi.kg_is_set = false), &["IPMI-HASH", "IPMI-KG"]);
    // What holds for sessions of IPMI 1.5 says nothing where there are none.
    check(&ipmi(|ipmi| ipmi.per_message_authentication = false), &["IPMI-HASH"]);
    let old = |ipmi: &mut Ipmi| {
        ipmi.ipmi_1_5 = true;
        ipmi.authentication = vec!["none", "md5"];
        ipmi.per_message_authentication = false;
    };
    check(&ipmi(old), &["IPMI-HASH", "IPMI-AUTH15", "IPMI-PMA"]);
}

#[test]
fn faults_of_tls_are_found() {
    check(&tls(|tls, _| tls.old_versions = Some(vec!["TLS 1.0"])), &["TLS-OLD"]);
    check(&tls(|tls, _| tls.version = None), &["TLS-OLD"]);
    check(&tls(|_, shown| shown.self_signed = true), &["TLS-SELF-SIGNED"]);
    check(&tls(|_, shown| shown.not_after = NOW - 1), &["TLS-EXPIRED"]);
    check(&tls(|_, shown| shown.not_after = i64::MIN), &["TLS-EXPIRED"]);
    check(&tls(|_, shown| shown.not_before = NOW + 1), &["TLS-EXPIRED"]);
    check(&tls(|_, shown| shown.key_bits = 1024), &["TLS-WEAK-KEY"]);
    check(&tls(|_, shown| (shown.key, shown.key_bits) = ("EC", 256)), &[]);
    check(&tls(|_, shown| shown.weak_digest = true), &["TLS-WEAK-DIGEST"]);
}

#[test]
fn open_services_are_found() {
    let open = |ports: &[u16]| Gathered { open_ports: ports.to_vec(), ..nothing() };
    check(&open(&[22, 80, 443]), &[]);
    check(&open(&[23, 5900, 17988, 5985]), &["SVC-TELNET", "SVC-VNC", "SVC-MEDIA", "SVC-WSMAN"]);
    check(&open(&[49_152]), &["SVC-49152"]);
    let dell = Identity { vendor: Some(Maker::DELL), ..Identity::default() };
    check_as(&open(&[49_152]), &dell, &[]);
    check(&Gathered { amt: Some("11.8".to_owned()), ..nothing() }, &["AMT-PLAIN"]);
    check(
        &Gathered { unprotected: vec!["/redfish/v1/Systems".to_owned()], ..nothing() },
        &["REDFISH-UNAUTH"],
    );
}

#[test]
fn firmware_is_compared_by_its_numbers() {
    let firmware = |vendor, family: &str, generation: &str, firmware: &str| Identity {
        vendor: Some(vendor),
        family: Some(family.to_owned()),
        generation: Some(generation.to_owned()),
        firmware: Some(firmware.to_owned()),
        confidence: Confidence::High,
        ..Identity::default()
    };
    let check = |identity: Identity, expected: &[&str]| check_as(&nothing(), &identity, expected);
    check(firmware(Maker::HPE, "iLO", "4", "2.50"), &["FW-ILO4-2017-12542"]);
    check(firmware(Maker::HPE, "iLO", "4", "2.53"), &[]);
    check(firmware(Maker::HPE, "iLO", "4", "2.82"), &[]);
    check(firmware(Maker::HPE, "iLO", "5", "1.20"), &[]);
    check(firmware(Maker::HPE, "iLO", "4", "pass 7"), &[]);
    check(firmware(Maker::DELL, "iDRAC", "8", "2.40.40.40"), &["FW-IDRAC-2018-1207"]);
    check(firmware(Maker::DELL, "iDRAC", "8", "2.60.60.60"), &[]);
    check(firmware(Maker::DELL, "iDRAC", "9", "3.00.00.00"), &[]);
}

#[test]
fn public_addresses_are_told_from_private_ones() {
    let check = |address: &str, public: bool| {
        let gathered = Gathered::new(address.parse().unwrap());
        assert_eq!(
            !findings(&gathered, &Identity::default(), &Inside::default(), NOW).is_empty(),
            public,
            "{address}"
        );
    };
    for private in
        ["10.1.2.3", "172.31.0.1", "192.168.0.1", "100.64.0.1", "127.0.0.1", "169.254.1.1", "198.18.0.1"]
    {
        check(private, false);
    }
    for private in ["fe80::1", "fd00::1", "::1", "2001:db8::1", "::ffff:10.0.0.1"] {
        check(private, false);
    }
    for public in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2a00::1"] {
        check(public, true);
    }
}

#[test]
fn what_several_addresses_share_is_found_at_each() {
    let mut keys = Shared::keys();
    for last in 1..=3 {
        keys.take([10, 0, 0, last].into(), if last < 3 { "cc" } else { "dd" });
    }
    let found = keys.findings();
    let addresses: Vec<_> = found.iter().map(|finding| finding.address.to_string()).collect();
    assert_eq!(addresses, ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(found[0].evidence, "2 addresses show the key with the digest cc");
    assert_eq!(Shared::passwords().findings(), []);
}

#[test]
fn what_a_login_tells_is_checked() {
    let check = |inside: Inside, expected: &[&str]| {
        let found = findings(&nothing(), &Identity::default(), &inside, NOW);
        let found: Vec<_> = found.iter().map(|finding| finding.id).collect();
        assert_eq!(found, expected, "{inside:?}");
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let entered = || Inside {
        login: Some("bmc".to_owned()),
        account: Some("admin".to_owned()),
        administrators: names(&["admin"]),
        lockout_after: Some(5),
        network_port: Some(NetworkPort::Dedicated),
        ..Inside::default()
    };
    check(entered(), &[]);
    check(Inside { factory_accounts: names(&["root"]), ..entered() }, &["ACC-FACTORY"]);
    check(Inside { administrators: names(&["admin", "root"]), ..entered() }, &["ACC-ADMINS"]);
    check(Inside { lockout_after: Some(0), ..entered() }, &["ACC-LOCKOUT"]);
    check(Inside { lockout_after: None, network_port: None, ..entered() }, &[]);
    check(Inside { network_port: Some(NetworkPort::Shared), ..entered() }, &["NET-SHARED-PORT"]);
    check(Inside { network_port: Some(NetworkPort::Failover), ..entered() }, &["NET-SHARED-PORT"]);
    check(Inside { weak_services: names(&["Telnet"]), ..entered() }, &["SVC-WEAK"]);
    check(Inside { host_interfaces: names(&["usb0"]), ..entered() }, &["HOST-IF"]);
    let open =
        Inside { host_interfaces: names(&["usb0"]), open_host_interfaces: names(&["usb0"]), ..entered() };
    check(open, &["HOST-IF-OPEN", "HOST-IF"]);
}

#[test]
fn each_check_has_its_own_identifier() {
    let ids: BTreeSet<_> = CHECKS.iter().chain(FLEET_CHECKS).map(|check| check.id).collect();
    assert_eq!(ids.len(), CHECKS.len() + FLEET_CHECKS.len());
}

#[test]
fn findings_are_written_as_sarif() {
    let found = findings(&ipmi(|_| {}), &Identity::default(), &Inside::default(), NOW);
    let document = sarif(&found, "1.0.0");
    let run = &document["runs"][0];
    assert_eq!(document["version"], "2.1.0");
    let result = &run["results"][0];
    let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
    assert_eq!(rule["id"], result["ruleId"]);
    assert_eq!(result["level"], "error");
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "https://10.0.0.7/");
}
