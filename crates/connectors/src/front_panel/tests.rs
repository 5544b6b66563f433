use super::*;

/// A machine behind a panel: it follows its buttons, or not.
struct Machine {
    light: Option<bool>,
    /// Presses for this are taken and not followed.
    deaf_to: Option<Press>,
    /// The answer to a press for this is lost.
    loses: Option<Press>,
    /// So many presses for power on find the unit busy.
    busy: u32,
    pressed: Vec<Press>,
}

impl Default for Machine {
    fn default() -> Self {
        Self { light: Some(true), deaf_to: None, loses: None, busy: 0, pressed: Vec::new() }
    }
}

fn ready<T: Send + 'static>(value: T) -> BoxFuture<'static, T> {
    Box::pin(std::future::ready(value))
}

impl FrontPanel for Machine {
    fn light(&mut self) -> BoxFuture<'_, Result<Option<bool>, Error>> {
        ready(Ok(self.light))
    }

    fn press(&mut self, press: Press) -> BoxFuture<'_, Result<(), Error>> {
        if press == Press::On && self.busy > 0 {
            self.busy -= 1;
            return ready(Err(Error::Busy { reason: "another press".to_owned() }));
        }
        self.pressed.push(press);
        if self.deaf_to != Some(press) {
            self.light = match press {
                Press::On => Some(true),
                Press::Off | Press::Soft => Some(false),
                Press::Reset => self.light,
            };
        }
        ready(if self.loses == Some(press) { Err(Error::OutcomeUnknown) } else { Ok(()) })
    }

    fn picture(&mut self) -> BoxFuture<'_, Result<Picture, Error>> {
        ready(Err(Error::NoPicture { reason: "it has no screen".to_owned() }))
    }

    fn key(&mut self, _stroke: Stroke) -> BoxFuture<'_, Result<(), Error>> {
        ready(Ok(()))
    }

    fn close(self) -> BoxFuture<'static, ()> {
        ready(())
    }
}

/// Checks what comes of an action, and which buttons were pressed.
async fn check(
    change: impl FnOnce(&mut Machine),
    action: PowerAction,
    wanted: Result<(), &str>,
    pressed: &[Press],
) {
    let mut machine = Machine::default();
    change(&mut machine);
    let mut device = Pressed::new(machine, PanelTimes::default());
    let done = device.power(action).await.map_err(|error| error.code());
    assert_eq!((done, &device.panel.pressed[..]), (wanted, pressed), "{action:?}");
}

#[tokio::test(start_paused = true)]
async fn buttons_are_pressed_only_where_they_mean_what_is_asked() {
    use PowerAction::{Cycle, Nmi, Off, On, Reset, Soft};
    let running = |_: &mut Machine| {};
    check(running, On, Ok(()), &[]).await;
    check(running, Off, Ok(()), &[Press::Off]).await;
    check(running, Soft, Ok(()), &[Press::Soft]).await;
    check(running, Reset, Ok(()), &[Press::Reset]).await;
    check(running, Cycle, Ok(()), &[Press::Off, Press::On]).await;
    check(running, Nmi, Err("connector.unsupported"), &[]).await;
    let off = |machine: &mut Machine| machine.light = Some(false);
    check(off, On, Ok(()), &[Press::On]).await;
    check(off, Off, Ok(()), &[]).await;
    for action in [Soft, Reset, Cycle] {
        check(off, action, Err("connector.unsupported"), &[]).await;
    }
    let dark = |machine: &mut Machine| machine.light = None;
    for action in [On, Off, Soft, Reset, Cycle, Nmi] {
        check(dark, action, Err("connector.unsupported"), &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_cycle_gives_power_back_only_after_the_light_went_out() {
    let cycle = PowerAction::Cycle;
    let deaf = |machine: &mut Machine| machine.deaf_to = Some(Press::Off);
    check(deaf, cycle, Err("connector.not_kept"), &[Press::Off]).await;
    let lost = |machine: &mut Machine| machine.loses = Some(Press::Off);
    check(lost, cycle, Ok(()), &[Press::Off, Press::On]).await;
    let lost_and_deaf =
        |machine: &mut Machine| (machine.loses, machine.deaf_to) = (Some(Press::Off), Some(Press::Off));
    check(lost_and_deaf, cycle, Err("connector.outcome_unknown"), &[Press::Off]).await;
    let busy = |machine: &mut Machine| machine.busy = 3;
    check(busy, cycle, Ok(()), &[Press::Off, Press::On]).await;
    let always_busy = |machine: &mut Machine| machine.busy = 100;
    check(always_busy, cycle, Err("connector.busy"), &[Press::Off]).await;
    let lost_at_the_end = |machine: &mut Machine| machine.loses = Some(Press::On);
    check(lost_at_the_end, cycle, Err("connector.outcome_unknown"), &[Press::Off, Press::On]).await;
}

#[test]
fn what_units_say_is_cut_to_one_short_line() {
    assert_eq!(said("busy\r\n\u{1b}[31m"), "busy[31m");
    assert_eq!(said(&"x".repeat(10_000)).len(), LONGEST_REASON);
}
