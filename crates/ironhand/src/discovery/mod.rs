//! `ironhand discover`, `ironhand probe` and `ironhand audit`: what answers at addresses that are named.

pub mod args;
mod audit;
mod credentials;
mod discover;
mod hosts;
mod memory;
mod probe;
mod report;

use std::collections::HashSet;
use std::net::IpAddr;

pub use audit::{audit, audit_hosts};
pub use discover::discover;
pub use probe::probe;

use crate::bmc::targets::targets;
use crate::exit::Failure;

/// More addresses than this are asked only with `--yes`: a /20. A slip of the pen must not ask a whole company.
const MOST_UNASKED: usize = 4096;

/// The addresses that `words` name, in order, each once.
async fn addresses(words: &[String], yes: bool) -> Result<Vec<IpAddr>, Failure> {
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let named = targets(words, 0)?;
    if named.len() > MOST_UNASKED && !yes {
        return Err(too_many(named.len()));
    }
    let mut seen = HashSet::new();
    let mut addresses = Vec::new();
    for target in named {
        if target.port != 0 {
            return Err(Failure::Usage {
                message: format!("`{}` names a port", target.name),
                hint: Some("ports are named with --ipmi-port and --https-port".to_owned()),
            });
        }
        let address = target.address().await;
        let address = address.map_err(|error| {
            Failure::NotFound(format!("the name `{}` cannot be looked up: {error}", target.name))
        })?;
        if seen.insert(address.ip()) {
            addresses.push(address.ip());
        }
    }
    Ok(addresses)
}

fn too_many(count: usize) -> Failure {
    Failure::Usage {
        message: format!("these are {count} addresses"),
        hint: Some(format!("more than {MOST_UNASKED} are asked only with --yes")),
    }
}
