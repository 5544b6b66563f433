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
fn h264_packets() {
    replay("kvm_h264_packets", oracles::h264_packets);
}

#[test]
fn h264_stream() {
    replay("kvm_h264_stream", oracles::h264_stream);
}

#[test]
fn ivtp_client() {
    replay("kvm_ivtp_client", oracles::ivtp_client);
}

#[test]
fn ivtp_server() {
    replay("kvm_ivtp_server", oracles::ivtp_server);
}

#[test]
fn jetkvm_words() {
    replay("kvm_jetkvm_words", oracles::jetkvm_words);
}
