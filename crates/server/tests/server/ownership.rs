//! Several servers on one store: each host is worked on by one of them, and outlives it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use ironhand_api::{
    EventKind, Host, HostStatus, Manifest, Name, PowerAction, PowerRequest, PowerState, ServerStatus,
    Settings, Timestamp, Way,
};
use ironhand_client::{Client, Endpoint, EventFilter};
use ironhand_server::{Config, Running, Server};
use ironhand_sim::{BmcFleet, BmcFleetConfig};
use ironhand_store::{KeySource, Store};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::harness::{PATIENCE, credential, eventually, name, settings};

/// The shortest that a lease may last.
const SHORT: Duration = Duration::from_secs(2);

/// Longer than any test waits: what happens sooner does not happen because a lease expired.
const LONG: Duration = Duration::from_secs(600);

/// A store that servers share, and simulated BMCs.
struct Site {
    directory: TempDir,
    bmcs: BmcFleet,
}

/// A server of a [`Site`], and a client of it.
struct Member {
    server: Running,
    client: Client,
}

impl Site {
    fn new(hosts: usize) -> Self {
        let bmcs = BmcFleet::start(BmcFleetConfig { port: 0, ..BmcFleetConfig::new(hosts) }).unwrap();
        Self { directory: tempfile::tempdir().unwrap(), bmcs }
    }

    fn config(&self, member: &str, lease_time: Duration) -> Config {
        let sockets = self.directory.path().join(member);
        let mut config = Config::new(self.data());
        config.socket = Some(sockets.join("api.sock"));
        config.shared = true;
        config.settings = Settings { lease_time, ..settings() };
        config
    }

    fn data(&self) -> std::path::PathBuf {
        self.directory.path().join("data")
    }

    async fn start(&self, member: &str, lease_time: Duration) -> Member {
        Member::of(Server::start(self.config(member, lease_time)).await.unwrap())
    }

    async fn store(&self) -> Store {
        Store::open(&self.data(), KeySource::File).await.unwrap()
    }

    fn host(&self, index: usize) -> Name {
        name(&format!("bmc-{index}"))
    }

    /// The manifest of the host behind a BMC.
    fn manifest(&self, index: usize) -> Host {
        let address = self.bmcs.address(index).unwrap();
        serde_json::from_value(serde_json::json!({
            "metadata": { "name": self.host(index) },
            "spec": {
                "credentials": ["fleet"],
                "connectors": [{ "type": "ipmi", "address": address.ip(), "port": address.port() }],
            },
        }))
        .unwrap()
    }

    /// Everybody that some BMCs have heard of.
    fn consoles(&self, bmcs: impl IntoIterator<Item = usize>) -> BTreeSet<SocketAddr> {
        bmcs.into_iter().flat_map(|index| self.bmcs.visits(index).unwrap().consoles).collect()
    }
}

impl Member {
    fn of(server: Running) -> Self {
        let client = client_at(server.socket());
        Self { server, client }
    }

    async fn adopt(&self, site: &Site, bmcs: impl IntoIterator<Item = usize>) {
        self.client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
        for index in bmcs {
            self.client.apply(&Manifest::Host(site.manifest(index))).await.unwrap();
        }
    }
}

fn client_at(socket: &Path) -> Client {
    Client::new(Endpoint::Unix(socket.to_owned())).unwrap()
}

async fn status(client: &Client, host: &Name) -> Option<HostStatus> {
    client.get::<Host>(host).await.unwrap().status
}

async fn until_status(client: &Client, host: &Name, wanted: impl Fn(&HostStatus) -> bool) -> HostStatus {
    let wanted = |status: &Option<HostStatus>| status.as_ref().is_some_and(&wanted);
    eventually(host.as_str(), async || status(client, host).await, wanted).await.expect("one is wanted")
}

async fn until_servers(client: &Client, wanted: impl Fn(&[ServerStatus]) -> bool) -> Vec<ServerStatus> {
    let servers = async || client.servers().await.unwrap();
    eventually("what each server has", servers, |servers| wanted(servers)).await
}

/// Waits until power on is refused with a code.
async fn until_refused(client: &Client, host: &Name, wanted: &str) {
    let refused = async || client.power(host, &PowerRequest::new(PowerAction::On)).await.err();
    eventually("the refusal", refused, |error| {
        let problem = error.as_ref().and_then(|error| error.problem());
        problem.is_some_and(|problem| problem.code == wanted)
    })
    .await;
}

