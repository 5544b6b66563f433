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
pub(super) use memory::{Memory, Remembered};
use page::Guess;
use plane::Plane;
use sharpen::Sharp;

use crate::Image;
use crate::reading::Reading;

/// Reads a picture as the last one of the same screen was; nothing where that is not as good any more.
///
/// `scale` is how many times the picture was larger before pixels that were repeated were left out.
pub(super) fn read_again(image: &Image, bank: &Bank, known: &Remembered, scale: u32) -> Option<Reading> {
    let (plane, sharp) = (Plane::of(image)?, known.sharp(bank)?);
    let again = verdict::reading(image, &sharp, &page::guesses(&plane, &sharp), scale);
    known.is_as_good(&again).then_some(again)
}

/// Reads a picture, and tells how, if that may be of use for the next one of the same screen; nothing where no cells are found on it.
/// `scale` is as in [`read_again`].
pub(super) fn read(image: &Image, bank: &Bank, scale: u32) -> Option<(Reading, Option<Remembered>)> {
    let plane = Plane::of(image)?;
    let reading = |sharp: &Sharp<'_>, guesses: &[Guess]| verdict::reading(image, sharp, guesses, scale);
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
    let known = Remembered::of(image, bank, &sharp, &best);
    Some((best, known))
}

#[cfg(test)]
mod tests;
