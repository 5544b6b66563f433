use proptest::prelude::*;

use super::*;
use crate::picture::Picture;

/// Pixels of up to `colours` colours, in runs of about `run`.
fn picture(seed: u64, width: u16, height: u16, colours: u32, run: u32) -> Picture {
    let mut state = seed | 1;
    let mut below = move |limit: u32| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32 % limit
    };
    let mut colour = 0;
    let pixels = (0..u32::from(width) * u32::from(height)).map(|_| {
        if below(run) == 0 {
            colour = below(colours).wrapping_mul(0x9E_3779) & 0x00FF_FFFF;
        }
        colour
    });
    Picture::from_pixels(width, height, pixels.collect()).expect("small")
}

fn decoded(before: &Picture, settings: &Settings, data: &[u8]) -> Result<Picture, StreamError> {
    let mut picture = before.clone();
    Decoder::new().decode(&mut picture, settings, data)?;
    Ok(picture)
}

/// The largest difference of any channel of any pixel.
fn difference(one: &Picture, other: &Picture) -> u8 {
    let channels = |picture: &Picture| -> Vec<u8> {
        picture.pixels().iter().flat_map(|pixel| pixel.to_be_bytes()).collect()
    };
    channels(one).into_iter().zip(channels(other)).map(|(a, b)| a.abs_diff(b)).max().unwrap_or_default()
}

fn coarse(subsampling: Subsampling) -> Settings {
    Settings { luma: Quality::WORST, chroma: Quality::WORST, subsampling, ..Settings::BEST }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn few_colours_are_kept(
        seed in any::<u64>(),
        (width, height) in (1..90_u16, 1..60_u16),
        colours in 1..5_u32,
        run in 1..40_u32,
    ) {
        let picture = picture(seed, width, height, colours, run);
        let mut data = Vec::new();
        encode(&picture, None, &Settings::BEST, &mut data);
        let black = Picture::black(width, height).expect("small");
        let seen = decoded(&black, &Settings::BEST, &data).expect("our own");
        prop_assert!(difference(&seen, &picture) <= 3, "{}", difference(&seen, &picture));
    }

    #[test]
    fn many_colours_are_nearly_kept(
        seed in any::<u64>(),
        (width, height) in (1..50_u16, 1..50_u16),
        run in 1..40_u32,
    ) {
        let picture = picture(seed, width, height, 1 << 24, run);
        let mut data = Vec::new();
        encode(&picture, None, &Settings::BEST, &mut data);
        let black = Picture::black(width, height).expect("small");
        let seen = decoded(&black, &Settings::BEST, &data).expect("our own");
        prop_assert!(difference(&seen, &picture) <= 32, "{}", difference(&seen, &picture));
    }

    /// What a block leaves out keeps its pixels, and what is sent is as if all were sent.
    #[test]
    fn changes_alone_give_the_same_picture(
        seed in any::<u64>(),
        (width, height) in (1..80_u16, 1..60_u16),
        quarter in any::<bool>(),
        changes in 0..4_usize,
    ) {
        let subsampling = if quarter { Subsampling::Quarter } else { Subsampling::Full };
        for settings in [Settings { subsampling, ..Settings::BEST }, coarse(subsampling)] {
            let first = picture(seed, width, height, 7, 20);
            let mut pixels = first.pixels().to_vec();
            let count = pixels.len();
            for change in 0..changes {
                pixels[(seed as usize).wrapping_mul(change + 1) % count] ^= 0x00FF_00FF;
            }
            let second = Picture::from_pixels(width, height, pixels).expect("small");
            let (mut all, mut changed, mut whole) = (Vec::new(), Vec::new(), Vec::new());
            encode(&first, None, &settings, &mut all);
            encode(&second, Some(&first), &settings, &mut changed);
            encode(&second, None, &settings, &mut whole);
            let black = Picture::black(width, height).expect("small");
            let before = decoded(&black, &settings, &all).expect("our own");
            let after = decoded(&before, &settings, &changed).expect("our own");
            prop_assert_eq!(&after, &decoded(&black, &settings, &whole).expect("our own"));
            prop_assert!(changes > 0 || changed.len() == 4);
        }
    }

    #[test]
    fn noise(data in prop::collection::vec(any::<u8>(), 0..600), quarter in any::<bool>(), second in 0..12_u8) {
        let subsampling = if quarter { Subsampling::Quarter } else { Subsampling::Full };
        let second = Quality::new(second).expect("below 12");
        let settings = Settings { subsampling, second, luma_tables_for_chroma: quarter, ..Settings::BEST };
        let mut picture = Picture::black(33, 20).expect("small");
        let _ = Decoder::new().decode(&mut picture, &settings, &data);
        prop_assert!(picture.pixels().iter().all(|pixel| *pixel <= 0x00FF_FFFF));
    }
}

/// Bits of a stream, written by hand.
fn stream(fields: &[(u32, u32)]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut writer = bits::BitWriter::new(&mut data);
    fields.iter().for_each(|(bits, count)| writer.put(*bits, *count));
    writer.finish();
    data
}

const END: (u32, u32) = (9, 4);

