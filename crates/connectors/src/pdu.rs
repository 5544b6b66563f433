//! Outlets of power strips, by SNMP.
//!
//! An outlet that is off takes its power from the machine; that one is on says nothing of what the machine does with it.
//! A machine with several cords is without power only when all its outlets are off, whichever strips they are of.

mod snmp;
mod strip;
mod table;

use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use ironhand_api::{Connector, PduOptions, PowerAction, PowerState};
use tokio::time::sleep;

use crate::give_back::give_back;
use crate::{Device, Error, Login, Outlets};
use snmp::Dialect;
use strip::{Kind, State, Strip};

/// How patient a [`PduDevice`] is.
#[derive(Clone, Debug)]
pub struct PduTimes {
    /// For how long a machine stays without power in a cycle.
    pub off: Duration,
    /// How long outlets may take until they are read back as wanted.
    pub read_back: Duration,
    /// Between two readings while they do.
    pub poll: Duration,
    /// After how long outlets that have not followed are told again.
    pub repeat: Duration,
    /// How long a strip may take for an answer, before it is asked again.
    pub answer: Duration,
}

impl Default for PduTimes {
    fn default() -> Self {
        Self {
            // Power supplies bridge half a second, and some boards keep their standby power for a few.
            off: Duration::from_secs(7),
            // Strips may be set to switch their outlets one after the other.
            read_back: Duration::from_secs(20),
            poll: Duration::from_millis(500),
            repeat: Duration::from_secs(5),
            answer: Duration::from_secs(2),
        }
    }
}

/// The outlets that feed one machine.
pub struct PduDevice {
    strips: Vec<Strip>,
    times: PduTimes,
}

impl PduDevice {
    /// The outlets that a connector names. Nothing is sent yet.
    pub fn new(
        connector: &Connector,
        options: &PduOptions,
        login: Option<&Login>,
        times: PduTimes,
    ) -> Result<Self, Error> {
        let dialect = Dialect::new(options, login, times.answer)?;
        let kind = Kind::new(options.model, options.oids.as_ref())?;
        let strip = |addresses, outlets| {
            Strip::new(addresses, connector.effective_port(), outlets, kind.clone(), dialect.clone())
        };
        let addresses = [std::slice::from_ref(&connector.address), &connector.backup_addresses].concat();
        let first = strip(addresses, options.outlets.clone());
        let further =
            options.feeds.iter().map(|feed| strip(vec![feed.address.clone()], feed.outlets.clone()));
        Ok(Self { strips: [first].into_iter().chain(further).collect(), times })
    }

    async fn read(&mut self) -> Vec<Result<Vec<State>, Error>> {
        join_all(self.strips.iter_mut().map(Strip::read)).await
    }

    async fn switch(&mut self, on: bool) -> Result<(), Error> {
        let times = &self.times;
        let done = join_all(self.strips.iter_mut().map(|strip| strip.switch(on, times))).await;
        let (mut failure, mut followed) = (None::<Error>, Vec::new());
        for (strip, done) in self.strips.iter().zip(done) {
            match done {
                Ok(()) => followed.push(strip.address()),
                // That nobody knows weighs more than that one did not.
                Err(error) if failure.is_none() || error.leaves_doubt() => failure = Some(error),
                Err(_) => {}
            }
        }
        let followed = match &followed[..] {
            [] => String::new(),
            some => format!("; {} is {}", some.join(", "), if on { "on" } else { "off" }),
        };
        match failure {
            None => Ok(()),
            Some(Error::NotKept { reason }) => Err(Error::NotKept { reason: reason + &followed }),
            Some(Error::Refused { reason }) => Err(Error::Refused { reason: reason + &followed }),
            Some(error) => Err(error),
        }
    }

    /// Takes the power from the machine.
    async fn cut(&mut self) -> Result<(), Error> {
        // A strip that cannot be reached is told before another one cuts half of the cords in vain.
        for read in self.read().await {
            read?;
        }
        self.switch(false).await
    }

    async fn cycle(&mut self) -> Result<(), Error> {
        if let Err(error) = self.cut().await {
            // A machine that keeps one cord must not lose the other for good.
            if !matches!(error, Error::Misconfigured { .. } | Error::LoginRefused { .. }) {
                let _ = self.give_back().await;
            }
            return Err(error);
        }
        sleep(self.times.off).await;
        self.give_back().await
    }

    async fn give_back(&mut self) -> Result<(), Error> {
        let pause = self.times.poll;
        give_back(self, pause, |device| Box::pin(device.switch(true))).await
    }
}

impl Device for PduDevice {
    /// [`PowerState::Off`] where all outlets are off, else [`PowerState::Unknown`].
    fn power_state(&mut self) -> BoxFuture<'_, Result<PowerState, Error>> {
        Box::pin(async {
            let (mut all_off, mut failure) = (true, None);
            for read in self.read().await {
                match read {
                    Ok(states) => all_off &= states.iter().all(|state| *state == State::Off),
                    Err(error) => failure = Some(error),
                }
            }
            match failure {
                _ if !all_off => Ok(PowerState::Unknown),
                Some(error) => Err(error),
                None => Ok(PowerState::Off),
            }
        })
    }

    fn outlets(&mut self) -> BoxFuture<'_, Result<Outlets, Error>> {
        Box::pin(async {
            let all = self.strips.iter().map(Strip::count).sum();
            let (mut off, mut answered, mut failure) = (0, false, None);
            for read in self.read().await {
                match read {
                    Ok(states) => {
                        answered = true;
                        off += states.iter().map(|state| u32::from(*state == State::Off)).sum::<u32>();
                    }
                    Err(error) => failure = Some(error),
                }
            }
            match failure {
                Some(error) if !answered => Err(error),
                _ => Ok(Outlets { off, all }),
            }
        })
    }

    fn power(&mut self, action: PowerAction) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            match action {
                PowerAction::On => self.switch(true).await,
                PowerAction::Off => self.cut().await,
                PowerAction::Cycle => self.cycle().await,
                other => Err(Error::Unsupported { what: other.as_str().to_owned() }),
            }
        })
    }
}
