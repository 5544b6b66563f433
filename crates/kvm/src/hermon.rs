//! The pictures of ATEN's oldest controllers (WPCM450 "Hermon"): pixels of 15 bits, all of them or in tiles.
//!
//! Ten bytes come first: the kind, one byte unused, the number of tiles, and the length of all including these ten. Kind
//! 0 has tiles of 16x16 pixels, each with four unknown bytes, its row and its column in front; kind 1 has all pixels row
//! by row. A pixel has five bits each for red, green and blue, in two little-endian bytes.

use crate::error::ProtocolError;
use crate::picture::Picture;

const HEADER: usize = 10;
const SIDE: usize = 16;
/// Four unknown bytes, row, column, pixels.
const TILE: usize = 6 + SIDE * SIDE * 2;

const KIND_TILES: u8 = 0;
const KIND_RAW: u8 = 1;

/// The most bytes that a picture of a size can take: all its pixels, or each of its tiles once, with a header.
pub(crate) fn limit(width: u16, height: u16) -> usize {
    HEADER + usize::from(width).div_ceil(SIDE) * usize::from(height).div_ceil(SIDE) * TILE
}

/// Paints `data` on `picture`.
pub(crate) fn decode(picture: &mut Picture, data: &[u8]) -> Result<(), ProtocolError> {
    let wrong = ProtocolError::Length { what: "Hermon picture", announced: data.len() as u64 };
    let Some((&[kind, _, _, _, _, _, l3, l2, l1, l0], body)) = data.split_first_chunk::<HEADER>() else {
        return Err(wrong);
    };
    let length = u32::from_be_bytes([l3, l2, l1, l0]);
    if length as usize != data.len() {
        return Err(ProtocolError::Length { what: "Hermon picture", announced: length.into() });
    }
    match kind {
        KIND_TILES => decode_tiles(picture, body, wrong),
        KIND_RAW if body.len() == picture.pixels().len() * 2 => {
            let (pixels, _) = body.as_chunks::<2>();
            for (pixel, bytes) in picture.pixels_mut().iter_mut().zip(pixels) {
                *pixel = from_15_bits(*bytes);
            }
            Ok(())
        }
        KIND_RAW => Err(wrong),
        _ => Err(ProtocolError::Message { number: kind }),
    }
}

fn decode_tiles(picture: &mut Picture, body: &[u8], wrong: ProtocolError) -> Result<(), ProtocolError> {
    let (tiles, rest) = body.as_chunks::<TILE>();
    if !rest.is_empty() {
        return Err(wrong);
    }
    for [_, _, _, _, row, column, pixels @ ..] in tiles {
        let (x, y) = (usize::from(*column) * SIDE, usize::from(*row) * SIDE);
        if x >= usize::from(picture.width()) || y >= usize::from(picture.height()) {
            return Err(ProtocolError::Tile { column: *column, row: *row });
        }
        let (lines, _) = pixels.as_chunks::<{ SIDE * 2 }>();
        for (dy, line) in lines.iter().enumerate() {
            let (pixels, _) = line.as_chunks::<2>();
            for (pixel, bytes) in picture.row_mut(x, y + dy, SIDE).iter_mut().zip(pixels) {
                *pixel = from_15_bits(*bytes);
            }
        }
    }
    Ok(())
}

/// Appends `picture`: all of it, or what differs from `before` where that has the same size.
pub(crate) fn encode(picture: &Picture, before: Option<&Picture>, out: &mut Vec<u8>) {
    let same_size = |other: &&Picture| (other.width(), other.height()) == (picture.width(), picture.height());
    let mut body = Vec::new();
    let mut count = 0_u32;
    let kind = if let Some(before) = before.filter(same_size) {
        let (columns, rows) = (picture.width().div_ceil(16), picture.height().div_ceil(16));
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let (x, y) = (usize::from(column) * SIDE, usize::from(row) * SIDE);
            if (y..y + SIDE).all(|y| picture.row(x, y, SIDE) == before.row(x, y, SIDE)) {
                continue;
            }
            count += 1;
            body.extend_from_slice(&[0, 0, 0, 0, row as u8, column as u8]);
            for y in y..y + SIDE {
                let line = picture.row(x, y, SIDE);
                let padding = core::iter::repeat_n(&0, SIDE - line.len());
                body.extend(line.iter().chain(padding).flat_map(|pixel| to_15_bits(*pixel)));
            }
        }
        KIND_TILES
    } else {
        body.extend(picture.pixels().iter().flat_map(|pixel| to_15_bits(*pixel)));
        KIND_RAW
    };
    out.extend_from_slice(&[kind, 0]);
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(&((HEADER + body.len()) as u32).to_be_bytes());
    out.append(&mut body);
}

fn from_15_bits(bytes: [u8; 2]) -> u32 {
    let pixel = u32::from(u16::from_le_bytes(bytes));
    let wide = |shift: u32| ((pixel >> shift & 31) * 255 + 15) / 31;
    wide(10) << 16 | wide(5) << 8 | wide(0)
}

fn to_15_bits(pixel: u32) -> [u8; 2] {
    let narrow = |shift: u32| ((pixel >> shift & 255) * 31 + 127) / 255;
    ((narrow(16) << 10 | narrow(8) << 5 | narrow(0)) as u16).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn striped(width: u16, height: u16, step: u32) -> Picture {
        // Colours that fifteen bits can tell.
        let colour = |index: u32| (index / step % 32 * 255 + 15) / 31 * 0x01_0001;
        let pixels = (0..u32::from(width) * u32::from(height)).map(colour).collect();
        Picture::from_pixels(width, height, pixels).expect("small")
    }

    #[test]
    fn what_is_encoded_is_seen() {
        let (first, second) = (striped(40, 19, 7), striped(40, 19, 9));
        let mut seen = Picture::black(40, 19).expect("small");
        let (mut all, mut changes, mut nothing) = (Vec::new(), Vec::new(), Vec::new());
        encode(&first, None, &mut all);
        assert_eq!(all.len(), 10 + 40 * 19 * 2);
        assert_eq!(decode(&mut seen, &all), Ok(()));
        assert_eq!(seen.pixels(), first.pixels());
        encode(&second, Some(&first), &mut changes);
        assert!(changes.len() <= limit(40, 19));
        assert_eq!(decode(&mut seen, &changes), Ok(()));
        assert_eq!(seen.pixels(), second.pixels());
        encode(&second, Some(&second), &mut nothing);
        assert_eq!(nothing, [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]);
        assert_eq!(decode(&mut seen, &nothing), Ok(()));
    }

    #[test]
    fn pictures_that_cannot_be() {
        let check = |data: &[u8], expected| {
            let mut picture = Picture::black(20, 20).expect("small");
            assert_eq!(decode(&mut picture, data), Err(expected));
        };
        let length = |announced| ProtocolError::Length { what: "Hermon picture", announced };
        check(&[], length(0));
        check(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 11], length(11));
        check(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 10], length(10));
        check(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 10], ProtocolError::Message { number: 2 });
        let mut tile = vec![0, 0, 0, 0, 0, 1, 0, 0, 2, 16, 0, 0, 0, 0, 1, 2];
        tile.resize(10 + TILE, 0);
        check(&tile, ProtocolError::Tile { column: 2, row: 1 });
        tile.pop();
        tile[9] = 15;
        check(&tile, length(527));
    }
}
