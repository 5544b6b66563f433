//! Fonts nobody has seen, learned from screens that are drawn with them.

use super::*;
use crate::{Cursor, CursorShape, Drawing, DrawnCell, Reader};

const COLUMNS: usize = 72;

const LESSON: &str = "\
Sphinx of black quartz, judge my vow. 0123456789\n\
\n\
PACK MY BOX WITH FIVE DOZEN LIQUOR JUGS! (a-z) [A-Z] {0-9}\n\
the quick brown fox jumps over the lazy dog; \"it's\" 50% #1\n\
Press F1 to continue, F2 to run Setup: /dev/sda1 <root@node17>\n\
~ $ * + = & ? ^ _ | \\ ` . , - : ;";

/// The letters upside down, each with a dot in its corner: a font that no table holds.
fn unseen(font: &Font) -> Font {
    let mut glyphs: BTreeMap<char, Vec<Glyph>> = BTreeMap::new();
    for character in ' '..='~' {
        let mut glyph: Glyph = font.glyph(character).unwrap().into();
        glyph.reverse();
        if character != ' ' {
            glyph[0] ^= 1;
        }
        glyphs.insert(character, vec![glyph]);
    }
    Font::of_glyphs("unseen".to_owned(), font.width(), font.height(), glyphs)
}

fn cells(text: &str) -> Vec<DrawnCell> {
    let blank = DrawnCell { character: ' ', foreground: 0xaa_aaaa, background: 0 };
    text.lines()
        .flat_map(|line| {
            let mut row = vec![blank; COLUMNS];
            row.iter_mut().zip(line.chars()).for_each(|(cell, character)| cell.character = character);
            row
        })
        .collect()
}

fn drawn(font: &Font, ninth_column: bool, text: &str, cursor: Option<Cursor>) -> Image {
    Drawing { cells: &cells(text), columns: COLUMNS, font, ninth_column, cursor }.image()
}

fn on_ground(image: &Image, left: u32, top: u32) -> Image {
    let mut ground = Image::filled(image.width + left + 7, image.height + top + 5, 0);
    for (y, line) in image.pixels.chunks(image.width as usize).enumerate() {
        let start = (y + top as usize) * ground.width as usize + left as usize;
        ground.pixels[start..start + line.len()].copy_from_slice(line);
    }
    ground
}

#[test]
fn a_font_never_seen_is_learned_and_then_read() {
    let other = "node17: the lazy dog jumps; F1 or F2?\n\n  50% of 8 disks = 4 (quick)";
    let mut sizes = Vec::new();
    for font in fonts() {
        let size = (font.width(), font.height());
        if sizes.contains(&size) {
            continue;
        }
        sizes.push(size);
        let unseen = unseen(font);
        let ninth = font.width() == 8 && matches!(font.height(), 8 | 14 | 16);
        for (ninth, (left, top)) in [(false, (0, 0)), (ninth, (13, 27))] {
            let lesson = on_ground(&drawn(&unseen, ninth, LESSON, None), left, top);
            let learned =
                learn("new", &lesson, LESSON).unwrap_or_else(|error| panic!("{}: {error}", font.name()));
            assert_eq!((learned.width(), learned.height()), (font.width(), font.height()), "{}", font.name());
            let reader = Reader::with_fonts([learned]);
            let reading = reader.read(&on_ground(&drawn(&unseen, ninth, other, None), left, top), None);
            let (read, truth): (Vec<_>, Vec<_>) = (
                reading.rows().map(|row| row.trim().to_owned()).filter(|row| !row.is_empty()).collect(),
                other.lines().map(str::trim).filter(|line| !line.is_empty()).collect(),
            );
            assert_eq!(read, truth, "{} {ninth} {left} {:?}", font.name(), reading.grid);
            assert_eq!(reading.font.as_deref(), Some("new"));
        }
    }
}

