use damage::{Damage, Dice, Misread, Screen, faint_screen, score, screen};

use super::*;
use crate::drawing::{Drawing, DrawnCell};
use crate::font::fonts;
use crate::reading::ReadingMethod;

#[path = "../../../tests/damage/mod.rs"]
mod damage;

/// What is read of a damaged screen with all fonts but those of some names.
fn read_without(names: &[&str], screen: &Screen, damage: Damage) -> Option<Reading> {
    let known = fonts().iter().filter(|font| !names.contains(&font.name()));
    read_first(&damage.of(screen), &Bank::of(known))
}

fn read_first(image: &Image, bank: &Bank) -> Option<Reading> {
    read(image, bank, 1).map(|(reading, _)| reading)
}

fn index(name: &str) -> usize {
    fonts().iter().position(|font| font.name() == name).expect("a built-in font")
}

#[test]
fn screens_in_a_font_that_is_not_there_are_refused_or_marked() {
    let check = |name: &str, seed: u64, kind: usize| {
        let mut dice = Dice(seed);
        let screen = screen(&mut dice, index(name));
        let damage = Damage::any(&mut dice, kind);
        let Some(reading) = read_without(&[name], &screen, damage) else { return };
        if reading.is_reliable() {
            let score = score(&screen.text, &reading.text());
            let damage = damage.name();
            assert_eq!(score.wrong, [], "{name} {damage} {}\n{}", screen.name, reading.text());
        }
    };
    for (round, name) in
        ["edk2", "qemu-vga16", "linux-8x16", "unifont", "console-setup-fixed14"].iter().enumerate()
    {
        for kind in [1, 3] {
            check(name, 77 + round as u64, kind);
        }
    }
}

#[test]
fn damaged_screens_are_read() {
    let bank = Bank::of(fonts());
    let check = |name: &str, seed: u64, damage: Damage| {
        let screen = screen(&mut Dice(seed), index(name));
        let reading = read_first(&damage.of(&screen), &bank).expect("cells");
        assert!(reading.is_reliable(), "{name} {damage:?} {}\n{}", screen.name, reading.text());
        assert_eq!(reading.method, ReadingMethod::Nearest);
        let score = score(&screen.text, &reading.text());
        assert_eq!(score.wrong, [], "{name} {damage:?} {}\n{}", screen.name, reading.text());
        assert!(score.errors * 100 <= score.characters, "{score:?} {name} {damage:?}\n{}", reading.text());
    };
    let bilinear = image::imageops::FilterType::Triangle;
    check("qemu-vga16", 1, Damage::Jpeg(75));
    check("qemu-vga16", 2, Damage::Scaled(1.27, 1.27, bilinear));
    check("linux-8x16", 3, Damage::Stretched(1280, 720, bilinear));
    check("edk2", 4, Damage::Fitted(1920, 1080, bilinear));
    check("console-setup-fixed16", 5, Damage::ScaledJpeg(1.27, 1.27, bilinear, 75));
    check("console-setup-terminus32x16", 6, Damage::Scaled(0.8, 0.8, image::imageops::FilterType::Lanczos3));
}

#[test]
fn small_marks_are_read_and_blanks_beside_bars_stay_blank() {
    let bank = Bank::of(fonts());
    let check = |name: &str, seed: u64, damage: Damage| {
        let screen = screen(&mut Dice(seed), index(name));
        let reading = read_first(&damage.of(&screen), &bank).expect("cells");
        assert!(reading.is_reliable(), "{name} {damage:?} {}\n{}", screen.name, reading.text());
        let (truth, read) = (screen.text.trim_start(), reading.text());
        assert_eq!(read.trim_start(), truth, "{name} {damage:?} {}", screen.name);
    };
    let fitted = Damage::Fitted(1920, 1080, image::imageops::FilterType::CatmullRom);
    check("console-setup-terminusbold24x12", 11, fitted);
    check("qemu-vga16", 12, fitted);
    check("console-setup-terminus16", 13, Damage::ThereAndBack(0.78));
}

#[test]
fn letters_at_the_border_of_the_picture_are_told_apart_by_their_outermost_pixels() {
    let bank = Bank::of(fonts());
    let check = |name: &str, seed: u64, damage: Damage| {
        let screen = screen(&mut Dice(seed), index(name));
        let reading = read_first(&damage.of(&screen), &bank).expect("cells");
        let score = score(&screen.text, &reading.text());
        assert_eq!(score.errors, 0, "{name} {damage:?} {}\n{}", screen.name, reading.text());
    };
    // E and E with a macron, I and l, e and e with a diaeresis differ in the first row.
    check("console-setup-terminusboldvga16", 31, Damage::Jpeg(90));
    check("linux-8x8", 32, Damage::Jpeg(75));
    check("console-setup-fixed15", 33, Damage::Jpeg(65));
}

/// A page of `bench_damaged -- 1 SEED wide`, by its number, and how it is read.
fn page_of_bench(bank: &Bank, seed: u64, page: usize) -> (Screen, Reading) {
    let mut dice = Dice((seed + page as u64) << 16);
    let screen = screen(&mut dice, page / 10);
    let damage = Damage::wide(&mut dice, page);
    let reading = read_first(&damage.of(&screen), bank).expect("cells");
    assert!(reading.is_reliable(), "{damage:?} {}\n{}", screen.name, reading.text());
    (screen, reading)
}

