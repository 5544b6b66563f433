//! Machines that are spoken to by WS-Management: the Intel AMT engine in one, or the Windows that runs on it.
//!
//! A [`WsmanService`] answers for a [`Machine`] on a TCP port, with or without TLS, and can be told to answer wrongly. Both
//! may answer for the same machine.
//!
//! | file | holds |
//! | --- | --- |
//! | `soap` | envelopes, as a service reads and writes them |
//! | `login` | digest and Basic authentication, as a service asks for them |
//! | `amt` | the classes of Intel AMT |
//! | `redirection` | the screen of the machine, as Intel AMT shows it two ports above |
//! | `serial` | the serial line of the machine, on the same port |
//! | `windows` | the classes of Windows |

mod amt;
mod login;
mod redirection;
mod serial;
mod soap;
mod windows;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ironhand_redfish::bmc::{Delivery, ReplyBody, ServiceReply, ServiceRequest, StreamId};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::amt::Engine;
use self::login::Gate;
use self::redirection::Door;
use self::soap::{Reply, SoapFault};
use crate::Certificate;
use crate::machine::Machine;
use crate::redfish::{Front, serve};

/// Connections to one service at a time.
const MOST_CONNECTIONS: usize = 16;

/// What answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WsmanKind {
    /// The engine of Intel AMT: it answers with the machine off, too, and asks for a digest.
    Amt,
    /// Windows: it answers while the operating system runs, and takes a password by Basic authentication, over TLS only.
    Windows,
}

/// What a [`WsmanService`] is made of.
#[derive(Clone)]
pub struct WsmanConfig {
    /// What answers.
    pub kind: WsmanKind,
    /// Its address.
    pub bind: IpAddr,
    /// TCP port; 0 takes a free one.
    pub port: u16,
    /// The certificate that it shows; without one it speaks plain HTTP.
    pub certificate: Option<Certificate>,
    /// Who may log in.
    pub username: String,
    /// With what.
    pub password: SecretString,
    /// Whether the agent of Intel AMT runs on the machine, through which it can be shut down in order.
    pub agent: bool,
    /// Whether Intel AMT redirects screen and serial line from the beginning, and listens for those who want to see them.
    pub redirects: bool,
    /// Whether somebody at the machine must consent to that, which nobody does here.
    pub needs_consent: bool,
    /// The machine.
    pub machine: Arc<Mutex<Machine>>,
}

impl WsmanConfig {
    /// At a free port of 127.0.0.1 without TLS, for `admin` with a password, with the agent.
    #[must_use]
    pub fn new(kind: WsmanKind, machine: Arc<Mutex<Machine>>, password: SecretString) -> Self {
        let bind = Ipv4Addr::LOCALHOST.into();
        let username = "admin".to_owned();
        Self {
            kind,
            bind,
            port: 0,
            certificate: None,
            username,
            password,
            agent: true,
            redirects: false,
            needs_consent: false,
            machine,
        }
    }
}

/// What is wrong with a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WsmanFault {
    /// It shows a page for people.
    Page,
    /// Its answers end in the middle, though HTTP says that they are whole.
    CutOff,
    /// Its answers bring a document type whose entities grow without end.
    Entities,
    /// It answers in SOAP 1.1.
    OtherSoap,
    /// It lets nobody in, and asks for a new proof each time.
    NoEntry,
    /// Each of its challenges may be answered once.
    OneUse,
    /// It answers so much later.
    Late(Duration),
    /// Its methods do what is asked, and the connection breaks before the answer.
    Lost,
    /// Its methods do what is asked, and answer with a page for people.
    MethodPage,
    /// It refuses everything with this code of DSP0226.
    Refuses(&'static str),
    /// Its methods do nothing, and return this value.
    Returns(u32),
}

/// Why a service cannot be simulated.
#[derive(Debug, thiserror::Error)]
#[error("cannot simulate WS-Management at {address}")]
pub struct WsmanError {
    address: SocketAddr,
    source: io::Error,
}

/// A simulated service. It stops when it is dropped.
pub struct WsmanService {
    address: SocketAddr,
    desk: Arc<Desk>,
    stop: CancellationToken,
}

impl WsmanService {
    /// Starts a service.
    ///
    /// # Errors
    ///
    /// [`WsmanError`] where the port cannot be had.
    pub async fn start(config: WsmanConfig) -> Result<Self, WsmanError> {
        let address = SocketAddr::new(config.bind, config.port);
        let failed = |source| WsmanError { address, source };
        let (listener, redirection) = bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let tls = config.certificate.as_ref().map(Certificate::acceptor);
        let state = State { gate: Gate::new(&config), engine: Engine::new(&config), fault: None };
        let desk = Arc::new(Desk { kind: config.kind, machine: config.machine, state: Mutex::new(state) });
        let stop = CancellationToken::new();
        if config.kind == WsmanKind::Amt {
            let (username, password) = (config.username, config.password);
            let port = serial::Port::new(&desk.machine);
            let door = Door { desk: Arc::clone(&desk), username, password, tls: tls.clone(), port };
            tokio::spawn(redirection::serve(redirection, door, stop.clone()));
        }
        let serving =
            serve(listener, tls, Arc::clone(&desk), MOST_CONNECTIONS, stop.clone(), TaskTracker::new());
        tokio::spawn(serving);
        Ok(Self { address, desk, stop })
    }

    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks it, or mends it.
    pub fn break_service(&self, fault: Option<WsmanFault>) {
        self.desk.state().fault = fault;
    }

