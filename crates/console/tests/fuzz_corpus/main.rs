//! Plays the kept inputs of the fuzz targets through the targets' own checks; see `fuzz/README.md`.

mod oracles;
#[path = "../../../../fuzz/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn damaged() {
    replay("console_damaged", oracles::damaged);
}

#[test]
fn image() {
    replay("console_image", oracles::image);
}

#[test]
fn keys() {
    replay("console_keys", oracles::keys);
}

#[test]
fn pattern() {
    replay("console_pattern", oracles::pattern);
}

#[test]
fn reader() {
    replay("console_reader", oracles::reader);
}

#[test]
fn terminal() {
    replay("console_terminal", oracles::terminal);
}