#[test]
fn consoles_that_do_not_begin_in_the_corner_are_read() {
    let bank = Bank::of(fonts());
    let check = |page: usize| {
        let (screen, reading) = page_of_bench(&bank, 31337, page);
        let score = score(&screen.text, &reading.text());
        assert_eq!(score.errors, 0, "{}\n{}", screen.name, reading.text());
    };
    // GRUB's terminal, compressed, and made smaller and larger again; a console of UEFI firmware, stretched.
    check(72);
    check(76);
    check(87);
}

#[test]
fn nothing_stands_below_underscores_and_beside_noise() {
    let bank = Bank::of(fonts());
    let check = |page: usize| {
        let (screen, reading) = page_of_bench(&bank, 31337, page);
        let score = score(&screen.text, &reading.text());
        assert_eq!(score.wrong, [], "{}\n{}", screen.name, reading.text());
    };
    check(197);
    check(249);
}

#[test]
fn dark_letters_do_not_become_blanks() {
    let bank = Bank::of(fonts());
    let font = &fonts()[index("edk2")];
    let text = "No help could be found for command 'boot'.";
    let (columns, rows) = (80, 25);
    let check = |blue: u32, damage: Damage| {
        let mut cells =
            vec![DrawnCell { character: ' ', foreground: 0x98_9898, background: 0 }; columns * rows];
        for row in 0..8 {
            for (cell, character) in cells[row * columns..].iter_mut().zip(text.chars()) {
                cell.character = character;
            }
        }
        for place in 36..40 {
            cells[4 * columns + place].foreground = blue;
        }
        let drawing = Drawing { cells: &cells, columns, font, ninth_column: false, cursor: None };
        let image = drawing.image();
        let reading = read_first(&damage.of_image(&image, false), &bank).expect("cells");
        let score = score(&[text; 8].join("\n"), &reading.text());
        assert_eq!(score.wrong, [], "{blue:06x} {damage:?}\n{}", reading.text());
    };
    for dark in [0x98, 0xa8, 0xc0, 0xff, 0x80_0000, 0x40_4040] {
        for quality in [50, 75, 90] {
            check(dark, Damage::Jpeg(quality));
            check(dark, Damage::HalvedColors(quality));
        }
    }
}

#[test]
fn faint_lines_that_compression_took_away_are_no_blanks() {
    let bank = Bank::of(fonts());
    let check = |page: usize| {
        let mut dice = Dice((50_000 + page as u64) << 16);
        let screen = faint_screen(&mut dice, page / 10);
        let damage = Damage::compression(&mut dice, page);
        let reading = read_first(&damage.of(&screen), &bank).expect("cells");
        let score = score(&screen.text, &reading.text());
        assert!(
            !reading.is_reliable() || score.wrong.is_empty(),
            "{damage:?} {}\n{}",
            screen.name,
            reading.text()
        );
    };
    // Pages of `bench_damaged -- 1 50000 faint` with letters near to blue, to red and to black.
    check(16);
    check(62);
    check(182);
    check(292);
}

#[test]
fn faint_marks_and_faint_words_beside_strong_letters_are_no_blanks() {
    let bank = Bank::of(fonts());
    let check = |page: usize, is_reliable: bool| {
        let mut dice = Dice((50_000 + page as u64) << 16);
        let screen = faint_screen(&mut dice, page / 10);
        let damage = Damage::compression(&mut dice, page);
        let reading = read_first(&damage.of(&screen), &bank).expect("cells");
        let score = score(&screen.text, &reading.text());
        assert_eq!(reading.is_reliable(), is_reliable, "{damage:?} {}\n{}", screen.name, reading.text());
        assert!(!is_reliable || score.wrong.is_empty(), "{:?}\n{}", score.wrong, reading.text());
    };
    // Pages of `bench_damaged -- 1 50000 faint`. Full stops in a faint line; the same, scaled.
    check(48, true);
    check(163, true);
    // Cells of 14 pixels, that share blocks with those above and below; of 8, with colours at full size.
    check(136, false);
    check(197, false);
    // Scaled before it was compressed.
    check(323, false);
    // Whole words that have no more light than the noise of what shares their blocks.
    check(168, true);
    check(175, true);
}

#[test]
fn the_border_of_a_bar_is_no_character() {
    // A page of `bench_damaged -- 1 61000 faint`, where compression left a line along the upper border of a highlighted row.
    let page = 239;
    let mut dice = Dice((61_000 + page as u64) << 16);
    let screen = faint_screen(&mut dice, page / 10);
    let damage = Damage::compression(&mut dice, page);
    let reading = read_first(&damage.of(&screen), &Bank::of(fonts())).expect("cells");
    assert!(reading.is_reliable());
    assert_eq!(score(&screen.text, &reading.text()).wrong, [], "{}", reading.text());
}

