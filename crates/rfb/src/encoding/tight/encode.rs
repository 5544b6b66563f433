//! The server's side of Tight.

use flate2::FlushCompress;

use super::{COPY, FILL, FILTER, GRADIENT, JPEG, PALETTE, UNCOMPRESSED, jpeg};
use crate::encoding::deflate::Deflate;
use crate::encoding::rows::expected;
use crate::framebuffer::Framebuffer;
use crate::pixel_format::{CompressedPixel, PixelFormat};

/// The side in pixels of the squares that pictures are cut into: viewers need not take more than 65536 pixels at once.
pub(crate) const LARGEST_SIDE: u16 = 256;

/// The most colours of a palette.
const LARGEST_PALETTE: usize = 256;

/// Streams: those of pixels, of two colours, and of palettes.
const PIXELS: u8 = 0;
const TWO_COLOURS: u8 = 1;
const COLOURS: u8 = 2;

/// What the viewer lets quality of JPEG be by its ten levels, in percent.
const QUALITIES: [u8; 10] = [15, 29, 41, 42, 62, 77, 79, 86, 92, 100];

/// The zlib streams of a connection towards a viewer.
pub(crate) struct Encoder([Option<Deflate>; 3]);

impl Encoder {
    pub(crate) fn new() -> Self {
        Self([const { None }; 3])
    }

    /// Appends `picture`, of at most [`LARGEST_SIDE`] in each direction. Pictures of many colours become JPEG where the
    /// viewer asked for a level of quality, 0 to 9.
    pub(crate) fn encode(
        &mut self,
        picture: &Framebuffer,
        format: &PixelFormat,
        quality: Option<u8>,
        out: &mut Vec<u8>,
    ) {
        let pixel = format.tight();
        match palette(picture.pixels()).as_deref() {
            Some([colour]) => {
                out.push(FILL << 4);
                pixel.write(*colour, out);
            }
            Some(colours @ [_, _]) => {
                self.write_palette(picture, colours, TWO_COLOURS, &pixel, out);
            }
            // A pixel of one byte is as short as its number in a palette.
            Some(colours) if pixel.bytes > 1 && !colours.is_empty() => {
                self.write_palette(picture, colours, COLOURS, &pixel, out);
            }
            _ => self.write_pixels(picture, &pixel, quality, out),
        }
    }

    fn write_palette(
        &mut self,
        picture: &Framebuffer,
        colours: &[u32],
        stream: u8,
        pixel: &CompressedPixel,
        out: &mut Vec<u8>,
    ) {
        // At most 256 colours, of which the last has a number of one byte.
        out.extend_from_slice(&[FILTER | stream << 4, PALETTE, (colours.len() - 1) as u8]);
        for &colour in colours {
            pixel.write(colour, out);
        }
        let number = |colour: &u32| colours.binary_search(colour).unwrap_or_default() as u8;
        let mut data = Vec::new();
        for row in picture.pixels().chunks_exact(usize::from(picture.width()).max(1)) {
            if colours.len() <= 2 {
                data.extend(row.chunks(8).map(|pixels| {
                    let bits = pixels.iter().fold(0, |bits, colour| bits << 1 | number(colour));
                    bits << (8 - pixels.len())
                }));
            } else {
                data.extend(row.iter().map(number));
            }
        }
        self.write_data(stream, &data, out);
    }

    fn write_pixels(
        &mut self,
        picture: &Framebuffer,
        pixel: &CompressedPixel,
        quality: Option<u8>,
        out: &mut Vec<u8>,
    ) {
        // Viewers of one byte per pixel have no use for JPEG, and the protocol forbids it.
        let quality = quality.filter(|_| pixel.bytes > 1);
        if let Some(&quality) = quality.and_then(|level| QUALITIES.get(usize::from(level))) {
            let mut data = Vec::new();
            if jpeg::encode(picture, quality, &mut data) {
                out.push(JPEG << 4);
                write_compact_length(data.len(), out);
                out.append(&mut data);
                return;
            }
        }
        let (gradient, is_smooth) = gradient(picture, pixel);
        if is_smooth {
            out.extend_from_slice(&[FILTER | PIXELS << 4, GRADIENT]);
            self.write_data(PIXELS, &gradient, out);
            return;
        }
        let mut data = Vec::new();
        for &colour in picture.pixels() {
            pixel.write(colour, &mut data);
        }
        out.extend_from_slice(&[FILTER | PIXELS << 4, COPY]);
        self.write_data(PIXELS, &data, out);
    }

    fn write_data(&mut self, stream: u8, data: &[u8], out: &mut Vec<u8>) {
        if data.len() < UNCOMPRESSED {
            out.extend_from_slice(data);
            return;
        }
        let mut compressed = Vec::new();
        if let Some(stream) = self.0.get_mut(usize::from(stream)) {
            stream.get_or_insert_with(Deflate::new).write(data, FlushCompress::Sync, &mut compressed);
        }
        write_compact_length(compressed.len(), out);
        out.append(&mut compressed);
    }
}

/// The colours in use in rising order, unless they are too many for a palette.
fn palette(pixels: &[u32]) -> Option<Vec<u32>> {
    let mut palette = Vec::new();
    for run in pixels.chunk_by(|a, b| a == b) {
        let Some(&colour) = run.first() else { continue };
        if let Err(place) = palette.binary_search(&colour) {
            if palette.len() == LARGEST_PALETTE {
                return None;
            }
            palette.insert(place, colour);
        }
    }
    Some(palette)
}

/// The picture behind the gradient filter, and whether that leaves less to write than the pixels as they are.
fn gradient(picture: &Framebuffer, pixel: &CompressedPixel) -> (Vec<u8>, bool) {
    let maxima = pixel.maxima();
    let mut above = vec![[0; 3]; usize::from(picture.width())];
    let (mut data, mut small) = (Vec::new(), 0_usize);
    for row in picture.pixels().chunks_exact(usize::from(picture.width()).max(1)) {
        let (mut left, mut between) = ([0; 3], [0; 3]);
        for (&colour, above) in row.iter().zip(&mut above) {
            let expected = expected(left, *above, between, maxima);
            let found = pixel.reduced(colour);
            let rest: [u16; 3] = core::array::from_fn(|i| found[i].wrapping_sub(expected[i]) & maxima[i]);
            small += rest.iter().zip(maxima).filter(|&(&rest, max)| rest.min(max - rest) <= max / 16).count();
            pixel.write_intensities(rest, &mut data);
            left = found;
            between = core::mem::replace(above, found);
        }
    }
    (data, small > 3 * picture.pixels().len() / 2)
}

/// Lengths above 4 MiB cannot be written, and squares of [`LARGEST_SIDE`] never need them.
fn write_compact_length(length: usize, out: &mut Vec<u8>) {
    let [low, middle, high] = [length & 0x7F, length >> 7 & 0x7F, length >> 14 & 0xFF].map(|part| part as u8);
    match (middle, high) {
        (0, 0) => out.push(low),
        (_, 0) => out.extend_from_slice(&[low | 0x80, middle]),
        _ => out.extend_from_slice(&[low | 0x80, middle | 0x80, high]),
    }
}
