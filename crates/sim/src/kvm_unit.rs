//! Units at a machine's buttons, screen and keyboard (IP-KVM), which answer as PiKVM, NanoKVM and JetKVM do, and the remote
//! consoles of controllers, which have a screen and keys alone.
//!
//! A [`KvmUnit`] stands before a [`Machine`]: a press of the power button starts it or asks it to shut down, one that is
//! held takes its power, keys arrive at what it runs, and its screen comes out as JPEG pictures, or as the video of a JetKVM.

mod aten;
mod console;
mod front;
mod ivtp;
mod jetkvm;
mod keyboard;
mod nanokvm;
mod pikvm;
mod web_login;
pub(crate) mod websocket;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use ironhand_console::Image;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Certificate;
use crate::machine::{Machine, MachineConfig};
use crate::picture::picture;

/// Boards take a press of the power button that lasts so long as one that is held (ACPI).
const HELD: Duration = Duration::from_secs(4);

/// Quality of pictures, as PiKVM has it without being told otherwise.
const QUALITY: u8 = 80;

/// The most presses and keys that are remembered.
const MOST_REMEMBERED: usize = 10_000;

/// Which unit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitKind {
    /// PiKVM (kvmd 4).
    Pikvm,
    /// NanoKVM (2.5).
    Nanokvm,
    /// JetKVM (0.4).
    Jetkvm,
    /// The console of a controller of Supermicro.
    Aten,
    /// The console of a controller with AMI's MegaRAC SP-X.
    Ivtp,
}

impl UnitKind {
    /// As connectors call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pikvm => "pikvm",
            Self::Nanokvm => "nanokvm",
            Self::Jetkvm => "jetkvm",
            Self::Aten => "aten",
            Self::Ivtp => "ivtp",
        }
    }
}

impl FromStr for UnitKind {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "pikvm" => Ok(Self::Pikvm),
            "nanokvm" => Ok(Self::Nanokvm),
            "jetkvm" => Ok(Self::Jetkvm),
            "aten" => Ok(Self::Aten),
            "ivtp" => Ok(Self::Ivtp),
            _ => Err("use pikvm, nanokvm, jetkvm, aten or ivtp"),
        }
    }
}

/// What a [`KvmUnit`] is made of.
#[derive(Clone, Debug)]
pub struct KvmUnitConfig {
    /// Which unit it is.
    pub kind: UnitKind,
    /// Its address.
    pub bind: IpAddr,
    /// TCP port; 0 takes a free one.
    pub port: u16,
    /// What it shows over TLS; plain HTTP without.
    pub certificate: Option<Certificate>,
    /// Who may use it.
    pub user: String,
    /// With this password.
    pub password: SecretString,
    /// The machine behind it. Its pace is that of the buttons, too.
    pub machine: MachineConfig,
}

impl KvmUnitConfig {
    /// A unit without TLS at a free port of 127.0.0.1, whose user is `admin`.
    #[must_use]
    pub fn new(kind: UnitKind, password: SecretString, machine: MachineConfig) -> Self {
        let bind = Ipv4Addr::LOCALHOST.into();
        Self { kind, bind, port: 0, certificate: None, user: "admin".to_owned(), password, machine }
    }
}

/// What is wrong with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitFault {
    /// Its buttons and lights are switched off in its settings.
    AtxDisabled,
    /// It cannot read the power light.
    LightUnknown,
    /// It is busy with another press.
    Busy,
    /// The cable to the buttons is loose: presses do nothing.
    ButtonsLoose,
    /// The machine sends no picture.
    NoSignal,
    /// Nobody has set it up yet.
    NotSetUp,
    /// It lets nobody in without a code of a second factor.
    SecondFactor,
    /// A console of Supermicro is that of old firmware, for Java.
    NoHtml5,
    /// A console of AMI encrypts its pictures.
    Encrypted,
    /// A JetKVM answers the offer of a session, and sends no packet of it from then on.
    Silent,
    /// A JetKVM answers with the fingerprint of a key that it has not.
    ForeignKey,
    /// A JetKVM never sends a picture that stands for itself.
    NoKeyPicture,
    /// The video of a JetKVM is no H.264.
    GarbledVideo,
    /// The packets of a JetKVM's video arrive damaged, or are under another key: the two look alike.
    CorruptPackets,
    /// A JetKVM sends packets as fast as it can, which look like video of ever new sources.
    Flood,
    /// A JetKVM sends messages without end in the channel of calls.
    Chatter,
    /// Its service is not there, and what stands before it says so in HTML.
    Down,
}

