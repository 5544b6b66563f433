//! Thousands of seeded runs over a network that loses, copies, delays and reorders, with a BMC that forgets.

use std::time::Duration;

use ironhand_ipmi::client::IdlePolicy;
use ironhand_ipmi::command::{GetBootFlags, GetChassisStatus, GetDeviceId};
use ironhand_ipmi::{
    BmcConfig, BootDevice, BootFlags, ChassisControl, CipherSuite, ClientConfig, Error, RakpStatus, Reply,
    Request, Ticket,
};

use crate::network::{CLEAR, Seeded, Weather, World, bmc_config, client_config};

const SEEDS: u64 = 3000;

/// Each at most once in a run, so that a second execution shows.
const CONTROLS: [ChassisControl; 6] = [
    ChassisControl::PowerUp,
    ChassisControl::PowerCycle,
    ChassisControl::HardReset,
    ChassisControl::DiagnosticInterrupt,
    ChassisControl::SoftShutdown,
    ChassisControl::PowerDown,
];

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
    random: Seeded,
    world: World,
    asked: Vec<(Ticket, Request)>,
}

impl Storm {
    fn new(seed: u64) -> Self {
        let mut random = Seeded(seed);
        let only = CipherSuite::PREFERRED[(seed % 2) as usize];
        let suites = if random.chance(50) { vec![only] } else { CipherSuite::PREFERRED.to_vec() };
        let idle = match random.next() % 3 {
            0 => IdlePolicy::Close(Duration::ZERO),
            1 => IdlePolicy::Close(Duration::from_secs(3)),
            _ => IdlePolicy::KeepAlive(Duration::from_secs(10)),
        };
        let client = ClientConfig { idle, ..client_config() };
        let mut world = World::new(seed, client, BmcConfig { suites, ..bmc_config() });
        world.weather = weather(&mut random);
        Self { seed, random, world, asked: Vec::new() }
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
            if self.random.chance(60) {
                let milliseconds = self.random.next() % 8000;
                self.world.pass(Duration::from_millis(milliseconds));
            }
        }
        let count = self.asked.len();
        self.world.run_until(|world| world.results.len() == count);
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
        self.world.pass(Duration::from_secs(5));
        let power_on = self.world.bmc.chassis().power_on;
        let status = self.world.ask(GetChassisStatus);
        let expected = matches!(status, Ok(Reply::ChassisStatus(status)) if status.power_on == power_on);
        assert!(expected, "seed {}: {status:?}", self.seed);
    }
}

#[test]
fn in_any_weather_every_request_ends_and_nothing_is_done_twice() {
    let (mut asked, mut answered, mut unknown) = (0, 0, 0);
    for seed in 0..SEEDS {
        let mut storm = Storm::new(seed);
        storm.run();
        storm.check();
        storm.calm();
        asked += storm.asked.len();
        answered += storm.world.results.values().filter(|result| result.is_ok()).count();
        unknown +=
            storm.world.results.values().filter(|result| **result == Err(Error::OutcomeUnknown)).count();
    }
    // The weather is bad but not hopeless; a machine that gives up early would show here.
    assert!(answered * 100 > asked * 75, "{answered} of {asked} answered");
    assert!(unknown > 0, "{unknown} unknown outcomes");
}

#[test]
fn spoilt_datagrams_never_pass_for_good_ones() {
    for seed in 0..SEEDS {
        let mut storm = Storm::new(seed);
        storm.world.weather.spoilt = 5 + seed % 30;
        storm.run();
        for (ticket, request) in &storm.asked {
            let result = &storm.world.results[ticket];
            match (request, result) {
                (_, Err(_)) => {}
                (Request::ChassisControl(control), Ok(_)) => assert!(storm.world.executed.contains(control)),
                (Request::GetDeviceId, Ok(reply)) => {
                    assert_eq!(*reply, Reply::DeviceId(bmc_config().device_id))
                }
                (_, Ok(_)) => {}
            }
        }
        for (at, control) in storm.world.executed.iter().enumerate() {
            assert!(!storm.world.executed[..at].contains(control), "seed {seed}: {control:?} twice");
        }
        storm.calm();
    }
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
