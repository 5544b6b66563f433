//! A BMC of the pure crate on a virtual clock, a real store, and a server that can be killed between any two steps.

use std::future::pending;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ironhand_api::{Host, Name, RotationPhase};
use ironhand_ipmi::bmc::{BadPasswordThreshold, Bmc, BmcConfig, BmcOutput, User};
use ironhand_ipmi::{
    Answer, Client, ClientConfig, CompletionCode, Entropy, Error, Event, Output, Peer, PrivilegeLevel,
    Procedure, Quirks, Reply, Request, Turn,
};
use ironhand_ipmi_port::RunError;
use ironhand_model::{LoginReply, RotationMachine, Which};
use ironhand_store::{KeySource, Rotation, Store, StoreError};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::device::DeviceError;
use crate::rotation::ipmi::IpmiSession;
use crate::rotation::{Account, Console, Ledger, Outcome, StoredLedger, drive};
use crate::{Settings, clock};

/// All passwords begin with it, so that one search finds any of them.
const CANARY: &str = "Canary";

/// The password that is valid before.
pub(super) const OLD: &str = "CanaryOld-7";

const USER: &str = "root";

/// How often a console and a BMC exchange something, or wait, before they are taken to turn in circles.
const EXCHANGES: usize = 100_000;

/// Numbers that follow from one (SplitMix64).
pub(super) struct Seed(u64);

