//! Serial over LAN between client and BMC: opening, taking over, losing and closing consoles, and every byte once in any
//! weather.

use std::time::Duration;

use ironhand_ipmi::bmc::{BmcEvent, SolSettings};
use ironhand_ipmi::client::IdlePolicy;
use ironhand_ipmi::command::GetChassisStatus;
use ironhand_ipmi::sol::{
    SerialProbe, SetUserSolAccess, SolAccumulate, SolClosed, SolConfig, SolEvent, SolRetry,
};
use ironhand_ipmi::{
    BmcConfig, BmcOutput, ChassisStatus, Client, ClientConfig, CompletionCode, Error, Event, Output, Peer,
    PrivilegeLevel, Quirk, Quirks, RawCommand, Reply, Request, RetransmitPolicy,
};

use crate::network::{CLEAR, Seeded, Weather, World, bmc_config, client_config, peer};

const SECOND: Duration = Duration::from_secs(1);

impl World {
    /// What happened on the client's serial console.
    fn sol_events(&self) -> Vec<&SolEvent> {
        let sol = self.events.iter().filter_map(|event| match event {
            Event::Sol(event) => Some(event),
            _ => None,
        });
        sol.collect()
    }

    /// The machine's output that came to the client.
    fn shown(&self) -> Vec<u8> {
        let data = |event: &SolEvent| match event {
            SolEvent::Data(data) => data.clone(),
            _ => Vec::new(),
        };
        self.sol_events().into_iter().flat_map(data).collect()
    }

    /// The client's input that came to the machine.
    fn typed(&self) -> Vec<u8> {
        let input = |event: &BmcEvent| match event {
            BmcEvent::ConsoleInput(input) => input.clone(),
            _ => Vec::new(),
        };
        self.bmc_events.iter().flat_map(input).collect()
    }

    fn closed(&self) -> Option<SolClosed> {
        self.sol_events().into_iter().find_map(|event| match event {
            SolEvent::Closed(reason) => Some(*reason),
            _ => None,
        })
    }

    fn is_console_open(&self) -> bool {
        self.sol_events().iter().any(|event| matches!(event, SolEvent::Opened { .. }))
            && self.closed().is_none()
    }

    /// Asks for the console and runs until it is open, or why not.
    fn open_console(&mut self, config: SolConfig) -> Result<(), SolClosed> {
        self.client.activate_sol(self.now, config);
        self.drain();
        self.run_until(|world| world.is_console_open() || world.closed().is_some());
        self.closed().map_or(Ok(()), Err)
    }

    fn write_console(&mut self, text: &[u8]) -> usize {
        let taken = self.client.write_sol(self.now, text);
        self.drain();
        taken
    }

    fn output(&mut self, text: &[u8]) {
        self.bmc.console_output(self.now, text);
        self.drain();
    }
}

fn world() -> World {
    World::new(1, client_config(), bmc_config())
}

/// A world whose BMC shows a fault, with a client that was told about it or not.
fn quirky(quirk: Quirk, told: bool) -> World {
    let told = if told { quirk.into() } else { Quirks::NONE };
    let client = ClientConfig { quirks: told, ..client_config() };
    World::new(1, client, BmcConfig { quirks: quirk.into(), ..bmc_config() })
}

#[test]
fn characters_go_both_ways_beside_requests() {
    let mut world = world();
    assert_eq!(world.open_console(SolConfig::default()), Ok(()));
    assert_eq!(world.write_console(b"root\r"), 5);
    world.output(b"login: ");
    assert!(matches!(world.ask(GetChassisStatus), Ok(Reply::ChassisStatus(_))));
    world.pass(SECOND);
    assert_eq!(world.typed(), b"root\r");
    assert_eq!(world.shown(), b"login: ");
    assert_eq!(world.client.sol_waiting(), 0);

    world.client.deactivate_sol(world.now);
    world.drain();
    world.pass(SECOND);
    assert_eq!(world.closed(), Some(SolClosed::Requested));
    assert!(world.bmc_events.contains(&BmcEvent::ConsoleClosed));
    assert!(world.client.is_open(), "the session goes on");
    assert_eq!(world.write_console(b"late"), 0);
}

#[test]
fn what_the_machine_writes_is_gathered() {
    let mut world = world();
    world.open_console(SolConfig::default()).unwrap();
    world.pass(SECOND);
    let before = world.sent.1;
    for character in b"login: " {
        world.output(&[*character]);
        world.pass(Duration::from_millis(1));
    }
    world.pass(SECOND);
    assert_eq!((world.shown(), world.sent.1 - before), (b"login: ".to_vec(), 1), "one packet");

    let before = world.sent.1;
    world.output(&[b'x'; 250]);
    world.pass(Duration::from_millis(5));
    assert_eq!(world.sent.1 - before, 1, "enough characters do not wait");
}

