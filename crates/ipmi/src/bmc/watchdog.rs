//! The BMC's watchdog timer (IPMI 2.0 chapter 27).

use std::time::{Duration, Instant};

use crate::bmc::commands::{Answer, Handler, dataless, handler};
use crate::bmc::{Bmc, BmcEvent, SensorInput};
use crate::chassis::RestartCause;
use crate::completion::CompletionCode;
use crate::quirk::{Quirk, Quirks};
use crate::sel::SystemEvent;
use crate::sensor::event_text::SENSOR_SPECIFIC;
use crate::watchdog::{
    GetWatchdogTimer, NEVER_SET, PretimeoutInterrupt, ResetWatchdogTimer, SetWatchdogTimer, TimeoutAction,
    WatchdogSettings, WatchdogTimer,
};

pub(super) const HANDLERS: &[Handler] = &[
    dataless::<ResetWatchdogTimer>(|bmc, caller| bmc.watchdog.restart(caller.now)),
    handler::<SetWatchdogTimer>(|bmc, caller, data| {
        let reply = bmc.watchdog.set(caller.now, data)?;
        if bmc.watchdog.settings.is_some_and(|settings| settings.expired == 0) {
            bmc.show_watchdog(bmc.sensors.set().first_of_type(WATCHDOG_2), 0);
        }
        Ok(reply)
    }),
    dataless::<GetWatchdogTimer>(|bmc, caller| Ok(bmc.watchdog.get(caller.now, bmc.config.quirks).encode())),
];

/// One tick of the countdown.
const TICK: Duration = Duration::from_millis(100);

/// The timer.
#[derive(Debug, Default)]
pub(super) struct Watchdog {
    /// `None` until it is set for the first time.
    settings: Option<WatchdogSettings>,
    /// While it runs.
    running: Option<Countdown>,
    /// What was left when it stopped, in ticks.
    left: u16,
}

#[derive(Debug, Clone, Copy)]
struct Countdown {
    /// When the interrupt before the end is due; `None` once it was, or where there is none.
    pretimeout: Option<Instant>,
    end: Instant,
}

/// What a deadline of the timer brings.
enum Lapse {
    Pretimeout(PretimeoutInterrupt),
    Expired(WatchdogSettings),
}

impl Watchdog {
    fn set(&mut self, now: Instant, data: &[u8]) -> Answer {
        let SetWatchdogTimer { keep_running, settings } = SetWatchdogTimer::decode_request(data)?;
        if matches!(settings.action, TimeoutAction::Reserved(_)) {
            return Err(CompletionCode::INVALID_FIELD);
        }
        if u32::from(settings.countdown) < u32::from(settings.pretimeout) * 10 {
            // Section 27.6: the pre-timeout interval cannot be longer than the countdown.
            return Err(CompletionCode::INVALID_FIELD);
        }
        // A one clears the flag of an expiry.
        let expired = self.settings.map_or(0, |before| before.expired) & !settings.expired;
        self.settings = Some(WatchdogSettings { expired, ..settings });
        self.left = settings.countdown;
        let goes_on = keep_running && self.running.is_some();
        self.running = goes_on.then(|| countdown(now, &settings));
        Ok(Vec::new())
    }

    fn restart(&mut self, now: Instant) -> Answer {
        let settings = self.settings.as_ref().ok_or(NEVER_SET)?;
        self.running = Some(countdown(now, settings));
        Ok(Vec::new())
    }

    fn get(&self, now: Instant, quirks: Quirks) -> WatchdogTimer {
        let settings =
            self.settings.unwrap_or(WatchdogSettings { expired: 0, ..SetWatchdogTimer::STOP.settings });
        let present = match self.running {
            Some(Countdown { end, .. }) => ticks(end.saturating_duration_since(now)),
            None => self.left,
        };
        let running = self.running.is_some() || quirks.contains(Quirk::WatchdogRunning);
        WatchdogTimer { running, settings, present }
    }

    /// The machine was switched or reset, or the BMC restarts: nobody waits for the timer any more.
    pub(super) fn stop(&mut self) {
        self.running = None;
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.running.map(|running| running.pretimeout.unwrap_or(running.end))
    }

    fn lapse(&mut self, now: Instant) -> Option<Lapse> {
        let settings = self.settings.as_mut()?;
        let running = self.running.as_mut()?;
        if running.pretimeout.is_some_and(|due| due <= now) {
            running.pretimeout = None;
            return Some(Lapse::Pretimeout(settings.pretimeout_interrupt));
        }
        if running.end > now {
            return None;
        }
        settings.expired |= 1 << settings.timer_use.number();
        (self.running, self.left) = (None, 0);
        Some(Lapse::Expired(*settings))
    }
}

fn countdown(now: Instant, settings: &WatchdogSettings) -> Countdown {
    let end = now + settings.time();
    let due = end - Duration::from_secs(settings.pretimeout.into()).min(settings.time());
    let pretimeout = (settings.pretimeout_interrupt != PretimeoutInterrupt::None).then_some(due);
    Countdown { pretimeout, end }
}

fn ticks(time: Duration) -> u16 {
    u16::try_from(time.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u16::MAX)
}

/// Sensor type "Watchdog 2" (table 42-3), whose states 0 to 3 stand for the actions.
const WATCHDOG_2: u8 = 0x23;

/// The sensor number in events of a BMC without such a sensor.
const NO_SENSOR: u8 = 0x00;

/// The event that an expiry leaves in the log.
fn expiry(settings: &WatchdogSettings, sensor: u8) -> SystemEvent {
    /// Data 2 holds the interrupt and the use (table 42-3).
    const DATA_2_IS_SPECIFIC: u8 = 0xC0;
    let use_and_interrupt = settings.pretimeout_interrupt.number() << 4 | settings.timer_use.number();
    let state = DATA_2_IS_SPECIFIC | settings.action.number();
    SystemEvent::of_bmc(WATCHDOG_2, sensor, SENSOR_SPECIFIC, [state, use_and_interrupt, 0xFF])
}

impl Bmc {
    /// Makes the timer's sensor, if there is one, show these states.
    fn show_watchdog(&mut self, sensor: Option<u8>, states: u16) {
        if let Some(number) = sensor
            && self.sensors.states(number) != Some(states)
        {
            // The set has the sensor, and any states can be shown.
            let _ = self.set_sensor(number, SensorInput::States(states));
        }
    }

    pub(super) fn wake_watchdog(&mut self, now: Instant) {
        while let Some(lapse) = self.watchdog.lapse(now) {
            match lapse {
                Lapse::Pretimeout(interrupt) => self.event(BmcEvent::WatchdogPretimeout { interrupt }),
                Lapse::Expired(settings) => {
                    let restarts = [TimeoutAction::HardReset, TimeoutAction::PowerCycle];
                    if restarts.contains(&settings.action) {
                        self.set_restart_cause(RestartCause::Watchdog);
                    }
                    let sensor = self.sensors.set().first_of_type(WATCHDOG_2);
                    self.show_watchdog(sensor, 1 << settings.action.number());
                    if !settings.dont_log {
                        self.log_event(now, expiry(&settings, sensor.unwrap_or(NO_SENSOR)));
                    }
                    let WatchdogSettings { action, timer_use, .. } = settings;
                    self.event(BmcEvent::WatchdogExpired { action, timer_use });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
