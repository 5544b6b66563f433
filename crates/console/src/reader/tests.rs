//! Drawn screens read back, and hostile pictures.

use proptest::prelude::*;

use super::*;
use crate::{Cursor, CursorShape, Drawing, DrawnCell, Font};

const COLUMNS: usize = 40;

fn cells(text: &str, foreground: u32, background: u32) -> Vec<DrawnCell> {
    let blank = DrawnCell { character: ' ', foreground, background };
    text.lines()
        .flat_map(|line| {
            let mut row = vec![blank; COLUMNS];
            for (cell, character) in row.iter_mut().zip(line.chars()) {
                cell.character = character;
            }
            row
        })
        .collect()
}

fn drawn(text: &str, font: &Font, ninth_column: bool, colors: (u32, u32)) -> Image {
    let cells = cells(text, colors.0, colors.1);
    Drawing { cells: &cells, columns: COLUMNS, font, ninth_column, cursor: None }.image()
}

/// The picture with a border of the background around it, whose size puts the grid anywhere.
fn shifted(image: &Image, left: u32, top: u32, ground: u32) -> Image {
    let mut out = Image::filled(image.width + left, image.height + top, ground);
    let (from, to) = (image.width as usize, out.width as usize);
    for (y, row) in image.pixels.chunks(from).enumerate() {
        let start = (y + top as usize) * to + left as usize;
        out.pixels[start..start + from].copy_from_slice(row);
    }
    out
}

const SAMPLE: &str = "Kernel panic - not syncing: VFS: Unable\nPress F1 to continue, not Fl or FI\n[0O1lI|!] {8B5S2Z} node17 login: root\n/dev/sda1: RUN fsck MANUALLY. (a-zA-Z)";

#[test]
fn every_font_reads_back_on_both_pitches() {
    let reader = Reader::new();
    for font in fonts().iter().chain(loaded_fonts()) {
        let text_mode = font.width() == 8 && matches!(font.height(), 8 | 14 | 16);
        let pitches: &[bool] = if text_mode { &[false, true] } else { &[false] };
        for ninth in pitches {
            let reading = reader.read(&drawn(SAMPLE, font, *ninth, (0xaa_aaaa, 0)), None);
            assert_eq!(reading.text(), SAMPLE, "{} {ninth}", font.name());
            assert!(reading.is_reliable(), "{}", font.name());
        }
    }
}

#[test]
fn f1_fl_and_fi_are_three_texts() {
    let reader = Reader::new();
    for font in fonts().iter().chain(loaded_fonts()) {
        for key in ["F1", "Fl", "FI", "f1"] {
            let text = format!("Press {key} to continue");
            let reading = reader.read(&drawn(&text, font, false, (0xff_ffff, 0x00_00aa)), None);
            assert_eq!(reading.text(), text, "{}", font.name());
        }
    }
}

#[test]
fn a_cursor_is_told_and_nothing_below_it_is_guessed() {
    let reader = Reader::new();
    let font = Font::named("qemu-vga16").unwrap();
    let text = "set root=(hd0,msdos1)";
    for shape in [CursorShape::Underline, CursorShape::Block] {
        for column in 0..30 {
            let cells = cells(text, 0xaa_aaaa, 0);
            let cursor = Some(Cursor { row: 0, column, shape });
            let image = Drawing { cells: &cells, columns: COLUMNS, font, ninth_column: true, cursor }.image();
            let reading = reader.read(&image, None);
            let under = reading.cells[column].character;
            let mut expected: Vec<char> = text.chars().collect();
            if shape == CursorShape::Underline && under == char::REPLACEMENT_CHARACTER {
                expected[column] = under;
            } else if shape == CursorShape::Underline {
                assert_eq!(reading.cursor, Some(Place { row: 0, column }));
            }
            assert_eq!(reading.text(), String::from_iter(expected), "{shape:?} at {column}");
        }
    }
}

#[test]
fn what_a_cursor_makes_ambiguous_is_unread() {
    let font = Font::named("qemu-vga16").unwrap();
    let cells = cells("grub rescue> insmod", 0xaa_aaaa, 0);
    // Below the cursor `g` and `q` differ, above it they do not.
    let cursor = Some(Cursor { row: 0, column: 0, shape: CursorShape::Underline });
    let image = Drawing { cells: &cells, columns: COLUMNS, font, ninth_column: true, cursor }.image();
    assert_eq!(Reader::new().read(&image, None).text(), "\u{fffd}rub rescue> insmod");
}

