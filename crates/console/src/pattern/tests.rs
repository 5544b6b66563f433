use super::*;
use crate::page::PageCell;
use proptest::prelude::*;

/// A page of this many columns, as a reader gives it, with `\u{fffd}` unread.
fn screen(columns: usize, text: &str) -> Page {
    let cells = |line: &str| {
        let mut row: Vec<PageCell> = line
            .chars()
            .map(|character| PageCell {
                character,
                confidence: if character == '\u{fffd}' { 0.0 } else { 1.0 },
            })
            .collect();
        row.resize(columns, PageCell { character: ' ', confidence: 1.0 });
        row
    };
    Page::from_rows(columns, text.lines().map(cells))
}

#[test]
fn patterns_find_text_with_its_place() {
    let check = |page: &Page, pattern: &str, expected: Option<(&str, usize, usize)>| {
        let found = Pattern::new(pattern).unwrap().find(page);
        let found = found.as_ref().map(|found| (found.text.as_str(), found.row, found.column));
        assert_eq!(found, expected, "{pattern}");
    };
    let page =
        screen(20, "[  OK  ] started\n\nnode17 login: \nVFS: unknown-block(0\n,0) is the last line\nend");
    check(&page, "LOGIN:$", Some(("login:", 2, 7)));
    check(&page, "(?-i)LOGIN", None);
    check(&page, r"^node\d+", Some(("node17", 2, 0)));
    check(&page, r"^login", None);
    check(&page, r"unknown-block\(0,0\)", Some(("unknown-block(0,0)", 3, 5)));
    check(&page, r"^,0\) is", Some((",0) is", 4, 0)));
    check(&page, "last line\nend", Some(("last line\nend", 4, 11)));
    check(&page, r"\s*", None);
    check(&screen(12, "│ Boot dev │\n└──────────┘"), r"^\s+boot dev$", Some(("  Boot dev", 0, 0)));
    check(&Page::from_text(""), "x", None);
    check(&Page::from_text("ÄÖ F1\nF2"), "F2", Some(("F2", 1, 0)));
}

#[test]
fn what_looks_alike_is_not_the_same() {
    let pattern = Pattern::new("(?-i)Press F1").unwrap();
    for (text, matches) in
        [("Press F1", true), ("Press FI", false), ("Press Fl", false), ("Press F\u{fffd}", false)]
    {
        assert_eq!(pattern.find(&Page::from_text(text)).is_some(), matches, "{text}");
    }
}

#[test]
fn groups_come_by_number_and_name() {
    let page = Page::from_text("error 17: no such disk");
    let found = Pattern::new(r"error (?<code>\d+)(:)(x)?").unwrap().find(&page).unwrap();
    let groups: Vec<_> = found.groups.iter().map(|(name, text)| format!("{name}={text}")).collect();
    assert_eq!(groups, ["1=17", "2=:", "code=17"]);
}

#[test]
fn an_unread_cell_shows_in_the_confidence() {
    let page = screen(20, "Pre\u{fffd}s F1\nPress F2");
    let confidence = |pattern: &str| Pattern::new(pattern).unwrap().find(&page).unwrap().confidence;
    assert_eq!(confidence("pre.s F1"), 0.0);
    assert_eq!(confidence("press F2"), 1.0);
    assert_eq!(confidence("F1"), 1.0);
}

#[test]
fn bad_patterns_are_refused() {
    assert!(matches!(Pattern::new("("), Err(PatternError::Syntax { .. })));
    assert!(matches!(Pattern::new("(((a{100}){100}){100}){100}"), Err(PatternError::TooLarge { .. })));
    assert!(matches!(Pattern::new(&"a".repeat(5000)), Err(PatternError::TooLarge { .. })));
}

proptest! {
    #[test]
    fn any_page_takes_any_pattern(text in "[ -~é─\u{fffd}\n]{0,200}", pattern in "[a-z.*+?^$ ]{0,8}", columns in 0usize..12) {
        let page = screen(columns, &text);
        if let Ok(pattern) = Pattern::new(&pattern)
            && let Some(found) = pattern.find(&page) {
                prop_assert!(!found.text.trim().is_empty());
                prop_assert!((0.0..=1.0).contains(&found.confidence));
            }
    }

    #[test]
    fn a_word_is_found_where_it_stands(row in 0usize..10, column in 0usize..60, word in "[A-Za-z0-9]{3,8}") {
        let page = Page::from_text(&format!("{}{}{word}", "\n".repeat(row), " ".repeat(column)));
        let found = Pattern::new(&word).unwrap().find(&page).unwrap();
        prop_assert_eq!((found.text, found.row, found.column), (word, row, column));
    }
}
