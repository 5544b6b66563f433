//! How a pixel is written (RFC 6143 section 7.4).

use crate::error::ProtocolError;

/// A true-colour pixel format: 8, 16 or 32 bits per pixel, either byte order; or a colour map of 256 entries.
///
/// What viewers ask for with a colour map is served as [`crate::Server`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelFormat {
    bits_per_pixel: u8,
    depth: u8,
    big_endian: bool,
    /// Pixels are numbers of a map's entries, and are read as these.
    mapped: bool,
    red: Channel,
    green: Channel,
    blue: Channel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Channel {
    max: u16,
    shift: u8,
}

impl Channel {
    /// The intensity in `value`, 0 to `max`.
    fn intensity(self, value: u32) -> u32 {
        (value >> self.shift) & u32::from(self.max)
    }

    /// The intensity in `value` as 0 to 255, rounded to the nearest.
    fn expand(self, value: u32) -> u32 {
        let (max, intensity) = (u32::from(self.max), self.intensity(value));
        if max == 255 { intensity } else { (intensity * 255 + max / 2) / max }
    }

    fn reduce(self, intensity: u32) -> u32 {
        let max = u32::from(self.max);
        let reduced = if max == 255 { intensity } else { (intensity * max + 127) / 255 };
        reduced << self.shift
    }

    fn mask(self) -> u32 {
        u32::from(self.max) << self.shift
    }
}

/// A pixel format as a viewer may ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestedFormat {
    TrueColour(PixelFormat),
    /// Pixels are indices of a colour map that the server sends (RFC 6143 section 7.6.2).
    ColourMap {
        bits_per_pixel: u8,
    },
}

impl PixelFormat {
    /// Eight bits per colour in 32-bit pixels, least significant byte first: blue, green, red, nothing.
    pub const TRUE_COLOUR_32: Self = Self::true_colour(32, 24, false, (255, 16), (255, 8), (255, 0));
    /// The same with the most significant byte first.
    pub const TRUE_COLOUR_32_BIG_ENDIAN: Self = Self { big_endian: true, ..Self::TRUE_COLOUR_32 };
    /// Five bits red, six green, five blue, least significant byte first.
    pub const TRUE_COLOUR_16: Self = Self::true_colour(16, 16, false, (31, 11), (63, 5), (31, 0));
    /// The same with the most significant byte first.
    pub const TRUE_COLOUR_16_BIG_ENDIAN: Self = Self { big_endian: true, ..Self::TRUE_COLOUR_16 };
    /// Three bits red in the lowest bits, three green, two blue: what viewers call BGR233.
    pub const TRUE_COLOUR_8: Self = Self::true_colour(8, 8, false, (7, 0), (7, 3), (3, 6));

    /// Three bits red in the highest bits, three green, two blue: the short one of the two formats of Intel AMT.
    pub const RGB_332: Self = Self::true_colour(8, 8, false, (7, 5), (7, 2), (3, 0));

    /// Pixels of a byte, which are numbers of entries of a map that the server sends (RFC 6143 section 7.6.2).
    pub const COLOUR_MAP: Self = Self { mapped: true, ..Self::TRUE_COLOUR_8 };

    const fn true_colour(
        bits_per_pixel: u8,
        depth: u8,
        big_endian: bool,
        red: (u16, u8),
        green: (u16, u8),
        blue: (u16, u8),
    ) -> Self {
        Self {
            bits_per_pixel,
            depth,
            big_endian,
            mapped: false,
            red: Channel { max: red.0, shift: red.1 },
            green: Channel { max: green.0, shift: green.1 },
            blue: Channel { max: blue.0, shift: blue.1 },
        }
    }

    /// Bytes that a pixel takes: 1, 2 or 4.
    #[must_use]
    pub fn bytes_per_pixel(&self) -> usize {
        usize::from(self.bits_per_pixel / 8)
    }

