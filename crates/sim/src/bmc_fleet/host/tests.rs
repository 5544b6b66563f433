//! A host of a fleet and a console, wired directly and with a clock that jumps: what each fault is to the console.

use std::collections::VecDeque;

use ironhand_ipmi::{
    BootDevice, BootFlags, ChassisControl, CipherSuite, Client, ClientConfig, Error, Event, Output, Peer,
    RawCommand, Reply, Request,
};

use super::*;
use crate::bmc_fleet::plan::{BmcFault, BmcSelector, FaultRule, Share};
use crate::power_log::{ACPI_STATE, SOFT_OFF, WORKING};

/// A datagram on its way, and when it arrives.
#[derive(Debug)]
enum Flying {
    /// Through what the host's network does to it.
    ToHost(Vec<u8>),
    /// That part is behind it.
    Held(Vec<u8>),
    ToConsole(Vec<u8>),
}

struct Wire {
    pattern: Pattern,
    counters: Counters,
    start: Instant,
    now: Instant,
    host: Host,
    client: Client,
    flying: VecDeque<(Instant, Flying)>,
    /// Every datagram that arrived at the console, in order.
    heard: Vec<Vec<u8>>,
    suites: Vec<CipherSuite>,
}

fn console() -> Peer {
    "127.0.0.1:40000".parse().unwrap()
}

fn bmc() -> Peer {
    "127.1.0.1:623".parse().unwrap()
}

fn counter(mut count: u8) -> impl FnMut(&mut [u8]) {
    move |bytes| {
        bytes.fill_with(|| {
            count = count.wrapping_add(1);
            count
        });
    }
}

/// The longest password that IPMI knows.
const PASSWORD: &str = "0123456789abcdef-xyz";

impl Wire {
    fn new(rules: impl IntoIterator<Item = FaultRule>) -> Self {
        Self::with_password(rules, PASSWORD)
    }

    fn with_password(rules: impl IntoIterator<Item = FaultRule>, password: &str) -> Self {
        let now = Instant::now();
        let pattern = Pattern {
            flavours: Vec::new(),
            clock: SelClock { at: now, seconds: 1_800_000_000 },
            user: "admin".to_owned(),
            password: PASSWORD.into(),
            suites: CipherSuite::PREFERRED.to_vec(),
            kg: None,
            ipmi15: Ipmi15Config::default(),
            inactivity: Duration::from_secs(60),
            seed: 7,
            on: true,
            times: PowerTimes::default(),
            plan: rules.into_iter().collect(),
        };
        let client = ClientConfig::new("admin", password.into());
        Self {
            host: Host::new(&pattern, 0, bmc()),
            pattern,
            counters: Counters::default(),
            start: now,
            now,
            client: Client::new(client, Box::new(counter(0))),
            flying: VecDeque::new(),
            heard: Vec::new(),
            suites: Vec::new(),
        }
    }

    fn always(fault: BmcFault) -> Self {
        Self::new([FaultRule::always(BmcSelector::all(), fault)])
    }

    fn ask(&mut self, request: Request) -> Result<Reply, Error> {
        let asked = self.client.submit(self.now, request);
        loop {
            while let Some(output) = self.client.next_output() {
                match output {
                    Output::Send(bytes) => self.flying.push_back((self.now, Flying::ToHost(bytes))),
                    Output::Event(Event::Done { ticket, result }) if ticket == asked => return result,
                    Output::Event(Event::SessionOpened { suite, .. }) => self.suites.extend(suite),
                    Output::Event(_) => {}
                }
            }
            self.step();
        }
    }

