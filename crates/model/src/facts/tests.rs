mod anything;
mod reserved;

use super::*;

const EPOCH: Timestamp = Timestamp::from_millis(1_772_331_247_120);

fn at(seconds: u64) -> Timestamp {
    EPOCH.after(Duration::from_secs(seconds))
}

fn ask(facts: &mut HostFacts, seconds: u64, action: PowerAction) -> Vec<Change> {
    let until = at(seconds).after(power_deadline(action));
    facts.observe(at(seconds), "alice", Observation::PowerAsked { action, until })
}

/// A host in one of the states of the table.
fn host(state: &str) -> HostFacts {
    let mut facts = HostFacts::new();
    let mut see = |state| drop(facts.observe(at(0), "ipmi", Observation::Power(state)));
    match state {
        "never seen" => {}
        "on" => see(PowerState::On),
        "off" => see(PowerState::Off),
        "unknown" => see(PowerState::Unknown),
        "off, told on" => {
            see(PowerState::Off);
            ask(&mut facts, 0, PowerAction::On);
        }
        "on, told off" => {
            see(PowerState::On);
            ask(&mut facts, 0, PowerAction::Off);
        }
        "on, lost" => {
            see(PowerState::On);
            facts.observe(at(0), "ipmi", Observation::Reach(Reach::Unreachable, None));
        }
        "off, lost" => {
            see(PowerState::Off);
            facts.observe(at(0), "ipmi", Observation::Reach(Reach::Unreachable, None));
        }
        "on, disabled" => {
            see(PowerState::On);
            facts.observe(at(0), "alice", Observation::Management(Management::DisabledAtHost, None));
        }
        "on, refused" => {
            see(PowerState::On);
            facts.observe(at(0), "ipmi", Observation::Reach(Reach::AuthFailed, None));
        }
        "off, disabled at cluster" => {
            see(PowerState::Off);
            facts.observe(at(0), "alice", Observation::Management(Management::DisabledAtCluster, None));
        }
        "on, disabled at zone" => {
            see(PowerState::On);
            facts.observe(at(0), "alice", Observation::Management(Management::DisabledAtZone, None));
        }
        "on, in maintenance" => {
            see(PowerState::On);
            apply(&mut facts, "maintain");
        }
        "off, fenced" => {
            see(PowerState::Off);
            apply(&mut facts, "fence");
        }
        "on, lost, fenced" => {
            see(PowerState::On);
            facts.observe(at(0), "ipmi", Observation::Reach(Reach::Unreachable, None));
            apply(&mut facts, "fence");
        }
        "on, fence broken" => {
            see(PowerState::Off);
            apply(&mut facts, "fence");
            facts.observe(at(0), "ipmi", Observation::Power(PowerState::On));
        }
        _ => panic!("{state}"),
    }
    facts
}

fn apply(facts: &mut HostFacts, what: &str) -> Vec<Change> {
    let reach = |reach| Observation::Reach(reach, None);
    let observation = match what {
        "sees on" => Observation::Power(PowerState::On),
        "sees off" => Observation::Power(PowerState::Off),
        "sees turning on" => Observation::Power(PowerState::TurningOn),
        "sees turning off" => Observation::Power(PowerState::TurningOff),
        "sees unknown" => Observation::Power(PowerState::Unknown),
        "no answer" => reach(Reach::Unreachable),
        "refused" => reach(Reach::AuthFailed),
        "garbage" => reach(Reach::ProtocolError),
        "busy" => reach(Reach::Throttled),
        "disable" => Observation::Management(Management::DisabledAtHost, None),
        "disable cluster" => Observation::Management(Management::DisabledAtCluster, None),
        "disable zone" => Observation::Management(Management::DisabledAtZone, None),
        "maintain" => Observation::Maintenance(Said { on: true, at: Some(at(5)), reason: None }),
        "release" => Observation::Maintenance(Said { on: false, at: Some(at(5)), reason: None }),
        "fence" => Observation::Fenced { detail: "off was read twice".to_owned() },
        "lift" => Observation::FenceLifted,
        "enable" => Observation::Management(Management::Enabled, None),
        "on" | "off" | "cycle" | "reset" | "soft" | "nmi" => {
            let action = serde_json::from_value(what.into()).unwrap();
            return ask(facts, 5, action);
        }
        "deadline" => return facts.wake(at(60)),
        _ => panic!("{what}"),
    };
    facts.observe(at(5), "ipmi", observation)
}

