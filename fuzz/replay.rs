//! Plays the kept inputs of a target; each crate with targets has this file as a module of its tests.

use std::fs;
use std::path::Path;

/// Hands every kept input of `target` to `oracle`, which fails where something does not hold.
pub fn replay(target: &str, oracle: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/fuzz").join(target);
    let mut played = 0;
    for entry in fs::read_dir(&folder).expect("the corpus is there") {
        let path = entry.expect("the folder can be listed").path();
        // Shown when the check fails.
        println!("{}", path.display());
        oracle(&fs::read(path).expect("the input can be read"));
        played += 1;
    }
    assert!(played > 0, "{} is empty", folder.display());
}