#[test]
fn highlighted_rows_and_other_colours_teach_the_same_glyphs() {
    let font = unseen(Font::named("linux-8x16").unwrap());
    let mut cells = cells(LESSON);
    for cell in &mut cells[2 * COLUMNS..3 * COLUMNS] {
        (cell.foreground, cell.background) = (0, 0xaa_aaaa);
    }
    for cell in &mut cells[3 * COLUMNS..4 * COLUMNS] {
        cell.foreground = 0xff_5555;
    }
    let image =
        Drawing { cells: &cells, columns: COLUMNS, font: &font, ninth_column: true, cursor: None }.image();
    let learned = learn("new", &image, LESSON).unwrap();
    for character in LESSON.chars().filter(|c| !c.is_whitespace()) {
        assert_eq!(learned.glyph(character), font.glyph(character), "{character:?}");
    }
}

#[test]
fn a_screen_that_contradicts_its_text_is_refused() {
    let font = unseen(Font::named("linux-8x16").unwrap());
    let image = drawn(&font, true, LESSON, None);
    let check = |text: &str, expected: &str| {
        let error = learn("new", &image, text).expect_err(text).to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("too short", "too short");
    check("abcdefghijklmnopqrstuvwxyz", "too short");
    check(
        &LESSON.replace("F2 to", "F8 to"),
        "`8` in row 5, column 24 looks different from that in row 1, column 47",
    );
    check(&LESSON.replace("dog;", "dog "), "row 4, column 44 is not blank");
    check(&LESSON.replace("fox jumps", "foxxjumps"), "row 4, column 20 shows no `x`");
    check(
        &"The quick brown fox jumps over the lazy dog, and this is another text\n".repeat(6),
        "no cells of",
    );
    // `@` stands there once only: nothing in the picture tells that it is none.
    assert!(learn("new", &image, &LESSON.replace('@', "\u{a9}")).is_ok());
    let cursor = Some(Cursor { row: 0, column: 3, shape: CursorShape::Underline });
    let error = learn("new", &drawn(&font, true, LESSON, cursor), LESSON).unwrap_err();
    assert!(matches!(error, LearnError::Differs { .. }), "{error}");
}

#[test]
fn what_a_known_font_draws_otherwise_is_refused() {
    let font = Font::named("linux-8x16").unwrap();
    let image = drawn(font, true, LESSON, None);
    assert!(learn("new", &image, LESSON).is_ok());
    let error = learn("new", &image, &LESSON.replace('@', "Q").replace("QUOR", "@UOR")).unwrap_err();
    assert!(matches!(error, LearnError::KnownAs { .. } | LearnError::Differs { .. }), "{error}");
}

#[test]
fn lessons_of_one_font_add_up_and_those_of_two_do_not() {
    let font = unseen(Font::named("linux-8x16").unwrap());
    let first = "hello hello hello there 1234 1234\n  to be or not to be";
    let second = "Hello HELLO world world 1234 7890\n  Press F1 to go on and on";
    let mut learned = learn("new", &drawn(&font, false, first, None), first).unwrap();
    let more = learn("new", &drawn(&font, false, second, None), second).unwrap();
    let before = learned.len();
    let new = learned.merge(&more).unwrap();
    assert_eq!(learned.len(), before + new);
    assert_eq!(learned.merge(&more), Ok(0));
    let other = unseen(Font::named("qemu-vga16").unwrap());
    let other = learn("new", &drawn(&other, false, LESSON, None), LESSON).unwrap();
    assert!(matches!(learned.merge(&other), Err(LearnError::OtherDrawing { .. })));
    let large = unseen(Font::named("linux-ter16x32").unwrap());
    let large = learn("new", &drawn(&large, false, LESSON, None), LESSON).unwrap();
    assert_eq!(learned.merge(&large), Err(LearnError::OtherCells { font: (8, 16), screen: (16, 32) }));
    assert_eq!(learned.len(), before + new);
}
