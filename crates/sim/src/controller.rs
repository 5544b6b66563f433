//! A management controller on a UDP socket: the shell around [`ironhand_ipmi::Bmc`].

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ironhand_ipmi::bmc::{FruConfig, SelClock, SelConfig, SolSettings};
use ironhand_ipmi::{Bmc, BmcConfig, BmcEvent, BmcOutput, ChassisStatus, PrivilegeLevel, User};
use secrecy::SecretString;
use tokio::net::UdpSocket;

use crate::bmc_fleet::console::SerialConsole;
use crate::machine::Seed;
use crate::power_log::{self, PowerChange};
use crate::redfish::moment;

/// Longest datagram taken in: RMCP+ messages of the commands served here are far below, and Ethernet carries
/// no more at once.
const MAX_DATAGRAM: usize = 1500;

/// How long to wait after the socket failed, so that a socket that fails at once again does not keep a core
/// busy.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

/// How a controller answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As it should.
    #[default]
    Proper,
    /// Not at all.
    Silent,
    /// With bytes that are no IPMI behind the first header.
    Garbage,
}

pub(crate) struct Controller {
    socket: UdpSocket,
    state: Mutex<State>,
}

struct State {
    bmc: Bmc,
    /// What is behind the machine's serial port.
    console: SerialConsole,
    manner: Manner,
    noise: Seed,
}

impl Controller {
    /// A controller of the machine called `name`.
    pub(crate) async fn bind(at: SocketAddr, bmc: Bmc, name: &str) -> io::Result<Self> {
        let socket = UdpSocket::bind(at).await?;
        let state = State {
            bmc,
            console: SerialConsole::new(name.to_owned()),
            manner: Manner::Proper,
            noise: Seed::new(1),
        };
        Ok(Self { socket, state: Mutex::new(state) })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Looks at or changes the controller. Where this makes an earlier wake necessary, the caller of
    /// [`Self::turn`] must call it anew.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Bmc) -> T) -> T {
        change(&mut self.state().bmc)
    }

    /// Changes the controller from another protocol than IPMI, and says what this leads to.
    pub(crate) fn act<T>(&self, change: impl FnOnce(&mut Bmc) -> T) -> (T, Vec<BmcEvent>) {
        let mut state = self.state();
        let changed = change(&mut state.bmc);
        let events = self.drain(&mut state);
        (changed, events)
    }

    pub(crate) fn manner(&self) -> Manner {
        self.state().manner
    }

    pub(crate) fn set_manner(&self, manner: Manner) {
        self.state().manner = manner;
    }

    /// Power came or went, as asked.
    pub(crate) fn show_power(&self, power_on: bool) {
        let change = if power_on { PowerChange::On } else { PowerChange::Off };
        self.with(|bmc| match bmc.chassis().power_on == power_on {
            true => power_log::show(bmc, power_on),
            false => power_log::tell(bmc, Instant::now(), change),
        });
    }

    /// The machine's system runs as it should, or does so no longer, which its serial port shows.
    pub(crate) fn show_system(&self, runs: bool) {
        let mut state = self.state();
        let output = state.console.follow(runs);
        if !output.is_empty() {
            state.bmc.console_output(Instant::now(), &output);
        }
    }

    /// Power could not be switched as asked.
    pub(crate) fn show_power_control_fault(&self) {
        self.with(|bmc| bmc.set_chassis(ChassisStatus { power_control_fault: true, ..bmc.chassis() }));
    }

    /// Waits for a datagram, or for a deadline of the controller's or `until`, and does what is to be done.
    /// May be dropped at any time.
    pub(crate) async fn turn(&self, until: Option<Instant>) -> Vec<BmcEvent> {
        let deadline = self.with(|bmc| bmc.next_wake()).into_iter().chain(until).min();
        let mut datagram = vec![0; MAX_DATAGRAM];
        tokio::select! {
            received = self.socket.recv_from(&mut datagram) => match received {
                Ok((length, from)) => self.take(from, &datagram[..length]),
                Err(error) => {
                    tracing::warn!(%error, "the socket of a simulated management controller failed");
                    tokio::time::sleep(AFTER_FAILURE).await;
                    Vec::new()
                }
            },
            () = sleep_until(deadline) => {
                let mut state = self.state();
                state.bmc.wake(Instant::now());
                self.drain(&mut state)
            }
        }
    }

    fn take(&self, from: SocketAddr, datagram: &[u8]) -> Vec<BmcEvent> {
        let mut state = self.state();
        if state.manner == Manner::Silent {
            return Vec::new();
        }
        state.bmc.receive(Instant::now(), from, datagram);
        self.drain(&mut state)
    }

    fn drain(&self, state: &mut State) -> Vec<BmcEvent> {
        let mut events = Vec::new();
        while let Some(output) = state.bmc.next_output() {
            match output {
                BmcOutput::Send { to, bytes } => {
                    let bytes = match state.manner {
                        Manner::Proper => bytes,
                        Manner::Garbage => spoilt(bytes, &mut state.noise),
                        Manner::Silent => continue,
                    };
                    // A datagram may get lost on the way, so it may also get lost in a full socket buffer.
                    let _ = self.socket.try_send_to(&bytes, to);
                }
                BmcOutput::Event(BmcEvent::ConsoleOpened { .. }) => {
                    state.bmc.console_output(Instant::now(), &state.console.open());
                }
                BmcOutput::Event(BmcEvent::ConsoleInput(input)) => {
                    let output = state.console.input(&input);
                    state.bmc.console_output(Instant::now(), &output);
                }
                BmcOutput::Event(BmcEvent::ConsoleBreak) => {
                    let output = state.console.take_break();
                    state.bmc.console_output(Instant::now(), &output);
                }
                BmcOutput::Event(event) => events.push(event),
            }
        }
        events
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere while the lock was held has ended that host's task; the state itself is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The RMCP header as it was, noise behind it.
fn spoilt(mut bytes: Vec<u8>, noise: &mut Seed) -> Vec<u8> {
    for byte in bytes.iter_mut().skip(4) {
        *byte ^= u8::try_from(1 + noise.below(255)).unwrap_or(0xA5);
    }
    bytes
}

/// A controller with one administrator, whose event log begins now.
pub(crate) fn bmc(
    user: &str,
    password: SecretString,
    guid: [u8; 16],
    fru: FruConfig,
    power_on: bool,
    serial: bool,
) -> Bmc {
    let users = vec![User::new(user, password, PrivilegeLevel::Administrator)];
    let chassis = ChassisStatus { power_on, ..ChassisStatus::default() };
    let now = moment();
    // The clock of a controller ends in the year 2106.
    let clock = SelClock { at: now.at, seconds: u32::try_from(now.unix).unwrap_or(u32::MAX) };
    let sel = SelConfig { clock: Some(clock), ..SelConfig::default() };
    let sol = SolSettings { enabled: serial, ..SolSettings::default() };
    let config = BmcConfig { guid, chassis, sel, fru, sol, ..BmcConfig::new(users) };
    let mut bmc = Bmc::new(config, Box::new(fill_random));
    power_log::show(&mut bmc, power_on);
    bmc
}

/// Bytes of the operating system's generator. Sessions of a controller must not open with predictable ones,
/// so there is no going on without it.
pub(crate) fn fill_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system gives random bytes");
}

/// A challenge for a viewer that logs in.
pub(crate) fn random_challenge() -> [u8; 16] {
    let mut challenge = [0; 16];
    fill_random(&mut challenge);
    challenge
}

/// Sleeps until `deadline`, or for ever.
pub(crate) async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
