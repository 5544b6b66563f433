//! Thousands of seeded runs over a network that loses, copies, delays and reorders, with a BMC that forgets.

use std::ops::Range;
use std::time::Duration;

use ironhand_ipmi::bmc::Faults;
use ironhand_ipmi::client::IdlePolicy;
use ironhand_ipmi::command::{GetBootFlags, GetChassisStatus, GetDeviceId};
use ironhand_ipmi::{
    BmcConfig, BootDevice, BootFlags, ChassisControl, CipherSuite, ClientConfig, Error, Quirk, Quirks,
    RakpStatus, Reply, Request, Ticket,
};

use crate::network::{CLEAR, Seeded, Weather, World, bmc_config, client_config};

/// Each at most once in a run, so that a second execution shows.
const CONTROLS: [ChassisControl; 6] = [
    ChassisControl::PowerUp,
    ChassisControl::PowerCycle,
    ChassisControl::HardReset,
    ChassisControl::DiagnosticInterrupt,
    ChassisControl::SoftShutdown,
    ChassisControl::PowerDown,
];

/// Those that can be shown beside each other, and that a client can be told of beside each other.
const QUIRKS: [Quirk; 11] = [
    Quirk::OpenSessionPrivilege,
    Quirk::AuthenticationCapabilities,
    Quirk::SuiteStatus,
    Quirk::SuiteSilence,
    Quirk::Intel20,
    Quirk::Supermicro20,
    Quirk::Sun20,
    Quirk::TruncatedPassword,
    Quirk::IdZero,
    Quirk::OddSequence,
    Quirk::NoChecksumCheck,
];

/// What is bad beside the weather.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// Datagrams arrive spoilt.
    Spoilt,
    /// The BMC restarts, between commands and in the middle of one, and is slow.
    Restarts,
    /// The BMC has several of the vendors' faults.
    Quirks,
}

fn weather(random: &mut Seeded) -> Weather {
    Weather {
        loss: random.next() % 30,
        copies: random.next() % 30,
        delay: random.next() % 50,
        jitter: random.next() % 500,
        spoilt: 0,
    }
}

struct Storm {
    seed: u64,
    trouble: Trouble,
    random: Seeded,
    world: World,
    asked: Vec<(Ticket, Request)>,
}

impl Storm {
    fn new(seed: u64, trouble: Trouble) -> Self {
        let mut random = Seeded(seed);
        let only = CipherSuite::PREFERRED[(seed % 2) as usize];
        let suites = if random.chance(50) { vec![only] } else { CipherSuite::PREFERRED.to_vec() };
        let idle = match random.next() % 3 {
            0 => IdlePolicy::Close(Duration::ZERO),
            1 => IdlePolicy::Close(Duration::from_secs(3)),
            _ => IdlePolicy::KeepAlive(Duration::from_secs(10)),
        };
        // A BMC that answers retransmissions from the replies it keeps would hide that a client makes them.
        let mut faults = Faults { repeats_commands: random.chance(50), ..Faults::default() };
        let mut quirks = Quirks::NONE;
        let mut weather = weather(&mut random);
        match trouble {
            Trouble::None => {}
            Trouble::Spoilt => weather.spoilt = 5 + seed % 30,
            Trouble::Restarts => faults.latency = Duration::from_millis(random.next() % 400),
            Trouble::Quirks => quirks = QUIRKS.into_iter().filter(|_| random.chance(30)).collect(),
        }
        let client = ClientConfig { idle, quirks, ..client_config() };
        let mut world = World::new(seed, client, BmcConfig { suites, quirks, faults, ..bmc_config() });
        world.weather = weather;
        Self { seed, trouble, random, world, asked: Vec::new() }
    }

    fn ask(&mut self, request: Request) {
        let ticket = self.world.submit(request.clone());
        self.asked.push((ticket, request));
    }

    fn reading(&mut self) -> Request {
        match self.random.next() % 4 {
            0 => GetDeviceId.into(),
            1 => GetBootFlags.into(),
            2 => Request::SetBootOptions(BootFlags::once(BootDevice::Pxe)),
            _ => GetChassisStatus.into(),
        }
    }

    fn run(&mut self) {
        for control in CONTROLS {
            for _ in 0..self.random.next() % 3 {
                let request = self.reading();
                self.ask(request);
            }
            self.ask(control.into());
            if self.random.chance(15) {
                self.world.bmc.forget_sessions();
            }
            if self.trouble == Trouble::Restarts {
                self.restart();
            }
            if self.random.chance(60) {
                let milliseconds = self.random.next() % 8000;
                self.world.pass(Duration::from_millis(milliseconds));
            }
        }
        let count = self.asked.len();
        self.world.run_until(|world| world.results.len() == count);
    }