    /// Reads the 16 bytes of a `PIXEL_FORMAT`.
    pub(crate) fn parse(bytes: &[u8; 16]) -> Result<RequestedFormat, ProtocolError> {
        let [bits_per_pixel, depth, big_endian, true_colour, r1, r0, g1, g0, b1, b0, red, green, blue, ..] =
            *bytes;
        if !matches!(bits_per_pixel, 8 | 16 | 32) {
            return Err(ProtocolError::PixelFormat { bits_per_pixel });
        }
        if true_colour == 0 {
            return Ok(RequestedFormat::ColourMap { bits_per_pixel });
        }
        let channel = |max: [u8; 2], shift: u8| {
            let channel = Channel { max: u16::from_be_bytes(max), shift };
            let highest_bit = u32::from(shift) + (16 - channel.max.leading_zeros());
            let all_ones = u32::from(channel.max) & (u32::from(channel.max) + 1) == 0;
            let usable = channel.max > 0 && all_ones && highest_bit <= u32::from(bits_per_pixel);
            if usable { Ok(channel) } else { Err(ProtocolError::PixelFormat { bits_per_pixel }) }
        };
        Ok(RequestedFormat::TrueColour(Self {
            bits_per_pixel,
            depth,
            big_endian: big_endian != 0,
            mapped: false,
            red: channel([r1, r0], red)?,
            green: channel([g1, g0], green)?,
            blue: channel([b1, b0], blue)?,
        }))
    }

    /// The 16 bytes of a `PIXEL_FORMAT`.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        let [r1, r0] = self.red.max.to_be_bytes();
        let [g1, g0] = self.green.max.to_be_bytes();
        let [b1, b0] = self.blue.max.to_be_bytes();
        let shifts = [self.red.shift, self.green.shift, self.blue.shift];
        let [red, green, blue] = shifts;
        let (big_endian, true_colour) = (u8::from(self.big_endian), u8::from(!self.mapped));
        [
            self.bits_per_pixel,
            self.depth,
            big_endian,
            true_colour,
            r1,
            r0,
            g1,
            g0,
            b1,
            b0,
            red,
            green,
            blue,
            0,
            0,
            0,
        ]
    }

    /// The colour, `0x00RRGGBB`, of a pixel of [`Self::bytes_per_pixel`] bytes; black for any other length.
    pub(crate) fn read(&self, pixel: &[u8]) -> u32 {
        self.colour(self.value(pixel))
    }

    /// The number that a pixel's bytes are.
    fn value(&self, pixel: &[u8]) -> u32 {
        match (pixel, self.big_endian) {
            (&[a], _) => u32::from(a),
            (&[a, b], false) => u32::from(u16::from_le_bytes([a, b])),
            (&[a, b], true) => u32::from(u16::from_be_bytes([a, b])),
            (&[a, b, c, d], false) => u32::from_le_bytes([a, b, c, d]),
            (&[a, b, c, d], true) => u32::from_be_bytes([a, b, c, d]),
            _ => 0,
        }
    }

    /// Whether pixels are numbers of a map's entries.
    pub(crate) fn is_mapped(&self) -> bool {
        self.mapped
    }

    fn colour(&self, value: u32) -> u32 {
        if self.mapped {
            return value;
        }
        self.red.expand(value) << 16 | self.green.expand(value) << 8 | self.blue.expand(value)
    }

    fn channels(&self) -> [Channel; 3] {
        [self.red, self.green, self.blue]
    }

    /// Appends a pixel of the colour `0x00RRGGBB`, or the nearest that the format has.
    pub(crate) fn write(&self, colour: u32, out: &mut Vec<u8>) {
        let (bytes, count) = self.bytes_of(colour);
        out.extend_from_slice(bytes.get(..count).unwrap_or_default());
    }

    /// The number of the nearest colour that the format has.
    fn reduce(&self, colour: u32) -> u32 {
        self.red.reduce(colour >> 16 & 0xFF)
            | self.green.reduce(colour >> 8 & 0xFF)
            | self.blue.reduce(colour & 0xFF)
    }

    /// The pixel's bytes at the front of four, and how many they are.
    fn bytes_of(&self, colour: u32) -> ([u8; 4], usize) {
        self.bytes_of_value(self.reduce(colour))
    }

    fn bytes_of_value(&self, value: u32) -> ([u8; 4], usize) {
        let count = self.bytes_per_pixel();
        if self.big_endian {
            ((value << (32 - u32::from(self.bits_per_pixel))).to_be_bytes(), count)
        } else {
            (value.to_le_bytes(), count)
        }
    }

    /// A whole pixel, as Zlib writes it.
    pub(crate) fn whole(self) -> CompressedPixel {
        CompressedPixel { format: self, bytes: self.bytes_per_pixel(), skipped: 0 }
    }

    /// How Tight writes pixels of this format: 32-bit pixels of eight bits per colour as red, green and blue.
    pub(crate) fn tight(self) -> CompressedPixel {
        let full = self.channels().iter().all(|channel| channel.max == 255);
        if self.bits_per_pixel == 32 && self.depth == 24 && full {
            CompressedPixel { format: Self::TRUE_COLOUR_32_BIG_ENDIAN, bytes: 3, skipped: 1 }
        } else {
            self.whole()
        }
    }

    /// How ZRLE writes pixels of this format.
    pub(crate) fn compressed(self) -> CompressedPixel {
        let mask = self.red.mask() | self.green.mask() | self.blue.mask();
        let (bytes, skipped) = if self.bits_per_pixel != 32 || self.depth > 24 {
            (self.bytes_per_pixel(), 0)
        } else if mask & 0xFF00_0000 == 0 {
            (3, usize::from(self.big_endian))
        } else if mask & 0x0000_00FF == 0 {
            (3, usize::from(!self.big_endian))
        } else {
            (4, 0)
        };
        CompressedPixel { format: self, bytes, skipped }
    }
}

