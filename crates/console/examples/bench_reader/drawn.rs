//! Times on screens full of kernel messages, drawn here: the same on every machine, with the grid unknown and known.

use std::time::Duration;

use ironhand_console::{Drawing, DrawnCell, Font, Grid, Image, Reader, VGA_PALETTE};

use crate::processor::timed;

/// Readings of each screen.
const ROUNDS: usize = 101;

/// Where a screen lies on a larger picture: that one's width and height, and the screen's left and top.
type PlaceOnPicture = Option<(u32, u32, u32, u32)>;

/// Name, font, ninth column, columns, rows, place.
const SCREENS: [(&str, &str, bool, usize, usize, PlaceOnPicture); 7] = [
    ("720x400 VGA text", "qemu-vga16", true, 80, 25, None),
    ("1024x768 framebuffer", "linux-8x16", false, 128, 48, None),
    ("1280x800 framebuffer", "console-setup-fixed16", false, 160, 50, None),
    ("1024x768 GRUB graphics", "unifont", false, 116, 40, Some((1024, 768, 50, 42))),
    ("1280x800 UEFI, centred", "edk2", false, 100, 31, Some((1280, 800, 240, 105))),
    ("1920x1072 framebuffer", "linux-8x16", false, 240, 67, None),
    ("1920x1056 framebuffer", "linux-ter16x32", false, 120, 33, None),
];

/// A screen full of kernel messages, four fifths of each row.
fn screen(font: &str, ninth_column: bool, columns: usize, rows: usize) -> Image {
    let font = Font::named(font).expect("a built-in font");
    let line = |row: usize| {
        format!(
            "[{:>12.6}] pci 0000:{row:02x}:1f.2: BAR {row}: assigned [mem 0x{:08x}]",
            row as f64 * 0.37,
            row * 4099
        )
    };
    let mut cells =
        vec![DrawnCell { character: ' ', foreground: VGA_PALETTE[7], background: 0 }; columns * rows];
    for row in 0..rows {
        let text: Vec<char> = line(row).chars().cycle().take(columns * 4 / 5).collect();
        for (cell, character) in cells[row * columns..].iter_mut().zip(text) {
            cell.character = character;
        }
    }
    Drawing { cells: &cells, columns, font, ninth_column, cursor: None }.image()
}

fn median(reader: &Reader, image: &Image, hint: Option<&Grid>) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let (_, took) = timed(|| std::hint::black_box(reader.read(std::hint::black_box(image), hint)));
            took
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}

/// Prints a row for each screen.
pub fn print(reader: &Reader) {
    println!(
        "{:<26} {:>12} {:>12}   processor time, median of {ROUNDS}",
        "drawn screen", "grid unknown", "grid known"
    );
    for (name, font, ninth_column, columns, rows, place) in SCREENS {
        let image = on_ground(screen(font, ninth_column, columns, rows), place);
        let grid = reader.read(&image, None).grid.expect("a drawn screen has a grid");
        let unknown = median(reader, &image, None).as_secs_f64() * 1e3;
        let known = median(reader, &image, Some(&grid)).as_secs_f64() * 1e3;
        println!("{name:<26} {unknown:>9.2} ms {known:>9.2} ms");
    }
}

/// The picture within a larger one, as graphical loaders and firmware place their consoles.
fn on_ground(image: Image, place: PlaceOnPicture) -> Image {
    let Some((width, height, left, top)) = place else { return image };
    let mut ground = Image::filled(width, height, 0);
    for (y, line) in image.pixels.chunks(image.width as usize).enumerate() {
        let start = (y + top as usize) * width as usize + left as usize;
        ground.pixels[start..start + line.len()].copy_from_slice(line);
    }
    ground
}
