//! 5,000 machines at once.

use std::time::Duration;

use ironhand_boot_port::journal::Durability;

use crate::contest::{Bar, Contestant, Outcome, contest};
use crate::dhcp::{Ground, SMALL, Server};
use crate::link::Link;
use crate::load::{Load, Road};
use crate::{Options, Result};

/// How many machines.
const MACHINES: u32 = 5000;

/// How long it may take ours until the last machine has its address.
const AT_MOST: Duration = Duration::from_millis(500);

/// `cargo xtask bench boot storm`.
pub fn run(options: &Options) -> Result<bool> {
    let link = Link::new()?;
    let ground = &Ground { link: &link, directory: options.directory()? };
    let kea = "Kea, 2 threads";
    let mut is_well = true;
    for (title, road, window) in [
        ("5,000 machines once, 256 at a time, through a relay", Road::Relay, 256),
        ("5,000 machines once, all at the same moment, through a relay", Road::Relay, 5000),
        ("5,000 machines once, all at the same moment, by broadcast", Road::Broadcast, 5000),
    ] {
        let load = Load { machines: MACHINES, window, road, pxe: true, lasts: None };
        let ours = move || ground.run(Server::Ours(Durability::Sync), SMALL, load).map(in_time);
        let mut contestants = vec![
            Contestant { name: "ironhand, every lease synced", run: Box::new(ours) },
            Contestant { name: kea, run: Box::new(move || ground.run(Server::Kea, SMALL, load)) },
        ];
        let mut bars = vec![Bar { against: kea, must: 6.0, goal: 6.0 }];
        if road == Road::Broadcast {
            // Kea serves machines without an address by raw sockets alone, which the configuration here has not.
            contestants.truncate(1);
            bars.clear();
        }
        is_well &= contest(options, title, "leases/s", contestants, &bars)?;
    }
    Ok(is_well)
}

/// What is asked of ours beside the ratio.
fn in_time(outcome: Outcome) -> Outcome {
    let wall = f64::from(MACHINES) / outcome.rate;
    let is_late = wall > AT_MOST.as_secs_f64();
    let is_repeated = !outcome.note.contains(" 0 sent again");
    let fault = (is_late || is_repeated)
        .then(|| format!("the last had its address after {wall:.2} s; {}", outcome.note));
    Outcome {
        note: format!("last after {wall:.2} s, {}", outcome.note),
        fault: outcome.fault.or(fault),
        ..outcome
    }
}
