//! Graphical screens to text: what the glyph reader of `ironhand_console` refuses, because its font is antialiased or unknown.
//!
//! A [`Recogniser`] runs two networks of the PP-OCR family: one marks where text stands, the other reads one line of it. The caller
//! hands both over as bytes; nothing is read from disk, nothing is downloaded, and one thread does the work. It takes some seconds
//! for a picture, and a guess is possible where the glyph reader makes none: what is not certain enough is U+FFFD, and a page of
//! too many of those is not reliable.

mod components;
mod ctc;
mod detection;
mod dictionary;
mod error;
mod network;
mod recogniser;
mod resize;
mod rows;
mod spaces;

pub use error::RecogniserError;
pub use recogniser::{Models, Recogniser};
