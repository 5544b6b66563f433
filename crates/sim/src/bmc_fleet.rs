//! Thousands of simulated BMCs in one process, on loopback addresses.
//!
//! Where a [`Fleet`](crate::Fleet) simulates whole servers with screens, a [`BmcFleet`] has BMCs alone: each with
//! an address, users, sessions and a machine that follows the power button. A BMC costs a few bytes until
//! something is sent to it, and all of them share a few sockets and threads. Those sockets are tied to the
//! loopback device: nothing outside of the machine reaches them.
//!
//! ```
//! # fn main() -> Result<(), ironhand_sim::BmcFleetError> {
//! use ironhand_sim::{BmcFleet, BmcFleetConfig};
//!
//! let fleet = BmcFleet::start(BmcFleetConfig::new(3))?;
//! assert!(fleet.addresses().all(|address| address.ip().is_loopback()));
//! assert_eq!(fleet.is_on(2), Some(true));
//! assert_eq!(fleet.shutdown().sessions_opened, 0);
//! # Ok(())
//! # }
//! ```

mod addresses;
pub(crate) mod console;
mod host;
mod path;
mod plan;
mod redfish;
mod script;
mod socket;
mod statistics;
mod switch;
mod visits;
mod worker;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ironhand_ipmi::bmc::{Ipmi15Config, SelClock};
use ironhand_ipmi::{CipherSuite, kg_fits};
use nix::sys::eventfd::{EfdFlags, EventFd};
use secrecy::SecretString;
use thiserror::Error;

use self::addresses::Addresses;
use self::host::Pattern;
pub use self::plan::{BmcFault, BmcSelector, FaultPlan, FaultRule, MAX_RULES, Share, ShareError, Spread};
pub use self::redfish::RedfishConfig;
use self::redfish::Running;
pub use self::script::ScriptError;
use self::socket::Socket;
use self::statistics::Counters;
pub use self::statistics::Statistics;
pub use self::switch::PowerTimes;
pub use self::visits::Visits;
use self::worker::{Nudge, Places, Shared, Worker};
use crate::fleet::allow_files;

/// BMCs that one fleet may have.
pub const MAX_BMCS: usize = 65_000;

/// Sockets that share a port: each has a receive buffer of its own, and bursts of consoles fill those.
const SHARED_SOCKETS: u32 = 8;

/// Threads that serve a fleet where the machine has as many cores.
const THREADS: usize = 4;

/// What a [`BmcFleet`] is made of.
#[derive(Clone, Debug)]
pub struct BmcFleetConfig {
    /// How many BMCs: 1 to [`MAX_BMCS`].
    pub count: usize,
    /// The address of the first, a loopback address. Each further one has the next address, of which those that
    /// end in 0 and 255 are left out.
    pub bind: IpAddr,
    /// UDP port of IPMI at all of them; 0 gives each a free port of the first address.
    pub port: u16,
    /// Whether they speak IPMI.
    pub ipmi: bool,
    /// How they speak Redfish; `None` where they do not.
    pub redfish: Option<RedfishConfig>,
    /// User name at all of them, an administrator.
    pub user: String,
    /// Password at all of them: up to 20 bytes.
    pub password: SecretString,
    /// The cipher suites that all of them accept, the preferred one first. Faults can take some from a few.
    pub suites: Vec<CipherSuite>,
    /// The key Kg of all of them, as in [`BmcConfig::kg`](ironhand_ipmi::BmcConfig::kg): up to 20 bytes.
    pub kg: Option<SecretString>,
    /// What all of them offer of IPMI 1.5 sessions.
    pub ipmi15: Ipmi15Config,
    /// How long a session at any of them may be silent before it is closed.
    pub inactivity: Duration,
    /// What session ids, GUIDs and the dice of faults are drawn from.
    pub seed: u64,
    /// Whether the machines have power at first.
    pub on: bool,
    /// What the clocks of the BMCs show when they start.
    pub time: SystemTime,
    /// How fast the machines follow their buttons.
    pub times: PowerTimes,
    /// What is wrong with which of them.
    pub plan: FaultPlan,
}

impl BmcFleetConfig {
    /// So many BMCs at free ports of 127.0.0.1, user `admin` with password `simulated`, suites 17 and 3, no Kg,
    /// nothing of IPMI 1.5, sessions that are closed after a minute of silence, machines that are on, and nothing wrong.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self {
            count,
            bind: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            ipmi: true,
            redfish: None,
            user: "admin".to_owned(),
            password: "simulated".into(),
            suites: CipherSuite::PREFERRED.to_vec(),
            kg: None,
            ipmi15: Ipmi15Config::default(),
            inactivity: Duration::from_secs(60),
            seed: 1,
            on: true,
            time: SystemTime::now(),
            times: PowerTimes::default(),
            plan: FaultPlan::none(),
        }
    }
}