async fn this(client: &Client) -> String {
    let servers = until_servers(client, |servers| servers.iter().any(|server| server.answers)).await;
    servers.into_iter().find(|server| server.answers).unwrap().name
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

fn is_on(status: &HostStatus) -> bool {
    status.power.as_ref().is_some_and(|power| power.value == PowerState::On)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_hosts_is_read_by_one_server_alone() {
    const HOSTS: usize = 200;
    let site = Site::new(HOSTS);
    let (one, other) = (site.start("one", LONG).await, site.start("other", LONG).await);
    one.adopt(&site, 0..HOSTS / 2).await;
    other.adopt(&site, HOSTS / 2..HOSTS).await;
    let owners = [this(&one.client).await, this(&other.client).await];
    let mut theirs = [BTreeSet::new(), BTreeSet::new()];
    for index in 0..HOSTS {
        // Whoever is asked: the one who reads the host, or the one who only knows it from the store.
        let asked = if index % 2 == 0 { &one.client } else { &other.client };
        let known = |status: &HostStatus| is_on(status) && status.owner.is_some();
        let owner = until_status(asked, &site.host(index), known).await.owner.unwrap();
        theirs[usize::from(owner == owners[1])].insert(index);
    }
    // A host that one has just described may be found by the other first.
    assert!(theirs[0].len() > HOSTS / 4 && theirs[1].len() > HOSTS / 4, "{theirs:?}");
    let servers = one.client.servers().await.unwrap();
    let counts: Vec<_> = servers.iter().map(|server| (server.name.clone(), server.hosts)).collect();
    let mut wanted = [0, 1].map(|place| (owners[place].clone(), theirs[place].len() as u64));
    wanted.sort();
    assert_eq!(counts, wanted);
    let [first, second] = theirs.map(|hosts| site.consoles(hosts));
    assert!(first.is_disjoint(&second), "{first:?} {second:?}");
    one.server.shutdown().await;
    other.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_server_changes_is_taken_in() {
    let site = Site::new(2);
    let (one, other) = (site.start("one", LONG).await, site.start("other", LONG).await);
    // Each server has one host; all that is said, one of them is told.
    one.adopt(&site, 0..1).await;
    other.adopt(&site, 1..2).await;
    let host = site.host(1);
    until_status(&other.client, &host, is_on).await;
    let refused = |status: &HostStatus| {
        status.reach.as_ref().is_some_and(|reach| reach.value == ironhand_api::Reach::AuthFailed)
    };
    one.client.apply(&credential("fleet", "admin", "wrong")).await.unwrap();
    until_status(&other.client, &host, refused).await;
    one.client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    until_status(&other.client, &host, |status| !refused(status)).await;

    let mut manifest = site.manifest(1);
    manifest.metadata.labels.insert("rack".to_owned(), "7".to_owned());
    // Nothing is left that could use the power button.
    manifest.spec.connectors[0].way = Way::Vnc(Default::default());
    one.client.apply(&Manifest::Host(manifest)).await.unwrap();
    until_refused(&other.client, &host, "host.no_connector").await;
    one.client.delete(ironhand_api::Kind::Host, &host).await.unwrap();
    until_refused(&other.client, &host, "resource.not_found").await;
    one.server.shutdown().await;
    other.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_leaves_its_hosts_to_the_next_at_once() {
    let site = Site::new(20);
    let one = site.start("one", LONG).await;
    one.adopt(&site, 0..20).await;
    let host = site.host(3);
    let before = until_status(&one.client, &host, is_on).await;
    let other = site.start("other", LONG).await;
    let owner = before.owner.clone().unwrap();
    let refused = other.client.power(&host, &PowerRequest::new(PowerAction::Off)).await.unwrap_err();
    let problem = refused.problem().unwrap();
    assert_eq!((problem.code.as_str(), problem.retry), ("host.owned_elsewhere", true));
    assert!(problem.detail.contains(&owner), "{}", problem.detail);

    one.server.shutdown().await;
    let stopped = Instant::now();
    let servers =
        until_servers(&other.client, |servers| servers.iter().any(|server| server.hosts == 20)).await;
    assert!(stopped.elapsed() < Duration::from_secs(5), "{:?}", stopped.elapsed());
    assert_eq!(servers.len(), 1, "{servers:#?}");
    let after = until_status(&other.client, &host, |status| status.owner.as_ref() != Some(&owner)).await;
    assert_eq!(after.power.map(|power| power.since), before.power.map(|power| power.since), "still known");
    let report = other.client.power(&host, &PowerRequest::new(PowerAction::Off)).await.unwrap();
    assert_eq!(report.power, Some(PowerState::Off));
    other.server.shutdown().await;
}

/// A server in a runtime of its own, with a single thread that a test can stop.
struct Stoppable {
    client: Client,
    stop: mpsc::Sender<mpsc::Receiver<()>>,
    thread: std::thread::JoinHandle<()>,
}

impl Stoppable {
    fn start(config: Config) -> Self {
        let (started, socket) = mpsc::channel();
        let (stop, stops) = mpsc::channel::<mpsc::Receiver<()>>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let server = runtime.block_on(Server::start(config)).unwrap();
            started.send(server.socket().to_owned()).unwrap();
            runtime.block_on(async {
                loop {
                    match stops.try_recv() {
                        // The thread waits here, and nothing of the server moves.
                        Ok(until) => drop(until.recv()),
                        Err(mpsc::TryRecvError::Empty) => tokio::time::sleep(Duration::from_millis(5)).await,
                        Err(mpsc::TryRecvError::Disconnected) => return,
                    }
                }
            });
            runtime.block_on(server.shutdown());
        });
        let socket = socket.recv().unwrap();
        Self { client: client_at(&socket), stop, thread }
    }

    /// Stops the server until what is returned is dropped.
    fn freeze(&self) -> mpsc::Sender<()> {
        let (thaw, until) = mpsc::channel();
        self.stop.send(until).unwrap();
        thaw
    }

    async fn end(self) {
        drop(self.stop);
        tokio::task::spawn_blocking(|| self.thread.join().unwrap()).await.unwrap();
    }
}

/// Stops a server that is not writing: one that stops in the middle of it holds the lock of the database, and nobody can
/// take anything from it.
async fn freeze_between_writes(server: &Stoppable, other: &Member) -> mpsc::Sender<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let thaw = server.freeze();
        let probe = credential("probe", "admin", "simulated");
        let written = tokio::time::timeout(Duration::from_secs(1), other.client.apply(&probe)).await;
        if matches!(written, Ok(Ok(_))) {
            return thaw;
        }
        assert!(Instant::now() < deadline, "the server is always writing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_frozen_lets_go_of_what_another_has_taken_meanwhile() {
    let site = Site::new(5);
    let frozen = Stoppable::start(site.config("frozen", SHORT));
    frozen.client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    for index in 0..5 {
        frozen.client.apply(&Manifest::Host(site.manifest(index))).await.unwrap();
    }
    let host = site.host(0);
    let owner = until_status(&frozen.client, &host, is_on).await.owner.unwrap();
    let live = site.start("live", SHORT).await;
    let thaw = freeze_between_writes(&frozen, &live).await;
    let taken = |status: &HostStatus| is_on(status) && status.owner.as_ref().is_some_and(|now| *now != owner);
    for index in 0..5 {
        until_status(&live.client, &site.host(index), taken).await;
    }
    live.client.power(&host, &PowerRequest::new(PowerAction::Off)).await.unwrap();
    let before = live.client.events(&EventFilter::default()).await.unwrap();
    let changes = before.iter().filter(|event| event.kind == EventKind::OwnerChanged).count();
    assert_eq!(changes, 5, "{before:#?}");

    drop(thaw);
    // It knows better than to act, and learns who does.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let refused = frozen.client.power(&host, &PowerRequest::new(PowerAction::On)).await.unwrap_err();
        let problem = refused.problem().unwrap().clone();
        assert!(["host.owned_elsewhere", "server.stopping"].contains(&problem.code.as_str()), "{problem:?}");
        if !problem.detail.contains(&owner) && problem.detail.contains("belongs to the server") {
            break;
        }
        assert!(Instant::now() < deadline, "{problem:?}");
    }
    for index in 0..5 {
        until_status(&frozen.client, &site.host(index), |status| {
            status.owner.as_ref().is_some_and(|now| *now != owner)
        })
        .await;
    }
    assert_eq!(site.bmcs.is_on(0), Some(false));
    assert_eq!(site.bmcs.visits(0).unwrap().power_up, 0, "what was refused was not done either");
    let after = live.client.events(&EventFilter::default()).await.unwrap();
    let late: Vec<_> = after[before.len()..].iter().map(|event| (event.kind, &event.message)).collect();
    assert!(late.is_empty(), "nothing that it saw before reached the store after: {late:#?}");
    frozen.end().await;
    live.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_of_a_server_that_never_lived_is_claimed_when_its_lease_expires() {
    let site = Site::new(1);
    let store = site.store().await;
    let begun = now();
    store.apply(site.manifest(0), begun).await.unwrap();
    let dead = "gone-4711-00000000";
    store.acquire_lease(dead, &site.host(0), begun, SHORT).await.unwrap();
    let live = site.start("live", SHORT).await;
    live.client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    let refused = live.client.power(&site.host(0), &PowerRequest::new(PowerAction::Off)).await;
    let refused = refused.unwrap_err();
    assert!(refused.problem().unwrap().detail.contains(dead), "{refused}");
    until_status(&live.client, &site.host(0), is_on).await;
    let events = live.client.events(&EventFilter::default()).await.unwrap();
    let told: Vec<_> = events.iter().filter(|event| event.kind == EventKind::OwnerChanged).collect();
    assert!(matches!(told[..], [event] if event.message.contains(dead)), "{told:#?}");
    live.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_alone_waits_for_no_lease_of_its_predecessor() {
    let site = Site::new(1);
    let store = site.store().await;
    let begun = now();
    store.apply(site.manifest(0), begun).await.unwrap();
    store.acquire_lease("killed-4711-00000000", &site.host(0), begun, LONG).await.unwrap();
    let alone = Config { shared: false, ..site.config("alone", LONG) };
    let alone = Member::of(Server::start(alone).await.unwrap());
    alone.client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    until_status(&alone.client, &site.host(0), is_on).await;
    // Nobody shares with a server that does not share.
    let refused = Server::start(site.config("other", LONG)).await.err().unwrap();
    assert!(refused.to_string().contains("another server uses the data directory"), "{refused}");
    alone.server.shutdown().await;
}
