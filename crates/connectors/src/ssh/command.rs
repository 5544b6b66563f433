//! Power by commands that an operator gives.

use std::time::Duration;

use futures_util::future::BoxFuture;
use ironhand_api::{Connector, PowerAction, SshOptions};
use russh::client::Msg;
use russh::{Channel, ChannelMsg};
use tokio::time::{Instant, timeout_at};

use super::session::{HostKey, Session};
use crate::path::joined;
use crate::{CONNECT, Device, Error, Login, PathHealth, Route, connect};

/// How long a command may run.
const COMMAND: Duration = Duration::from_secs(60);

/// How long the complaint of a command may come after its status.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What of a command's complaint is kept.
const MOST_COMPLAINT: usize = 400;

/// A machine, or something that has power over it, that takes commands over SSH.
pub(crate) struct SshDevice {
    route: Route,
    health: PathHealth,
    login: Login,
    options: SshOptions,
}

impl SshDevice {
    pub(crate) fn new(
        connector: &Connector,
        options: &SshOptions,
        login: Option<Login>,
        route: Route,
        health: PathHealth,
    ) -> Result<Self, Error> {
        let Some(login) = login else {
            let reason = format!("{connector} needs a credential");
            return Err(Error::Misconfigured { reason });
        };
        Ok(Self { route, health, login, options: options.clone() })
    }

    async fn run(&self, action: PowerAction) -> Result<(), Error> {
        let commands = &self.options.commands;
        let command = match action {
            PowerAction::On => &commands.on,
            PowerAction::Off => &commands.off,
            PowerAction::Cycle => &commands.cycle,
            PowerAction::Reset => &commands.reset,
            PowerAction::Soft => &commands.soft,
            PowerAction::Nmi => &None,
        };
        let Some(command) = command else {
            let what = format!("do power {}: the manifest gives no command for it", action.as_str());
            return Err(Error::Unsupported { what });
        };
        let deadline = Instant::now() + CONNECT;
        let (stream, taken) = connect(&self.route, &self.health, deadline).await?;
        let address = joined(&taken.address, taken.port);
        let host_key = HostKey::Given(self.options.host_key.clone());
        let opening = Session::open(stream, &address, &self.login, host_key);
        let silent = Error::Silent { address: address.clone(), after: CONNECT };
        let session = timeout_at(deadline, opening).await.unwrap_or(Err(silent))?;
        let refused = |error: russh::Error| Error::Refused { reason: error.to_string() };
        let started = async {
            let channel = session.channel().await?;
            // What is answered is read with all else.
            channel.exec(true, command.as_bytes()).await.map(|()| channel)
        };
        let silent = Error::Silent { address, after: CONNECT };
        let started = timeout_at(deadline, started).await.map_err(|_| silent)?;
        ended(started.map_err(refused)?).await
    }
}

/// What became of a command.
async fn ended(mut channel: Channel<Msg>) -> Result<(), Error> {
    let mut deadline = Instant::now() + COMMAND;
    let (mut status, mut complaint) = (None, Vec::new());
    // A machine that goes down takes the connection with it, with or without a last word.
    while let Ok(Some(said)) = timeout_at(deadline, channel.wait()).await {
        match said {
            ChannelMsg::ExitStatus { exit_status: 0 } => return Ok(()),
            ChannelMsg::ExitStatus { exit_status } => {
                status = Some(exit_status);
                deadline = deadline.min(Instant::now() + LAST_WORDS);
            }
            ChannelMsg::ExtendedData { data, .. } => {
                let room = MOST_COMPLAINT.saturating_sub(complaint.len());
                complaint.extend(&data[..data.len().min(room)]);
            }
            ChannelMsg::Failure => {
                return Err(Error::Refused { reason: "the server does not run commands".to_owned() });
            }
            _ => {}
        }
    }
    let Some(status) = status else { return Err(Error::OutcomeUnknown) };
    let said = String::from_utf8_lossy(&complaint);
    Err(Error::Refused { reason: format!("the command ended with status {status}: {}", said.trim()) })
}

impl Device for SshDevice {
    fn power(&mut self, action: PowerAction) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.run(action))
    }
}
