//! Whatever is observed, in whatever order: what the icon may say, and what is told.

use proptest::prelude::*;

use super::*;

const STATES: [PowerState; 5] =
    [PowerState::On, PowerState::Off, PowerState::TurningOn, PowerState::TurningOff, PowerState::Unknown];
const FAILURES: [Reach; 4] = [Reach::Unreachable, Reach::AuthFailed, Reach::ProtocolError, Reach::Throttled];

fn observation() -> impl Strategy<Value = Observation> {
    let levels = [
        Management::Enabled,
        Management::Enabled,
        Management::DisabledAtHost,
        Management::DisabledAtCluster,
        Management::DisabledAtZone,
    ];
    let actions =
        [PowerAction::On, PowerAction::Off, PowerAction::Cycle, PowerAction::Reset, PowerAction::Soft];
    prop_oneof![
        6 => prop::sample::select(STATES.to_vec()).prop_map(Observation::Power),
        6 => prop::sample::select(FAILURES.to_vec()).prop_map(|reach| Observation::Reach(reach, None)),
        1 => Just(Observation::Reach(Reach::Ok, None)),
        2 => prop::sample::select(levels.to_vec()).prop_map(|level| Observation::Management(level, None)),
        2 => prop::sample::select(actions.to_vec())
            .prop_map(|action| Observation::PowerAsked { action, until: at(1_000_000) }),
        1 => prop::bool::ANY.prop_map(|on| Observation::Maintenance(Said { on, at: None, reason: None })),
        1 => Just(Observation::Fenced { detail: "off was read twice".to_owned() }),
        1 => Just(Observation::FenceLifted),
    ]
}

/// What an onlooker remembers.
#[derive(Default)]
struct Onlooker {
    seen: PowerState,
    reach: Option<Reach>,
    management: Management,
    maintenance: bool,
}

impl Onlooker {
    /// Takes in the same, and tells how many events of which kinds must come of it.
    fn see(&mut self, observation: &Observation) -> Vec<EventKind> {
        let mut kinds = Vec::new();
        let mut meet = |reach: &mut Option<Reach>, value| {
            if reach.replace(value) != Some(value) {
                kinds.push(EventKind::ReachChanged);
            }
        };
        match observation {
            Observation::Power(state) => {
                meet(&mut self.reach, Reach::Ok);
                if !matches!(state, PowerState::TurningOn | PowerState::TurningOff) {
                    self.seen = *state;
                }
            }
            Observation::Reach(value, _) => meet(&mut self.reach, *value),
            Observation::Management(level, _) if *level != self.management => {
                self.management = *level;
                self.reach = None;
                kinds.push(EventKind::ManagementChanged);
            }
            Observation::Maintenance(said) if said.on != self.maintenance => {
                self.maintenance = said.on;
                kinds.push(EventKind::MaintenanceChanged);
            }
            _ => {}
        }
        kinds
    }

    fn icon(&self) -> Icon {
        match (self.management, self.reach, self.seen) {
            (Management::Enabled, Some(Reach::Ok), PowerState::On) => Icon::On,
            (Management::Enabled, Some(Reach::Ok), PowerState::Off) => Icon::Off,
            (Management::Enabled, ..) => Icon::Unknown,
            _ => Icon::Disabled,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_icon_is_what_was_seen_last_and_each_change_is_told_once(
        observations in prop::collection::vec(observation(), 1..60)
    ) {
        let mut facts = HostFacts::new();
        let mut onlooker = Onlooker::default();
        for (second, observation) in (0..).zip(observations) {
            let wanted = onlooker.see(&observation);
            // Every state must survive being written and read.
            let written = serde_json::to_string(&facts).unwrap();
            let mut read: HostFacts = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(&read, &facts);
            let changes = facts.observe(at(second), "ipmi", observation.clone());
            prop_assert_eq!(&read.observe(at(second), "ipmi", observation.clone()), &changes);

            prop_assert_eq!(facts.icon(), onlooker.icon(), "after {:?}", observation);
            let told: Vec<EventKind> = changes.iter().map(|change| change.kind).collect();
            let about = |kind: &EventKind| !matches!(kind, EventKind::PowerChanged | EventKind::FenceChanged);
            prop_assert_eq!(told.iter().copied().filter(about).collect::<Vec<_>>(), wanted);
            prop_assert!(facts.fenced().is_none() || facts.fence_broken().is_none());
            if facts.fenced().is_some() {
                let powered = matches!(observation, Observation::Power(state)
                    if !matches!(state, PowerState::Off | PowerState::Unknown));
                prop_assert!(!powered, "a host that is seen with power is not fenced");
            }
            // The same once more is no news.
            prop_assert_eq!(facts.observe(at(second), "ipmi", observation), []);
        }
    }

    #[test]
    fn an_outage_is_one_event_however_many_probes_fail(
        failure in prop::sample::select(FAILURES.to_vec()), probes in 1u64..500, before in any::<bool>()
    ) {
        let mut facts = if before { host("on") } else { HostFacts::new() };
        let events: usize = (0..probes)
            .map(|probe| {
                let detail = Some(format!("probe {probe} failed"));
                facts.observe(at(probe), "ipmi", Observation::Reach(failure, detail)).len()
            })
            .sum();
        prop_assert_eq!(events, 1);
        let back = facts.observe(at(probes), "ipmi", Observation::Power(PowerState::On));
        prop_assert_eq!(back.len(), if before { 1 } else { 2 }, "contact, and power where it was never seen");
    }
}
