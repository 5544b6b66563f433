//! Bits in words of 32: each word is little-endian, and is read from its highest bit.

use super::StreamError;

/// Takes bits from data. The last word may be short; its missing bytes count as zero.
pub(super) struct BitReader<'a> {
    rest: &'a [u8],
    /// Bits taken from `rest` and not yet read, from the highest bit on.
    window: u64,
    /// How many bits of the window are real.
    available: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { rest: data, window: 0, available: 0 }
    }

    fn refill(&mut self) {
        while self.available <= 32 && !self.rest.is_empty() {
            let (word, rest) = self.rest.split_at(self.rest.len().min(4));
            let mut bytes = [0; 4];
            for (to, from) in bytes.iter_mut().zip(word) {
                *to = *from;
            }
            self.window |= u64::from(u32::from_le_bytes(bytes)) << (32 - self.available);
            self.available += 32;
            self.rest = rest;
        }
    }

    /// The next 16 bits without reading them; zeros behind the end.
    pub(super) fn peek16(&mut self) -> u16 {
        if self.available < 16 {
            self.refill();
        }
        (self.window >> 48) as u16
    }

    /// Reads up to 24 bits.
    pub(super) fn take(&mut self, count: u32) -> Result<u32, StreamError> {
        if self.available < count {
            self.refill();
            if self.available < count {
                return Err(StreamError::Truncated);
            }
        }
        if count == 0 {
            return Ok(0);
        }
        let bits = self.window >> (64 - count);
        self.window <<= count;
        self.available -= count;
        Ok(bits as u32)
    }

    /// Reads a byte.
    pub(super) fn byte(&mut self) -> Result<u8, StreamError> {
        Ok(self.take(8)? as u8)
    }
}

/// Makes data of bits.
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    word: u64,
    filled: u32,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, word: 0, filled: 0 }
    }

    /// Writes the lowest `count` bits of `bits`, at most 32.
    pub(super) fn put(&mut self, bits: u32, count: u32) {
        let bits = u64::from(bits) & ((1 << count) - 1);
        self.word = self.word << count | bits;
        self.filled += count;
        if self.filled >= 32 {
            self.filled -= 32;
            let word = (self.word >> self.filled) as u32;
            self.out.extend_from_slice(&word.to_le_bytes());
        }
    }

    /// Fills the last word up with zeros.
    pub(super) fn finish(mut self) {
        if self.filled > 0 {
            self.put(0, 32 - self.filled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_little_endian_and_read_from_the_top() {
        let mut reader = BitReader::new(&[0x78, 0x56, 0x34, 0x12, 0xF0]);
        assert_eq!(reader.take(4), Ok(1));
        assert_eq!(reader.take(16), Ok(0x2345));
        assert_eq!(reader.peek16(), 0x6780);
        assert_eq!(reader.take(12), Ok(0x678));
        assert_eq!(reader.take(24), Ok(0));
        assert_eq!(reader.take(8), Ok(0xF0));
        assert_eq!(reader.peek16(), 0);
        assert_eq!(reader.take(1), Err(StreamError::Truncated));
    }

    #[test]
    fn what_is_written_is_read() {
        let lengths = [1, 4, 13, 24, 7, 3, 20, 16, 9, 24, 24, 2];
        let mut bytes = Vec::new();
        let mut writer = BitWriter::new(&mut bytes);
        for (index, count) in lengths.iter().enumerate() {
            writer.put(0x00A5_3C71_u32.rotate_left(index as u32), *count);
        }
        writer.finish();
        assert_eq!(bytes.len() % 4, 0);
        let mut reader = BitReader::new(&bytes);
        for (index, count) in lengths.iter().enumerate() {
            let expected = 0x00A5_3C71_u32.rotate_left(index as u32) & ((1 << count) - 1);
            assert_eq!(reader.take(*count), Ok(expected));
        }
    }
}
