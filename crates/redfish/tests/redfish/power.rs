//! Changes of power on controllers of several vendors.

use ironhand_redfish::{
    Answer, Error, Method, Place, PowerState, Request, ResetAction, SetPower, Talk, locate, power_state,
};
use serde_json::json;

use crate::recorded::Recorded;

const RESET: &str = "/Actions/ComputerSystem.Reset";

/// A controller with its machine, in a power state.
fn machine(name: &str, state: PowerState) -> (Recorded, Place) {
    let mut recorded = Recorded::load(name);
    let node = (name == "generic/two-nodes").then_some("node1");
    let place = recorded.play(|talk: &mut Talk| locate(talk, node)).expect(name);
    recorded.merge(&place.system, json!({ "PowerState": state.as_str() }));
    recorded.asked.clear();
    (recorded, place)
}

/// Does to the machine what a kind of reset does.
fn does(recorded: &mut Recorded, request: &Request) -> Option<Answer> {
    let system = request.path.strip_suffix(RESET).filter(|_| request.method == Method::Post)?;
    let kind = request.body.as_ref().and_then(|body| body["ResetType"].as_str()).unwrap_or_default();
    let was_on = recorded.body(system)["PowerState"] == "On";
    let state = match kind {
        "ForceOff" | "GracefulShutdown" => "Off",
        "PushPowerButton" if was_on => "Off",
        _ => "On",
    };
    recorded.merge(system, json!({ "PowerState": state }));
    Some(Answer::new(204, b""))
}

fn check(name: &str, state: PowerState, action: ResetAction, sent: &[&str]) {
    let (mut recorded, place) = machine(name, state);
    let done = recorded.play_with(SetPower { place, action }, does);
    assert_eq!(done, Ok(sent.to_vec()), "{name}: {action} when {state}");
    let posts = recorded.asked.iter().filter(|request| request.starts_with("POST")).count();
    assert_eq!(posts, sent.len(), "{name}: {:?}", recorded.asked);
}

#[test]
fn power_is_changed_by_what_the_controller_offers() {
    use ResetAction::{ForceOff, ForceRestart, GracefulRestart, GracefulShutdown, Nmi, PowerCycle};
    let (on, off) = (PowerState::On, PowerState::Off);
    check("dell/idrac9", off, ResetAction::On, &["On"]);
    check("dell/idrac9", on, ResetAction::On, &[]);
    check("dell/idrac9", off, ForceOff, &[]);
    check("dell/idrac9", on, PowerCycle, &["PowerCycle"]);
    check("dell/idrac9", on, Nmi, &["Nmi"]);
    check("dell/idrac8", on, GracefulShutdown, &["PushPowerButton"]);
    check("dell/idrac8", on, ForceRestart, &["ForceOff", "On"]);
    check("hpe/ilo4", on, GracefulShutdown, &["PushPowerButton"]);
    check("hpe/ilo5", on, GracefulRestart, &["GracefulRestart"]);
    check("lenovo/xcc", on, ForceRestart, &["ForceRestart"]);
    check("huawei/ibmc", on, PowerCycle, &["ForcePowerCycle"]);
    check("supermicro/x13", on, PowerCycle, &["PowerCycle"]);
    check("openbmc/gb200", on, ForceOff, &["ForceOff"]);
    check("cisco/cimc", on, GracefulRestart, &["GracefulRestart"]);
    check("fujitsu/irmc-s5", on, PowerCycle, &["PowerCycle"]);
    check("h3c/hdm", on, PowerCycle, &["ForceOff", "On"]);
}

#[test]
fn what_is_not_offered_is_refused_before_anything_is_sent() {
    let check = |name: &str, state: PowerState, action: ResetAction| {
        let (mut recorded, place) = machine(name, state);
        let done = recorded.play_with(SetPower { place, action }, does);
        assert!(matches!(done, Err(Error::Unsupported { .. })), "{name}: {done:?}");
        assert!(recorded.sent.is_empty(), "{name}: {:?}", recorded.sent);
    };
    check("ami/dgx-h100", PowerState::On, ResetAction::Nmi);
    check("generic/two-nodes", PowerState::On, ResetAction::PowerCycle);
    check("generic/two-nodes", PowerState::PoweringOff, ResetAction::On);
}

