//! Changes over Redfish: a simulated controller over HTTPS, a real store, a server that is killed between any two
//! steps, and answers that are lost.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ironhand_api::{Connector, Host, RedfishOptions, RotationPhase, Tls, Way};
use ironhand_connectors::{Error, Login, RedfishDevice, Surroundings};
use ironhand_model::{LoginReply, RotationMachine, Which};
use ironhand_sim::{Fleet, FleetConfig};
use ironhand_store::{KeySource, Rotation, Store};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Notify;

use crate::clock;
use crate::device::DeviceError;
use crate::rotation::account::{NoPlace, Written};
use crate::rotation::{Account, Console, Outcome, RedfishSession, Session, StoredLedger, drive};

/// The password that simulated machines begin with.
const FIRST: &str = "simulated";

const USER: &str = "admin";

/// Where the server is killed, and which answers are lost, counted from the beginning of a change.
#[derive(Clone, Copy, Debug, Default)]
struct Mishap {
    /// The point at which nothing is done any more.
    kill: Option<usize>,
    /// The first answer that is lost, and how many after it.
    lost: Option<(usize, usize)>,
}

#[derive(Default)]
struct Passed {
    points: usize,
    answers: usize,
    labels: Vec<&'static str>,
}

#[derive(Clone)]
struct World {
    connector: Connector,
    surroundings: Surroundings,
    mishap: Mishap,
    passed: Arc<Mutex<Passed>>,
    killed: Arc<Notify>,
}

impl World {
    fn new(connector: &Connector, surroundings: &Surroundings, mishap: Mishap) -> Self {
        Self {
            connector: connector.clone(),
            surroundings: surroundings.clone(),
            mishap,
            passed: Arc::default(),
            killed: Arc::default(),
        }
    }

    /// A step of the server; where it is the one at which it is killed, nothing comes behind it.
    async fn point(&self, label: &'static str) {
        let killed = {
            let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
            passed.points += 1;
            passed.labels.push(label);
            self.mishap.kill.is_some_and(|kill| passed.points == kill + 1)
        };
        if killed {
            self.killed.notify_one();
            pending::<()>().await;
        }
    }

    /// Whether the answer that came just now is lost on its way.
    fn loses(&self) -> bool {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let number = passed.answers;
        passed.answers += 1;
        self.mishap.lost.is_some_and(|(from, more)| (from..=from + more).contains(&number))
    }

    fn session(&self, username: &str, password: &SecretString) -> Watched {
        let Way::Redfish(options) = &self.connector.way else { panic!("it is Redfish") };
        let login = Login { username: username.to_owned(), password: password.clone() };
        let surroundings = Surroundings {
            sessions: Arc::new(ironhand_connectors::MemorySessions::default()),
            ..self.surroundings.clone()
        };
        let device = RedfishDevice::open(&self.connector, options, Some(login), &surroundings).unwrap();
        Watched { session: RedfishSession::new(device), world: self.clone() }
    }
}

/// A session whose answers may be lost, and at which the server may be killed.
struct Watched {
    session: RedfishSession,
    world: World,
}

impl Session for Watched {
    type Place = String;

    async fn enter(&mut self) -> Result<(), DeviceError> {
        self.world.point("before a login").await;
        let entered = self.session.enter().await;
        self.world.point("behind a login").await;
        if self.world.loses() {
            let address = self.world.connector.address.clone();
            return Err(Error::Silent { address, after: Duration::from_secs(1) }.into());
        }
        entered
    }

    async fn find(&mut self, username: &str) -> Result<String, NoPlace> {
        let found = self.session.find(username).await;
        if self.world.loses() { Err(NoPlace::Unread("it was lost".to_owned())) } else { found }
    }

    async fn write(&mut self, place: &String, secret: &SecretString) -> Written {
        self.world.point("before a password is sent").await;
        let written = self.session.write(place, secret).await;
        self.world.point("behind a password is sent").await;
        if self.world.loses() { Written::NoReply("it was lost".to_owned()) } else { written }
    }

    async fn end(self) {
        self.session.end().await;
    }
}

impl Console for World {
    type Session = Watched;

    async fn open(&mut self, username: &str, password: &SecretString) -> Result<Watched, DeviceError> {
        Ok(self.session(username, password))
    }

