//! Management controllers of QEMU guests, with a QEMU that this test binary plays itself: the real one is
//! tried in the end-to-end tests.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ironhand_console::{Drawing, DrawnCell, Font};
use ironhand_ipmi::{BootDevice, BootFlags, ChassisControl, Reply, Request};
use ironhand_rfb::{Framebuffer, Output, Server, ServerConfig};
use ironhand_sim::qemu::{QemuBmc, QemuConfig, QemuError};
use tempfile::TempDir;

use crate::operator::{Desk, Viewer};

/// Tells this binary that it was started in place of QEMU, with these arguments.
const ARGUMENTS: &str = "FAKE_QEMU_ARGUMENTS";

/// A program that takes QEMU's arguments and plays its part.
fn fake_qemu(folder: &Path) -> PathBuf {
    let script = folder.join("qemu");
    let this = std::env::current_exe().unwrap();
    let text = format!(
        "#!/bin/sh\n{ARGUMENTS}=\"$*\" exec {} --exact qemu::plays_qemu --nocapture\n",
        this.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o700)).unwrap();
    script
}

/// Does nothing but in a process that [`fake_qemu`] started: answers QMP, and shows its boot order and how
/// often it was reset.
#[test]
fn plays_qemu() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else { return };
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let argument =
        |name: &str| arguments.iter().skip_while(|word| **word != name).nth(1).copied().unwrap_or("none");
    if arguments.contains(&"-broken") {
        eprintln!("fake qemu: -broken: invalid option");
        std::process::exit(1);
    }
    let socket = |name| argument(name).trim_start_matches("unix:").split(',').next().unwrap().to_owned();
    std::fs::write(argument("-pidfile"), std::process::id().to_string()).unwrap();
    static RESETS: AtomicU32 = AtomicU32::new(0);
    let screen = UnixListener::bind(socket("-vnc")).unwrap();
    let boot = argument("-boot").to_owned();
    std::thread::spawn(move || {
        for stream in screen.incoming() {
            let text = format!("boot {boot}, {} resets", RESETS.load(Ordering::SeqCst));
            show(stream.unwrap(), &text);
        }
    });
    for stream in UnixListener::bind(socket("-qmp")).unwrap().incoming() {
        let mut stream = stream.unwrap();
        let asked = BufReader::new(stream.try_clone().unwrap());
        let mut say = |line: &str| drop(stream.write_all(line.as_bytes()));
        say("{\"QMP\": {}}\n");
        for line in asked.lines().map_while(Result::ok) {
            let message: serde_json::Value = serde_json::from_str(&line).unwrap();
            let command = message["execute"].as_str().unwrap().to_owned();
            say("{\"return\": {}}\n");
            match command.as_str() {
                "system_reset" => drop(RESETS.fetch_add(1, Ordering::SeqCst)),
                "quit" | "system_powerdown" => std::process::exit(0),
                "inject-nmi" => {
                    eprintln!("fake qemu: core dumped");
                    std::process::exit(134);
                }
                _ => {}
            }
        }
    }
}

/// Shows one text to one viewer, until it has hung up.
fn show(mut stream: std::os::unix::net::UnixStream, text: &str) {
    let cells: Vec<DrawnCell> = format!("{text:<2000}")
        .chars()
        .map(|character| DrawnCell { character, foreground: 0xAA_AAAA, background: 0 })
        .collect();
    let font = Font::named("linux-8x16").unwrap();
    let image = Drawing { cells: &cells, columns: 80, font, ninth_column: false, cursor: None }.image();
    let picture = Framebuffer::from_pixels(640, 400, image.pixels).unwrap();
    let mut server = Server::new(Instant::now(), ServerConfig::default(), picture, [7; 16]);
    let mut received = [0; 1024];
    loop {
        while let Some(output) = server.next_output() {
            if let Output::Send(bytes) = output
                && stream.write_all(&bytes).is_err()
            {
                return;
            }
        }
        match std::io::Read::read(&mut stream, &mut received) {
            Ok(length @ 1..) => server.receive(Instant::now(), &received[..length]),
            Ok(0) | Err(_) => return,
        }
    }
}

/// A guest played by this binary.
struct Bench {
    folder: TempDir,
    bmc: QemuBmc,
    desk: Desk,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bmc = QemuBmc::start(config(folder.path(), &[])).await.unwrap();
        let desk = Desk::new(bmc.ipmi(), "admin", "secret").await;
        Self { folder, bmc, desk }
    }

    async fn order(&mut self, control: ChassisControl) {
        assert_eq!(self.desk.ask(control).await, Ok(Reply::Done));
    }

    async fn boot(&mut self, flags: BootFlags) {
        assert_eq!(self.desk.ask(Request::SetBootOptions(flags)).await, Ok(Reply::Done));
    }

    /// Waits until the screen shows `text`, connecting again and again: power changes disconnect viewers.
    async fn until_shown(&self, text: &str) {
        for _ in 0..200 {
            if let Ok(viewer) = Viewer::open(self.bmc.vnc(), None).await
                && viewer.reading().text().trim() == text
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the screen never shows {text:?}");
    }

    fn process(&self) -> PathBuf {
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).unwrap();
        Path::new("/proc").join(pid)
    }
}