    /// Goes on to the next thing that happens.
    fn step(&mut self) {
        let first = (0..self.flying.len()).min_by_key(|place| self.flying[*place].0);
        let arrival = first.map(|place| self.flying[place].0);
        let due = [arrival, self.client.next_wake(), self.host.next_wake()];
        self.now = self.now.max(due.into_iter().flatten().min().expect("nothing will ever happen"));
        let clock = Clock {
            now: self.now,
            elapsed: self.now - self.start,
            pattern: &self.pattern,
            counters: &self.counters,
        };
        let mut work = Work::default();
        match first.filter(|_| arrival <= Some(self.now)).and_then(|place| self.flying.remove(place)) {
            Some((_, Flying::ToHost(bytes))) => self.host.receive(&clock, console(), &bytes, &mut work),
            Some((_, Flying::Held(bytes))) => self.host.deliver(&clock, console(), &bytes, &mut work),
            Some((_, Flying::ToConsole(bytes))) => {
                self.client.receive(self.now, bmc(), &bytes);
                self.heard.push(bytes);
            }
            None => {
                self.host.wake(&clock, &mut work);
                self.client.wake(self.now);
            }
        }
        for Outgoing { after, bytes, .. } in work.outgoing {
            self.flying.push_back((self.now + after, Flying::ToConsole(bytes)));
        }
        for Outgoing { after, bytes, .. } in work.incoming {
            self.flying.push_back((self.now + after, Flying::Held(bytes)));
        }
    }

    /// Lets time pass until the machine's power is as said.
    fn until_power(&mut self, on: bool) {
        while self.host.is_on() != on {
            while self.client.next_output().is_some() {}
            self.step();
        }
    }
}

fn status() -> Request {
    Request::GetChassisStatus
}

/// Whether the console reads that the machine has power.
fn says_on(wire: &mut Wire) -> bool {
    match wire.ask(status()) {
        Ok(Reply::ChassisStatus(status)) => status.power_on,
        other => panic!("no status: {other:?}"),
    }
}

fn percent(percent: f64) -> Share {
    Share::from_percent(percent).unwrap()
}

#[test]
fn power_follows_the_button_after_a_while() {
    let mut wire = Wire::new([]);
    let times = PowerTimes::default();
    let check = |wire: &mut Wire, control, becomes: &[(bool, Duration)]| {
        wire.ask(Request::ChassisControl(control)).unwrap();
        let begun = wire.now;
        for (on, after) in becomes {
            wire.until_power(*on);
            assert_eq!(wire.now - begun, *after, "{control:?}");
            assert_eq!(says_on(wire), *on);
        }
    };
    check(&mut wire, ChassisControl::PowerDown, &[(false, times.act)]);
    check(&mut wire, ChassisControl::PowerUp, &[(true, times.act)]);
    check(&mut wire, ChassisControl::PowerCycle, &[(false, times.act), (true, times.act + times.cycle)]);
    check(&mut wire, ChassisControl::SoftShutdown, &[(false, times.shutdown)]);
}

#[test]
fn a_boot_uses_up_the_boot_flags() {
    let flags = BootFlags::once(BootDevice::Pxe);
    let check = |control, used: bool| {
        let mut wire = Wire::new([]);
        wire.ask(Request::SetBootOptions(flags)).unwrap();
        wire.ask(Request::ChassisControl(control)).unwrap();
        while wire.host.next_wake().is_some_and(|wake| wake < wire.now + Duration::from_secs(1)) {
            wire.step();
        }
        assert_eq!(wire.host.bmc.boot_flags().is_none(), used, "{control:?}");
    };
    check(ChassisControl::HardReset, true);
    check(ChassisControl::PowerCycle, true);
    check(ChassisControl::PowerDown, false);
}

#[test]
fn power_is_written_to_the_log() {
    let mut wire = Wire::new([]);
    let check = |wire: &mut Wire, control, on: bool, more: usize| {
        let before = wire.host.bmc.log_length();
        wire.ask(Request::ChassisControl(control)).unwrap();
        wire.until_power(on);
        assert_eq!(wire.host.bmc.log_length() - before, more, "{control:?}");
    };
    check(&mut wire, ChassisControl::PowerDown, false, 1);
    check(&mut wire, ChassisControl::PowerUp, true, 2);
}

