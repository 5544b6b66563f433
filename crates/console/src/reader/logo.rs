//! Pictures beside text that are known to hold none.
//!
//! Whether cells of many colours are a logo or text that damage blurred takes a reading by templates to tell. That is told once for
//! the same pixels: the next screen of a host mostly shows the same logo beside other text.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use super::cell::{Cell, rows};
use super::{Grid, Sheet};
use crate::Image;

/// How many are remembered.
const MOST: usize = 256;

/// All cells of a screen that are pictures.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Logo {
    grid: Grid,
    /// Of their places and pixels.
    hash: u64,
}

impl Logo {
    pub(super) fn of(image: &Image, sheet: &Sheet<'_>) -> Self {
        let mut hasher = DefaultHasher::new();
        let pictures = sheet.cells.iter().enumerate().filter(|(_, cell)| matches!(cell, Cell::Picture));
        for (index, _) in pictures {
            index.hash(&mut hasher);
            let (x, y) = sheet.grid.origin(index / sheet.grid.columns, index % sheet.grid.columns);
            rows(image, sheet.table, x, y).for_each(|row| row.hash(&mut hasher));
        }
        Self { grid: sheet.grid, hash: hasher.finish() }
    }
}

/// Those beside which everything was read, the last one at the end.
#[derive(Default)]
pub(super) struct Logos(Mutex<VecDeque<Logo>>);

impl Logos {
    pub(super) fn contain(&self, logo: Logo) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&logo)
    }

    pub(super) fn keep(&self, logo: Logo) {
        let mut logos = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        logos.retain(|other| *other != logo);
        if logos.len() == MOST {
            logos.pop_front();
        }
        logos.push_back(logo);
    }
}
