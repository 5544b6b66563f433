//! The QEMU process of a guest: started, asked, ended, and its end noticed.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ironhand_ipmi::{BootDevice, BootFlags, ChassisControl};
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::qmp::{self, QmpError};
use super::{QemuConfig, QemuError};
use crate::controller::{Controller, sleep_until};

/// How much of QEMU's standard error is kept, in bytes: its last messages tell why it ended.
const KEPT_STDERR: usize = 4096;

/// How long QEMU may take until it answers on its control socket. It opens that before the guest runs.
const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// Between two attempts to reach a control socket that is not there yet.
const READY_INTERVAL: Duration = Duration::from_millis(25);

/// How long QEMU may take to end when asked; it is killed then.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// A guest's process, or the lack of one.
pub(super) struct Guest {
    name: String,
    program: PathBuf,
    args: Vec<OsString>,
    off_time: Duration,
    has_screen_password: bool,
    controller: Arc<Controller>,
    /// Holds QEMU's sockets; readable by this user only.
    folder: TempDir,
    child: Option<Child>,
    stderr: Arc<Mutex<Vec<u8>>>,
    /// The boot flags that the running QEMU was started with.
    booted_with: Option<BootFlags>,
    /// When a power cycle switches on again.
    start_at: Option<Instant>,
    power: watch::Sender<bool>,
}

impl Guest {
    pub(super) fn new(config: &QemuConfig, controller: Arc<Controller>) -> Result<Self, QemuError> {
        let failed = |source| QemuError::Folder { guest: config.name.clone(), source };
        let folder = tempfile::Builder::new().prefix("ironhand-qemu-").tempdir().map_err(failed)?;
        if let Some(password) = &config.screen_password {
            std::fs::write(folder.path().join("screen-password"), password.expose_secret())
                .map_err(failed)?;
        }
        Ok(Self {
            name: config.name.clone(),
            program: config.program.clone(),
            args: config.args.clone(),
            off_time: config.off_time,
            has_screen_password: config.screen_password.is_some(),
            controller,
            folder,
            child: None,
            stderr: Arc::default(),
            booted_with: None,
            start_at: None,
            power: watch::Sender::new(false),
        })
    }

    /// Whether QEMU runs.
    pub(super) fn power(&self) -> watch::Receiver<bool> {
        self.power.subscribe()
    }

    /// Where QEMU's own VNC server listens while it runs.
    pub(super) fn screen_socket(&self) -> PathBuf {
        self.folder.path().join("vnc")
    }

    fn control_socket(&self) -> PathBuf {
        self.folder.path().join("qmp")
    }