#[test]
fn a_break_comes_in_its_place() {
    let mut world = world();
    world.open_console(SolConfig::default()).unwrap();
    world.write_console(b"before");
    world.client.send_sol_break(world.now);
    world.write_console(b"after");
    world.bmc.console_break(world.now);
    world.drain();
    world.pass(SECOND);
    let input = |event: &BmcEvent| matches!(event, BmcEvent::ConsoleInput(_) | BmcEvent::ConsoleBreak);
    let order: Vec<BmcEvent> = world.bmc_events.iter().filter(|event| input(event)).cloned().collect();
    let expected = [
        BmcEvent::ConsoleInput(b"before".to_vec()),
        BmcEvent::ConsoleBreak,
        BmcEvent::ConsoleInput(b"after".to_vec()),
    ];
    assert_eq!(order, expected);
    assert!(world.sol_events().contains(&&SolEvent::Break));
}

#[test]
fn a_machine_that_is_off_takes_no_characters_and_loses_none() {
    let mut world = world();
    world.open_console(SolConfig::default()).unwrap();
    world.bmc.set_chassis(ChassisStatus::default());
    world.pass(SECOND);
    assert!(world.sol_events().contains(&&SolEvent::Unavailable));
    world.write_console(b"boot\r");
    let before = world.sent.0;
    world.pass(300 * SECOND);
    assert!(world.typed().is_empty());
    assert!(world.sent.0 - before < 60, "{} packets to a machine that is off", world.sent.0 - before);
    assert!(world.is_console_open());

    world.bmc.set_chassis(ChassisStatus { power_on: true, ..Default::default() });
    world.pass(SECOND);
    assert_eq!(world.typed(), b"boot\r");
    assert_eq!(world.sol_events().last(), Some(&&SolEvent::Available));
}

#[test]
fn a_held_console_loses_nothing_that_the_bmc_can_keep() {
    let mut world = world();
    world.open_console(SolConfig::default()).unwrap();
    world.client.pause_sol(world.now, true);
    world.drain();
    world.pass(SECOND);
    let output: Vec<u8> = (0..10_000).map(|number| number as u8).collect();
    world.output(&output);
    world.pass(60 * SECOND);
    assert!(world.shown().is_empty());
    world.client.pause_sol(world.now, false);
    world.drain();
    world.pass(SECOND);
    assert_eq!(world.shown(), output);

    world.client.pause_sol(world.now, true);
    world.drain();
    world.pass(SECOND);
    world.output(&[b'x'; 20_000]);
    assert_eq!(world.bmc.console_room(), Some(0));
    world.client.pause_sol(world.now, false);
    world.drain();
    world.pass(SECOND);
    assert!(world.sol_events().contains(&&SolEvent::Overrun), "more than it can keep is lost, and told");
}

#[test]
fn flushing_drops_what_the_bmc_holds() {
    let mut world = world();
    world.open_console(SolConfig::default()).unwrap();
    world.client.pause_sol(world.now, true);
    world.drain();
    world.pass(SECOND);
    world.output(b"old news");
    world.client.flush_sol(world.now);
    world.client.pause_sol(world.now, false);
    world.drain();
    world.pass(SECOND);
    world.output(b"fresh");
    world.pass(SECOND);
    assert_eq!(world.shown(), b"fresh");
}

#[test]
fn a_console_that_is_in_use_is_taken_only_on_request() {
    let mut world = world();
    world.open_console(SolConfig::default()).unwrap();
    world.use_client(client_config());
    world.events.clear();
    assert_eq!(world.open_console(SolConfig::default()), Err(SolClosed::InUse));
    world.events.clear();
    assert_eq!(world.open_console(SolConfig { steal: true, ..SolConfig::default() }), Ok(()));
    world.write_console(b"mine");
    world.pass(SECOND);
    assert_eq!(world.typed(), b"mine");
}

/// Opens the console in one client, takes it with another, and returns what the first one heard within a minute.
fn steal(mut world: World) -> Option<SolClosed> {
    assert_eq!(world.open_console(SolConfig::default()), Ok(()));
    world.pass(SECOND);
    let mut thief = Client::new(client_config(), Box::new(Seeded(99)));
    let from: Peer = ([192, 0, 2, 2], 40000).into();
    thief.activate_sol(world.now, SolConfig { steal: true, ..SolConfig::default() });
    let mut opened = false;
    while let Some(output) = thief.next_output() {
        match output {
            Output::Send(bytes) => world.bmc.receive(world.now, from, &bytes),
            Output::Event(event) => opened |= matches!(event, Event::Sol(SolEvent::Opened { .. })),
        }
        while let Some(output) = world.bmc.next_output() {
            match output {
                BmcOutput::Send { to, bytes } if to == from => thief.receive(world.now, peer(), &bytes),
                BmcOutput::Send { bytes, .. } => world.client.receive(world.now, peer(), &bytes),
                BmcOutput::Event(_) => {}
            }
        }
    }
    assert!(opened);
    world.pass(60 * SECOND);
    world.closed()
}

