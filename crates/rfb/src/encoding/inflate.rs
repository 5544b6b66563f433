//! Zlib streams (RFC 1950) of a server, inflated piece by piece.

use flate2::{Decompress, FlushDecompress};

use super::Progress;
use crate::error::ProtocolError;
use crate::inbox::Inbox;

/// Bytes inflated at a time.
const CHUNK: usize = 16 * 1024;

/// A zlib stream and what it gave that is not yet painted: never above the longest unit that its reader waits for and
/// [`CHUNK`], whatever the server compressed.
pub(crate) struct Inflate {
    /// Made with the first byte, so that streams that no server uses cost nothing.
    inflate: Option<Decompress>,
    may_lack_header: bool,
    inflated: Vec<u8>,
    read: usize,
}

impl Inflate {
    pub(crate) fn new() -> Self {
        Self { inflate: None, may_lack_header: false, inflated: Vec::new(), read: 0 }
    }

    /// A stream that may also be bare deflate data (RFC 1951), as Intel AMT sends it.
    pub(crate) fn new_perhaps_bare() -> Self {
        Self { may_lack_header: true, ..Self::new() }
    }

    /// Begins a new stream.
    pub(crate) fn reset(&mut self) {
        *self = Self { may_lack_header: self.may_lack_header, ..Self::new() };
    }

    /// What was inflated and not consumed.
    pub(crate) fn pending(&self) -> &[u8] {
        self.inflated.get(self.read..).unwrap_or_default()
    }

    /// Drops the first `count` bytes of [`Self::pending`].
    pub(crate) fn consume(&mut self, count: usize) {
        self.read = self.read.saturating_add(count).min(self.inflated.len());
    }

    #[cfg(test)]
    pub(super) fn buffered(&self) -> usize {
        self.inflated.capacity()
    }

    /// Inflates the next `missing` bytes of the inbox as far as they are there, and hands what comes out to `paint`,
    /// which says how many bytes it took from the front. What it leaves it gets again together with more; to leave
    /// what it will never take is its error to raise.
    pub(crate) fn decode(
        &mut self,
        inbox: &mut Inbox,
        missing: &mut usize,
        mut paint: impl FnMut(&[u8]) -> Result<usize, ProtocolError>,
    ) -> Result<Progress, ProtocolError> {
        loop {
            let taken = paint(self.pending())?;
            self.consume(taken);
            let input = inbox.pending();
            let input = input.get(..*missing).unwrap_or(input);
            let (used, made) = self.inflate(input)?;
            inbox.consume(used);
            *missing -= used;
            if (used, made) != (0, 0) {
                continue;
            }
            if *missing == 0 {
                return Ok(Progress::Complete);
            }
            // Input that the stream does not want is behind its end.
            return if inbox.is_empty() { Ok(Progress::Starved) } else { Err(ProtocolError::Zlib) };
        }
    }

    /// Inflates up to [`CHUNK`] bytes; returns how many bytes of `input` were used and how many came out.
    fn inflate(&mut self, input: &[u8]) -> Result<(usize, usize), ProtocolError> {
        let inflate = match (&mut self.inflate, input.first()) {
            (Some(inflate), _) => inflate,
            (None, None) => return Ok((0, 0)),
            (None, Some(&first)) => {
                // The lower half of a zlib header's first byte is 8. Deflate data begins so only with a stored block
                // whose padding is not zero, which no compressor writes.
                let has_header = !self.may_lack_header || first & 0xF == 8;
                self.inflate.insert(Decompress::new(has_header))
            }
        };
        self.inflated.drain(..self.read);
        self.read = 0;
        let kept = self.inflated.len();
        self.inflated.resize(kept + CHUNK, 0);
        let (used_before, made_before) = (inflate.total_in(), inflate.total_out());
        let room = self.inflated.get_mut(kept..).unwrap_or_default();
        let result = inflate.decompress(input, room, FlushDecompress::None);
        let used = usize::try_from(inflate.total_in() - used_before).map_err(|_| ProtocolError::Zlib)?;
        let made = usize::try_from(inflate.total_out() - made_before).map_err(|_| ProtocolError::Zlib)?;
        self.inflated.truncate(kept + made);
        result.map_err(|_| ProtocolError::Zlib)?;
        Ok((used, made))
    }
}
