//! What an image may take at most, so that hostile ones are read to an end.

use std::cell::Cell;

use crate::source::{Error, Source, read};

/// Entries of an image at most. The largest images of distributions have under 100,000.
pub const ENTRY_LIMIT: usize = 1 << 20;
/// Bytes of all names and targets of links of an image at most.
pub const NAME_LIMIT: usize = 64 << 20;
/// Bytes of the records of one directory at most.
pub const DIRECTORY_LIMIT: usize = 32 << 20;
/// Bytes of directories and of what their records go on in, over a whole image.
const METADATA_LIMIT: u64 = 256 << 20;
/// Bytes of the target of a link at most (`PATH_MAX` of Linux).
pub(crate) const TARGET_LIMIT: usize = 4_096;

/// Counts something down of which an image may have a limited number.
pub(crate) struct Meter {
    what: &'static str,
    limit: u64,
    left: Cell<u64>,
}

impl Meter {
    pub(crate) fn new(what: &'static str, limit: u64) -> Self {
        Self { what, limit, left: Cell::new(limit) }
    }

    /// Takes `count` of what is left.
    pub(crate) fn take(&self, count: u64) -> Result<(), Error> {
        let left = self.left.get().checked_sub(count);
        self.left.set(left.ok_or(Error::TooLarge { what: self.what, limit: self.limit })?);
        Ok(())
    }
}

/// Reads no more than there may be of directories: they can overlap, and be read again and again.
pub(crate) struct Metered<'a> {
    pub(crate) source: &'a dyn Source,
    meter: Meter,
}

impl<'a> Metered<'a> {
    pub(crate) fn new(source: &'a dyn Source) -> Self {
        Self { source, meter: Meter::new("bytes of directories", METADATA_LIMIT) }
    }

    /// Reads `length` bytes at `offset` of what is called `what`, if they lie within the image.
    pub(crate) fn read(&self, what: &str, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        self.meter.take(length as u64)?;
        read(self.source, what, offset, length)
    }
}

/// The length of a directory, if it is not more than is read.
pub(crate) fn directory_length(length: u64) -> Result<usize, Error> {
    match usize::try_from(length) {
        Ok(length) if length <= DIRECTORY_LIMIT => Ok(length),
        _ => Err(Error::TooLarge { what: "bytes in one directory", limit: DIRECTORY_LIMIT as u64 }),
    }
}
