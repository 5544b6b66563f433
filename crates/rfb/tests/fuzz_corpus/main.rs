//! Plays the kept inputs of the fuzz targets through the targets' own checks; see `fuzz/README.md`.

mod oracles;
#[path = "../../../../fuzz/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn client() {
    replay("rfb_client", oracles::client);
}

#[test]
fn server() {
    replay("rfb_server", oracles::server);
}
