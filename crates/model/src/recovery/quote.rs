//! What was seen, in words.

use ironhand_api::{Flow, MatchEvidence};

/// The longest quotation of a screen in a message, in characters.
const LONGEST_QUOTE: usize = 80;

/// What a pattern found, short enough for a message: the first line, the rest as an ellipsis. The evidence keeps it whole.
pub(super) fn quote(evidence: &MatchEvidence) -> String {
    let text = evidence.text.trim();
    let line = text.lines().next().unwrap_or_default().trim_end();
    let quoted: String = line.chars().take(LONGEST_QUOTE).collect();
    let more = if quoted.len() < text.len() { " …" } else { "" };
    format!("`{quoted}{more}`")
}

/// What made a flow apply, as a clause; `still` stands before its verb where the screen is said to show it.
pub(super) fn said(flow: &Flow, evidence: &MatchEvidence, still: &str) -> String {
    if flow.spec.when.needs_screen() {
        format!("the screen {still}shows {}", quote(evidence))
    } else {
        evidence.text.clone()
    }
}