/// Plays each line of a table: state before | what happens | state after, as `show` tells it | events.
fn check(table: &str, show: impl Fn(&HostFacts) -> String) {
    let mut wanted = String::new();
    let mut got = String::new();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let mut facts = host(cells[0]);
        let changes = apply(&mut facts, cells[1]);
        let codes: Vec<&str> = changes.iter().map(|change| change.kind.code()).collect();
        let row = [cells[0], cells[1], &show(&facts), &codes.join(" ")].join(" | ");
        got.push_str(row.trim_end_matches([' ', '|']));
        got.push('\n');
        wanted.push_str(cells.join(" | ").trim_end_matches([' ', '|']));
        wanted.push('\n');
        // What is known already changes nothing.
        if cells[1] != "deadline" && !codes.is_empty() {
            assert_eq!(apply(&mut facts, cells[1]), [], "{line}");
        }
    }
    assert!(got == wanted, "wanted:\n{wanted}\ngot:\n{got}");
}

/// Every cell of the state table: state before | what happens | power, icon | events.
#[test]
fn every_cell_of_the_state_table() {
    let table = "
        never seen    | sees on          | on, On                | reach.changed power.changed
        never seen    | sees off         | off, Off              | reach.changed power.changed
        never seen    | sees turning on  | turning on, Unknown   | reach.changed power.changed
        never seen    | sees turning off | turning off, Unknown  | reach.changed power.changed
        never seen    | sees unknown     | unknown, Unknown      | reach.changed power.changed
        never seen    | no answer        | unknown, Unknown      | reach.changed
        never seen    | refused          | unknown, Unknown      | reach.changed
        never seen    | garbage          | unknown, Unknown      | reach.changed
        never seen    | busy             | unknown, Unknown      | reach.changed
        never seen    | disable          | unknown, Disabled     | management.changed
        never seen    | enable           | unknown, Unknown
        never seen    | on               | turning on, Unknown   | power.changed
        never seen    | off              | turning off, Unknown  | power.changed
        never seen    | cycle            | turning on, Unknown   | power.changed
        never seen    | reset            | unknown, Unknown
        never seen    | soft             | turning off, Unknown  | power.changed
        never seen    | nmi              | unknown, Unknown
        never seen    | deadline         | unknown, Unknown

        on            | sees on          | on, On
        on            | sees off         | off, Off              | power.changed
        on            | sees turning on  | turning on, On        | power.changed
        on            | sees turning off | turning off, On       | power.changed
        on            | sees unknown     | unknown, Unknown      | power.changed
        on            | no answer        | on, Unknown           | reach.changed
        on            | refused          | on, Unknown           | reach.changed
        on            | garbage          | on, Unknown           | reach.changed
        on            | busy             | on, Unknown           | reach.changed
        on            | disable          | on, Disabled          | management.changed
        on            | enable           | on, On
        on            | on               | on, On
        on            | off              | turning off, On       | power.changed
        on            | cycle            | turning on, On        | power.changed
        on            | reset            | on, On
        on            | soft             | turning off, On       | power.changed
        on            | nmi              | on, On
        on            | deadline         | on, On

        off           | sees on          | on, On                | power.changed
        off           | sees off         | off, Off
        off           | sees turning on  | turning on, Off       | power.changed
        off           | sees turning off | turning off, Off      | power.changed
        off           | sees unknown     | unknown, Unknown      | power.changed
        off           | no answer        | off, Unknown          | reach.changed
        off           | refused          | off, Unknown          | reach.changed
        off           | garbage          | off, Unknown          | reach.changed
        off           | busy             | off, Unknown          | reach.changed
        off           | disable          | off, Disabled         | management.changed
        off           | enable           | off, Off
        off           | on               | turning on, Off       | power.changed
        off           | off              | off, Off
        off           | cycle            | turning on, Off       | power.changed
        off           | reset            | off, Off
        off           | soft             | off, Off
        off           | nmi              | off, Off
        off           | deadline         | off, Off

        unknown       | sees on          | on, On                | power.changed
        unknown       | sees off         | off, Off              | power.changed
        unknown       | sees turning on  | turning on, Unknown   | power.changed
        unknown       | sees turning off | turning off, Unknown  | power.changed
        unknown       | sees unknown     | unknown, Unknown
        unknown       | no answer        | unknown, Unknown      | reach.changed
        unknown       | refused          | unknown, Unknown      | reach.changed
        unknown       | garbage          | unknown, Unknown      | reach.changed
        unknown       | busy             | unknown, Unknown      | reach.changed
        unknown       | disable          | unknown, Disabled     | management.changed
        unknown       | enable           | unknown, Unknown
        unknown       | on               | turning on, Unknown   | power.changed
        unknown       | off              | turning off, Unknown  | power.changed
        unknown       | cycle            | turning on, Unknown   | power.changed
        unknown       | reset            | unknown, Unknown
        unknown       | soft             | turning off, Unknown  | power.changed
        unknown       | nmi              | unknown, Unknown
        unknown       | deadline         | unknown, Unknown

        off, told on  | sees on          | on, On                | power.changed
        off, told on  | sees off         | turning on, Off
        off, told on  | sees turning on  | turning on, Off
        off, told on  | sees turning off | turning on, Off
        off, told on  | sees unknown     | turning on, Unknown
        off, told on  | no answer        | turning on, Unknown   | reach.changed
        off, told on  | refused          | turning on, Unknown   | reach.changed
        off, told on  | garbage          | turning on, Unknown   | reach.changed
        off, told on  | busy             | turning on, Unknown   | reach.changed
        off, told on  | disable          | turning on, Disabled  | management.changed
        off, told on  | enable           | turning on, Off
        off, told on  | on               | turning on, Off
        off, told on  | off              | turning off, Off      | power.changed
        off, told on  | cycle            | turning on, Off
        off, told on  | reset            | turning on, Off
        off, told on  | soft             | turning off, Off      | power.changed
        off, told on  | nmi              | turning on, Off
        off, told on  | deadline         | off, Off              | power.changed

        on, told off  | sees on          | turning off, On
        on, told off  | sees off         | off, Off              | power.changed
        on, told off  | sees turning on  | turning off, On
        on, told off  | sees turning off | turning off, On
        on, told off  | sees unknown     | turning off, Unknown
        on, told off  | no answer        | turning off, Unknown  | reach.changed
        on, told off  | refused          | turning off, Unknown  | reach.changed
        on, told off  | garbage          | turning off, Unknown  | reach.changed
        on, told off  | busy             | turning off, Unknown  | reach.changed
        on, told off  | disable          | turning off, Disabled | management.changed
        on, told off  | enable           | turning off, On
        on, told off  | on               | turning on, On        | power.changed
        on, told off  | off              | turning off, On
        on, told off  | cycle            | turning on, On        | power.changed
        on, told off  | reset            | turning off, On
        on, told off  | soft             | turning off, On
        on, told off  | nmi              | turning off, On
        on, told off  | deadline         | on, On                | power.changed

        on, lost      | sees on          | on, On                | reach.changed
        on, lost      | sees off         | off, Off              | reach.changed power.changed
        on, lost      | sees turning on  | turning on, On        | reach.changed power.changed
        on, lost      | sees turning off | turning off, On       | reach.changed power.changed
        on, lost      | sees unknown     | unknown, Unknown      | reach.changed power.changed
        on, lost      | no answer        | on, Unknown
        on, lost      | refused          | on, Unknown           | reach.changed
        on, lost      | garbage          | on, Unknown           | reach.changed
        on, lost      | busy             | on, Unknown           | reach.changed
        on, lost      | disable          | on, Disabled          | management.changed
        on, lost      | enable           | on, Unknown
        on, lost      | on               | turning on, Unknown   | power.changed
        on, lost      | off              | turning off, Unknown  | power.changed
        on, lost      | cycle            | turning on, Unknown   | power.changed
        on, lost      | reset            | on, Unknown
        on, lost      | soft             | turning off, Unknown  | power.changed
        on, lost      | nmi              | on, Unknown
        on, lost      | deadline         | on, Unknown

        off, lost     | sees on          | on, On                | reach.changed power.changed
        off, lost     | sees off         | off, Off              | reach.changed
        off, lost     | sees turning on  | turning on, Off       | reach.changed power.changed
        off, lost     | sees turning off | turning off, Off      | reach.changed power.changed
        off, lost     | sees unknown     | unknown, Unknown      | reach.changed power.changed
        off, lost     | no answer        | off, Unknown
        off, lost     | refused          | off, Unknown          | reach.changed
        off, lost     | garbage          | off, Unknown          | reach.changed
        off, lost     | busy             | off, Unknown          | reach.changed
        off, lost     | disable          | off, Disabled         | management.changed
        off, lost     | enable           | off, Unknown
        off, lost     | on               | turning on, Unknown   | power.changed
        off, lost     | off              | turning off, Unknown  | power.changed
        off, lost     | cycle            | turning on, Unknown   | power.changed
        off, lost     | reset            | off, Unknown
        off, lost     | soft             | turning off, Unknown  | power.changed
        off, lost     | nmi              | off, Unknown
        off, lost     | deadline         | off, Unknown

        on, disabled  | sees on          | on, Disabled          | reach.changed
        on, disabled  | sees off         | off, Disabled         | reach.changed power.changed
        on, disabled  | sees turning on  | turning on, Disabled  | reach.changed power.changed
        on, disabled  | sees turning off | turning off, Disabled | reach.changed power.changed
        on, disabled  | sees unknown     | unknown, Disabled     | reach.changed power.changed
        on, disabled  | no answer        | on, Disabled          | reach.changed
        on, disabled  | refused          | on, Disabled          | reach.changed
        on, disabled  | garbage          | on, Disabled          | reach.changed
        on, disabled  | busy             | on, Disabled          | reach.changed
        on, disabled  | disable          | on, Disabled
        on, disabled  | enable           | on, Unknown           | management.changed
        on, disabled  | on               | turning on, Disabled  | power.changed
        on, disabled  | off              | turning off, Disabled | power.changed
        on, disabled  | cycle            | turning on, Disabled  | power.changed
        on, disabled  | reset            | on, Disabled
        on, disabled  | soft             | turning off, Disabled | power.changed
        on, disabled  | nmi              | on, Disabled
        on, disabled  | deadline         | on, Disabled
    ";
    check(table, |facts| format!("{}, {}", facts.power(), facts.icon()));
}

