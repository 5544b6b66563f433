use proptest::prelude::*;

use super::*;
use crate::Pattern;
use crate::reading::ScreenKind;

fn terminal(bytes: &[u8]) -> Terminal {
    let mut terminal = Terminal::new(80, 25);
    terminal.receive(bytes);
    terminal
}

#[test]
fn the_screen_is_what_a_terminal_shows() {
    let check = |bytes: &[u8], wanted: &str| {
        assert_eq!(terminal(bytes).reading().text(), wanted, "{}", bytes.escape_ascii());
    };
    check(b"one\r\ntwo", "one\ntwo");
    check(b"abc\x08\x08X\rY", "YXc");
    check(b"a\tb", "a       b");
    check(b"x\x1b[2J\x1b[3;5Hhere", "\n\n    here");
    check(b"\x1b[1;1Hold text\x1b[1;4H\x1b[K", "old");
    check(b"lqqk\x1b(0lqqk\r\nx  x\x1b(B x", "lqqk┌──┐\n│  │ x");
    check(b"\x1b)0\x0emqj\x0fmqj", "└─┘mqj");
    check(b"\xda\xc4\xbf\r\n\xb3\xfe\xb3", "┌─┐\n│■│");
    check("\u{65e5}x".as_bytes(), "日 x");
    check(b"\x1b]0;a title\x07shown\x1bP1$r\x1b\\", "shown");
    check(b"\x1b[?1049hmenu", "menu");
    check(b"shell\x1b[?1049hmenu\x1b[?1049l", "shell");
    check(b"\x1b[99999999999;7Hlast", &format!("{}      last", "\n".repeat(24)));
    check(b"\x1b[5;8r\x1b[5;1Hfirst\n\n\n\nlast", "\n\n\n\n\n\n\n     last");
    check(&[b'x'; 81], &format!("{}\nx", "x".repeat(80)));
}

#[test]
fn colours_cursor_and_chosen_row_are_told() {
    let menu =
        b"\x1b[0;37;40m  Debian GNU/Linux\r\n\x1b[0;30;47m*Advanced options   \x1b[0;37;40m\r\n  Memory test";
    let reading = terminal(menu).reading();
    assert_eq!(reading.highlighted_row, Some(1));
    assert_eq!(reading.cursor, Some(Place { row: 2, column: 13 }));
    assert_eq!((reading.kind, reading.score), (ScreenKind::Text, 1.0));
    assert!(reading.is_reliable());
    assert_eq!(reading.least_confidence(), 1.0);
    let inverse = terminal(b"one line\r\n\x1b[7manother\x1b[m\r\nthird").reading();
    assert_eq!(inverse.highlighted_row, Some(1));

    let check = |sequence: &str, foreground: u32, background: u32| {
        let reading = terminal(format!("\x1b[{sequence}mx").as_bytes()).reading();
        let cell = reading.cells[0];
        assert_eq!((cell.foreground, cell.background), (foreground, background), "{sequence}");
    };
    check("", 0xaaaaaa, 0);
    check("31;44", 0xaa0000, 0x0000aa);
    check("1;33", 0xffff55, 0);
    check("1", 0xffffff, 0);
    check("7", 0, 0xaaaaaa);
    check("97;104", 0xffffff, 0x5555ff);
    check("38;5;196", 0xff0000, 0);
    check("48;5;232", 0xaaaaaa, 0x080808);
    check("38;2;1;2;3", 0x010203, 0);
}

#[test]
fn a_blank_screen_is_certain_and_the_hidden_cursor_is_not_told() {
    let reading = terminal(b"gone\x1b[2J\x1b[?25l").reading();
    assert_eq!((reading.kind, reading.cursor), (ScreenKind::Blank, None));
    assert!(reading.is_reliable());
    assert_eq!(reading.cells.len(), 80 * 25);
    // The cursor waits behind the last column.
    let full = terminal(&[b'x'; 80]).reading();
    assert_eq!(full.cursor, Some(Place { row: 0, column: 79 }));
}

#[test]
fn patterns_find_what_a_terminal_shows() {
    let page = terminal(b"\x1b[24;1Hnode7 login: ").page();
    let found = Pattern::new(r"(?<host>\w+) login:").unwrap().find(&page).expect("it stands there");
    assert_eq!((&*found.groups["host"], found.confidence), ("node7", 1.0));
}

#[test]
fn sizes_are_bounded() {
    let check = |(columns, rows), wanted: (usize, usize)| {
        let mut terminal = Terminal::new(columns, rows);
        assert_eq!(terminal.size(), wanted);
        terminal.resize(80, 25);
        terminal.resize(columns, rows);
        assert_eq!(terminal.size(), wanted);
        // The machine cannot ask for another.
        terminal.receive(b"\x1b[8;500;500t");
        assert_eq!(terminal.size(), wanted);
    };
    check((0, 0), (2, 1));
    check((usize::MAX, usize::MAX), (240, 67));
    check((132, 43), (132, 43));
}

proptest! {
    /// Pieces of what terminals are sent, and bytes without sense, on any size.
    #[test]
    fn no_input_fails(
        pieces in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..12),
                "\x1b\\[[?]?[0-9;]{0,8}[@-~]".prop_map(String::into_bytes),
                "\x1b[ -/]?[0-~]".prop_map(String::into_bytes),
                "[日あ🖥é\r\n\t\x08]{1,6}".prop_map(String::into_bytes),
            ],
            0..40,
        ),
        sizes in prop::collection::vec((0_usize..260, 0_usize..80), 1..4),
    ) {
        let mut terminal = Terminal::new(80, 25);
        for (columns, rows) in sizes {
            terminal.resize(columns, rows);
            for piece in &pieces {
                terminal.receive(piece);
            }
            let reading = terminal.reading();
            let (columns, rows) = terminal.size();
            prop_assert_eq!(reading.cells.len(), columns * rows);
            if let Some(Place { row, column }) = reading.cursor {
                prop_assert!(row < rows && column < columns);
            }
        }
    }
}

#[test]
fn a_picture_of_a_screen_reads_as_the_screen() {
    let mut terminal = Terminal::new(80, 25);
    terminal.receive(
        b"\x1b[31mKernel panic\x1b[m - not syncing: VFS\r\n\xc4\xc4\xb3\r\n\x1b[7m[ OK ]\x1b[m login:",
    );
    let reading = terminal.reading();
    let picture = reading.drawn(crate::Font::named("unifont").unwrap());
    assert_eq!((picture.width, picture.height), (640, 400));
    assert_eq!(crate::Reader::new().read(&picture, None).text(), reading.text());
}