fn check_error(fields: &[(u32, u32)], subsampling: Subsampling, expected: StreamError) {
    let settings = Settings { subsampling, ..Settings::BEST };
    let black = Picture::black(16, 16).expect("small");
    assert_eq!(decoded(&black, &settings, &stream(fields)), Err(expected));
}

#[test]
fn streams_that_cannot_be() {
    check_error(&[], Subsampling::Full, StreamError::Truncated);
    check_error(&[(1, 4)], Subsampling::Full, StreamError::Block { code: 1 });
    check_error(&[(3, 4)], Subsampling::Full, StreamError::Block { code: 3 });
    check_error(&[(11, 4), (0, 16)], Subsampling::Full, StreamError::Block { code: 11 });
    check_error(&[(2, 4)], Subsampling::Quarter, StreamError::Block { code: 2 });
    check_error(&[(7, 4)], Subsampling::Quarter, StreamError::Block { code: 7 });
    check_error(&[(8, 4), (2, 8), (0, 8)], Subsampling::Full, StreamError::Position { column: 2, row: 0 });
    check_error(&[(13, 4), (0, 8), (2, 8)], Subsampling::Full, StreamError::Position { column: 0, row: 2 });
    check_error(&[(0, 4), (0xFFFF, 16)], Subsampling::Full, StreamError::Code);
    // A mean of size 0, and then four runs of sixteen zeros and a number.
    let run = (0b111_1111_1001, 11);
    let many = [(0, 4), (0, 2), run, run, run, (0b1111_1111_1111_0101, 16), (0, 1)];
    check_error(&many, Subsampling::Full, StreamError::Coefficients);
    let flood: Vec<(u32, u32)> = core::iter::repeat_n((0b010_1000, 7), 9).collect();
    check_error(&flood, Subsampling::Full, StreamError::TooManyBlocks { limit: 8 });
    check_error(&[(0b010_1100, 7), (0xFF, 8)], Subsampling::Full, StreamError::Truncated);
}

/// Palettes, positions, the second pass and the second pair of quantisers, in streams written by hand.
#[test]
fn kinds_of_blocks() {
    let black = Picture::black(16, 16).expect("small");
    let check = |fields: &[(u32, u32)], expected: [u32; 4]| {
        let seen = decoded(&black, &Settings::BEST, &stream(fields)).expect("well-formed");
        let corners = [(0, 0), (15, 0), (0, 15), (15, 15)].map(|(x, y)| seen.pixels()[y * 16 + x]);
        assert_eq!(corners.map(|pixel| format!("{pixel:06x}")), expected.map(|pixel| format!("{pixel:06x}")));
    };
    // The palette at the start: slot 1 is white, slot 2 grey. The second block goes on behind the first.
    check(&[(5, 4), (1, 3), (5, 4), (2, 3), END], [0xFF_FFFF, 0x82_8282, 0, 0]);
    // A new colour in slot 3, at column 1, row 1, and used again: the block after the last is the first.
    let red = [(81, 8), (90, 8), (240, 8)];
    let placed = [(13, 4), (1, 8), (1, 8), (7, 3), red[0], red[1], red[2], (5, 4), (3, 3), END];
    check(&placed, [0xFF_0000, 0, 0, 0xFF_0000]);
    // A mean of 32 (size 6) by the finest quantiser is 4 above the middle; no colour.
    let grey = [(0b1110, 4), (0b10_0000, 6), (0b1010, 4), (0, 2), (0, 2), (0, 2), (0, 2)];
    let first = [&[(0, 4)], &grey[..]].concat();
    let shown = colour::to_rgb([132, 128, 128]);
    check(&[&first[..], &[END]].concat(), [shown, 0, 0, 0]);
    // The same again as a difference: the mean is as it was, so that it is told by a size of nothing.
    let same = [(0, 2), (0b1010, 4), (0, 2), (0, 2), (0, 2), (0, 2)];
    let second = [&first[..], &[(10, 4), (0, 8), (0, 8)], &same, &[END]].concat();
    check(&second, [colour::to_rgb([136, 128, 128]), 0, 0, 0]);
}

#[test]
fn the_second_quantisers_are_coarser() {
    let settings = Settings { second: Quality::WORST, ..Settings::BEST };
    let black = Picture::black(8, 8).expect("small");
    let unit = [(0b00, 2), (0b1010, 4)];
    let block = |kind| {
        // A mean of 1: size 1, bit 1.
        let fields = [(kind, 4), (0b010, 3), (1, 1), unit[1], (0, 2), (0, 2), (0, 2), (0, 2), END];
        decoded(&black, &settings, &stream(&fields)).expect("well-formed").pixels()[0]
    };
    assert_eq!(block(0), colour::to_rgb([128, 128, 128]));
    assert_eq!(block(4), colour::to_rgb([131, 128, 128]), "20 / 8 above the middle");
}

/// A screen of text takes a few kilobytes, and a changed letter a few bytes.
#[test]
fn sizes() {
    let first = picture(9, 720, 400, 2, 300);
    let mut pixels = first.pixels().to_vec();
    pixels[720 * 100 + 300] ^= 0x00FF_FFFF;
    let second = Picture::from_pixels(720, 400, pixels).expect("small");
    let mut data = Vec::new();
    encode(&second, Some(&first), &Settings::BEST, &mut data);
    assert!(data.len() < 40, "{} bytes for a changed pixel", data.len());
}
