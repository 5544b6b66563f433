//! One host of a fleet: a machine, its management controller and its screen, on their sockets.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ironhand_ipmi::bmc::FruConfig;
use ironhand_ipmi::{BmcEvent, BootDevice, BootFlags, ChassisControl};
use ironhand_redfish::bmc::{Flavour, Service, ServiceReply, ServiceRequest, StreamId};
use ironhand_rfb::Framebuffer;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::received::{Asked, Log, Received};
use super::{Fault, HostState, SimHost};
use crate::controller::{Controller, Manner, bmc, fill_random};
use crate::machine::{BootSource, Machine, Make, NextBoot, Output};
use crate::picture::picture;
use crate::redfish::{Board, Front, moment};
use crate::viewer::{self, Console};

/// Viewers of one screen at a time. Each holds a picture of up to 3 MB; management controllers allow 4 to 8.
const MAX_VIEWERS: usize = 8;

/// Between two attempts to have the screen's port back.
const LISTEN_AGAIN: Duration = Duration::from_millis(100);

/// What nobody was told who only knows the configured password.
const CHANGED_PASSWORD: &str = "c#4nged!";

/// Bytes that no RFB server begins with.
const GARBAGE: &[u8] = b"\x16\x03\x01 nothing that a viewer understands \x00\xFF\xFE\r\n\r\n";

/// Who may use the host.
pub(super) struct Access {
    pub(super) user: String,
    pub(super) password: SecretString,
    pub(super) screen_password: Option<SecretString>,
    /// Whether the attributes of an iDRAC switch the screen's port.
    pub(super) vnc_by_attribute: bool,
    /// Whether the controller has a serial console.
    pub(super) serial: bool,
    pub(super) guid: [u8; 16],
    pub(super) fru: FruConfig,
}

/// How the screen's port behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScreenManner {
    Proper,
    Refused,
    Garbage,
    PasswordChanged,
}

pub(super) struct Host {
    info: SimHost,
    access: Access,
    machine: Mutex<Machine>,
    controller: Controller,
    redfish: Mutex<Service>,
    /// Of the machine.
    serial: String,
    /// The revision of the machine's screen.
    revision: watch::Sender<u64>,
    screen_manner: watch::Sender<ScreenManner>,
    /// Whether the attributes of the controller switch the screen's port.
    switched: bool,
    received: Mutex<Log>,
    /// The machine was touched by another task than its own, which must look when to wake it next.
    touched: Notify,
}

impl Host {
    pub(super) fn new(info: SimHost, access: Access, machine: Machine, controller: Controller) -> Self {
        let mut redfish = Service::new(flavour(info.make), Box::new(fill_random));
        redfish.set_vnc_port(info.vnc.port());
        let switched = access.vnc_by_attribute && info.make == Make::R740Like;
        let manner = if switched { ScreenManner::Refused } else { ScreenManner::Proper };
        Self {
            access,
            revision: watch::Sender::new(machine.screen().revision()),
            serial: machine.serial().to_owned(),
            machine: Mutex::new(machine),
            controller,
            redfish: Mutex::new(redfish),
            info,
            screen_manner: watch::Sender::new(manner),
            switched,
            received: Mutex::default(),
            touched: Notify::new(),
        }
    }

    pub(super) fn info(&self) -> &SimHost {
        &self.info
    }

