//! Our client of HTTPS against those that others have, on the same simulated controllers. `cargo xtask bench redfish`.
//!
//! The controllers are one nginx with a single worker, which answers on every address of 127/8. A handshake costs it more
//! than it costs any client, so that beside the wall times of cold readings their processor time is what tells. In each
//! round every program has its turn; what counts are the medians of the rounds' ratios.
//!
//! `IRONHAND_BENCH=cold,warm` measures only the parts whose names begin so, `IRONHAND_BENCH_ROUNDS` sets the rounds,
//! `IRONHAND_BENCH_PYTHON` names a Python that has aiohttp and sushy. nginx, curl and openssl must be installed.

mod controllers;
mod ours;
mod rivals;
#[path = "../../../ironhand/benches/ipmi/run.rs"]
mod run;

use controllers::{Controllers, Key};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use run::{Program, compare};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const ROUNDS: usize = 5;

/// Controllers that are read.
pub(crate) const COUNT: usize = 1000;

/// Connections that come about at once, as `curl --parallel-max 200` has it.
pub(crate) const AT_ONCE: usize = 200;

fn main() -> Result<()> {
    // A connection is a file, here as there.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let wanted = std::env::var("IRONHAND_BENCH").unwrap_or_default();
    let rounds = match std::env::var("IRONHAND_BENCH_ROUNDS") {
        Ok(rounds) => rounds.parse()?,
        Err(_) => ROUNDS,
    };
    let is_wanted = |part: &str| wanted.is_empty() || wanted.split(',').any(|name| part.starts_with(name));
    type Part = (&'static str, fn(usize) -> Result<()>);
    let parts: [Part; 4] = [
        ("cold-rsa", |rounds| cold(Key::Rsa, rounds)),
        ("cold-p256", |rounds| cold(Key::P256, rounds)),
        ("warm", warm),
        ("sushy", |_| sushy()),
    ];
    for (name, part) in parts {
        if is_wanted(name) {
            println!("\n== {name}");
            part(rounds)?;
        }
    }
    Ok(())
}

/// A first reading of each: connection, handshake, certificate pinned, answer.
fn cold(key: Key, rounds: usize) -> Result<()> {
    let controllers = Controllers::start(key)?;
    println!("{COUNT} controllers, {} keys, nothing known of them, {AT_ONCE} at once", key.name());
    let programs: Vec<Program<'_>> = vec![
        ("ironhand", Box::new(|| ours::cold(&controllers))),
        ("curl --parallel", Box::new(|| rivals::curl(&controllers))),
        ("aiohttp", Box::new(|| rivals::aiohttp(&controllers, 0))),
    ];
    compare(COUNT, rounds, programs)
}

/// Readings over connections that are kept.
fn warm(rounds: usize) -> Result<()> {
    let controllers = Controllers::start(Key::Rsa)?;
    let sweeps = ours::SWEEPS;
    println!("{COUNT} controllers, a connection to each kept, {sweeps} readings of each in a round");
    let mut kept = ours::Kept::open(&controllers)?;
    let before = controllers.requests()?;
    kept.sweep()?;
    let asked = controllers.requests()? - before;
    println!("  {:.2} requests a reading", asked as f64 / (COUNT * sweeps) as f64);
    let programs: Vec<Program<'_>> = vec![
        ("ironhand", Box::new(|| kept.sweep())),
        ("aiohttp", Box::new(|| rivals::aiohttp(&controllers, sweeps))),
    ];
    compare(COUNT * sweeps, rounds, programs)
}

/// One run: it takes its time.
fn sushy() -> Result<()> {
    const FEW: usize = 60;
    let controllers = Controllers::start(Key::Rsa)?;
    let ours = ours::cold(&controllers)?;
    let theirs = rivals::sushy(&controllers, FEW)?;
    let rate = |outcome: run::Outcome| outcome.answered as f64 / outcome.wall.as_secs_f64();
    println!(
        "{FEW} controllers by sushy, 50 threads: {:.1}/s; {COUNT} by ironhand: {:.0}/s, {:.0} times as many",
        rate(theirs),
        rate(ours),
        rate(ours) / rate(theirs)
    );
    Ok(())
}
