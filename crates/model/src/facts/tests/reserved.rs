//! What people say of a host, and what is proven of its power.

use super::*;

fn show(facts: &HostFacts) -> String {
    let mut shown = format!("{}, {}", facts.power(), facts.icon());
    for (holds, word) in [
        (facts.maintenance().is_some(), ", maintenance"),
        (facts.fenced().is_some(), ", fenced"),
        (facts.fence_broken().is_some(), ", broken"),
    ] {
        if holds {
            shown.push_str(word);
        }
    }
    shown
}

#[test]
fn every_cell_of_management_maintenance_and_fencing() {
    let table = "
        on                       | disable          | on, Disabled                     | management.changed
        on                       | disable cluster  | on, Disabled                     | management.changed
        on                       | disable zone     | on, Disabled                     | management.changed
        on                       | enable           | on, On
        on                       | maintain         | on, On, maintenance              | maintenance.changed
        on                       | release          | on, On
        on                       | fence            | on, On, fenced                   | fence.changed
        on                       | lift             | on, On

        off                      | disable          | off, Disabled                    | management.changed
        off                      | disable cluster  | off, Disabled                    | management.changed
        off                      | disable zone     | off, Disabled                    | management.changed
        off                      | enable           | off, Off
        off                      | maintain         | off, Off, maintenance            | maintenance.changed
        off                      | release          | off, Off
        off                      | fence            | off, Off, fenced                 | fence.changed
        off                      | lift             | off, Off

        unknown                  | disable          | unknown, Disabled                | management.changed
        unknown                  | disable cluster  | unknown, Disabled                | management.changed
        unknown                  | disable zone     | unknown, Disabled                | management.changed
        unknown                  | enable           | unknown, Unknown
        unknown                  | maintain         | unknown, Unknown, maintenance    | maintenance.changed
        unknown                  | release          | unknown, Unknown
        unknown                  | fence            | unknown, Unknown, fenced         | fence.changed
        unknown                  | lift             | unknown, Unknown

        never seen               | disable          | unknown, Disabled                | management.changed
        never seen               | disable cluster  | unknown, Disabled                | management.changed
        never seen               | disable zone     | unknown, Disabled                | management.changed
        never seen               | enable           | unknown, Unknown
        never seen               | maintain         | unknown, Unknown, maintenance    | maintenance.changed
        never seen               | release          | unknown, Unknown
        never seen               | fence            | unknown, Unknown, fenced         | fence.changed
        never seen               | lift             | unknown, Unknown

        on, lost                 | disable          | on, Disabled                     | management.changed
        on, lost                 | disable cluster  | on, Disabled                     | management.changed
        on, lost                 | disable zone     | on, Disabled                     | management.changed
        on, lost                 | enable           | on, Unknown
        on, lost                 | maintain         | on, Unknown, maintenance         | maintenance.changed
        on, lost                 | release          | on, Unknown
        on, lost                 | fence            | on, Unknown, fenced              | fence.changed
        on, lost                 | lift             | on, Unknown

        on, refused              | sees on          | on, On                           | reach.changed
        on, refused              | sees off         | off, Off                         | reach.changed power.changed
        on, refused              | sees turning on  | turning on, On                   | reach.changed power.changed
        on, refused              | sees turning off | turning off, On                  | reach.changed power.changed
        on, refused              | sees unknown     | unknown, Unknown                 | reach.changed power.changed
        on, refused              | no answer        | on, Unknown                      | reach.changed
        on, refused              | refused          | on, Unknown
        on, refused              | garbage          | on, Unknown                      | reach.changed
        on, refused              | busy             | on, Unknown                      | reach.changed
        on, refused              | disable          | on, Disabled                     | management.changed
        on, refused              | disable cluster  | on, Disabled                     | management.changed
        on, refused              | disable zone     | on, Disabled                     | management.changed
        on, refused              | enable           | on, Unknown
        on, refused              | maintain         | on, Unknown, maintenance         | maintenance.changed
        on, refused              | release          | on, Unknown
        on, refused              | fence            | on, Unknown, fenced              | fence.changed
        on, refused              | lift             | on, Unknown
        on, refused              | on               | turning on, Unknown              | power.changed
        on, refused              | off              | turning off, Unknown             | power.changed
        on, refused              | cycle            | turning on, Unknown              | power.changed
        on, refused              | reset            | on, Unknown
        on, refused              | soft             | turning off, Unknown             | power.changed
        on, refused              | nmi              | on, Unknown
        on, refused              | deadline         | on, Unknown

        on, disabled             | disable          | on, Disabled
        on, disabled             | disable cluster  | on, Disabled                     | management.changed
        on, disabled             | disable zone     | on, Disabled                     | management.changed
        on, disabled             | enable           | on, Unknown                      | management.changed
        on, disabled             | maintain         | on, Disabled, maintenance        | maintenance.changed
        on, disabled             | release          | on, Disabled
        on, disabled             | fence            | on, Disabled, fenced             | fence.changed
        on, disabled             | lift             | on, Disabled

        off, disabled at cluster | sees on          | on, Disabled                     | reach.changed power.changed
        off, disabled at cluster | sees off         | off, Disabled                    | reach.changed
        off, disabled at cluster | sees turning on  | turning on, Disabled             | reach.changed power.changed
        off, disabled at cluster | sees turning off | turning off, Disabled            | reach.changed power.changed
        off, disabled at cluster | sees unknown     | unknown, Disabled                | reach.changed power.changed
        off, disabled at cluster | no answer        | off, Disabled                    | reach.changed
        off, disabled at cluster | refused          | off, Disabled                    | reach.changed
        off, disabled at cluster | garbage          | off, Disabled                    | reach.changed
        off, disabled at cluster | busy             | off, Disabled                    | reach.changed
        off, disabled at cluster | disable          | off, Disabled                    | management.changed
        off, disabled at cluster | disable cluster  | off, Disabled
        off, disabled at cluster | disable zone     | off, Disabled                    | management.changed
        off, disabled at cluster | enable           | off, Unknown                     | management.changed
        off, disabled at cluster | maintain         | off, Disabled, maintenance       | maintenance.changed
        off, disabled at cluster | release          | off, Disabled
        off, disabled at cluster | fence            | off, Disabled, fenced            | fence.changed
        off, disabled at cluster | lift             | off, Disabled
        off, disabled at cluster | on               | turning on, Disabled             | power.changed
        off, disabled at cluster | off              | turning off, Disabled            | power.changed
        off, disabled at cluster | cycle            | turning on, Disabled             | power.changed
        off, disabled at cluster | reset            | off, Disabled
        off, disabled at cluster | soft             | turning off, Disabled            | power.changed
        off, disabled at cluster | nmi              | off, Disabled
        off, disabled at cluster | deadline         | off, Disabled

        on, disabled at zone     | sees on          | on, Disabled                     | reach.changed
        on, disabled at zone     | sees off         | off, Disabled                    | reach.changed power.changed
        on, disabled at zone     | sees turning on  | turning on, Disabled             | reach.changed power.changed
        on, disabled at zone     | sees turning off | turning off, Disabled            | reach.changed power.changed
        on, disabled at zone     | sees unknown     | unknown, Disabled                | reach.changed power.changed
        on, disabled at zone     | no answer        | on, Disabled                     | reach.changed
        on, disabled at zone     | refused          | on, Disabled                     | reach.changed
        on, disabled at zone     | garbage          | on, Disabled                     | reach.changed
        on, disabled at zone     | busy             | on, Disabled                     | reach.changed
        on, disabled at zone     | disable          | on, Disabled                     | management.changed
        on, disabled at zone     | disable cluster  | on, Disabled                     | management.changed
        on, disabled at zone     | disable zone     | on, Disabled
        on, disabled at zone     | enable           | on, Unknown                      | management.changed
        on, disabled at zone     | maintain         | on, Disabled, maintenance        | maintenance.changed
        on, disabled at zone     | release          | on, Disabled
        on, disabled at zone     | fence            | on, Disabled, fenced             | fence.changed
        on, disabled at zone     | lift             | on, Disabled
        on, disabled at zone     | on               | turning on, Disabled             | power.changed
        on, disabled at zone     | off              | turning off, Disabled            | power.changed
        on, disabled at zone     | cycle            | turning on, Disabled             | power.changed
        on, disabled at zone     | reset            | on, Disabled
        on, disabled at zone     | soft             | turning off, Disabled            | power.changed
        on, disabled at zone     | nmi              | on, Disabled
        on, disabled at zone     | deadline         | on, Disabled

        on, in maintenance       | sees on          | on, On, maintenance
        on, in maintenance       | sees off         | off, Off, maintenance            | power.changed
        on, in maintenance       | sees turning on  | turning on, On, maintenance      | power.changed
        on, in maintenance       | sees turning off | turning off, On, maintenance     | power.changed
        on, in maintenance       | sees unknown     | unknown, Unknown, maintenance    | power.changed
        on, in maintenance       | no answer        | on, Unknown, maintenance         | reach.changed
        on, in maintenance       | refused          | on, Unknown, maintenance         | reach.changed
        on, in maintenance       | garbage          | on, Unknown, maintenance         | reach.changed
        on, in maintenance       | busy             | on, Unknown, maintenance         | reach.changed
        on, in maintenance       | disable          | on, Disabled, maintenance        | management.changed
        on, in maintenance       | disable cluster  | on, Disabled, maintenance        | management.changed
        on, in maintenance       | disable zone     | on, Disabled, maintenance        | management.changed
        on, in maintenance       | enable           | on, On, maintenance
        on, in maintenance       | maintain         | on, On, maintenance
        on, in maintenance       | release          | on, On                           | maintenance.changed
        on, in maintenance       | fence            | on, On, maintenance, fenced      | fence.changed
        on, in maintenance       | lift             | on, On, maintenance
        on, in maintenance       | on               | on, On, maintenance
        on, in maintenance       | off              | turning off, On, maintenance     | power.changed
        on, in maintenance       | cycle            | turning on, On, maintenance      | power.changed
        on, in maintenance       | reset            | on, On, maintenance
        on, in maintenance       | soft             | turning off, On, maintenance     | power.changed
        on, in maintenance       | nmi              | on, On, maintenance
        on, in maintenance       | deadline         | on, On, maintenance

        off, fenced              | sees on          | on, On, broken                   | power.changed fence.changed
        off, fenced              | sees off         | off, Off, fenced
        off, fenced              | sees turning on  | turning on, Off, broken          | power.changed fence.changed
        off, fenced              | sees turning off | turning off, Off, broken         | power.changed fence.changed
        off, fenced              | sees unknown     | unknown, Unknown, fenced         | power.changed
        off, fenced              | no answer        | off, Unknown, fenced             | reach.changed
        off, fenced              | refused          | off, Unknown, fenced             | reach.changed
        off, fenced              | garbage          | off, Unknown, fenced             | reach.changed
        off, fenced              | busy             | off, Unknown, fenced             | reach.changed
        off, fenced              | disable          | off, Disabled, fenced            | management.changed
        off, fenced              | disable cluster  | off, Disabled, fenced            | management.changed
        off, fenced              | disable zone     | off, Disabled, fenced            | management.changed
        off, fenced              | enable           | off, Off, fenced
        off, fenced              | maintain         | off, Off, maintenance, fenced    | maintenance.changed
        off, fenced              | release          | off, Off, fenced
        off, fenced              | fence            | off, Off, fenced
        off, fenced              | lift             | off, Off                         | fence.changed
        off, fenced              | on               | turning on, Off                  | fence.changed power.changed
        off, fenced              | off              | off, Off, fenced
        off, fenced              | cycle            | turning on, Off                  | fence.changed power.changed
        off, fenced              | reset            | off, Off                         | fence.changed
        off, fenced              | soft             | off, Off, fenced
        off, fenced              | nmi              | off, Off, fenced
        off, fenced              | deadline         | off, Off, fenced

        on, lost, fenced         | sees on          | on, On, broken                   | reach.changed fence.changed
        on, lost, fenced         | sees off         | off, Off, fenced                 | reach.changed power.changed
        on, lost, fenced         | sees turning on  | turning on, On, broken           | reach.changed power.changed fence.changed
        on, lost, fenced         | sees turning off | turning off, On, broken          | reach.changed power.changed fence.changed
        on, lost, fenced         | sees unknown     | unknown, Unknown, fenced         | reach.changed power.changed
        on, lost, fenced         | no answer        | on, Unknown, fenced
        on, lost, fenced         | refused          | on, Unknown, fenced              | reach.changed
        on, lost, fenced         | garbage          | on, Unknown, fenced              | reach.changed
        on, lost, fenced         | busy             | on, Unknown, fenced              | reach.changed
        on, lost, fenced         | disable          | on, Disabled, fenced             | management.changed
        on, lost, fenced         | disable cluster  | on, Disabled, fenced             | management.changed
        on, lost, fenced         | disable zone     | on, Disabled, fenced             | management.changed
        on, lost, fenced         | enable           | on, Unknown, fenced
        on, lost, fenced         | maintain         | on, Unknown, maintenance, fenced | maintenance.changed
        on, lost, fenced         | release          | on, Unknown, fenced
        on, lost, fenced         | fence            | on, Unknown, fenced
        on, lost, fenced         | lift             | on, Unknown                      | fence.changed
        on, lost, fenced         | on               | turning on, Unknown              | fence.changed power.changed
        on, lost, fenced         | off              | turning off, Unknown, fenced     | power.changed
        on, lost, fenced         | cycle            | turning on, Unknown              | fence.changed power.changed
        on, lost, fenced         | reset            | on, Unknown                      | fence.changed
        on, lost, fenced         | soft             | turning off, Unknown, fenced     | power.changed
        on, lost, fenced         | nmi              | on, Unknown, fenced
        on, lost, fenced         | deadline         | on, Unknown, fenced

        on, fence broken         | sees on          | on, On, broken
        on, fence broken         | sees off         | off, Off, broken                 | power.changed
        on, fence broken         | sees turning on  | turning on, On, broken           | power.changed
        on, fence broken         | sees turning off | turning off, On, broken          | power.changed
        on, fence broken         | sees unknown     | unknown, Unknown, broken         | power.changed
        on, fence broken         | no answer        | on, Unknown, broken              | reach.changed
        on, fence broken         | refused          | on, Unknown, broken              | reach.changed
        on, fence broken         | garbage          | on, Unknown, broken              | reach.changed
        on, fence broken         | busy             | on, Unknown, broken              | reach.changed
        on, fence broken         | disable          | on, Disabled, broken             | management.changed
        on, fence broken         | disable cluster  | on, Disabled, broken             | management.changed
        on, fence broken         | disable zone     | on, Disabled, broken             | management.changed
        on, fence broken         | enable           | on, On, broken
        on, fence broken         | maintain         | on, On, maintenance, broken      | maintenance.changed
        on, fence broken         | release          | on, On, broken
        on, fence broken         | fence            | on, On, fenced                   | fence.changed
        on, fence broken         | lift             | on, On                           | fence.changed
        on, fence broken         | on               | on, On                           | fence.changed
        on, fence broken         | off              | turning off, On, broken          | power.changed
        on, fence broken         | cycle            | turning on, On                   | fence.changed power.changed
        on, fence broken         | reset            | on, On                           | fence.changed
        on, fence broken         | soft             | turning off, On, broken          | power.changed
        on, fence broken         | nmi              | on, On, broken
        on, fence broken         | deadline         | on, On, broken
    ";
    check(table, show);
}

