//! A management controller for a QEMU guest: IPMI on UDP, Redfish over TLS, the guest's screen on TCP.
//!
//! | IPMI | does |
//! | --- | --- |
//! | power on | starts QEMU |
//! | power off | ends QEMU |
//! | power cycle | ends QEMU, starts it again after [`QemuConfig::off_time`] |
//! | hard reset | `system_reset`; a new QEMU where the boot device has been changed |
//! | soft shutdown | `system_powerdown`, an ACPI power button; QEMU ends when the guest has shut down |
//! | diagnostic interrupt | `inject-nmi` |
//! | boot flags | `-boot once=` at the next start, which uses them up; `-boot order=` if they are persistent |
//!
//! A guest whose QEMU ends for any reason is off. The screen's port is always ours: it hands viewers on to
//! QEMU's own VNC server while that runs, and shows black while it does not. A viewer is disconnected when
//! power comes or goes, as by many management controllers, and sees the other screen when it connects again.
//!
//! `-boot` speaks to the PC BIOS. OVMF follows it only for devices without a `bootindex` of their own.

mod guest;
mod qmp;
mod redfish;
mod screen;

use std::ffi::OsString;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use ironhand_ipmi::{BmcEvent, ChassisControl};
use ironhand_redfish::bmc::Flavour;
use secrecy::SecretString;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::guest::Guest;
pub use self::qmp::QmpError;
use self::redfish::Redfish;
use self::screen::Front;
use crate::controller::{Controller, bmc, random_challenge};
use crate::inventory;
use crate::redfish::{Certificate, CertificateError, serve};

/// Power actions that wait while an earlier one is under way. A console has one request in flight; further
/// ones are dropped here as by a controller that is busy.
const MAX_ORDERS: usize = 8;

/// What a [`QemuBmc`] runs, and where it listens.
#[derive(Clone, Debug)]
pub struct QemuConfig {
    /// The guest's name.
    pub name: String,
    /// The program; looked for in `PATH` where it is a bare name.
    pub program: PathBuf,
    /// Arguments of QEMU: memory, disks, network. Display, VNC, QMP and the boot order are added to them.
    pub args: Vec<OsString>,
    /// The address of controller and screen.
    pub bind: IpAddr,
    /// UDP port of the controller; 0 takes a free one.
    pub ipmi_port: u16,
    /// TCP port of Redfish; 0 takes a free one, and `None` leaves Redfish out.
    pub redfish_port: Option<u16>,
    /// TCP port of the screen; 0 takes a free one.
    pub vnc_port: u16,
    /// User name of the controller's administrator.
    pub user: String,
    /// Password of the controller: up to 20 bytes.
    pub password: SecretString,
    /// Password of the screen, of which 8 bytes count; `None` lets anyone in.
    pub screen_password: Option<SecretString>,
    /// Whether the guest is on at first.
    pub power_on: bool,
    /// How long a power cycle keeps the guest off.
    pub off_time: Duration,
}

impl QemuConfig {
    /// The guest `name` with these arguments, on: `qemu-system-x86_64` from `PATH`, free ports of 127.0.0.1,
    /// user `admin`, no Redfish, no password for the screen, three seconds off in a power cycle.
    #[must_use]
    pub fn new(name: impl Into<String>, args: Vec<OsString>, password: SecretString) -> Self {
        Self {
            name: name.into(),
            program: "qemu-system-x86_64".into(),
            args,
            bind: Ipv4Addr::LOCALHOST.into(),
            ipmi_port: 0,
            redfish_port: None,
            vnc_port: 0,
            user: "admin".to_owned(),
            password,
            screen_password: None,
            power_on: true,
            off_time: Duration::from_secs(3),
        }
    }
}

