use std::fmt::Write as _;

use ironhand_api::RotationPhase;

use super::super::*;

/// Plays answers, one word each, and compares the steps that they lead through.
fn check(mut machine: RotationMachine, answers: &str, steps: &str) -> RotationMachine {
    let mut got = show(machine.next());
    for answer in answers.split_whitespace() {
        let before = machine.clone();
        for other in OTHERS {
            if !suits(machine.next(), other) {
                machine.answer(other);
                assert_eq!(machine, before, "an answer to another step changes nothing");
            }
        }
        machine.answer(parse(machine.next(), answer));
        write!(got, ", {}", show(machine.next())).unwrap();
    }
    assert_eq!(got, steps, "{answers}");
    machine
}

const OTHERS: [RotationAnswer; 4] = [
    RotationAnswer::Stored,
    RotationAnswer::Set(SetReply::Accepted),
    RotationAnswer::Login(LoginReply::Accepted),
    RotationAnswer::Waited,
];

fn suits(step: RotationStep, answer: RotationAnswer) -> bool {
    matches!(
        (step, answer),
        (RotationStep::Persist(_), RotationAnswer::Stored)
            | (RotationStep::Set | RotationStep::Undo, RotationAnswer::Set(_))
            | (RotationStep::Login(_), RotationAnswer::Login(_))
            | (RotationStep::Wait(_), RotationAnswer::Waited)
    )
}

fn parse(step: RotationStep, answer: &str) -> RotationAnswer {
    let is_login = matches!(step, RotationStep::Login(_));
    match answer {
        "stored" => RotationAnswer::Stored,
        "waited" => RotationAnswer::Waited,
        "yes" if is_login => RotationAnswer::Login(LoginReply::Accepted),
        "no" if is_login => RotationAnswer::Login(LoginReply::Refused),
        "lost" if is_login => RotationAnswer::Login(LoginReply::NoReply),
        "yes" => RotationAnswer::Set(SetReply::Accepted),
        "no" => RotationAnswer::Set(SetReply::Refused),
        "lost" => RotationAnswer::Set(SetReply::NoReply),
        "unsent" => RotationAnswer::Set(SetReply::NotSent),
        _ => panic!("{answer}"),
    }
}

fn show(step: RotationStep) -> String {
    let phase = |phase: RotationPhase| serde_json::to_value(phase).unwrap().as_str().unwrap().to_owned();
    match step {
        RotationStep::Persist(one) => phase(one),
        RotationStep::Set => "set".to_owned(),
        RotationStep::Undo => "undo".to_owned(),
        RotationStep::Login(Which::Old) => "old?".to_owned(),
        RotationStep::Login(Which::New) => "new?".to_owned(),
        RotationStep::Login(Which::NewCut) => "cut?".to_owned(),
        RotationStep::Wait(length) => format!("{}s", length.as_secs()),
        RotationStep::Settle(one) => format!("= {}", phase(one)),
    }
}

#[test]
fn a_change_goes_through_its_phases() {
    let machine = check(
        RotationMachine::begin(),
        "stored stored yes stored yes no",
        "prepared, sent, set, applied, new?, old?, = committed",
    );
    assert_eq!(machine.attempts(), 1);
    assert_eq!(
        machine.reason(),
        "a login with the new password worked, and one with the old one was refused"
    );
    let set = "prepared, sent, set, new?, old?";
    check(RotationMachine::begin(), "stored stored lost yes no", &format!("{set}, = committed"));
    check(RotationMachine::begin(), "stored stored no no yes", &format!("{set}, = rolled_back"));
    // It said no, and took it.
    check(RotationMachine::begin(), "stored stored no yes no", &format!("{set}, = committed"));
    check(RotationMachine::begin(), "stored stored unsent", "prepared, sent, set, = rolled_back");
}

#[test]
fn a_controller_that_does_nothing_is_told_twice() {
    let machine = check(
        RotationMachine::begin(),
        "stored stored yes stored no yes stored yes stored no yes",
        "prepared, sent, set, applied, new?, old?, sent, set, applied, new?, old?, = rolled_back",
    );
    assert_eq!(machine.attempts(), MOST_SETS);
}