#[test]
fn a_glyph_that_no_font_has_is_unread_and_lowers_the_score() {
    let reader = Reader::new();
    let font = Font::named("linux-8x16").unwrap();
    let mut image = drawn("Press F1 to continue", font, false, (0xaa_aaaa, 0));
    // A pixel on the foot of the `1`.
    let (x, y) = (7 * 8 + 4, 9);
    image.pixels[y * image.width as usize + x] ^= 0xaa_aaaa;
    let reading = reader.read(&image, None);
    assert_eq!(reading.text(), "Press F\u{fffd} to continue");
    assert!(reading.score < 1.0);
    assert!(reading.least_confidence() < 0.1);
}

#[test]
fn the_chosen_line_of_a_menu_is_told() {
    let font = Font::named("qemu-vga16").unwrap();
    let mut cells = cells("Boot menu\n  Debian\n  Memory test\n  Firmware setup", 0xaa_aaaa, 0);
    for cell in &mut cells[2 * COLUMNS..3 * COLUMNS] {
        (cell.foreground, cell.background) = (0, 0xaa_aaaa);
    }
    let image = Drawing { cells: &cells, columns: COLUMNS, font, ninth_column: true, cursor: None }.image();
    let reading = Reader::new().read(&image, None);
    assert_eq!(reading.highlighted_row, Some(2));
    assert_eq!(reading.rows().nth(2).unwrap(), "  Memory test");
}

#[test]
fn a_small_screen_in_the_middle_of_a_large_one_keeps_its_rows() {
    let font = Font::named("qemu-vga16").unwrap();
    let blank = DrawnCell { character: ' ', foreground: 0xaa_aaaa, background: 0 };
    let mut cells = vec![blank; 80 * 25];
    // Breaks at the last of 80 columns.
    let text = "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0) ]---";
    for (cell, character) in cells[80 * 3..].iter_mut().zip(text.chars()) {
        cell.character = character;
    }
    let console = Drawing { cells: &cells, columns: 80, font, ninth_column: true, cursor: None }.image();
    let mut screen = Image::filled(1024, 768, 0);
    for (y, line) in console.pixels.chunks(720).enumerate() {
        let start = (y + 184) * 1024 + 152;
        screen.pixels[start..start + 720].copy_from_slice(line);
    }
    let reading = Reader::new().read(&screen, None);
    let grid = reading.grid.unwrap();
    assert_eq!((grid.x, grid.y, grid.columns, grid.rows), (152, 184, 80, 25));
    assert_eq!(reading.text(), format!("\n\n\n{}\n{}", &text[..80], &text[80..]));
    let pattern = crate::Pattern::new(r"^Kernel panic.*\(0,0\) \]---$").unwrap();
    assert_eq!(pattern.find(&crate::Page::from(&reading)).unwrap().text, text);
}

#[test]
fn a_cursor_of_another_colour_than_the_text_hides_nothing() {
    let font = Font::named("qemu-vga16").unwrap();
    let cells = cells("command line...", 0xff_ffff, 0);
    let mut image =
        Drawing { cells: &cells, columns: COLUMNS, font, ninth_column: true, cursor: None }.image();
    for y in 13..15 {
        let start = y * image.width as usize + 12 * 9;
        image.pixels[start..start + 9].fill(0xaa_aaaa);
    }
    let reading = Reader::new().read(&image, None);
    assert_eq!(reading.text(), "command line...");
    assert_eq!(reading.cursor, Some(Place { row: 0, column: 12 }));
}

#[test]
fn enlarged_screens_are_read_at_their_own_size() {
    let font = Font::named("console-setup-vga16").unwrap();
    let small = drawn(SAMPLE, font, true, (0xff_ffff, 0));
    let (width, height) = (small.width * 2, small.height * 2);
    let at = |x: u32, y: u32| small.pixels[((y / 2) * small.width + x / 2) as usize];
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| at(x, y)).collect();
    let reading = Reader::new().read(&Image { width, height, pixels }, None);
    assert_eq!(reading.text(), SAMPLE);
    assert_eq!(reading.grid.unwrap().scale, 2);
}

#[test]
fn pictures_without_text_say_so() {
    let reader = Reader::new();
    let check = |image: &Image, kind: ScreenKind| {
        let reading = reader.read(image, None);
        assert_eq!((reading.kind, reading.text().as_str()), (kind, ""));
    };
    check(&Image::default(), ScreenKind::Blank);
    check(&Image::filled(720, 400, 0), ScreenKind::Blank);
    check(&Image { width: 4, height: 4, pixels: vec![0; 3] }, ScreenKind::Graphics);
    let gradient = (0..320 * 200).map(|at| (at % 320) * 0x01_0101 / 2).collect();
    check(&Image { width: 320, height: 200, pixels: gradient }, ScreenKind::Graphics);
}

