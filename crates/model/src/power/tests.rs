use std::time::Duration;

use super::*;

const ACTIONS: [PowerAction; 6] = [
    PowerAction::On,
    PowerAction::Off,
    PowerAction::Cycle,
    PowerAction::Reset,
    PowerAction::Soft,
    PowerAction::Nmi,
];
const STATES: [PowerState; 5] =
    [PowerState::On, PowerState::Off, PowerState::TurningOn, PowerState::TurningOff, PowerState::Unknown];

/// Compares the whole table with what `cell` gives for each action and state, one line for each action.
fn check(table: &str, cell: impl Fn(PowerAction, PowerState) -> String) {
    let row = |action: PowerAction| {
        let cells: Vec<String> = STATES.iter().map(|state| cell(action, *state)).collect();
        format!("{}: {}", action.as_str(), cells.join(", "))
    };
    let wanted: Vec<&str> = table.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(ACTIONS.map(row).to_vec(), wanted);
}

#[test]
fn each_action_in_each_state() {
    let cell = |action, state| match plan_power(action, state) {
        PowerPlan::Already(state) => format!("already {state}"),
        PowerPlan::Send(action) => format!("send {}", action.as_str()),
        PowerPlan::Refused(reason) => {
            assert!(reason.starts_with("power is "), "{reason}");
            "refused".to_owned()
        }
    };
    // State read: on, off, turning on, turning off, unknown.
    check(
        "
        on: already on, send on, send on, refused, send on
        off: send off, already off, send off, send off, send off
        cycle: send cycle, send on, send cycle, send cycle, send cycle
        reset: send reset, refused, send reset, send reset, send reset
        soft: send soft, already off, send soft, send soft, send soft
        nmi: send nmi, refused, send nmi, send nmi, send nmi
        ",
        cell,
    );
}

#[test]
fn each_action_that_a_crash_interrupted_in_each_state() {
    let now = Timestamp::from_millis(1_772_331_247_120);
    let later = Some(now.after(Duration::from_secs(30)));
    let earlier = Some(Timestamp::from_millis(now.as_millis() - 1));
    let short = |resumption| match resumption {
        Resumption::Begin => "begin",
        Resumption::Done(_) => "done",
        Resumption::Unknown(_) => "unknown",
        Resumption::Expired(_) => "expired",
    };
    let cell =
        |state, until| move |action, seen| short(resume_power(action, state, until, now, seen)).to_owned();
    // State read: on, off, turning on, turning off, unknown.
    check(
        "
        on: done, begin, begin, begin, begin
        off: begin, done, begin, begin, begin
        cycle: unknown, unknown, unknown, unknown, unknown
        reset: unknown, unknown, unknown, unknown, unknown
        soft: unknown, done, unknown, unknown, unknown
        nmi: unknown, unknown, unknown, unknown, unknown
        ",
        cell(JobState::Running, later),
    );
    let too_late = "
        on: done, expired, unknown, unknown, unknown
        off: expired, done, unknown, unknown, unknown
        cycle: unknown, unknown, unknown, unknown, unknown
        reset: unknown, unknown, unknown, unknown, unknown
        soft: unknown, done, unknown, unknown, unknown
        nmi: unknown, unknown, unknown, unknown, unknown
        ";
    check(too_late, cell(JobState::Running, earlier));
    check(too_late, cell(JobState::Running, Some(now)));
    check(too_late, cell(JobState::Running, None));
    for action in ACTIONS {
        for seen in STATES {
            let resumed = |state, until| short(resume_power(action, state, until, now, seen));
            assert_eq!(resumed(JobState::Queued, later), "begin");
            assert_eq!(resumed(JobState::Queued, None), "begin");
            assert_eq!(resumed(JobState::Queued, earlier), "expired");
            for over in [JobState::Done, JobState::Failed, JobState::Unknown] {
                assert_eq!(resumed(over, later), "unknown", "what is over is never begun again");
            }
        }
    }
}

#[test]
fn the_words_tell_what_was_seen() {
    let now = Timestamp::from_millis(1_772_331_247_120);
    let resumed = |action, seen| {
        resume_power(action, JobState::Running, Some(now.after(Duration::from_secs(9))), now, seen)
    };
    assert_eq!(
        resumed(PowerAction::Off, PowerState::Off),
        Resumption::Done(
            "the server stopped while power off was being done; power is seen off now".to_owned()
        )
    );
    assert_eq!(
        resumed(PowerAction::Cycle, PowerState::On),
        Resumption::Unknown(
            "the server stopped while power cycle was being done; whether the controller took it cannot be seen, \
             and it is not repeated; power is on"
                .to_owned()
        )
    );
}
