//! Checks of hosts themselves: one task keeps the times of all, each check is a short task of its own, and results go
//! to the lane of the host.
//!
//! How many are made at once is bounded, and so are sockets: pings share one for each family of addresses. Checks that
//! are due when the bound is reached are made later, not dropped. What cannot be asked from here, since this machine
//! does not allow it, has no route or no name, says nothing of the host and is told as unknown.

mod http;
mod ping;
mod tcp;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use ironhand_api::{Check, CheckState, Name, Probe, Timestamp};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::clock;
use http::HttpProbe;
use ping::Pinger;

/// Checks that are made at the same time: 10,000 hosts of which none answers keep this many busy.
const AT_ONCE: usize = 2048;

/// Connections of checks that are open at the same time, of the file descriptors that a process has.
const CONNECTIONS: usize = 256;

/// Orders of lanes that wait.
const ORDERS: usize = 64;

/// Results that wait for one lane; a lane that is behind misses those that come then, as the next ones tell the same.
const RESULTS: usize = 32;

/// Between two checks at least, whatever a manifest says.
const SHORTEST: Duration = Duration::from_millis(100);

/// Makes the checks of all hosts; cheap to clone.
#[derive(Clone)]
pub(crate) struct CheckDesk {
    orders: mpsc::Sender<Order>,
    _task: Arc<AbortOnDropHandle<()>>,
}

/// What came of one check.
#[derive(Clone, Debug)]
pub(crate) struct CheckResult {
    pub(crate) name: String,
    /// What was asked, like `ping 10.1.7.12`.
    pub(crate) asked: String,
    pub(crate) at: Timestamp,
    pub(crate) found: Found,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The host answered as it should.
    Passing,
    /// It did not, and why.
    Failing(String),
    /// It could not be asked from here, and why.
    Unknown(String),
}

impl Found {
    /// The state, with the reason.
    pub(crate) fn told(self) -> (CheckState, Option<String>) {
        match self {
            Self::Passing => (CheckState::Passing, None),
            Self::Failing(reason) => (CheckState::Failing, Some(reason)),
            Self::Unknown(reason) => (CheckState::Unknown, Some(reason)),
        }
    }
}

struct Order {
    host: Name,
    checks: Vec<Check>,
    results: mpsc::Sender<CheckResult>,
}

/// One check that is made again and again, until nobody wants its results.
struct Entry {
    check: Check,
    results: mpsc::Sender<CheckResult>,
}

/// What all checks share.
struct Tools {
    pinger: Pinger,
    http: HttpProbe,
    connections: Semaphore,
}

impl CheckDesk {
    pub(crate) fn start() -> Self {
        let (orders, asked) = mpsc::channel(ORDERS);
        let task = AbortOnDropHandle::new(tokio::spawn(run(asked)));
        Self { orders, _task: Arc::new(task) }
    }

    /// Makes these checks of a host until the receiver of their results is dropped. Heartbeats are not asked for, and
    /// are left out.
    pub(crate) async fn watch(&self, host: &Name, checks: &[Check]) -> mpsc::Receiver<CheckResult> {
        let (results, told) = mpsc::channel(RESULTS);
        let asked = |check: &&Check| !matches!(check.probe, Probe::Heartbeat(_));
        let checks: Vec<Check> = checks.iter().filter(asked).cloned().collect();
        if !checks.is_empty() {
            // An error means that the server stops.
            let _ = self.orders.send(Order { host: host.clone(), checks, results }).await;
        }
        told
    }
}

async fn run(mut orders: mpsc::Receiver<Order>) {
    let tools = Arc::new(Tools {
        pinger: Pinger::default(),
        http: HttpProbe::default(),
        connections: Semaphore::new(CONNECTIONS),
    });
    let mut due: BinaryHeap<Reverse<(Instant, u64)>> = BinaryHeap::new();
    let mut entries: HashMap<u64, Entry> = HashMap::new();
    let mut made: JoinSet<(u64, Instant)> = JoinSet::new();
    let mut last = 0;
    loop {
        let next = due.peek().map(|Reverse((at, _))| *at).filter(|_| made.len() < AT_ONCE);
        tokio::select! {
            order = orders.recv() => {
                let Some(Order { host, checks, results }) = order else { return };
                let now = Instant::now();
                for check in checks {
                    last += 1;
                    // A fleet that is taken up at once is not asked at once, and keeps its distances.
                    due.push(Reverse((now + share(&host, &check), last)));
                    entries.insert(last, Entry { check, results: results.clone() });
                }
            }
            Some(done) = made.join_next() => {
                if let Ok((id, at)) = done {
                    due.push(Reverse((at, id)));
                }
            }
            () = until(next) => {
                let Some(Reverse((at, id))) = due.pop() else { continue };
                match entries.get(&id).filter(|entry| !entry.results.is_closed()) {
                    Some(entry) => {
                        made.spawn(make(id, at, entry.check.clone(), entry.results.clone(), Arc::clone(&tools)));
                    }
                    None => {
                        entries.remove(&id);
                    }
                }
            }
        }
    }
}

async fn until(next: Option<Instant>) {
    match next {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// A part of the time between two checks that is this one's own.
fn share(host: &Name, check: &Check) -> Duration {
    let mut hash = DefaultHasher::new();
    (host, check.name()).hash(&mut hash);
    check.every().mul_f64((hash.finish() % 1000) as f64 / 1000.0)
}

/// Makes a check that was due at a time, tells what came of it, and says when it is due again.
async fn make(
    id: u64,
    due: Instant,
    check: Check,
    results: mpsc::Sender<CheckResult>,
    tools: Arc<Tools>,
) -> (u64, Instant) {
    let probing = AssertUnwindSafe(probe(&check, &tools)).catch_unwind();
    let found =
        probing.await.unwrap_or_else(|_| Found::Unknown("the check failed inside Ironhand".to_owned()));
    let result = CheckResult { name: check.name(), asked: check.probe.to_string(), at: clock::now(), found };
    // A lane that is behind, or gone, is told by the next one, or not at all.
    let _ = results.try_send(result);
    let next = due + check.every().max(SHORTEST);
    // What was held up is not made up for.
    (id, if next > Instant::now() { next } else { Instant::now() + SHORTEST })
}

async fn probe(check: &Check, tools: &Tools) -> Found {
    let limit = check.timeout();
    match &check.probe {
        Probe::Ping(address) => match ping::address(address).await {
            Ok(address) => tools.pinger.ping(address, limit).await,
            Err(found) => found,
        },
        Probe::Tcp(address) => connected(tools, limit, tcp::connect(address, None)).await,
        Probe::Ssh(address) => connected(tools, limit, tcp::greeting(address)).await,
        Probe::Http(wanted) => connected(tools, limit, tools.http.get(wanted)).await,
        Probe::Heartbeat(_) => Found::Unknown("heartbeats are not asked for".to_owned()),
    }
}

/// A check that takes a connection. The time that it waits for one is not counted.
async fn connected<T>(
    tools: &Tools,
    limit: Duration,
    check: impl Future<Output = Result<T, Found>>,
) -> Found {
    let Ok(_permit) = tools.connections.acquire().await else {
        return Found::Unknown("the server stops".to_owned());
    };
    match timeout(limit, check).await {
        Ok(Ok(_)) => Found::Passing,
        Ok(Err(found)) => found,
        Err(_) => Found::Failing(format!("no answer within {}", ironhand_api::Span::from(limit))),
    }
}

#[cfg(test)]
mod tests;