#[test]
fn readings_are_compared_with_the_truth_cell_by_cell() {
    let check = |truth: &str, read: &str, errors: usize, wrong: &[(isize, isize, char, char)]| {
        let score = score(truth, read);
        let misread = |(row, column, stands, read)| Misread { row, column, stands, read };
        let wrong: Vec<Misread> = wrong.iter().copied().map(misread).collect();
        assert_eq!((score.errors, score.wrong), (errors, wrong), "{truth:?} as {read:?}");
    };
    check("ab cd\nefg", "ab cd\nefg", 0, &[]);
    // Unread, a whole row too, and where nothing stands.
    check("ab cd\nefg\nh", "ab cd\n\u{fffd}\u{fffd}\u{fffd}\nh\n\n\u{fffd}", 4, &[]);
    // Another character, one that is missed, and one where nothing stands.
    check("ab cd\nefg", "ab c\nexg h", 3, &[(0, 4, 'd', ' '), (1, 1, 'f', 'x'), (1, 4, ' ', 'h')]);
    // A reading that begins three cells before the truth, and a row above.
    check("abcdefghi\n\njklm", "\n   abcdefghi\n\n   jkl", 1, &[(2, 3, 'm', ' ')]);
    check("abc", "", 3, &[(0, 0, 'a', ' '), (0, 1, 'b', ' '), (0, 2, 'c', ' ')]);
}

#[test]
fn screens_are_drawn_without_what_was_misread() {
    let drawn = screen(&mut Dice(3), index("qemu-vga16"));
    let score = score(&drawn.text, "");
    assert_eq!(score.errors, score.characters);
    let blank = drawn.without(&score.wrong);
    assert_ne!(blank, drawn.image);
    assert!(
        score.wrong.iter().all(|misread| drawn.colors(misread).is_some_and(|(ink, ground)| ink != ground))
    );
    let reading = read_first(&Damage::Jpeg(90).of_image(&blank, drawn.text_mode), &Bank::of(fonts()));
    assert!(reading.is_none_or(|reading| reading.text().is_empty() || !reading.is_reliable()));
}

#[test]
fn pages_of_any_damage_are_read_without_a_wrong_letter_or_refused() {
    let bank = Bank::of(fonts());
    for kind in 0..8 {
        let mut dice = Dice(500 + kind as u64);
        let screen = screen(&mut dice, 3 * kind);
        let damage = Damage::wide(&mut dice, kind);
        let Some(reading) = read_first(&damage.of(&screen), &bank).filter(Reading::is_reliable) else {
            continue;
        };
        let score = score(&screen.text, &reading.text());
        assert_eq!(score.wrong, [], "{damage:?} {}\n{}", screen.name, reading.text());
    }
}

#[test]
fn a_screen_that_was_read_before_is_found_again() {
    let (bank, memory) = (Bank::of(fonts()), Memory::default());
    let damage = Damage::Scaled(1.27, 1.27, image::imageops::FilterType::Triangle);
    let first = screen(&mut Dice(2), index("qemu-vga16"));
    // Another of the same size.
    let another = |font: &str| {
        let size = |screen: &Screen| (screen.image.width, screen.image.height, screen.text_mode);
        let mut screens = (3..).map(|seed| screen(&mut Dice(seed), index(font)));
        screens.find(|other| size(other) == size(&first)).expect("one of a few sizes")
    };
    let image = damage.of(&first);
    let (reading, known) = read(&image, &bank, 1).expect("cells");
    memory.keep(known.expect("it was read well"));
    let grid = reading.grid.expect("a grid");
    let known = memory.of(&image, &grid).expect("it is remembered");
    assert_eq!(read_again(&image, &bank, &known, 1).as_ref(), Some(&reading));
    let other = damage.of(&another("qemu-vga16"));
    let again = read_again(&other, &bank, &known, 1).expect("the same cells");
    assert_eq!(again.text(), read_first(&other, &bank).expect("cells").text());
    // Of another font less can be read so.
    let strange = damage.of(&another("console-setup-terminus16"));
    assert!(read_again(&strange, &bank, &known, 1).is_none());
    memory.forget(&image, &grid);
    assert!(memory.of(&image, &grid).is_none());
}

#[test]
fn pictures_without_text_are_refused() {
    let bank = Bank::of(fonts());
    let check = |what: &str, pixel: &dyn Fn(u32, u32) -> u32| {
        let (width, height) = (320, 200);
        let pixels =
            (0..width * height).map(|index| pixel(index % width, index / width) & 0xff_ffff).collect();
        let reading = read_first(&Image { width, height, pixels }, &bank);
        assert!(reading.is_none_or(|reading| !reading.is_reliable()), "{what}");
    };
    check("a gradient", &|x, y| x << 16 | y);
    check("stripes", &|x, _| if x % 8 < 4 { 0xff_ffff } else { 0 });
    check("a chequered board", &|x, y| if (x / 8 + y / 16) % 2 == 0 { 0xc0_c0c0 } else { 0x10_1010 });
    check("noise", &|x, y| (x * 7919 + y * 104_729).wrapping_mul(2_654_435_761) >> 8);
    check("rings", &|x, y| x * x + y * y);
}