/// Plays observations, and collects the words of all changes.
fn told(observations: Vec<(u64, &str, Observation)>) -> Vec<String> {
    let mut facts = HostFacts::new();
    let mut words = Vec::new();
    for (seconds, source, observation) in observations {
        let changes = facts.observe(at(seconds), source, observation);
        words.extend(changes.into_iter().map(|change| {
            let severity = serde_json::to_value(change.severity).unwrap();
            format!("{} {}", severity.as_str().unwrap(), change.message)
        }));
        let written = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<HostFacts>(&written).unwrap(), facts);
    }
    words
}

#[test]
fn an_outage_is_one_event_however_often_it_is_probed() {
    let lost = |seconds| {
        (
            seconds,
            "ipmi 10.0.7.12",
            Observation::Reach(Reach::Unreachable, Some(format!("no reply in {seconds} s"))),
        )
    };
    let mut observations = vec![(0, "ipmi 10.0.7.12", Observation::Power(PowerState::On))];
    observations.extend((1..50).map(|probe| lost(probe * 8)));
    observations.push((405, "ipmi 10.0.7.12", Observation::Power(PowerState::On)));
    observations.push((410, "ipmi 10.0.7.12", Observation::Power(PowerState::On)));
    assert_eq!(
        told(observations),
        [
            "info the management controller answers (ipmi 10.0.7.12)",
            "info power is on",
            "warning the management controller does not answer (ipmi 10.0.7.12): no reply in 8 s",
            "info the management controller answers again, after 6m37s (unreachable)",
        ]
    );
}

