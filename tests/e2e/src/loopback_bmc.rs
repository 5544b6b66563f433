//! A BMC of ours with settings that `ironhand sim bmc` has no option for, on a thread of the test.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ironhand_ipmi::{Bmc, BmcConfig, BmcOutput, ChassisStatus, PrivilegeLevel, User};

use crate::ironhand::PASSWORD;

/// How often the thread looks whether the test is over.
const LOOK: Duration = Duration::from_millis(50);

/// A BMC on loopback, ended when dropped. Its administrator is `admin`.
pub struct LoopbackBmc {
    port: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl LoopbackBmc {
    /// Starts one with these settings; its machine is on.
    pub fn start(settings: impl FnOnce(&mut BmcConfig)) -> Self {
        let admin = User::new("admin", PASSWORD.into(), PrivilegeLevel::Administrator);
        let mut config = BmcConfig::new(vec![admin]);
        config.chassis = ChassisStatus { power_on: true, ..Default::default() };
        settings(&mut config);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has free ports");
        let port = socket.local_addr().expect("a bound socket has an address").port().to_string();
        socket.set_read_timeout(Some(LOOK)).expect("a timeout");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || serve(&socket, config, &stopped));
        Self { port, stop, thread: Some(thread) }
    }

    /// Where it listens.
    pub fn port(&self) -> &str {
        &self.port
    }
}

fn serve(socket: &UdpSocket, config: BmcConfig, stop: &AtomicBool) {
    let mut bmc = Bmc::new(config, Box::new(random));
    let mut bytes = [0; 2048];
    while !stop.load(Ordering::Relaxed) {
        let received = socket.recv_from(&mut bytes);
        let now = Instant::now();
        match received {
            Ok((length, from)) => bmc.receive(now, from, &bytes[..length]),
            Err(_) => bmc.wake(now),
        }
        while let Some(output) = bmc.next_output() {
            if let BmcOutput::Send { to, bytes } = output {
                socket.send_to(&bytes, to).expect("loopback takes datagrams");
            }
        }
    }
}

/// Good enough for sessions on loopback.
fn random(bytes: &mut [u8]) {
    for chunk in bytes.chunks_mut(8) {
        let word = RandomState::new().hash_one(0u8).to_le_bytes();
        chunk.copy_from_slice(&word[..chunk.len()]);
    }
}

impl Drop for LoopbackBmc {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
