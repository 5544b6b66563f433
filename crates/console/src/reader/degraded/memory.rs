//! What is known of screens that were read before.
//!
//! The cells, the font and the filter of a screen are the same in the next picture of it, mostly. They are kept under the grid
//! that its reading told, which comes back as the hint.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::bank::Bank;
use super::filter::Filter;
use super::frame::Frame;
use super::modes::Shown;
use super::sharpen::Sharp;
use crate::Image;
use crate::reader::Grid;
use crate::reading::Reading;

/// How many screens are remembered: a few hundred bytes each, and seldom more consoles are watched through damaged pictures.
const MOST: usize = 256;

/// A reading in which this much less was recognised is made again, from the start: the font may have changed.
const WORSE: f32 = 0.003;

/// Screens that were read, the last one at the end.
#[derive(Default)]
pub(in crate::reader) struct Memory {
    screens: Mutex<VecDeque<Remembered>>,
}

/// How a screen was read.
#[derive(Clone)]
pub(in crate::reader) struct Remembered {
    grid: Grid,
    picture: (u32, u32),
    /// The index of the face in the bank.
    face: usize,
    frame: Frame,
    filter: Filter,
    explained: f32,
    screen: Option<Shown>,
    /// How much was recognised.
    score: f32,
}

impl Memory {
    /// The screen of this size whose reading had this grid.
    pub(in crate::reader) fn of(&self, image: &Image, grid: &Grid) -> Option<Remembered> {
        let screens = self.screens.lock().unwrap_or_else(PoisonError::into_inner);
        screens.iter().find(|known| known.is(image, grid)).cloned()
    }

    /// Forgets the screen of this size whose reading had this grid.
    pub(in crate::reader) fn forget(&self, image: &Image, grid: &Grid) {
        let mut screens = self.screens.lock().unwrap_or_else(PoisonError::into_inner);
        screens.retain(|known| !known.is(image, grid));
    }

    /// Remembers a screen.
    pub(in crate::reader) fn keep(&self, known: Remembered) {
        let mut screens = self.screens.lock().unwrap_or_else(PoisonError::into_inner);
        screens.retain(|other| (other.picture, other.grid) != (known.picture, known.grid));
        if screens.len() == MOST {
            screens.pop_front();
        }
        screens.push_back(known);
    }
}

impl Remembered {
    /// What is to be known of a screen that was read well enough to act on.
    pub(super) fn of(image: &Image, bank: &Bank, sharp: &Sharp<'_>, reading: &Reading) -> Option<Self> {
        let grid = reading.grid.filter(|_| reading.is_reliable())?;
        let face = bank.faces.iter().position(|face| std::ptr::eq(face, sharp.face))?;
        let Sharp { frame, filter, explained, screen, .. } = *sharp;
        let picture = (image.width, image.height);
        Some(Self { grid, picture, face, frame, filter, explained, screen, score: reading.score })
    }

    fn is(&self, image: &Image, grid: &Grid) -> bool {
        self.picture == (image.width, image.height) && self.grid == *grid
    }

    pub(super) fn sharp<'b>(&self, bank: &'b Bank) -> Option<Sharp<'b>> {
        let Self { frame, filter, explained, screen, .. } = *self;
        bank.faces.get(self.face).map(|face| Sharp { frame, face, filter, explained, screen })
    }

    /// Whether a reading by what is remembered is as good as the last one was.
    pub(super) fn is_as_good(&self, reading: &Reading) -> bool {
        reading.is_reliable() && reading.score >= self.score - WORSE
    }
}
