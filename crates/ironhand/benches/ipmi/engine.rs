//! The engine itself: packets, sessions that are kept, memory.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ironhand_ipmi::{CipherSuite, ClientConfig, Reply, Request};
use ironhand_ipmi_port::{Bmc, IpmiPort, PortConfig};
use nix::sys::resource::UsageWho;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Result;
use crate::rivals::ipmipower;
use crate::run::{median, processor};
use crate::simulator::{Line, PASSWORD, Simulator, USER};

/// Readings of each BMC in one measurement of warm sessions.
const SWEEPS: u32 = 10;

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

async fn open(port: &IpmiPort, simulator: &Simulator, suite: u8) -> Result<Vec<Bmc>> {
    let mut bmcs = Vec::new();
    for index in 0..simulator.count {
        let mut config = ClientConfig::new(USER, PASSWORD.into());
        config.suites = vec![CipherSuite::from_id(suite).ok_or("a suite that we speak")?];
        bmcs.push(port.open(SocketAddr::from((simulator.address(index), simulator.port)), config).await?);
    }
    Ok(bmcs)
}

/// Asks every BMC once, all at the same time.
async fn sweep(bmcs: Vec<Bmc>) -> Result<Vec<Bmc>> {
    let mut asked = JoinSet::new();
    let count = bmcs.len();
    for bmc in bmcs {
        asked.spawn(async move {
            let reply = bmc.request(Request::GetChassisStatus).await;
            (bmc, reply)
        });
    }
    let mut bmcs = Vec::with_capacity(count);
    while let Some(done) = asked.join_next().await {
        let (bmc, reply) = done?;
        let Reply::ChassisStatus(_) = reply? else { return Err("a status that is none".into()) };
        bmcs.push(bmc);
    }
    Ok(bmcs)
}

/// Prints the datagrams of one cold reading, farewell included.
pub fn packets(simulator: &Simulator, suite: u8) -> Result<()> {
    runtime()?.block_on(async {
        let stop = CancellationToken::new();
        let (port, driver) = IpmiPort::start(PortConfig::default(), stop.clone())?;
        drop(sweep(open(&port, simulator, suite).await?).await?);
        stop.cancel();
        driver.await?;
        let statistics = port.statistics();
        println!(
            "  the engine alone: {:.2} datagrams a BMC, {} of them repeated",
            (statistics.sent + statistics.received) as f64 / simulator.count as f64,
            statistics.retransmitted
        );
        Ok(())
    })
}

/// Readings over sessions that are kept, their memory, and ipmipower beside them.
pub fn warm(rounds: usize) -> Result<()> {
    for count in [1000, 10_000] {
        let simulator = Simulator::start(count, &Line::default())?;
        println!("{count} BMCs, sessions kept, suite 17, {SWEEPS} readings of each in a round");
        runtime()?.block_on(kept(&simulator, rounds))?;
    }
    Ok(())
}

async fn kept(simulator: &Simulator, rounds: usize) -> Result<()> {
    let stop = CancellationToken::new();
    let (port, driver) = IpmiPort::start(PortConfig::default(), stop.clone())?;
    let before = resident()?;
    let mut bmcs = sweep(open(&port, simulator, 17).await?).await?;
    let memory = resident()?.saturating_sub(before);
    if simulator.count > 1000 {
        // Of fewer, what the allocator had at hand would be missing.
        println!("  memory: {} bytes a session, as the process grew by {memory}", memory / simulator.count);
    }
    let readings = f64::from(SWEEPS) * simulator.count as f64;
    let (mut walls, mut processors, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let statistics = port.statistics();
    for _ in 0..rounds {
        let begun = (Instant::now(), processor(UsageWho::RUSAGE_SELF)?);
        for _ in 0..SWEEPS {
            bmcs = sweep(bmcs).await?;
        }
        let wall = begun.0.elapsed();
        walls.push(wall);
        processors.push(processor(UsageWho::RUSAGE_SELF)? - begun.1);
        if simulator.count == 1000 {
            let theirs = ipmipower(simulator, 17, &[])?;
            let rate = theirs.answered as f64 / theirs.wall.as_secs_f64();
            ratios.push(readings / wall.as_secs_f64() / rate);
        }
    }
    let now = port.statistics();
    let all = readings * rounds as f64;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / readings;
    let (wall, processor) = (median(walls), median(processors));
    println!(
        "  {:.0} readings/s; {:.1} us of processor each, {:.2} s for all BMCs once; {:.2} datagrams each, {} repeated",
        readings / wall.as_secs_f64(),
        each(processor),
        processor.as_secs_f64() / f64::from(SWEEPS),
        (now.sent + now.received - statistics.sent - statistics.received) as f64 / all,
        now.retransmitted - statistics.retransmitted
    );
    ratios.sort_by(f64::total_cmp);
    if let Some(ratio) = ratios.get(ratios.len() / 2) {
        println!("  {ratio:.1} times ipmipower's rate (cold, as it keeps no sessions; median of {rounds})");
    }
    drop(bmcs);
    stop.cancel();
    driver.await?;
    Ok(())
}

/// Memory of this process in bytes.
fn resident() -> Result<usize> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("a line of VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? * 1024)
}