    pub(super) fn state(&self) -> HostState {
        let machine = self.machine();
        HostState {
            power_on: machine.is_on(),
            activity: machine.activity(),
            well: machine.is_well(),
            screen: machine.screen().text(),
        }
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.log().copy()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // As for the machine.
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the controller's attributes let the screen be seen by VNC.
    pub(super) fn shows_by_vnc(&self) -> bool {
        self.redfish().vnc_server().0
    }

    pub(super) fn stage(&self, fault: Fault) {
        tracing::debug!(host = self.info.name, %fault, "a simulated host breaks");
        match fault {
            Fault::Machine(fault) => self.touch(|machine, now| machine.stage(now, fault)),
            Fault::BmcSilent => self.controller.set_manner(Manner::Silent),
            Fault::BmcGarbage => self.controller.set_manner(Manner::Garbage),
            Fault::BmcPasswordChanged => self.restart_controller(CHANGED_PASSWORD.into()),
            Fault::ScreenRefused => self.screen_manner.send_modify(|manner| *manner = ScreenManner::Refused),
            Fault::ScreenGarbage => self.screen_manner.send_modify(|manner| *manner = ScreenManner::Garbage),
            Fault::ScreenPasswordChanged => {
                self.screen_manner.send_modify(|manner| *manner = ScreenManner::PasswordChanged);
            }
        }
    }

    pub(super) fn mend_connections(&self) {
        self.controller.set_manner(Manner::Proper);
        self.restart_controller(self.access.password.clone());
        self.screen_manner.send_modify(|manner| *manner = ScreenManner::Proper);
    }

    /// A controller with another password has forgotten its sessions too, as after an update of its firmware.
    fn restart_controller(&self, password: SecretString) {
        let power_on = self.machine().is_on();
        let Access { user, guid, fru, serial, .. } = &self.access;
        let fresh = bmc(user, password, *guid, fru.clone(), power_on, *serial);
        self.controller.with(|bmc| *bmc = fresh);
        self.redfish().forget_sessions();
        self.touched.notify_one();
    }

    /// The machine and its controller, until `stop`.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let due = self.machine().next_wake();
            let events = tokio::select! {
                () = stop.cancelled() => return,
                () = self.touched.notified() => Vec::new(),
                events = self.controller.turn(due) => events,
            };
            let mut machine = self.machine();
            let now = Instant::now();
            self.settle(&mut machine, now);
            for event in events {
                if let Some(control) = event.control() {
                    self.log().note(now, Asked::Power(control));
                    act(&mut machine, now, control);
                }
            }
            self.settle(&mut machine, now);
        }
    }

    /// Changes the machine from outside of its own task.
    fn touch(&self, change: impl FnOnce(&mut Machine, Instant)) {
        let mut machine = self.machine();
        let now = Instant::now();
        self.settle(&mut machine, now);
        change(&mut machine, now);
        self.settle(&mut machine, now);
        self.touched.notify_one();
    }

    /// Lets the machine catch up, and tells controller and viewers what changed.
    fn settle(&self, machine: &mut Machine, now: Instant) {
        machine.set_next_boot(self.controller.with(|bmc| bmc.boot_flags()).and_then(next_boot));
        machine.wake(now);
        while let Some(output) = machine.next_output() {
            match output {
                Output::PowerChanged(power_on) => {
                    self.controller.show_power(power_on);
                    self.redfish().power_changed(moment(), power_on);
                    if power_on {
                        self.redfish().booted();
                    }
                }
                Output::NextBootFollowed => {
                    self.controller.with(|bmc| bmc.take_boot_flags());
                }
            }
        }
        self.controller.show_system(machine.is_well());
        let revision = machine.screen().revision();
        self.revision.send_if_modified(|shown| std::mem::replace(shown, revision) != revision);
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        // A task that panicked while it held the lock is over; the others go on with the machine as it left
        // it.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn redfish(&self) -> MutexGuard<'_, Service> {
        // As for the machine.
        self.redfish.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The screen's port, until `stop`.
    pub(super) async fn show_screen(
        self: Arc<Self>,
        listener: TcpListener,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) {
        let mut manner = self.screen_manner.subscribe();
        let mut listener = Some(listener);
        while !stop.is_cancelled() {
            let current = *manner.borrow_and_update();
            if current == ScreenManner::Refused {
                drop(listener.take());
                // Bound but not listening, the port refuses connections and nobody else can take it.
                let _held = reserve(self.info.vnc);
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = manner.changed() => continue,
                }
            }
            let open = match listener.take() {
                Some(open) => open,
                None => match TcpListener::bind(self.info.vnc).await {
                    Ok(open) => open,
                    Err(error) => {
                        tracing::warn!(host = self.info.name, %error, "the screen's port is not free yet");
                        tokio::time::sleep(LISTEN_AGAIN).await;
                        continue;
                    }
                },
            };
            let connections = stop.child_token();
            tokio::select! {
                () = stop.cancelled() => return,
                _ = manner.changed() => connections.cancel(),
                () = self.accept(&open, current, &connections, &tasks) => {}
            }
            listener = Some(open);
        }
    }

    /// Takes in viewers. Does not end.
    async fn accept(
        self: &Arc<Self>,
        listener: &TcpListener,
        manner: ScreenManner,
        connections: &CancellationToken,
        tasks: &TaskTracker,
    ) {
        let places = Arc::new(Semaphore::new(MAX_VIEWERS));
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // The process is out of file descriptors, most likely: others must close some first.
                    tracing::warn!(host = self.info.name, %error, "a viewer could not be let in");
                    tokio::time::sleep(LISTEN_AGAIN).await;
                    continue;
                }
            };
            let Ok(place) = places.clone().try_acquire_owned() else { continue };
            let (host, stop) = (self.clone(), connections.clone());
            tasks.spawn(async move {
                if let Err(error) = host.serve(stream, manner, &stop).await {
                    tracing::debug!(host = host.info.name, %error, "a viewer's connection broke");
                }
                drop(place);
            });
        }
    }

    async fn serve(
        &self,
        mut stream: TcpStream,
        manner: ScreenManner,
        stop: &CancellationToken,
    ) -> io::Result<()> {
        let password = match manner {
            ScreenManner::Garbage => {
                stream.write_all(GARBAGE).await?;
                let mut ignored = [0; 256];
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    read = async { while stream.read(&mut ignored).await? > 0 {} Ok(()) } => return read,
                }
            }
            _ if self.switched => self.redfish().vnc_password(),
            ScreenManner::PasswordChanged => Some(CHANGED_PASSWORD.into()),
            ScreenManner::Proper | ScreenManner::Refused => self.access.screen_password.clone(),
        };
        viewer::show(stream, self, &self.info.name, password, stop).await
    }
}