/// Why a [`QemuBmc`] could not start, or its guest not be switched.
#[derive(Debug, Error)]
pub enum QemuError {
    /// A socket was refused.
    #[error("the {what} of guest {guest} cannot listen on {address}")]
    Bind {
        /// The guest.
        guest: String,
        /// `management controller`, `Redfish service` or `screen`.
        what: &'static str,
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The Redfish service has no certificate.
    #[error("the Redfish service has no certificate")]
    Certificate(#[from] CertificateError),
    /// The folder for QEMU's own sockets could not be made.
    #[error("no folder for the sockets of guest {guest}")]
    Folder {
        /// The guest.
        guest: String,
        /// What the system says.
        source: io::Error,
    },
    /// The program could not be started.
    #[error("guest {guest}: cannot start {}", .program.display())]
    Spawn {
        /// The guest.
        guest: String,
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// QEMU ended before the guest ran.
    #[error("guest {guest}: QEMU ended at once ({status}) and said: {stderr}")]
    Ended {
        /// The guest.
        guest: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote to its standard error.
        stderr: String,
    },
    /// QEMU started but its control socket never answered.
    #[error("guest {guest}: QEMU does not answer on its control socket")]
    NotReady {
        /// The guest.
        guest: String,
        /// The last attempt.
        source: QmpError,
    },
    /// QEMU did not carry out a command.
    #[error("guest {guest}: QEMU was asked in vain")]
    Qmp {
        /// The guest.
        guest: String,
        /// Why.
        source: QmpError,
    },
    /// QEMU could not be waited for.
    #[error("guest {guest}: QEMU's end cannot be seen")]
    Wait {
        /// The guest.
        guest: String,
        /// What the system says.
        source: io::Error,
    },
}

/// A management controller with a QEMU guest behind it, running in the background until [`QemuBmc::shutdown`]
/// or until this is dropped. Either ends the guest.
pub struct QemuBmc {
    ipmi: SocketAddr,
    redfish: Option<SocketAddr>,
    vnc: SocketAddr,
    power: watch::Receiver<bool>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl QemuBmc {
    /// Starts the controller, and the guest where [`QemuConfig::power_on`] says so.
    ///
    /// # Errors
    ///
    /// [`QemuError`]: a port is taken, or QEMU does not run with these arguments; then nothing is left
    /// running.
    pub async fn start(config: QemuConfig) -> Result<Self, QemuError> {
        let refused = |what, port| {
            let (guest, address) = (config.name.clone(), SocketAddr::new(config.bind, port));
            move |source| QemuError::Bind { guest, what, address, source }
        };
        let fru = inventory::devices(Flavour::GENERIC, redfish::SERIAL);
        // Without a serial console: what the controller could show there would not be the guest's.
        let controller = bmc(&config.user, config.password.clone(), random_challenge(), fru, false, false);
        let controller =
            Controller::bind(SocketAddr::new(config.bind, config.ipmi_port), controller, &config.name)
                .await
                .map_err(refused("management controller", config.ipmi_port))?;
        let controller = Arc::new(controller);
        let listener = TcpListener::bind(SocketAddr::new(config.bind, config.vnc_port))
            .await
            .map_err(refused("screen", config.vnc_port))?;
        let redfish = match config.redfish_port {
            Some(port) => Some(
                TcpListener::bind(SocketAddr::new(config.bind, port))
                    .await
                    .and_then(|listener| Ok((listener.local_addr()?, listener)))
                    .map_err(refused("Redfish service", port))?,
            ),
            None => None,
        };
        let ipmi = controller.address().map_err(refused("management controller", config.ipmi_port))?;
        let vnc = listener.local_addr().map_err(refused("screen", config.vnc_port))?;

        let mut guest = Guest::new(&config, controller.clone())?;
        if config.power_on {
            guest.start().await?;
        }
        let power = guest.power();
        let front = Front::new(&config, guest.screen_socket(), power.clone());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (orders, queue) = mpsc::channel(MAX_ORDERS);
        tasks.spawn(guest.run(queue, stop.clone()));
        tasks.spawn(front.run(listener, stop.clone(), tasks.clone()));
        let redfish = match redfish {
            Some((address, listener)) => {
                let service = Redfish::new(config.name.clone(), controller.clone(), orders.clone());
                let (service, tls) = (Arc::new(service), Certificate::self_signed()?.acceptor());
                tasks.spawn(service.clone().follow(power.clone(), stop.clone()));
                let most = redfish::MAX_CLIENTS;
                tasks.spawn(serve(listener, Some(tls), service, most, stop.clone(), tasks.clone()));
                Some(address)
            }
            None => None,
        };
        tasks.spawn(obey(controller, orders, stop.clone()));
        Ok(Self { ipmi, redfish, vnc, power, stop, tasks })
    }

    /// Where the controller speaks IPMI.
    #[must_use]
    pub fn ipmi(&self) -> SocketAddr {
        self.ipmi
    }

    /// Where the controller speaks Redfish, if it does.
    #[must_use]
    pub fn redfish(&self) -> Option<SocketAddr> {
        self.redfish
    }

    /// Where the screen speaks RFB.
    #[must_use]
    pub fn vnc(&self) -> SocketAddr {
        self.vnc
    }

    /// Whether the guest runs.
    #[must_use]
    pub fn is_on(&self) -> bool {
        *self.power.borrow()
    }

    /// Ends guest and controller, and waits until QEMU is gone and no socket is open.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for QemuBmc {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Runs a controller and its guest until `shutdown` is ready.
///
/// # Errors
///
/// As [`QemuBmc::start`].
pub async fn run(config: QemuConfig, shutdown: impl Future<Output = ()>) -> Result<(), QemuError> {
    let name = config.name.clone();
    let bmc = QemuBmc::start(config).await?;
    tracing::info!(guest = name, ipmi = %bmc.ipmi(), screen = %bmc.vnc(), "a QEMU guest has its controller");
    shutdown.await;
    bmc.shutdown().await;
    Ok(())
}

/// Hands power actions on to the guest, until `stop`.
async fn obey(controller: Arc<Controller>, orders: mpsc::Sender<ChassisControl>, stop: CancellationToken) {
    loop {
        let events = tokio::select! {
            () = stop.cancelled() => return,
            events = controller.turn(None) => events,
        };
        for control in events.iter().filter_map(BmcEvent::control) {
            order(&orders, control);
        }
    }
}

/// Hands a power action on to the guest.
fn order(orders: &mpsc::Sender<ChassisControl>, control: ChassisControl) {
    if orders.try_send(control).is_err() {
        tracing::warn!(?control, "a power action is dropped: the guest is busy with earlier ones");
    }
}
