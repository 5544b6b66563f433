//! A machine's screen as its graphics adapter would send it.

use std::sync::OnceLock;

use ironhand_console::{Cursor, CursorShape, Drawing, DrawnCell, Font};
use ironhand_rfb::Framebuffer;

use crate::screen::{Mode, Screen};

/// The font of a mode.
fn font(mode: Mode) -> Option<&'static Font> {
    static FONTS: OnceLock<[Option<&Font>; 3]> = OnceLock::new();
    let [vga, uefi, linux] = FONTS.get_or_init(|| ["qemu-vga16", "edk2", "linux-8x16"].map(Font::named));
    match mode {
        Mode::VgaText => *vga,
        Mode::Uefi800 | Mode::Uefi1024 => *uefi,
        Mode::Framebuffer1024 => *linux,
    }
}

/// Draws `screen`; a dark one is black, in the size of its last mode.
pub(crate) fn picture(screen: &Screen) -> Framebuffer {
    let mode = screen.mode();
    let (width, height) = mode.pixels();
    let mut pixels = vec![0; usize::from(width) * usize::from(height)];
    if let Some(font) = font(mode).filter(|_| screen.is_lit()) {
        draw(screen, font, &mut pixels);
    }
    Framebuffer::from_pixels(width, height, pixels)
        .expect("the modes are small, and the pixels are as many as theirs")
}

fn draw(screen: &Screen, font: &Font, pixels: &mut [u32]) {
    let mode = screen.mode();
    let cells: Vec<DrawnCell> = screen
        .cells()
        .iter()
        .map(|cell| DrawnCell {
            character: cell.ch,
            foreground: cell.foreground(),
            background: cell.background(),
        })
        .collect();
    let cursor = screen.cursor().map(|cursor| Cursor {
        row: cursor.row,
        // Behind a full row the cursor waits on its last cell.
        column: cursor.column.min(mode.columns() - 1),
        shape: CursorShape::Underline,
    });
    let ninth_column = mode == Mode::VgaText;
    let image = Drawing { cells: &cells, columns: mode.columns(), font, ninth_column, cursor }.image();
    let (width, height) = (usize::from(mode.pixels().0), usize::from(mode.pixels().1));
    let (drawn_width, drawn_height) = (image.width as usize, image.height as usize);
    // Cells need not fill the screen: firmware centres them.
    let left = width.saturating_sub(drawn_width) / 2;
    let top = height.saturating_sub(drawn_height) / 2;
    for (row, line) in image.pixels.chunks(drawn_width.max(1)).enumerate() {
        let start = (top + row) * width + left;
        if let Some(target) = pixels.get_mut(start..start + line.len()) {
            target.copy_from_slice(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use ironhand_console::{Image, Reader, ScreenKind};

    use super::picture;
    use crate::machine::{Machine, MachineConfig, MachineFault, Make};
    use crate::screen::{Mode, Screen};

    fn read(screen: &Screen) -> ironhand_console::Reading {
        let picture = picture(screen);
        let image = Image {
            width: picture.width().into(),
            height: picture.height().into(),
            pixels: picture.pixels().to_vec(),
        };
        Reader::new().read(&image, None)
    }

    #[track_caller]
    fn check_reads_back(screen: &Screen, what: &str) {
        let reading = read(screen);
        let shown = screen.text();
        assert_eq!(reading.text().trim_end(), shown.trim_end(), "{what}");
        assert!(reading.is_reliable() || shown.is_empty(), "{what}");
    }

    #[test]
    fn what_machines_show_reads_back_exactly() {
        for make in Make::ALL {
            for fault in [None].into_iter().chain(MachineFault::ALL.map(Some)) {
                let now = Instant::now();
                let config =
                    MachineConfig { name: "rack1-07".to_owned(), make, seed: 3, pace: 1.0, running: false };
                let mut machine = Machine::new(config, now);
                if let Some(fault) = fault {
                    machine.stage(now, fault);
                }
                machine.power_up(now);
                let mut before = machine.activity();
                while let Some(at) = machine.next_wake() {
                    // The last screen of each stage; others differ from it in lines only.
                    let shown = machine.screen().clone();
                    machine.wake(at);
                    if machine.activity() != before {
                        check_reads_back(&shown, &format!("{make} {fault:?} {before:?}"));
                        before = machine.activity();
                    }
                }
                check_reads_back(machine.screen(), &format!("{make} {fault:?} {before:?}"));
            }
        }
    }

    #[test]
    fn a_dark_screen_is_black() {
        let reading = read(&Screen::new(Mode::Uefi800));
        assert_eq!(reading.kind, ScreenKind::Blank);
    }
}