#[test]
fn fencing_is_told_with_what_proves_and_what_ends_it() {
    let power = |seconds, state| (seconds, "ipmi", Observation::Power(state));
    let fenced =
        |seconds| (seconds, "alice", Observation::Fenced { detail: "off was read twice".to_owned() });
    let asked =
        |seconds, action| (seconds, "bob", Observation::PowerAsked { action, until: at(seconds + 60) });
    assert_eq!(
        told(vec![
            power(0, PowerState::Off),
            fenced(1),
            fenced(2),
            power(3, PowerState::Unknown),
            power(4, PowerState::Off),
            power(5, PowerState::On),
            power(6, PowerState::On),
            fenced(10),
            (11, "alice", Observation::FenceLifted),
            (12, "alice", Observation::FenceLifted),
            power(13, PowerState::Off),
            fenced(14),
            asked(15, PowerAction::Soft),
            asked(16, PowerAction::On),
            power(17, PowerState::On),
        ])[2..],
        [
            "info the host is proven to be without power: off was read twice",
            "warning the management controller no longer knows the power state",
            "info power is off",
            "info power came on, and nobody asked for it here",
            "critical the host was fenced and has power: it is seen on, and nobody asked for it here",
            "info the host is proven to be without power: off was read twice",
            "info the host is fenced no longer: alice lifted the fence",
            "warning power went off, and nobody asked for it here",
            "info the host is proven to be without power: off was read twice",
            "info the host is fenced no longer: power on was asked for by bob",
            "info power is turning on: on was asked for by bob",
            "info power is on, as asked",
        ]
    );
    let mut facts = host("off, fenced");
    let status = facts.status(Health::Well, None, None);
    let fact = status.fenced.unwrap();
    assert_eq!((fact.value, fact.since, fact.source.as_str()), (true, at(5), "ipmi"));
    apply(&mut facts, "sees on");
    assert_eq!(facts.status(Health::Well, None, None).fenced, None);
}

