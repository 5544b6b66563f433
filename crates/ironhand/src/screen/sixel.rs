//! Sixel graphics (DEC STD 070, chapter 9), as xterm, foot, mlterm, tmux and others know them.

use std::collections::HashMap;

use ironhand_console::Image;

/// The colours that terminals keep for a picture.
const COLOURS: usize = 256;

/// The rows of pixels of one band.
const BAND: usize = 6;

/// A sequence that shows a picture at the cursor.
///
/// A picture of more than 256 colours is shown in 252: six shades of red, seven of green, six of blue.
pub fn encode(image: &Image) -> Vec<u8> {
    let (indices, palette) = indexed(image);
    let (width, height) = (image.width as usize, image.height as usize);
    let mut out = format!("\x1bP0;1;0q\"1;1;{width};{height}");
    for (index, colour) in palette.iter().enumerate() {
        let percent = |shift: u32| (((colour >> shift) & 0xff) * 100 + 127) / 255;
        out += &format!("#{index};2;{};{};{}", percent(16), percent(8), percent(0));
    }
    for band in indices.chunks((width * BAND).max(1)) {
        // For each colour of the band, the pixels of each column that have it, as bits.
        let mut columns: HashMap<usize, Vec<u8>> = HashMap::new();
        for (place, index) in band.iter().enumerate() {
            let bits = columns.entry(*index).or_insert_with(|| vec![0; width]);
            bits[place % width] |= 1 << (place / width);
        }
        let mut columns: Vec<_> = columns.into_iter().collect();
        columns.sort_unstable_by_key(|(index, _)| *index);
        for (index, bits) in columns {
            out += &format!("#{index}");
            run_lengths(&bits, &mut out);
            out.push('$');
        }
        out.push('-');
    }
    out += "\x1b\\";
    out.into_bytes()
}

/// Sixels of columns, equal ones behind each other as a count.
fn run_lengths(bits: &[u8], out: &mut String) {
    for run in bits.chunk_by(|one, next| one == next) {
        let sixel = char::from(b'?' + run[0]);
        match run.len() {
            // A count is no shorter.
            count @ 1..=3 => out.extend(std::iter::repeat_n(sixel, count)),
            count => *out += &format!("!{count}{sixel}"),
        }
    }
}

/// The palette of a picture, and the place of each pixel in it.
fn indexed(image: &Image) -> (Vec<usize>, Vec<u32>) {
    let exact = |pixel: u32| pixel & 0x00FF_FFFF;
    table(image, exact).or_else(|| table(image, reduced)).unwrap_or_default()
}

/// None where there are too many colours.
fn table(image: &Image, shade: impl Fn(u32) -> u32) -> Option<(Vec<usize>, Vec<u32>)> {
    let mut known = HashMap::new();
    let mut palette = Vec::new();
    let mut indices = Vec::with_capacity(image.pixels.len());
    for pixel in &image.pixels {
        let colour = shade(*pixel);
        let index = *known.entry(colour).or_insert_with(|| {
            palette.push(colour);
            palette.len() - 1
        });
        if palette.len() > COLOURS {
            return None;
        }
        indices.push(index);
    }
    Some((indices, palette))
}

/// The nearest of 252 colours.
fn reduced(pixel: u32) -> u32 {
    let nearest = |shift: u32, most: u32| {
        let step = (((pixel >> shift) & 0xff) * most + 127) / 255;
        ((step * 255 + most / 2) / most) << shift
    };
    nearest(16, 5) | nearest(8, 6) | nearest(0, 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_bands_of_six_rows() {
        let check = |image: &Image, wanted: &str| {
            let sent = String::from_utf8(encode(image)).unwrap();
            assert_eq!(sent, format!("\x1bP0;1;0q{wanted}\x1b\\"));
        };
        check(&Image::filled(5, 1, 0xFF_FF_FF), "\"1;1;5;1#0;2;100;100;100#0!5@$-");
        check(&Image::filled(2, 7, 0), "\"1;1;2;7#0;2;0;0;0#0~~$-#0@@$-");
        let [black, red] = [0, 0xFF_00_00];
        let image = Image { width: 2, height: 2, pixels: vec![black, red, red, black] };
        check(&image, "\"1;1;2;2#0;2;0;0;0#1;2;100;0;0#0@A$#1A@$-");
        check(&Image::default(), "\"1;1;0;0");
    }

    #[test]
    fn many_colours_become_few() {
        let pixels = (0..1000).map(|index: u32| index * 16_000).collect();
        let image = Image { width: 100, height: 10, pixels };
        let (indices, palette) = indexed(&image);
        assert!(palette.len() <= COLOURS && indices.len() == 1000);
        for (pixel, index) in image.pixels.iter().zip(indices) {
            for shift in [0, 8, 16] {
                let [was, is] = [*pixel, palette[index]].map(|colour| colour >> shift & 0xff);
                assert!(was.abs_diff(is) <= 26, "{pixel:#x} became {:#x}", palette[index]);
            }
        }
        assert_eq!((reduced(0), reduced(0xFF_FF_FF)), (0, 0xFF_FF_FF));
    }
}
