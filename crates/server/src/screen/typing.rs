//! Keys that are to be pressed one after the other, no faster than a controller takes them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ironhand_connectors::{Error, ScreenSource};
use ironhand_console::keys::{self, KeyStep, Layout, SerialStep, Stroke};
use tokio::time::timeout;

use super::connection::Connection;
use super::{Attempt, Reply};
use crate::device::DeviceError;

/// How long a device may take over one key.
const KEY: Duration = Duration::from_secs(10);

/// What is typed on one connection.
pub(super) struct Typing {
    /// The connector, as receipts name it.
    source: Arc<str>,
    /// What the machine takes the positions of keys for.
    layout: Layout,
    /// Between two key events.
    interval: Duration,
    left: VecDeque<Left>,
    due: Option<Instant>,
}

/// What is still to be typed.
enum Left {
    Key(Stroke),
    Serial(SerialStep),
    Wait(Duration),
    Done(Reply<()>),
}

impl Typing {
    pub(super) const fn new(source: Arc<str>, layout: Layout, interval: Duration) -> Self {
        Self { source, layout, interval, left: VecDeque::new(), due: None }
    }

    /// Whether nothing is left to press.
    pub(super) fn is_idle(&self) -> bool {
        self.due.is_none()
    }

    /// When [`press_next`](Self::press_next) has something to do.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Takes keys to be pressed behind those that are left. Nothing of them is pressed where a key is missing.
    pub(super) fn add(&mut self, connection: &Connection, steps: &[KeyStep], reply: Reply<()>) {
        if self.leave_abandoned() {
            self.due = Some(Instant::now());
        }
        let left = match connection {
            Connection::Picture(source) => self.strokes(source.as_ref(), steps),
            Connection::Serial(serial) if serial.is_read_only() => {
                Err("type: its console is only read".to_owned())
            }
            Connection::Serial(_) => characters(steps),
        };
        match left {
            Ok(left) => self.left.extend(left),
            Err(what) => return self.answer(reply, Err(Error::Unsupported { what }.into())),
        }
        self.left.push_back(Left::Done(reply));
        self.due.get_or_insert_with(Instant::now);
    }

    /// What is to be pressed for these steps; what is not possible, where something of it is not.
    fn strokes(&self, connection: &dyn ScreenSource, steps: &[KeyStep]) -> Result<Vec<Left>, String> {
        let keyboard = connection.keyboard().ok_or_else(|| "press keys".to_owned())?;
        let mut left = Vec::new();
        for step in steps {
            let strokes = keys::strokes(step, keyboard, self.layout);
            let strokes = strokes.map_err(|missing| format!("type that: {missing}"))?;
            left.extend(strokes.into_iter().map(Left::Key));
            if let KeyStep::Wait(time) = step {
                left.push(Left::Wait(*time));
            }
        }
        Ok(left)
    }

    /// Leaves out the keys that nobody waits for any more, as of somebody from whom the console was taken; keys that are
    /// down are let go. Says whether there were any.
    fn leave_abandoned(&mut self) -> bool {
        let mut batch = Vec::new();
        let mut any = false;
        for left in std::mem::take(&mut self.left) {
            match left {
                Left::Done(reply) if reply.is_closed() => {
                    any = true;
                    self.left.extend(releases(std::mem::take(&mut batch)));
                    self.left.push_back(Left::Done(reply));
                }
                Left::Done(reply) => {
                    self.left.extend(std::mem::take(&mut batch));
                    self.left.push_back(Left::Done(reply));
                }
                left => batch.push(left),
            }
        }
        any
    }

    /// Presses what is due; the next is due an interval later.
    pub(super) async fn press_next(&mut self, connection: &mut Connection) -> Result<(), DeviceError> {
        if self.due.is_none_or(|due| due > Instant::now()) {
            return Ok(());
        }
        let pause = match self.left.pop_front() {
            Some(Left::Key(stroke)) => {
                press(connection, stroke).await?;
                self.interval
            }
            Some(Left::Serial(step)) => {
                if let Connection::Serial(serial) = connection
                    && let Err(error) = serial.put(step).await
                {
                    // A machine in reset takes nothing; its console is of use all the same.
                    self.give_up(&error);
                }
                self.interval
            }
            Some(Left::Wait(time)) => time,
            Some(Left::Done(reply)) => {
                self.answer(reply, Ok(()));
                Duration::ZERO
            }
            None => {
                self.due = None;
                return Ok(());
            }
        };
        self.due = Some(Instant::now() + pause);
        Ok(())
    }