/// A pixel as an encoding writes it: whole, or as the `CPIXEL` of ZRLE (RFC 6143 section 7.7.5) and the `TPIXEL` of
/// Tight (community protocol document), which leave out the byte that carries no colour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompressedPixel {
    format: PixelFormat,
    pub(crate) bytes: usize,
    /// Bytes of the whole pixel that stand before those sent.
    skipped: usize,
}

impl CompressedPixel {
    pub(crate) fn read(&self, bytes: &[u8]) -> u32 {
        self.format.colour(self.value(bytes))
    }

    fn value(&self, bytes: &[u8]) -> u32 {
        let mut pixel = [0; 4];
        for (to, from) in pixel.iter_mut().skip(self.skipped).zip(bytes) {
            *to = *from;
        }
        self.format.value(pixel.get(..self.format.bytes_per_pixel()).unwrap_or_default())
    }

    pub(crate) fn write(&self, colour: u32, out: &mut Vec<u8>) {
        self.write_value(self.format.reduce(colour), out);
    }

    fn write_value(&self, value: u32, out: &mut Vec<u8>) {
        let (pixel, _) = self.format.bytes_of_value(value);
        out.extend(pixel.iter().skip(self.skipped).take(self.bytes));
    }

    /// Red, green and blue of a pixel as the format has them.
    pub(crate) fn intensities(&self, bytes: &[u8]) -> [u16; 3] {
        let value = self.value(bytes);
        self.format.channels().map(|channel| channel.intensity(value) as u16)
    }

    /// The highest red, green and blue.
    pub(crate) fn maxima(&self) -> [u16; 3] {
        self.format.channels().map(|channel| channel.max)
    }

    /// The colour of intensities; what is above the maximum is cut off at its bits.
    pub(crate) fn colour(&self, intensities: [u16; 3]) -> u32 {
        self.format.colour(self.joined(intensities))
    }

    /// The intensities of the nearest colour that the format has.
    pub(crate) fn reduced(&self, colour: u32) -> [u16; 3] {
        let value = self.format.reduce(colour);
        self.format.channels().map(|channel| channel.intensity(value) as u16)
    }

    /// Appends a pixel of intensities, each of which is cut off at the bits that its channel has.
    pub(crate) fn write_intensities(&self, intensities: [u16; 3], out: &mut Vec<u8>) {
        self.write_value(self.joined(intensities), out);
    }

    fn joined(&self, intensities: [u16; 3]) -> u32 {
        let parts = self.format.channels().into_iter().zip(intensities);
        parts.fold(0, |value, (channel, intensity)| {
            value | u32::from(intensity & channel.max) << channel.shift
        })
    }
}

#[cfg(test)]
mod tests;