#[test]
fn a_warm_reading_is_one_request() {
    for name in ["dell/idrac9", "openbmc/gb200", "supermicro/x13", "hpe/ilo4"] {
        let (mut recorded, place) = machine(name, PowerState::Off);
        let state = recorded.play(|talk: &mut Talk| power_state(talk, &place));
        assert_eq!(state, Ok(PowerState::Off), "{name}");
        assert_eq!(recorded.asked, [format!("GET {}", place.system)], "{name}");
    }
}

#[test]
fn a_machine_that_shows_no_power_state_is_not_guessed_at() {
    for value in [json!(null), json!(""), json!("Sideways"), json!(1), json!({})] {
        let (mut recorded, place) = machine("dell/idrac9", PowerState::On);
        recorded.merge(&place.system, json!({ "PowerState": value }));
        let state = recorded.play(|talk: &mut Talk| power_state(talk, &place));
        assert!(matches!(state, Err(Error::Malformed { .. })), "{value}: {state:?}");
    }
}

/// The kinds of reset are read from the action's own resource.
pub fn action_info() {
    check("ami/dgx-h100", PowerState::Off, ResetAction::On, &["On"]);
    check("supermicro/ars-111gl", PowerState::On, ResetAction::PowerCycle, &["PowerCycle"]);
    check("openbmc/upstream", PowerState::On, ResetAction::Nmi, &["Nmi"]);
}

/// Power is taken away and given back in two steps.
pub fn no_power_cycle() {
    for name in ["hpe/ilo5", "lenovo/xcc", "ami/dgx-h100"] {
        check(name, PowerState::On, ResetAction::PowerCycle, &["ForceOff", "On"]);
        check(name, PowerState::Off, ResetAction::PowerCycle, &["On"]);
    }
    // A machine that does not go off is not switched on.
    let (mut recorded, place) = machine("hpe/ilo5", PowerState::On);
    let done = recorded.play(SetPower { place, action: ResetAction::PowerCycle });
    assert!(matches!(done, Err(Error::NotKept { .. })), "{done:?}");
    assert_eq!(recorded.sent.len(), 1, "{:?}", recorded.sent);
}

/// The power button is pressed where the state shows that it does what is meant.
pub fn button_only() {
    check("generic/two-nodes", PowerState::Off, ResetAction::On, &["PushPowerButton"]);
    check("generic/two-nodes", PowerState::On, ResetAction::GracefulShutdown, &["PushPowerButton"]);
}

/// A machine that would hang rests before it comes back.
pub fn restart_hangs() {
    let (mut recorded, place) = machine("lenovo/xcc2", PowerState::On);
    let done = recorded.play_with(SetPower { place, action: ResetAction::ForceRestart }, does);
    assert_eq!(done, Ok(vec!["ForceOff", "On"]));
    assert!(recorded.waited.as_secs() >= 10, "{:?}", recorded.waited);
}

/// An iDRAC that still gathers what it shows is left alone for as long as that takes.
pub fn gathering() {
    let (mut recorded, place) = machine("dell/idrac10", PowerState::On);
    let infos = json!([{ "MessageId": "IDRAC.2.8.SYS518", "Message": "Data sources are not available." }]);
    let mut times = 2;
    let state = recorded.play_with(
        |talk: &mut Talk| power_state(talk, &place),
        |_, _| {
            times -= 1;
            (times >= 0).then(|| Answer::json(503, json!({ "error": { "@Message.ExtendedInfo": infos } })))
        },
    );
    assert_eq!(state, Ok(PowerState::On));
    assert_eq!(recorded.waited.as_secs(), 60);
}

/// A change that is refused just after another is asked for again, and not for ever.
pub fn on_after_off() {
    for name in ["dell/idrac10", "hpe/ilo6"] {
        let (mut recorded, place) = machine(name, PowerState::Off);
        let mut refusals = 3;
        let set = SetPower { place, action: ResetAction::On };
        let done = recorded.play_with(set.clone(), |recorded, request| {
            refusals -= i32::from(request.method == Method::Post);
            (refusals < 0).then(|| does(recorded, request)).flatten()
        });
        assert_eq!(done, Ok(vec!["On"]), "{name}");
        recorded.merge(&set.place.system, json!({ "PowerState": "Off" })).waited = std::time::Duration::ZERO;
        let done = recorded.play(set);
        assert!(matches!(done, Err(Error::Refused { .. })), "{name}: {done:?}");
        assert!(recorded.waited.as_secs() <= 30, "{name}: {:?}", recorded.waited);
    }
}
