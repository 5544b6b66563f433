//! Pictures made small enough for a window.

use ironhand_console::Image;

/// The picture, made smaller where it is larger than so many pixels, with its proportions kept.
pub fn fitted(image: Image, width: u32, height: u32) -> Image {
    let (most_width, most_height) = (width.max(1), height.max(1));
    if image.width <= most_width && image.height <= most_height {
        return image;
    }
    let scaled = |side: u32, most: u32, of: u32| {
        let side = u64::from(side) * u64::from(most) / u64::from(of.max(1));
        u32::try_from(side).unwrap_or(u32::MAX).max(1)
    };
    // What would be too high at full width is as high as can be.
    if scaled(image.height, most_width, image.width) > most_height {
        let width = scaled(image.width, most_height, image.height);
        return shrunk(&image, width.min(most_width), most_height);
    }
    let height = scaled(image.height, most_width, image.width);
    shrunk(&image, most_width, height)
}

/// Each pixel is the mean of those that it stands for.
fn shrunk(image: &Image, width: u32, height: u32) -> Image {
    let mut pixels = Vec::with_capacity(width as usize * height as usize);
    for y in 0..height {
        let rows = part(y, height, image.height);
        for x in 0..width {
            let columns = part(x, width, image.width);
            pixels.push(mean(image, &columns, &rows));
        }
    }
    Image { width, height, pixels }
}

/// The pixels of a side that the one at a place of a shorter side stands for.
fn part(place: u32, of: u32, side: u32) -> std::ops::Range<usize> {
    let edge = |place: u32| {
        // Less than `side`, which is a `u32`.
        usize::try_from(u64::from(place) * u64::from(side) / u64::from(of)).unwrap_or(usize::MAX)
    };
    let first = edge(place);
    first..edge(place + 1).max(first + 1)
}

fn mean(image: &Image, columns: &std::ops::Range<usize>, rows: &std::ops::Range<usize>) -> u32 {
    let mut sums = [0u64; 3];
    let mut count = 0;
    for row in rows.clone() {
        let start = row * image.width as usize;
        let Some(line) = image.pixels.get(start + columns.start..start + columns.end) else { continue };
        for pixel in line {
            for (sum, byte) in sums.iter_mut().zip(pixel.to_be_bytes().into_iter().skip(1)) {
                *sum += u64::from(byte);
            }
            count += 1;
        }
    }
    // A mean of bytes is a byte.
    sums.iter().fold(0, |pixel, sum| pixel << 8 | u32::try_from(sum / count.max(1)).unwrap_or(0xff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_fit_and_keep_their_proportions() {
        let check = |from: (u32, u32), window: (u32, u32), wanted: (u32, u32)| {
            let shown = fitted(Image::filled(from.0, from.1, 0x40_80_C0), window.0, window.1);
            assert_eq!((shown.width, shown.height), wanted, "{from:?} in {window:?}");
            assert_eq!(shown.pixels, Image::filled(wanted.0, wanted.1, 0x40_80_C0).pixels);
        };
        check((720, 400), (800, 600), (720, 400));
        check((720, 400), (360, 600), (360, 200));
        check((1280, 800), (1920, 400), (640, 400));
        check((1024, 768), (500, 500), (500, 375));
        check((3000, 1), (10, 10), (10, 1));
        check((7, 7), (0, 0), (1, 1));
    }

    #[test]
    fn pixels_are_means() {
        let image = Image { width: 4, height: 2, pixels: vec![0, 0xFF_FF_FF, 10, 20, 0, 0xFF_FF_FF, 30, 40] };
        assert_eq!(fitted(image, 2, 9).pixels, [0x7F_7F_7F, 25]);
    }
}
