//! The Huffman codes of Annex K.3 of the JPEG standard (ITU-T T.81), which every stream uses unchanged.

use super::StreamError;
use super::bits::{BitReader, BitWriter};

/// The four codes.
pub(super) static DC_LUMA: Code = Code::new(&[0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &SIZES);
pub(super) static DC_CHROMA: Code = Code::new(&[0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &SIZES);
pub(super) static AC_LUMA: Code =
    Code::new(&[0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125], &AC_LUMA_SYMBOLS);
pub(super) static AC_CHROMA: Code =
    Code::new(&[0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119], &AC_CHROMA_SYMBOLS);

const SIZES: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/// Table K.5: a run of zeros and the size of the number behind it, shortest code first.
#[rustfmt::skip]
const AC_LUMA_SYMBOLS: [u8; 162] = symbols([
    0x01, 0x02,
    0x03,
    0x00, 0x04, 0x11,
    0x05, 0x12, 0x21,
    0x31, 0x41,
    0x06, 0x13, 0x51, 0x61,
    0x07, 0x22, 0x71,
    0x14, 0x32, 0x81, 0x91, 0xA1,
    0x08, 0x23, 0x42, 0xB1, 0xC1,
    0x15, 0x52, 0xD1, 0xF0,
    0x24, 0x33, 0x62, 0x72,
    0x82,
]);

/// Table K.6.
#[rustfmt::skip]
const AC_CHROMA_SYMBOLS: [u8; 162] = symbols([
    0x00, 0x01,
    0x02,
    0x03, 0x11,
    0x04, 0x05, 0x21, 0x31,
    0x06, 0x12, 0x41, 0x51,
    0x07, 0x61, 0x71,
    0x13, 0x22, 0x32, 0x81,
    0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1,
    0x09, 0x23, 0x33, 0x52, 0xF0,
    0x15, 0x62, 0x72, 0xD1,
    0x0A, 0x16, 0x24, 0x34,
    0xE1,
    0x25, 0xF1,
]);

/// The symbols with codes of their own length, followed by all that are left: those have codes of 16 bits and stand
/// in the order of their numbers. A symbol is a run of 0 to 15 and a size of 1 to 10, or one of the two that end.
const fn symbols<const N: usize>(first: [u8; N]) -> [u8; 162] {
    let mut all = [0; 162];
    let mut is_taken = [false; 256];
    let mut count = 0;
    while count < N {
        all[count] = first[count];
        is_taken[first[count] as usize] = true;
        count += 1;
    }
    let mut symbol = 0;
    while symbol < 256 {
        let size = symbol & 15;
        if size >= 1 && size <= 10 && !is_taken[symbol] {
            all[count] = symbol as u8;
            count += 1;
        }
        symbol += 1;
    }
    assert!(count == 162, "a table of Annex K has 162 symbols");
    all
}

/// A Huffman code, for both directions.
pub(super) struct Code {
    /// For each length, the first code of 16 bits that is longer.
    limits: [u32; 17],
    /// For each length, the first code and the place of its symbol.
    firsts: [(u32, usize); 17],
    symbols: &'static [u8],
    /// For each symbol, its code and length; length 0 where it has none.
    codes: [(u16, u8); 256],
}

impl Code {
    /// From the number of codes of each length, 1 to 16 bits, and the symbols in the order of their codes (T.81 C.2).
    const fn new(counts: &[u8; 16], symbols: &'static [u8]) -> Self {
        let mut limits = [0; 17];
        let mut firsts = [(0, 0); 17];
        let mut codes = [(0, 0); 256];
        let (mut code, mut place, mut length) = (0_u32, 0, 1);
        while length <= 16 {
            firsts[length] = (code, place);
            let mut left = counts[length - 1];
            while left > 0 {
                codes[symbols[place] as usize] = (code as u16, length as u8);
                code += 1;
                place += 1;
                left -= 1;
            }
            limits[length] = code << (16 - length);
            code <<= 1;
            length += 1;
        }
        Self { limits, firsts, symbols, codes }
    }

    /// Reads one symbol.
    pub(super) fn read(&self, bits: &mut BitReader<'_>) -> Result<u8, StreamError> {
        let window = u32::from(bits.peek16());
        for length in 1..=16_u32 {
            let index = length as usize;
            if let (Some(&limit), Some(&(first, place))) = (self.limits.get(index), self.firsts.get(index))
                && window < limit
            {
                let offset = (window >> (16 - length)).wrapping_sub(first) as usize;
                let symbol = self.symbols.get(place + offset).copied();
                bits.take(length)?;
                return symbol.ok_or(StreamError::Code);
            }
        }
        Err(StreamError::Code)
    }

    /// Writes one symbol.
    pub(super) fn write(&self, symbol: u8, bits: &mut BitWriter<'_>) {
        if let Some(&(code, length)) = self.codes.get(usize::from(symbol)) {
            bits.put(code.into(), length.into());
        }
    }
}

/// The number of `size` bits as JPEG writes it: those with a clear first bit are negative (T.81 F.2.2.1).
pub(super) fn extend(bits: u32, size: u32) -> i32 {
    let value = bits as i32;
    if size > 0 && bits >> (size - 1) == 0 { value + 1 - (1 << size) } else { value }
}

/// The size of a number, and its bits.
pub(super) fn split(value: i32) -> (u32, u32) {
    let size = 32 - value.unsigned_abs().leading_zeros();
    let bits = if value < 0 { value - 1 } else { value };
    (size, bits as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_standard() {
        // Tables K.3 to K.6: code and length.
        assert_eq!(DC_LUMA.codes[0], (0b00, 2));
        assert_eq!(DC_LUMA.codes[5], (0b110, 3));
        assert_eq!(DC_LUMA.codes[11], (0b1_1111_1110, 9));
        assert_eq!(DC_CHROMA.codes[11], (0b111_1111_1110, 11));
        assert_eq!(AC_LUMA.codes[0x00], (0b1010, 4));
        assert_eq!(AC_LUMA.codes[0xF0], (0b111_1111_1001, 11));
        assert_eq!(AC_LUMA.codes[0x09], (0xFF82, 16));
        assert_eq!(AC_LUMA.codes[0x82], (0b111_1111_1100_0000, 15));
        assert_eq!(AC_LUMA.codes[0xFA], (0xFFFE, 16));
        assert_eq!(AC_CHROMA.codes[0x00], (0b00, 2));
        assert_eq!(AC_CHROMA.codes[0xF0], (0b11_1111_1010, 10));
        assert_eq!(AC_CHROMA.codes[0xE1], (0b11_1111_1110_0000, 14));
        assert_eq!(AC_CHROMA.codes[0x17], (0xFF88, 16));
        assert_eq!(AC_CHROMA.codes[0xFA], (0xFFFE, 16));
    }

    #[test]
    fn every_symbol_is_read_as_it_is_written() {
        for code in [&DC_LUMA, &DC_CHROMA, &AC_LUMA, &AC_CHROMA] {
            let mut bytes = Vec::new();
            let mut writer = BitWriter::new(&mut bytes);
            for symbol in code.symbols {
                code.write(*symbol, &mut writer);
            }
            writer.finish();
            let mut reader = BitReader::new(&bytes);
            for symbol in code.symbols {
                assert_eq!(code.read(&mut reader), Ok(*symbol));
            }
        }
    }

    #[test]
    fn numbers() {
        for value in -2047..=2047 {
            let (size, bits) = split(value);
            assert_eq!(extend(bits & ((1 << size) - 1), size), value);
        }
        assert_eq!(split(-1), (1, u32::MAX - 1));
    }
}