#[test]
fn a_controller_that_refuses_both_gets_the_old_one_back() {
    let set = "prepared, sent, set, applied, new?, old?, undo";
    let begin = RotationMachine::begin;
    check(begin(), "stored stored yes stored no no yes yes", &format!("{set}, old?, = rolled_back"));
    check(begin(), "stored stored yes stored no no yes no", &format!("{set}, old?, = indeterminate"));
    check(begin(), "stored stored yes stored no no lost yes", &format!("{set}, old?, = rolled_back"));
    check(begin(), "stored stored yes stored no no no no", &format!("{set}, old?, = indeterminate"));
    // It kept 16 of more characters, and the session is gone with the server that was killed.
    let sent = || RotationMachine::resume(RotationPhase::Sent, 1);
    check(sent(), "no no", "new?, old?, = indeterminate");
    check(sent().long(), "no no yes yes yes", "new?, old?, cut?, undo, old?, = rolled_back");
    check(sent().long(), "no no no", "new?, old?, cut?, = indeterminate");
    let doubt = |attempts| RotationMachine::resume(RotationPhase::Indeterminate, attempts).long();
    check(doubt(2), "no no no", "cut?, new?, old?, = indeterminate");
    check(doubt(2), "yes yes yes", "cut?, undo, old?, = rolled_back");
    check(doubt(3), "no no no", "old?, new?, cut?, = indeterminate");
    check(doubt(4), "no no no", "new?, old?, cut?, = indeterminate");
}

#[test]
fn a_controller_that_accepts_both_does_not_count_as_changed() {
    let both = "new?, old?, 5s, old?";
    let applied = || RotationMachine::resume(RotationPhase::Applied, 1);
    check(applied(), "yes yes waited no", &format!("{both}, = committed"));
    check(applied(), "yes yes waited yes yes yes", &format!("{both}, undo, old?, = rolled_back"));
    let machine =
        check(applied(), "yes yes waited yes no yes yes", &format!("{both}, undo, new?, old?, = committed"));
    assert_eq!(machine.reason(), "the new password works, but the controller accepts the old one as well");
    check(
        applied(),
        "yes yes waited yes lost yes yes",
        &format!("{both}, undo, new?, old?, = indeterminate"),
    );
    check(applied(), "yes yes waited yes lost no yes", &format!("{both}, undo, new?, old?, = rolled_back"));
}

#[test]
fn silence_is_waited_for_and_decides_nothing() {
    let sent = || RotationMachine::resume(RotationPhase::Sent, 2);
    let machine = check(
        sent(),
        "lost waited lost waited lost waited lost waited lost waited lost",
        "new?, 2s, new?, 4s, new?, 8s, new?, 16s, new?, 32s, new?, = indeterminate",
    );
    assert_eq!((machine.attempts(), machine.reason()), (3, "the controller does not answer"));
    check(sent(), "no lost waited yes", "new?, old?, 2s, old?, = rolled_back");
    let mute = "new?, old?, 2s, old?, 90s, new?";
    let answers = "yes lost waited lost waited";
    check(sent(), &format!("{answers} yes"), &format!("{mute}, = committed"));
    check(sent(), &format!("{answers} no"), &format!("{mute}, = indeterminate"));
    check(
        sent(),
        &format!("{answers} lost waited lost waited lost waited lost"),
        &format!("{mute}, 8s, new?, 16s, new?, 32s, new?, = indeterminate"),
    );
    let doubt = RotationMachine::resume(RotationPhase::Indeterminate, 2);
    check(doubt, &format!("{answers} yes"), "old?, new?, 2s, new?, 90s, old?, = rolled_back");
}

#[test]
fn each_phase_is_resumed_by_what_it_leaves_open() {
    let check = |phase, attempts, answers, steps| {
        check(RotationMachine::resume(phase, attempts), answers, steps);
    };
    check(
        RotationPhase::Prepared,
        0,
        "stored yes stored yes no",
        "sent, set, applied, new?, old?, = committed",
    );
    check(RotationPhase::Sent, 1, "yes no", "new?, old?, = committed");
    check(RotationPhase::Sent, 1, "no yes stored", "new?, old?, sent, set");
    check(RotationPhase::Sent, 2, "no yes", "new?, old?, = rolled_back");
    check(RotationPhase::Applied, 1, "yes no", "new?, old?, = committed");
    check(RotationPhase::Indeterminate, 1, "yes no", "new?, old?, = committed");
    check(RotationPhase::Indeterminate, 1, "no yes", "new?, old?, = rolled_back");
    check(RotationPhase::Indeterminate, 1, "no no", "new?, old?, = indeterminate");
    check(RotationPhase::Indeterminate, 2, "no no", "old?, new?, = indeterminate");
    check(RotationPhase::Indeterminate, 2, "yes no", "old?, new?, = rolled_back");
    check(RotationPhase::Indeterminate, 2, "no yes", "old?, new?, = committed");
    check(RotationPhase::Committed, 1, "", "= committed");
    check(RotationPhase::RolledBack, 1, "", "= rolled_back");
}

#[test]
fn a_change_in_doubt_is_asked_about_ever_more_rarely() {
    let settings = Settings::default();
    let waits: Vec<u64> = [0, 1, 2, 3, 4, 5, 6, 40, u32::MAX]
        .map(|attempts| retry_after(attempts, &settings).as_secs())
        .to_vec();
    assert_eq!(waits, [60, 60, 120, 240, 480, 900, 900, 900, 900]);
}
