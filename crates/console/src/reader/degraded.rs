//! Screens that were scaled or compressed on their way: no bitmap is left as it was drawn.
//!
//! The cells are found by how their ink repeats ([`search`]), each is compared with all glyphs of the page's font
//! ([`templates`]), and what is read is drawn again and held against the picture ([`page`]): a character counts as read only
//! where nothing else explains the picture as well.

mod bank;
mod doubt;
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
use page::Guess;
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
    let reading = |sharp: &Sharp<'_>, guesses: &[Guess]| verdict::reading(image, sharp, guesses, scale);
    if let Some(known) = hint.and_then(|grid| memory.of(image, grid))
        && let Some(sharp) = known.sharp(bank)
    {
        let again = reading(&sharp, &page::guesses(&plane, &sharp));
        if known.is_as_good(&again) {
            return Some(again);
        }
    }
    let mut sharp = search::find(&plane, bank)?;
    let guesses = page::guesses(&plane, &sharp);
    let mut best = reading(&sharp, &guesses);
    let unread = verdict::unread(&sharp, &guesses);
    if let Some(other) = sharpen::face_of_unread(&plane, bank, &sharp, &unread) {
        let again = reading(&other, &page::guesses(&plane, &other));
        if again.score > best.score {
            (sharp, best) = (other, again);
        }
    }
    memory.keep(image, bank, &sharp, &best);
    Some(best)
}

#[cfg(test)]
mod tests;
