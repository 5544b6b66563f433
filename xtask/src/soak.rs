//! `cargo xtask soak`: the soak of `tests/e2e/tests/soak.rs` at full size. Tests run it small.

use anyhow::{Context, Result, bail};

use crate::{run, workspace};

/// Options with a number, and the variables that tell the soak of them.
const NUMBERS: [(&str, &str); 4] = [
    ("--hosts", "IRONHAND_SOAK_HOSTS"),
    ("--faults", "IRONHAND_SOAK_FAULTS"),
    ("--kills", "IRONHAND_SOAK_KILLS"),
    ("--seconds", "IRONHAND_SOAK_SECONDS"),
];

/// Builds ironhand and the simulators, with optimisation where `--release` is given, and soaks it; prints what it took. `--hosts`, `--faults`, `--kills` and
/// `--seconds`, within which all faults and kills come, make it smaller or larger than 1,000, 200, 20 and 600. It ends by itself: within an hour and a half, whatever happens.
pub fn run(arguments: &[String]) -> Result<()> {
    // In one go: what tests depend on gives crates other features, and they would be built twice.
    let mut build = vec!["--workspace", "--bin", "ironhand", "--test", "soak"];
    let mut test = vec!["test", "--locked", "--workspace", "--test", "soak"];
    let mut numbers = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match NUMBERS.iter().find(|(option, _)| option == argument) {
            Some((option, variable)) => {
                let number = rest.next().with_context(|| format!("`{option}` needs a number"))?;
                number.parse::<usize>().with_context(|| format!("`{option} {number}`"))?;
                numbers.push((*variable, number));
            }
            None if argument == "--release" => {
                build.push("--release");
                test.push("--release");
            }
            None => bail!(
                "`soak` takes `--release`, `--hosts`, `--faults`, `--kills` and `--seconds`, got `{argument}`"
            ),
        }
    }
    let ironhand = workspace::build_ironhand(&build)?;
    let mut soak = workspace::cargo();
    soak.args(test)
        .args(["--", "--nocapture"])
        .env("IRONHAND_BIN", ironhand)
        .env("IRONHAND_SOAK", "full")
        .envs(numbers);
    run::run(&mut soak)
}
