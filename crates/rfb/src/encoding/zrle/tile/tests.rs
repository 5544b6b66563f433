use proptest::prelude::*;

use super::*;
use crate::pixel_format::PixelFormat;

const BLACK: u32 = 0;
const RED: u32 = 0x00FF_0000;
const BLUE: u32 = 0x0000_00FF;

/// Pixels of one byte, RED 0x07 and BLUE 0xC0, keep the tables readable.
fn format() -> CompressedPixel {
    PixelFormat::TRUE_COLOUR_8.compressed()
}

#[test]
fn tiles_of_each_kind() {
    let check = |width, height, bytes: &[u8], expected: &[u32]| {
        assert_eq!(
            decode(bytes, width, height, &format()),
            Some((expected.to_vec(), bytes.len())),
            "{bytes:x?}"
        );
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end], width, height, &format()), None, "{bytes:x?} cut at {end}");
        }
    };
    check(2, 2, &[0, 0x07, 0xC0, 0xC0, 0x07], &[RED, BLUE, BLUE, RED]);
    check(2, 2, &[1, 0x07], &[RED; 4]);
    // Packed palettes: one, two and four bits for each pixel, each row from a fresh byte.
    check(3, 2, &[2, 0x07, 0xC0, 0b0100_0000, 0b1010_0000], &[RED, BLUE, RED, BLUE, RED, BLUE]);
    check(5, 1, &[3, 0x07, 0xC0, 0, 0b0001_1001, 0b0000_0000], &[RED, BLUE, BLACK, BLUE, RED]);
    check(3, 1, &[5, 0x07, 0xC0, 0, 1, 2, 0x01, 0x20], &[RED, BLUE, BLACK]);
    // Runs: 1 + the bytes up to the first that is not 255.
    check(4, 1, &[128, 0x07, 0, 0xC0, 2], &[RED, BLUE, BLUE, BLUE]);
    let long = [&[RED; 256][..], &[BLUE; 44]].concat();
    check(60, 5, &[128, 0x07, 255, 0, 0xC0, 43], &long);
    check(4, 1, &[130, 0x07, 0xC0, 0, 0x81, 2], &[RED, BLUE, BLUE, BLUE]);
}

#[test]
fn tiles_that_cannot_be() {
    let check = |bytes: &[u8]| assert_eq!(decode(bytes, 4, 1, &format()), None, "{bytes:x?}");
    // Undefined kinds.
    check(&[17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    check(&[127; 200]);
    check(&[129, 0, 3]);
    // Indices beyond the palette, packed and with runs.
    check(&[3, 0x07, 0xC0, 0, 0b1111_1111]);
    check(&[130, 0x07, 0xC0, 2, 2, 2, 2]);
    // Runs beyond the tile.
    check(&[128, 0x07, 4]);
    check(&[128, 0x07, 255, 255, 255, 255]);
    check(&[130, 0x07, 0xC0, 0x80, 255, 0]);
}

#[test]
fn the_shortest_form_is_sent() {
    let check = |width: u16, pixels: &[u32], kind: u8| {
        let format = PixelFormat::TRUE_COLOUR_32.compressed();
        let mut out = Vec::new();
        encode(pixels, width, &format, &mut out);
        assert_eq!(out[0], kind);
        let height = u16::try_from(pixels.len()).expect("small") / width;
        assert!(decode(&out, width, height, &format) == Some((pixels.to_vec(), out.len())), "kind {kind}");
    };
    let noise: Vec<u32> = (0..4096).map(|i| (i * 4099) & 0x00FF_FFFF).collect();
    check(64, &[RED; 4096], 1);
    check(64, &noise, 0);
    check(8, &[RED, BLUE, RED, BLUE, BLUE, RED, BLUE, RED].repeat(8), 2);
    let long_runs: Vec<u32> = (0..4096).map(|i| i / 20).collect();
    check(64, &long_runs, 128);
    let stripes: Vec<u32> = (0..4096).map(|i| i / 300 % 2).collect();
    check(64, &stripes, 130);
    let many_colours: Vec<u32> = (0..4096).map(|i| i % 100 * 257).collect();
    check(64, &many_colours, 128 + 100);
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        width in 1..=64_u16,
        colours in 1..200_u32,
        seed in any::<u64>(),
        height in 1..=64_u16,
        repeats in 1..40_u64,
    ) {
        let mut state = seed | 1;
        let pixels: Vec<u32> = (0..u64::from(width) * u64::from(height))
            .scan(0, |colour, _| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if (state >> 33) % repeats == 0 {
                    *colour = (state >> 40) as u32 % colours * 0x01_0203;
                }
                Some(*colour & 0x00FF_FFFF)
            })
            .collect();
        let format = PixelFormat::TRUE_COLOUR_32.compressed();
        let mut out = Vec::new();
        encode(&pixels, width, &format, &mut out);
        prop_assert!(decode(&out, width, height, &format) == Some((pixels, out.len())));
    }
}

#[test]
fn the_palette_of_the_tile_before_serves_again() {
    let format = format();
    let mut before = Vec::new();
    let check = |before: &mut Vec<u32>, bytes: &[u8], expected: Option<&[u32]>| {
        let wanted = expected.map(|pixels| (pixels.to_vec(), bytes.len()));
        assert_eq!(decode_after(bytes, 3, 1, &format, before), wanted, "{bytes:x?}");
    };
    // Without one there is none to use.
    check(&mut before, &[127, 0b0100_0000], None);
    check(&mut before, &[129, 0, 1, 1], None);
    check(&mut before, &[2, 0x07, 0xC0, 0b0100_0000], Some(&[RED, BLUE, RED]));
    check(&mut before, &[127, 0b1010_0000], Some(&[BLUE, RED, BLUE]));
    check(&mut before, &[129, 0x81, 1, 0], Some(&[BLUE, BLUE, RED]));
    // A tile without a palette leaves it; one that is cut off changes nothing.
    check(&mut before, &[1, 0x07], Some(&[RED; 3]));
    check(&mut before, &[130, 0xC0, 0x07], None);
    check(&mut before, &[127, 0b0000_0000], Some(&[RED; 3]));
    // More colours than packed indices can name.
    let many: Vec<u8> = (0..17).collect();
    check(&mut before, &[&[128 + 17][..], &many, &[0x80, 2]].concat(), Some(&[BLACK; 3]));
    check(&mut before, &[127, 0], None);
    check(&mut before, &[129, 0x80, 2], Some(&[BLACK; 3]));
}
