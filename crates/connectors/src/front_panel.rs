//! What units at a machine's buttons have in common: power by the power light and the presses of two buttons.

mod held_keys;

use std::time::Duration;

use futures_util::future::BoxFuture;
use ironhand_api::{PowerAction, PowerState};
use ironhand_console::keys::Stroke;
use tokio::time::{Instant, sleep};

use crate::{Device, Error, HttpLimits, Picture};

pub(crate) use held_keys::HeldKeys;

/// How patient the owner of a front panel is.
#[derive(Clone, Debug)]
pub(crate) struct PanelTimes {
    /// How long the power light may take to go out after the button was held down for it.
    pub(crate) off: Duration,
    /// For how long a machine stays off in a cycle.
    pub(crate) pause: Duration,
    /// Between two looks at the power light.
    pub(crate) poll: Duration,
}

impl Default for PanelTimes {
    fn default() -> Self {
        Self {
            off: Duration::from_secs(15),
            // Power supplies keep their charge for a while, and some boards take no press until it is gone.
            pause: Duration::from_secs(5),
            poll: Duration::from_millis(500),
        }
    }
}

/// How often power is given back to a machine where the unit is busy or cannot be reached: without it, it would stay off.
const GIVE_BACK_TRIES: u32 = 5;

/// Units are small: one request at a time. They answer a press when the button is up again, which is seconds later.
pub(crate) const LIMITS: HttpLimits = HttpLimits {
    in_flight: 1,
    connect: Duration::from_secs(5),
    answer: Duration::from_secs(20),
    total: Duration::from_secs(30),
    // A picture of 3840x2160 at the best quality takes about 4 MiB.
    body: 8 * 1024 * 1024,
};

/// A press of a button, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Press {
    /// The power button, shortly, on a machine that is off.
    On,
    /// The power button, shortly, on a machine that is on: its operating system is asked to shut down.
    Soft,
    /// The power button, until the machine is off.
    Off,
    /// The reset button.
    Reset,
}

/// The buttons and lights of a machine, its screen and its keyboard.
pub(crate) trait FrontPanel: Send {
    /// Whether the power light is on; nothing where the unit cannot tell.
    fn light(&mut self) -> BoxFuture<'_, Result<Option<bool>, Error>>;

    /// Presses a button and lets it go.
    fn press(&mut self, press: Press) -> BoxFuture<'_, Result<(), Error>>;

    /// As [`Device::picture`].
    fn picture(&mut self) -> BoxFuture<'_, Result<Picture, Error>>;

    /// As [`Device::key`].
    fn key(&mut self, stroke: Stroke) -> BoxFuture<'_, Result<(), Error>>;

    /// As [`Device::close`].
    fn close(self) -> BoxFuture<'static, ()>;
}

/// A machine whose buttons a unit presses.
pub(crate) struct Pressed<P> {
    panel: P,
    times: PanelTimes,
}

impl<P: FrontPanel> Pressed<P> {
    pub(crate) fn new(panel: P, times: PanelTimes) -> Self {
        Self { panel, times }
    }

    /// Does what is asked by as few presses as it takes: none on a machine that is as it is wanted, since a press of the
    /// power button means the opposite there.
    async fn act(&mut self, action: PowerAction) -> Result<(), Error> {
        let unsupported = |what: String| Error::Unsupported { what };
        if action == PowerAction::Nmi {
            return Err(unsupported(action.as_str().to_owned()));
        }
        let Some(is_on) = self.panel.light().await? else {
            return Err(unsupported(
                "tell whether the machine is on, so its buttons are not pressed".to_owned(),
            ));
        };
        match (action, is_on) {
            (PowerAction::On, true) | (PowerAction::Off, false) => Ok(()),
            (PowerAction::On, false) => self.panel.press(Press::On).await,
            (PowerAction::Off, true) => self.panel.press(Press::Off).await,
            (PowerAction::Soft, true) => self.panel.press(Press::Soft).await,
            (PowerAction::Reset, true) => self.panel.press(Press::Reset).await,
            (PowerAction::Cycle, true) => self.cycle().await,
            (action, _) => Err(unsupported(format!("{} a machine that is off", action.as_str()))),
        }
    }

    async fn cycle(&mut self) -> Result<(), Error> {
        let pressed = match self.panel.press(Press::Off).await {
            Err(error) if !error.leaves_doubt() => return Err(error),
            pressed => pressed,
        };
        self.wait_for_dark(pressed).await?;
        sleep(self.times.pause).await;
        let mut tries = 1;
        loop {
            // The light is looked at before each: a machine that came back by itself is not pressed.
            let back = async {
                match self.panel.light().await? {
                    Some(false) => self.panel.press(Press::On).await,
                    _ => Ok(()),
                }
            };
            match back.await {
                Err(error) if tries < GIVE_BACK_TRIES && error.retry() => tries += 1,
                done => return done,
            }
            sleep(self.times.poll).await;
        }
    }

    /// Waits until the light is out. Where it does not go out, `pressed` tells whether the press is certain.
    async fn wait_for_dark(&mut self, pressed: Result<(), Error>) -> Result<(), Error> {
        let deadline = Instant::now() + self.times.off;
        loop {
            match self.panel.light().await {
                Ok(Some(false)) => return Ok(()),
                Ok(seen) if Instant::now() >= deadline => {
                    pressed?;
                    let light = if seen.is_some() { "still on" } else { "not known" };
                    let reason = format!("the power light is {light} after the power button was held down");
                    return Err(Error::NotKept { reason });
                }
                Err(error) if !error.retry() || Instant::now() >= deadline => return Err(error),
                _ => sleep(self.times.poll).await,
            }
        }
    }
}

impl<P: FrontPanel + 'static> Device for Pressed<P> {
    fn power_state(&mut self) -> BoxFuture<'_, Result<PowerState, Error>> {
        Box::pin(async {
            Ok(match self.panel.light().await? {
                Some(true) => PowerState::On,
                Some(false) => PowerState::Off,
                None => PowerState::Unknown,
            })
        })
    }

    fn power(&mut self, action: PowerAction) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.act(action))
    }

    fn picture(&mut self) -> BoxFuture<'_, Result<Picture, Error>> {
        self.panel.picture()
    }

    fn has_keys(&self) -> bool {
        true
    }

    fn key(&mut self, stroke: Stroke) -> BoxFuture<'_, Result<(), Error>> {
        self.panel.key(stroke)
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.panel.close()
    }
}

/// A unit tells reasons as long as it likes; people get this many characters of them.
const LONGEST_REASON: usize = 200;

/// What a unit said, fit to be shown.
pub(crate) fn said(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(LONGEST_REASON).collect()
}

#[cfg(test)]
mod tests;
