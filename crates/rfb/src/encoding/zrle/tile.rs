//! One tile of ZRLE, without its compression, or of TRLE.

use crate::inbox::Bytes;
use crate::pixel_format::CompressedPixel;

const RAW: u8 = 0;
const SOLID: u8 = 1;
const PLAIN_RUNS: u8 = 128;
/// Palettes of 2 to 16 colours whose indices are packed into bits.
const LARGEST_PACKED_PALETTE: usize = 16;
/// The palette of the tile before, with packed indices; TRLE alone has it.
const SAME_PACKED: u8 = 127;
/// The palette of the tile before, with runs; TRLE alone has it.
const SAME_RUNS: u8 = 129;
/// Palettes of 2 to 127 colours with runs have the subencoding 128 + size.
const LARGEST_PALETTE: usize = 127;
/// In a palette index: a run's length follows.
const RUN: u8 = 0x80;

/// Whether tiles of a kind exist, where the palette of the tile before has `before` colours.
pub(in crate::encoding) fn exists(subencoding: u8, before: usize) -> bool {
    match subencoding {
        SAME_PACKED => (2..=LARGEST_PACKED_PALETTE).contains(&before),
        SAME_RUNS => before > 0,
        _ => usize::from(subencoding) <= LARGEST_PACKED_PALETTE || subencoding >= PLAIN_RUNS,
    }
}

/// Reads a tile of `width` by `height` pixels at the front of `bytes`: its pixels, row by row, and its length. `None`
/// when it is malformed or not complete.
pub(super) fn decode(
    bytes: &[u8],
    width: u16,
    height: u16,
    format: &CompressedPixel,
) -> Option<(Vec<u32>, usize)> {
    decode_after(bytes, width, height, format, &mut Vec::new())
}

/// As [`decode`], where a tile may have the palette of the one before. `before` becomes that of this tile, if it has one.
pub(in crate::encoding) fn decode_after(
    bytes: &[u8],
    width: u16,
    height: u16,
    format: &CompressedPixel,
    before: &mut Vec<u32>,
) -> Option<(Vec<u32>, usize)> {
    let count = usize::from(width) * usize::from(height);
    let mut reader = Bytes(bytes);
    let subencoding = reader.byte().filter(|kind| exists(*kind, before.len()))?;
    let mut palette = None;
    let pixels = match (usize::from(subencoding), subencoding) {
        (0, _) => raw(&mut reader, count, format)?,
        (1, _) => vec![format.read(reader.take(format.bytes)?); count],
        (_, SAME_PACKED) => packed(&mut reader, usize::from(width), height, before)?,
        (_, SAME_RUNS) => palette_runs(&mut reader, count, before)?,
        (_, PLAIN_RUNS) => plain_runs(&mut reader, count, format)?,
        (size @ ..=LARGEST_PACKED_PALETTE, _) => {
            let palette = palette.insert(raw(&mut reader, size, format)?);
            packed(&mut reader, usize::from(width), height, palette)?
        }
        (size, _) => {
            let palette = palette.insert(raw(&mut reader, size.checked_sub(128)?, format)?);
            palette_runs(&mut reader, count, palette)?
        }
    };
    if let Some(palette) = palette {
        *before = palette;
    }
    Some((pixels, bytes.len() - reader.0.len()))
}

fn raw(reader: &mut Bytes<'_>, count: usize, format: &CompressedPixel) -> Option<Vec<u32>> {
    let bytes = reader.take(count * format.bytes)?;
    Some(bytes.chunks_exact(format.bytes).map(|pixel| format.read(pixel)).collect())
}

/// Bits of an index into a packed palette of `size` colours.
fn packed_bits(size: usize) -> usize {
    match size {
        ..=2 => 1,
        3..=4 => 2,
        _ => 4,
    }
}

fn packed(reader: &mut Bytes<'_>, width: usize, height: u16, palette: &[u32]) -> Option<Vec<u32>> {
    let bits = packed_bits(palette.len());
    let mut pixels = Vec::with_capacity(width * usize::from(height));
    for _ in 0..height {
        let row = reader.take((width * bits).div_ceil(8))?;
        for column in 0..width {
            let bit = column * bits;
            let index = usize::from(row.get(bit / 8)? >> (8 - bits - bit % 8)) & ((1 << bits) - 1);
            pixels.push(*palette.get(index)?);
        }
    }
    Some(pixels)
}

fn plain_runs(reader: &mut Bytes<'_>, count: usize, format: &CompressedPixel) -> Option<Vec<u32>> {
    let mut pixels = Vec::with_capacity(count);
    while pixels.len() < count {
        let colour = format.read(reader.take(format.bytes)?);
        append_run(reader, colour, count, &mut pixels)?;
    }
    Some(pixels)
}

fn palette_runs(reader: &mut Bytes<'_>, count: usize, palette: &[u32]) -> Option<Vec<u32>> {
    let mut pixels = Vec::with_capacity(count);
    while pixels.len() < count {
        let index = reader.byte()?;
        let colour = *palette.get(usize::from(index & !RUN))?;
        if index & RUN == 0 {
            pixels.push(colour);
        } else {
            append_run(reader, colour, count, &mut pixels)?;
        }
    }
    Some(pixels)
}

/// A run's length is one more than the sum of its bytes, of which all but the last are 255.
fn append_run(reader: &mut Bytes<'_>, colour: u32, count: usize, pixels: &mut Vec<u32>) -> Option<()> {
    let mut end = pixels.len() + 1;
    loop {
        let byte = reader.byte()?;
        end += usize::from(byte);
        if end > count {
            return None;
        }
        if byte < 255 {
            break;
        }
    }
    pixels.resize(end, colour);
    Some(())
}

