//! Somebody on a network who says one thing whenever a kind of frame passes.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::Party;
use crate::capture::{LONGEST_FRAME, frame_socket};

/// Answers each frame of an EtherType with the same frame until dropped.
pub struct Parrot {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Parrot {
    /// One on this machine's `eth0`.
    pub fn start(party: &Party, kind: u16, frame: Vec<u8>) -> Self {
        let socket = party.inside(|| frame_socket("eth0"));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; LONGEST_FRAME];
            while !stopped.load(Ordering::Relaxed) {
                // What it says itself passes, too, and is no reason to say it again.
                let Ok(length) = (&socket).read(&mut buffer) else { continue };
                let heard = &buffer[..length];
                if heard.get(12..14) == Some(&kind.to_be_bytes()) && heard.get(6..12) != frame.get(6..12) {
                    let _ = (&socket).write(&frame);
                }
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Parrot {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
