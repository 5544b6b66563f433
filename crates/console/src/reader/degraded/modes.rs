//! The sizes that screens have, and what becomes of their cells when they are shown in a picture of another size.

use super::bank::Bank;
use super::frame::Frame;
use crate::reader::area;

/// Width and height of the screens that firmware, boot loaders and consoles use.
const MODES: [(u32, u32); 21] = [
    (720, 400),
    (640, 480),
    (800, 600),
    (1024, 768),
    (1280, 800),
    (1280, 1024),
    (1920, 1080),
    (640, 400),
    (720, 350),
    (640, 350),
    (1280, 720),
    (1152, 864),
    (1280, 768),
    (1280, 960),
    (1366, 768),
    (1360, 768),
    (1440, 900),
    (1600, 900),
    (1600, 1200),
    (1680, 1050),
    (1920, 1200),
];

/// The cells of a screen as it is shown in a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// The size of a cell in pixels of the screen.
    pub(super) cell: (usize, usize),
    /// Distance of columns in the picture.
    pub(super) pitch: f64,
    /// Distance of rows in the picture.
    pub(super) line: f64,
    /// The upper left corner of the screen in the picture.
    pub(super) origin: (f64, f64),
    /// The size of the screen in its own pixels.
    pub(super) size: (u32, u32),
    /// Where its first whole cell begins, in its own pixels: not in the corner where a console is centred.
    pub(super) offset: (u32, u32),
    /// Whether it is shown pixel by pixel.
    pub(super) unscaled: bool,
}

impl Shown {
    /// The cells of the screen.
    pub(super) fn frame(&self) -> Frame {
        let (width, height) = self.cell;
        let (x, y) = self.first();
        let rest = |size: u32, offset: u32| size.saturating_sub(offset) as usize;
        Frame {
            x,
            y,
            pitch: self.pitch,
            line: self.line,
            // The last cell of a row may lack the ninth column.
            columns: (rest(self.size.0, self.offset.0) + usize::from(width == 9)) / width,
            rows: rest(self.size.1, self.offset.1) / height,
        }
    }

    /// The upper left corner of the first cell in the picture.
    pub(super) fn first(&self) -> (f64, f64) {
        let (scale_x, scale_y) = self.scale();
        let place = |origin: f64, offset: u32, scale: f64| f64::from(offset).mul_add(scale, origin);
        (place(self.origin.0, self.offset.0, scale_x), place(self.origin.1, self.offset.1, scale_y))
    }

    /// Whether a pixel of the picture is one of the screen, or touches it.
    pub(super) fn contains(&self, (x, y): (usize, usize)) -> bool {
        let (scale_x, scale_y) = self.scale();
        let inside = |at: usize, from: f64, length: f64| (-2.0..length + 2.0).contains(&(at as f64 - from));
        inside(x, self.origin.0, f64::from(self.size.0) * scale_x)
            && inside(y, self.origin.1, f64::from(self.size.1) * scale_y)
    }

    /// How many pixels of the picture one of the screen has.
    pub(super) fn scale(&self) -> (f64, f64) {
        (self.pitch / self.cell.0 as f64, self.line / self.cell.1 as f64)
    }
}

/// The cells of each mode and cell size on a picture of this size: where the screen fills the picture, where it is fitted
/// into it, and where it is fitted as the 4:3 that text modes are meant to be.
pub(super) fn shown(width: usize, height: usize, bank: &Bank) -> Vec<Shown> {
    let (width, height) = (width as f64, height as f64);
    let mut sizes: Vec<(usize, usize)> = bank.faces.iter().map(|face| (face.width, face.height)).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut all = Vec::new();
    for size in MODES {
        let (mode_width, mode_height) = (f64::from(size.0), f64::from(size.1));
        for aspect in [None, Some(mode_width / mode_height), Some(4.0 / 3.0)] {
            let (shown_width, shown_height) = match aspect {
                None => (width, height),
                Some(aspect) => (width.min((height * aspect).round()), height.min((width / aspect).round())),
            };
            let (across, down) = (shown_width / mode_width, shown_height / mode_height);
            if !(0.62..=1.6).contains(&(across / down)) || !(0.6..=4.1).contains(&across) {
                continue;
            }
            let origin = (((width - shown_width) / 2.0).floor(), ((height - shown_height) / 2.0).floor());
            // Text modes alone have cells of nine pixels.
            let of_mode = |(cell, _): &&(usize, usize)| *cell != 9 || size.0 == 720;
            all.extend(sizes.iter().filter(of_mode).flat_map(|cell| {
                offsets(size, *cell).into_iter().map(|offset| Shown {
                    cell: *cell,
                    pitch: across * cell.0 as f64,
                    line: down * cell.1 as f64,
                    origin,
                    size,
                    offset,
                    unscaled: (width, height) == (mode_width, mode_height),
                })
            }));
        }
    }
    all
}

/// The border of GRUB's graphics terminal, in pixels, whose font is 8 x 16.
const GRUB_BORDER: u32 = 10;

/// Where the first whole cell of this size begins on a screen: in the corner, or where firmware and GRUB put their consoles.
fn offsets(size: (u32, u32), cell: (usize, usize)) -> Vec<(u32, u32)> {
    let mut offsets = vec![(0, 0)];
    match cell {
        (8, 16) => offsets.push((GRUB_BORDER % 8, GRUB_BORDER % 16)),
        (8, 19) => {
            for (x, y) in area::centred(size, (8, 19)) {
                let offset = (x % 8, y % 19);
                if !offsets.contains(&offset) {
                    offsets.push(offset);
                }
            }
        }
        _ => {}
    }
    offsets
}
