//! Brightness and colour differences, as the coder has them: brightness 16 is black and 235 white.

/// Y, Cb and Cr of one pixel; the middle of the differences is 128.
pub(super) type Components = [u8; 3];

/// What the coder starts a frame with in the four slots of its palette: black, white and two greys.
pub(super) const PALETTE: [Components; 4] =
    [[0, 128, 128], [255, 128, 128], [128, 128, 128], [192, 128, 128]];

const LUMA: f32 = 1.164;
const RED_BY_CR: f32 = 1.597_656;
const GREEN_BY_CR: f32 = -0.812_5;
const GREEN_BY_CB: f32 = -0.390_625;
const BLUE_BY_CB: f32 = 2.015_625;

/// `factor * value`, to the nearest whole number; `factor` has 16 bits behind the point.
fn times(factor: i32, value: i32) -> i32 {
    (factor * value + (1 << 15)) >> 16
}

const fn fixed(factor: f32) -> i32 {
    (factor * 65536.0 + if factor < 0.0 { -0.5 } else { 0.5 }) as i32
}

/// `0x00RRGGBB` of components. Each product is rounded for itself, as ASPEED's own decoder does.
pub(super) fn to_rgb([y, cb, cr]: Components) -> u32 {
    let luma = times(const { fixed(LUMA) }, i32::from(y) - 16);
    let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
    let red = luma + times(const { fixed(RED_BY_CR) }, cr);
    let green = luma + times(const { fixed(GREEN_BY_CR) }, cr) + times(const { fixed(GREEN_BY_CB) }, cb);
    let blue = luma + times(const { fixed(BLUE_BY_CB) }, cb);
    let [red, green, blue] = [red, green, blue].map(|channel| channel.clamp(0, 255) as u32);
    red << 16 | green << 8 | blue
}

/// The components that come closest to `0x00RRGGBB`.
pub(super) fn from_rgb(pixel: u32) -> Components {
    let [_, red, green, blue] = pixel.to_be_bytes().map(f32::from);
    let (by_red, by_blue) = (-GREEN_BY_CR / RED_BY_CR, -GREEN_BY_CB / BLUE_BY_CB);
    let luma = (green + by_red * red + by_blue * blue) / (1.0 + by_red + by_blue);
    let clamped = |value: f32| value.round() as u8;
    [
        clamped(luma / LUMA + 16.0),
        clamped((blue - luma) / BLUE_BY_CB + 128.0),
        clamped((red - luma) / RED_BY_CR + 128.0),
    ]
}

/// As [`from_rgb`], and among its neighbours the one that is shown most like the pixel.
pub(super) fn nearest(pixel: u32) -> Components {
    let [y, cb, cr] = from_rgb(pixel);
    let around = |value: u8| [value, value.saturating_sub(1), value.saturating_add(1)];
    let candidates = around(y).into_iter().flat_map(|y| {
        around(cb).into_iter().flat_map(move |cb| around(cr).into_iter().map(move |cr| [y, cb, cr]))
    });
    candidates.min_by_key(|components| distance(to_rgb(*components), pixel)).unwrap_or([y, cb, cr])
}

fn distance(one: u32, other: u32) -> u32 {
    let squares = one.to_be_bytes().into_iter().zip(other.to_be_bytes());
    squares.map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_the_scale() {
        assert_eq!(PALETTE.map(to_rgb), [0x00_0000, 0xFF_FFFF, 0x82_8282, 0xCD_CDCD]);
        assert_eq!(to_rgb([16, 128, 128]), 0);
        assert_eq!(to_rgb([235, 128, 128]), 0xFF_FFFF);
    }

    #[test]
    fn colours_of_text_screens_are_kept() {
        for level in [0x00, 0x55, 0xAA, 0xC0, 0xFF_u32] {
            for pixel in [level << 16, level << 8, level, level * 0x01_0101, level * 0x01_0001, 0xAA_5500] {
                let off = distance(to_rgb(nearest(pixel)), pixel);
                assert!(off <= 6, "{pixel:06x} {off}");
            }
        }
        let greys = (0..=255_u32).map(|level| level * 0x01_0101);
        assert!(greys.into_iter().all(|grey| distance(to_rgb(nearest(grey)), grey) <= 3));
    }
}
