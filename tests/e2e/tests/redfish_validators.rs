//! The simulated Redfish services of all flavours before DMTF's judges: its Redfish-Protocol-Validator for how they speak,
//! its Redfish-Service-Validator with the published schemas for what they show.

use std::fs;
use std::process::{Command, Output};

use e2e::{FLAVOURS, RedfishService, peer, peer_file, python_of};

/// Assertions that the protocol validator may complain of, and why.
struct Allowed {
    /// None named: all.
    flavours: &'static [&'static str],
    assertions: &'static [&'static str],
    why: &'static str,
}

const ALLOWED: &[Allowed] = &[
    Allowed {
        flavours: &[],
        assertions: &["RESP_HEADERS_X_AUTH_TOKEN"],
        why: "it measures one token, and finds a pattern in two of a hundred that are truly random",
    },
    Allowed {
        flavours: &["xcc", "megarac", "ibmc"],
        assertions: &["SEC_PRIV_OPERATION_TO_PRIV_MAPPING"],
        why: "these want If-Match (428 or 412) before they look who may change an account (403)",
    },
    Allowed {
        flavours: &["megarac"],
        assertions: &[
            "PROTO_ETAG_IF_MATCH_ENFORCED",
            "PROTO_HTTP_SUPPORTED_METHODS",
            "REQ_PATCH_BAD_PROP",
            "REQ_PATCH_MIXED_PROPS",
            "REQ_PATCH_ODATA_PROPS",
            "SEC_ACCOUNTS_SUPPORT_ETAGS",
        ],
        why: "it shows weak tags and takes none back: no PATCH that quotes the tag succeeds",
    },
];

/// The protocol validator without its search of the network by multicast: all traffic stays on loopback.
const PROTOCOL_VALIDATOR: &str = "\
import sys
from redfish_protocol_validator import console_scripts, utils
utils.discover_ssdp = lambda *arguments, **named: {}
sys.exit(console_scripts.main())
";

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// Why the assertion may fail.
fn reason(flavour: &str, assertion: &str) -> Option<&'static str> {
    let applies = |allowed: &&Allowed| {
        allowed.assertions.contains(&assertion)
            && (allowed.flavours.is_empty() || allowed.flavours.contains(&flavour))
    };
    ALLOWED.iter().find(applies).map(|allowed| allowed.why)
}

/// The complaints of the protocol validator that are not allowed, and how much it found good.
fn judge_protocol(flavour: &str) -> (Vec<String>, usize) {
    let service = RedfishService::start(flavour);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut judge = Command::new(python_of("rf_protocol_validator"));
    judge.args(["-c", PROTOCOL_VALIDATOR]).current_dir(folder.path());
    let output =
        service.judge(&mut judge, &["--no-cert-check", "--report-dir", "reports", "--report-type", "tsv"]);
    let reports = fs::read_dir(folder.path().join("reports"))
        .unwrap_or_else(|error| panic!("{flavour}: no report: {error}: {}", said(&output)));
    let mut complaints = Vec::new();
    let mut good = 0;
    for report in reports {
        let report = fs::read_to_string(report.expect("a file").path()).expect("a report");
        for line in report.lines() {
            // Assertion, method, status, URI, result, message.
            let fields: Vec<&str> = line.split('\t').collect();
            match fields.get(4).copied() {
                Some("PASS") => good += 1,
                Some("FAIL" | "WARN") => match reason(flavour, fields[0]) {
                    Some(why) => println!("{flavour}: {} is allowed: {why}", fields[0]),
                    None => complaints.push(format!("{flavour}: {line}")),
                },
                _ => {}
            }
        }
    }
    (complaints, good)
}

#[test]
fn all_flavours_speak_as_dmtfs_protocol_validator_wants() {
    let judged = each_flavour(judge_protocol);
    let complaints: Vec<&String> = judged.iter().flat_map(|(complaints, _)| complaints).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    for ((_, good), flavour) in judged.iter().zip(FLAVOURS) {
        // An early end would pass, too, as nothing was found to be wrong.
        assert!(*good > 300, "{flavour}: only {good} assertions were tested");
    }
}

/// How much the service validator found good; nothing may be wrong.
fn judge_service(flavour: &str) -> usize {
    let service = RedfishService::start(flavour);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let schemas = peer_file("redfish-csdl").to_string_lossy().into_owned();
    let mut judge = Command::new(peer("rf_service_validator"));
    judge.current_dir(folder.path());
    let output = service.judge(
        &mut judge,
        &["--skipschema", "--schema_directory", &schemas, "--logdir", "reports", "--nooemcheck"],
    );
    let text = said(&output);
    let (good, wrong) = counted(&text).unwrap_or_else(|| panic!("{flavour}: no summary: {text}"));
    let complaints: Vec<&str> = text.lines().filter(|line| !line.contains("Fail: 0")).collect();
    assert_eq!(wrong, 0, "{flavour}: {complaints:#?}");
    good
}

/// What stands under PASS and FAIL in the summary. Warnings do not count: they are about what newer schemas call deprecated,
/// like the resources `Thermal` and `Power`, which controllers in the field have.
fn counted(text: &str) -> Option<(usize, usize)> {
    let mut lines = text.lines().skip_while(|line| !(line.contains("PASS") && line.contains("NOT TESTED")));
    let mut counts = lines.nth(2)?.split('|').filter_map(|cell| cell.trim().parse().ok());
    let (good, _warnings, wrong) = (counts.next()?, counts.next()?, counts.next()?);
    Some((good, wrong))
}

#[test]
fn all_flavours_show_what_dmtfs_schemas_describe() {
    for (good, flavour) in each_flavour(judge_service).into_iter().zip(FLAVOURS) {
        assert!(good > 1000, "{flavour}: only {good} properties were tested");
    }
}

/// Judges all flavours, two at a time: the judges keep a core busy each.
fn each_flavour<T: Send>(judge: impl Fn(&str) -> T + Sync) -> Vec<T> {
    FLAVOURS
        .chunks(2)
        .flat_map(|flavours| {
            std::thread::scope(|scope| {
                let running: Vec<_> = flavours.iter().map(|flavour| scope.spawn(|| judge(flavour))).collect();
                running.into_iter().map(|judged| judged.join().expect("a verdict")).collect::<Vec<_>>()
            })
        })
        .collect()
}
