//! Tight (community protocol document, "Tight encoding"): one colour, a JPEG picture, or pixels behind a filter in one
//! of four zlib streams.

mod encode;
mod jpeg;

pub(crate) use encode::{Encoder, LARGEST_SIDE};

use super::rows::{Filter, Rows};
use super::zlib::checked_length;
use super::{Canvas, Progress};
use crate::error::ProtocolError;
use crate::framebuffer::Rectangle;
use crate::inbox::Inbox;
use crate::pixel_format::PixelFormat;

/// In the upper half of the control byte: one colour.
const FILL: u8 = 8;
/// In the upper half of the control byte: a JPEG picture.
const JPEG: u8 = 9;
/// In the control byte: the number of a filter follows.
const FILTER: u8 = 0x40;

const COPY: u8 = 0;
const PALETTE: u8 = 1;
const GRADIENT: u8 = 2;

/// Data shorter than this many bytes is not compressed.
const UNCOMPRESSED: usize = 12;

/// Streams of a connection.
pub(super) const STREAMS: usize = 4;

pub(crate) struct Decoder {
    area: Rectangle,
    step: Step,
}

enum Step {
    Control,
    Fill,
    JpegLength,
    Jpeg {
        missing: usize,
        data: Vec<u8>,
    },
    Filter {
        stream: usize,
    },
    Palette {
        stream: usize,
    },
    /// How many compressed bytes there are is next, or the data if it is short.
    Length {
        stream: usize,
        rows: Rows,
    },
    Compressed {
        stream: usize,
        missing: usize,
        rows: Rows,
    },
}

/// Whether a step could be taken.
enum Taken {
    Yes(Step),
    Complete,
    /// More bytes must arrive; the step is as it was.
    No(Step),
}

impl Decoder {
    pub(super) fn new(area: Rectangle) -> Self {
        Self { area, step: Step::Control }
    }

    pub(super) fn decode(
        &mut self,
        inbox: &mut Inbox,
        canvas: &mut Canvas,
    ) -> Result<Progress, ProtocolError> {
        loop {
            let step = core::mem::replace(&mut self.step, Step::Control);
            match step.take(self.area, inbox, canvas)? {
                Taken::Yes(next) => self.step = next,
                Taken::Complete => return Ok(Progress::Complete),
                Taken::No(same) => {
                    self.step = same;
                    return Ok(Progress::Starved);
                }
            }
        }
    }
}

impl Step {
    fn take(self, area: Rectangle, inbox: &mut Inbox, canvas: &mut Canvas) -> Result<Taken, ProtocolError> {
        match self {
            Self::Control => take_control(area, inbox, canvas),
            Self::Fill => {
                let pixel = canvas.format.tight();
                let Some(bytes) = inbox.pending().get(..pixel.bytes) else { return Ok(Taken::No(self)) };
                canvas.framebuffer.fill(area, pixel.read(bytes));
                inbox.consume(pixel.bytes);
                Ok(Taken::Complete)
            }
            Self::JpegLength => {
                let Some(missing) = take_compact_length(inbox) else { return Ok(Taken::No(self)) };
                Ok(Taken::Yes(Self::Jpeg { missing: missing as usize, data: Vec::new() }))
            }
            Self::Jpeg { missing, data } => take_jpeg(missing, data, area, inbox, canvas),
            Self::Filter { stream } => {
                let Some([filter]) = inbox.take() else { return Ok(Taken::No(self)) };
                let pixel = canvas.format.tight();
                let filter = match filter {
                    COPY => Filter::Copy(pixel),
                    PALETTE => return Ok(Taken::Yes(Self::Palette { stream })),
                    GRADIENT => Filter::gradient(pixel, area.width),
                    number => return Err(ProtocolError::TightFilter { number }),
                };
                Ok(Taken::Yes(Self::Length { stream, rows: Rows::new(area, filter) }))
            }
            Self::Palette { stream } => Ok(match take_palette(inbox, &canvas.format) {
                Some(colours) => {
                    Taken::Yes(Self::Length { stream, rows: Rows::new(area, Filter::Palette(colours)) })
                }
                None => Taken::No(self),
            }),
            Self::Length { stream, rows } => take_length(stream, rows, inbox, canvas),
            Self::Compressed { stream, mut missing, mut rows } => {
                let Canvas { framebuffer, tight, .. } = canvas;
                let Some(inflate) = tight.get_mut(stream) else { return Err(ProtocolError::Zlib) };
                let progress = inflate.decode(inbox, &mut missing, |bytes| rows.paint(bytes, framebuffer))?;
                match progress {
                    Progress::Starved => Ok(Taken::No(Self::Compressed { stream, missing, rows })),
                    Progress::Complete if rows.is_complete() => Ok(Taken::Complete),
                    Progress::Complete => Err(ProtocolError::Zlib),
                }
            }
        }
    }
}

