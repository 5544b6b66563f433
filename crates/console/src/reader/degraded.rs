//! Screens that were scaled or compressed on their way: no bitmap is left as it was drawn.
//!
//! The cells are found by how their ink repeats ([`search`]), each is compared with all glyphs of the page's font
//! ([`templates`]), and what is read is drawn again and held against the picture ([`page`]): a character counts as read only
//! where nothing else explains the picture as well.

mod bank;
mod frame;
mod lens;
mod modes;
mod page;
mod plane;
mod search;
mod sharpen;
mod spectrum;
mod templates;
mod there_and_back;
mod verdict;

pub(super) use bank::Bank;
use plane::Plane;

use crate::Image;
use crate::reading::Reading;

/// Reads a picture; nothing where no cells are found on it.
///
/// `scale` is how many times the picture was larger before pixels that were repeated were left out.
pub(super) fn read(image: &Image, bank: &Bank, scale: u32) -> Option<Reading> {
    let plane = Plane::of(image)?;
    let sharp = search::find(&plane, bank)?;
    Some(verdict::reading(image, &sharp, &page::guesses(&plane, &sharp), scale))
}

#[cfg(test)]
mod tests;