    /// Leaves out what belongs together with what was not typed, and tells why.
    fn give_up(&mut self, error: &DeviceError) {
        while let Some(left) = self.left.pop_front() {
            if let Left::Done(reply) = left {
                return self.answer(reply, Err(error.clone()));
            }
        }
    }

    /// Tells everybody who waits why their keys are not pressed.
    pub(super) fn fail(&mut self, error: &DeviceError) {
        for left in std::mem::take(&mut self.left) {
            if let Left::Done(reply) = left {
                self.answer(reply, Err(error.clone()));
            }
        }
        self.due = None;
    }

    fn answer(&self, reply: Reply<()>, result: Result<(), DeviceError>) {
        // An error means that nobody waits for the answer any more.
        let _ = reply.send(Attempt { through: Arc::clone(&self.source), result });
    }
}

/// Of what is left to be pressed: the releases of keys that are down already.
fn releases(left: Vec<Left>) -> Vec<Left> {
    let mut never_pressed = Vec::new();
    let mut kept = Vec::new();
    for left in left {
        match left {
            Left::Key(stroke) if stroke.down => never_pressed.push(Stroke { down: false, ..stroke }),
            Left::Key(stroke) => match never_pressed.iter().position(|pressed| *pressed == stroke) {
                Some(place) => drop(never_pressed.swap_remove(place)),
                None => kept.push(Left::Key(stroke)),
            },
            Left::Serial(_) | Left::Wait(_) | Left::Done(_) => {}
        }
    }
    kept
}

/// What is to be typed on a serial line for these steps; what is not possible, where something of it is not.
fn characters(steps: &[KeyStep]) -> Result<Vec<Left>, String> {
    let mut left = Vec::new();
    for step in steps {
        let typed = keys::serial(step).map_err(|missing| format!("type that: {missing}"))?;
        left.extend(typed.into_iter().map(|typed| match typed {
            SerialStep::Wait(time) => Left::Wait(time),
            typed => Left::Serial(typed),
        }));
    }
    Ok(left)
}

async fn press(connection: &mut Connection, stroke: Stroke) -> Result<(), DeviceError> {
    let Connection::Picture(source) = connection else { return Ok(()) };
    let late = || Error::Busy { reason: format!("it took no key within {} s", KEY.as_secs()) };
    Ok(timeout(KEY, source.key(stroke)).await.unwrap_or_else(|_| Err(late()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_down_are_let_go() {
        let stroke = |keysym, down| Stroke { keysym, usage: None, down };
        let check = |left: &[(u32, bool)], wanted: &[(u32, bool)]| {
            let strokes = left.iter().map(|(keysym, down)| Left::Key(stroke(*keysym, *down)));
            let kept = releases(strokes.chain([Left::Wait(Duration::from_secs(9))]).collect());
            let told = |left: &Left| match left {
                Left::Key(stroke) => Some((stroke.keysym, stroke.down)),
                Left::Serial(_) | Left::Wait(_) | Left::Done(_) => None,
            };
            assert_eq!(
                kept.iter().map(told).collect::<Option<Vec<_>>>().as_deref(),
                Some(wanted),
                "{left:?}"
            );
        };
        check(&[], &[]);
        check(&[(1, true), (1, false)], &[]);
        check(&[(1, false), (2, true), (2, false)], &[(1, false)]);
        // Ctrl, Alt and Del, of which Ctrl is down.
        check(&[(2, true), (3, true), (3, false), (2, false), (1, false)], &[(1, false)]);
        check(&[(1, false), (1, true), (1, false)], &[(1, false)]);
    }
}