/// A button of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    /// The power button.
    Power,
    /// The reset button.
    Reset,
}

/// A press of a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ButtonPress {
    /// Which.
    pub button: Button,
    /// For how long it was down, at pace 1.
    pub held: Duration,
    /// Whether the machine was on then.
    pub was_on: bool,
}

/// Why a unit cannot be simulated.
#[derive(Debug, thiserror::Error)]
#[error("cannot simulate a unit at {address}")]
pub struct KvmUnitError {
    address: SocketAddr,
    source: std::io::Error,
}

/// A simulated unit with a machine behind it. It stops when it is dropped.
pub struct KvmUnit {
    address: SocketAddr,
    state: Arc<State>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl KvmUnit {
    /// Starts a unit.
    ///
    /// # Errors
    ///
    /// [`KvmUnitError`] where the port cannot be had.
    pub async fn start(config: KvmUnitConfig) -> Result<Self, KvmUnitError> {
        let address = SocketAddr::new(config.bind, config.port);
        let listened = async {
            let listener = TcpListener::bind(address).await?;
            let old = TcpListener::bind((config.bind, 0)).await?;
            Ok((listener.local_addr()?, listener, old))
        };
        let (address, listener, old) = listened.await.map_err(|source| KvmUnitError { address, source })?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let tls = config.certificate.as_ref().map(Certificate::acceptor);
        let state = Arc::new(State::new(config));
        if state.config.kind == UnitKind::Aten {
            state.inner().old_port = old.local_addr().map_or(0, |address| address.port());
            tasks.spawn(console::serve_old(old, Arc::clone(&state), stop.clone(), tasks.clone()));
        }
        tasks.spawn(front::serve(listener, tls, Arc::clone(&state), stop.clone(), tasks.clone()));
        tasks.close();
        Ok(Self { address, state, stop, tasks })
    }

    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether the machine has power.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.state.machine().is_on()
    }

    /// What the machine shows.
    #[must_use]
    pub fn screen(&self) -> String {
        self.state.machine().screen().text()
    }

    /// What the machine shows, in pixels; none where it sends no picture.
    #[must_use]
    pub fn picture(&self) -> Option<Image> {
        let shown = self.state.shown()?;
        let (width, height) = (shown.width().into(), shown.height().into());
        Some(Image { width, height, pixels: shown.pixels().to_vec() })
    }

    /// Breaks the unit, or mends it.
    pub fn break_unit(&self, fault: Option<UnitFault>) {
        self.state.inner().fault = fault;
    }

    /// The presses so far, in order.
    #[must_use]
    pub fn presses(&self) -> Vec<ButtonPress> {
        self.state.inner().presses.clone()
    }

    /// The keys so far, in order: X11 keysyms as the US layout has them, and whether they went down.
    #[must_use]
    pub fn keys(&self) -> Vec<(u32, bool)> {
        self.state.inner().keys.clone()
    }

    /// Sessions of its web pages that are open.
    #[must_use]
    pub fn web_sessions(&self) -> usize {
        self.state.inner().web_sessions.len()
    }

    /// Stops it, and frees its port.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for KvmUnit {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The unit and its machine, as requests see them.
struct State {
    config: KvmUnitConfig,
    machine: Mutex<Machine>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    fault: Option<UnitFault>,
    presses: Vec<ButtonPress>,
    keys: Vec<(u32, bool)>,
    /// The usages of keys that are down.
    down: Vec<u8>,
    /// A button is down.
    pressing: bool,
    /// Who watches the screen, so that pictures are made.
    watchers: usize,
    /// Logins that failed in a row.
    failures: u32,
    /// Sessions of the web pages of a controller.
    web_sessions: Vec<String>,
    /// The page that has the token of the next console.
    page: Option<String>,
    /// What lets into the next console.
    console_token: Option<String>,
    /// What lets into the next console of the old kind, and where that is.
    old_login: Option<(SecretString, SecretString)>,
    old_port: u16,
    /// The session of a JetKVM, of which it has one.
    viewer: Option<tokio::sync::mpsc::Sender<jetkvm::Order>>,
    /// A viewer of the console is there whose keys are heard.
    has_master: bool,
}

impl State {
    fn new(config: KvmUnitConfig) -> Self {
        let machine = Machine::new(config.machine.clone(), Instant::now());
        Self { config, machine: Mutex::new(machine), inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, fault: UnitFault) -> bool {
        self.inner().fault == Some(fault)
    }

    /// The machine as it is now: nobody looks at it between two requests.
    fn machine(&self) -> MutexGuard<'_, Machine> {
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while let Some(due) = machine.next_wake().filter(|due| *due <= now) {
            machine.wake(due);
        }
        while machine.next_output().is_some() {}
        machine
    }