impl Seed {
    pub(super) fn new(number: u64) -> Self {
        Self(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

fn entropy(mut seed: Seed) -> Box<dyn Entropy> {
    Box::new(move |bytes: &mut [u8]| bytes.fill_with(|| seed.next() as u8))
}

/// Which replies of the BMC do not arrive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    /// The first of them, counted from the beginning.
    from: u64,
    /// For how long from then on; zero loses one.
    during: Duration,
    /// Whether the BMC restarts at that moment.
    restarts: bool,
}

impl Loss {
    const NONE: Self = Self { from: u64::MAX, during: Duration::ZERO, restarts: false };

    pub(super) fn drawn(seed: &mut Seed) -> Self {
        let during = match seed.below(6) {
            0 => return Self::NONE,
            1 => Duration::ZERO,
            2 => Duration::from_secs(4),
            3 => Duration::from_secs(20),
            4 => Duration::from_secs(70),
            _ => Duration::from_secs(600),
        };
        Self { from: seed.below(120), during, restarts: seed.below(4) == 0 }
    }
}

/// The BMC, the time, and the way between it and the server.
struct World {
    bmc: Bmc,
    now: Instant,
    loss: Loss,
    replies: u64,
    lost_since: Option<Instant>,
    consoles: u16,
    passed: Vec<&'static str>,
    kill: Option<usize>,
}

impl World {
    fn loses(&mut self) -> bool {
        let number = self.replies;
        self.replies += 1;
        if number < self.loss.from {
            return false;
        }
        let first = self.lost_since.is_none();
        let since = *self.lost_since.get_or_insert(self.now);
        if first && self.loss.restarts {
            self.bmc.restart(self.now, self.loss.during.min(Duration::from_secs(60)));
        }
        first || self.now < since + self.loss.during
    }
}

#[derive(Clone)]
struct Shared {
    world: Arc<Mutex<World>>,
    killed: Arc<Notify>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A step of the server; where it is the one at which the server is killed, nothing comes behind it.
    async fn point(&self, label: &'static str) {
        let killed = {
            let mut world = self.lock();
            world.passed.push(label);
            world.kill.is_some_and(|kill| world.passed.len() == kill + 1)
        };
        if killed {
            self.killed.notify_one();
            pending::<()>().await;
        }
    }

    fn session(&self, username: &str, password: &SecretString) -> PureSession {
        let mut world = self.lock();
        world.consoles += 1;
        let seed = Seed::new(u64::from(world.consoles) + 77);
        let peer = Peer::from(([192, 0, 2, 9], 40_000 + world.consoles));
        let client = Client::new(ClientConfig::new(username, password.clone()), entropy(seed));
        PureSession { shared: self.clone(), client, peer }
    }
}

/// A session of a pure client.
pub(super) struct PureSession {
    shared: Shared,
    client: Client,
    peer: Peer,
}

impl PureSession {
    /// Asks, and lets time pass until there is an answer.
    fn ask(&mut self, request: Request) -> Result<Reply, Error> {
        let mut world = self.shared.lock();
        let asked = self.client.submit(world.now, request);
        for _ in 0..EXCHANGES {
            while let Some(output) = self.client.next_output() {
                let now = world.now;
                match output {
                    Output::Send(bytes) => world.bmc.receive(now, self.peer, &bytes),
                    Output::Event(Event::Done { ticket, result }) if ticket == asked => return result,
                    Output::Event(_) => {}
                }
            }
            let mut arrived = false;
            while let Some(output) = world.bmc.next_output() {
                if let BmcOutput::Send { to, bytes } = output
                    && to == self.peer
                    && !world.loses()
                {
                    self.client.receive(world.now, Peer::from(([192, 0, 2, 1], 623)), &bytes);
                    arrived = true;
                }
            }
            if !arrived {
                let due = [self.client.next_wake(), world.bmc.next_wake()];
                let due = due.into_iter().flatten().min().expect("one of them waits for something");
                world.now = world.now.max(due);
                let now = world.now;
                self.client.wake(now);
                world.bmc.wake(now);
            }
        }
        panic!("console and BMC turn in circles");
    }
}

impl Drop for PureSession {
    fn drop(&mut self) {
        let mut world = self.shared.lock();
        let now = world.now;
        self.client.close(now);
        while let Some(output) = self.client.next_output() {
            if let Output::Send(bytes) = output {
                world.bmc.receive(now, self.peer, &bytes);
            }
        }
        while world.bmc.next_output().is_some() {}
    }
}

impl IpmiSession for PureSession {
    async fn request(&mut self, request: Request) -> Result<Reply, Error> {
        let (before, after) = match &request {
            Request::GetDeviceId => ("before a login", "behind a login"),
            Request::Raw(raw) if raw.cmd == 0x47 => {
                ("before a password is sent", "behind a password is sent")
            }
            _ => ("before a user is read", "behind a user is read"),
        };
        self.shared.point(before).await;
        let reply = self.ask(request);
        self.shared.point(after).await;
        reply
    }

    async fn run<P: Procedure<Output: Send> + Send>(
        &mut self,
        mut procedure: P,
    ) -> Result<P::Output, RunError> {
        loop {
            match procedure.next() {
                Turn::Ask(command) => match self.request(Request::Raw(command)).await {
                    Ok(Reply::Raw(data)) => {
                        procedure.answer(Answer { code: CompletionCode::OK, data: &data })
                    }
                    Ok(_) => procedure.answer(Answer { code: CompletionCode::OK, data: &[] }),
                    Err(Error::Completion(code)) => procedure.answer(Answer { code, data: &[] }),
                    Err(error) => return Err(error.into()),
                },
                Turn::Wait(time) => self.shared.lock().now += time,
                Turn::Done(outcome) => return Ok(outcome?),
            }
        }
    }
}

struct PureConsole(Shared);

impl Console for PureConsole {
    type Session = PureSession;

    async fn open(&mut self, username: &str, password: &SecretString) -> Result<PureSession, DeviceError> {
        Ok(self.0.session(username, password))
    }

    async fn try_beside(
        &mut self,
        username: &str,
        password: &SecretString,
    ) -> Result<PureSession, DeviceError> {
        Ok(self.0.session(username, password))
    }

    fn refused(&mut self, _why: &DeviceError) {}

    async fn rest(&mut self, time: Duration) {
        self.0.point("before a wait").await;
        self.0.lock().now += time;
    }
}

/// The store's ledger, at which the server may be killed before and behind each write.
struct Watched<'l> {
    ledger: StoredLedger<'l>,
    shared: Shared,
}

impl Ledger for Watched<'_> {
    async fn put(&self, rotation: &Rotation) -> Result<(), StoreError> {
        let (before, after) = match rotation.phase {
            RotationPhase::Prepared => ("before it is prepared", "prepared"),
            RotationPhase::Sent => ("before it is marked as sent", "marked as sent"),
            RotationPhase::Applied => ("before it is marked as applied", "marked as applied"),
            _ => ("before it is in doubt", "in doubt"),
        };
        self.shared.point(before).await;
        self.ledger.put(rotation).await?;
        self.shared.point(after).await;
        Ok(())
    }

    async fn settle(
        &self,
        rotation: &Rotation,
        phase: RotationPhase,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.shared.point("before it is settled").await;
        self.ledger.settle(rotation, phase, reason).await?;
        self.shared.point("settled").await;
        Ok(())
    }
}

/// A data directory whose store is opened again after each kill.
#[derive(Clone)]
pub(super) struct SharedStore {
    directory: Arc<TempDir>,
    open: Arc<tokio::sync::Mutex<Store>>,
}

pub(super) async fn shared_store() -> SharedStore {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let store = Store::open(directory.path(), KeySource::File).await.unwrap();
    SharedStore { directory, open: Arc::new(tokio::sync::Mutex::new(store)) }
}

