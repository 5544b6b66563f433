//! Images that say wrong things under right checksums.

use std::sync::OnceLock;

use super::samples::{FORMS, others, root};
use super::writer::reseal;

/// An image with all of it, and where its descriptors begin.
fn sample(form: usize) -> &'static (Vec<u8>, Vec<usize>) {
    static SAMPLES: [OnceLock<(Vec<u8>, Vec<usize>)>; FORMS.len()] = [const { OnceLock::new() }; FORMS.len()];
    SAMPLES[form].get_or_init(|| {
        let image = FORMS[form].write(&[root(), others()].concat());
        let descriptors = sealed(&image);
        (image, descriptors)
    })
}

/// An image of one of the forms with some of its bytes changed, in blocks of it that hold anything, and right checksums.
pub fn changed(form: u8, changes: impl Iterator<Item = (usize, u8)>) -> Vec<u8> {
    let (whole, descriptors) = sample(usize::from(form) % FORMS.len());
    let recorded: Vec<usize> = (0..whole.len())
        .step_by(512)
        .filter(|at| whole[*at..at + 512].iter().any(|byte| *byte != 0))
        .collect();
    let mut image = whole.clone();
    for (at, byte) in changes {
        image[recorded[at / 512 % recorded.len()] + at % 512] = byte;
    }
    // Backwards: entries hold directories.
    for at in descriptors.iter().rev() {
        reseal(&mut image[*at..]);
    }
    image
}

/// Where tagged descriptors begin that are whole.
fn sealed(image: &[u8]) -> Vec<usize> {
    let is_whole = |at: &usize| {
        let whole = &image[*at..image.len().min(at + 4_096)];
        // The version of the descriptors.
        if !matches!(whole[2..4], [2 | 3, 0]) {
            return false;
        }
        let mut again = whole.to_vec();
        reseal(&mut again);
        again == whole
    };
    (32_768..image.len() - 16).step_by(4).filter(is_whole).collect()
}
