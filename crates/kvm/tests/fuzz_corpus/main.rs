//! Plays the kept inputs of the fuzz targets through the targets' own checks; see `fuzz/README.md`.

mod oracles;
#[path = "../../../../fuzz/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn ast2100() {
    replay("kvm_ast2100", oracles::ast2100);
}

#[test]
fn aten_client() {
    replay("kvm_aten_client", oracles::aten_client);
}

#[test]
fn aten_server() {
    replay("kvm_aten_server", oracles::aten_server);
}

#[test]
fn ivtp_client() {
    replay("kvm_ivtp_client", oracles::ivtp_client);
}

#[test]
fn ivtp_server() {
    replay("kvm_ivtp_server", oracles::ivtp_server);
}