impl Front for Host {
    fn answer(&self, _: SocketAddr, request: ServiceRequest) -> Option<ServiceReply> {
        match self.controller.manner() {
            Manner::Silent => return None,
            Manner::Garbage => return Some(ServiceReply::page_for_people()),
            Manner::Proper => {}
        }
        let now = moment();
        // A copy: who holds the controller must not wait for the machine.
        let screen = self.machine().screen().clone();
        let mut service = self.redfish();
        let (name, serial) = (&*self.info.name, &*self.serial);
        let (reply, events) = self.controller.act(|bmc| {
            let mut board = Board { bmc, now: now.at, name, serial, screen: Some(&screen) };
            service.answer(now, &request, &mut board)
        });
        let (shows, _) = service.vnc_server();
        drop(service);
        if self.switched {
            let manner = if shows { ScreenManner::Proper } else { ScreenManner::Refused };
            self.screen_manner.send_if_modified(|shown| std::mem::replace(shown, manner) != manner);
        }
        if !events.is_empty() {
            self.touch(|machine, now| {
                for control in events.iter().filter_map(BmcEvent::control) {
                    self.log().note(now, Asked::Power(control));
                    act(machine, now, control);
                }
            });
        }
        Some(reply)
    }

    fn next_event(&self, _: SocketAddr, stream: StreamId) -> Option<String> {
        self.redfish().next_event(stream)
    }

    fn end_stream(&self, _: SocketAddr, stream: StreamId) {
        self.redfish().end_stream(stream);
    }
}

impl Console for Host {
    fn picture(&self) -> Framebuffer {
        // Drawing takes milliseconds: not while the machine is locked.
        let screen = self.machine().screen().clone();
        picture(&screen)
    }

    fn key(&self, keysym: u32, down: bool) {
        if down {
            self.log().note(Instant::now(), Asked::Key(keysym));
        }
        self.touch(|machine, now| machine.key(now, keysym, down));
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }
}

/// Whose controllers such machines come with.
pub(super) fn flavour(make: Make) -> &'static Flavour {
    match make {
        Make::R740Like => Flavour::IDRAC9,
        Make::Dl380Like => Flavour::ILO5,
        Make::X11Like => Flavour::SUPERMICRO,
        Make::OpenBmcLike => Flavour::OPENBMC,
    }
}

/// Takes the port without listening on it. Best effort: a port that is refused to us is closed all the same.
fn reserve(address: SocketAddr) -> Option<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.ok()?;
    socket.set_reuseaddr(true).ok()?;
    socket.bind(address).ok()?;
    Some(socket)
}

fn act(machine: &mut Machine, now: Instant, control: ChassisControl) {
    match control {
        ChassisControl::PowerDown => machine.power_down(now),
        ChassisControl::PowerUp => machine.power_up(now),
        ChassisControl::PowerCycle => machine.power_cycle(now),
        ChassisControl::HardReset => machine.hard_reset(now),
        ChassisControl::DiagnosticInterrupt => machine.diagnostic_interrupt(now),
        ChassisControl::SoftShutdown => machine.soft_shutdown(now),
    }
}

fn next_boot(flags: BootFlags) -> Option<NextBoot> {
    let source = match flags.device {
        BootDevice::NoOverride | BootDevice::Reserved(_) => return None,
        BootDevice::Pxe => BootSource::Network,
        BootDevice::Disk | BootDevice::DiskSafeMode | BootDevice::Diagnostics | BootDevice::RemoteDisk => {
            BootSource::Disk
        }
        BootDevice::Setup => BootSource::Setup,
        BootDevice::CdRom
        | BootDevice::RemoteCdRom
        | BootDevice::RemoteFloppy
        | BootDevice::RemoteMedia
        | BootDevice::Floppy => BootSource::Optical,
    };
    Some(NextBoot { source, persistent: flags.persistent })
}