#[test]
fn a_stolen_console_is_noticed_whether_the_bmc_tells_or_not() {
    assert_eq!(steal(world()), Some(SolClosed::Deactivated));
    assert_eq!(steal(quirky(Quirk::SolStolen, false)), Some(SolClosed::Stolen));
}

#[test]
fn a_console_that_this_session_has_without_knowing_is_no_theft() {
    let mut world = world();
    world.ask(GetChassisStatus).unwrap();
    let activate = RawCommand {
        netfn: 0x06,
        lun: 0,
        cmd: 0x48,
        data: vec![1, 1, 0xC0, 0, 0, 0],
        privilege: PrivilegeLevel::User,
        repeatable: true,
    };
    world.ask(activate).unwrap();
    assert_eq!(world.open_console(SolConfig::default()), Ok(()));
}

#[test]
fn refusals_say_why() {
    let check = |settings: SolSettings, expected: SolClosed| {
        let mut world = World::new(1, client_config(), BmcConfig { sol: settings, ..bmc_config() });
        assert_eq!(world.open_console(SolConfig::default()), Err(expected));
        assert!(world.bmc.console_room().is_none());
    };
    check(SolSettings { enabled: false, ..Default::default() }, SolClosed::Disabled);
    let privilege = PrivilegeLevel::Administrator;
    let refused = SolClosed::Refused(CompletionCode::INSUFFICIENT_PRIVILEGE);
    check(SolSettings { privilege, ..Default::default() }, refused);

    let client = ClientConfig { privilege, ..client_config() };
    let mut world = World::new(1, client, bmc_config());
    world.ask(Request::Raw(RawCommand::of(&SetUserSolAccess { user: 1, enabled: false }))).unwrap();
    assert_eq!(world.open_console(SolConfig::default()), Err(refused));

    let mut world = World::new(1, client_config(), bmc_config());
    world.bmc_is_dead = true;
    let closed = world.open_console(SolConfig::default());
    assert!(matches!(closed, Err(SolClosed::Failed(Error::Timeout { .. }))), "{closed:?}");
}

#[test]
fn a_lost_session_takes_the_console_with_it() {
    let mut world = world();
    world.open_console(SolConfig::default()).unwrap();
    world.pass(SECOND);
    world.bmc.forget_sessions();
    world.pass(60 * SECOND);
    assert_eq!(world.closed(), Some(SolClosed::Lost));
    world.events.clear();
    assert_eq!(world.open_console(SolConfig::default()), Ok(()), "it can be opened again");
}

#[test]
fn characters_that_nobody_acknowledges_end_the_console() {
    let mut world = quirky(Quirk::SerialAlertsDeferred, false);
    world.open_console(SolConfig::default()).unwrap();
    world.write_console(b"anybody?");
    world.pass(60 * SECOND);
    assert_eq!(world.closed(), Some(SolClosed::Unacknowledged));
    assert!(world.bmc.console_room().is_none(), "and it is deactivated");

    for probe in [SerialProbe::Empty, SerialProbe::Nul] {
        let mut world = quirky(Quirk::SerialAlertsDeferred, false);
        world.open_console(SolConfig { probe, ..SolConfig::default() }).unwrap();
        world.pass(120 * SECOND);
        assert_eq!(world.closed(), Some(SolClosed::Unacknowledged), "{probe:?}: nobody typed anything");
    }
    let mut world = world_of(SerialProbe::Nul);
    world.pass(120 * SECOND);
    assert!(world.is_console_open() && !world.typed().is_empty());
}

fn world_of(probe: SerialProbe) -> World {
    let mut world = world();
    assert_eq!(world.open_console(SolConfig { probe, ..SolConfig::default() }), Ok(()));
    world
}

#[test]
fn sol_quirks_are_dealt_with() {
    let check = |quirk: Quirk, told: bool, config: SolConfig| {
        let mut world = quirky(quirk, told);
        assert_eq!(world.open_console(config), Ok(()), "{quirk}");
        world.write_console(b"typed");
        world.output(b"shown");
        world.pass(30 * SECOND);
        let seen = (world.typed(), world.shown());
        assert_eq!(seen, (b"typed".to_vec(), b"shown".to_vec()), "{quirk}");
        assert!(world.is_console_open(), "{quirk}");
    };
    let quirks = [Quirk::SolPayloadSize, Quirk::SolPort, Quirk::SolStatus, Quirk::SolChannelSupport];
    for quirk in quirks {
        check(quirk, false, SolConfig::default());
    }
    for quirk in [Quirk::SerialAlertsDeferred, Quirk::SolPacketSequence] {
        check(quirk, true, SolConfig::default());
    }
}

