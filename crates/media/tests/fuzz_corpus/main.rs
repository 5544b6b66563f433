//! Plays the kept inputs of the fuzz targets, and some random ones, through the targets' own checks; see
//! `fuzz/README.md`.

mod oracles;
#[path = "../../../../fuzz/replay.rs"]
mod replay;

use proptest::prelude::*;
use replay::replay;

#[test]
fn iso() {
    replay("media_iso", oracles::iso);
}

#[test]
fn udf() {
    replay("media_udf", oracles::udf);
}

/// Cut anywhere, an image is refused or what is left of it is read.
#[test]
fn cut_images_of_udf_are_read_or_refused() {
    for form in 0..oracles::UDF_FORMS {
        let whole = oracles::udf_image(form);
        for length in (0..whole.len()).step_by(512).chain((0..whole.len()).step_by(911)) {
            oracles::image(&&whole[..length]);
        }
    }
}

/// Bytes of all that is recorded are changed, without their checksums.
#[test]
fn images_of_udf_with_one_wrong_byte_are_read_or_refused() {
    for form in 0..oracles::UDF_FORMS {
        let mut image = oracles::udf_image(form);
        for at in (32_768..image.len())
            .filter(|at| image[*at] != 0)
            .skip(form.into())
            .step_by(7)
            .collect::<Vec<_>>()
        {
            let was = image[at];
            image[at] = was ^ 0xff >> (at % 8);
            oracles::image(&image.as_slice());
            image[at] = was;
        }
    }
}

#[test]
fn archive() {
    replay("media_archive", oracles::archive);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// A whole image with a few bytes changed: most changes are met only behind sound descriptors.
    #[test]
    fn damaged_images_are_read_or_refused(damage in prop::collection::vec((0_usize..40_000, any::<u8>()), 1..12)) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/fuzz/media_iso/rock-ridge-and-joliet");
        let mut image = std::fs::read(path).expect("the input can be read");
        for (at, byte) in damage {
            let at = at % image.len();
            image[at] = byte;
        }
        oracles::iso(&image);
    }

    /// Descriptors that say wrong things under right checksums.
    #[test]
    fn damaged_images_of_udf_are_read_or_refused(
        form in 0..oracles::UDF_FORMS,
        damage in prop::collection::vec((0_u32..1 << 24, any::<u8>()), 1..12),
    ) {
        let changes = damage.iter().flat_map(|(at, byte)| (at | u32::from(*byte) << 24).to_le_bytes());
        oracles::udf(&[form].into_iter().chain(changes).collect::<Vec<u8>>());
    }

    #[test]
    fn any_bytes_are_an_archive(input in prop::collection::vec(any::<u8>(), 0..2_000)) {
        oracles::archive(&input);
    }
}