fn config(folder: &Path, more: &[&str]) -> QemuConfig {
    let pid = folder.join("pid");
    let args = ["-pidfile".into(), pid.into()].into_iter().chain(more.iter().map(Into::into)).collect();
    QemuConfig {
        program: fake_qemu(folder),
        off_time: Duration::from_millis(200),
        ..QemuConfig::new("guest", args, "secret".into())
    }
}

#[tokio::test]
async fn power_buttons_start_reset_and_end_qemu() {
    let mut bench = Bench::new().await;
    assert!(bench.bmc.is_on() && bench.desk.is_on().await);
    bench.until_shown("boot none, 0 resets").await;
    bench.order(ChassisControl::HardReset).await;
    bench.until_shown("boot none, 1 resets").await;
    bench.order(ChassisControl::PowerCycle).await;
    bench.desk.until_power(false).await;
    bench.until_shown("").await;
    bench.desk.until_power(true).await;
    bench.until_shown("boot none, 0 resets").await;
    bench.order(ChassisControl::SoftShutdown).await;
    bench.desk.until_power(false).await;
    bench.order(ChassisControl::HardReset).await;
    assert!(bench.desk.ask(ChassisControl::PowerCycle).await.is_err(), "the controller refuses it");
    assert!(!bench.desk.is_on().await, "off, only the power button does something");
    bench.order(ChassisControl::PowerUp).await;
    bench.desk.until_power(true).await;
    let process = bench.process();
    assert!(process.exists());
    bench.order(ChassisControl::PowerDown).await;
    bench.desk.until_power(false).await;
    assert!(!process.exists());
    bench.bmc.shutdown().await;
}

#[tokio::test]
async fn boot_flags_hold_for_the_next_start_or_for_all() {
    let mut bench = Bench::new().await;
    bench.boot(BootFlags::once(BootDevice::Pxe)).await;
    bench.order(ChassisControl::HardReset).await;
    bench.until_shown("boot once=n, 0 resets").await;
    bench.order(ChassisControl::HardReset).await;
    bench.until_shown("boot once=n, 1 resets").await;
    bench.order(ChassisControl::PowerCycle).await;
    bench.until_shown("boot none, 0 resets").await;
    bench.boot(BootFlags::once(BootDevice::CdRom).persistent()).await;
    for _ in 0..2 {
        bench.order(ChassisControl::PowerCycle).await;
        bench.desk.until_power(false).await;
        bench.until_shown("boot order=d, 0 resets").await;
    }
    bench.order(ChassisControl::HardReset).await;
    bench.until_shown("boot order=d, 1 resets").await;
    bench.bmc.shutdown().await;
}

#[tokio::test]
async fn a_guest_that_crashes_is_off_and_can_be_switched_on() {
    let mut bench = Bench::new().await;
    bench.order(ChassisControl::DiagnosticInterrupt).await;
    bench.desk.until_power(false).await;
    let Ok(Reply::ChassisStatus(status)) = bench.desk.ask(Request::GetChassisStatus).await else {
        panic!("no status")
    };
    assert!(status.power_control_fault, "nobody asked for this");
    bench.order(ChassisControl::PowerUp).await;
    bench.desk.until_power(true).await;
    bench.bmc.shutdown().await;
}

#[tokio::test]
async fn what_qemu_says_is_told_when_it_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let refused = QemuBmc::start(config(folder.path(), &["-broken"])).await.err();
    let Some(QemuError::Ended { stderr, status, .. }) = &refused else { panic!("{refused:?}") };
    assert_eq!((stderr.as_str(), status.code()), ("fake qemu: -broken: invalid option", Some(1)));
    let missing = QemuConfig { program: folder.path().join("nothing"), ..config(folder.path(), &[]) };
    assert!(matches!(QemuBmc::start(missing).await.err(), Some(QemuError::Spawn { .. })));
}

#[tokio::test]
async fn shutdown_ends_the_guest_and_frees_the_ports() {
    let bench = Bench::new().await;
    let (process, ipmi, vnc) = (bench.process(), bench.bmc.ipmi(), bench.bmc.vnc());
    let watching = Viewer::open(vnc, None).await.unwrap();
    bench.bmc.shutdown().await;
    assert!(!process.exists());
    drop(watching);
    UdpSocket::bind(ipmi).unwrap();
    TcpListener::bind(vnc).unwrap();
}
