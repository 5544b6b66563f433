use std::time::Duration;

use ironhand_api::Management;

use super::*;
use crate::Observation;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_772_331_247_120).after(Duration::from_secs(seconds))
}

#[test]
fn an_outage_is_one_alert_after_its_time() {
    let settings = Settings::default();
    let mut facts = HostFacts::new();
    let mut alerts = HostAlerts::default();
    let lost = |facts: &mut HostFacts, seconds| {
        drop(facts.observe(at(seconds), "ipmi", Observation::Reach(Reach::Unreachable, None)));
    };
    lost(&mut facts, 0);
    assert_eq!(alerts.consider(at(0), &facts, None, &settings), []);
    assert_eq!(alerts.next_wake(&settings), Some(at(60)));
    lost(&mut facts, 59);
    assert_eq!(alerts.consider(at(59), &facts, None, &settings), []);
    let opened = alerts.consider(at(60), &facts, None, &settings);
    assert_eq!(
        (opened.len(), opened[0].cause, opened[0].step),
        (1, AlertCause::ContactLost, AlertStep::Opened)
    );
    assert_eq!(alerts.next_wake(&settings), Some(at(60 + 6 * 3600)));
    facts.observe(at(70), "alice", Observation::Management(Management::DisabledAtZone, None));
    let cleared = alerts.consider(at(70), &facts, None, &settings);
    assert_eq!(cleared[0].message, "the host is not managed; the alert was open for 10s");
}
