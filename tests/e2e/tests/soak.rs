//! Many hosts break in ways drawn by chance while the server is killed again and again: every fault is healed or handed to a person, each
//! is one incident, nothing is done twice, and hosts that are well are left alone. What was done is judged by what the simulated
//! machines received.
//!
//! `cargo xtask soak` does it at full size and prints how long things took; otherwise it is small.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use e2e::{Served, wait_until};
use ironhand_api::{Incident, IncidentState, LabelSelector, Run, RunState, Timestamp};
use ironhand_client::{Client, Endpoint, RecordFilter};
use ironhand_ipmi::ChassisControl;
use ironhand_sim::{Asked, Fleet, FleetConfig, MachineFault};
use tokio::runtime::Runtime;

/// How long it may take until all hosts are seen well at first.
const FIRST_LOOK: Duration = Duration::from_secs(900);

/// What is done to how many.
#[derive(Clone, Copy)]
struct Size {
    hosts: usize,
    faults: usize,
    kills: usize,
    /// Within which time.
    during: Duration,
    /// How long the last incidents may take.
    patience: Duration,
    /// How much faster than real machines these are.
    pace: f64,
    kinds: &'static [MachineFault],
    settings: &'static str,
    /// More of each host's screen.
    screen: &'static str,
    /// How long a flow waits for a machine that boots.
    boot: &'static str,
}

const SMALL: Size = Size {
    hosts: 60,
    faults: 12,
    kills: 4,
    during: Duration::from_secs(30),
    patience: Duration::from_secs(900),
    pace: 3.0,
    // Those that one action heals: it takes many minutes until one is given up.
    kinds: &[
        MachineFault::KernelPanic,
        MachineFault::PowerSupplyF1,
        MachineFault::RootMissing,
        MachineFault::NoBootableDevice,
    ],
    settings: "  screenInterval: 1s\n",
    screen: "",
    boot: "3m",
};

/// A machine that no flow heals.
const IN_VAIN: Size = Size {
    hosts: 3,
    faults: 1,
    kills: 2,
    during: Duration::from_secs(20),
    patience: Duration::from_secs(600),
    pace: 3.0,
    kinds: &[MachineFault::PanicEveryBoot],
    settings: "  screenInterval: 1s\n",
    screen: "",
    boot: "20s",
};

/// A machine to which a line is typed slowly.
const SLOW_KEYS: Size = Size {
    hosts: 1,
    patience: Duration::from_secs(300),
    screen: ", keyInterval: 200ms",
    boot: "3m",
    ..IN_VAIN
};

const FULL: Size = Size {
    hosts: 1000,
    faults: 200,
    kills: 20,
    during: Duration::from_secs(600),
    patience: Duration::from_secs(2400),
    pace: 1.0,
    kinds: &[
        MachineFault::KernelPanic,
        MachineFault::PowerSupplyF1,
        MachineFault::RootMissing,
        MachineFault::NoBootableDevice,
        MachineFault::FsckManually,
        MachineFault::GrubRescue,
        MachineFault::PanicEveryBoot,
        MachineFault::DiskErased,
        MachineFault::FsckWithPassword,
    ],
    settings: "",
    screen: "",
    boot: "2m",
};

/// Whether nothing that the flows do brings a machine back, so that a person must be asked.
const fn is_in_vain(fault: MachineFault) -> bool {
    matches!(fault, MachineFault::PanicEveryBoot | MachineFault::DiskErased | MachineFault::FsckWithPassword)
}

/// Files of the flow library that these faults need.
const FLOWS: [&str; 2] =
    [include_str!("../../../flows/firmware.yaml"), include_str!("../../../flows/linux.yaml")];

/// How often the flow for a fault that nothing heals begins, and the most runs of any flow in an incident: the `attempts` of these flows.
const fn attempts(fault: MachineFault) -> usize {
    if matches!(fault, MachineFault::FsckWithPassword) { 1 } else { 2 }
}

/// The flows with less patience: these machines boot within half a minute.
fn brisk(flows: &str, boot: &str) -> String {
    flows.replace("timeout: 8m", &format!("timeout: {boot}"))
}

/// Keysyms of X (keysymdef.h).
const BACKSPACE: u32 = 0xFF08;
const ENTER: u32 = 0xFF0D;
const F1: u32 = 0xFFBE;

