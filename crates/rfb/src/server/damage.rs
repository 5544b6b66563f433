//! Which parts of the screen the viewer has not seen.

use crate::framebuffer::{Framebuffer, Rectangle};

/// Pixels of the side of a square that is either seen or not: those of Hextile, so that its tiles are sent whole.
const SQUARE: u16 = 16;

/// A grid of squares over the viewer's screen.
pub(super) struct Damage {
    screen: Rectangle,
    /// Row by row.
    unseen: Vec<bool>,
}

/// A block of squares: columns and rows, ends excluded.
struct Block {
    left: u16,
    right: u16,
    top: u16,
    bottom: u16,
}

impl Damage {
    /// A screen of which nothing was seen.
    pub(super) fn everything(width: u16, height: u16) -> Self {
        let squares = usize::from(width.div_ceil(SQUARE)) * usize::from(height.div_ceil(SQUARE));
        Self { screen: Rectangle { x: 0, y: 0, width, height }, unseen: vec![true; squares] }
    }

    pub(super) fn mark_everything(&mut self) {
        self.unseen.fill(true);
    }

    /// Marks all squares that `area` touches.
    pub(super) fn mark(&mut self, area: Rectangle) {
        let block = self.block(area);
        for row in block.top..block.bottom {
            self.row_mut(row, &block).fill(true);
        }
    }

    /// Makes `old` equal to `new`, of the same size, and marks what differs.
    pub(super) fn update(&mut self, old: &mut Framebuffer, new: &Framebuffer) {
        let whole = Rectangle { x: 0, y: 0, width: new.width(), height: new.height() };
        for square in whole.tiles(SQUARE) {
            let mut differs = false;
            for y in square.rows() {
                let source = new.row(square.x, y, square.width);
                let target = old.row_mut(square.x, y, square.width);
                if source != target {
                    target.copy_from_slice(source);
                    differs = true;
                }
            }
            if differs {
                self.mark(square);
            }
        }
    }

    /// The unseen squares that `area` touches, joined to rectangles; they count as seen from now on.
    pub(super) fn take(&mut self, area: Rectangle) -> Vec<Rectangle> {
        let bounds = self.block(area);
        let mut blocks: Vec<Block> = Vec::new();
        // Those blocks that the row above belongs to.
        let mut above: Vec<usize> = Vec::new();
        for row in bounds.top..bounds.bottom {
            let mut here = Vec::new();
            let unseen = self.row_mut(row, &bounds);
            let mut column = bounds.left;
            for run in unseen.chunk_by(|a, b| a == b) {
                let (left, right) = (column, column + u16::try_from(run.len()).unwrap_or(0));
                column = right;
                if run.first() == Some(&false) {
                    continue;
                }
                let same =
                    |&index: &usize| blocks.get(index).is_some_and(|b| (b.left, b.right) == (left, right));
                if let Some(index) = above.iter().copied().find(same) {
                    blocks[index].bottom = row + 1;
                    here.push(index);
                } else {
                    here.push(blocks.len());
                    blocks.push(Block { left, right, top: row, bottom: row + 1 });
                }
            }
            unseen.fill(false);
            above = here;
        }
        blocks.iter().map(|block| self.rectangle(block)).collect()
    }

    fn rectangle(&self, block: &Block) -> Rectangle {
        let (x, y) = (block.left * SQUARE, block.top * SQUARE);
        Rectangle {
            x,
            y,
            width: ((block.right - block.left).saturating_mul(SQUARE)).min(self.screen.width - x),
            height: ((block.bottom - block.top).saturating_mul(SQUARE)).min(self.screen.height - y),
        }
    }

    /// The squares that `area` touches.
    fn block(&self, area: Rectangle) -> Block {
        let end =
            |start: u16, length: u16, limit: u16| start.saturating_add(length).min(limit).div_ceil(SQUARE);
        let right = end(area.x, area.width, self.screen.width);
        let bottom = end(area.y, area.height, self.screen.height);
        Block { left: (area.x / SQUARE).min(right), right, top: (area.y / SQUARE).min(bottom), bottom }
    }

    fn row_mut(&mut self, row: u16, block: &Block) -> &mut [bool] {
        let start = usize::from(row) * usize::from(self.screen.width.div_ceil(SQUARE));
        let columns = start + usize::from(block.left)..start + usize::from(block.right);
        self.unseen.get_mut(columns).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
