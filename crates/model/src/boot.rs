//! What machines boot over the network: pure decisions on a [`View`] of all records.
//!
//! A request of firmware or a loader becomes a [`Client`]; [`decide`] says what the machine is to boot and what the program that
//! asks is answered, with the reason and what it rests on. What is fetched is [found](View::locate) by its path and
//! [written](View::text) the moment that it is asked for: there are no files behind it, so that a change of a record is seen by
//! the next request. [`explain`] plays a whole boot without a machine.

mod architecture;
mod client;
mod context;
mod decide;
mod explain;
mod loader;
mod path;
mod progress;
mod quirk;
mod quote;
mod script;
mod view;

pub use architecture::Architecture;
pub use client::{Client, Session, Stage};
pub use context::{Context, HostContext, NetworkContext, ServerContext, Templates};
pub use decide::{
    Answer, Decision, Intent, LoaderOffer, MOST_TRIES, OfferStyle, ScriptOffer, decide, is_seen_booting,
};
pub use explain::{Asked, explain};
pub use loader::{Loader, LoaderKind, candidates};
pub use path::{Located, Page, Text, said};
pub use progress::{BootProgress, deployment_after};
pub use quirk::Quirk;
pub use quote::QuoteError;
pub use script::{Rendered, script};
pub use view::{BootServer, HostRecord, KnownBy, Records, View};

#[cfg(test)]
mod tests;
