//! `kill -9` of the server, two hundred times, in the middle of power actions, changes of passwords and readings: what
//! was acknowledged is done or told of, nothing is done twice, the next start works on every host at once, and the
//! password that is kept of a host is the one that its BMC accepts.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use e2e::{PASSWORD, Served, accepts, wait_until};
use ironhand_api::{
    Host, Job, JobState, LabelSelector, Name, PasswordRequest, PowerAction, PowerRequest, Reach, Work,
};
use ironhand_client::{Client, Endpoint, RecordFilter};
use ironhand_sim::bmc_fleet::{PowerTimes, Visits};
use ironhand_sim::{BmcFleet, BmcFleetConfig};
use ironhand_store::{KeySource, Store};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Kills of each of the two servers that are tormented side by side.
const KILLS: u32 = 100;

/// Hosts of each.
const HOSTS: usize = 16;

/// The longest that a server lives after its first command, in milliseconds: about what a power action takes here.
const LONGEST_LIFE: u64 = 160;

/// How long a BMC holds a session of a server that was killed: less than it takes to fill its sixteen places.
const INACTIVITY: Duration = Duration::from_secs(1);

/// How long everything may take that comes to an end.
const PATIENCE: Duration = Duration::from_secs(60);

const SETTINGS: &str = "apiVersion: ironhand/v1
kind: Settings
metadata: { name: global }
spec:
  powerInterval: 500ms
  powerIntervalFast: 100ms
  readBackInterval: 20ms
  actionTimeout: 2s
  cycleSettle: 100ms
  ipmiTimeout: 500ms
  leaseTime: 10m
";

/// A small generator whose numbers are the same in each run: a failure can be looked at again.
struct Seeded(u64);

impl Seeded {
    /// A number below `limit` (splitmix64).
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// What was asked of a host, and has not been seen to end.
#[derive(Clone, Debug)]
struct Asked {
    work: Work,
    /// The job that was acknowledged; none where the server was killed before it answered.
    job: Option<u64>,
    /// What the BMC had been asked before.
    before: Visits,
}

/// One host as the test knows it.
#[derive(Debug, Default)]
struct Known {
    asked: Option<Asked>,
    /// The newest job of the host that is known to have ended.
    last_job: u64,
}

struct World {
    seed: Seeded,
    runtime: Runtime,
    bmcs: BmcFleet,
    folder: tempfile::TempDir,
    hosts: Vec<Known>,
    acknowledged: u32,
    ended: BTreeMap<String, u32>,
}

fn host(index: usize) -> Name {
    format!("bmc-{index}").parse().expect("a name")
}

fn client(folder: &Path) -> Client {
    Client::new(Endpoint::Unix(folder.join("api.sock"))).expect("a client")
}

impl World {
    fn new(seed: u64) -> Self {
        let times = PowerTimes::from_act(Duration::from_millis(20));
        let config = BmcFleetConfig {
            port: 0,
            times,
            inactivity: INACTIVITY,
            seed,
            password: PASSWORD.into(),
            ..BmcFleetConfig::new(HOSTS)
        };
        let world = Self {
            seed: Seeded(seed),
            runtime: Runtime::new().expect("a runtime"),
            bmcs: BmcFleet::start(config).expect("simulated BMCs"),
            folder: tempfile::tempdir().expect("a temporary folder"),
            hosts: std::iter::repeat_with(Known::default).take(HOSTS).collect(),
            acknowledged: 0,
            ended: BTreeMap::new(),
        };
        world.describe();
        world
    }