/// A generator whose numbers are the same in each run (splitmix64).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn within(&mut self, time: Duration) -> Duration {
        Duration::from_millis(self.below(time.as_millis() as u64))
    }
}

#[derive(Clone, Copy)]
enum Stroke {
    Fault { host: usize, fault: MachineFault },
    Kill,
}

/// When what happens, drawn by chance: each host breaks at most once.
fn strokes(size: &Size, seed: &mut Seeded) -> Vec<(Duration, Stroke)> {
    let mut left: Vec<usize> = (0..size.hosts).collect();
    let mut strokes = Vec::new();
    for index in 0..size.faults {
        let host = left.swap_remove(seed.below(left.len() as u64) as usize);
        let fault = size.kinds[index % size.kinds.len()];
        // What nothing heals is given up after many minutes, which need not come after all the others.
        let within = if is_in_vain(fault) { size.during / 2 } else { size.during };
        strokes.push((seed.within(within), Stroke::Fault { host, fault }));
    }
    strokes.extend((0..size.kills).map(|_| (seed.within(size.during), Stroke::Kill)));
    strokes.sort_by_key(|(at, _)| *at);
    strokes
}

/// What servers used before they were killed.
#[derive(Default)]
struct Used {
    processor: Duration,
    most_memory: u64,
}

impl Used {
    /// Reads proc(5): fields 14 and 15 of `stat`, in hundredths of a second, and the largest size so far.
    fn add(&mut self, server: &Served) {
        let read = |file: &str| {
            std::fs::read_to_string(format!("/proc/{}/{file}", server.process())).unwrap_or_default()
        };
        let stat = read("stat");
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        self.processor += Duration::from_millis(ticks * 10);
        let status = read("status");
        let largest = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        let kibibytes = largest.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        self.most_memory = self.most_memory.max(kibibytes);
    }
}

/// A host that broke.
struct Struck {
    fault: MachineFault,
    at: Timestamp,
}

struct World {
    runtime: Runtime,
    fleet: Fleet,
    folder: tempfile::TempDir,
    struck: BTreeMap<String, Struck>,
}

