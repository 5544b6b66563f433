use proptest::prelude::*;

use super::{Mode, Position, Screen};

fn screen(text: &str) -> Screen {
    let mut screen = Screen::new(Mode::VgaText);
    screen.set_mode(Mode::VgaText);
    screen.write(text);
    screen
}

#[track_caller]
fn check(written: &str, shown: &str) {
    assert_eq!(screen(written).text(), shown);
}

#[test]
fn control_characters_move_and_erase() {
    check("one\ntwo", "one\ntwo");
    check("one\rtwo", "two");
    check("abc\u{8}\u{8}X", "aXc");
    check("a\tb", "a       b");
    check("bell\u{7}less", "bellless");
    check("\u{1B}[2;3Hhere", "\n  here");
    check("first line\rx\u{1B}[K", "x");
    check("one\ntwo\nthree\u{1B}[1;1H\u{1B}[J", "");
    check("\u{1B}[1;33;44mlit\u{1B}[0m plain", "lit plain");
    check("\u{1B}[999;999Hz\u{1B}[1;1Hok", &format!("ok{}z", "\n".repeat(24) + &" ".repeat(79)));
}

#[test]
fn a_long_line_wraps_and_a_full_screen_scrolls() {
    check(&"x".repeat(81), &format!("{}\nx", "x".repeat(80)));
    let lines: Vec<String> = (0..30).map(|line| line.to_string()).collect();
    check(&lines.join("\n"), &lines[5..].join("\n"));
    assert_eq!(screen(&"x".repeat(80)).text().lines().count(), 1, "a full row waits for the next character");
}

#[test]
fn colours_follow_ecma_48() {
    let screen = screen("\u{1B}[31mr\u{1B}[0;1;44mb\u{1B}[0;7mi");
    let cells = screen.cells();
    assert_eq!((cells[0].foreground(), cells[0].background()), (0xAA_0000, 0));
    assert_eq!((cells[1].foreground(), cells[1].background()), (0xFF_FFFF, 0x00_00AA));
    assert_eq!((cells[2].foreground(), cells[2].background()), (0, 0xAA_AAAA));
}

#[test]
fn a_dark_screen_shows_nothing_and_forgets() {
    let mut screen = screen("secret");
    let lit = screen.revision();
    screen.go_dark();
    assert!(!screen.is_lit() && screen.revision() > lit);
    assert_eq!((screen.text().as_str(), screen.cursor()), ("", None));
    screen.set_mode(Mode::Framebuffer1024);
    assert_eq!((screen.text().as_str(), screen.cursor()), ("", Some(Position::default())));
}

proptest! {
    #[test]
    fn any_text_can_be_written(text in "([\\x00-\\x7F]|\\x1B\\[[0-9;]{0,6}[HJKm]|\\PC){0,400}") {
        let screen = screen(&text);
        prop_assert_eq!(screen.cells().len(), 80 * 25);
        prop_assert!(screen.cursor().is_some_and(|cursor| cursor.row < 25 && cursor.column <= 80));
    }
}