/// Why a [`BmcFleet`] could not start.
#[derive(Debug, Error)]
pub enum BmcFleetError {
    /// There cannot be so many, or so few.
    #[error("there can be 1 to {MAX_BMCS} simulated BMCs, not {count}")]
    Count {
        /// How many were asked for.
        count: usize,
    },
    /// The key is longer than IPMI can carry, or its hexadecimal digits are malformed.
    #[error("a Kg is up to 20 bytes of text, or 0x and an even count of hexadecimal digits for as many")]
    Kg,
    /// They would be reachable from outside, or there are not enough addresses.
    #[error("there are no {count} loopback addresses from {first} on; simulated BMCs listen nowhere else")]
    Addresses {
        /// How many BMCs there should be.
        count: usize,
        /// The first address.
        first: IpAddr,
    },
    /// A socket was refused.
    #[error("simulated BMC {number} cannot listen on {address}")]
    Bind {
        /// Its number, counted from 1.
        number: usize,
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system refused something else.
    #[error("cannot serve simulated BMCs")]
    System {
        /// What the system says.
        #[from]
        source: io::Error,
    },
}

/// Simulated BMCs that answer in the background until [`BmcFleet::shutdown`], or until this is dropped.
pub struct BmcFleet {
    shared: Arc<Shared>,
    stop: Arc<EventFd>,
    threads: Vec<JoinHandle<()>>,
    redfish: Option<Running>,
}

impl BmcFleet {
    /// Starts the BMCs. All of them can be reached when this returns.
    ///
    /// # Errors
    ///
    /// [`BmcFleetError`], and nothing runs.
    pub fn start(config: BmcFleetConfig) -> Result<Self, BmcFleetError> {
        if !(1..=MAX_BMCS).contains(&config.count) {
            return Err(BmcFleetError::Count { count: config.count });
        }
        if !config.kg.as_ref().is_none_or(kg_fits) {
            return Err(BmcFleetError::Kg);
        }
        let listening = match &config.redfish {
            Some(redfish) => Some(redfish::open(&config, redfish.port)?),
            None => None,
        };
        let (places, sockets) = match (&listening, config.ipmi) {
            (Some(listening), false) => (listening.places.clone(), Vec::new()),
            _ => listen(&config)?,
        };
        let redfish_places = listening.as_ref().map(|listening| listening.places.clone());
        let alone = sockets.first().is_some_and(|socket| socket.only.is_some());
        let start = Instant::now();
        let shared = Arc::new(Shared {
            start,
            places,
            ipmi: config.ipmi,
            redfish: redfish_places,
            hosts: std::iter::repeat_with(|| Mutex::new(None)).take(config.count).collect(),
            counters: Counters::default(),
            pattern: Pattern {
                user: config.user,
                password: config.password,
                suites: config.suites,
                kg: config.kg,
                ipmi15: config.ipmi15,
                inactivity: config.inactivity,
                seed: config.seed,
                on: config.on,
                times: config.times,
                clock: SelClock { at: start, seconds: seconds_of(config.time) },
                plan: config.plan,
                flavours: config.redfish.as_ref().map(|redfish| redfish.flavours.clone()).unwrap_or_default(),
            },
        });
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        let stop = Arc::new(EventFd::from_flags(flags).map_err(io::Error::from)?);
        let mut fleet = Self { shared, stop, threads: Vec::new(), redfish: None };
        let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().clamp(1, THREADS));
        let mut parts: Vec<Vec<Socket>> = std::iter::repeat_with(Vec::new).take(threads).collect();
        for (place, socket) in sockets.into_iter().enumerate() {
            parts[place % threads].push(socket);
        }
        // One without sockets still wakes machines that Redfish clients have told something.
        parts.retain(|sockets| !sockets.is_empty());
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        let mut nudges = Vec::new();
        for sockets in parts {
            let nudge = Arc::new(Nudge::new()?);
            nudges.push(Arc::clone(&nudge));
            let worker = Worker::new(Arc::clone(&fleet.shared), sockets, nudge);
            let epoll = worker.watch(&fleet.stop)?;
            let thread = std::thread::Builder::new().name("sim-bmc".to_owned());
            fleet.threads.push(thread.spawn(move || worker.run(&epoll))?);
        }
        if let (Some(redfish), Some(listening)) = (config.redfish, listening) {
            let running = Running::start(Arc::clone(&fleet.shared), redfish, listening, nudges, alone)?;
            fleet.redfish = Some(running);
        }
        Ok(fleet)
    }

