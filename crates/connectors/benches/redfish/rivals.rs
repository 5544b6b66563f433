//! The programs that are compared, each as its users write it.

use std::fmt::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::controllers::Controllers;
use crate::run::{Outcome, time};
use crate::{AT_ONCE, COUNT, Result};

/// One process that reads all.
pub fn curl(controllers: &Controllers) -> Result<Outcome> {
    let mut config = String::new();
    for index in 0..COUNT {
        writeln!(config, "url = {}\noutput = /dev/null", Controllers::url(index))?;
    }
    let file = controllers.path("curl");
    std::fs::write(&file, config)?;
    let mut command = Command::new("curl");
    command
        .args(["--parallel", "--parallel-immediate", "--parallel-max", &AT_ONCE.to_string()])
        .args(["--insecure", "--no-progress-meter", "--user", "admin:simulated"])
        .args(["--write-out", "%{http_code}\\n", "--config"])
        .arg(file);
    time(&mut command, |line| line == "200")
}

/// With `sweeps` 0 a first reading of each; else so many further readings of each over the connections of the first.
pub fn aiohttp(controllers: &Controllers, sweeps: usize) -> Result<Outcome> {
    python(controllers, "aiohttp", include_str!("aiohttp_sweep.py"), COUNT, sweeps)
}

/// A first reading by sushy: session, system.
pub fn sushy(controllers: &Controllers, count: usize) -> Result<Outcome> {
    python(controllers, "sushy", include_str!("sushy_sweep.py"), count, 0)
}

/// Runs a script that prints the seconds that passed, the processor's seconds, and the number of answers. It measures
/// itself: Python's start is not in it.
fn python(
    controllers: &Controllers,
    name: &str,
    script: &str,
    count: usize,
    sweeps: usize,
) -> Result<Outcome> {
    let file = controllers.path(&format!("{name}_sweep.py"));
    std::fs::write(&file, script)?;
    let urls: Vec<String> = (0..count).map(Controllers::url).collect();
    let list = controllers.path("urls");
    std::fs::write(&list, urls.join("\n"))?;
    let program = std::env::var("IRONHAND_BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = Command::new(program);
    command.arg(&file).arg(&list).args([AT_ONCE.to_string(), sweeps.to_string()]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let numbers: std::result::Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    match numbers?[..] {
        [wall, processor, answered] => Ok(Outcome {
            wall: Duration::from_secs_f64(wall),
            processor: Some(Duration::from_secs_f64(processor)),
            answered: answered as usize,
        }),
        _ => Err(format!("{name} did not run: IRONHAND_BENCH_PYTHON must name a Python that has it").into()),
    }
}