    /// Tells a first server of the hosts, and lets it stop in order.
    fn describe(&self) {
        let server = Served::start(self.folder.path());
        server.apply(SETTINGS);
        let credential = "apiVersion: ironhand/v1\nkind: Credential\nmetadata: { name: fleet }\n\
            spec: { username: admin, password: { fromEnv: IRONHAND_PASSWORD } }\n";
        let hosts = self.bmcs.addresses().enumerate().map(|(index, address)| {
            format!(
                "---\napiVersion: ironhand/v1\nkind: Host\nmetadata: {{ name: {} }}\nspec:\n  credentials: [fleet]\n  \
                 connectors:\n    - {{ type: ipmi, address: {}, port: {} }}\n",
                host(index),
                address.ip(),
                address.port()
            )
        });
        server.apply(&std::iter::once(credential.to_owned()).chain(hosts).collect::<String>());
    }

    /// Starts a server, asks for something wherever nothing is under way, and kills it at some moment.
    fn round(&mut self) {
        if self.seed.below(8) == 0 {
            // Not even ready.
            let life = Duration::from_millis(self.seed.below(60));
            Served::begin(self.folder.path()).kill_after(life);
            return;
        }
        let server = Served::start(self.folder.path());
        self.settle();
        self.one_owner();
        let mut asked = Vec::new();
        for index in 0..HOSTS {
            if self.hosts[index].asked.is_none() && self.seed.below(3) > 0 {
                let before = self.bmcs.visits(index).expect("a BMC");
                let work = self.choose(index);
                self.hosts[index].asked = Some(Asked { work, job: None, before });
                asked.push((index, work));
            }
        }
        let life = Duration::from_millis(self.seed.below(LONGEST_LIFE));
        let acknowledged = self.runtime.block_on(ask_until_killed(self.folder.path(), asked, server, life));
        for (index, job) in acknowledged {
            self.acknowledged += 1;
            if let Some(asked) = &mut self.hosts[index].asked {
                asked.job = Some(job);
            }
        }
    }

    /// Something to do to a host that means something there.
    fn choose(&mut self, index: usize) -> Work {
        let on = self.bmcs.is_on(index).expect("a BMC");
        Work::Power(match self.seed.below(9) {
            0 => PowerAction::On,
            1 => PowerAction::Off,
            2 | 3 if on => PowerAction::Cycle,
            4 | 5 if on => PowerAction::Reset,
            6 => return Work::Password,
            _ if on => PowerAction::Off,
            _ => PowerAction::On,
        })
    }

    /// Takes in what has ended. Says whether nothing is under way any more.
    fn settle(&mut self) -> bool {
        let client = client(self.folder.path());
        let mut quiet = true;
        for index in 0..HOSTS {
            let filter = RecordFilter { host: Some(host(index)), limit: Some(1), ..RecordFilter::default() };
            let newest = self.runtime.block_on(client.jobs(&filter)).expect("the jobs of a host").pop();
            let Known { asked: Some(asked), last_job } = &mut self.hosts[index] else { continue };
            let fresh = newest.filter(|job| job.id > *last_job);
            let Some(job) = fresh else {
                assert_eq!(asked.job, None, "an acknowledged job is gone: {asked:?}");
                self.judge(index, None);
                continue;
            };
            assert!(asked.job.is_none_or(|id| id == job.id), "{asked:?} became {job:?}");
            asked.job = Some(job.id);
            if job.state.is_final() {
                self.judge(index, Some(&job));
            } else {
                quiet = false;
            }
        }
        quiet
    }

    /// Holds what the BMC was asked against what was asked for.
    fn judge(&mut self, index: usize, job: Option<&Job>) {
        let known = &mut self.hosts[index];
        let Some(Asked { work, before, .. }) = known.asked.take() else { return };
        let after = self.bmcs.visits(index).expect("a BMC");
        let cycles = after.power_cycle - before.power_cycle;
        let resets = after.hard_reset - before.hard_reset;
        let most = |counted| u32::from(work == Work::Power(counted) && job.is_some());
        assert!(
            cycles <= most(PowerAction::Cycle) && resets <= most(PowerAction::Reset),
            "{cycles} cycles and {resets} resets of BMC {index} after {work}: {job:#?}"
        );
        if let Some(job) = job {
            known.last_job = job.id;
            *self.ended.entry(format!("{} {}", job.work, job.state)).or_default() += 1;
            assert_eq!(job.work, work, "{job:#?}");
        }
    }

