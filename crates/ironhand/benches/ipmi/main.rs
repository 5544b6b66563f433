//! Our IPMI engine against the fastest that others have, on the same simulated BMCs. `cargo xtask bench ipmi`.
//!
//! In each round every program has its turn, so that what else the machine does strikes all of them; what counts are the
//! medians of the rounds' ratios. A run counts only with the right number of answers, which are counted; where a peer does
//! not answer for all, that is printed instead of a ratio.
//!
//! `IRONHAND_BENCH=cold,warm` measures only the parts whose names begin so, `IRONHAND_BENCH_ROUNDS` sets the rounds.
//! The BMCs listen on port 623, which needs root or `sysctl net.ipv4.ip_unprivileged_port_start=0`.

mod engine;
mod rivals;
mod run;
mod simulator;

use std::time::Duration;

use rivals::{Powerman, ipmipower, ipmitool_xargs, ironhand};
use run::{Program, compare};
use simulator::{Line, Simulator};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const ROUNDS: usize = 5;

fn main() -> Result<()> {
    let wanted = std::env::var("IRONHAND_BENCH").unwrap_or_default();
    let rounds = match std::env::var("IRONHAND_BENCH_ROUNDS") {
        Ok(rounds) => rounds.parse()?,
        Err(_) => ROUNDS,
    };
    let is_wanted = |part: &str| wanted.is_empty() || wanted.split(',').any(|name| part.starts_with(name));
    type Part = (&'static str, fn(usize) -> Result<()>);
    let parts: [Part; 8] = [
        ("cold-3", |rounds| cold(3, rounds)),
        ("cold-17", |rounds| cold(17, rounds)),
        ("cold-5000", cold_5000),
        ("delay", delay),
        ("loss", loss),
        ("dead", dead),
        ("warm", engine::warm),
        ("ipmitool", |_| ipmitool()),
    ];
    for (name, part) in parts {
        if is_wanted(name) {
            println!("\n== {name}");
            part(rounds)?;
        }
    }
    Ok(())
}

/// A cold reading of 1,000 power states: session, status, farewell.
fn cold(suite: u8, rounds: usize) -> Result<()> {
    let simulator = Simulator::start(1000, &Line::default())?;
    let powerman = (suite == 3).then(|| Powerman::start(&simulator, 4)).transpose()?;
    println!("1,000 BMCs, cold, cipher suite {suite}");
    let mut programs: Vec<Program<'_>> = vec![
        ("ironhand bmc power status", Box::new(|| ironhand(&simulator, suite))),
        ("ipmipower --stat", Box::new(|| ipmipower(&simulator, suite, &[]))),
    ];
    if let Some(powerman) = &powerman {
        programs.push(("powerman -q, 4 coprocesses", Box::new(|| powerman.query())));
    }
    compare(1000, rounds, programs)?;
    engine::packets(&simulator, suite)
}

fn cold_5000(rounds: usize) -> Result<()> {
    let simulator = Simulator::start(5000, &Line::default())?;
    let powerman = Powerman::start(&simulator, 20)?;
    println!("5,000 BMCs, cold, cipher suite 3");
    compare(
        5000,
        rounds,
        vec![
            ("ironhand bmc power status", Box::new(|| ironhand(&simulator, 3))),
            ("powerman -q, 20 coprocesses", Box::new(|| powerman.query())),
            ("ipmipower --stat", Box::new(|| ipmipower(&simulator, 3, &[]))),
            ("ipmipower --stat -F 1024", Box::new(|| ipmipower(&simulator, 3, &["-F", "1024"]))),
        ],
    )
}

fn delay(rounds: usize) -> Result<()> {
    let line = Line { delay: Duration::from_millis(20), ..Line::default() };
    on_line("1,000 BMCs, cold, suite 3, each answer 20 ms later", &line, rounds)
}

fn loss(rounds: usize) -> Result<()> {
    let line = Line { delay: Duration::from_millis(20), loss_percent: 1, ..Line::default() };
    on_line("1,000 BMCs, cold, suite 3, 20 ms later, 1 % of datagrams lost each way", &line, rounds)
}

fn on_line(title: &str, line: &Line, rounds: usize) -> Result<()> {
    let simulator = Simulator::start(1000, line)?;
    println!("{title}");
    compare(
        1000,
        rounds,
        vec![
            ("ironhand bmc power status", Box::new(|| ironhand(&simulator, 3))),
            ("ipmipower --stat", Box::new(|| ipmipower(&simulator, 3, &[]))),
        ],
    )
}

/// How long the live ones take among as many dead ones: until the last of them is printed.
fn dead(rounds: usize) -> Result<()> {
    println!("1,000 BMCs, cold, suite 3: time to the last live answer, all live and with 500 dead");
    let start = |port, count, silent| Simulator::start(count, &Line { port, silent, ..Line::default() });
    let simulators = [start(623, 1000, 0)?, start(624, 500, 0)?, start(625, 1000, 500)?];
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for ((times, simulator), live) in times.iter_mut().zip(&simulators).zip([1000, 500, 500]) {
            times.push(rivals::until_answered(simulator, live)?);
        }
    }
    let [all, half, mixed] = times.map(run::median);
    println!("  all 1,000 live      {:7.3} s", all.as_secs_f64());
    println!("  500, all live       {:7.3} s", half.as_secs_f64());
    println!(
        "  500 live, 500 dead  {:7.3} s   {:.2} times the 1,000, {:.2} times the 500",
        mixed.as_secs_f64(),
        mixed.as_secs_f64() / all.as_secs_f64(),
        mixed.as_secs_f64() / half.as_secs_f64()
    );
    Ok(())
}

/// One run: it takes minutes.
fn ipmitool() -> Result<()> {
    let simulator = Simulator::start(1000, &Line::default())?;
    println!("1,000 BMCs, cold, suite 3, one run");
    compare(
        1000,
        1,
        vec![
            ("ironhand bmc power status", Box::new(|| ironhand(&simulator, 3))),
            ("xargs -P 50 ipmitool", Box::new(|| ipmitool_xargs(&simulator))),
        ],
    )
}
