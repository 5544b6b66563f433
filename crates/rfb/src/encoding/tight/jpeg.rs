//! JPEG pictures within Tight.

use std::io::Cursor;

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::{ExtendedColorType, ImageDecoder};

use crate::error::ProtocolError;
use crate::framebuffer::Framebuffer;

/// The pixels of a baseline JPEG picture of exactly `width` by `height` pixels.
///
/// Its frame header is judged before anything is decoded: a picture of another size would cost memory that the
/// rectangle does not account for, and a progressive one may go over all its pixels a thousand times.
pub(super) fn decode(data: &[u8], width: u16, height: u16) -> Result<Vec<u32>, ProtocolError> {
    if baseline_size(data) != Some((width, height)) {
        return Err(ProtocolError::Jpeg);
    }
    let decoder = JpegDecoder::new(Cursor::new(data)).map_err(|_| ProtocolError::Jpeg)?;
    let colours = decoder.color_type();
    let pixel = usize::from(colours.bytes_per_pixel());
    let length = usize::from(width) * usize::from(height) * pixel;
    if decoder.total_bytes() != length as u64 {
        return Err(ProtocolError::Jpeg);
    }
    let mut samples = vec![0; length];
    decoder.read_image(&mut samples).map_err(|_| ProtocolError::Jpeg)?;
    let colour = |sample: &[u8]| match *sample {
        [grey] => Ok(u32::from_be_bytes([0, grey, grey, grey])),
        [red, green, blue] => Ok(u32::from_be_bytes([0, red, green, blue])),
        _ => Err(ProtocolError::Jpeg),
    };
    samples.chunks_exact(pixel).map(colour).collect()
}

/// Width and height in the frame header, if it is the only kind that encoders of Tight write (ITU-T T.81 annex B:
/// SOF0, baseline, and SOF1, the same with longer tables).
fn baseline_size(data: &[u8]) -> Option<(u16, u16)> {
    let mut rest = data.strip_prefix(&[0xFF, 0xD8])?;
    loop {
        let [0xFF, marker, behind @ ..] = rest else { return None };
        if *marker == 0xFF {
            // Any number of these may stand before a marker.
            rest = rest.get(1..)?;
            continue;
        }
        let (length, _) = behind.split_first_chunk::<2>()?;
        let (segment, next) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        match (marker, segment) {
            (0xC0 | 0xC1, &[_, _, _, h1, h0, w1, w0, ..]) => {
                return Some((u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0])));
            }
            // Tables, application data and comments; no picture begins before its frame header.
            (0xC4 | 0xDB | 0xDD | 0xE0..=0xEF | 0xFE, [_, _, ..]) => rest = next,
            _ => return None,
        }
    }
}

/// Appends a JPEG picture of quality 1 to 100; whether that worked. Pictures without pixels are none.
pub(super) fn encode(picture: &Framebuffer, quality: u8, out: &mut Vec<u8>) -> bool {
    let samples: Vec<u8> = picture
        .pixels()
        .iter()
        .flat_map(|pixel| {
            let [_, red, green, blue] = pixel.to_be_bytes();
            [red, green, blue]
        })
        .collect();
    let (width, height) = (u32::from(picture.width()), u32::from(picture.height()));
    JpegEncoder::new_with_quality(out, quality)
        .encode(&samples, width, height, ExtendedColorType::Rgb8)
        .is_ok()
}
