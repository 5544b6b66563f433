//! A server, a fleet to watch, and a client to ask.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, OnceLock};
use std::time::Duration;

use ironhand_api::{
    Credential, CredentialSpec, Event, EventKind, Flow, Host, HostStatus, Manifest, Metadata, Name, RunState,
    Secret,
};
use ironhand_client::{Client, Endpoint, EventFilter, EventStream, RecordFilter};
use ironhand_ipmi::{ChassisControl, ClientConfig, Request};
use ironhand_ipmi_port::{Bmc, IpmiPort, PortConfig};
use ironhand_server::{Config, Running, Server, Settings};
use ironhand_sim::{Fleet, FleetConfig, SimHost};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// How long anything may take to come true: many times what it takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked at what tells nobody.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// How much faster than real ones the simulated machines are.
pub const PACE: f64 = 20.0;

/// A server that watches a simulated fleet.
pub struct World {
    pub fleet: Fleet,
    pub server: Option<Running>,
    pub client: Client,
    directory: TempDir,
}

/// Intervals short enough for tests.
pub fn settings() -> Settings {
    Settings {
        power_interval: Duration::from_millis(300),
        power_interval_fast: Duration::from_millis(100),
        screen_interval: Duration::from_millis(200),
        screen_interval_incident: Duration::from_millis(100),
        read_back_interval: Duration::from_millis(30),
        action_timeout: Duration::from_secs(10),
        soft_off_timeout: Duration::from_secs(10),
        cycle_settle: Duration::from_secs(1),
        ..Settings::brisk()
    }
}

pub fn config(directory: &Path, settings: Settings) -> Config {
    let mut config = Config::new(directory.join("data"));
    config.socket = Some(directory.join("api.sock"));
    config.listen = Some("127.0.0.1:0".parse().unwrap());
    config.settings = settings;
    config
}

impl World {
    /// A fleet of `hosts` machines at their login prompts, and a server that does not know them yet.
    pub async fn new(hosts: usize) -> Self {
        Self::with(FleetConfig { pace: PACE, ..FleetConfig::new(hosts) }, settings()).await
    }

    pub async fn with(fleet: FleetConfig, settings: Settings) -> Self {
        Self::with_config(fleet, |directory| config(directory, settings)).await
    }

    /// The same with a server that is as `config` says for its folder.
    pub async fn with_config(fleet: FleetConfig, config: impl FnOnce(&Path) -> Config) -> Self {
        capture_logs();
        let directory = tempfile::tempdir().unwrap();
        let fleet = Fleet::start(fleet).await.unwrap();
        let server = Server::start(config(directory.path())).await.unwrap();
        let client = Client::new(Endpoint::Unix(server.socket().to_owned())).unwrap();
        Self { fleet, server: Some(server), client, directory }
    }

    pub fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    pub fn sim(&self, index: usize) -> SimHost {
        self.fleet.hosts()[index].clone()
    }

    /// Makes the server know the fleet's credential and all of its hosts.
    pub async fn adopt(&self) -> Vec<Name> {
        self.client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
        let mut names = Vec::new();
        for sim in self.fleet.hosts() {
            self.client.apply(&host(sim, &["fleet"])).await.unwrap();
            names.push(name(&sim.name));
        }
        names
    }

    /// Adopts all hosts, and waits until they are well.
    pub async fn adopt_well(&self) -> Vec<Name> {
        let hosts = self.adopt().await;
        for host in &hosts {
            self.until_well(host).await;
        }
        hosts
    }

    /// The events from now on.
    pub async fn follow(&self) -> EventStream {
        let mut events = self.client.follow(None, None);
        events.connect().await.unwrap();
        events
    }

    pub async fn status(&self, host: &Name) -> HostStatus {
        self.client.get::<Host>(host).await.unwrap().status.unwrap()
    }

    /// Waits until the status of a host is as wanted, and returns it.
    pub async fn until_status(&self, host: &Name, wanted: impl Fn(&HostStatus) -> bool) -> HostStatus {
        eventually(host.as_str(), async || self.status(host).await, wanted).await
    }

    /// Waits until the host's power is seen and its screen shows a login prompt.
    pub async fn until_well(&self, host: &Name) {
        self.until_status(host, |status| {
            status.power.as_ref().is_some_and(|power| power.value == ironhand_api::PowerState::On)
                && status
                    .screen
                    .as_ref()
                    .is_some_and(|screen| screen.reliable && screen.headline.contains("login:"))
        })
        .await;
    }

    /// Waits until no run is under way but those of one host.
    pub async fn until_no_run_but_of(&self, host: &Name) {
        let under_way = async || {
            let mut runs = self.client.runs(&RecordFilter::default()).await.unwrap();
            runs.retain(|run| run.state == RunState::Running && run.host != *host);
            runs
        };
        eventually("these runs end", under_way, Vec::is_empty).await;
    }