#[test]
fn fonts_that_draw_letters_alike_a_little_lower_or_higher_are_told_apart() {
    let reader = Reader::new();
    let check = |font: &str, ninth: bool, (left, top): (u32, u32), text: &str, expected: &str| {
        let drawn = drawn(text, Font::named(font).unwrap(), ninth, (0xaa_aaaa, 0));
        let reading = reader.read(&shifted(&drawn, left, top, 0), None);
        assert_eq!(reading.text().trim_start(), expected, "{font} {left} {top} {:?}", reading.grid);
    };
    // One row higher, `console-setup-vga14` draws most of these letters too, but `0` as `Ø`.
    let sample = format!("{SAMPLE}\n10A!0");
    check("qemu-vga14", true, (0, 18), &sample, &sample);
    check("qemu-vga14", false, (5, 6), SAMPLE, SAMPLE);
    // What both draw may be either.
    check("qemu-vga14", true, (0, 1), "run 103", "run 1\u{fffd}3");
    check("console-setup-vga14", true, (0, 0), "1Ø3 is very sure", "1Ø3 is very sure");
    // The first row reads as cells of 16 rows too, and then nothing is left of the second.
    check("console-setup-terminus14", false, (0, 0), "AaA\n0", "AaA\n0");
}

#[test]
fn a_grid_a_pixel_off_from_another_screen_is_not_kept() {
    let reader = Reader::new();
    let drawn = drawn(SAMPLE, Font::named("qemu-vga14").unwrap(), true, (0xaa_aaaa, 0));
    let off = reader.read(&shifted(&drawn, 0, 4, 0), None).grid;
    let reading = reader.read(&shifted(&drawn, 0, 5, 0), off.as_ref());
    assert_eq!((reading.text().trim_start(), reading.grid.unwrap().y), (SAMPLE, 5));
}

/// A grey ramp that no two cells show alike, with this text over it, as boot menus draw it: each letter with a shadow.
fn over_photograph(text: &str, columns: usize, ink: impl Fn(usize, usize) -> u32) -> Image {
    let font = Font::named("qemu-vga16").unwrap();
    let shape = drawn(text, font, false, (1, 0));
    let (width, height) = (columns * 8, shape.height as usize);
    let ground = |x: usize, y: usize| u32::try_from((x * 5 + y * 3) % 97).unwrap() * 0x01_0001 + 0x00_2000;
    let is_ink =
        |x: usize, y: usize| x < shape.width as usize && shape.pixels[y * shape.width as usize + x] == 1;
    let pixel = |x: usize, y: usize| match (is_ink(x, y), x > 0 && y > 0 && is_ink(x - 1, y - 1)) {
        (true, _) => ink(x, y),
        (false, true) => 0x00_0101,
        (false, false) => ground(x, y),
    };
    let pixels =
        (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| pixel(x, y)).collect();
    Image { width: u32::try_from(width).unwrap(), height: shape.height, pixels }
}

#[test]
fn menus_over_a_photograph_are_read() {
    let menu = "  Installer menu (BIOS mode)\n\n  Install\n  Advanced options   >\n  --- quiet vga=788";
    let reading = Reader::new().read(&over_photograph(menu, 60, |_, _| 0xee_eeee), None);
    assert_eq!(reading.text(), menu);
    assert!(reading.is_reliable());
    // Letters through which the picture shines.
    let shining = |x: usize, y: usize| 0xd0_d0d0 + u32::try_from((x + y) % 9).unwrap() * 0x01_0101;
    let reading = Reader::new().read(&over_photograph(menu, 60, shining), None);
    assert!(reading.text() == menu || !reading.is_reliable(), "{}", reading.text());
}

/// A console with a picture of many colours from this column on.
fn beside_logo(text: &str, column: usize) -> Image {
    let mut image = drawn(text, Font::named("qemu-vga16").unwrap(), false, (0xaa_aaaa, 0));
    let width = image.width as usize;
    for (index, pixel) in image.pixels.iter_mut().enumerate() {
        let (x, y) = (index % width, index / width);
        if (column * 8..column * 8 + 70).contains(&x) && y < 40 {
            *pixel = u32::try_from((x * 7 + y * 11) % 251).unwrap() * 0x01_0201;
        }
    }
    image
}

