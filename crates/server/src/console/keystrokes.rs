//! Keys as they are told and recorded.

use ironhand_console::keys::{Chord, KeyStep, Modifier};

/// Keys in their grammar, as others may see them: those that type no character; for each character that is typed, which
/// may be of a password, a star.
pub(crate) fn shown(steps: &[KeyStep]) -> String {
    let one = |step: &KeyStep| match step {
        KeyStep::Type('\n' | '\t') => step.to_string(),
        KeyStep::Type(_) => "*".to_owned(),
        KeyStep::Press(chord) if types_a_character(chord) => "*".to_owned(),
        step => step.to_string(),
    };
    steps.iter().map(one).collect()
}

/// Whether a chord does what typing a character does.
fn types_a_character(chord: &Chord) -> bool {
    let shifts = |modifier: &Modifier| matches!(modifier, Modifier::Shift | Modifier::AltGr);
    chord.key.to_string().chars().count() == 1 && chord.modifiers.iter().all(shifts)
}

#[cfg(test)]
mod tests {
    use ironhand_console::keys;

    use super::*;

    #[test]
    fn what_may_be_a_password_is_stars() {
        let check = |text: &str, wanted: &str| {
            let steps = keys::parse_with(text, |_| Some("hunter2".into())).unwrap();
            assert_eq!(shown(&steps), wanted, "{text}");
        };
        check("<F1>", "<F1>");
        check("root<Enter>", "****<Enter>");
        check("<Down*2><Ctrl-c><Ctrl-Alt-Del>", "<Down><Down><Ctrl-c><Ctrl-Alt-Del>");
        check("<a><Shift-a><AltGr-q>", "***");
        check("<<<SysRq-b>", "*<SysRq-b>");
        check("<secret>x<secret bios>", "<secret>*<secret bios>");
        check("<Space><wait 2s>", "<Space><wait 2000ms>");
    }
}
