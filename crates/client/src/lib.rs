//! The typed client of Ironhand's HTTP API: the command line, tests and integrations speak through it.
//!
//! A [`Client`] talks to one [`Endpoint`], a local socket or an HTTP address, and has a method for each call. What the
//! server refuses comes back as the [`Problem`](ironhand_api::Problem) that it sent; a server that cannot be reached is
//! an error of its own. [`Client::follow`] gives the events as an [`EventStream`] that survives broken connections
//! without gap or duplicate.
//!
//! ```no_run
//! use ironhand_api::{Host, LabelSelector, PowerAction, PowerRequest};
//! use ironhand_client::{Client, Endpoint};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(Endpoint::local())?;
//! for host in client.list::<Host>(&"rack=7".parse()?).await? {
//!     println!("{}", host.metadata.name);
//! }
//! let report = client.power(&"rack7-12".parse()?, &PowerRequest::new(PowerAction::Cycle)).await?;
//! println!("{}", report.detail);
//!
//! let mut events = client.follow(None, None);
//! while let Some(event) = events.next().await {
//!     println!("{}", event?.message);
//! }
//! # Ok(())
//! # }
//! ```

mod boot;
mod call;
mod console;
mod endpoint;
mod error;
mod events;
mod explain;
mod hardware;
mod heartbeat;
mod live;
mod management;
mod media;
mod recording;
mod resource;
mod work;

pub use boot::BootFilter;
pub use call::{Client, EventFilter, RecordFilter};
pub use console::{Console, ConsoleEvent, ConsoleLogFilter, ConsoleOptions};
pub use endpoint::{Endpoint, EndpointError};
pub use error::Error;
pub use events::EventStream;
pub use explain::ExplainBoot;
pub use hardware::LogFilter;
pub use live::{LiveEvent, LiveOptions, LiveScreens};
pub use media::MediaUpload;
pub use recording::{RecordingFile, RecordingsOf};
pub use resource::Resource;