impl World {
    fn new(size: &Size) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let config = FleetConfig { pace: size.pace, serial: false, ..FleetConfig::new(size.hosts) };
        let password = config.password.clone();
        let fleet = runtime.block_on(Fleet::start(config)).expect("simulated hosts");
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("password"), secrecy::ExposeSecret::expose_secret(&password))
            .expect("a file in the temporary folder");
        Self { runtime, fleet, folder, struck: BTreeMap::new() }
    }

    fn describe(&self, server: &Served, size: &Size) {
        // Nobody is to stop this: so many hosts break at once that recovery would be paused.
        let settings = format!(
            "apiVersion: ironhand/v1\nkind: Settings\nmetadata: {{ name: global }}\nspec:\n  blastHosts: 1000000\n{}",
            size.settings
        );
        let credential = format!(
            "apiVersion: ironhand/v1\nkind: Credential\nmetadata: {{ name: fleet }}\nspec: {{ username: admin, password: {{ fromFile: {} }} }}\n",
            self.folder.path().join("password").display()
        );
        let hosts = self.fleet.hosts().iter().map(|host| {
            format!(
                "apiVersion: ironhand/v1\nkind: Host\nmetadata: {{ name: {} }}\nspec:\n  credentials: [fleet]\n  connectors:\n    \
                 - {{ type: ipmi, address: {}, port: {} }}\n    - {{ type: vnc, address: {}, port: {}, credentials: []{} }}\n",
                host.name,
                host.ipmi.ip(),
                host.ipmi.port(),
                host.vnc.ip(),
                host.vnc.port(),
                size.screen
            )
        });
        let manifests: Vec<String> = [settings, credential]
            .into_iter()
            .chain(FLOWS.map(|flows| brisk(flows, size.boot)))
            .chain(hosts)
            .collect();
        server.apply(&manifests.join("---\n"));
    }

    fn client(&self) -> Client {
        Client::new(Endpoint::Unix(self.folder.path().join("api.sock"))).expect("a client")
    }

    fn incidents(&self) -> Result<Vec<Incident>, String> {
        let filter = RecordFilter { limit: Some(1000), ..RecordFilter::default() };
        self.runtime.block_on(self.client().incidents(&filter)).map_err(|error| error.to_string())
    }

    fn runs(&self) -> Vec<Run> {
        let filter = RecordFilter { limit: Some(1000), ..RecordFilter::default() };
        self.runtime.block_on(self.client().runs(&filter)).expect("the runs")
    }

    /// The runs that are under way.
    fn under_way(&self) -> impl Iterator<Item = u64> {
        self.runs().into_iter().filter(|run| run.state == RunState::Running).map(|run| run.id)
    }

    /// Waits until the login prompt of every host, but of those that broke, was read after a moment.
    fn all_well(&self, after: Timestamp) {
        wait_until("every host is seen well", FIRST_LOOK, || {
            let hosts =
                self.runtime.block_on(self.client().list::<ironhand_api::Host>(&LabelSelector::default()));
            let hosts = hosts.map_err(|error| error.to_string())?;
            let well = |host: &ironhand_api::Host| {
                let screen = host.status.as_ref().and_then(|status| status.screen.as_ref());
                screen.is_some_and(|screen| {
                    screen.reliable && screen.headline.contains("login:") && screen.read_at > after
                })
            };
            let sound = hosts.iter().filter(|host| !self.struck.contains_key(host.metadata.name.as_str()));
            let unseen = sound.filter(|host| !well(host)).count();
            if unseen == 0 { Ok(()) } else { later(format!("{unseen} of {} are not", hosts.len())) }
        });
    }

    fn strike(&mut self, host: usize, fault: MachineFault) {
        let name = self.fleet.hosts()[host].name.clone();
        self.struck.insert(name.clone(), Struck { fault, at: now() });
        self.fleet.stage(&name, fault).expect("a host of the fleet");
    }

    /// Whether every fault is over, and if not how many are.
    fn settled(&self) -> Result<Vec<Incident>, String> {
        let incidents = self.incidents()?;
        let over = |name: &str| {
            incidents.iter().any(|incident| {
                incident.host.as_str() == name
                    && matches!(incident.state, IncidentState::Closed | IncidentState::NeedsHuman)
            })
        };
        let open: Vec<_> = self.struck.keys().filter(|name| !over(name)).collect();
        if open.is_empty() { Ok(incidents) } else { later(format!("{} are not over: {open:?}", open.len())) }
    }

    /// What a host received: power actions, and the lines that were typed to it, without what was taken back; keys other than characters stand for themselves.
    fn received(&self, host: &str) -> (Vec<ChassisControl>, Vec<String>) {
        let (mut power, mut lines, mut line) = (Vec::new(), Vec::new(), String::new());
        for received in self.fleet.received(host).expect("a host of the fleet") {
            match received.what {
                Asked::Power(control) => power.push(control),
                Asked::Key(ENTER) => lines.push(std::mem::take(&mut line)),
                Asked::Key(BACKSPACE) => {
                    line.pop();
                }
                Asked::Key(F1) => lines.push("F1".to_owned()),
                Asked::Key(key @ 0x20..=0x7E) => line.extend(char::from_u32(key)),
                Asked::Key(_) => {}
            }
        }
        (power, lines)
    }

    fn judge(&self, incidents: &[Incident]) -> BTreeMap<String, u32> {
        let mut ends = BTreeMap::new();
        let runs = self.runs();
        for host in self.fleet.hosts() {
            let own: Vec<_> =
                incidents.iter().filter(|incident| incident.host.as_str() == host.name).collect();
            let (power, lines) = self.received(&host.name);
            let told = format!("{}: {power:?} {lines:?} {own:#?}", host.name);
            let Some(Struck { fault, .. }) = self.struck.get(&host.name) else {
                assert!(own.is_empty() && power.is_empty() && lines.is_empty(), "it was well: {told}");
                continue;
            };
            let [incident] = own[..] else { panic!("{fault:?} is not one incident: {told}") };
            let well = self.fleet.state(&host.name).expect("a host of the fleet").well;
            assert_eq!(incident.state == IncidentState::Closed, well, "{fault:?}: {told}");
            assert!(!well || !is_in_vain(*fault), "{fault:?} was healed by nobody knows what: {told}");
            let of_incident: Vec<_> = runs.iter().filter(|run| run.incident == incident.id).collect();
            let tries = of_incident.len();
            for line in &lines {
                let same = lines.iter().filter(|other| *other == line).count();
                assert!(same <= tries, "{fault:?}: `{line}` was typed {same} times in {tries} runs: {told}");
            }
            for run in &of_incident {
                let same = of_incident.iter().filter(|other| other.flow == run.flow).count();
                assert!(same <= attempts(*fault), "{fault:?}: {} began {same} times: {told}", run.flow);
            }
            if is_in_vain(*fault) {
                assert!(tries >= attempts(*fault), "{fault:?} was given up after {tries} attempts: {told}");
            }
            let most = match fault {
                fault if is_in_vain(*fault) => tries,
                MachineFault::PowerSupplyF1 | MachineFault::FsckManually | MachineFault::GrubRescue => 0,
                _ => 1,
            };
            assert!(
                power.len() <= most && power.iter().all(|done| *done == ChassisControl::PowerCycle),
                "{fault:?}: {told}"
            );
            *ends.entry(format!("{} {}", fault.name(), incident.state)).or_default() += 1;
        }
        ends
    }

    /// Median, 99th percentile and worst of the times from the fault to something.
    fn times(&self, incidents: &[Incident], moment: impl Fn(&Incident) -> Option<Timestamp>) -> String {
        let mut times: Vec<i64> = incidents
            .iter()
            .filter_map(|incident| {
                let struck = self.struck.get(incident.host.as_str())?;
                Some(moment(incident)?.as_millis() - struck.at.as_millis())
            })
            .collect();
        times.sort_unstable();
        let at = |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
        let seconds = |time: Option<&i64>| time.map_or(f64::NAN, |time| *time as f64 / 1000.0);
        format!(
            "median {:.1} s, p99 {:.1} s, longest {:.1} s, of {}",
            seconds(at(50)),
            seconds(at(99)),
            seconds(times.last()),
            times.len()
        )
    }
}

