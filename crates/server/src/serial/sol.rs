//! The serial console that a BMC gives over its LAN (IPMI 2.0, section 15).
//!
//! It has a session of its own, at a port of its own: the one over which the host's power is read and switched comes and
//! goes with its credentials, and a request that waits there must not wait for a screen full of characters.
//!
//! A console that is lost is opened again, with longer and longer waits between: a BMC whose session ended uncleanly needs
//! up to a minute until it gives its console again, and trying every few seconds has kept machines from booting. A console
//! that another takes is not taken back.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::Bytes;
use ironhand_api::{Connector, IpmiOptions};
use ironhand_connectors::{Error, Login, SerialConsole};
use ironhand_ipmi::sol::{SerialProbe, SolClosed, SolConfig, SolEvent};
use ironhand_ipmi::{ClientConfig, Condition};
use ironhand_ipmi_port::{Bmc, IpmiPort, OpenError, SolStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::Settings;
use crate::credentials::BackOff;
use crate::device::DeviceError;
use crate::lane::{canonical, resolve, suites};
use crate::settings::retransmit;

/// The first wait before a console is opened again; doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(4);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// For how long a lost console is opened again: a BMC that restarts takes some minutes.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// How long what is typed may wait: a machine that is off or in reset takes nothing.
const TAKEN: Duration = Duration::from_secs(20);

/// How long a BMC may take to close the console and the session.
const CLOSING: Duration = Duration::from_secs(5);

/// Where a BMC's console is.
#[derive(Clone)]
pub(crate) struct SolTarget {
    /// The port for consoles.
    pub(crate) port: IpmiPort,
    /// The addresses of the one BMC, the preferred one first.
    pub(crate) peers: Vec<SocketAddr>,
    /// How to log in.
    pub(crate) config: ClientConfig,
    /// How the console is asked for.
    pub(crate) sol: SolConfig,
}

/// A BMC's serial console.
pub(crate) struct SolConsole {
    target: SolTarget,
    state: State,
    back_off: BackOff,
    /// When it was lost, since when it has not been open again.
    lost: Option<Instant>,
    /// Why it is not open.
    lapses: watch::Sender<Option<Error>>,
}

enum State {
    Open(Open),
    /// It was lost, and is opened again at this time.
    Waiting {
        until: Instant,
        why: Error,
    },
    /// It is being opened again, whether somebody waits for it or not.
    Opening {
        opening: AbortOnDropHandle<Result<Open, Failure>>,
        why: Error,
    },
    /// It is not opened again.
    Ended(Error),
}

/// An open console with its session.
struct Open {
    stream: SolStream,
    bmc: Bmc,
}

/// Why a console is not open.
struct Failure {
    error: Error,
    /// Whether it may be opened later without anybody doing anything.
    passes: bool,
}

impl SolConsole {
    /// Logs in and opens the console. Where another session has it, that is told, and nothing is taken.
    pub(crate) async fn open(target: SolTarget) -> Result<Self, Error> {
        let open = target.open().await.map_err(|failure| failure.error)?;
        let back_off = BackOff::new(FIRST_WAIT, LONGEST_WAIT);
        let lapses = watch::Sender::new(None);
        Ok(Self { target, state: State::Open(open), back_off, lost: None, lapses })
    }

    async fn receive_next(&mut self) -> Result<Bytes, Error> {
        loop {
            match &mut self.state {
                State::Open(open) => match open.stream.reader.next().await {
                    Some(SolEvent::Data(characters)) => {
                        // It works only when the machine is heard: some BMCs open a console that is dead.
                        self.back_off.worked();
                        self.lost = None;
                        return Ok(characters.into());
                    }
                    Some(SolEvent::Closed(closed)) => self.closed(self.target.failure(closed, true)),
                    None => self.closed(self.target.failure(SolClosed::Lost, true)),
                    Some(_) => {}
                },
                State::Waiting { until, why } => {
                    sleep_until(*until).await;
                    let (target, why) = (self.target.clone(), why.clone());
                    let opening = AbortOnDropHandle::new(tokio::spawn(async move { target.open().await }));
                    self.state = State::Opening { opening, why };
                }
                State::Opening { opening, why } => {
                    let stopping = || Failure { error: why.clone(), passes: false };
                    // An error means that the runtime is shutting down.
                    match opening.await.unwrap_or_else(|_| Err(stopping())) {
                        Ok(open) => {
                            self.state = State::Open(open);
                            self.lapses.send_replace(None);
                        }
                        Err(failure) => self.closed(failure),
                    }
                }
                State::Ended(error) => return Err(error.clone()),
            }
        }
    }

    /// Chooses what is done about a console that is closed.
    fn closed(&mut self, Failure { error, passes }: Failure) {
        let now = Instant::now();
        let lost = *self.lost.get_or_insert(now);
        self.lapses.send_replace(Some(error.clone()));
        self.state = if passes && now.duration_since(lost) < PATIENCE {
            let wait = jittered(self.back_off.failed());
            tracing::debug!(%error, ?wait, "serial console lost");
            State::Waiting { until: now + wait, why: error }
        } else {
            State::Ended(error)
        };
    }

    /// The open console, to write to.
    fn writer(&mut self) -> Result<&mut Open, Error> {
        match &mut self.state {
            State::Open(open) => Ok(open),
            State::Waiting { why, .. } | State::Opening { why, .. } => {
                Err(Error::Busy { reason: format!("the console was lost and is being opened again: {why}") })
            }
            State::Ended(error) => Err(error.clone()),
        }
    }
}

impl SolTarget {
    /// The console of a connector of type `ipmi` under a login.
    pub(crate) async fn of(
        connector: &Connector,
        options: &IpmiOptions,
        login: Login,
        port: IpmiPort,
        settings: &Settings,
    ) -> Result<Self, DeviceError> {
        let (mut peers, mut unknown) = (Vec::new(), None);
        for address in connector.addresses() {
            match resolve(&address, connector.effective_port(), settings).await {
                Ok(found) => peers.extend(found.into_iter().map(canonical)),
                Err(error) => unknown = Some(error),
            }
        }
        if let Some(error) = unknown.filter(|_| peers.is_empty()) {
            return Err(error);
        }
        let mut config = ClientConfig::new(login.username, login.password);
        config.suites = suites(options);
        config.retransmit = retransmit(settings);
        Ok(Self::new(port, peers, config))
    }

    /// The console at these addresses of a BMC.
    pub(crate) fn new(port: IpmiPort, peers: Vec<SocketAddr>, config: ClientConfig) -> Self {
        // A machine that restarts leaves some BMCs with a console that carries nothing: no acknowledgement shows it.
        let sol = SolConfig { probe: SerialProbe::Empty, ..SolConfig::default() };
        Self { port, peers, config, sol }
    }

    /// Opens the console over the first of the addresses that leads to the BMC.
    async fn open(&self) -> Result<Open, Failure> {
        let mut last = Failure {
            error: Error::Misconfigured { reason: "the BMC has no address".to_owned() },
            passes: false,
        };
        for peer in &self.peers {
            last = match self.open_at(*peer).await {
                Err(failure) if matches!(failure.error, Error::Unreachable { .. }) => failure,
                opened => return opened,
            };
        }
        Err(last)
    }

    async fn open_at(&self, peer: SocketAddr) -> Result<Open, Failure> {
        let bmc = self.port.open(peer, self.config.clone()).await.map_err(|error| of_port(&error))?;
        match bmc.sol(self.sol).await {
            Ok(stream) => Ok(Open { stream, bmc }),
            Err(closed) => {
                // BMCs have few sessions. One that does not answer is left.
                let _ = timeout(CLOSING, bmc.close()).await;
                Err(self.failure(closed, false))
            }
        }
    }

    /// What it comes to that the console is closed, or was not opened.
    fn failure(&self, closed: SolClosed, was_open: bool) -> Failure {
        let taken = |reason: String| Error::Busy { reason };
        let (error, passes) = match closed {
            SolClosed::Stolen | SolClosed::Deactivated if was_open => (taken(closed.to_string()), false),
            // Our own session may hold it still, when it was lost.
            SolClosed::InUse => (taken(closed.to_string()), true),
            SolClosed::Disabled | SolClosed::Requested => {
                (Error::Refused { reason: closed.to_string() }, false)
            }
            SolClosed::Refused(_) => (Error::Refused { reason: closed.to_string() }, true),
            SolClosed::Failed(error) => (self.of_session(error), error.condition() != Condition::AuthFailed),
            _ => (self.unreachable(closed.to_string()), true),
        };
        Failure { error, passes }
    }

    fn of_session(&self, error: ironhand_ipmi::Error) -> Error {
        let reason = error.to_string();
        match error.condition() {
            Condition::Unreachable => self.unreachable(reason),
            Condition::AuthFailed => {
                Error::LoginRefused { username: self.config.username.clone(), reason: Some(reason) }
            }
            Condition::Throttled => Error::Busy { reason },
            Condition::Refused => Error::Refused { reason },
            Condition::ProtocolError => Error::Malformed { reason },
        }
    }

    fn unreachable(&self, reason: String) -> Error {
        let address = self.peers.first().map(ToString::to_string).unwrap_or_default();
        Error::Unreachable { address, reason }
    }
}

fn of_port(error: &OpenError) -> Failure {
    let error = match error {
        OpenError::InUse { .. } => Error::Busy { reason: error.to_string() },
        OpenError::NoIpv6 { peer } => {
            Error::Unreachable { address: peer.to_string(), reason: "this machine has no IPv6".to_owned() }
        }
        OpenError::Stopping => Error::Refused { reason: error.to_string() },
    };
    let passes = matches!(error, Error::Busy { .. });
    Failure { error, passes }
}

/// A wait shortened by up to a quarter, so that the consoles of a rack that lost power do not all come back at once.
fn jittered(wait: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness they come back together, which is bearable.
    let _ = getrandom::fill(&mut byte);
    wait - wait / 4 * u32::from(byte[0]) / 256
}

impl SerialConsole for SolConsole {
    fn receive(&mut self) -> BoxFuture<'_, Result<Bytes, Error>> {
        Box::pin(self.receive_next())
    }

    fn send<'a>(&'a mut self, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let open = self.writer()?;
            match timeout(TAKEN, open.stream.writer.write(bytes)).await {
                Ok(Ok(())) => Ok(()),
                // Why it is closed, whoever receives is told.
                Ok(Err(ended)) => Err(Error::Busy { reason: ended.to_string() }),
                Err(_) => {
                    let reason =
                        "the machine takes no characters: it is off or in reset; what was typed waits";
                    Err(Error::Busy { reason: reason.to_owned() })
                }
            }
        })
    }

    fn send_break(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        let sent = self.writer().map(|open| open.stream.writer.send_break());
        Box::pin(std::future::ready(sent))
    }

    fn lapses(&self) -> Option<watch::Receiver<Option<Error>>> {
        Some(self.lapses.subscribe())
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let State::Open(Open { stream: SolStream { mut reader, writer }, bmc }) = self.state else {
                return;
            };
            // This deactivates the console; the reader hears of it, and then the session is closed.
            drop(writer);
            let orderly = async {
                while reader.next().await.is_some() {}
                bmc.close().await;
            };
            if timeout(CLOSING, orderly).await.is_err() {
                tracing::warn!("the BMC did not say that its serial console is closed");
            }
        })
    }
}

#[cfg(test)]
mod tests;
