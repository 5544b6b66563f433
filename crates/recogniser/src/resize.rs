//! Parts of pictures at the size and in the form that networks take.

use ironhand_console::Image;

/// A rectangle of a picture, in pixels, all of it inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Area {
    pub(crate) fn whole(image: &Image) -> Self {
        Self { x: 0, y: 0, width: image.width as usize, height: image.height as usize }
    }

    pub(crate) const fn bottom(&self) -> usize {
        self.y + self.height
    }

    /// The pixels of one of its rows.
    pub(crate) fn row<'a>(&self, image: &'a Image, row: usize) -> &'a [u32] {
        let start = (self.y + row) * image.width as usize + self.x;
        &image.pixels[start..start + self.width]
    }
}

/// What PP-OCR models were trained on: three planes, blue, green and red, from -1 (dark) to 1.
pub(crate) struct Planes {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) values: Vec<f32>,
}

/// An area at another size: averages where it becomes smaller, else straight lines between pixels. It takes the left `width` of
/// `padded` columns; the rest is grey.
pub(crate) fn planes(image: &Image, area: Area, width: usize, height: usize, padded: usize) -> Planes {
    let across = taps(area.width, width);
    let down = taps(area.height, height);
    let mut values = vec![0.0; 3 * padded * height];
    for (plane, shift) in [0, 8, 16].into_iter().enumerate() {
        // First each row across, then the columns.
        let mut rows = vec![0.0; area.height * width];
        for (row, line) in rows.chunks_exact_mut(width).enumerate() {
            let pixels = area.row(image, row);
            for (value, taps) in line.iter_mut().zip(&across) {
                *value = taps
                    .iter()
                    .map(|(at, weight)| ((pixels[*at] >> shift) & 0xff) as f32 * weight)
                    .sum::<f32>();
            }
        }
        for (row, taps) in down.iter().enumerate() {
            let start = (plane * height + row) * padded;
            for (column, value) in values[start..start + width].iter_mut().enumerate() {
                let level: f32 = taps.iter().map(|(at, weight)| rows[at * width + column] * weight).sum();
                *value = level / 127.5 - 1.0;
            }
        }
    }
    Planes { width: padded, height, values }
}

/// For each of `to` places: the places among `from` that it is made of, with their shares.
fn taps(from: usize, to: usize) -> Vec<Vec<(usize, f32)>> {
    let step = from as f32 / to as f32;
    let reach = step.max(1.0);
    (0..to)
        .map(|place| {
            let centre = (place as f32 + 0.5) * step - 0.5;
            let first = (centre - reach).ceil() as isize;
            let last = (centre + reach).floor() as isize;
            let inside = |at: isize| at.clamp(0, from as isize - 1) as usize;
            let weights = (first..=last).map(|at| (inside(at), 1.0 - (at as f32 - centre).abs() / reach));
            let taps: Vec<_> = weights.filter(|(_, weight)| *weight > 0.0).collect();
            let sum: f32 = taps.iter().map(|(_, weight)| weight).sum();
            taps.into_iter().map(|(at, weight)| (at, weight / sum)).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pixels: &[u32], width: usize, expected: &[f32]) {
        let image = Image { width: pixels.len() as u32, height: 1, pixels: pixels.to_vec() };
        let planes = planes(&image, Area::whole(&image), width, 1, width + 1);
        let blue: Vec<f32> = planes.values[..=width].iter().map(|value| (value * 10.0).round()).collect();
        assert_eq!(blue, expected);
    }

    #[test]
    fn sizes_change_and_the_rest_is_grey() {
        check(&[0, 0xff], 2, &[-10.0, 10.0, 0.0]);
        check(&[0, 0xff], 4, &[-10.0, -5.0, 5.0, 10.0, 0.0]);
        check(&[0xff, 0xff, 0, 0], 2, &[7.5_f32.round(), -8.0, 0.0]);
        check(&[0xff00, 0xff_0000], 1, &[-10.0, 0.0]);
    }

    #[test]
    fn planes_are_blue_green_red() {
        let image = Image { width: 3, height: 1, pixels: vec![0xff, 0xff00, 0xff_0000] };
        let planes = planes(&image, Area { x: 1, y: 0, width: 2, height: 1 }, 2, 1, 2);
        assert_eq!(planes.values, [-1.0, -1.0, 1.0, -1.0, -1.0, 1.0]);
    }
}
