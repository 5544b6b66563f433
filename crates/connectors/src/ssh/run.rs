//! One command on a machine that can be logged in to.

use std::time::Duration;

use russh::ChannelMsg;
use tokio::time::{Instant, timeout_at};

use super::session::{HostKey, Session};
use crate::path::joined;
use crate::{CONNECT, Error, Login, PathHealth, Route, connect};

/// How long the last of what a command writes may come after its status.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What of the output of a command is kept, in bytes: what it writes beyond is read and dropped.
const MOST_KEPT: usize = 64 * 1024;

/// A command, as the login shell of the account reads it.
pub struct Command<'c> {
    /// The command.
    pub run: &'c str,
    /// What it reads from its standard input; nothing where absent.
    pub input: Option<&'c [u8]>,
    /// How long it may take, with the login.
    pub within: Duration,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandEnd {
    /// Its status; none where the connection ended without one, as where the machine goes down, or a signal ended it.
    pub status: Option<u32>,
    /// The beginning of what it wrote to its standard output.
    pub output: Vec<u8>,
    /// The beginning of what it wrote to its standard error.
    pub complaint: Vec<u8>,
}

/// Logs in, runs a command (RFC 4254 section 6.5) and waits for its end.
///
/// # Errors
///
/// [`Error::OutcomeUnknown`] where it was begun and did not end in time: it may still run. After any other the command was
/// not begun.
pub async fn run_command(
    route: &Route,
    login: &Login,
    host_key: HostKey,
    command: &Command<'_>,
) -> Result<CommandEnd, Error> {
    let deadline = Instant::now() + command.within;
    let until = deadline.min(Instant::now() + CONNECT);
    let (stream, taken) = connect(route, &PathHealth::new(), until).await?;
    let address = joined(&taken.address, taken.port);
    let silent = || Error::Silent { address: address.clone(), after: command.within };
    let opening = Session::open(stream, &address, login, host_key);
    let session = timeout_at(deadline, opening).await.unwrap_or_else(|_| Err(silent()))?;
    let refused = |error: russh::Error| Error::Refused { reason: error.to_string() };
    let channel = timeout_at(deadline, session.channel()).await.map_err(|_| silent())?.map_err(refused)?;
    let ended = timeout_at(deadline, ended(channel, command)).await;
    // A session that hangs must not hold up what its command came to.
    let _ = timeout_at(Instant::now() + LAST_WORDS, session.close()).await;
    ended.unwrap_or(Err(Error::OutcomeUnknown))
}

async fn ended(
    mut channel: russh::Channel<russh::client::Msg>,
    command: &Command<'_>,
) -> Result<CommandEnd, Error> {
    let refused = |error: russh::Error| Error::Refused { reason: error.to_string() };
    channel.exec(true, command.run.as_bytes()).await.map_err(refused)?;
    let lost = |_: russh::Error| Error::OutcomeUnknown;
    if let Some(input) = command.input {
        channel.data(input).await.map_err(lost)?;
    }
    channel.eof().await.map_err(lost)?;
    let mut end = CommandEnd { status: None, output: Vec::new(), complaint: Vec::new() };
    let mut until = None;
    loop {
        let said = match until {
            Some(until) => timeout_at(until, channel.wait()).await.unwrap_or(None),
            None => channel.wait().await,
        };
        match said {
            None => return Ok(end),
            Some(ChannelMsg::ExitStatus { exit_status }) => {
                end.status = Some(exit_status);
                until = Some(Instant::now() + LAST_WORDS);
            }
            Some(ChannelMsg::Data { data }) => keep(&mut end.output, &data),
            Some(ChannelMsg::ExtendedData { data, .. }) => keep(&mut end.complaint, &data),
            Some(ChannelMsg::Failure) => {
                return Err(Error::Refused { reason: "the server does not run commands".to_owned() });
            }
            Some(_) => {}
        }
    }
}

fn keep(kept: &mut Vec<u8>, more: &[u8]) {
    let room = MOST_KEPT.saturating_sub(kept.len());
    kept.extend(&more[..more.len().min(room)]);
}