#[test]
fn sensors_differ_a_little_and_show_the_power() {
    // Get Sensor Reading (IPMI 2.0 section 35.14): the raw value, or the states.
    let reading = |wire: &mut Wire, number: u8, at: usize| {
        let raw = RawCommand {
            netfn: 0x04,
            lun: 0,
            cmd: 0x2D,
            data: vec![number],
            privilege: PrivilegeLevel::User,
            repeatable: true,
        };
        match wire.ask(Request::Raw(raw)) {
            Ok(Reply::Raw(data)) => data[at],
            other => panic!("no reading: {other:?}"),
        }
    };
    let fan = |seed: u64| {
        let mut wire = Wire::new([]);
        wire.pattern.seed = seed;
        wire.host = Host::new(&wire.pattern, 0, bmc());
        reading(&mut wire, 0x10, 0)
    };
    let fans: Vec<u8> = (0..20).map(fan).collect();
    assert!(fans.iter().all(|raw| (98..=102).contains(raw)), "{fans:?}");
    assert!(fans.iter().any(|raw| *raw != fans[0]), "{fans:?}");

    let mut wire = Wire::new([]);
    assert_eq!(reading(&mut wire, ACPI_STATE, 2), 1 << WORKING);
    wire.ask(Request::ChassisControl(ChassisControl::PowerDown)).unwrap();
    wire.until_power(false);
    assert_eq!(reading(&mut wire, ACPI_STATE, 2), 1 << SOFT_OFF);
}

#[test]
fn firmware_that_is_only_partly_there_is_still_asked() {
    let check = |fault: BmcFault, expected: CipherSuite| {
        let mut wire = Wire::always(fault);
        assert!(says_on(&mut wire));
        assert_eq!(wire.suites, [expected]);
    };
    check(BmcFault::Suite17Only, CipherSuite::Suite17);
    check(BmcFault::Suite3Only, CipherSuite::Suite3);
    check(BmcFault::Lossy(Share::NONE), CipherSuite::Suite17);
}

#[test]
fn a_fault_of_the_suites_ends_with_those_of_the_fleet() {
    let until = Duration::from_secs(60);
    let all = BmcSelector::all();
    let rule = FaultRule { until: Some(until), ..FaultRule::always(all, BmcFault::Suite3Only) };
    let mut wire = Wire::new([rule]);
    wire.pattern.suites = vec![CipherSuite::Suite12];
    wire.host = Host::new(&wire.pattern, 0, bmc());
    let asked = |wire: &mut Wire, suite: CipherSuite| {
        let config = ClientConfig { suites: vec![suite], ..ClientConfig::new("admin", PASSWORD.into()) };
        wire.client = Client::new(config, Box::new(counter(0)));
        wire.ask(status())
    };
    assert!(asked(&mut wire, CipherSuite::Suite3).is_ok());
    assert_eq!(asked(&mut wire, CipherSuite::Suite12), Err(Error::NoCommonSuite));
    wire.now = wire.start + until;
    assert!(asked(&mut wire, CipherSuite::Suite12).is_ok());
    assert_eq!(asked(&mut wire, CipherSuite::Suite3), Err(Error::NoCommonSuite));
}

#[test]
fn no_two_places_have_the_same_hardware_address() {
    let check = |place: &str, address: [u8; 4], mac: [u8; 6]| {
        let lan = lan_at(place.parse().unwrap());
        assert_eq!((lan.address, lan.mac), (address.into(), mac), "{place}");
    };
    check("127.1.2.3:623", [127, 1, 2, 3], [0x02, 0x02, 0x6F, 1, 2, 3]);
    check("127.1.2.3:40000", [127, 1, 2, 3], [0x02, 0x9C, 0x40, 1, 2, 3]);
    check("[::1]:623", [0; 4], [0x02, 0x02, 0x6F, 0, 0, 0]);
}

