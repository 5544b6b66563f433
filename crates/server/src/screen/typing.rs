//! Keys that are to be pressed one after the other, no faster than a controller takes them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ironhand_connectors::{Error, ScreenSource};
use ironhand_console::keys::{self, KeyStep, Layout, Stroke};
use tokio::time::timeout;

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
    left: VecDeque<Left>,
    due: Option<Instant>,
}

/// What is still to be typed.
enum Left {
    Key(Stroke),
    Wait(Duration),
    Done(Reply<()>),
}

impl Typing {
    pub(super) const fn new(source: Arc<str>, layout: Layout) -> Self {
        Self { source, layout, left: VecDeque::new(), due: None }
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
    pub(super) fn add(&mut self, connection: &dyn ScreenSource, steps: &[KeyStep], reply: Reply<()>) {
        match self.strokes(connection, steps) {
            Ok(strokes) => self.left.extend(strokes),
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

    /// Presses what is due; the next is due `interval` later.
    pub(super) async fn press_next(
        &mut self,
        connection: &mut dyn ScreenSource,
        interval: Duration,
    ) -> Result<(), DeviceError> {
        if self.due.is_none_or(|due| due > Instant::now()) {
            return Ok(());
        }
        let pause = match self.left.pop_front() {
            Some(Left::Key(stroke)) => {
                let reason = || format!("it took no key within {} s", KEY.as_secs());
                match timeout(KEY, connection.key(stroke)).await {
                    Ok(pressed) => pressed?,
                    Err(_) => return Err(Error::Busy { reason: reason() }.into()),
                }
                interval
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
