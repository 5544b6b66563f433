//! Plays the kept inputs of the fuzz targets, and some random ones, through the targets' own checks; see
//! `fuzz/README.md`.

mod oracles;
#[path = "../../../../fuzz/replay.rs"]
mod replay;

use proptest::prelude::*;
use replay::replay;

#[test]
fn run() {
    replay("redfish_run", oracles::run);
}

#[test]
fn sse() {
    replay("redfish_sse", oracles::sse);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answers(input in prop::collection::vec(any::<u8>(), 0..300)) {
        oracles::run(&input);
    }

    #[test]
    fn any_bytes_are_a_stream(input in prop::collection::vec(any::<u8>(), 0..300)) {
        oracles::sse(&input);
    }
}
