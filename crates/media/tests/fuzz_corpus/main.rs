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

    #[test]
    fn any_bytes_are_an_archive(input in prop::collection::vec(any::<u8>(), 0..2_000)) {
        oracles::archive(&input);
    }
}
