//! The wire between a network and a machine that QEMU emulates: QEMU sends and takes each Ethernet frame as a datagram.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::Network;
use crate::capture::{Frames, Frozen, LONGEST_FRAME, LOOK, frame_socket};

/// A wire, cut when dropped. Every frame on it is kept in a file.
pub(crate) struct Wire {
    frames: Arc<Frames>,
    /// What QEMU is told (`-netdev`).
    netdev: String,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Wire {
    /// A wire from this interface of the network's namespace to a QEMU in the same namespace; frames are kept in `file`.
    pub(crate) fn new(network: &Network, interface: &str, file: &Path) -> Self {
        let (frames_end, datagrams, machine) = network.inside(|| {
            let bound = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("the namespace's loopback");
            // QEMU must be told its port. In a namespace of one's own nobody takes it in between.
            let machine = address(&bound());
            (frame_socket(interface), bound(), machine)
        });
        datagrams.set_read_timeout(Some(LOOK)).expect("a timeout");
        let netdev = format!("socket,id=net,udp={},localaddr={machine}", address(&datagrams));
        let frames = Arc::new(Frames::create(file));
        let stop = Arc::new(AtomicBool::new(false));
        let mut wire = Self { frames, netdev, stop, threads: Vec::new() };
        let to_machine = datagrams.try_clone().expect("the socket, once more");
        let from_network = frames_end.try_clone().expect("the socket, once more");
        // A frame that finds no QEMU yet, or no more, is lost as on a cable that is not plugged in.
        wire.carry(
            move |buffer| (&from_network).read(buffer),
            move |frame| {
                let _ = to_machine.send_to(frame, machine);
            },
        );
        wire.carry(
            move |buffer| datagrams.recv(buffer),
            move |frame| {
                let _ = (&frames_end).write(frame);
            },
        );
        wire
    }

    fn carry(
        &mut self,
        mut receive: impl FnMut(&mut [u8]) -> std::io::Result<usize> + Send + 'static,
        mut send: impl FnMut(&[u8]) + Send + 'static,
    ) {
        let (frames, stop) = (Arc::clone(&self.frames), Arc::clone(&self.stop));
        self.threads.push(std::thread::spawn(move || {
            let mut buffer = vec![0; LONGEST_FRAME];
            while !stop.load(Ordering::Relaxed) {
                if let Ok(length @ 1..) = receive(&mut buffer) {
                    frames.add(&buffer[..length]);
                    send(&buffer[..length]);
                }
            }
        }));
    }

    pub(crate) fn netdev(&self) -> &str {
        &self.netdev
    }

    pub(crate) fn so_far(&self) -> Frozen {
        self.frames.so_far()
    }
}

fn address(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("a bound socket has an address")
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