    /// The numbers of the power changes that its methods were asked for and did, in order: those of DSP1027, or the flags
    /// of `Win32Shutdown`.
    #[must_use]
    pub fn history(&self) -> Vec<u16> {
        self.desk.state().engine.history.clone()
    }

    /// Whether Intel AMT redirects the screen, and whether it listens for those who want to see it.
    #[must_use]
    pub fn redirects(&self) -> (bool, bool) {
        let redirection = &self.desk.state().engine.redirection;
        (redirection.is_on, redirection.listens)
    }

    /// Whether Intel AMT redirects the serial line.
    #[must_use]
    pub fn redirects_serial(&self) -> bool {
        self.desk.state().engine.redirection.serial
    }

    /// How often somebody was not let in.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.desk.state().gate.refusals
    }
}

impl Drop for WsmanService {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl fmt::Debug for WsmanService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WsmanService").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Takes the port of WS-Management and that of redirection.
async fn bind(address: SocketAddr) -> io::Result<(TcpListener, TcpListener)> {
    /// Of free ports, so many are tried until the one above is free, too.
    const TRIES: usize = 32;
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..TRIES {
        let listener = TcpListener::bind(address).await?;
        let mut above = listener.local_addr()?;
        above.set_port(above.port().saturating_add(redirection::PORT_OFFSET));
        match TcpListener::bind(above).await {
            Ok(redirection) => return Ok((listener, redirection)),
            Err(error) if address.port() != 0 => return Err(error),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What answers requests.
struct Desk {
    kind: WsmanKind,
    machine: Arc<Mutex<Machine>>,
    state: Mutex<State>,
}

struct State {
    gate: Gate,
    engine: Engine,
    fault: Option<WsmanFault>,
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a request that was let in comes to; `None` where nobody is there to answer.
    fn answered(&self, state: &mut State, request: &ServiceRequest) -> Option<Reply> {
        let now = Instant::now();
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        machine.wake(now);
        if self.kind == WsmanKind::Windows && !windows::runs(&machine) {
            return None;
        }
        let read = std::str::from_utf8(request.body()).map_err(|_| SoapFault::schema("It is not UTF-8."));
        Some(soap::answer(read, |asked| match (state.fault, self.kind) {
            (Some(WsmanFault::Refuses(code)), _) => Err(SoapFault::new(code, "It was told to refuse.")),
            (Some(WsmanFault::Returns(value)), _) if asked.method().is_some() => Ok(asked.returned(value)),
            (_, WsmanKind::Amt) => state.engine.answer(asked, &mut machine, now),
            (_, WsmanKind::Windows) => windows::answer(asked, &mut machine, now, &mut state.engine.history),
        }))
    }
}

impl Front for Desk {
    fn answer(&self, _at: SocketAddr, request: ServiceRequest) -> Option<ServiceReply> {
        if request.method() != "POST" || request.path() != "/wsman" {
            return Some(empty(if request.path() == "/wsman" { 405 } else { 404 }));
        }
        let mut state = self.state();
        let fault = state.fault;
        if fault == Some(WsmanFault::Page) {
            return Some(ServiceReply::page_for_people());
        }
        if let Err(challenge) = state.gate.admit(&request, fault) {
            let mut refusal = empty(401);
            refusal.headers.push(("WWW-Authenticate", challenge));
            return Some(refusal);
        }
        let reply = self.answered(&mut state, &request)?;
        if fault == Some(WsmanFault::MethodPage) && reply.of_method {
            return Some(ServiceReply::page_for_people());
        }
        let mut xml = reply.xml;
        let mut delivery = Delivery::default();
        match fault {
            Some(WsmanFault::CutOff) => xml.truncate(xml.len() / 2),
            Some(WsmanFault::Entities) => xml = soap::laughing(&xml),
            Some(WsmanFault::OtherSoap) => xml = xml.replace(soap::SOAP, soap::SOAP_1_1),
            Some(WsmanFault::Late(after)) => delivery.after = after,
            Some(WsmanFault::Lost) if reply.of_method => delivery.cut_at = Some(0),
            _ => {}
        }
        let headers = vec![("Content-Type", "application/soap+xml;charset=UTF-8".to_owned())];
        Some(ServiceReply {
            status: reply.status,
            headers,
            body: ReplyBody::Bytes(xml.into_bytes()),
            delivery,
        })
    }

    fn next_event(&self, _at: SocketAddr, _stream: StreamId) -> Option<String> {
        None
    }

    fn end_stream(&self, _at: SocketAddr, _stream: StreamId) {}
}

fn empty(status: u16) -> ServiceReply {
    ServiceReply { status, headers: Vec::new(), body: ReplyBody::Empty, delivery: Delivery::default() }
}