#[test]
fn each_failure_has_its_own_words() {
    let bmc = |reach| (0, "ipmi", Observation::Reach(reach, Some("why".to_owned())));
    let screen = |reach| (0, "vnc", Observation::ScreenReach(reach, Some("why".to_owned())));
    assert_eq!(
        told(vec![
            bmc(Reach::Unreachable),
            bmc(Reach::AuthFailed),
            bmc(Reach::ProtocolError),
            bmc(Reach::Throttled),
            bmc(Reach::Ok),
            screen(Reach::Ok),
            screen(Reach::Unreachable),
            screen(Reach::AuthFailed),
            screen(Reach::ProtocolError),
            screen(Reach::Throttled),
            screen(Reach::Ok),
        ]),
        [
            "warning the management controller does not answer (ipmi): why",
            "critical the management controller refuses the user name or password (ipmi): why",
            "warning the management controller answers with something that is not its protocol (ipmi): why",
            "info the management controller is busy or out of sessions (ipmi): why",
            "info the management controller answers again, after 0s (throttled)",
            "info the screen can be seen (vnc): why",
            "warning the screen cannot be reached (vnc): why",
            "critical the screen refuses the password (vnc): why",
            "warning the screen answers with something that is not its protocol (vnc): why",
            "info the screen is busy or out of sessions (vnc): why",
            "info the screen can be seen again, after 0s (throttled)",
        ]
    );
}

