//! Two switches with VLANs (IEEE 802.1Q) and the cable between them, on which frames of several networks carry tags.

use std::io::{Read, Write};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use socket2::Socket;

use crate::Network;
use crate::capture::{Frames, Frozen, LONGEST_FRAME, LOOK, frame_socket};

/// The EtherType of a tag.
const TAGGED: [u8; 2] = 0x8100_u16.to_be_bytes();

/// Bytes of the two addresses that a tag stands behind.
const ADDRESSES: usize = 12;

/// A trunk between networks, cut when dropped. Every frame on it is kept in a file.
pub struct Trunk {
    frames: Arc<Frames>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Trunk {
    /// Makes one network of each two, with the number of their VLAN: a switch has a port without tags in the first ones, another
    /// switch in the second ones, and the trunk is between the two.
    pub fn between(vlans: &[(u16, &Network, &Network)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let frames = Arc::new(Frames::create(&folder.path().join("trunk.pcap")));
        let mut trunk =
            Self { frames, stop: Arc::new(AtomicBool::new(false)), threads: Vec::new(), _folder: folder };
        let (near, far) = UnixDatagram::pair().expect("a cable");
        let ports = |network: &Network| {
            let interface = network.plug();
            network.inside(|| frame_socket(&interface))
        };
        trunk.switch(&near, vlans.iter().map(|(vlan, network, _)| (*vlan, ports(network))).collect());
        trunk.switch(&far, vlans.iter().map(|(vlan, _, network)| (*vlan, ports(network))).collect());
        trunk
    }

    /// The frames on it until now.
    pub fn so_far(&self) -> Frozen {
        self.frames.so_far()
    }

    /// A switch at one end of the trunk, with a port for each VLAN.
    fn switch(&mut self, trunk: &UnixDatagram, ports: Vec<(u16, Socket)>) {
        let end = || {
            let end = trunk.try_clone().expect("the socket, once more");
            end.set_read_timeout(Some(LOOK)).expect("a timeout");
            end.set_write_timeout(Some(LOOK)).expect("a timeout");
            end
        };
        for (vlan, port) in &ports {
            let (vlan, port, trunk) = (*vlan, port.try_clone().expect("the socket, once more"), end());
            let frames = Arc::clone(&self.frames);
            self.carry(
                move |buffer| (&port).read(buffer),
                move |frame| {
                    if let Some(tagged) = tagged(frame, vlan) {
                        frames.add(&tagged);
                        let _ = trunk.send(&tagged);
                    }
                },
            );
        }
        let trunk = end();
        self.carry(
            move |buffer| trunk.recv(buffer),
            move |frame| {
                let Some((vlan, plain)) = untagged(frame) else { return };
                for (_, port) in ports.iter().filter(|(of, _)| *of == vlan) {
                    let _ = (&*port).write(&plain);
                }
            },
        );
    }

    fn carry(
        &mut self,
        mut receive: impl FnMut(&mut [u8]) -> std::io::Result<usize> + Send + 'static,
        mut send: impl FnMut(&[u8]) + Send + 'static,
    ) {
        let stop = Arc::clone(&self.stop);
        self.threads.push(std::thread::spawn(move || {
            let mut buffer = vec![0; LONGEST_FRAME];
            while !stop.load(Ordering::Relaxed) {
                if let Ok(length @ 1..) = receive(&mut buffer) {
                    send(&buffer[..length]);
                }
            }
        }));
    }
}

/// A frame with the tag of a VLAN. One that has a tag already does not belong at a port without.
fn tagged(frame: &[u8], vlan: u16) -> Option<Vec<u8>> {
    let (addresses, rest) = frame.split_at_checked(ADDRESSES)?;
    (!rest.starts_with(&TAGGED)).then(|| [addresses, &TAGGED, &vlan.to_be_bytes(), rest].concat())
}

/// The VLAN of a frame, and the frame without its tag.
fn untagged(frame: &[u8]) -> Option<(u16, Vec<u8>)> {
    let (addresses, rest) = frame.split_at_checked(ADDRESSES)?;
    let (tag, rest) = rest.strip_prefix(&TAGGED)?.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*tag) & 0x0fff, [addresses, rest].concat()))
}

impl Drop for Trunk {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
