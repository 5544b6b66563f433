//! What a machine does by itself, one thing after the other.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use super::Step;
use crate::screen::Mode;

/// One thing that a machine does.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// An empty screen in this mode.
    Show(Mode),
    /// Text at the cursor.
    Print(Cow<'static, str>),
    /// Nothing, but time passes.
    Pass,
    /// The next stage begins.
    Begin(Step),
}

/// An act, and how long after the one before it happens.
#[derive(Clone, Debug)]
pub(crate) struct Beat {
    pub(crate) after: Duration,
    pub(crate) act: Act,
}

/// Acts in order, with the time between them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    beats: VecDeque<Beat>,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn beat(mut self, milliseconds: u64, act: Act) -> Self {
        self.beats.push_back(Beat { after: Duration::from_millis(milliseconds), act });
        self
    }

    pub(crate) fn show(self, milliseconds: u64, mode: Mode) -> Self {
        self.beat(milliseconds, Act::Show(mode))
    }

    pub(crate) fn print(self, milliseconds: u64, text: impl Into<Cow<'static, str>>) -> Self {
        self.beat(milliseconds, Act::Print(text.into()))
    }

    /// Each line after the same time, with a line feed.
    pub(crate) fn lines<T: AsRef<str>>(self, milliseconds: u64, lines: impl IntoIterator<Item = T>) -> Self {
        lines
            .into_iter()
            .fold(self, |script, line| script.print(milliseconds, format!("{}\n", line.as_ref())))
    }

    pub(crate) fn pass(self, milliseconds: u64) -> Self {
        self.beat(milliseconds, Act::Pass)
    }

    pub(crate) fn begin(self, milliseconds: u64, step: Step) -> Self {
        self.beat(milliseconds, Act::Begin(step))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.beats.is_empty()
    }

    pub(crate) fn peek(&self) -> Option<&Beat> {
        self.beats.front()
    }

    pub(crate) fn pop(&mut self) -> Option<Act> {
        self.beats.pop_front().map(|beat| beat.act)
    }
}