    /// All events so far.
    pub async fn events(&self) -> Vec<Event> {
        self.client.events(&EventFilter::default()).await.unwrap()
    }

    /// Waits until ten more readings of a host's screen, and of its power, have been taken.
    pub async fn ten_cycles(&self, host: &Name) {
        for _ in 0..10 {
            let before = self.status(host).await;
            let read_at = before.screen.map(|screen| screen.read_at);
            let power_at = before.power.map(|power| power.observed_at);
            self.until_status(host, |status| {
                status.screen.as_ref().map(|screen| screen.read_at) != read_at
                    && status.power.as_ref().map(|power| power.observed_at) != power_at
            })
            .await;
        }
    }

    pub async fn end(mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
        self.fleet.shutdown().await;
    }
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn credential(text: &str, username: &str, password: &str) -> Manifest {
    Manifest::Credential(Credential {
        metadata: Metadata::named(name(text)),
        spec: CredentialSpec { username: username.to_owned(), password: Secret::Plain(password.into()) },
    })
}

/// The manifest of a simulated host.
pub fn host(sim: &SimHost, credentials: &[&str]) -> Manifest {
    let host: Host = serde_json::from_value(serde_json::json!({
        "metadata": { "name": sim.name },
        "spec": {
            "credentials": credentials,
            "connectors": [
                { "type": "ipmi", "address": sim.ipmi.ip(), "port": sim.ipmi.port() },
                { "type": "vnc", "address": sim.vnc.ip(), "port": sim.vnc.port(), "credentials": [] },
            ],
        },
    }))
    .unwrap();
    Manifest::Host(host)
}

/// Speaks to a BMC without telling the server.
pub async fn behind_its_back<T>(address: SocketAddr, speak: impl AsyncFnOnce(&Bmc) -> T) -> T {
    let stop = CancellationToken::new();
    let (port, driver) = IpmiPort::start(PortConfig::default(), stop.clone()).unwrap();
    let bmc = port.open(address, ClientConfig::new("admin", "simulated".into())).await.unwrap();
    let said = soon(speak(&bmc)).await;
    drop(bmc);
    stop.cancel();
    driver.await.unwrap();
    said
}

/// Presses a power button without telling the server.
pub async fn press(address: SocketAddr, control: ChassisControl) {
    behind_its_back(address, async |bmc| bmc.request(Request::from(control)).await).await.unwrap();
}

/// A flow from its name and specification.
pub fn flow(text: &str, spec: serde_json::Value) -> Manifest {
    let flow: Flow =
        serde_json::from_value(serde_json::json!({ "metadata": { "name": text }, "spec": spec })).unwrap();
    Manifest::Flow(flow)
}

/// Waits for an event that is wanted, and returns all events up to it.
pub async fn until(events: &mut EventStream, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut seen: Vec<Event> = Vec::new();
    let all = async {
        loop {
            let event = events.next().await.expect("the stream goes on").unwrap();
            let found = wanted(&event);
            seen.push(event);
            if found {
                return;
            }
        }
    };
    if timeout(PATIENCE, all).await.is_err() {
        panic!("it did not happen; what happened was {seen:#?}");
    }
    seen
}

pub async fn until_kind(events: &mut EventStream, kind: EventKind) -> Event {
    until(events, |event| event.kind == kind).await.pop().unwrap()
}

/// Waits for something, for as long as anything may take.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it came true in time")
}

/// Reads a path as firmware does, with further lines in the head of the request; the head of the answer and what follows.
pub async fn get(address: SocketAddr, target: &str, lines: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lines}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

/// Starts a server on the data of one that was killed: as soon as the last of that one's tasks is gone, which holds the lock.
pub async fn start_behind(config: impl Fn() -> Config) -> Running {
    let mut second = None;
    let start = async || Server::start(config()).await.map(|server| second = Some(server)).err();
    eventually("the start", start, Option::is_none).await;
    second.expect("it started")
}

/// Looks again and again at what tasks bring about that tell nobody, until it is as wanted, and returns that.
pub async fn eventually<T: Debug>(
    what: &str,
    mut look: impl AsyncFnMut() -> T,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = look().await;
        if wanted(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "{what} did not come to be as wanted: {seen:#?}");
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// Everything that the process has logged.
pub fn logged() -> String {
    String::from_utf8_lossy(&log().lock().unwrap()).into_owned()
}

fn log() -> &'static Arc<Mutex<Vec<u8>>> {
    static LOG: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    LOG.get_or_init(Arc::default)
}

/// Keeps what is logged, at every level, for [`logged`].
fn capture_logs() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(|| Tee)
            .init();
    });
}

struct Tee;

impl io::Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        log().lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
