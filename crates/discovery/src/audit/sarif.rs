//! Findings in the form that tools for code and security read: SARIF 2.1.0 (OASIS).

use serde_json::{Value, json};

use super::{CHECKS, Check, FLEET_CHECKS, Finding, Severity};

/// The document of an audit. An address stands as the location of what was found there.
pub fn sarif(findings: &[Finding], version: &str) -> Value {
    let checks: Vec<&Check> = CHECKS.iter().chain(FLEET_CHECKS).collect();
    let index = |id: &str| checks.iter().position(|check| check.id == id);
    let rules: Vec<Value> = checks.iter().map(|check| rule(check)).collect();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "ruleId": finding.id,
                "ruleIndex": index(finding.id),
                "level": level(finding.severity),
                "message": { "text": format!("{}: {}", finding.address, finding.evidence) },
                "locations": [{
                    "physicalLocation": { "artifactLocation": { "uri": uri(finding) } },
                    "logicalLocations": [{ "name": finding.address, "kind": "resource" }],
                }],
                "partialFingerprints": { "findingAtAddress/v1": format!("{}@{}", finding.id, finding.address) },
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "ironhand audit", "semanticVersion": version, "rules": rules } },
            "results": results,
        }],
    })
}

fn rule(check: &Check) -> Value {
    json!({
        "id": check.id,
        "shortDescription": { "text": check.title },
        "help": { "text": check.remedy },
        "defaultConfiguration": { "level": level(check.severity) },
        "properties": { "security-severity": score(check.severity), "tags": ["security"] },
    })
}

fn uri(finding: &Finding) -> String {
    match finding.address {
        std::net::IpAddr::V4(address) => format!("https://{address}/"),
        std::net::IpAddr::V6(address) => format!("https://[{address}]/"),
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info | Severity::Low => "note",
        Severity::Medium => "warning",
        Severity::High | Severity::Critical => "error",
    }
}

/// As code hosts sort by: the middle of the ranges of CVSS 3.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "0.0",
        Severity::Low => "2.0",
        Severity::Medium => "5.5",
        Severity::High => "8.0",
        Severity::Critical => "9.5",
    }
}