    /// How many BMCs there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.hosts.len()
    }

    /// Where the BMC with this index, counted from 0, speaks IPMI.
    #[must_use]
    pub fn address(&self, index: usize) -> Option<SocketAddr> {
        self.shared.places.get(index).filter(|_| self.shared.ipmi)
    }

    /// Where the BMC with this index, counted from 0, speaks Redfish.
    #[must_use]
    pub fn redfish(&self, index: usize) -> Option<SocketAddr> {
        self.shared.redfish.as_ref()?.get(index)
    }

    /// Where the BMCs speak IPMI, in the order of their numbers.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        (0..self.count()).filter_map(|index| self.address(index))
    }

    /// The truth about a machine: whether it has power.
    #[must_use]
    pub fn is_on(&self, index: usize) -> Option<bool> {
        self.shared.is_on(index)
    }

    /// How many sessions are open at the Redfish service and the web pages of one BMC.
    #[must_use]
    pub fn web_sessions(&self, index: usize) -> Option<usize> {
        self.shared.web_sessions(index)
    }

    /// What one BMC was asked so far, and by whom.
    #[must_use]
    pub fn visits(&self, index: usize) -> Option<Visits> {
        self.shared.visits(index)
    }

    /// What was counted so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.shared.counters.statistics()
    }

    /// Ends all BMCs, waits until none of their sockets is open, and says what was counted.
    pub fn shutdown(mut self) -> Statistics {
        self.end();
        self.statistics()
    }

    fn end(&mut self) {
        if let Some(mut redfish) = self.redfish.take() {
            redfish.end();
        }
        if let Err(error) = self.stop.write(1) {
            tracing::error!(%error, "simulated BMCs cannot be told to stop");
            return;
        }
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so, and is gone.
            let _ = thread.join();
        }
    }
}

impl Drop for BmcFleet {
    fn drop(&mut self) {
        self.end();
    }
}

/// Seconds since 1970, as a BMC counts them: its clock ends in the year 2106 and begins in 1970.
fn seconds_of(time: SystemTime) -> u32 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}

/// Opens the sockets.
fn listen(config: &BmcFleetConfig) -> Result<(Places, Vec<Socket>), BmcFleetError> {
    let &BmcFleetConfig { count, bind: first, port, .. } = config;
    let missing = || BmcFleetError::Addresses { count, first };
    if !addresses::is_loopback(first) {
        return Err(missing());
    }
    if port == 0 || count == 1 {
        let (sockets, places) = singles(&vec![SocketAddr::new(first, port); count])?;
        return Ok((Places::Each(places), sockets));
    }
    let IpAddr::V4(first) = first else { return Err(missing()) };
    let addresses = Addresses::new(first, count).ok_or_else(missing)?;
    let places = Places::Consecutive { addresses, port };
    let sockets = match shared(port) {
        Ok(sockets) => sockets,
        Err(error) => {
            tracing::info!(%error, port, "no socket for all addresses: each simulated BMC takes one of its own");
            singles(&(0..count).filter_map(|index| places.get(index)).collect::<Vec<_>>())?.0
        }
    };
    Ok((places, sockets))
}

fn shared(port: u16) -> io::Result<Vec<Socket>> {
    let first = Socket::shared(port)?;
    let others = (1..SHARED_SOCKETS).map(|_| Socket::another(port)).collect::<io::Result<Vec<_>>>()?;
    first.spread_by_address(SHARED_SOCKETS)?;
    Ok(std::iter::once(first).chain(others).collect())
}

/// A socket for each of these addresses, and where they listen.
fn singles(addresses: &[SocketAddr]) -> Result<(Vec<Socket>, Vec<SocketAddr>), BmcFleetError> {
    allow_files(addresses.len() as u64);
    let mut bound = (Vec::new(), Vec::new());
    for (index, &address) in addresses.iter().enumerate() {
        let refused = |source| BmcFleetError::Bind { number: index + 1, address, source };
        let socket = Socket::single(address, index).map_err(refused)?;
        bound.1.push(socket.local_addr().map_err(refused)?);
        bound.0.push(socket);
    }
    Ok(bound)
}

#[cfg(test)]
mod tests;