#[test]
fn power_is_told_with_who_asked_for_it() {
    let power = |seconds, state| (seconds, "ipmi", Observation::Power(state));
    let asked =
        |seconds, action| (seconds, "run 7", Observation::PowerAsked { action, until: at(seconds + 60) });
    assert_eq!(
        told(vec![
            power(0, PowerState::Off),
            power(5, PowerState::On),
            power(9, PowerState::Off),
            asked(10, PowerAction::On),
            power(11, PowerState::Off),
            power(12, PowerState::On),
            asked(13, PowerAction::On),
            asked(14, PowerAction::Soft),
            power(15, PowerState::On),
            power(20, PowerState::Off),
            power(25, PowerState::Unknown),
        ]),
        [
            "info the management controller answers (ipmi)",
            "info power is off",
            "info power came on, and nobody asked for it here",
            "warning power went off, and nobody asked for it here",
            "info power is turning on: on was asked for by run 7",
            "info power is on, as asked",
            "info power is turning off: soft was asked for by run 7",
            "info power is off, as asked",
            "warning the management controller no longer knows the power state",
        ]
    );
}

#[test]
fn the_moment_without_power_of_a_cycle_is_what_was_asked_for() {
    let power = |seconds, state| (seconds, "ipmi", Observation::Power(state));
    let asked = |seconds| {
        (seconds, "run 7", Observation::PowerAsked { action: PowerAction::Cycle, until: at(seconds + 60) })
    };
    assert_eq!(
        told(vec![
            power(0, PowerState::On),
            asked(10),
            power(10, PowerState::On),
            power(11, PowerState::Off),
            power(15, PowerState::On),
            power(16, PowerState::Off),
            power(20, PowerState::On),
            asked(30),
            power(31, PowerState::Off),
            power(35, PowerState::On),
            asked(40),
            power(41, PowerState::On),
            power(101, PowerState::Off),
        ])[2..],
        [
            "info power is turning on: cycle was asked for by run 7",
            "info power is on; the cycle has not been seen to take it away yet",
            "info power is off, as the cycle wants it for a moment",
            "info power is on again, as asked",
            "warning power went off, and nobody asked for it here",
            "info power came on, and nobody asked for it here",
            "info power is turning on: cycle was asked for by run 7",
            "info power is on, as asked",
            "info power is turning on: cycle was asked for by run 7",
            "info power is on; the cycle has not been seen to take it away yet",
            "warning power went off, and nobody asked for it here",
        ]
    );
}

