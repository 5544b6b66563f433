//! `ironhand discover`: asks many addresses, and prints what answers as it comes.

use std::net::IpAddr;

use futures_util::{StreamExt, pin_mut, stream};
use ironhand_discovery::{Depth, Found, Line, Logins, Pace, Probe, identify, scan, search_network};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::memory::Memory;
use super::report::{Report, TICK};
use super::{addresses, args, credentials};
use crate::exit::Failure;
use crate::output::{Output, now};
use crate::serve::stop_asked;

/// Controllers that credentials are tried on at once.
pub(super) const LOGINS_AT_ONCE: usize = 32;

/// `ironhand discover`.
pub async fn discover(asked: &args::Discover, output: Output) -> Result<(), Failure> {
    let mut named = addresses(&asked.ranges, asked.pace.yes).await?;
    for from in &asked.ssdp {
        let answered = search_network(*from)
            .await
            .map_err(|error| Failure::Failed(format!("cannot search the network of {from}: {error}")))?;
        note!("{} Redfish services answer in the network of {from}", answered.len());
        named.extend(answered.into_iter().filter(|address| !named.contains(address)).collect::<Vec<_>>());
    }
    let (mut memory, mut state) = Memory::open(asked.resume.as_deref())?;
    let closing = CancellationToken::new();
    let refused = std::mem::take(&mut state.refused);
    let logins = credentials::logins(&asked.access, &asked.credential, refused, false, &closing)?;
    let mut report = Report::new(output, named.len(), asked.credential.clone());
    let (mut unknown, mut known) = (Vec::new(), Vec::new());
    for address in named {
        match state.found.remove(&address) {
            // What let nobody in before is tried again, as far as is safe.
            Some(found) if logins.is_some() && found.login.is_none() => known.push(found),
            Some(found) => report.found(&found)?,
            None if state.knows(address) => report.silent(),
            None => unknown.push(address),
        }
    }
    let ports = asked.ports.ports();
    let probe = Probe { ports, depth: Depth::Find };
    let asking = scan(probe, unknown, Pace { rate: asked.pace.rate }).map(|gathered| {
        let found = Found::new(&gathered, &identify(&gathered), &ports);
        (gathered.address, found)
    });
    let known = stream::iter(known).map(|found| (found.address, Some(found)));
    let results = known.chain(asking).map(|(address, found)| attempt(logins.as_ref(), address, found));
    let results = results.buffer_unordered(LOGINS_AT_ONCE);
    let stop = stop_asked();
    pin_mut!(results, stop);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            next = results.next() => {
                let Some((address, found, refused)) = next else { break };
                for account in refused {
                    memory.keep(&Line::Refused { address, account, at: seconds() })?;
                }
                match found {
                    // First kept, then shown: what was shown is not asked again.
                    Some(found) => {
                        memory.keep(&Line::Found(Box::new(found.clone())))?;
                        report.found(&found)?;
                    }
                    None => {
                        memory.keep(&Line::Silent(address))?;
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

/// Tries the credentials on what was found.
async fn attempt(
    logins: Option<&Logins>,
    address: IpAddr,
    mut found: Option<Found>,
) -> (IpAddr, Option<Found>, Vec<String>) {
    let refused = match (logins, &mut found) {
        (Some(logins), Some(found)) => logins.attempt(found, seconds()).await,
        _ => Vec::new(),
    };
    (address, found, refused)
}

/// Now, in seconds since 1970.
pub(super) fn seconds() -> u64 {
    now().as_millis().unsigned_abs() / 1000
}

fn interrupted(asked: &args::Discover) -> String {
    match &asked.resume {
        Some(file) => format!("interrupted; the same command goes on from {}", file.display()),
        None => "interrupted; with --resume FILE a scan can go on where it was".to_owned(),
    }
}
