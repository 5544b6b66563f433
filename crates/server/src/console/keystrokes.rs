//! Keys as they are told and recorded.

use ironhand_console::keys::{Chord, KeyStep, Modifier};

/// Which of the keys that somebody presses others may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Those that type no character; for each character that is typed, which may be of a password, a star.
    #[default]
    Commands,
    /// All but secrets.
    Typed,
}

/// Keys in their grammar, as others may see them.
pub(crate) fn shown(steps: &[KeyStep], which: Shown) -> String {
    let one = |step: &KeyStep| match step {
        KeyStep::Type('\n' | '\t') => step.to_string(),
        KeyStep::Type(_) if which == Shown::Commands => "*".to_owned(),
        KeyStep::Press(chord) if which == Shown::Commands && types_a_character(chord) => "*".to_owned(),
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
        let check = |text: &str, commands: &str, typed: &str| {
            let steps = keys::parse_with(text, |_| Some("hunter2".into())).unwrap();
            assert_eq!(shown(&steps, Shown::Commands), commands, "{text}");
            assert_eq!(shown(&steps, Shown::Typed), typed, "{text}");
        };
        check("<F1>", "<F1>", "<F1>");
        check("root<Enter>", "****<Enter>", "root<Enter>");
        check("<Down*2><Ctrl-Alt-Del>", "<Down><Down><Ctrl-Alt-Del>", "<Down><Down><Ctrl-Alt-Del>");
        check("<a><Shift-a><AltGr-q>", "***", "<a><Shift-a><AltGr-q>");
        check("<<<Ctrl-c>", "*<Ctrl-c>", "<<<Ctrl-c>");
        check("<secret>x<secret bios>", "<secret>*<secret bios>", "<secret>x<secret bios>");
    }
}