    /// The server that has just started works on every host: no lease of one that was killed keeps it waiting.
    fn one_owner(&self) {
        let servers = self.runtime.block_on(client(self.folder.path()).servers()).expect("the servers");
        assert!(
            matches!(&servers[..], [server] if server.answers && server.hosts == HOSTS as u64),
            "{servers:#?}"
        );
    }

    /// Lets a last server finish, and asks it whether all is well.
    fn finish(mut self) {
        let server = Served::start(self.folder.path());
        wait_until("every job ends", PATIENCE, || {
            if self.settle() { Ok(()) } else { Err(format!("{:#?}", self.hosts)) }
        });
        let client = client(self.folder.path());
        wait_until("every host is read, with a password that works", PATIENCE, || {
            let hosts = self.runtime.block_on(client.list::<Host>(&LabelSelector::default()));
            let hosts = hosts.map_err(|error| error.to_string())?;
            let unread: Vec<_> = hosts
                .iter()
                .filter(|host| {
                    let reach = host.status.as_ref().and_then(|status| status.reach.as_ref());
                    reach.is_none_or(|reach| reach.value != Reach::Ok)
                })
                .collect();
            if unread.is_empty() { Ok(()) } else { Err(format!("{unread:#?}")) }
        });
        drop(server);
        self.check_passwords();
        println!("{KILLS} kills, {} commands acknowledged, {:?}", self.acknowledged, self.ended);
        assert!(self.acknowledged > KILLS, "there was always something to lose");
        let changed = format!("{} {}", Work::Password, JobState::Done);
        assert!(self.ended.get(&changed).is_some_and(|count| *count > 0), "{changed}: {:?}", self.ended);
    }

    /// Asks a stranger whether each BMC accepts the password that is kept of it.
    fn check_passwords(&self) {
        let kept: Vec<SecretString> = self.runtime.block_on(async {
            let store =
                Store::open(&self.folder.path().join("data"), KeySource::File).await.expect("the store");
            let mut kept = Vec::new();
            for index in 0..HOSTS {
                let own = store.host_secrets(&host(index)).await.expect("the passwords of a host").pop();
                kept.push(own.map_or_else(|| PASSWORD.into(), |own| own.password));
            }
            kept
        });
        for (index, (password, address)) in kept.iter().zip(self.bmcs.addresses()).enumerate() {
            if let Err(refusal) = accepts(address, password.expose_secret()) {
                panic!("BMC {index} does not accept the password that is kept: {refusal}");
            }
        }
    }
}

/// Asks for everything at once, and kills the server when its time has come. Gives the jobs that it had acknowledged.
async fn ask_until_killed(
    folder: &Path,
    asked: Vec<(usize, Work)>,
    server: Served,
    life: Duration,
) -> Vec<(usize, u64)> {
    let client = client(folder);
    let mut asking = JoinSet::new();
    for (index, work) in asked {
        let client = client.clone();
        asking.spawn(async move {
            let acknowledged = match work {
                Work::Power(action) => client.start_power(&host(index), &PowerRequest::new(action)).await,
                _ => {
                    let made = PasswordRequest { user: None, new: None, wait: false };
                    client.rotate_password(&host(index), &made).await
                }
            };
            acknowledged.ok().map(|job| (index, job.id))
        });
    }
    let killed = tokio::task::spawn_blocking(move || server.kill_after(life));
    let acknowledged = asking.join_all().await;
    killed.await.expect("the server is killed");
    acknowledged.into_iter().flatten().collect()
}

fn torment(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..KILLS {
        world.round();
    }
    world.finish();
}

#[test]
fn what_was_acknowledged_outlives_a_hundred_kills() {
    torment(0x1807);
}

#[test]
fn what_was_acknowledged_outlives_another_hundred_kills() {
    torment(0x4711);
}