#[test]
fn maintenance_and_management_are_told_with_who_and_why() {
    let said = |on, reason: Option<&str>| {
        let reason = reason.map(str::to_owned);
        (0, "alice", Observation::Maintenance(Said { on, at: Some(at(0)), reason }))
    };
    let managed = |management| (0, "alice", Observation::Management(management, None));
    assert_eq!(
        told(vec![
            said(false, None),
            said(true, Some("new fans")),
            said(true, Some("new fans and disks")),
            said(false, None),
            managed(Management::Enabled),
            managed(Management::DisabledAtHost),
            managed(Management::DisabledAtCluster),
            managed(Management::DisabledAtZone),
            managed(Management::Enabled),
        ]),
        [
            "info maintenance was begun by alice: new fans; the host is watched and not repaired",
            "info maintenance was ended by alice",
            "info management is disabled at the host: the host is neither watched nor repaired",
            "info management is disabled at the cluster: the host is neither watched nor repaired",
            "info management is disabled at the zone: the host is neither watched nor repaired",
            "info the host is managed: it is watched and repaired",
        ]
    );
    let mut facts = host("on, in maintenance");
    apply(&mut facts, "sees off");
    assert_eq!(facts.icon(), Icon::Off, "it is watched");
}

#[test]
fn enabling_forgets_contact_until_the_first_reading() {
    for state in ["on, disabled", "off, disabled at cluster", "on, disabled at zone"] {
        let mut facts = host(state);
        apply(&mut facts, "enable");
        assert_eq!(
            (facts.icon(), facts.reach(), facts.screen_reach()),
            (Icon::Unknown, None, None),
            "{state}"
        );
        assert_ne!(facts.power(), PowerState::Unknown, "the last known value stays");
        apply(&mut facts, "sees on");
        assert_eq!(facts.icon(), Icon::On);
    }
}