#[test]
fn a_session_with_a_console_is_not_idle() {
    for idle in [IdlePolicy::Close(Duration::ZERO), IdlePolicy::Close(3 * SECOND)] {
        let mut world = World::new(1, ClientConfig { idle, ..client_config() }, bmc_config());
        world.open_console(SolConfig::default()).unwrap();
        world.pass(300 * SECOND);
        assert!(world.is_console_open(), "{idle:?}");
        world.client.deactivate_sol(world.now);
        world.drain();
        world.pass(10 * SECOND);
        assert_eq!((world.closed(), world.client.is_open()), (Some(SolClosed::Requested), false));
    }
}

#[test]
fn closing_the_client_closes_the_console_first() {
    let mut world = world();
    world.open_console(SolConfig::default()).unwrap();
    world.client.close(world.now);
    world.drain();
    world.pass(SECOND);
    assert_eq!(world.closed(), Some(SolClosed::Requested));
    let order: Vec<bool> = world
        .bmc_events
        .iter()
        .filter_map(|event| match event {
            BmcEvent::ConsoleClosed => Some(true),
            BmcEvent::SessionClosed { .. } => Some(false),
            _ => None,
        })
        .collect();
    assert_eq!(order, [true, false]);
    assert_eq!(world.bmc.session_count(), 0);
}

#[test]
fn in_any_weather_every_byte_arrives_once_and_in_order() {
    for seed in 0..600 {
        let mut random = Seeded(seed);
        // A lost session would be no surprise in such weather, but it is another test's subject.
        let retransmit = RetransmitPolicy { session_patience: 30 * SECOND, ..RetransmitPolicy::default() };
        let client = ClientConfig { retransmit, ..client_config() };
        let mut world = World::new(seed, client, bmc_config());
        world.open_console(SolConfig::default()).unwrap();
        world.weather = Weather {
            loss: random.next() % 20,
            copies: random.next() % 30,
            delay: random.next() % 50,
            jitter: random.next() % 400,
            spoilt: random.next() % 5,
        };
        let (mut written, mut output) = (Vec::new(), Vec::new());
        for _ in 0..20 {
            let text: Vec<u8> = (0..random.next() % 400).map(|_| random.next() as u8).collect();
            let taken = world.write_console(&text);
            written.extend_from_slice(&text[..taken]);
            let text: Vec<u8> = (0..random.next() % 400).map(|_| random.next() as u8).collect();
            world.output(&text);
            output.extend_from_slice(&text);
            if random.chance(10) {
                let paused = random.chance(50);
                world.client.pause_sol(world.now, paused);
            }
            world.pass(Duration::from_millis(random.next() % 500));
        }
        world.client.pause_sol(world.now, false);
        world.drain();
        world.pass(5 * SECOND);
        world.weather = CLEAR;
        world.pass(40 * SECOND);
        assert!(world.is_console_open(), "seed {seed}: {:?}", world.closed());
        assert!(world.typed() == written, "seed {seed}: input");
        assert!(world.shown() == output, "seed {seed}: output");
    }
}

#[test]
fn closing_towards_a_dead_bmc_ends_soon() {
    let mut world = world();
    world.open_console(SolConfig::default()).unwrap();
    world.pass(SECOND);
    world.bmc_is_dead = true;
    world.client.close(world.now);
    world.drain();
    world.pass(5 * SECOND);
    assert_eq!(world.closed(), Some(SolClosed::Requested));
    assert!(!world.client.is_open() && world.client.next_wake().is_none());
}

#[test]
fn times_out_of_all_bounds_do_no_harm() {
    for time in [Duration::ZERO, Duration::MAX] {
        let accumulate = SolAccumulate { interval: time, threshold: 0 };
        let settings =
            SolSettings { accumulate, retry: SolRetry { count: 255, interval: time }, ..Default::default() };
        let mut world = World::new(1, client_config(), BmcConfig { sol: settings, ..bmc_config() });
        let config =
            SolConfig { retransmit: time, check: time, probe: SerialProbe::Nul, ..SolConfig::default() };
        assert_eq!(world.open_console(config), Ok(()));
        world.write_console(b"typed");
        world.output(b"shown");
        world.pass(5 * SECOND);
        assert!(world.typed().starts_with(b"typed") && world.shown() == b"shown", "{time:?}");
    }
}