fn soak(size: &Size) {
    let mut seed = Seeded(0x50AC);
    let mut world = World::new(size);
    let mut server = Served::start(world.folder.path());
    world.describe(&server, size);
    println!("seen      {}", until_seen(&world, &server));
    let (mut used, mut cut_short) = (Used::default(), BTreeSet::new());
    let start = Instant::now();
    for (at, stroke) in strokes(size, &mut seed) {
        // The moments are what is drawn; nothing is waited for.
        std::thread::sleep(at.saturating_sub(start.elapsed()));
        match stroke {
            Stroke::Fault { host, fault } => world.strike(host, fault),
            Stroke::Kill => {
                cut_short.extend(world.under_way());
                used.add(&server);
                server.kill_after(Duration::ZERO);
                server = Served::start(world.folder.path());
            }
        }
    }
    let incidents =
        wait_until("every fault is healed or handed to a person", size.patience, || world.settled());
    let took = start.elapsed();
    used.add(&server);
    server.kill_after(Duration::ZERO);
    let server = Served::start(world.folder.path());
    println!("again     {}", until_seen(&world, &server));
    let ends = world.judge(&incidents);
    let runs = world.runs();
    let first = |incident: &Incident| {
        let of_incident = runs.iter().filter(|run| run.incident == incident.id);
        of_incident.filter_map(|run| run.steps.first()).map(|step| step.started_at).min()
    };
    println!("{} hosts, {} faults, {} kills within {:?}", size.hosts, size.faults, size.kills, size.during);
    println!("ends      {ends:?}");
    println!("resumed   {}", resumed(&runs, &cut_short));
    println!("noticed   {}", world.times(&incidents, |incident| Some(incident.opened_at)));
    println!("acted     {}", world.times(&incidents, first));
    println!("recovered {}", world.times(&incidents, |incident| incident.closed_at));
    println!(
        "server    {:.1} s of processor in {:.1} s, at most {} MiB",
        used.processor.as_secs_f64(),
        took.as_secs_f64(),
        used.most_memory / 1024
    );
    assert_eq!(ends.values().sum::<u32>() as usize, size.faults, "{ends:?}");
    println!("verdict   passed: every fault is one incident, healed or handed over; nothing was done twice");
}

