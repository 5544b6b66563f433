//! SSH: connections through a jump host, and commands of an operator's own.
//!
//! A server is known by the fingerprint of its host key. For a jump host it must be given: nothing is learnt at first use,
//! since it sees everything that goes through it. That of a controller may be the one that it showed first.

mod command;
mod run;
mod session;

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

pub(crate) use command::SshDevice;
pub use run::{Command, CommandEnd, run_command};
pub use session::HostKey;
pub(crate) use session::Session;

use crate::path::tcp;
use crate::{Error, Hop, Login, Stream};

/// How long a jump host may take to answer, log in and open the way.
const JUMP: Duration = Duration::from_secs(15);

/// Where a connection through a jump host leads.
pub(crate) enum Target<'t> {
    /// A TCP port, as the jump host reaches it.
    Tcp {
        /// The IP address or host name.
        address: &'t str,
        /// The port.
        port: u16,
    },
    /// A socket in the jump host's file system.
    Socket(&'t str),
}

/// A connection to `target` through the jump host. It holds a session of its own, which ends with it.
pub(crate) async fn tunnel(
    hop: &Hop,
    (jump, jump_port): (&str, u16),
    login: &Login,
    host_key: &str,
    target: Target<'_>,
) -> Result<Stream, Error> {
    let refused = |error: Error| match error {
        // These say which of the two it is that is wrong.
        Error::Certificate { .. } | Error::LoginRefused { .. } | Error::Misconfigured { .. } => error,
        error => Error::Hop { hop: hop.to_string(), reason: error.to_string() },
    };
    let made = async {
        let stream = tcp(jump, jump_port).await?;
        let session =
            Session::open(stream, &format!("{jump}:{jump_port}"), login, HostKey::Given(host_key.to_owned()))
                .await?;
        session.tunnel(target).await
    };
    let silent = Error::Silent { address: format!("{jump}:{jump_port}"), after: JUMP };
    timeout_at(Instant::now() + JUMP, made).await.unwrap_or(Err(silent)).map_err(refused)
}
