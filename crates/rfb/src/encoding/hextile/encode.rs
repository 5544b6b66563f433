//! The server's side of Hextile.

use super::{ANY_SUBRECTS, BACKGROUND_SPECIFIED, FOREGROUND_SPECIFIED, RAW, SUBRECTS_COLOURED, TILE};
use crate::encoding::raw;
use crate::framebuffer::{Framebuffer, Rectangle};
use crate::pixel_format::PixelFormat;

/// Pixels of a tile's side as an index.
const SIDE: usize = TILE as usize;

/// What the viewer remembers from the tiles before.
#[derive(Default)]
struct Remembered {
    background: Option<u32>,
    foreground: Option<u32>,
}

pub(crate) fn encode(picture: &Framebuffer, format: &PixelFormat, out: &mut Vec<u8>) {
    let whole = Rectangle { x: 0, y: 0, width: picture.width(), height: picture.height() };
    let mut remembered = Remembered::default();
    for tile in whole.tiles(TILE) {
        let tile = picture.cropped(tile);
        let start = out.len();
        let raw_length = 1 + tile.pixels().len() * format.bytes_per_pixel();
        encode_parts(&tile, format, &mut remembered, out);
        if out.len() - start >= raw_length {
            out.truncate(start);
            out.push(RAW);
            raw::encode(&tile, format, out);
            // Decoders differ in what they remember across a raw tile.
            remembered = Remembered::default();
        }
    }
}

/// A tile as its commonest colour and subrectangles of the others. May come out longer than the raw tile.
fn encode_parts(tile: &Framebuffer, format: &PixelFormat, remembered: &mut Remembered, out: &mut Vec<u8>) {
    let (background, foreground) = commonest(tile.pixels());
    let parts = subrectangles(tile, background);
    let head = out.len();
    out.push(0);
    let mut subencoding = 0;
    if remembered.background != Some(background) {
        subencoding |= BACKGROUND_SPECIFIED;
        format.write(background, out);
        remembered.background = Some(background);
    }
    let coloured = parts.iter().any(|part| part.colour != foreground);
    if coloured {
        subencoding |= SUBRECTS_COLOURED;
        // As above: some decoders take the last subrectangle's colour for the foreground.
        remembered.foreground = None;
    } else if !parts.is_empty() && remembered.foreground != Some(foreground) {
        subencoding |= FOREGROUND_SPECIFIED;
        format.write(foreground, out);
        remembered.foreground = Some(foreground);
    }
    if let Some(count) = u8::try_from(parts.len()).ok().filter(|&count| count > 0) {
        subencoding |= ANY_SUBRECTS;
        out.push(count);
        for part in &parts {
            if coloured {
                format.write(part.colour, out);
            }
            out.extend_from_slice(&[part.x << 4 | part.y, (part.width - 1) << 4 | (part.height - 1)]);
        }
    }
    if let Some(first) = out.get_mut(head) {
        *first = subencoding;
    }
}

/// The two commonest colours, the commonest first; the same twice if there is one only.
fn commonest(pixels: &[u32]) -> (u32, u32) {
    let mut counts: Vec<(u32, usize)> = Vec::new();
    for &pixel in pixels {
        match counts.iter_mut().find(|(colour, _)| *colour == pixel) {
            Some((_, count)) => *count += 1,
            None => counts.push((pixel, 1)),
        }
    }
    counts.sort_by_key(|&(_, count)| core::cmp::Reverse(count));
    let background = counts.first().map_or(0, |&(colour, _)| colour);
    (background, counts.get(1).map_or(background, |&(colour, _)| colour))
}

/// A part of a tile in one colour; width and height are 1 to 16.
struct Part {
    colour: u32,
    x: u8,
    y: u8,
    width: u8,
    height: u8,
}

/// Covers all that is not background: each part grows to the right, then downwards.
fn subrectangles(tile: &Framebuffer, background: u32) -> Vec<Part> {
    let (width, height) = (usize::from(tile.width()), usize::from(tile.height()));
    let colour_at = |x: usize, y: usize| tile.pixels().get(y * width + x).copied();
    let mut covered = [[false; SIDE]; SIDE];
    let mut parts = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let Some(colour) = colour_at(x, y).filter(|&colour| colour != background && !covered[y][x])
            else {
                continue;
            };
            let open = |x: usize, y: usize| !covered[y][x] && colour_at(x, y) == Some(colour);
            let right = (x..width).find(|&x| !open(x, y)).unwrap_or(width);
            let bottom = (y..height).find(|&y| !(x..right).all(|x| open(x, y))).unwrap_or(height);
            for row in &mut covered[y..bottom] {
                row[x..right].fill(true);
            }
            // All are at most sixteen.
            let [x, y, right, bottom] = [x, y, right, bottom].map(|n| n as u8);
            parts.push(Part { colour, x, y, width: right - x, height: bottom - y });
        }
    }
    parts
}
