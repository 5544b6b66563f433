//! A large pool beside a small one.

use ironhand_boot_port::journal::Durability;

use crate::contest::{Bar, Contestant, contest};
use crate::dhcp::{Ground, LARGE, Pool, SMALL, Server, everybody};
use crate::link::Link;
use crate::{Options, Result};

/// `cargo xtask bench boot pools`: whether a server is as fast with a large pool as with a small one. The small one is there
/// twice: how far those two lie apart is how far the measurement can be trusted.
pub fn run(options: &Options) -> Result<bool> {
    let link = Link::new()?;
    let ground = &Ground { link: &link, directory: options.directory()? };
    let load = everybody(options);
    let contestant = |name, pool: Pool| {
        let run = move || ground.run(Server::Ours(Durability::Write), pool, load);
        Contestant { name, run: Box::new(run) }
    };
    let bar = |against| Bar { against, must: 0.9, goal: 1.0 };
    contest(
        options,
        "pools of 62,976 and of 6,144 addresses, leases written",
        "leases/s",
        vec![
            contestant("ironhand, 62,976", LARGE),
            contestant("ironhand, 6,144", SMALL),
            contestant("ironhand, 6,144 again", SMALL),
        ],
        &[bar("ironhand, 6,144"), bar("ironhand, 6,144 again")],
    )
}