    /// Presses a button; returns when it is up again. False where another press is under way.
    async fn press(&self, button: Button, held: Duration) -> bool {
        let loose = {
            let mut inner = self.inner();
            if inner.pressing || inner.fault == Some(UnitFault::Busy) {
                return false;
            }
            inner.pressing = true;
            inner.fault == Some(UnitFault::ButtonsLoose)
        };
        let was_on = self.machine().is_on();
        tokio::time::sleep(held.div_f64(self.config.machine.pace)).await;
        if !loose {
            let (mut machine, now) = (self.machine(), Instant::now());
            match button {
                Button::Reset if was_on => machine.hard_reset(now),
                Button::Reset => {}
                Button::Power if held >= HELD => machine.power_down(now),
                Button::Power if was_on => machine.soft_shutdown(now),
                Button::Power => machine.power_up(now),
            }
        }
        let mut inner = self.inner();
        inner.pressing = false;
        if inner.presses.len() < MOST_REMEMBERED {
            inner.presses.push(ButtonPress { button, held, was_on });
        }
        true
    }

    /// A key goes down or up, by its usage on the keyboard page of USB.
    fn key(&self, usage: u8, down: bool) {
        let keysym = {
            let mut inner = self.inner();
            let shifted = inner.down.iter().any(|usage| keyboard::SHIFTS.contains(usage));
            inner.down.retain(|known| *known != usage);
            if down {
                inner.down.push(usage);
            }
            let Some(keysym) = keyboard::keysym(usage, shifted) else { return };
            if inner.keys.len() < MOST_REMEMBERED {
                inner.keys.push((keysym, down));
            }
            keysym
        };
        self.machine().key(Instant::now(), keysym, down);
    }

    /// A whole state of the keyboard: bits of modifiers, a reserved byte, six keys.
    fn report(&self, report: [u8; 8]) {
        let modifiers = (0..8).filter(|bit| report[0] & 1 << bit != 0).map(|bit| 0xe0 + bit);
        let now: Vec<u8> = modifiers.chain(report[2..].iter().copied().filter(|usage| *usage != 0)).collect();
        let before = self.inner().down.clone();
        for usage in before.iter().filter(|usage| !now.contains(usage)) {
            self.key(*usage, false);
        }
        for usage in now.iter().filter(|usage| !before.contains(usage)) {
            self.key(*usage, true);
        }
    }

    /// Types a text on the US layout; what has no key there is left out.
    fn type_text(&self, text: &str) {
        for character in text.chars() {
            let Some((usage, shift)) = keyboard::of_character(character) else { continue };
            let shift = shift.then_some(keyboard::LEFT_SHIFT);
            shift.into_iter().for_each(|shift| self.key(shift, true));
            self.key(usage, true);
            self.key(usage, false);
            shift.into_iter().for_each(|shift| self.key(shift, false));
        }
    }

    /// The screen as a JPEG picture; nothing while the machine sends none.
    fn picture(&self) -> Option<Vec<u8>> {
        if self.has(UnitFault::NoSignal) {
            return None;
        }
        let drawn = {
            let machine = self.machine();
            machine.is_on().then(|| picture(machine.screen()))?
        };
        let rgb: Vec<u8> = drawn
            .pixels()
            .iter()
            .flat_map(|pixel| {
                let [_, red, green, blue] = pixel.to_be_bytes();
                [red, green, blue]
            })
            .collect();
        let mut file = Vec::new();
        let (width, height) = (u32::from(drawn.width()), u32::from(drawn.height()));
        let encoder = JpegEncoder::new_with_quality(&mut file, QUALITY);
        encoder.write_image(&rgb, width, height, ExtendedColorType::Rgb8).ok()?;
        Some(file)
    }
}
