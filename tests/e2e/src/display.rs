//! A way to the screen of a machine, as a KVM unit beside it is: VNC at an address of the network.

use std::io::ErrorKind;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::Party;
use crate::capture::LOOK;

/// A KVM unit, unplugged when dropped.
pub struct Display {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Display {
    /// Shows at an address of `party` the screen that QEMU serves at a local socket.
    pub(crate) fn open(party: &Party, at: SocketAddr, screen: &Path) -> Self {
        let listener = party.inside(|| TcpListener::bind(at)).expect("the address is the party's");
        listener.set_nonblocking(true).expect("a listener that does not wait");
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, screen) = (Arc::clone(&stop), screen.to_owned());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((viewer, _)) => join(viewer, screen.clone()),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::park_timeout(LOOK),
                    Err(_) => return,
                }
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Carries bytes both ways until either end closes, as QEMU does when its machine ends.
fn join(viewer: TcpStream, screen: PathBuf) {
    let Ok(()) = viewer.set_nonblocking(false) else { return };
    let Ok(screen) = UnixStream::connect(screen) else { return };
    let (Ok(mut to_viewer), Ok(mut to_screen)) = (viewer.try_clone(), screen.try_clone()) else { return };
    let (mut from_viewer, mut from_screen) = (viewer, screen);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_viewer, &mut to_screen);
        let _ = to_screen.shutdown(Shutdown::Both);
    });
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_screen, &mut to_viewer);
        let _ = to_viewer.shutdown(Shutdown::Both);
    });
}