impl SharedStore {
    /// No file holds a password.
    pub(super) fn holds_no_plain_text(&self) {
        fn search(directory: &Path) -> usize {
            let mut files = 0;
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    files += search(&path);
                } else {
                    let bytes = std::fs::read(&path).unwrap();
                    let found = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
                    assert!(!found, "{} holds a password", path.display());
                    files += 1;
                }
            }
            files
        }
        assert!(search(self.directory.path()) > 1);
    }
}

/// One change of a password.
pub(super) struct Bench {
    pub(super) seed: u64,
    pub(super) host: Name,
    new: String,
    shared: Shared,
    store: SharedStore,
}

impl Bench {
    /// A store of its own, a password of 16 characters, and nothing that is lost.
    pub(super) async fn new(seed: u64, quirks: Quirks) -> Self {
        Self::within(&shared_store().await, seed, quirks, 16, Loss::NONE).await
    }

    pub(super) async fn within(
        store: &SharedStore,
        seed: u64,
        quirks: Quirks,
        longest: usize,
        loss: Loss,
    ) -> Self {
        let text = format!(r#"{{"metadata":{{"name":"h{seed}"}},"spec":{{"connectors":[]}}}}"#);
        let host: Host = serde_json::from_str(&text).unwrap();
        let name = host.metadata.name.clone();
        store.open.lock().await.apply(host, clock::now()).await.unwrap();
        let user = |name: &str, password: &str| {
            User::new(name, SecretString::from(password), PrivilegeLevel::Administrator)
        };
        let mut config = BmcConfig::new(vec![user("", ""), user("root two", "CanaryElse"), user(USER, OLD)]);
        config.quirks = quirks;
        config.bad_password_threshold = Some(BadPasswordThreshold {
            threshold: 3,
            reset_interval: Duration::from_secs(300),
            lockout_interval: Duration::from_secs(300),
        });
        let bmc = Bmc::new(config, entropy(Seed::new(seed)));
        let world = World {
            bmc,
            now: Instant::now(),
            loss,
            replies: 0,
            lost_since: None,
            consoles: 0,
            passed: Vec::new(),
            kill: None,
        };
        let mut new = format!("{CANARY}{seed:04}New-abcdefgh");
        new.truncate(longest);
        let shared = Shared { world: Arc::new(Mutex::new(world)), killed: Arc::default() };
        Self { seed, host: name, new, shared, store: store.clone() }
    }

    pub(super) fn rotation(&self) -> Rotation {
        Rotation {
            host: self.host.clone(),
            job: self.seed + 1,
            username: USER.to_owned(),
            phase: RotationPhase::Prepared,
            old_credential: None,
            old: OLD.into(),
            new: self.new.clone().into(),
            attempts: 0,
            changed_at: clock::now(),
        }
    }

    pub(super) async fn store(&self) -> Store {
        self.store.open.lock().await.clone()
    }

    /// The store as a new start finds it.
    pub(super) async fn reopen(&self, killed: bool) -> Store {
        let mut open = self.store.open.lock().await;
        if killed {
            *open = Store::open(self.store.directory.path(), KeySource::File).await.unwrap();
        }
        open.clone()
    }

    /// Drives a change until it ends or the server is killed; tells the points that were passed.
    pub(super) async fn attempt(
        &self,
        machine: RotationMachine,
        rotation: &mut Rotation,
        kill: Option<usize>,
    ) -> (Vec<&'static str>, Option<Outcome>) {
        {
            let mut world = self.shared.lock();
            world.kill = kill;
            world.passed.clear();
        }
        let store = self.store().await;
        let settings = Settings::default();
        let ledger = StoredLedger { store: &store, host: &self.host, token: None, settings };
        let ledger = Watched { ledger, shared: self.shared.clone() };
        let account = Account::new(PureConsole(self.shared.clone()), rotation);
        let outcome = tokio::select! {
            outcome = drive(machine, rotation, account, &ledger) => Some(outcome.unwrap()),
            () = self.shared.killed.notified() => None,
        };
        (self.shared.lock().passed.clone(), outcome)
    }

    /// Replies arrive again.
    pub(super) fn heal(&self) {
        let mut world = self.shared.lock();
        world.loss = Loss::NONE;
        // A BMC that restarts is back by then.
        world.now += Duration::from_secs(61);
    }

    /// Lets time pass.
    pub(super) fn pass(&self, time: Duration) {
        self.shared.lock().now += time;
    }

    /// Whether a fresh login works.
    pub(super) async fn can_log_in(&self, password: &str) -> bool {
        let rotation = Rotation { new: password.into(), ..self.rotation() };
        self.shared.lock().kill = None;
        let mut account = Account::new(PureConsole(self.shared.clone()), &rotation);
        account.login(Which::New).await == LoginReply::Accepted
    }
}
