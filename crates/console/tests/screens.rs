//! Pictures of real consoles against the text that stands on them (`testdata/screens`).

use std::path::{Path, PathBuf};

use ironhand_console::{Font, Image, Page, Pattern, Reader, ReadingMethod, ScreenKind, learn};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/screens")
}

fn pictures() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("testdata/screens is there");
    let mut pictures: Vec<PathBuf> = entries
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "png" || extension == "jpg"))
        .collect();
    pictures.sort();
    pictures
}

fn image(path: &Path) -> Image {
    Image::decode(&std::fs::read(path).expect("readable")).expect("a picture")
}

/// How the copies in the folder were read, by the damage that their names tell.
const DAMAGED: [&str; 9] = [
    "__jpeg50",
    "__jpeg60",
    "__jpeg75",
    "__jpeg90",
    "__scale127jpeg75",
    "__down80",
    "__downup70",
    "__downup78",
    "__pillar1366",
];

/// Line art carries no words: frames and arrows are drawn differently from one source of the texts to the other.
fn without_line_art(text: &str) -> String {
    let blank = |c: char| if ('\u{2190}'..='\u{25ff}').contains(&c) || c == '\u{a0}' { ' ' } else { c };
    let rows = text.lines().map(|row| row.chars().map(blank).collect::<String>().trim_end().to_owned());
    rows.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

#[test]
fn every_screen_reads_to_its_text() {
    let reader = Reader::new();
    let mut read = 0;
    for path in pictures() {
        let Ok(truth) = std::fs::read_to_string(path.with_extension("txt")) else { continue };
        let reading = reader.read(&image(&path), None);
        assert_eq!(without_line_art(&reading.text()), without_line_art(&truth), "{}", path.display());
        assert!(reading.is_reliable(), "{}", path.display());
        let damaged = DAMAGED.iter().any(|damage| path.to_string_lossy().contains(damage));
        let method = if damaged { ReadingMethod::Nearest } else { ReadingMethod::Exact };
        assert_eq!(reading.method, method, "{}", path.display());
        let again = reader.read(&image(&path), reading.grid.as_ref());
        assert_eq!(again, reading, "{}: with the grid known", path.display());
        read += 1;
    }
    assert!(read >= 44, "only {read} screens are there");
}

#[test]
fn what_cannot_be_read_with_certainty_is_never_acted_on() {
    let reader = Reader::new();
    let mut refused = 0;
    for path in pictures().into_iter().filter(|path| !path.with_extension("txt").exists()) {
        let reading = reader.read(&image(&path), None);
        assert!(!reading.is_reliable(), "{}: {}", path.display(), reading.text());
        assert_eq!(reading.kind, ScreenKind::Graphics, "{}", path.display());
        refused += 1;
    }
    assert_eq!(refused, 1);
}

#[test]
fn a_panic_that_wraps_at_the_last_column_is_found_whole() {
    let reading = Reader::new().read(&image(&folder().join("panic-vfs-text.png")), None);
    let page = Page::from(&reading);
    let pattern = Pattern::new(r"Unable to mount root fs on unknown-block\(0,0\)").expect("a pattern");
    let found = pattern.find(&page).expect("it stands there, cut in two");
    assert!(found.confidence > 0.99);
}

#[test]
fn fonts_are_learned_from_real_screens() {
    let check = |name: &str, font: &str| {
        let text = std::fs::read_to_string(folder().join(name).with_extension("txt")).expect("readable");
        let learned = learn("new", &image(&folder().join(name).with_extension("png")), &text)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let font = Font::named(font).expect("a built-in font");
        assert_eq!((learned.width(), learned.height()), (font.width(), font.height()), "{name}");
        for character in text.chars().filter(char::is_ascii_graphic) {
            assert_eq!(learned.glyph(character), font.glyph(character), "{name}: {character:?}");
        }
    };
    check("panic-vfs-text", "qemu-vga16");
    check("shell-text-80x50", "qemu-vga8");
    check("panic-vfs-vesafb1024", "linux-8x16");
    check("seabios-bootmenu", "qemu-vga16");
    check("ovmf-shell-800", "edk2");
}
