//! `ironhand discover`: asks many addresses, and prints what answers as it comes.

use futures_util::{StreamExt, pin_mut};
use ironhand_discovery::{Depth, Found, Line, Pace, Probe, identify, scan};
use tokio::time::{MissedTickBehavior, interval};

use super::memory::Memory;
use super::report::{Report, TICK};
use super::{addresses, args};
use crate::exit::Failure;
use crate::output::Output;
use crate::serve::stop_asked;

/// `ironhand discover`.
pub async fn discover(asked: &args::Discover, output: Output) -> Result<(), Failure> {
    let named = addresses(&asked.ranges, asked.pace.yes).await?;
    let (mut memory, state) = Memory::open(asked.resume.as_deref())?;
    let mut report = Report::new(output, named.len(), asked.credential.clone());
    let mut unknown = Vec::new();
    for address in named {
        match state.found.get(&address) {
            Some(found) => report.found(found)?,
            None if state.knows(address) => report.silent(),
            None => unknown.push(address),
        }
    }
    let ports = asked.ports.ports();
    let probe = Probe { ports, depth: Depth::Find };
    let answers = scan(probe, unknown, Pace { rate: asked.pace.rate });
    let stop = stop_asked();
    pin_mut!(answers, stop);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            next = answers.next() => {
                let Some(gathered) = next else { break };
                match Found::new(&gathered, &identify(&gathered), &ports) {
                    // First kept, then shown: what was shown is not asked again.
                    Some(found) => {
                        memory.keep(&Line::Found(Box::new(found.clone())))?;
                        report.found(&found)?;
                    }
                    None => {
                        memory.keep(&Line::Silent(gathered.address))?;
                        report.silent();
                    }
                }
            }
            _ = ticks.tick() => report.tick(),
            stopped = &mut stop => {
                stopped?;
                report.finish()?;
                return Err(Failure::Failed(interrupted(asked)));
            }
        }
    }
    report.finish()
}

fn interrupted(asked: &args::Discover) -> String {
    match &asked.resume {
        Some(file) => format!("interrupted; the same command goes on from {}", file.display()),
        None => "interrupted; with --resume FILE a scan can go on where it was".to_owned(),
    }
}
