//! The cosine transform of blocks of 8x8 samples (ITU-T T.81 A.3.3).

/// Samples of one component of a block, row by row.
pub(super) type Samples = [u8; 64];

/// Half the cosine of `k` sixteenths of a half-turn, the scale of the transform folded in.
const COSINES: [f32; 8] = [
    0.353_553_4,
    0.490_392_65,
    0.461_939_77,
    0.415_734_8,
    0.353_553_4,
    0.277_785_12,
    0.191_341_72,
    0.097_545_16,
];

/// One line of eight coefficients back to samples: the even and the odd cosines apart, as those are symmetrical.
fn inverse_line(line: &mut [f32; 8]) {
    let [c0, c1, c2, c3, c4, c5, c6, c7] = *line;
    let [_, k1, k2, k3, k4, k5, k6, k7] = COSINES;
    let (sum, difference) = ((c0 + c4) * k4, (c0 - c4) * k4);
    let (outer, inner) = (c2 * k2 + c6 * k6, c2 * k6 - c6 * k2);
    let even = [sum + outer, difference + inner, difference - inner, sum - outer];
    let odd = [
        c1 * k1 + c3 * k3 + c5 * k5 + c7 * k7,
        c1 * k3 - c3 * k7 - c5 * k1 - c7 * k5,
        c1 * k5 - c3 * k1 + c5 * k7 + c7 * k3,
        c1 * k7 - c3 * k5 + c5 * k3 - c7 * k1,
    ];
    let [e0, e1, e2, e3] = even;
    let [o0, o1, o2, o3] = odd;
    *line = [e0 + o0, e1 + o1, e2 + o2, e3 + o3, e3 - o3, e2 - o2, e1 - o1, e0 - o0];
}

/// One line of eight samples to coefficients.
fn forward_line(line: &mut [f32; 8]) {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = *line;
    let [_, k1, k2, k3, k4, k5, k6, k7] = COSINES;
    let [e0, e1, e2, e3] = [s0 + s7, s1 + s6, s2 + s5, s3 + s4];
    let [o0, o1, o2, o3] = [s0 - s7, s1 - s6, s2 - s5, s3 - s4];
    *line = [
        (e0 + e1 + e2 + e3) * k4,
        o0 * k1 + o1 * k3 + o2 * k5 + o3 * k7,
        (e0 - e3) * k2 + (e1 - e2) * k6,
        o0 * k3 - o1 * k7 - o2 * k1 - o3 * k5,
        (e0 - e1 - e2 + e3) * k4,
        o0 * k5 - o1 * k1 + o2 * k7 + o3 * k3,
        (e0 - e3) * k6 - (e1 - e2) * k2,
        o0 * k7 - o1 * k5 + o2 * k3 - o3 * k1,
    ];
}

fn transposed(block: &[f32; 64]) -> [f32; 64] {
    core::array::from_fn(|index| block.get((index % 8) * 8 + index / 8).copied().unwrap_or_default())
}

fn each_line(block: &mut [f32; 64], transform: fn(&mut [f32; 8])) {
    let (lines, _) = block.as_chunks_mut::<8>();
    lines.iter_mut().for_each(transform);
}

/// The samples of dequantised coefficients, 128 being the middle.
pub(super) fn inverse(coefficients: &[f32; 64]) -> Samples {
    let [mean, rest @ ..] = coefficients;
    if rest.iter().all(|coefficient| *coefficient == 0.0) {
        return [sample(mean / 8.0); 64];
    }
    let mut block = *coefficients;
    each_line(&mut block, inverse_line);
    let mut block = transposed(&block);
    each_line(&mut block, inverse_line);
    transposed(&block).map(sample)
}

/// The nearest sample; the conversion to u8 stops at its bounds.
fn sample(value: f32) -> u8 {
    (value + 128.5) as u8
}

/// The coefficients of samples.
pub(super) fn forward(samples: &Samples) -> [f32; 64] {
    let mut block = samples.map(|sample| f32::from(sample) - 128.0);
    each_line(&mut block, forward_line);
    let mut block = transposed(&block);
    each_line(&mut block, forward_line);
    transposed(&block)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The formula of the standard, term by term.
    fn by_the_book(coefficients: &[f32; 64]) -> Samples {
        core::array::from_fn(|index| {
            let (y, x) = (index / 8, index % 8);
            let mut sum = 0.0;
            for v in 0..8 {
                for u in 0..8 {
                    let scale = |k| if k == 0 { 0.5_f64.sqrt() } else { 1.0 };
                    let cosine = |at: usize, k: usize| {
                        ((2 * at + 1) as f64 * k as f64 * std::f64::consts::PI / 16.0).cos()
                    };
                    sum += scale(u)
                        * scale(v)
                        * f64::from(coefficients[v * 8 + u])
                        * cosine(x, u)
                        * cosine(y, v);
                }
            }
            (sum / 4.0 + 128.0).round() as u8
        })
    }

    fn noise(seed: u32) -> impl FnMut(usize) -> u32 {
        let mut state = seed | 1;
        move |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        }
    }

    #[test]
    fn agrees_with_the_formula() {
        for seed in 0..50 {
            let mut noise = noise(seed);
            let coefficients = core::array::from_fn(|index| (noise(index) % 101) as f32 - 50.0);
            for (ours, theirs) in inverse(&coefficients).into_iter().zip(by_the_book(&coefficients)) {
                assert!(ours.abs_diff(theirs) <= 1);
            }
        }
    }

    #[test]
    fn there_and_back() {
        for seed in 0..200 {
            let mut noise = noise(seed);
            let samples: Samples = core::array::from_fn(|index| noise(index) as u8);
            assert_eq!(inverse(&forward(&samples)), samples);
        }
        assert_eq!(inverse(&forward(&[255; 64])), [255; 64]);
    }
}
