//! What switches with one relay have in common: power by what they are told and what they are read back as.

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::StatusCode;
use ironhand_api::{PowerAction, PowerState};
use tokio::time::{Instant, sleep};

use crate::give_back::give_back;
use crate::{Device, Error, HttpLimits, HttpResponse, Outlets};

/// How patient a switch's owner is.
#[derive(Clone, Debug)]
pub struct RelayTimes {
    /// For how long a machine stays without power in a cycle.
    pub off: Duration,
    /// How long the relay may take until it is read back as wanted.
    pub read_back: Duration,
    /// Between two readings while it does.
    pub poll: Duration,
}

impl Default for RelayTimes {
    fn default() -> Self {
        Self {
            // As for the outlets of strips.
            off: Duration::from_secs(7),
            read_back: Duration::from_secs(10),
            poll: Duration::from_millis(500),
        }
    }
}

/// Switches are small, and near: one request at a time, and short answers.
pub(crate) const LIMITS: HttpLimits = HttpLimits {
    in_flight: 1,
    connect: Duration::from_secs(5),
    answer: Duration::from_secs(5),
    total: Duration::from_secs(10),
    body: 64 * 1024,
};

/// A relay between the mains and a machine.
pub(crate) trait Relay: Send {
    /// Switches it.
    fn set(&mut self, on: bool) -> BoxFuture<'_, Result<(), Error>>;

    /// Whether it is on; nothing where it cannot tell.
    fn read(&mut self) -> BoxFuture<'_, Result<Option<bool>, Error>>;
}

/// A machine that is fed through a relay.
pub(crate) struct Relayed<R> {
    relay: R,
    times: RelayTimes,
}

impl<R: Relay> Relayed<R> {
    pub(crate) fn new(relay: R, times: RelayTimes) -> Self {
        Self { relay, times }
    }

    /// Switches, and waits until that is read back. A relay that cannot be read is taken at its word.
    async fn switch(&mut self, on: bool) -> Result<(), Error> {
        let deadline = Instant::now() + self.times.read_back;
        let told = match self.relay.set(on).await {
            Err(error) if !error.leaves_doubt() => return Err(error),
            told => told,
        };
        loop {
            match (self.relay.read().await, &told) {
                (Ok(Some(is)), _) if is == on => return Ok(()),
                (Ok(None), told) => return told.clone(),
                (Err(error), Err(_)) if error.retry() => return Err(Error::OutcomeUnknown),
                (Err(error), _) if !error.retry() || Instant::now() >= deadline => return Err(error),
                (Ok(Some(is)), _) if Instant::now() >= deadline => {
                    let reason = format!("the relay still reads {}", if is { "on" } else { "off" });
                    return Err(Error::NotKept { reason });
                }
                _ => sleep(self.times.poll).await,
            }
        }
    }

    async fn cycle(&mut self) -> Result<(), Error> {
        if let Err(error) = self.switch(false).await {
            if error.leaves_doubt() {
                // It may be off: a cycle must not end so. What is told is why it failed.
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

impl<R: Relay> Device for Relayed<R> {
    /// [`PowerState::Off`] where the relay is off, else [`PowerState::Unknown`].
    fn power_state(&mut self) -> BoxFuture<'_, Result<PowerState, Error>> {
        Box::pin(async {
            Ok(match self.relay.read().await? {
                Some(false) => PowerState::Off,
                Some(true) | None => PowerState::Unknown,
            })
        })
    }

    fn outlets(&mut self) -> BoxFuture<'_, Result<Outlets, Error>> {
        Box::pin(async {
            match self.relay.read().await? {
                Some(on) => Ok(Outlets { off: u32::from(!on), all: 1 }),
                None => Err(Error::Unsupported { what: "tell whether it is on or off".to_owned() }),
            }
        })
    }

    fn power(&mut self, action: PowerAction) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            match action {
                PowerAction::On => self.switch(true).await,
                PowerAction::Off => self.switch(false).await,
                PowerAction::Cycle => self.cycle().await,
                other => Err(Error::Unsupported { what: other.as_str().to_owned() }),
            }
        })
    }
}

