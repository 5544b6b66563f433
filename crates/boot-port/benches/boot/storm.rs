//! 5,000 machines at once.

use crate::contest::{Bar, Contestant, contest};
use crate::dhcp::{Ground, SMALL, Server};
use crate::link::Link;
use crate::load::{Load, Road};
use crate::{Options, Result};

/// `cargo xtask bench boot storm`.
pub fn run(options: &Options) -> Result<bool> {
    let link = Link::new()?;
    let ground = &Ground { link: &link, directory: options.directory()? };
    let load = Load { machines: 5000, window: 256, road: Road::Relay, pxe: true, lasts: None };
    let contestant =
        |name, server| Contestant { name, run: Box::new(move || ground.run(server, SMALL, load)) };
    let bars: [Bar<'_>; 0] = [];
    contest(
        "5,000 machines once, 256 at a time, as PXE firmware asks",
        "leases/s",
        options.rounds,
        vec![contestant("Kea, 2 threads", Server::Kea), contestant("ISC dhcpd", Server::Isc)],
        &bars,
    )
}