#[test]
fn a_power_action_that_does_not_come_true_ends_at_its_deadline() {
    let mut facts = host("off");
    ask(&mut facts, 10, PowerAction::On);
    assert_eq!((facts.power(), facts.next_wake()), (PowerState::TurningOn, Some(at(70))));
    facts.observe(at(40), "ipmi", Observation::Power(PowerState::Off));
    assert_eq!(facts.wake(at(69)), []);
    let changes = facts.wake(at(70));
    assert_eq!(changes[0].message, "power is still off, 1m after power on was asked for");
    assert_eq!((facts.power(), facts.next_wake()), (PowerState::Off, None));
    assert_eq!(facts.wake(at(71)), []);

    let mut never_seen = HostFacts::new();
    ask(&mut never_seen, 0, PowerAction::Off);
    let changes = never_seen.wake(at(60));
    assert_eq!(changes[0].message, "power off was asked for and not seen to come true within 1m");
}

#[test]
fn the_last_value_and_its_age_survive_an_outage() {
    let mut facts = host("on");
    facts.observe(at(30), "ipmi", Observation::Power(PowerState::On));
    facts.observe(at(60), "ipmi", Observation::Reach(Reach::Unreachable, Some("no reply".to_owned())));
    let fact = facts.power_fact().unwrap();
    assert_eq!((fact.value, fact.since, fact.observed_at), (PowerState::On, at(0), at(30)));
    assert_eq!(facts.icon(), Icon::Unknown);
    let status = facts.status(Health::Well, None, None);
    assert_eq!(status.health, Health::Unknown, "nobody can tell");
    assert_eq!(facts.status(Health::NeedsHuman, Some(7), None).health, Health::NeedsHuman);
    assert_eq!(status.reach.unwrap().detail.as_deref(), Some("no reply"));
}

#[test]
fn a_screen_is_told_when_it_stands_still() {
    let screen = |kind, headline: &str, reliable, text_hash| {
        (0, "vnc", Observation::Screen { kind, headline: headline.to_owned(), reliable, text_hash })
    };
    let text = |headline, hash| screen(ScreenKind::Text, headline, true, hash);
    assert_eq!(
        told(vec![
            text("[  0.1] Linux version", 1),
            text("[  0.7] scsi host0", 2),
            text("[  1.2] EXT4-fs mounted", 3),
            text("node17 login: ", 4),
            text("node17 login: ", 4),
            text("node17 login: ", 4),
            text("[ 99.9] usb 1-1: disconnect", 5),
            text("node17 login: ", 4),
            text("node17 login: ", 4),
            screen(ScreenKind::Blank, "", true, 6),
            screen(ScreenKind::Blank, "", true, 6),
            screen(ScreenKind::Graphics, "", false, 7),
            screen(ScreenKind::Graphics, "", false, 7),
            screen(ScreenKind::Text, "n0de l7", false, 8),
            screen(ScreenKind::Text, "n0de l7", false, 8),
        ]),
        [
            "info the screen can be seen (vnc)",
            "info the screen shows `node17 login:`",
            "info the screen is blank",
            "info the screen shows graphics",
            "info the screen shows text that cannot be read with certainty",
        ]
    );
}

#[test]
fn a_screen_that_was_never_there_is_not_missed() {
    let redfish = "redfish 10.0.7.12";
    let mut facts = HostFacts::default();
    let mut see = |source: &str, observation| {
        let told = facts.observe(at(0), source, observation);
        (told.len(), facts.screen_reach().map(|fact| (fact.value, fact.source.clone())))
    };
    let beside = || Observation::ScreenBeside(Reach::Unreachable, Some("why".to_owned()));
    // Screens that change all the time are not told of one by one.
    let seen = |text_hash| Observation::Screen {
        kind: ScreenKind::Blank,
        headline: String::new(),
        reliable: true,
        text_hash,
    };
    assert_eq!(see(redfish, beside()), (0, None), "it may have none");
    assert_eq!(see(redfish, Observation::NoScreen), (0, None));
    assert_eq!(see(redfish, seen(1)), (1, Some((Reach::Ok, redfish.to_owned()))));
    assert_eq!(see(redfish, beside()), (1, Some((Reach::Unreachable, redfish.to_owned()))), "it had one");
    assert_eq!(see(redfish, Observation::NoScreen), (0, None), "its licence ran out");
    // That of another connector, which is gone from the manifest.
    assert_eq!(see("vnc", seen(2)), (1, Some((Reach::Ok, "vnc".to_owned()))));
    assert_eq!(see(redfish, beside()).0, 0);
}
