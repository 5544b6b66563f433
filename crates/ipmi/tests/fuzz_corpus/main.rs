//! Plays the kept inputs of the fuzz targets, and some random ones, through the targets' own checks; see
//! `fuzz/README.md`.

mod oracles;
#[path = "../../../../fuzz/replay.rs"]
mod replay;

use proptest::prelude::*;
use replay::replay;

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