fn take_control(area: Rectangle, inbox: &mut Inbox, canvas: &mut Canvas) -> Result<Taken, ProtocolError> {
    let Some([control]) = inbox.take() else { return Ok(Taken::No(Step::Control)) };
    for (number, stream) in canvas.tight.iter_mut().enumerate() {
        if control >> number & 1 != 0 {
            stream.reset();
        }
    }
    let stream = usize::from(control >> 4 & 3);
    Ok(Taken::Yes(match control >> 4 {
        FILL => Step::Fill,
        JPEG => Step::JpegLength,
        0..FILL if control & FILTER != 0 => Step::Filter { stream },
        0..FILL => {
            let rows = Rows::new(area, Filter::Copy(canvas.format.tight()));
            Step::Length { stream, rows }
        }
        _ => return Err(ProtocolError::TightControl { control }),
    }))
}

/// A length of one to three bytes with seven, seven and eight bits of it, the lowest first; at most 4 MiB.
fn take_compact_length(inbox: &mut Inbox) -> Option<u32> {
    const MORE: u8 = 0x80;
    let (length, bytes) = match *inbox.pending() {
        [a, ..] if a & MORE == 0 => (u32::from(a), 1),
        [a, b, ..] if b & MORE == 0 => (u32::from(a & !MORE) | u32::from(b) << 7, 2),
        [a, b, c, ..] => (u32::from(a & !MORE) | u32::from(b & !MORE) << 7 | u32::from(c) << 14, 3),
        _ => return None,
    };
    inbox.consume(bytes);
    Some(length)
}

/// The colours of a palette of 1 to 256.
fn take_palette(inbox: &mut Inbox, format: &PixelFormat) -> Option<Vec<u32>> {
    let pixel = format.tight();
    let (&last, bytes) = inbox.pending().split_first()?;
    let length = (usize::from(last) + 1) * pixel.bytes;
    let colours = bytes.get(..length)?.chunks_exact(pixel.bytes).map(|bytes| pixel.read(bytes)).collect();
    inbox.consume(1 + length);
    Some(colours)
}

fn take_length(
    stream: usize,
    mut rows: Rows,
    inbox: &mut Inbox,
    canvas: &mut Canvas,
) -> Result<Taken, ProtocolError> {
    let length = rows.length();
    if length < UNCOMPRESSED {
        let Some(data) = inbox.pending().get(..length) else {
            return Ok(Taken::No(Step::Length { stream, rows }));
        };
        rows.paint(data, &mut canvas.framebuffer)?;
        inbox.consume(length);
        return Ok(Taken::Complete);
    }
    let Some(announced) = take_compact_length(inbox) else {
        return Ok(Taken::No(Step::Length { stream, rows }));
    };
    let missing = checked_length(announced, length)?;
    Ok(Taken::Yes(Step::Compressed { stream, missing, rows }))
}

fn take_jpeg(
    mut missing: usize,
    mut data: Vec<u8>,
    area: Rectangle,
    inbox: &mut Inbox,
    canvas: &mut Canvas,
) -> Result<Taken, ProtocolError> {
    let arrived = inbox.pending();
    let arrived = arrived.get(..missing).unwrap_or(arrived);
    let count = arrived.len();
    data.extend_from_slice(arrived);
    inbox.consume(count);
    missing -= count;
    if missing > 0 {
        return Ok(Taken::No(Step::Jpeg { missing, data }));
    }
    let pixels = jpeg::decode(&data, area.width, area.height)?;
    for (y, row) in area.rows().zip(pixels.chunks_exact(usize::from(area.width).max(1))) {
        canvas.framebuffer.row_mut(area.x, y, area.width).copy_from_slice(row);
    }
    canvas.is_lossy = true;
    Ok(Taken::Complete)
}

#[cfg(test)]
mod tests;
