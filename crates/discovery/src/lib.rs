//! Finds management controllers on a network, tells what they are without a password, and checks how they are kept.
//!
//! Two rooms. What decides is pure: [`identify`] tells what a device is by what it showed, [`findings`] what is wrong with
//! how it is kept, [`Proposals`] which manifest would describe it. What waits gathers that: [`Probe::look`] asks one address,
//! [`scan`] many of them, no faster than it is told. Nothing is asked of an address that was not named.

mod audit;
mod budget;
mod certificate;
mod descriptor;
mod evidence;
mod factory;
mod found;
mod identify;
mod inside;
mod login;
mod maker;
mod probe;
mod proposal;
mod scan;
mod ssdp;
mod state;

pub use audit::{CHECKS, Check, FLEET_CHECKS, Finding, Severity, Shared, findings, sarif};
pub use budget::Budget;
pub use certificate::Certificate;
pub use descriptor::{Descriptor, DescriptorKind};
pub use evidence::{Asked, Gathered, Ipmi, Tls};
pub use found::{Found, Protocol, Spoken};
pub use identify::{Confidence, Identity, Sign, Weight, identify};
pub use inside::{Inside, NetworkPort};
pub use login::{CredentialSet, Logins};
pub use maker::Maker;
pub use probe::{Depth, Ports, Probe, search_network};
pub use proposal::Proposals;
pub use scan::{Pace, scan};
pub use ssdp::Announced;
pub use state::{Line, State, StateError};
