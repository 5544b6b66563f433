//! Blocks that are due.

use std::net::SocketAddr;
use std::ops::Range;

use super::transfer::{Transfer, Window};
use super::{Road, TransferId};
use crate::packet::{DATA_HEADER, data_header};

/// Blocks to send, one datagram each: a header and a range of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Of which transfer.
    pub transfer: TransferId,
    /// Who gets them.
    pub client: SocketAddr,
    /// The address that they come from.
    pub local: SocketAddr,
    /// The port that they come from.
    pub road: Road,
    /// Octets of a block but the last.
    pub blksize: u16,
    /// The length of the file.
    pub length: u64,
    /// Blocks of the file that come before these.
    before: u64,
    count: u32,
}

impl Blocks {
    pub(super) fn new(id: TransferId, transfer: &Transfer, window: Window) -> Self {
        Self {
            transfer: id,
            client: transfer.client,
            local: transfer.local,
            road: transfer.road,
            blksize: transfer.blksize,
            length: transfer.length,
            before: window.before,
            count: window.count,
        }
    }

    /// How many there are, at least 1.
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// The octets of the file that they hold, in all.
    pub fn range(&self) -> Range<u64> {
        let blksize = u64::from(self.blksize);
        let end = (self.before + u64::from(self.count)) * blksize;
        self.before * blksize..end.min(self.length)
    }

    /// The header of each datagram, and the octets of the file behind it. All but the last of a file are of the same length.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ([u8; DATA_HEADER], Range<u64>)> + use<> {
        let Self { before, length, .. } = *self;
        let blksize = u64::from(self.blksize);
        (0..self.count).map(move |at| {
            let block = before + u64::from(at);
            (data_header(block + 1), block * blksize..((block + 1) * blksize).min(length))
        })
    }
}
