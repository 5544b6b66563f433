//! Screens that were scaled or compressed on their way: no bitmap is left as it was drawn.
//!
//! The cells are found by how their ink repeats ([`search`]), each is compared with all glyphs of the page's font
//! ([`templates`]), and what is read is drawn again and held against the picture ([`page`]): a character counts as read only
//! where nothing else explains the picture as well.

mod bank;
mod filter;
mod fit;
mod frame;
mod lens;
mod memory;
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
pub(super) use memory::Memory;
use plane::Plane;
use sharpen::Sharp;

use super::Grid;
use crate::Image;
use crate::reading::Reading;

/// Reads a picture; nothing where no cells are found on it.
///
/// `scale` is how many times the picture was larger before pixels that were repeated were left out, `hint` the grid of the last
/// reading of the same screen.
pub(super) fn read(
    image: &Image,
    bank: &Bank,
    memory: &Memory,
    scale: u32,
    hint: Option<&Grid>,
) -> Option<Reading> {
    let plane = Plane::of(image)?;
    let by = |sharp: &Sharp<'_>| verdict::reading(image, sharp, &page::guesses(&plane, sharp), scale);
    if let Some(known) = hint.and_then(|grid| memory.of(image, grid))
        && let Some(sharp) = known.sharp(bank)
    {
        let reading = by(&sharp);
        if known.is_as_good(&reading) {
            return Some(reading);
        }
    }
    let sharp = search::find(&plane, bank)?;
    let reading = by(&sharp);
    memory.keep(image, bank, &sharp, &reading);
    Some(reading)
}

#[cfg(test)]
mod tests;