    async fn try_beside(&mut self, username: &str, password: &SecretString) -> Result<Watched, DeviceError> {
        Ok(self.session(username, password))
    }

    fn refused(&mut self, _why: &DeviceError) {}

    async fn rest(&mut self, _time: Duration) {
        // The simulated controller has no clock that this would be for.
        self.point("before a wait").await;
    }
}

async fn attempt(
    world: &World,
    store: &Store,
    machine: RotationMachine,
    rotation: &mut Rotation,
) -> Option<Outcome> {
    let host = rotation.host.clone();
    let settings = ironhand_api::Settings::default();
    let ledger = StoredLedger { store, host: &host, token: None, settings };
    let account = Account::new(world.clone(), rotation);
    tokio::select! {
        outcome = drive(machine, rotation, account, &ledger) => Some(outcome.unwrap()),
        () = world.killed.notified() => None,
    }
}

async fn can_log_in(world: &World, rotation: &Rotation, password: &str) -> bool {
    let tried = Rotation { new: password.into(), ..rotation.clone() };
    let mut account = Account::new(world.clone(), &tried);
    let reply = account.login(Which::New).await;
    Box::pin(account.end()).await;
    reply == LoginReply::Accepted
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kill_and_every_lost_answer_leaves_a_secret_that_works() {
    let fleet = Fleet::start(FleetConfig::new(1)).await.unwrap();
    let at = fleet.hosts()[0].redfish;
    let options = RedfishOptions { tls: Tls::Default, ..RedfishOptions::default() };
    let mut connector = Connector::new(Way::Redfish(options), at.ip().to_string());
    connector.port = Some(at.port());
    let surroundings = Surroundings::default();
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), KeySource::File).await.unwrap();

    let whole = 24;
    let kills = (0..whole).map(|kill| Mishap { kill: Some(kill), lost: None });
    let losses = (0..6).flat_map(|from| [0, 2].map(|more| Mishap { kill: None, lost: Some((from, more)) }));
    let mut valid = FIRST.to_owned();
    let mut killed_at = BTreeSet::new();
    for (number, mishap) in std::iter::once(Mishap::default()).chain(kills).chain(losses).enumerate() {
        let text = format!(r#"{{"metadata":{{"name":"h{number}"}},"spec":{{"connectors":[]}}}}"#);
        let host: Host = serde_json::from_str(&text).unwrap();
        let name = host.metadata.name.clone();
        store.apply(host, clock::now()).await.unwrap();
        let mut rotation = Rotation {
            host: name.clone(),
            job: number as u64 + 1,
            username: USER.to_owned(),
            phase: RotationPhase::Prepared,
            old_credential: None,
            old: valid.clone().into(),
            new: format!("Canary{number:04}New-ab").into(),
            attempts: 0,
            changed_at: clock::now(),
        };
        let world = World::new(&connector, &surroundings, mishap);
        let outcome = Box::pin(attempt(&world, &store, RotationMachine::begin(), &mut rotation)).await;
        if outcome.is_none() {
            let passed = world.passed.lock().unwrap();
            killed_at.extend(passed.labels.last().copied());
        }
        if number == 0 {
            assert_eq!(outcome.unwrap().phase, RotationPhase::Committed, "without a mishap");
        }
        // The next start goes on from what is stored.
        let healed = World::new(&connector, &surroundings, Mishap::default());
        for _ in 0..10 {
            let Some(mut kept) = store.rotation(&name).await.unwrap() else { break };
            let machine = RotationMachine::resume(kept.phase, kept.attempts);
            Box::pin(attempt(&healed, &store, machine, &mut kept)).await;
        }
        assert!(store.rotation(&name).await.unwrap().is_none(), "{mishap:?}: it does not come to an end");
        let kept = store.host_secrets(&name).await.unwrap();
        let before = valid.clone();
        if let Some(kept) = kept.first() {
            kept.password.expose_secret().clone_into(&mut valid);
        }
        assert!(Box::pin(can_log_in(&healed, &rotation, &valid)).await, "{mishap:?}: nobody can log in");
        if valid != before {
            assert!(
                !Box::pin(can_log_in(&healed, &rotation, &before)).await,
                "{mishap:?}: the old one is valid"
            );
        }
    }
    assert!(killed_at.len() >= 4, "{killed_at:?}");
    store.close().await;
    fleet.shutdown().await;
}