fn now() -> Timestamp {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_millis(now.expect("a clock that is set").as_millis() as i64)
}

/// Waits until a server that has just begun has seen the hosts that are well; tells how long that took, and what of the processor.
fn until_seen(world: &World, server: &Served) -> String {
    let begun = Instant::now();
    world.all_well(now());
    let mut used = Used::default();
    used.add(server);
    format!(
        "the hosts that are well were read {:.1} s after a start, with {:.1} s of processor and {} MiB",
        begun.elapsed().as_secs_f64(),
        used.processor.as_secs_f64(),
        used.most_memory / 1024
    )
}

/// A refusal after a while: to list a thousand hosts twenty times a second would keep the server busier than all the rest.
fn later<T>(refusal: String) -> Result<T, String> {
    std::thread::park_timeout(Duration::from_millis(500));
    Err(refusal)
}

/// What became of the runs that were under way when the server was killed: each is brought to an end by one of the next.
fn resumed(runs: &[Run], cut_short: &BTreeSet<u64>) -> String {
    let ended: Vec<_> = runs.iter().filter(|run| cut_short.contains(&run.id)).collect();
    for run in &ended {
        assert_ne!(run.state, RunState::Running, "{run:#?}");
    }
    assert_eq!(ended.len(), cut_short.len(), "a run is lost: {cut_short:?}");
    let succeeded = ended.iter().filter(|run| run.state == RunState::Succeeded).count();
    format!("{} runs were under way at a kill: {succeeded} of them succeeded, the others failed", ended.len())
}

/// A size with the numbers that `cargo xtask soak` was given.
fn asked(size: Size) -> Size {
    let number = |name: &str, otherwise: usize| {
        std::env::var(name)
            .map_or(otherwise, |number| number.parse().expect("a number, which xtask looked at"))
    };
    Size {
        hosts: number("IRONHAND_SOAK_HOSTS", size.hosts),
        faults: number("IRONHAND_SOAK_FAULTS", size.faults),
        kills: number("IRONHAND_SOAK_KILLS", size.kills),
        during: Duration::from_secs(number("IRONHAND_SOAK_SECONDS", size.during.as_secs() as usize) as u64),
        ..size
    }
}

#[test]
fn every_fault_is_healed_or_handed_to_a_person() {
    let full = std::env::var_os("IRONHAND_SOAK").is_some_and(|size| size == "full");
    soak(&if full { asked(FULL) } else { SMALL });
}

#[test]
fn a_fault_that_nothing_heals_is_handed_over_after_the_last_attempt() {
    // The full soak has such faults, too.
    if std::env::var_os("IRONHAND_SOAK").is_none() {
        soak(&IN_VAIN);
    }
}

#[test]
fn a_line_that_a_kill_leaves_half_typed_is_taken_back_and_typed_again() {
    let mut world = World::new(&SLOW_KEYS);
    let server = Served::start(world.folder.path());
    world.describe(&server, &SLOW_KEYS);
    until_seen(&world, &server);
    world.strike(0, MachineFault::FsckManually);
    let host = world.fleet.hosts()[0].name.clone();
    let pressed = |world: &World| world.fleet.received(&host).expect("a host of the fleet").len();
    wait_until("a part of the line is typed", SLOW_KEYS.patience, || {
        if pressed(&world) > 1 { Ok(()) } else { Err("nothing is".to_owned()) }
    });
    server.kill_after(Duration::ZERO);
    let half = pressed(&world);
    assert!(half < "fsck -y $ROOT".len(), "the server was killed within the line, not after {half} keys");
    let _server = Served::start(world.folder.path());
    let incidents =
        wait_until("the host is healed or handed to a person", SLOW_KEYS.patience, || world.settled());
    let runs = world.runs();
    let [run] = &runs[..] else { panic!("{runs:#?}") };
    assert!(incidents.len() == 1 && incidents[0].state == IncidentState::Closed, "{incidents:#?} {run:#?}");
    let places: Vec<_> = run.steps.iter().map(|step| step.place.as_str()).collect();
    assert_eq!(places, ["1", "1 taken back", "1 again", "2", "3"], "{run:#?}");
    assert_eq!(world.received(&host), (Vec::new(), vec!["fsck -y $ROOT".to_owned(), "exit".to_owned()]));
}
