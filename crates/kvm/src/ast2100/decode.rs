//! From bits to pixels.

use super::bits::BitReader;
use super::colour::{self, Components};
use super::dct::{self, Samples};
use super::huffman::{self, Code};
use super::quality::{self, Quantiser, ZIGZAG};
use super::{Grid, Settings, StreamError, Subsampling, code};
use crate::picture::Picture;

/// How often a frame may paint each block of the screen: once, and once more to make it finer. More can
/// only be meant to keep us busy: a block of one colour takes seven bits.
const MAX_PASSES: usize = 2;

/// What stays from one frame to the next beside the pixels: their components, to which second passes are added. It takes
/// three bytes for each pixel.
#[derive(Default)]
pub struct Decoder {
    components: Vec<Components>,
}

impl Decoder {
    /// A decoder that has seen no frame.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Paints one frame on `picture`, which keeps what the frame leaves out. Returns how many blocks were painted.
    ///
    /// # Errors
    ///
    /// [`StreamError`]; the picture is then painted as far as the stream was understood, and no longer to be believed.
    pub fn decode(
        &mut self,
        picture: &mut Picture,
        settings: &Settings,
        data: &[u8],
    ) -> Result<usize, StreamError> {
        let count = picture.pixels().len();
        if self.components.len() != count {
            self.components = vec![[16, 128, 128]; count];
        }
        let grid = Grid::new(picture.width(), picture.height(), settings.subsampling);
        let canvas = Canvas { picture, components: &mut self.components, grid };
        Frame::new(settings, canvas, data).decode()
    }
}

impl core::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Decoder").field("pixels", &self.components.len()).finish()
    }
}

/// What a frame is painted on.
struct Canvas<'a> {
    picture: &'a mut Picture,
    components: &'a mut [Components],
    grid: Grid,
}

impl Canvas<'_> {
    /// Sets the pixels of one block; parts outside the screen are left out. `shade` is asked for each pixel by its
    /// place in the block and what it had before.
    fn paint(
        &mut self,
        (column, row): (usize, usize),
        mut shade: impl FnMut(usize, usize, Components) -> Components,
    ) {
        let side = self.grid.side;
        let stride = usize::from(self.picture.width());
        for dy in 0..side {
            let (x, y) = (column * side, row * side + dy);
            let pixels = self.picture.row_mut(x, y, side);
            let components = self.components.get_mut(y * stride + x..).unwrap_or_default();
            for (dx, (pixel, components)) in pixels.iter_mut().zip(components).enumerate() {
                *components = shade(dx, dy, *components);
                *pixel = colour::to_rgb(*components);
            }
        }
    }
}

/// The two quantisers of a block.
struct Quantisers {
    luma: Quantiser,
    chroma: Quantiser,
}

/// What lives from the start of a frame to its end.
struct Frame<'a> {
    canvas: Canvas<'a>,
    bits: BitReader<'a>,
    subsampling: Subsampling,
    first: Quantisers,
    second: Quantisers,
    /// The last mean of each component, before its quantiser.
    means: [i32; 3],
    palette: [Components; 4],
    column: usize,
    row: usize,
}

impl<'a> Frame<'a> {
    fn new(settings: &Settings, canvas: Canvas<'a>, data: &'a [u8]) -> Self {
        let chroma = if settings.luma_tables_for_chroma { quality::luma } else { quality::chroma };
        Self {
            canvas,
            bits: BitReader::new(data),
            subsampling: settings.subsampling,
            first: Quantisers { luma: quality::luma(settings.luma), chroma: chroma(settings.chroma) },
            second: Quantisers { luma: quality::luma(settings.second), chroma: chroma(settings.second) },
            means: [0; 3],
            palette: colour::PALETTE,
            column: 0,
            row: 0,
        }
    }

    fn decode(mut self) -> Result<usize, StreamError> {
        let limit = self.canvas.grid.blocks() * MAX_PASSES;
        let mut painted = 0;
        loop {
            let found = self.bits.take(4)?;
            if found == code::END {
                return Ok(painted);
            }
            if painted == limit {
                return Err(StreamError::TooManyBlocks { limit });
            }
            let kind = found & !code::POSITION;
            if found & code::POSITION != 0 {
                self.move_to()?;
            }
            match (kind, self.subsampling) {
                (code::JPEG, _) => self.jpeg(false)?,
                (code::SECOND_JPEG, _) => self.jpeg(true)?,
                (code::SECOND_PASS, Subsampling::Full) => self.second_pass()?,
                (code::ONE_COLOUR..=code::FOUR_COLOURS, Subsampling::Full) => {
                    self.colours(kind - code::ONE_COLOUR)?;
                }
                _ => return Err(StreamError::Block { code: found as u8 }),
            }
            painted += 1;
            self.advance();
        }
    }

    fn move_to(&mut self) -> Result<(), StreamError> {
        let (column, row) = (self.bits.byte()?, self.bits.byte()?);
        (self.column, self.row) = (column.into(), row.into());
        let grid = &self.canvas.grid;
        if self.column >= grid.columns || self.row >= grid.rows {
            return Err(StreamError::Position { column, row });
        }
        Ok(())
    }

