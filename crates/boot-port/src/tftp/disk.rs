//! The thread that waits for disks, so that packets need not.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use ironhand_tftp::TransferId;
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::content::read;
use crate::Part;

/// A range to read.
pub(super) struct Job {
    pub(super) transfer: TransferId,
    pub(super) file: Arc<File>,
    pub(super) parts: Arc<[Part]>,
    pub(super) range: Range<u64>,
    /// Read into; what it holds goes.
    pub(super) buffer: Vec<u8>,
}

/// What was read.
pub(super) struct Read {
    pub(super) transfer: TransferId,
    pub(super) start: u64,
    pub(super) result: io::Result<Vec<u8>>,
}

/// One thread that reads for a worker. Each transfer has one job at a time, so the queue is as long as there may be transfers.
pub(super) struct Disk {
    jobs: Option<Sender<Job>>,
    results: Receiver<Read>,
    ready: Arc<EventFd>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Disk {
    pub(super) fn start() -> io::Result<Self> {
        let (jobs, todo) = channel::<Job>();
        let (done, results) = channel();
        let ready = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
        let bell = Arc::clone(&ready);
        let thread = std::thread::Builder::new().name("tftp-disk".to_owned()).spawn(move || {
            for Job { transfer, file, parts, range, mut buffer } in todo {
                let start = range.start;
                let result = read(&file, &parts, range, &mut buffer).map(|()| buffer);
                if done.send(Read { transfer, start, result }).is_err() || bell.write(1).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { jobs: Some(jobs), results, ready, thread: Some(thread) })
    }

    pub(super) fn bell(&self) -> &EventFd {
        &self.ready
    }

    pub(super) fn submit(&self, job: Job) {
        if let Some(jobs) = &self.jobs
            && jobs.send(job).is_err()
        {
            tracing::error!("the thread that reads files for TFTP has ended");
        }
    }

    pub(super) fn next(&self) -> Option<Read> {
        self.results.try_recv().ok()
    }

    /// Makes the bell silent until the next result.
    pub(super) fn heard(&self) {
        // The only failure is that it was silent.
        let _ = self.ready.read();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that reads files for TFTP had ended before");
        }
    }
}
