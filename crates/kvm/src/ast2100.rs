//! The video coding of ASPEED's controllers, AST2100 to AST2600.
//!
//! A frame is a row of blocks, each with a code of four bits in front. A block holds 8x8 pixels, or 16x16 where colours
//! are kept at half the resolution in both directions ([`Subsampling`]). Blocks follow each other row by row; a code with
//! its highest bit set first tells the column and the row of its block, eight bits each, and what lies between keeps
//! the pixels of the frame before. Code 9 ends the frame.
//!
//! | code | block |
//! | --- | --- |
//! | 0, 8 | JPEG: cosine transform, quantiser by quality, Huffman codes of Annex K.3 |
//! | 4, 12 | the same with the second, coarser pair of quantisers |
//! | 2, 10 | a difference to what the block shows, to make it finer (second pass) |
//! | 5, 13; 6, 14; 7, 15 | one, two or four colours, and for each pixel which of them |
//!
//! Palettes of the last kind have four slots that live until the end of the frame; each colour of a block names its slot
//! in two bits behind a bit that says whether a new colour follows. Bits come in little-endian words, highest bit first.

mod bits;
mod colour;
mod dct;
mod decode;
mod encode;
mod huffman;
mod quality;

pub use decode::Decoder;
pub use encode::encode;
pub use quality::Quality;

use thiserror::Error;

/// The most bytes that a frame can have; the header of a frame in IVTP has three bytes for its size.
pub const MAX_FRAME_BYTES: usize = (1 << 24) - 1;

/// The resolution of colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subsampling {
    /// 4:4:4: each pixel has its own colour.
    Full,
    /// 4:2:0: four pixels share theirs. ATEN's protocol calls it 422.
    Quarter,
}

impl Subsampling {
    /// Pixels of the side of a block.
    fn side(self) -> usize {
        match self {
            Self::Full => 8,
            Self::Quarter => 16,
        }
    }
}

/// What a decoder must be told about a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Quality of the brightness.
    pub luma: Quality,
    /// Quality of the colour differences.
    pub chroma: Quality,
    /// Quality of both in blocks with the second pair of quantisers.
    pub second: Quality,
    /// Whether colour differences have the quantisers of brightness.
    pub luma_tables_for_chroma: bool,
    /// Resolution of colour.
    pub subsampling: Subsampling,
}

impl Settings {
    /// As fine as there is: for screens of text nearly without loss.
    pub const BEST: Self = Self {
        luma: Quality::BEST,
        chroma: Quality::BEST,
        second: Quality::BEST,
        luma_tables_for_chroma: false,
        subsampling: Subsampling::Full,
    };
}

/// Why a frame cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StreamError {
    /// A code of four bits that stands for no kind of block, or for one that this frame cannot have.
    #[error("block code {code} is not known in a frame of this kind")]
    Block {
        /// The code.
        code: u8,
    },
    /// Bits that are no Huffman code.
    #[error("the stream has bits that are no Huffman code")]
    Code,
    /// More coefficients than a block has.
    #[error("a block has more than 64 coefficients")]
    Coefficients,
    /// A block outside the screen.
    #[error("a block stands in column {column}, row {row}, outside the screen")]
    Position {
        /// Its column, counted in blocks.
        column: u8,
        /// Its row.
        row: u8,
    },
    /// More blocks than can be meant.
    #[error("a frame has more than {limit} blocks")]
    TooManyBlocks {
        /// The most that are painted.
        limit: usize,
    },
    /// The frame ended within a block.
    #[error("the frame ends within a block")]
    Truncated,
}

/// The blocks of a frame.
#[derive(Clone, Copy)]
struct Grid {
    columns: usize,
    rows: usize,
    side: usize,
}

impl Grid {
    fn new(width: u16, height: u16, subsampling: Subsampling) -> Self {
        let side = subsampling.side();
        Self { columns: usize::from(width).div_ceil(side), rows: usize::from(height).div_ceil(side), side }
    }

    fn blocks(&self) -> usize {
        self.columns * self.rows
    }
}

/// The kinds of blocks, without the bit that says that a position follows.
mod code {
    pub(super) const JPEG: u32 = 0;
    pub(super) const SECOND_PASS: u32 = 2;
    pub(super) const SECOND_JPEG: u32 = 4;
    pub(super) const ONE_COLOUR: u32 = 5;
    pub(super) const TWO_COLOURS: u32 = 6;
    pub(super) const FOUR_COLOURS: u32 = 7;
    /// Added to the kind where a position follows.
    pub(super) const POSITION: u32 = 8;
    pub(super) const END: u32 = 9;
}

#[cfg(test)]
mod tests;
