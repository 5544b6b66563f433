//! The store, tested through its public face.
//!
//! `contract` holds for every database; it takes an open [`Store`](ironhand_store::Store) and knows nothing of what
//! lies beneath. The other modules are about the embedded database and its directory.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod contract;
mod directory;
mod key;
mod release;
mod samples;
mod shared;
