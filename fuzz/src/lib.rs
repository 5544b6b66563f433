//! What the fuzz targets do with their input. Ordinary tests of each crate play the kept inputs through the same
//! functions, so these stand there.

#[path = "../../crates/api/tests/fuzz_corpus/oracles.rs"]
pub mod api;
#[path = "../../crates/boot-port/tests/fuzz_corpus/oracles.rs"]
pub mod boot_port;
#[path = "../../crates/console/tests/fuzz_corpus/oracles.rs"]
pub mod console;
#[path = "../../crates/dhcp/tests/fuzz_corpus/oracles.rs"]
pub mod dhcp;
#[path = "../../crates/ipmi/tests/fuzz_corpus/oracles/mod.rs"]
pub mod ipmi;
#[path = "../../crates/kvm/tests/fuzz_corpus/oracles.rs"]
pub mod kvm;
#[path = "../../crates/media/tests/fuzz_corpus/oracles.rs"]
pub mod media;
#[path = "../../crates/redfish/tests/fuzz_corpus/oracles.rs"]
pub mod redfish;
#[path = "../../crates/rfb/tests/fuzz_corpus/oracles.rs"]
pub mod rfb;
#[path = "../../crates/tftp/tests/fuzz_corpus/oracles.rs"]
pub mod tftp;
