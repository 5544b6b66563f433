//! Plays the kept inputs of the fuzz targets through the targets' own checks; see `fuzz/README.md`.

mod oracles;

use std::fs;
use std::path::Path;

fn replay(target: &str, oracle: fn(&[u8])) {
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

#[test]
fn client() {
    replay("ipmi_client", oracles::client);
}

#[test]
fn bmc() {
    replay("ipmi_bmc", oracles::bmc);
}

#[test]
fn client_session() {
    replay("ipmi_client_session", oracles::client_session);
}

#[test]
fn bmc_session() {
    replay("ipmi_bmc_session", oracles::bmc_session);
}

#[test]
fn procedures() {
    replay("ipmi_procedures", oracles::procedures);
}

#[test]
fn sdr() {
    replay("ipmi_sdr", oracles::sdr);
}

#[test]
fn sel() {
    replay("ipmi_sel", oracles::sel);
}

#[test]
fn fru() {
    replay("ipmi_fru", oracles::fru);
}

#[test]
fn console_session() {
    replay("ipmi_console_session", oracles::console_session);
}
