//! What compression as JPEG leaves of a picture, with colours at half the size (4:2:0) as most encoders have them.
//!
//! Only the steps that lose something are done: ITU-T T.81, with the tables of its annex K scaled by quality as libjpeg does, and colours enlarged
//! again as libjpeg does.

use std::f32::consts::PI;

use image::{Rgb, RgbImage};

/// The steps of brightness and of colour at quality 50, row by row (annex K.1).
const LIGHT: [u16; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17,
    22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78,
    87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
const COLOR: [u16; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/// One of the three planes of a picture.
struct Plane {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Plane {
    fn new(width: usize, height: usize, value: impl Fn(usize, usize) -> f32) -> Self {
        let values = (0..width * height).map(|index| value(index % width, index / width)).collect();
        Self { width, height, values }
    }

    /// The value at a place; past the edge that of the edge.
    fn at(&self, x: usize, y: usize) -> f32 {
        self.values[y.min(self.height - 1) * self.width + x.min(self.width - 1)]
    }

    /// At half the width and height.
    fn halved(&self) -> Self {
        Self::new(self.width.div_ceil(2), self.height.div_ceil(2), |x, y| {
            let (x, y) = (2 * x, 2 * y);
            (self.at(x, y) + self.at(x + 1, y) + self.at(x, y + 1) + self.at(x + 1, y + 1)) / 4.0
        })
    }

    /// At twice the width and height: three quarters of the nearer value, one of the farther, along each axis.
    fn doubled(&self, width: usize, height: usize) -> Self {
        let other = |at: usize| if at.is_multiple_of(2) { (at / 2).saturating_sub(1) } else { at / 2 + 1 };
        Self::new(width, height, |x, y| {
            let line = |y: usize| 0.75 * self.at(x / 2, y) + 0.25 * self.at(other(x), y);
            (0.75 * line(y / 2) + 0.25 * line(other(y))).round()
        })
    }

    /// As it comes back when each block of 8 x 8 was rounded to these steps.
    fn rounded(&self, steps: &[f32; 64]) -> Self {
        let waves: [[f32; 8]; 8] = std::array::from_fn(|wave| {
            let unit = if wave == 0 { 0.125_f32.sqrt() } else { 0.5 };
            std::array::from_fn(|at| unit * ((2 * at + 1) as f32 * wave as f32 * PI / 16.0).cos())
        });
        let mut values = self.values.clone();
        for top in (0..self.height).step_by(8) {
            for left in (0..self.width).step_by(8) {
                let block: [f32; 64] =
                    std::array::from_fn(|index| self.at(left + index % 8, top + index / 8) - 128.0);
                let mut strengths =
                    along(&along(&block, |wave, at| waves[wave][at]), |wave, at| waves[wave][at]);
                for (strength, step) in strengths.iter_mut().zip(steps) {
                    *strength = (*strength / step).round() * step;
                }
                let block = along(&along(&strengths, |at, wave| waves[wave][at]), |at, wave| waves[wave][at]);
                for (y, row) in block.chunks_exact(8).enumerate().take(self.height - top) {
                    for (x, value) in row.iter().enumerate().take(self.width - left) {
                        values[(top + y) * self.width + left + x] = (value + 128.0).round().clamp(0.0, 255.0);
                    }
                }
            }
        }
        Self { values, ..*self }
    }
}

/// Each row times a matrix, and rows and columns exchanged.
fn along(block: &[f32; 64], matrix: impl Fn(usize, usize) -> f32) -> [f32; 64] {
    let mut turned = [0.0; 64];
    for (index, place) in turned.iter_mut().enumerate() {
        let (to, row) = (index / 8, index % 8);
        *place = (0..8).map(|from| matrix(to, from) * block[row * 8 + from]).sum();
    }
    turned
}

/// A picture after compression with this quality, 1 to 100.
pub fn halved_colors(picture: &RgbImage, quality: u8) -> RgbImage {
    let quality = u32::from(quality.clamp(1, 100));
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    let steps =
        |table: [u16; 64]| table.map(|step| ((u32::from(step) * percent + 50) / 100).clamp(1, 255) as f32);
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let plane = |weights: [f32; 3], zero: f32| {
        Plane::new(width, height, |x, y| {
            let Rgb(parts) = picture.get_pixel(x as u32, y as u32);
            let sum: f32 = parts.iter().zip(weights).map(|(part, weight)| f32::from(*part) * weight).sum();
            (sum + zero).round()
        })
    };
    let light = plane([0.299, 0.587, 0.114], 0.0).rounded(&steps(LIGHT));
    let color = |weights| plane(weights, 128.0).halved().rounded(&steps(COLOR)).doubled(width, height);
    let (blue, red) = (color([-0.168_736, -0.331_264, 0.5]), color([0.5, -0.418_688, -0.081_312]));
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let at = |plane: &Plane| plane.at(x as usize, y as usize);
        let (light, blue, red) = (at(&light), at(&blue) - 128.0, at(&red) - 128.0);
        let part = |value: f32| value.round().clamp(0.0, 255.0) as u8;
        Rgb([
            part(light + 1.402 * red),
            part(light - 0.344_136 * blue - 0.714_136 * red),
            part(light + 1.772 * blue),
        ])
    })
}