    fn advance(&mut self) {
        self.column += 1;
        if self.column == self.canvas.grid.columns {
            self.column = 0;
            self.row = (self.row + 1) % self.canvas.grid.rows;
        }
    }

    /// One data unit: the samples of component 0 to 2.
    fn unit(&mut self, component: usize, is_second: bool) -> Result<Samples, StreamError> {
        let quantisers = if is_second { &self.second } else { &self.first };
        let (quantiser, mean_code, code) = match component {
            0 => (&quantisers.luma, &huffman::DC_LUMA, &huffman::AC_LUMA),
            _ => (&quantisers.chroma, &huffman::DC_CHROMA, &huffman::AC_CHROMA),
        };
        let mean = self.means.get_mut(component).ok_or(StreamError::Code)?;
        let size = u32::from(mean_code.read(&mut self.bits)?);
        // A true mean has eleven bits; whoever adds up beyond that only spoils his own picture.
        *mean = (*mean + huffman::extend(self.bits.take(size)?, size)).clamp(-0x7FFF, 0x7FFF);
        coefficients(&mut self.bits, code, *mean, quantiser).map(|all| dct::inverse(&all))
    }

    fn jpeg(&mut self, is_second: bool) -> Result<(), StreamError> {
        let at = (self.column, self.row);
        match self.subsampling {
            Subsampling::Full => {
                let (y, cb, cr) =
                    (self.unit(0, is_second)?, self.unit(1, is_second)?, self.unit(2, is_second)?);
                self.canvas.paint(at, |dx, dy, _| [&y, &cb, &cr].map(|samples| at_place(samples, dx, dy)));
            }
            Subsampling::Quarter => {
                let mut quarters = [[0; 64]; 4];
                for quarter in &mut quarters {
                    *quarter = self.unit(0, is_second)?;
                }
                let (cb, cr) = (self.unit(1, is_second)?, self.unit(2, is_second)?);
                let [upper_left, upper_right, lower_left, lower_right] = &quarters;
                self.canvas.paint(at, |dx, dy, _| {
                    let quarter = match (dx < 8, dy < 8) {
                        (true, true) => upper_left,
                        (false, true) => upper_right,
                        (true, false) => lower_left,
                        (false, false) => lower_right,
                    };
                    let [cb, cr] = [&cb, &cr].map(|samples| at_place(samples, dx / 2, dy / 2));
                    [at_place(quarter, dx % 8, dy % 8), cb, cr]
                });
            }
        }
        Ok(())
    }

    /// What the units hold, less the middle of the scale, is added to what the block shows.
    fn second_pass(&mut self) -> Result<(), StreamError> {
        let (y, cb, cr) = (self.unit(0, true)?, self.unit(1, true)?, self.unit(2, true)?);
        self.canvas.paint((self.column, self.row), |dx, dy, before| {
            let mut finer = before;
            for (component, samples) in finer.iter_mut().zip([&y, &cb, &cr]) {
                let difference = i16::from(at_place(samples, dx, dy)) - 128;
                *component = (i16::from(*component) + difference).clamp(0, 255) as u8;
            }
            finer
        });
        Ok(())
    }

    /// A block of `1 << bits` colours.
    fn colours(&mut self, bits: u32) -> Result<(), StreamError> {
        let mut slots = [0; 4];
        for slot in slots.iter_mut().take(1 << bits) {
            let is_new = self.bits.take(1)? == 1;
            *slot = self.bits.take(2)? as usize;
            if is_new {
                let colour = [self.bits.byte()?, self.bits.byte()?, self.bits.byte()?];
                if let Some(place) = self.palette.get_mut(*slot) {
                    *place = colour;
                }
            }
        }
        let colours = slots.map(|slot| self.palette.get(slot).copied().unwrap_or_default());
        let mut pixels = [Components::default(); 64];
        for pixel in &mut pixels {
            let index = self.bits.take(bits)? as usize;
            *pixel = colours.get(index).copied().unwrap_or_default();
        }
        self.canvas
            .paint((self.column, self.row), |dx, dy, _| pixels.get(dy * 8 + dx).copied().unwrap_or_default());
        Ok(())
    }
}

fn at_place(samples: &Samples, x: usize, y: usize) -> u8 {
    samples.get(y * 8 + x).copied().unwrap_or_default()
}

/// The coefficients of a data unit behind its mean, times their divisors (T.81 F.2.2.2).
fn coefficients(
    bits: &mut BitReader<'_>,
    code: &Code,
    mean: i32,
    quantiser: &Quantiser,
) -> Result<[f32; 64], StreamError> {
    let mut all = [0.0; 64];
    let mut set = |place: usize, value: i32| -> Result<(), StreamError> {
        let place = ZIGZAG.get(place).copied().ok_or(StreamError::Coefficients)?;
        if let (Some(coefficient), Some(divisor)) = (all.get_mut(place), quantiser.get(place)) {
            *coefficient = (value * i32::from(*divisor)) as f32;
        }
        Ok(())
    };
    set(0, mean)?;
    let mut place = 1;
    while place < 64 {
        let symbol = code.read(bits)?;
        let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        match (run, size) {
            (15, 0) => place += 16,
            (_, 0) => break,
            _ => {
                place += run;
                set(place, huffman::extend(bits.take(size)?, size))?;
                place += 1;
            }
        }
    }
    Ok(all)
}
