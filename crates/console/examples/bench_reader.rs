//! How long the reader takes: medians over screens that it draws itself, with the grid unknown and known.
//!
//! `cargo xtask bench reader` builds it optimised and runs it.

use std::time::{Duration, Instant};

use ironhand_console::{Drawing, DrawnCell, Font, Grid, Image, Reader, VGA_PALETTE};

/// Readings of each screen.
const ROUNDS: usize = 101;

/// Name, font, ninth column, columns, rows.
const SCREENS: [(&str, &str, bool, usize, usize); 5] = [
    ("720x400 VGA text", "qemu-vga16", true, 80, 25),
    ("1024x768 framebuffer", "linux-8x16", false, 128, 48),
    ("1280x800 framebuffer", "console-setup-fixed16", false, 160, 50),
    ("1920x1072 framebuffer", "linux-8x16", false, 240, 67),
    ("1920x1056 framebuffer", "linux-ter16x32", false, 120, 33),
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
            let begun = Instant::now();
            std::hint::black_box(reader.read(std::hint::black_box(image), hint));
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}

fn main() {
    let begun = Instant::now();
    let reader = Reader::new();
    println!("fonts decoded and indexed in {:.1} ms, once", begun.elapsed().as_secs_f64() * 1e3);
    println!("{:<24} {:>12} {:>12}   median of {ROUNDS}", "screen", "grid unknown", "grid known");
    for (name, font, ninth_column, columns, rows) in SCREENS {
        let image = screen(font, ninth_column, columns, rows);
        let grid = reader.read(&image, None).grid.expect("a drawn screen has a grid");
        let unknown = median(&reader, &image, None).as_secs_f64() * 1e3;
        let known = median(&reader, &image, Some(&grid)).as_secs_f64() * 1e3;
        println!("{name:<24} {unknown:>9.2} ms {known:>9.2} ms");
    }
}
