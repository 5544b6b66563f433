//! One server that watches ten thousand BMCs: how long until all are known, and what watching them costs.
//! `cargo xtask bench fleet`.
//!
//! The BMCs are simulated in a process of their own, and the server is the program as users start it, with its store on
//! disk: processor time and memory are those of the server alone. Each fleet is watched twice, with every BMC well and
//! with some dead and some that refuse the password: the difference is what the bad ones cost the good ones.
//!
//! `IRONHAND_BENCH=well,mixed` measures only those fleets, `IRONHAND_BENCH_HOSTS` sets their size (10,000). The BMCs listen on
//! port 623, which needs root or `sysctl net.ipv4.ip_unprivileged_port_start=0`.

mod hosts;
mod process;
mod server;
#[path = "../ipmi/simulator.rs"]
mod simulator;
mod staleness;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hosts::Plan;
use process::Meter;
use server::Server;
use simulator::{Line, PASSWORD, Simulator, USER};
use staleness::Staleness;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const HOSTS: usize = 10_000;

/// How long processor time and writes are counted at each pace.
const MEASURED: Duration = Duration::from_secs(30);

/// What `powerInterval` is where nobody sets it.
const READING_INTERVAL: Duration = Duration::from_secs(10);

/// BMCs that another program reads at once.
const AT_ONCE: usize = 1000;

/// Readings are fast for the first minute after a host was first seen, its own part of an interval longer at most.
const UNTIL_STEADY: Duration = Duration::from_secs(75);

fn main() -> Result<()> {
    let wanted = std::env::var("IRONHAND_BENCH").unwrap_or_default();
    let count = match std::env::var("IRONHAND_BENCH_HOSTS") {
        Ok(count) => count.parse()?,
        Err(_) => HOSTS,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let fleets = [("well", Plan::well(count)), ("mixed", Plan::mixed(count))];
    for (name, plan) in fleets {
        if wanted.is_empty() || wanted.split(',').any(|part| part == name) {
            println!("\n== {name}: {plan}");
            runtime.block_on(watch(&plan))?;
        }
    }
    Ok(())
}

fn row(what: &str, figure: impl std::fmt::Display) {
    println!("  {what:52} {figure}");
}

/// The whole life of one fleet.
async fn watch(plan: &Plan) -> Result<()> {
    let simulator = Simulator::start(plan.count, &Line { silent: plan.dead, ..Line::default() })?;
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path()).await?;
    let alone = server.meter()?.resident;

    let begun = Instant::now();
    let before = server.meter()?;
    server.apply(&plan.manifests(&simulator)?)?;
    row("applying all hosts with `ironhand apply`", seconds(begun.elapsed()));
    let read = server.until_first_seen(plan.live()).await?;
    row("until the last live host is read, from then on", seconds(read));
    let used = server.meter()?.since(&before);
    row("processor time for both", seconds(used.processor));

    pace(&server, plan, "in the first minute").await?;
    wait(UNTIL_STEADY.saturating_sub(begun.elapsed())).await;
    pace(&server, plan, "after it").await?;
    let now = server.meter()?.resident;
    row("memory of a host", format!("{:.1} KB", (now - alone) as f64 / 1024.0 / plan.count as f64));
    server.set("quietAfter", "10s").await?;
    wait(Duration::from_secs(30)).await;
    pace(&server, plan, "when nothing changes for long").await?;

    let begun = Instant::now();
    drop(server);
    row("stopping the server", seconds(begun.elapsed()));
    let begun = Instant::now();
    let server = Server::start(folder.path()).await?;
    row("starting it again, until it serves", seconds(begun.elapsed()));
    let read = server.until_read_since(plan.live(), server.started_at).await?;
    row("until the last live host is read again", seconds(read));
    drop(server);
    // It waits twenty seconds for dead ones, whatever it is told.
    if plan.dead == 0 { peer(&simulator) } else { Ok(()) }
}

/// What watching costs at the pace of this moment, and how old the facts are.
async fn pace(server: &Server, plan: &Plan, when: &str) -> Result<()> {
    let before = server.meter()?;
    wait(MEASURED).await;
    let Meter { processor, written, transactions, .. } = server.meter()?.since(&before);
    let each = |count: f64| count / MEASURED.as_secs_f64();
    println!("  {when}:");
    row("  processor", format!("{:.1} % of one core", each(processor.as_secs_f64()) * 100.0));
    let (commits, kilobytes) = (each(transactions as f64), each(written as f64 / 1024.0));
    row("  written", format!("{commits:.1} transactions/s, {kilobytes:.0} KB/s"));
    let ages = Staleness::of(&server.hosts().await?, plan);
    row("  age of the power state of live hosts", ages);
    Ok(())
}

/// One reading of all BMCs by a program of others, for comparison. It reads a thousand at a time: of ten thousand at once
/// it answers for none.
fn peer(simulator: &Simulator) -> Result<()> {
    let begun = (Instant::now(), process::of_children()?);
    let mut answered = 0;
    for from in (0..simulator.count).step_by(AT_ONCE) {
        let until = simulator.count.min(from + AT_ONCE);
        let output = Command::new("/usr/sbin/ipmipower")
            .args(["-D", "LAN_2_0", "-u", USER, "-p", PASSWORD, "-I", "17", "--stat"])
            .args(["-h", &simulator.ranges(from, until)])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()?;
        answered +=
            String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.ends_with(": on")).count();
    }
    let wall = begun.0.elapsed();
    let processor = process::of_children()? - begun.1;
    let all = simulator.count;
    row("ipmipower: one reading of all", format!("{}, {answered} of {all} answered", seconds(wall)));
    row("  its processor time", seconds(processor));
    let share = processor.as_secs_f64() / READING_INTERVAL.as_secs_f64() * 100.0;
    row("  its processor, were it run as often as hosts are read", format!("{share:.1} % of one core"));
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

async fn wait(time: Duration) {
    tokio::time::sleep(time).await;
}
