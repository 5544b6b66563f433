use proptest::prelude::*;

use super::*;

fn text() -> String {
    let address = |last: u8| IpAddr::from([10, 0, 0, last]);
    let found = Found {
        address: address(2),
        vendor: None,
        product: None,
        firmware: None,
        model: None,
        serial: None,
        macs: Vec::new(),
        confidence: "none".to_owned(),
        speaks: Vec::new(),
        conflicts: Vec::new(),
        login: None,
        evidence: serde_json::json!({ "signs": [] }),
    };
    let refused = Line::Refused { address: address(2), account: "admin".to_owned(), at: 7 };
    let lines = [Line::Scan { version: 1 }, Line::Silent(address(1)), Line::Found(Box::new(found)), refused];
    lines.iter().map(Line::to_text).collect()
}

#[test]
fn a_file_remembers_what_was_written() {
    let state = State::read(&text()).unwrap();
    assert!(state.knows([10, 0, 0, 1].into()) && state.knows([10, 0, 0, 2].into()));
    assert!(!state.knows([10, 0, 0, 3].into()));
    assert_eq!(state.refused, [([10, 0, 0, 2].into(), "admin".to_owned(), 7)]);
}

#[test]
fn other_files_are_refused() {
    let check = |text: &str, error: StateError| assert_eq!(State::read(text), Err(error), "{text}");
    check("apiVersion: v1\n", StateError::Foreign);
    check("secret", StateError::Foreign);
    check("{}\n", StateError::Foreign);
    check("{\"scan\":{\"version\":2}}\n", StateError::Newer { version: 2 });
    check("{\"scan\":{\"version\":1}}\nx\n", StateError::Broken { line: 2 });
}

proptest! {
    #[test]
    fn a_file_that_was_cut_off_anywhere_remembers_all_whole_lines(at in 0..text().len()) {
        let cut = &text()[..at];
        let state = State::read(cut).unwrap();
        let lines = cut.matches('\n').count();
        prop_assert_eq!(state.silent.len() + state.found.len() + state.refused.len(), lines.saturating_sub(1));
    }
}
