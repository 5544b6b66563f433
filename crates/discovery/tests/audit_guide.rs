//! docs/guides/audit.md lists every check as the code has it.

use ironhand_discovery::{CHECKS, FLEET_CHECKS};

#[test]
fn the_guide_lists_every_check() {
    let guide = include_str!("../../../docs/guides/audit.md");
    let listed: Vec<&str> = guide.lines().filter(|line| line.starts_with("| `")).collect();
    let wanted: Vec<String> = CHECKS
        .iter()
        .chain(FLEET_CHECKS)
        .map(|check| {
            let severity = check.severity.as_str();
            format!("| `{}` | {} | {severity} | {} |", check.id, check.title, check.remedy)
        })
        .collect();
    assert_eq!(listed, wanted);
}
