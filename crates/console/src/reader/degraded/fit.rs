//! How well a drawing explains what is seen of a cell.

use super::bank::{LANES, total};
use super::lens::Window;
use super::plane::Plane;

/// How a drawing explains a window of the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Explained {
    /// The light of the ground.
    pub(super) ground: f32,
    /// How much lighter the ink is.
    pub(super) contrast: f32,
    /// What is left unexplained: the mean square of the difference.
    pub(super) error: f32,
    /// The mean square of the light without its mean.
    pub(super) total: f32,
}

/// What is seen in a window, to be explained by a ground and a drawing.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) light: Vec<f32>,
    /// What a full cell looks like.
    pub(super) ones: Vec<f32>,
    ones_ones: f32,
    ones_light: f32,
    light_light: f32,
    sum: f32,
}

impl Explained {
    /// How much of the light is explained, 0 to 1.
    pub(super) fn share(&self) -> f32 {
        1.0 - self.error / self.total.max(1.0)
    }
}

impl Seen {
    /// Looks at a window of a picture, with a ground of one light.
    pub(super) fn look(&mut self, window: &Window<'_>, plane: &Plane) {
        window.see(&plane.light, plane.width, &mut self.light);
        self.ones.clear();
        self.ones.resize(self.light.len(), 1.0);
        self.weigh();
    }

    /// To be called when light and ones have changed.
    pub(super) fn weigh(&mut self) {
        self.ones_ones = dot(&self.ones, &self.ones);
        self.ones_light = dot(&self.ones, &self.light);
        self.light_light = dot(&self.light, &self.light);
        self.sum = total(&self.light, |light| light);
    }

    /// Fits it by a ground and a drawing.
    pub(super) fn explain(&self, drawn: &[f32]) -> Explained {
        let count = self.light.len().max(1) as f32;
        let (gg, gs, ss, s) = (self.ones_ones, self.ones_light, self.light_light, self.sum);
        let [gd, dd, ds] = products(&self.ones, &self.light, drawn);
        let determinant = gg * dd - gd * gd;
        let (ground, contrast) = if determinant.abs() > 1e-4 * gg * dd {
            ((gs * dd - ds * gd) / determinant, (ds * gg - gs * gd) / determinant)
        } else {
            (gs / gg.max(1e-6), 0.0)
        };
        let error = (ss - ground * gs - contrast * ds).max(0.0) / count;
        Explained { ground, contrast, error, total: (ss - s * s / count).max(0.0) / count }
    }

    /// What a blank leaves unexplained: the mean square of the difference.
    pub(super) fn error_of_blank(&self) -> f32 {
        let ground = self.ones_light / self.ones_ones.max(1e-6);
        (self.light_light - ground * self.ones_light).max(0.0) / self.light.len().max(1) as f32
    }
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (ones, others) = (one.chunks_exact(LANES), other.chunks_exact(LANES));
    let rest = ones.remainder().iter().zip(others.remainder());
    let rest: f32 = rest.map(|(one, other)| one * other).sum();
    for (one, other) in ones.zip(others) {
        for lane in 0..LANES {
            sums[lane] += one[lane] * other[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// The products of a drawing with the ones, with itself, and with the light.
fn products(ones: &[f32], light: &[f32], drawn: &[f32]) -> [f32; 3] {
    let mut sums = [[0.0; LANES]; 3];
    let lanes = |values: &'_ [f32]| values.len() / LANES * LANES;
    let whole = lanes(drawn).min(lanes(ones)).min(lanes(light));
    let chunks = ones[..whole].chunks_exact(LANES).zip(light[..whole].chunks_exact(LANES));
    for ((ones, light), drawn) in chunks.zip(drawn[..whole].chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[0][lane] += ones[lane] * drawn[lane];
            sums[1][lane] += drawn[lane] * drawn[lane];
            sums[2][lane] += light[lane] * drawn[lane];
        }
    }
    let mut totals = sums.map(|lanes| lanes.iter().sum::<f32>());
    for ((ones, light), drawn) in ones[whole..].iter().zip(&light[whole..]).zip(&drawn[whole..]) {
        totals[0] += ones * drawn;
        totals[1] += drawn * drawn;
        totals[2] += light * drawn;
    }
    totals
}
