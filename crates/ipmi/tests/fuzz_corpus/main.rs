//! Plays the kept inputs of the fuzz targets, and some random ones, through the targets' own checks; see
//! `fuzz/README.md`.

mod oracles;

use std::fs;
use std::path::Path;

use proptest::prelude::*;

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

/// Random inputs for each target in one run; more takes a fuzzer.
const CASES: u32 = 100;

macro_rules! targets {
    ($($name:ident: $target:literal),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                replay($target, oracles::$name);
            }
        )*

        mod random {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]
                $(
                    #[test]
                    fn $name(input in proptest::collection::vec(any::<u8>(), 0..300)) {
                        oracles::$name(&input);
                    }
                )*
            }
        }
    };
}

targets! {
    audit: "ipmi_audit",
    client: "ipmi_client",
    bmc: "ipmi_bmc",
    client_session: "ipmi_client_session",
    bmc_session: "ipmi_bmc_session",
    procedures: "ipmi_procedures",
    sdr: "ipmi_sdr",
    sel: "ipmi_sel",
    fru: "ipmi_fru",
    console_session: "ipmi_console_session",
}
