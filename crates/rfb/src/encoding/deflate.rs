//! Zlib streams (RFC 1950) towards a viewer.

use flate2::{Compress, Compression, FlushCompress};

/// Bytes that output grows by at a time.
const CHUNK: usize = 16 * 1024;

/// A zlib stream towards a viewer.
pub(crate) struct Deflate(Compress);

impl Deflate {
    pub(crate) fn new() -> Self {
        // Text screens shrink a hundredfold at any level; the fast one keeps many viewers cheap.
        Self(Compress::new(Compression::fast(), true))
    }

    /// Compresses all of `input`; with [`FlushCompress::Sync`], so that the viewer can read to its end.
    pub(crate) fn write(&mut self, mut input: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
        loop {
            out.reserve(CHUNK);
            let (used_before, made_before) = (self.0.total_in(), out.len());
            // Errors exist only for streams that were ended, and this one never is.
            let result = self.0.compress_vec(input, out, flush);
            let used = usize::try_from(self.0.total_in() - used_before).unwrap_or(input.len());
            input = input.get(used..).unwrap_or_default();
            let stuck = used == 0 && out.len() == made_before;
            let output_had_room = out.len() < out.capacity();
            if result.is_err() || stuck || (input.is_empty() && output_had_room) {
                return;
            }
        }
    }
}

/// Appends what `write` makes behind its length in four bytes.
pub(crate) fn with_length(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = u32::try_from(out.len() - length_at - 4).unwrap_or(u32::MAX);
    if let Some(head) = out.get_mut(length_at..length_at + 4) {
        head.copy_from_slice(&length.to_be_bytes());
    }
}
