//! Frames on a wire, kept in a file that tshark judges.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::bind;
use socket2::{Domain, Protocol, Socket, Type};

use crate::{Party, peer};

/// How often a thread that waits for frames looks whether the test is over.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

/// No frame here is longer: nothing is segmented by a card.
pub(crate) const LONGEST_FRAME: usize = 2048;

/// A file of frames in the format of libpcap.
pub(crate) struct Frames {
    path: PathBuf,
    file: Mutex<BufWriter<File>>,
}

impl Frames {
    pub(crate) fn create(path: &Path) -> Self {
        let mut file = BufWriter::new(File::create(path).expect("a file for frames"));
        // Magic number (microseconds), version 2.4, time zone, accuracy, longest frame, Ethernet.
        let fields = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1];
        for field in fields {
            file.write_all(&field.to_le_bytes()).expect("a file for frames");
        }
        Self { path: path.to_owned(), file: Mutex::new(file) }
    }

    pub(crate) fn add(&self, frame: &[u8]) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
        let length = u32::try_from(frame.len()).expect("a frame is short");
        // 32 bits of seconds: the format lasts until 2106.
        let seconds = u32::try_from(now.as_secs()).expect("it is earlier than 2106");
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        for field in [seconds, now.subsec_micros(), length, length] {
            file.write_all(&field.to_le_bytes()).expect("a file for frames");
        }
        file.write_all(frame).expect("a file for frames");
    }

    /// What tshark is to read: a copy, which no frame is added to any more.
    pub(crate) fn so_far(&self) -> Frozen {
        let copy = tempfile::NamedTempFile::new().expect("a temporary file");
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.flush().expect("a file for frames");
        std::fs::copy(&self.path, copy.path()).expect("a copy of the frames");
        Frozen { file: copy }
    }
}

/// Frames that were captured until now.
pub struct Frozen {
    file: tempfile::NamedTempFile,
}

impl Frozen {
    /// tshark's values of these `fields` in every frame that its display `filter` picks; of a field that is there several
    /// times all values with commas between them.
    pub fn fields(&self, filter: &str, fields: &[&str]) -> Vec<Vec<String>> {
        let mut arguments = vec!["-Y", filter, "-T", "fields", "-E", "separator=/t"];
        for field in fields {
            arguments.extend(["-e", field]);
        }
        let text = self.tshark(&arguments);
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }

    /// How many frames tshark's display `filter` picks.
    pub fn count(&self, filter: &str) -> usize {
        self.fields(filter, &["frame.number"]).len()
    }

    /// tshark finds no malformed field in any frame that `ours` picks, and nothing that it warns of but that a TFTP server
    /// refuses: firmware asks for many files that need not exist.
    pub fn judge(&self, ours: &str) {
        let warned = "_ws.expert.severity >= 0x00600000 && tftp.opcode != 5";
        let faults = format!("({ours}) && (_ws.malformed || {warned})");
        let found = self.tshark(&["-Y", &faults, "-O", "dhcp,dhcpv6,icmpv6,tftp,http"]);
        assert!(found.is_empty(), "tshark finds fault:\n{found}");
        assert!(self.count(ours) > 0, "no frame is {ours}:\n{}", self.summary());
    }

    /// One line for each frame, as tshark writes it, of DHCP, TFTP, HTTP, ARP, ICMP and DNS alone.
    pub fn summary(&self) -> String {
        self.tshark(&[
            "-Y",
            "dhcp || tftp.opcode != 3 && tftp.opcode != 4 || http || arp || dns || icmp || dhcpv6 || icmpv6",
        ])
    }

    fn tshark(&self, arguments: &[&str]) -> String {
        let output = Command::new(peer("tshark"))
            .args(["-n", "-r"])
            .arg(self.file.path())
            // Port 4011 is DHCP as well; the dissector knows it by this name alone.
            .args(["-d", "udp.port==4011,dhcp"])
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("tshark starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// A socket that takes and gives whole frames of an interface of this thread's namespace.
pub(crate) fn frame_socket(interface: &str) -> Socket {
    /// Every protocol, in network order (`ETH_P_ALL`).
    const ALL: i32 = 0x0003_u16.to_be() as i32;
    let socket =
        Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(ALL))).expect("root may see frames");
    let address = getifaddrs()
        .expect("the interfaces")
        .filter(|known| known.interface_name == interface)
        .find_map(|known| known.address.filter(|address| address.as_link_addr().is_some()))
        .unwrap_or_else(|| panic!("there is no interface {interface}"));
    let link = address.as_link_addr().expect("it was picked for that");
    bind(socket.as_raw_fd(), link).expect("a socket of one interface");
    socket.set_read_timeout(Some(LOOK)).expect("a timeout");
    // Bursts of a whole window wait here while the emulated machine computes.
    let _ = socket.set_recv_buffer_size(4 << 20);
    socket
}

/// All frames that pass an interface of a party, from now on.
pub struct Capture {
    frames: Arc<Frames>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    /// Captures at this interface, into `file`.
    pub fn start(party: &Party, interface: &str, file: &Path) -> Self {
        let socket = party.inside(|| frame_socket(interface));
        let frames = Arc::new(Frames::create(file));
        let stop = Arc::new(AtomicBool::new(false));
        let (kept, stopped) = (Arc::clone(&frames), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; LONGEST_FRAME];
            loop {
                // Read first: what was on the wire when the capture ended belongs to it.
                let over = stopped.load(Ordering::Relaxed);
                match (&socket).read(&mut buffer) {
                    Ok(length) => kept.add(&buffer[..length]),
                    Err(_) if over => return,
                    Err(_) => {}
                }
            }
        });
        Self { frames, stop, thread: Some(thread) }
    }

    /// What it caught until now.
    pub fn so_far(&self) -> Frozen {
        self.frames.so_far()
    }

    /// Ends it, with all that was on the wire.
    pub fn end(mut self) -> Frozen {
        self.halt();
        self.frames.so_far()
    }

    fn halt(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.halt();
    }
}
