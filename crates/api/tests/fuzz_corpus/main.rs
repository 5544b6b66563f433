//! Plays the kept inputs of the fuzz targets through the targets' own checks; see `fuzz/README.md`.

mod oracles;
#[path = "../../../../fuzz/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn manifests() {
    replay("api_manifests", oracles::manifests);
}

#[test]
fn words() {
    replay("api_words", oracles::words);
}
