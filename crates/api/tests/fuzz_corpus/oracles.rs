//! What must hold for any text that people write. Each function takes one input of a fuzz target.

use std::fmt::Display;
use std::str::FromStr;

use ironhand_api::{LabelSelector, Manifest, Name, Span, Timestamp, parse_manifests};

/// Manifests are read or refused, faults stand in the text, and what was read comes back from its own JSON.
pub fn manifests(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match parse_manifests("fuzz.yaml", text) {
        Ok(manifests) => manifests.iter().for_each(comes_back),
        Err(faults) => {
            assert!(!faults.is_empty(), "refused without a reason");
            let lines = lines(text);
            for fault in &faults {
                assert!((1..=lines).contains(&fault.line), "{fault} in a text of {lines} lines");
                assert!((1..=text.chars().count() + 1).contains(&fault.column), "{fault}");
                assert!(!fault.message.is_empty(), "{fault:?}");
            }
            assert!(faults.is_sorted_by_key(|fault| (fault.line, fault.column)), "{faults:?}");
        }
    }
}

/// Lines as YAML counts them: they end with a line feed, a carriage return, or both (YAML 1.2.2 section 5.4).
fn lines(text: &str) -> usize {
    let carriage_returns = text.matches('\r').count() - text.matches("\r\n").count();
    1 + text.matches('\n').count() + carriage_returns
}

fn comes_back(manifest: &Manifest) {
    if matches!(manifest, Manifest::Credential(_)) {
        return; // Secrets are not written.
    }
    let written = serde_json::to_string(manifest).expect("no secret in it");
    let read =
        parse_manifests("fuzz.json", &written).unwrap_or_else(|faults| panic!("{written}\n{faults:?}"));
    assert_eq!(read.len(), 1, "{written}");
    assert_eq!(serde_json::to_string(&read[0]).expect("no secret in it"), written);
}

/// Names, lengths of time, points in time and selectors are refused or come back as they are written.
pub fn words(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    word::<Name>(text);
    word::<Span>(text);
    word::<Timestamp>(text);
    word::<LabelSelector>(text);
}

fn word<T: FromStr<Err: Display> + Display + PartialEq>(text: &str) {
    match text.parse::<T>() {
        Ok(value) => {
            let written = value.to_string();
            let read =
                written.parse::<T>().unwrap_or_else(|error| panic!("{text:?} as {written:?}: {error}"));
            assert!(read == value, "{text:?} as {written:?} is another value");
            assert_eq!(read.to_string(), written, "{text:?}");
        }
        Err(error) => assert!(!error.to_string().is_empty(), "{text:?}"),
    }
}