#[test]
fn a_logo_is_told_from_blurred_text_once() {
    let menu = "Boot menu\n\nnode17 login: root\n/dev/sda1: RUN fsck MANUALLY.";
    let reader = Reader::new();
    let first = reader.read(&beside_logo(menu, 30), None);
    assert_eq!(first.text(), menu);
    let logo = |reader: &Reader, image: &Image| {
        let hint = first.grid.as_ref();
        Logo::of(image, &search::cut_as_before(image, &reader.tables, hint).expect("text in this grid"))
    };
    assert!(reader.logos.contain(logo(&reader, &beside_logo(menu, 30))));
    let check = |image: &Image, is_known: bool| {
        assert_eq!(reader.logos.contain(logo(&reader, image)), is_known);
        assert_eq!(reader.read(image, first.grid.as_ref()), Reader::new().read(image, None));
        assert!(reader.logos.contain(logo(&reader, image)));
    };
    // Other text beside the same picture, then the same text beside another.
    check(&beside_logo("Shell> FS0:\n\nnode17 login: root\nlast line", 30), true);
    check(&beside_logo(menu, 29), false);
}

#[test]
fn a_letter_over_a_photograph_that_no_font_has_is_unread() {
    let menu = "  Installer menu\n  Install now\n  Advanced options";
    let mut image = over_photograph(menu, 60, |_, _| 0xee_eeee);
    // The dot of the `i` of `options` goes.
    let row = 2 * 16;
    for y in row..row + 5 {
        let start = y * image.width as usize + 14 * 8;
        for x in start..start + 8 {
            if image.pixels[x] == 0xee_eeee {
                image.pixels[x] = 0x00_2000;
            }
        }
    }
    let reading = Reader::new().read(&image, None);
    let last = reading.rows().nth(2).unwrap();
    assert!(last == "  Advanced opt\u{fffd}ons" || last == "  Advanced opt\u{131}ons", "{last}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_reads_back_wherever_the_grid_is(
        lines in prop::collection::vec("[ -~]{0,40}", 1..8),
        font in 0..fonts().len(),
        ninth in any::<bool>(),
        (foreground, background) in (0..0x100_0000u32, 0..0x100_0000u32),
        (left, top) in (0..20u32, 0..20u32),
    ) {
        prop_assume!(foreground != background);
        let text: Vec<&str> = [SAMPLE].into_iter().chain(lines.iter().map(String::as_str)).collect();
        let text = text.join("\n");
        let font = &fonts()[font];
        let ninth = ninth && font.width() == 8 && matches!(font.height(), 8 | 14 | 16);
        let image = shifted(&drawn(&text, font, ninth, (foreground, background)), left, top, background);
        let reading = Reader::new().read(&image, None);
        let trimmed = |text: &str| -> Vec<String> {
            text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
        };
        prop_assert_eq!(trimmed(&reading.text()), trimmed(&text), "{}", font.name());
    }

    #[test]
    fn short_texts_are_read_right_or_left_unread(
        lines in prop::collection::vec("[!-~]{1,12}( [!-~]{1,8})?", 1..4),
        font in 0..fonts().len(),
        ninth in any::<bool>(),
        (left, top) in (0..20u32, 0..20u32),
    ) {
        let text = lines.join("\n");
        let font = &fonts()[font];
        let ninth = ninth && font.width() == 8 && matches!(font.height(), 8 | 14 | 16);
        let image = shifted(&drawn(&text, font, ninth, (0xaa_aaaa, 0)), left, top, 0);
        let reading = Reader::new().read(&image, None);
        if reading.is_reliable() {
            let read: Vec<String> = reading.rows().filter(|row| !row.is_empty()).collect();
            prop_assert_eq!(read.len(), lines.len(), "{:?} {}", read, font.name());
            for (read, line) in read.iter().zip(&lines) {
                let read = read.trim_start();
                let agrees = |(a, b): (char, char)| a == b || a == char::REPLACEMENT_CHARACTER;
                prop_assert_eq!(read.chars().count(), line.len(), "{:?} {}", read, font.name());
                prop_assert!(read.chars().zip(line.chars()).all(agrees), "{:?} {}", read, font.name());
            }
        }
    }

    #[test]
    fn noise_never_panics_and_never_passes_the_gate(
        (width, height) in (0..70u32, 0..70u32),
        seed in any::<u32>(),
        hint in prop::option::of((0..40u32, 0..40u32)),
    ) {
        let mut state = seed | 1;
        let pixels = (0..width * height).map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            if state & 1 == 0 { 0 } else { 0xff_ffff }
        }).collect();
        let image = Image { width, height, pixels };
        let hint = hint.map(|(x, y)| Grid {
            x, y, pitch: 9, cell_width: 8, cell_height: 16, columns: 80, rows: 25, scale: 1,
        });
        let reading = Reader::new().read(&image, hint.as_ref());
        prop_assert!(reading.text().is_empty() || !reading.is_reliable());
    }
}
