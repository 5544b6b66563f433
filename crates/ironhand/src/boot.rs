//! `ironhand boot`, `hosts` and `wake`: machines that boot over the network.

mod explain;
mod free;
mod networks;
mod watch;

use ironhand_client::Client;

use crate::args::BootCommand;
use crate::exit::Failure;
use crate::output::Output;

pub use free::{free_rows, hosts, wake};
pub use networks::service_state;
pub use watch::timeline;

/// `ironhand boot`.
pub async fn boot(client: &Client, asked: &BootCommand, output: Output) -> Result<(), Failure> {
    match asked {
        BootCommand::Networks => networks::networks(client, output).await,
        BootCommand::Watch(asked) => watch::watch(client, asked, output).await,
        BootCommand::Explain(asked) => explain::explain(client, asked, output).await,
    }
}
