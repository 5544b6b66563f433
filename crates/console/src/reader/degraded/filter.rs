//! The resampling that a picture went through.

use std::sync::OnceLock;

/// A resampling filter: how much of a source pixel reaches a pixel of the picture, by their distance in source pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Filter {
    shape: Shape,
    /// How many times wider it is than for enlarging.
    width: f64,
    /// Where the picture was made smaller and larger again: how many pixels the smaller one had for one of the picture, across
    /// and down.
    between: Option<(f64, f64)>,
}

/// A filter along one axis.
#[derive(Clone, Copy)]
pub(super) struct AxisFilter {
    shape: Shape,
    width: f64,
    pub(super) between: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// Bilinear.
    Triangle,
    /// Bicubic, with Catmull's and Rom's constant, and with that of browsers and cameras.
    Cubic(f64),
    /// Lanczos with three lobes.
    Lanczos,
    /// Bicubic twice: made smaller, and larger again.
    Twice,
}

/// The filters that are tried. The wide triangles stand for pictures that were compressed much.
pub(super) const FILTERS: [Filter; 8] = [
    Filter::new(Shape::Triangle, 1.0),
    Filter::new(Shape::Cubic(-0.5), 1.0),
    Filter::new(Shape::Cubic(-0.75), 1.0),
    Filter::new(Shape::Lanczos, 1.0),
    Filter::new(Shape::Twice, 1.28),
    Filter::new(Shape::Twice, 1.12),
    Filter::new(Shape::Triangle, 1.35),
    Filter::new(Shape::Triangle, 1.6),
];

impl Filter {
    const fn new(shape: Shape, width: f64) -> Self {
        Self { shape, width, between: None }
    }

    /// The filters of a picture that was made smaller, to so many pixels for one of it across and down, and larger again.
    pub(super) fn there_and_back(between: (f64, f64)) -> [Self; 3] {
        let shapes = [Shape::Cubic(-0.5), Shape::Triangle, Shape::Lanczos];
        shapes.map(|shape| Self { shape, width: 1.0, between: Some(between) })
    }

    /// The same filter with another size between.
    pub(super) const fn through(self, between: (f64, f64)) -> Self {
        Self { between: Some(between), ..self }
    }

    /// Whether it stands for a picture that lost more than enlarging takes.
    pub(super) fn is_blur(self) -> bool {
        self.shape == Shape::Twice || self.width > 1.0 || self.between.is_some()
    }

    pub(super) fn across(self) -> AxisFilter {
        AxisFilter { shape: self.shape, width: self.width, between: self.between.map(|between| between.0) }
    }

    pub(super) fn down(self) -> AxisFilter {
        AxisFilter { shape: self.shape, width: self.width, between: self.between.map(|between| between.1) }
    }
}

impl AxisFilter {
    pub(super) fn reach(self) -> f64 {
        self.width
            * match self.shape {
                Shape::Triangle => 1.0,
                Shape::Cubic(_) => 2.0,
                Shape::Lanczos => 3.0,
                Shape::Twice => 4.0,
            }
    }

    /// Whether a pixel in its place is left as it is.
    pub(super) fn is_sharp(self) -> bool {
        self.width <= 1.0 && self.between.is_none() && !matches!(self.shape, Shape::Twice)
    }

    pub(super) fn at(self, distance: f64) -> f64 {
        let x = (distance / self.width).abs();
        match self.shape {
            Shape::Triangle => (1.0 - x).max(0.0),
            Shape::Cubic(a) => cubic(a, x),
            Shape::Lanczos => lanczos(x),
            Shape::Twice => twice(x),
        }
    }

    /// The filter where the picture has so many pixels for one of the screen: to make a smaller picture it is wider.
    pub(super) fn at_scale(self, scale: f64) -> Self {
        Self { width: self.width * (1.0 / scale).max(1.0), ..self }
    }
}

fn cubic(a: f64, x: f64) -> f64 {
    if x < 1.0 {
        (a + 2.0) * x.powi(3) - (a + 3.0) * x.powi(2) + 1.0
    } else if x < 2.0 {
        a * (x.powi(3) - 5.0 * x.powi(2) + 8.0 * x - 4.0)
    } else {
        0.0
    }
}

/// The cubic filter of Catmull and Rom folded with itself.
fn twice(x: f64) -> f64 {
    /// Points of the table for each pixel.
    const STEPS: usize = 16;
    static TABLE: OnceLock<Vec<f64>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let place = |index: usize| index as f64 / STEPS as f64;
        let folded = |index: usize| {
            let parts = (0..4 * STEPS).map(|part| {
                let at = place(part) - 2.0;
                cubic(-0.5, at.abs()) * cubic(-0.5, (place(index) - at).abs())
            });
            parts.sum::<f64>() / STEPS as f64
        };
        (0..=4 * STEPS + 1).map(folded).collect()
    });
    between_points(table, x * STEPS as f64)
}

/// The filter of Lanczos with three lobes.
fn lanczos(x: f64) -> f64 {
    /// Points of the table for each pixel: between them it is straight to the fifth digit.
    const STEPS: usize = 256;
    static TABLE: OnceLock<Vec<f64>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let value = |index: usize| {
            let x = index as f64 / STEPS as f64;
            if x < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 }
        };
        (0..=3 * STEPS + 1).map(value).collect()
    });
    between_points(table, x * STEPS as f64)
}

/// What a table has at a place between two of its points; nothing beyond its end.
fn between_points(table: &[f64], at: f64) -> f64 {
    let below = at as usize;
    match (table.get(below), table.get(below + 1)) {
        (Some(one), Some(other)) => one + (other - one) * (at - below as f64),
        _ => 0.0,
    }
}

fn sinc(x: f64) -> f64 {
    let x = x * std::f64::consts::PI;
    if x.abs() < 1e-6 { 1.0 } else { x.sin() / x }
}
