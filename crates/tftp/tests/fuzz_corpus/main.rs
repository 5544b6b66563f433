//! Plays the kept inputs of the fuzz targets through the targets' own checks; see `fuzz/README.md`.

mod oracles;
#[path = "../../../../fuzz/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn packet() {
    replay("tftp_packet", oracles::packet);
}

#[test]
fn server() {
    replay("tftp_server", oracles::server);
}

#[test]
fn client() {
    replay("tftp_client", oracles::client);
}