/// Appends the shortest of the tile's forms. `pixels` are those of whole rows of `width` pixels.
pub(super) fn encode(pixels: &[u32], width: u16, format: &CompressedPixel, out: &mut Vec<u8>) {
    write(pixels, width, format, &[], out);
}

/// As [`encode`], where the palette of the tile before may serve again. `before` becomes that of this tile, if it has one.
pub(in crate::encoding) fn encode_after(
    pixels: &[u32],
    width: u16,
    format: &CompressedPixel,
    before: &mut Vec<u32>,
    out: &mut Vec<u8>,
) {
    if let Some(palette) = write(pixels, width, format, before, out) {
        *before = palette;
    }
}

/// A palette to choose from.
struct Palette {
    colours: Vec<u32>,
    /// It is that of the tile before, and not written again.
    same: bool,
}

/// Appends a tile; its palette, where it has a new one.
fn write(
    pixels: &[u32],
    width: u16,
    format: &CompressedPixel,
    before: &[u32],
    out: &mut Vec<u8>,
) -> Option<Vec<u32>> {
    let runs = runs(pixels);
    let palette = palette(&runs);
    let length = format.bytes;
    let raw_length = pixels.len() * length;
    let run_bytes = |&(_, run): &(u32, usize)| 1 + (run - 1) / 255;
    let plain_length: usize = runs.iter().map(|run| length + run_bytes(run)).sum();
    let indexed_run_bytes = |run: &(u32, usize)| if run.1 == 1 { 1 } else { 1 + run_bytes(run) };
    let Some(palette) = palette else {
        if plain_length < raw_length {
            write_plain_runs(&runs, format, out);
        } else {
            write_raw(pixels, format, out);
        }
        return None;
    };
    if let [colour] = *palette {
        out.push(SOLID);
        format.write(colour, out);
        return None;
    }
    let same = palette.iter().all(|colour| before.contains(colour));
    let palette = Palette { colours: if same { before.to_vec() } else { palette }, same };
    let size = palette.colours.len();
    let palette_length = if same { 0 } else { size * length };
    let indexed_length = palette_length + runs.iter().map(indexed_run_bytes).sum::<usize>();
    let row = usize::from(width);
    let packed_length = if size <= LARGEST_PACKED_PALETTE && row > 0 {
        palette_length + (row * packed_bits(size)).div_ceil(8) * (pixels.len() / row)
    } else {
        usize::MAX
    };
    let shortest = raw_length.min(plain_length).min(indexed_length).min(packed_length);
    if shortest == packed_length {
        write_packed(pixels, row, &palette, format, out);
    } else if shortest == indexed_length {
        write_palette_runs(&runs, &palette, format, out);
    } else if shortest == plain_length {
        write_plain_runs(&runs, format, out);
        return None;
    } else {
        write_raw(pixels, format, out);
        return None;
    }
    Some(palette.colours)
}

/// The pixels as colours and how often each follows itself.
fn runs(pixels: &[u32]) -> Vec<(u32, usize)> {
    pixels.chunk_by(|a, b| a == b).filter_map(|run| Some((*run.first()?, run.len()))).collect()
}

/// The colours in use, unless they are too many for a palette.
fn palette(runs: &[(u32, usize)]) -> Option<Vec<u32>> {
    let mut palette = Vec::new();
    for (colour, _) in runs {
        if !palette.contains(colour) {
            if palette.len() == LARGEST_PALETTE {
                return None;
            }
            palette.push(*colour);
        }
    }
    Some(palette)
}

fn write_raw(pixels: &[u32], format: &CompressedPixel, out: &mut Vec<u8>) {
    out.push(RAW);
    for &pixel in pixels {
        format.write(pixel, out);
    }
}

fn write_plain_runs(runs: &[(u32, usize)], format: &CompressedPixel, out: &mut Vec<u8>) {
    out.push(PLAIN_RUNS);
    for &(colour, run) in runs {
        format.write(colour, out);
        write_run_length(run, out);
    }
}

/// A palette has at most [`LARGEST_PALETTE`] colours, so that its size and all indices fit seven bits.
fn write_palette(subencoding: u8, palette: &Palette, format: &CompressedPixel, out: &mut Vec<u8>) {
    if palette.same {
        out.push(if subencoding == PLAIN_RUNS { SAME_RUNS } else { SAME_PACKED });
        return;
    }
    out.push(subencoding | palette.colours.len() as u8);
    for &colour in &palette.colours {
        format.write(colour, out);
    }
}

fn index_of(palette: &[u32], colour: u32) -> u8 {
    palette.iter().position(|&other| other == colour).unwrap_or_default() as u8
}

fn write_palette_runs(runs: &[(u32, usize)], palette: &Palette, format: &CompressedPixel, out: &mut Vec<u8>) {
    write_palette(PLAIN_RUNS, palette, format, out);
    for &(colour, run) in runs {
        let index = index_of(&palette.colours, colour);
        if run == 1 {
            out.push(index);
        } else {
            out.push(index | RUN);
            write_run_length(run, out);
        }
    }
}

fn write_packed(
    pixels: &[u32],
    width: usize,
    palette: &Palette,
    format: &CompressedPixel,
    out: &mut Vec<u8>,
) {
    write_palette(0, palette, format, out);
    let bits = packed_bits(palette.colours.len());
    for row in pixels.chunks_exact(width) {
        for together in row.chunks(8 / bits) {
            let packed = together
                .iter()
                .fold(0, |packed, &colour| packed << bits | index_of(&palette.colours, colour));
            out.push(packed << (bits * (8 / bits - together.len())));
        }
    }
}

fn write_run_length(run: usize, out: &mut Vec<u8>) {
    let rest = run - 1;
    out.resize(out.len() + rest / 255, 255);
    out.push((rest % 255) as u8);
}

#[cfg(test)]
mod tests;
