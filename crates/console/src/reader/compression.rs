//! Whether a picture was compressed as JPEG.

use crate::Image;

/// Pixels on a side of a block of light.
pub(super) const SIDE: usize = 8;

/// So many equal pixels in a row are even ground.
const GROUND: usize = 5;

/// The share of even grounds that begin at a block, in a picture that was compressed and not scaled since.
const SEEN: f32 = 0.65;

/// The share of a compressed screen that is even ground at least; over a photograph the strokes of letters alone are.
const EVEN: f32 = 0.1;

/// Whether a screen was compressed, and not scaled since: noise ends where a block does, or a pixel beside it.
pub(super) fn is_seen(image: &Image) -> bool {
    let (mut at_blocks, mut all, mut even) = (0_u32, 0_u32, 0_u32);
    for line in image.pixels.chunks_exact(image.width.max(1) as usize) {
        let mut same = 0;
        for (x, pair) in line.windows(2).enumerate() {
            same = if pair[0] == pair[1] { same + 1 } else { 0 };
            even += u32::from(same >= GROUND);
            // The first of the equal pixels; not where the line begins.
            if same == GROUND && x >= GROUND {
                all += 1;
                at_blocks += u32::from(matches!((x + 1 - GROUND) % SIDE, 0 | 1 | 7));
            }
        }
    }
    at_blocks as f32 > SEEN * all as f32 && even as f32 > EVEN * image.pixels.len() as f32
}
