//! The server: everything in Ironhand that waits.
//!
//! [`Server::start`] opens the store, takes up the work on every host where it was left, and serves the HTTP API on a
//! local socket and, if asked, on loopback. All sockets, clocks and tasks of the product are here; what to do is decided
//! by the pure crates.
//!
//! * The **lane** of a host is the one task in which everything that touches the host happens: it reads power and
//!   screen, asks `ironhand-model` what to do, makes the intent durable, acts, and reads back what became of it.
//! * The **IPMI port** is one task with a few UDP sockets, which all lanes share.
//! * A **screen** is a session for each host that is kept while the host is watched; its pictures are read into text
//!   beside it.
//! * The **catalogue** is the set of flows with their patterns compiled, swapped as a whole when one changes.
//! * The **HTTP API** asks the store and the lanes, and decides nothing.
//!
//! ```
//! use ironhand_server::{Config, Server};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let mut config = Config::new(directory.path().join("data"));
//! config.socket = Some(directory.path().join("api.sock"));
//! config.listen = Some("127.0.0.1:0".parse()?);
//! let server = Server::start(config).await?;
//! println!("http://{} and {}", server.http().expect("it was asked for"), server.socket().display());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```

pub mod boot;
mod brake;
mod catalog;
mod changes;
mod check;
mod clock;
mod console;
mod credentials;
mod deployments;
mod device;
mod endpoint;
mod entrance;
mod fleet;
pub mod fonts;
mod heartbeat;
mod http;
mod lane;
mod notify;
mod once;
mod order;
mod outreach;
mod ownership;
mod repository;
mod rotation;
mod screen;
mod sdr_cache;
mod serial;
mod server;
mod settings;
mod template;
mod traps;
mod views;

pub use catalog::{FlowSet, Looked, flow_faults, link_fault};
pub use heartbeat::heartbeat_signature;
pub use http::ListenError;
pub use ironhand_model::{Circumstances, LinkFault};
pub use repository::{RepositoryAccess, manifest_faults};
pub use server::{Running, Server, StartError, default_socket};
pub use settings::{BootListeners, Config, DhcpListener, Roles};
pub use traps::TrapCounts;

pub use ironhand_api::Settings;
pub use ironhand_store::KeySource;
