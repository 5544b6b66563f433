//! The octets of one transfer, where the next window needs them.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use ironhand_tftp::netascii;
use rustix::io::{Errno, ReadWriteFlags, pread, preadv2};

use crate::{Body, Part};

/// Octets read from a file at once, and kept for each transfer of one. A window that is larger is read whole. Where hundreds
/// of machines read the same file, more would push it out of the processor's cache; the system reads ahead from the disk.
const READ_AHEAD: u64 = 16 << 10;

/// The longest file that is translated to netascii, in octets. The translation is held in memory: clients ask for it by
/// mistake as a rule, and for scripts and configurations on purpose.
pub(super) const NETASCII_LIMIT: u64 = 4 << 20;

/// Where the octets of a transfer come from.
#[derive(Debug)]
pub(super) enum Source {
    Bytes(Bytes),
    File(Buffered),
}

/// A file, and a run of it that was read.
#[derive(Debug)]
pub(super) struct Buffered {
    pub(super) file: Arc<File>,
    pub(super) parts: Arc<[Part]>,
    length: u64,
    /// Where the run begins in what is served.
    start: u64,
    run: Vec<u8>,
}

/// Whether octets are at hand.
pub(super) enum Readiness {
    Ready,
    /// The disk must be waited for: whoever may wait calls [`read`] for this range.
    Disk(Range<u64>),
}

impl Source {
    pub(super) fn new(body: Body) -> Self {
        let length = body.len();
        match body {
            Body::Bytes(bytes) => Self::Bytes(bytes),
            Body::File { file, parts } => {
                Self::File(Buffered { file, parts, length, start: 0, run: Vec::new() })
            }
        }
    }

    /// The translation of a whole body. Reads the file, so it may wait for the disk, for no more than [`NETASCII_LIMIT`].
    pub(super) fn netascii(body: &Body) -> io::Result<Self> {
        let (read_bytes, held);
        let bytes = match body {
            Body::Bytes(bytes) => &bytes[..],
            Body::File { file, parts } => {
                let mut bytes = Vec::new();
                read(file, parts, 0..body.len(), &mut bytes)?;
                read_bytes = bytes;
                &read_bytes[..]
            }
        };
        let mut translated = Vec::with_capacity(netascii::encoded_len(bytes) as usize);
        netascii::encode(bytes, &mut translated);
        held = Bytes::from(translated);
        Ok(Self::Bytes(held))
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(buffered) => buffered.length,
        }
    }

    /// Brings a range to hand without waiting for a disk.
    pub(super) fn prepare(&mut self, range: Range<u64>) -> io::Result<Readiness> {
        match self {
            Self::Bytes(_) => Ok(Readiness::Ready),
            Self::File(buffered) => buffered.prepare(range),
        }
    }

    /// A range that was brought to hand.
    pub(super) fn get(&self, range: Range<u64>) -> &[u8] {
        let (bytes, start) = match self {
            Self::Bytes(bytes) => (&bytes[..], 0),
            Self::File(buffered) => (&buffered.run[..], buffered.start),
        };
        let (from, to) = (range.start.saturating_sub(start), range.end.saturating_sub(start));
        bytes.get(from as usize..to as usize).unwrap_or_default()
    }

    /// Takes what was read by another thread.
    pub(super) fn fill(&mut self, start: u64, run: Vec<u8>) {
        if let Self::File(buffered) = self {
            buffered.start = start;
            buffered.run = run;
        }
    }

    /// Gives the buffer away, to be read into.
    pub(super) fn take_buffer(&mut self) -> Vec<u8> {
        match self {
            Self::Bytes(_) => Vec::new(),
            Self::File(buffered) => std::mem::take(&mut buffered.run),
        }
    }
}

impl Buffered {
    fn prepare(&mut self, range: Range<u64>) -> io::Result<Readiness> {
        let held = self.start..self.start + self.run.len() as u64;
        if range.is_empty() || held.start <= range.start && range.end <= held.end {
            return Ok(Readiness::Ready);
        }
        let wanted = range.start..range.end.max((range.start + READ_AHEAD).min(self.length));
        self.run.resize((wanted.end - wanted.start) as usize, 0);
        self.start = wanted.start;
        let mut filled = 0;
        for (offset, length) in pieces(&self.parts, wanted.clone()) {
            let mut read = 0;
            while read < length {
                let room = &mut self.run[filled..filled + length - read];
                match preadv2(
                    &self.file,
                    &mut [io::IoSliceMut::new(room)],
                    offset + read as u64,
                    ReadWriteFlags::NOWAIT,
                ) {
                    Ok(0) => return Err(shorter()),
                    Ok(count) => {
                        read += count;
                        filled += count;
                    }
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => {
                        // What there is may do; what does not is read by the thread that waits.
                        self.run.truncate(filled);
                        return Ok(match self.start + filled as u64 >= range.end {
                            true => Readiness::Ready,
                            false => Readiness::Disk(wanted),
                        });
                    }
                    // A file system that cannot tell. Its files are read as they are.
                    Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                        let mut run = std::mem::take(&mut self.run);
                        read_exactly(&self.file, &self.parts, wanted, &mut run)?;
                        self.run = run;
                        return Ok(Readiness::Ready);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(Readiness::Ready)
    }
}

/// Reads a range of what is served into `out`, whose old octets go. Waits for the disk.
pub(super) fn read(file: &File, parts: &[Part], range: Range<u64>, out: &mut Vec<u8>) -> io::Result<()> {
    out.resize(range.end.saturating_sub(range.start) as usize, 0);
    read_exactly(file, parts, range, out)
}

fn read_exactly(file: &File, parts: &[Part], range: Range<u64>, out: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    for (offset, length) in pieces(parts, range) {
        let mut read = 0;
        while read < length {
            match pread(file, &mut out[filled..filled + length - read], offset + read as u64) {
                Ok(0) => return Err(shorter()),
                Ok(count) => {
                    read += count;
                    filled += count;
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

fn shorter() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was served")
}

/// Where a range lies in the file: offsets and lengths.
fn pieces(parts: &[Part], range: Range<u64>) -> impl Iterator<Item = (u64, usize)> + '_ {
    let mut before = 0;
    parts.iter().filter_map(move |part| {
        let (start, end) = (before, before + part.length);
        before = end;
        let (from, to) = (range.start.max(start), range.end.min(end));
        (from < to).then(|| (part.offset + from - start, (to - from) as usize))
    })
}

#[cfg(test)]
mod tests;