    fn restart(&mut self) {
        let silent_for = Duration::from_millis(self.random.next() % 6000);
        match self.random.next() % 8 {
            0 => self.world.bmc.restart(self.world.now, silent_for),
            1 | 2 => {
                let faults = self.world.bmc.faults();
                self.world.bmc.set_faults(Faults { restart_at_command: Some(silent_for), ..faults });
            }
            _ => {}
        }
    }

    fn check(&mut self) {
        let seed = self.seed;
        let mut may_have_run = Vec::new();
        for (ticket, request) in &self.asked {
            let result = &self.world.results[ticket];
            match (request, result) {
                (Request::ChassisControl(control), Ok(Reply::Done)) => {
                    may_have_run.push(*control);
                    assert!(
                        self.world.executed.contains(control),
                        "seed {seed}: {control:?} was not carried out"
                    );
                }
                (Request::ChassisControl(control), Err(Error::OutcomeUnknown)) => may_have_run.push(*control),
                (Request::GetDeviceId, Ok(Reply::DeviceId(id))) => assert_eq!(*id, bmc_config().device_id),
                (Request::GetBootFlags, Ok(Reply::BootFlags(_)))
                | (Request::GetChassisStatus, Ok(Reply::ChassisStatus(_)))
                | (Request::SetBootOptions(_), Ok(Reply::Done)) => {}
                // The machine may be off by then.
                (Request::ChassisControl(ChassisControl::PowerCycle), Err(Error::Completion(_)))
                | (_, Err(Error::Timeout { .. } | Error::QueueFull)) => {}
                // The BMC forgot a session in the middle of its set-up, at the last attempt.
                (_, Err(Error::SetupRefused(RakpStatus::INVALID_SESSION_ID))) => {}
                (_, Err(_)) if self.trouble == Trouble::Spoilt => {}
                (request, result) => panic!("seed {seed}: {request:?} got {result:?}"),
            }
        }
        // What was carried out is, in order and once each, what was asked and not reported as failed.
        let mut expected = may_have_run.iter();
        for control in &self.world.executed {
            assert!(expected.any(|asked| asked == control), "seed {seed}: {:?}", self.world.executed);
        }
    }

    /// When the storm is over, everything works at once.
    fn calm(&mut self) {
        self.world.weather = CLEAR;
        self.world.bmc.set_faults(Faults::default());
        self.world.pass(Duration::from_secs(6));
        let power_on = self.world.bmc.chassis().power_on;
        let status = self.world.ask(GetChassisStatus);
        let expected = matches!(status, Ok(Reply::ChassisStatus(status)) if status.power_on == power_on);
        assert!(expected, "seed {}: {status:?}", self.seed);
    }
}

/// How many requests were made, answered and left unknown.
#[derive(Debug, Default)]
struct Tally {
    asked: usize,
    answered: usize,
    unknown: usize,
}

/// In every run, every request ends and nothing is done twice.
fn check(seeds: Range<u64>, trouble: Trouble) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let mut storm = Storm::new(seed, trouble);
        storm.run();
        storm.check();
        storm.calm();
        tally.asked += storm.asked.len();
        for result in storm.world.results.values() {
            tally.answered += usize::from(result.is_ok());
            tally.unknown += usize::from(*result == Err(Error::OutcomeUnknown));
        }
    }
    tally
}

/// Half of the runs, as tests run beside each other.
fn in_any_weather(seeds: Range<u64>) {
    let tally = check(seeds, Trouble::None);
    // The weather is bad but not hopeless; a machine that gives up early would show here.
    assert!(tally.answered * 100 > tally.asked * 75, "{tally:?}");
    assert!(tally.unknown > 0, "{tally:?}");
}

#[test]
fn in_any_weather_every_request_ends_and_nothing_is_done_twice() {
    in_any_weather(0..5_000);
}

#[test]
fn in_any_other_weather_too() {
    in_any_weather(5_000..10_000);
}

#[test]
fn spoilt_datagrams_never_pass_for_good_ones() {
    check(0..2_000, Trouble::Spoilt);
}

#[test]
fn a_bmc_that_restarts_at_any_moment_does_nothing_twice() {
    let tally = check(0..2_000, Trouble::Restarts);
    assert!(tally.unknown > 0, "{tally:?}");
}

#[test]
fn a_bmc_with_any_faults_of_vendors_does_nothing_twice() {
    let tally = check(0..2_000, Trouble::Quirks);
    assert!(tally.answered * 100 > tally.asked * 75, "{tally:?}");
}

#[test]
fn on_a_line_that_loses_one_per_cent_nearly_everything_is_answered() {
    let (mut asked, mut answered) = (0, 0);
    for seed in 0..300 {
        let mut world = World::new(seed, client_config(), bmc_config());
        world.weather = Weather { loss: 1, copies: 0, delay: 20, jitter: 0, spoilt: 0 };
        for _ in 0..10 {
            asked += 1;
            answered += usize::from(world.ask(GetChassisStatus).is_ok());
        }
    }
    assert_eq!(answered, asked);
}
