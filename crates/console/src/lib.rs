//! Console screens: pictures to text, patterns over text, keys to type, and screens to draw.
//!
//! * [`Reader`] turns an [`Image`] of a text console into a [`Reading`]: it finds the grid of character cells and looks
//!   each cell's bitmap up among the [`fonts`]. What no font draws is unread (U+FFFD), never guessed, so `F1`, `FI` and
//!   `Fl` are three texts.
//! * [`Terminal`] gives the same of what a machine writes on a serial line.
//! * [`learn`] teaches a font from one screen and its text; [`Font`] also reads PSF files.
//! * [`Pattern`] finds a regular expression on a [`Page`] and tells the place, the groups and the confidence.
//! * [`keys`] is the grammar of what is typed: `root<Enter><wait 500ms><Ctrl-Alt-Del>`.
//! * [`Drawing`] makes the picture that a graphics card would show, for simulators and tests.
//!
//! No I/O, no clock: pixels and texts go in, values come out.
//!
//! ```
//! use ironhand_console::{DrawnCell, Drawing, Font, Page, Pattern, Reader, VGA_PALETTE};
//!
//! let blank = DrawnCell { character: ' ', foreground: VGA_PALETTE[7], background: VGA_PALETTE[0] };
//! let mut cells = vec![blank; 80 * 25];
//! for (cell, character) in cells.iter_mut().zip("Press F1 to continue".chars()) {
//!     cell.character = character;
//! }
//! let font = Font::named("qemu-vga16").expect("a built-in font");
//! let picture = Drawing { cells: &cells, columns: 80, font, ninth_column: true, cursor: None }.image();
//! assert_eq!((picture.width, picture.height), (720, 400));
//!
//! let reading = Reader::new().read(&picture, None);
//! assert_eq!(reading.text(), "Press F1 to continue");
//! assert!(reading.is_reliable());
//!
//! let found = Pattern::new(r"press\s+(?<key>F\d+)")?.find(&Page::from(&reading)).expect("it stands there");
//! assert_eq!(found.groups["key"], "F1");
//! # Ok::<(), ironhand_console::PatternError>(())
//! ```

// Tests in here and those beside the crate share the damage that they do to pictures.
#[cfg(test)]
extern crate self as ironhand_console;

mod drawing;
mod font;
mod image;
pub mod keys;
mod learn;
mod page;
mod pattern;
mod reader;
mod reading;
mod terminal;

pub use drawing::{Cursor, CursorShape, Drawing, DrawnCell, VGA_PALETTE};
pub use font::{Font, FontError, fonts};
pub use image::{Image, ImageError, KeptImage, PictureMark};
pub use learn::{LearnError, learn};
pub use page::{Page, Searchable};
pub use pattern::{Candidates, Match, Pattern, PatternError, PatternSet};
pub use reader::{Grid, Reader};
pub use reading::{Place, Reading, ReadingCell, ReadingMethod, ScreenKind};
pub use terminal::{SerialDecoder, Terminal};