#[test]
fn faults_have_names_at_the_console() {
    let check = |fault: BmcFault, expected: fn(&Error) -> bool| {
        let error = Wire::always(fault.clone()).ask(status()).expect_err("a fault");
        assert!(expected(&error), "{fault:?}: {error:?}");
    };
    check(BmcFault::Silent, |error| matches!(error, Error::Timeout { .. }));
    check(BmcFault::Lossy(Share::ALL), |error| matches!(error, Error::Timeout { .. }));
    check(BmcFault::SessionsFull, |error| *error == Error::SessionsExhausted);
    check(BmcFault::Locked, |error| *error == Error::UnknownUser);
    check(BmcFault::Garbage(Share::ALL), |error| matches!(error, Error::Timeout { .. } | Error::Protocol(_)));
    check(BmcFault::WrongHmac, |error| matches!(error, Error::Timeout { .. } | Error::Protocol(_)));
}

#[test]
fn faults_of_the_network_are_survived() {
    let check = |fault: BmcFault| {
        let mut wire = Wire::always(fault.clone());
        for _ in 0..50 {
            assert!(says_on(&mut wire), "{fault:?}");
        }
        wire.counters.statistics()
    };
    let clean = check(BmcFault::Lossy(Share::NONE));
    assert!(check(BmcFault::Lossy(percent(10.0))).lost > 0);
    assert!(check(BmcFault::Duplicate(Share::ALL)).commands >= clean.commands);
    check(BmcFault::Reordered { share: percent(30.0), delay: Duration::from_millis(400) });
    check(BmcFault::Garbage(percent(10.0)));
}

#[test]
fn answers_come_late_by_the_delay_and_up_to_the_jitter() {
    let (delay, jitter) = (Duration::from_millis(20), Duration::from_millis(10));
    let mut wire = Wire::always(BmcFault::Slow { delay, jitter });
    says_on(&mut wire);
    let mut times = Vec::new();
    for _ in 0..100 {
        let before = wire.now;
        assert!(says_on(&mut wire));
        times.push(wire.now - before);
    }
    assert!(times.iter().all(|time| (delay..delay + jitter).contains(time)), "{times:?}");
    assert!(times.iter().max() > times.iter().min(), "{times:?}");
}

#[test]
fn a_bmc_that_restarts_at_a_command_has_carried_it_out_once() {
    let second = Duration::from_secs(1);
    let fault = BmcFault::RebootMidCommand { silent: 5 * second };
    let mut wire = Wire::new([FaultRule { bmcs: BmcSelector::all(), from: second, until: None, fault }]);
    wire.ask(Request::ChassisControl(ChassisControl::PowerUp)).expect("a session");
    wire.now += second;
    let down = wire.ask(Request::ChassisControl(ChassisControl::PowerDown));
    assert_eq!(down, Err(Error::OutcomeUnknown));
    wire.until_power(false);
    assert!(!says_on(&mut wire));
    wire.ask(Request::ChassisControl(ChassisControl::PowerUp)).expect("it restarts once");
}

#[test]
fn a_bmc_that_truncates_passwords_knows_sixteen_bytes() {
    let truncating = [FaultRule::always(BmcSelector::all(), BmcFault::TruncatingPasswords)];
    assert!(says_on(&mut Wire::with_password(truncating, &PASSWORD[..16])));
    assert_eq!(Wire::with_password([], &PASSWORD[..16]).ask(status()), Err(Error::WrongPassword));
}

#[test]
fn faults_begin_and_end() {
    let second = Duration::from_secs(1);
    let fault = BmcFault::SessionsFull;
    let rule = FaultRule { bmcs: BmcSelector::all(), from: 10 * second, until: Some(20 * second), fault };
    for (at, expected) in [(0, true), (10, false), (19, false), (20, true)] {
        let mut wire = Wire::new([rule.clone()]);
        wire.now += at * second;
        assert_eq!(wire.ask(status()).is_ok(), expected, "second {at}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = |seed: u64| {
        let mut wire = Wire::new([
            FaultRule::always(BmcSelector::all(), BmcFault::Lossy(percent(10.0))),
            FaultRule::always(BmcSelector::all(), BmcFault::Garbage(percent(10.0))),
        ]);
        wire.pattern.seed = seed;
        wire.host = Host::new(&wire.pattern, 0, bmc());
        for _ in 0..20 {
            says_on(&mut wire);
        }
        (wire.heard, wire.counters.statistics())
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