/// An answer that is no failure.
pub(crate) fn accepted(answer: HttpResponse, username: &str) -> Result<HttpResponse, Error> {
    let reason = || format!("HTTP status {}", answer.status);
    match StatusCode::from_u16(answer.status) {
        Ok(status) if status.is_success() => Ok(answer),
        Ok(StatusCode::UNAUTHORIZED) => {
            Err(Error::LoginRefused { username: username.to_owned(), reason: None })
        }
        Ok(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
            Err(Error::Busy { reason: reason() })
        }
        _ => Err(Error::Refused { reason: reason() }),
    }
}

/// The JSON of an answer.
pub(crate) fn json(answer: &HttpResponse) -> Result<serde_json::Value, Error> {
    serde_json::from_slice(&answer.body)
        .map_err(|_| Error::Malformed { reason: "it is not JSON; is this a switch of that kind?".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A relay that does as it is told, or not, and writes down when.
    struct Fake {
        on: bool,
        /// Commands from this one on are accepted and not followed.
        stuck_from: usize,
        /// The answer to this command is lost.
        lost: Option<usize>,
        can_tell: bool,
        begun: Instant,
        told: Vec<(u64, bool)>,
    }

    impl Fake {
        fn new() -> Self {
            Self {
                on: true,
                stuck_from: usize::MAX,
                lost: None,
                can_tell: true,
                begun: Instant::now(),
                told: vec![],
            }
        }
    }

    impl Relay for Fake {
        fn set(&mut self, on: bool) -> BoxFuture<'_, Result<(), Error>> {
            let number = self.told.len();
            self.told.push((self.begun.elapsed().as_secs(), on));
            if number < self.stuck_from {
                self.on = on;
            }
            let answer = if self.lost == Some(number) { Err(Error::OutcomeUnknown) } else { Ok(()) };
            Box::pin(std::future::ready(answer))
        }

        fn read(&mut self) -> BoxFuture<'_, Result<Option<bool>, Error>> {
            Box::pin(std::future::ready(Ok(self.can_tell.then_some(self.on))))
        }
    }

    /// Checks an action by its end and what the relay was told, with the second.
    async fn check(
        change: impl FnOnce(&mut Fake),
        action: PowerAction,
        wanted: Result<(), &str>,
        told: &[(u64, bool)],
    ) -> PowerState {
        let mut relay = Fake::new();
        change(&mut relay);
        let mut device = Relayed::new(relay, RelayTimes::default());
        let done = device.power(action).await.map_err(|error| error.code());
        assert_eq!((done, &device.relay.told[..]), (wanted, told), "{action:?}");
        device.power_state().await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_relay_is_read_back_and_a_cycle_waits_between() {
        let (off, unknown) = (PowerState::Off, PowerState::Unknown);
        assert_eq!(check(|_| {}, PowerAction::Off, Ok(()), &[(0, false)]).await, off);
        assert_eq!(check(|relay| relay.on = false, PowerAction::On, Ok(()), &[(0, true)]).await, unknown);
        assert_eq!(check(|_| {}, PowerAction::Cycle, Ok(()), &[(0, false), (7, true)]).await, unknown);
        let mute = |relay: &mut Fake| relay.can_tell = false;
        assert_eq!(check(mute, PowerAction::Off, Ok(()), &[(0, false)]).await, unknown);
        check(|_| {}, PowerAction::Reset, Err("connector.unsupported"), &[]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_relay_that_does_not_follow_is_told_of() {
        let stuck = |relay: &mut Fake| relay.stuck_from = 0;
        check(stuck, PowerAction::Off, Err("connector.not_kept"), &[(0, false)]).await;
        check(stuck, PowerAction::Cycle, Err("connector.not_kept"), &[(0, false)]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_is_made_good_by_reading() {
        let lost = |relay: &mut Fake| relay.lost = Some(0);
        check(lost, PowerAction::Off, Ok(()), &[(0, false)]).await;
        let lost_and_mute = |relay: &mut Fake| (relay.lost, relay.can_tell) = (Some(0), false);
        check(lost_and_mute, PowerAction::Off, Err("connector.outcome_unknown"), &[(0, false)]).await;
        // Nobody knows whether it is off: a cycle gives the power back.
        let told = &[(0, false), (0, true)];
        check(lost_and_mute, PowerAction::Cycle, Err("connector.outcome_unknown"), told).await;
    }
}