    /// Does what the controller is asked for, until `stop`; then ends QEMU.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<ChassisControl>, stop: CancellationToken) {
        loop {
            let start_at = self.start_at;
            let done = tokio::select! {
                () = stop.cancelled() => break,
                Some(order) = orders.recv() => {
                    tokio::select! {
                        () = stop.cancelled() => break,
                        done = self.obey(order) => done,
                    }
                }
                () = sleep_until(start_at) => {
                    tokio::select! {
                        () = stop.cancelled() => break,
                        done = self.start() => done,
                    }
                }
                ended = ended(&mut self.child) => self.note_end(ended),
            };
            if let Err(error) = done {
                tracing::error!(
                    guest = self.name,
                    error = &error as &dyn std::error::Error,
                    "QEMU does not do as told"
                );
                self.controller.show_power_control_fault();
            }
        }
        if let Err(error) = self.quit().await {
            tracing::error!(
                guest = self.name,
                error = &error as &dyn std::error::Error,
                "QEMU could not be ended"
            );
        }
    }

    async fn obey(&mut self, order: ChassisControl) -> Result<(), QemuError> {
        let is_on = self.child.is_some();
        match order {
            ChassisControl::PowerDown => self.quit().await,
            ChassisControl::PowerUp if !is_on && self.start_at.is_none() => self.start().await,
            ChassisControl::PowerCycle if is_on => {
                self.quit().await?;
                self.start_at = Some(Instant::now() + self.off_time);
                Ok(())
            }
            ChassisControl::HardReset if is_on && self.wants_other_boot() => {
                self.quit().await?;
                self.start().await
            }
            ChassisControl::HardReset if is_on => self.ask("system_reset").await,
            ChassisControl::SoftShutdown if is_on => self.ask("system_powerdown").await,
            ChassisControl::DiagnosticInterrupt if is_on => self.ask("inject-nmi").await,
            // What is on cannot be switched on, and what is off has no other button.
            _ => Ok(()),
        }
    }

    /// Whether a boot order was set that a reset of the running QEMU would not follow.
    fn wants_other_boot(&self) -> bool {
        let flags = self.controller.with(|bmc| bmc.boot_flags());
        flags.is_some_and(|flags| !flags.persistent || self.booted_with != Some(flags))
    }

    async fn ask(&self, command: &'static str) -> Result<(), QemuError> {
        qmp::execute(&self.control_socket(), command)
            .await
            .map_err(|source| QemuError::Qmp { guest: self.name.clone(), source })
    }

    /// Starts QEMU and waits until it answers.
    pub(super) async fn start(&mut self) -> Result<(), QemuError> {
        self.start_at = None;
        let flags = self.controller.with(|bmc| bmc.take_boot_flags());
        for socket in [self.control_socket(), self.screen_socket()] {
            // Left behind by a QEMU that was killed; it is in the way only if it exists.
            let _ = tokio::fs::remove_file(socket).await;
        }
        let mut child = Command::new(&self.program)
            .args(self.arguments(flags))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| QemuError::Spawn {
                guest: self.name.clone(),
                program: self.program.clone(),
                source,
            })?;
        self.stderr = Arc::default();
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(keep_end(stderr, self.stderr.clone()));
        }
        self.booted_with = flags;
        self.child = Some(child);
        let ready = self.ready().await;
        match ready {
            Ok(()) => self.show(true),
            Err(_) => self.quit().await?,
        }
        ready
    }

    async fn ready(&mut self) -> Result<(), QemuError> {
        let deadline = Instant::now() + READY_TIMEOUT;
        let socket = self.control_socket();
        loop {
            let failure = match qmp::execute(&socket, "query-status").await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            if let Some(status) = self.try_wait()? {
                // What it wrote last may still be on its way.
                tokio::time::sleep(READY_INTERVAL).await;
                return Err(QemuError::Ended { guest: self.name.clone(), status, stderr: self.last_words() });
            }
            if Instant::now() >= deadline || !matches!(failure, QmpError::Socket(_) | QmpError::Closed { .. })
            {
                return Err(QemuError::NotReady { guest: self.name.clone(), source: failure });
            }
            tokio::time::sleep(READY_INTERVAL).await;
        }
    }

    fn try_wait(&mut self) -> Result<Option<ExitStatus>, QemuError> {
        let Some(child) = &mut self.child else { return Ok(None) };
        child.try_wait().map_err(|source| QemuError::Wait { guest: self.name.clone(), source })
    }

    /// Ends QEMU: asks it first, so that it closes its disks in order.
    async fn quit(&mut self) -> Result<(), QemuError> {
        self.start_at = None;
        if self.child.is_none() {
            return Ok(());
        }
        // Whether it was asked in vain shows in that it does not end.
        let _ = tokio::time::timeout(QUIT_TIMEOUT, self.ask("quit")).await;
        if let Some(child) = &mut self.child
            && tokio::time::timeout(QUIT_TIMEOUT, child.wait()).await.is_err()
        {
            child.kill().await.map_err(|source| QemuError::Wait { guest: self.name.clone(), source })?;
        }
        self.child = None;
        self.show(false);
        Ok(())
    }

    /// QEMU ended by itself: the guest shut down, or QEMU crashed.
    fn note_end(&mut self, ended: io::Result<ExitStatus>) -> Result<(), QemuError> {
        self.child = None;
        self.show(false);
        let status = ended.map_err(|source| QemuError::Wait { guest: self.name.clone(), source })?;
        if status.success() {
            tracing::info!(guest = self.name, "the guest switched itself off");
            return Ok(());
        }
        Err(QemuError::Ended { guest: self.name.clone(), status, stderr: self.last_words() })
    }

    fn show(&self, power_on: bool) {
        self.controller.show_power(power_on);
        self.power.send_replace(power_on);
    }

    fn last_words(&self) -> String {
        let kept = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).trim().to_owned()
    }

    fn arguments(&self, flags: Option<BootFlags>) -> Vec<OsString> {
        let folder = self.folder.path().display();
        let vnc_password = if self.has_screen_password { ",password-secret=screen-password" } else { "" };
        let mut arguments = self.args.clone();
        arguments.extend(["-display", "none"].map(OsString::from));
        if self.has_screen_password {
            let secret = format!("secret,id=screen-password,file={folder}/screen-password");
            arguments.extend(["-object".to_owned(), secret].map(OsString::from));
        }
        arguments.extend(["-vnc".to_owned(), format!("unix:{folder}/vnc{vnc_password}")].map(OsString::from));
        arguments
            .extend(["-qmp".to_owned(), format!("unix:{folder}/qmp,server=on,wait=off")].map(OsString::from));
        if let Some(boot) = flags.and_then(boot_argument) {
            arguments.extend(["-boot", &boot].map(OsString::from));
        }
        arguments
    }
}

/// The `-boot` argument for boot flags, or `None` where QEMU has no word for them.
fn boot_argument(flags: BootFlags) -> Option<String> {
    let device = match flags.device {
        BootDevice::Pxe => "n",
        BootDevice::Disk | BootDevice::DiskSafeMode | BootDevice::Diagnostics | BootDevice::RemoteDisk => "c",
        BootDevice::CdRom | BootDevice::RemoteCdRom | BootDevice::RemoteMedia => "d",
        BootDevice::Floppy | BootDevice::RemoteFloppy => "a",
        BootDevice::Setup => return Some("menu=on".to_owned()),
        BootDevice::NoOverride | BootDevice::Reserved(_) => return None,
    };
    let how = if flags.persistent { "order" } else { "once" };
    Some(format!("{how}={device}"))
}

/// Waits for the end of `child`; without one, for ever.
async fn ended(child: &mut Option<Child>) -> io::Result<ExitStatus> {
    match child {
        Some(child) => child.wait().await,
        None => std::future::pending().await,
    }
}

/// Reads to the end and keeps the last bytes.
async fn keep_end(mut source: impl AsyncRead + Unpin, kept: Arc<Mutex<Vec<u8>>>) {
    let mut piece = [0; 1024];
    while let Ok(length @ 1..) = source.read(&mut piece).await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&piece[..length]);
        let surplus = kept.len().saturating_sub(KEPT_STDERR);
        kept.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_flags_become_boot_arguments() {
        let check = |flags, argument: Option<&str>| {
            assert_eq!(boot_argument(flags).as_deref(), argument, "{flags:?}")
        };
        check(BootFlags::once(BootDevice::Pxe), Some("once=n"));
        check(BootFlags::once(BootDevice::Pxe).persistent(), Some("order=n"));
        check(BootFlags::once(BootDevice::Disk), Some("once=c"));
        check(BootFlags::once(BootDevice::CdRom).uefi(), Some("once=d"));
        check(BootFlags::once(BootDevice::Setup), Some("menu=on"));
        check(BootFlags::once(BootDevice::NoOverride), None);
    }
}
