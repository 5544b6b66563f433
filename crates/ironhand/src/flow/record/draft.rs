//! From a recording of a screen to a draft of a flow. Nothing here reads a clock or a file.

use std::fmt::Write;
use std::time::Duration;

use ironhand_api::{PictureDigest, Recorded, RecordedEvent, Span};

use super::pattern::{name_from, pattern_of};

/// Keys that come within this time of each other are one step: a hand that types, with what the screen echoes.
const PAUSE: u64 = 2000;

/// The least time that a flow gives a machine to show something, and the greatest that a draft proposes.
const SHORTEST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(1800);

/// How much longer than in the recording it may take.
const SLACK: u64 = 3;

/// A draft of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// A name that says what it is for.
    pub name: String,
    /// What the host showed when the person began.
    pub when: Look,
    when_pattern: String,
    steps: Vec<Drafted>,
    /// What it showed in the end.
    pub last: Look,
    last_pattern: Option<String>,
    verify_within: Duration,
}

/// A screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Its text.
    pub text: String,
    /// Its picture, where it was kept.
    pub picture: Option<PictureDigest>,
}

/// One step of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Drafted {
    Wait { pattern: String, within: Duration },
    Sleep(Duration),
    Keys { keys: String, hidden: bool },
}

/// What a recording lacks for a flow to be drafted of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lacks {
    /// No key was pressed.
    #[error("no key was pressed in this recording")]
    Keys,
    /// No screen was seen before the first key.
    #[error("no text was seen on the screen before the first key")]
    Screen,
    /// The first screen has no words of its own.
    #[error("the screen before the first key shows no words that tell it from the screen at the end")]
    Words,
}

/// Keys that were pressed together, with what the screen showed before.
struct Group {
    before: Look,
    first: u64,
    last: u64,
    keys: String,
}

/// Drafts a flow from what was recorded of a screen.
///
/// # Errors
///
/// [`Lacks`] where the recording does not show what was done, or to what.
pub fn draft(events: &[RecordedEvent], host: &str) -> Result<Draft, Lacks> {
    let (groups, last, ended) = groups(events);
    let first = groups.first().ok_or(Lacks::Keys)?;
    if first.before.text.trim().is_empty() {
        return Err(Lacks::Screen);
    }
    let when_pattern = pattern_of(&first.before.text, &[&last.text], host).ok_or(Lacks::Words)?;
    let mut steps = Vec::new();
    let mut hidden_so_far = 0;
    for (index, group) in groups.iter().enumerate() {
        if let Some(previous) = index.checked_sub(1).and_then(|index| groups.get(index)) {
            let gap = Duration::from_millis(group.first.saturating_sub(previous.last));
            let pattern = pattern_of(&group.before.text, &[&previous.before.text], host);
            steps.push(match pattern {
                Some(pattern) => Drafted::Wait { pattern, within: within(gap) },
                None => Drafted::Sleep(rounded(gap)),
            });
        }
        let (keys, hidden) = with_placeholders(&group.keys, &mut hidden_so_far);
        steps.push(Drafted::Keys { keys, hidden });
    }
    let last_key = groups.last().map_or(0, |group| group.last);
    let before_last = groups.last().map_or("", |group| group.before.text.as_str());
    let last_pattern = pattern_of(&last.text, &[&first.before.text, before_last], host);
    Ok(Draft {
        name: name_from(&when_pattern),
        when: first.before.clone(),
        when_pattern,
        steps,
        verify_within: within(Duration::from_millis(ended.saturating_sub(last_key))),
        last,
        last_pattern,
    })
}

/// The keys in groups, the last screen, and when it was seen first.
fn groups(events: &[RecordedEvent]) -> (Vec<Group>, Look, u64) {
    let mut groups: Vec<Group> = Vec::new();
    let mut look = Look { text: String::new(), picture: None };
    let mut seen_at = 0;
    for RecordedEvent { after, what } in events {
        match what {
            Recorded::Screen(screen) => {
                let text = text_of(&screen.rows);
                if text != look.text {
                    seen_at = *after;
                }
                let picture = screen.picture_follows.then(|| screen.picture.clone());
                // A picture without text, between two screens, says nothing of what is wanted.
                if !text.trim().is_empty() || look.text.is_empty() {
                    look = Look { text, picture };
                }
            }
            Recorded::Keys(keys) => match groups.last_mut() {
                Some(group) if after.saturating_sub(group.last) < PAUSE => {
                    group.keys.push_str(keys);
                    group.last = *after;
                }
                _ => {
                    let (before, keys) = (look.clone(), keys.clone());
                    groups.push(Group { before, first: *after, last: *after, keys });
                }
            },
            Recorded::Begun { .. } | Recorded::Note(_) => {}
        }
    }
    (groups, look, seen_at)
}

fn text_of(rows: &[String]) -> String {
    let mut text = String::new();
    for row in rows {
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// How long a flow waits for what took `gap`.
fn within(gap: Duration) -> Duration {
    let slack = Duration::from_secs(gap.as_secs().saturating_mul(SLACK));
    rounded(slack.clamp(SHORTEST, LONGEST))
}

/// Up to whole seconds, and above a minute to whole minutes.
fn rounded(length: Duration) -> Duration {
    let seconds = length.as_millis().div_ceil(1000) as u64;
    Duration::from_secs(if seconds > 60 { seconds.div_ceil(60) * 60 } else { seconds.max(1) })
}

/// Keys with a placeholder for each text that the recording hides; whether there is one.
fn with_placeholders(keys: &str, so_far: &mut u32) -> (String, bool) {
    let mut written = String::new();
    let mut rest = keys;
    let mut hidden = false;
    while let Some(character) = rest.chars().next() {
        let stars = rest.len() - rest.trim_start_matches('*').len();
        let unnamed = rest.strip_prefix("<secret>");
        if stars > 0 || unnamed.is_some() {
            *so_far += 1;
            hidden = true;
            // Writing to a string does not fail.
            let _ = write!(written, "<secret typed-{so_far}>");
            rest = unnamed.unwrap_or(&rest[stars..]);
        } else {
            written.push(character);
            rest = &rest[character.len_utf8()..];
        }
    }
    (written, hidden)
}

impl Draft {
    /// The manifest, with the names of the files in which the pictures are kept that serve as examples.
    pub fn manifest(
        &self,
        name: &str,
        from: &str,
        when_picture: Option<&str>,
        last_picture: Option<&str>,
    ) -> String {
        let mut text = format!(
            "# Drafted from the recording {from}. Look it over: are these the words that are always there, is each wait long\n\
             # enough, and does the last screen prove that the host is well?\n\
             apiVersion: ironhand/v1\nkind: Flow\nmetadata: {{ name: {name} }}\nspec:\n  when:\n    screen: {}\n  do:\n",
            quoted(&self.when_pattern)
        );
        for step in &self.steps {
            text.push_str(&step.line());
        }
        let timeout = Span::from(self.verify_within);
        let verify = match &self.last_pattern {
            Some(pattern) => format!("  verify: {{ screen: {}, timeout: {timeout} }}\n", quoted(pattern)),
            None => format!(
                "  # The last screen shows no words of its own: say here what proves that the host is well.\n  \
                 verify: {{ not: {{ screen: {} }}, power: on, timeout: {timeout} }}\n",
                quoted(&self.when_pattern)
            ),
        };
        text.push_str(&verify);
        text.push_str("  limits: { attempts: 2, cooldown: 30m }\n  examples:\n");
        for (look, picture, matches) in [(&self.when, when_picture, true), (&self.last, last_picture, false)]
        {
            if let Some(picture) = picture {
                // Writing to a string does not fail; the same below.
                let _ = writeln!(text, "    - {{ picture: {}, matches: {matches} }}", quoted(picture));
            }
            if !look.text.trim().is_empty() {
                let quoted = serde_json::to_string(&look.text).unwrap_or_default();
                let _ = writeln!(text, "    - {{ text: {quoted}, matches: {matches} }}");
            }
        }
        text
    }
}

impl Drafted {
    fn line(&self) -> String {
        match self {
            Self::Wait { pattern, within } => {
                format!(
                    "    - waitFor: {{ screen: {}, timeout: {} }}\n",
                    quoted(pattern),
                    Span::from(*within)
                )
            }
            Self::Sleep(length) => format!("    - sleep: {}\n", Span::from(*length)),
            Self::Keys { keys, hidden } => {
                let note = if *hidden {
                    "    # What was typed is not in the recording: write it in place of `<secret ...>`, or name a Credential there.\n"
                } else {
                    ""
                };
                format!("{note}    - keys: {}\n", quoted(keys))
            }
        }
    }
}

/// A text in single quotes, as YAML takes it without a change.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use ironhand_api::{LiveScreen, Manifest, ScreenKind, Timestamp, parse_manifests};
    use ironhand_server::flow_faults;

    use super::*;

    fn screen(after: u64, text: &str) -> RecordedEvent {
        let screen = LiveScreen {
            number: after,
            at: Timestamp::from_millis(0),
            connector: "vnc".to_owned(),
            kind: ScreenKind::Text,
            rows: text.lines().map(str::to_owned).collect(),
            cursor: None,
            highlighted_row: None,
            confidence: 1.0,
            reliable: true,
            width: 720,
            height: 400,
            picture: PictureDigest(format!("{after:064x}")),
            picture_follows: true,
        };
        RecordedEvent { after, what: Recorded::Screen(Box::new(screen)) }
    }

    fn keys(after: u64, keys: &str) -> RecordedEvent {
        RecordedEvent { after, what: Recorded::Keys(keys.to_owned()) }
    }

    /// Compares the steps and the proof of a draft, which must be a manifest without faults.
    fn check(events: &[RecordedEvent], wanted: &[&str]) {
        let draft = draft(events, "rack7-12").unwrap();
        let text = draft.manifest("drafted", "rack7-12/7", Some("drafted-1.png"), None);
        let manifests =
            parse_manifests("drafted.yaml", &text).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
        let Manifest::Flow(flow) = &manifests[0] else { panic!("{text}") };
        assert_eq!(flow_faults(flow), Vec::<String>::new(), "{text}");
        let steps = flow.spec.steps.iter().map(ToString::to_string);
        let verify = &flow.spec.verify;
        let told: Vec<String> = std::iter::once(flow.spec.when.condition.to_string())
            .chain(steps)
            .chain(std::iter::once(format!("{}, within {}", verify.condition, verify.timeout)))
            .collect();
        assert_eq!(told, wanted, "{text}");
    }

    const F1: &str = "BIOS 2.14\n\nPress F1 to continue";
    const LOGIN: &str = "Debian 12 rack7-12 tty1\n\nrack7-12 login: ";

    #[test]
    fn a_key_that_heals_is_a_flow() {
        check(
            &[screen(10, F1), keys(5000, "<F1>"), screen(5500, "booting"), screen(65_000, LOGIN)],
            &[
                r"`^Press\s+F1\s+to\s+continue` on the screen",
                "press `<F1>`",
                r"`^\S+\s+login:` on the screen, within 3m",
            ],
        );
    }

    #[test]
    fn waits_stand_between_keys_for_what_was_seen_then() {
        let fsck = "/dev/sda1: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.\n(initramfs) ";
        let typed = format!("{fsck}****");
        let done = "FILE SYSTEM WAS MODIFIED *****\n(initramfs) ";
        check(
            &[
                screen(10, fsck),
                keys(3000, "****"),
                screen(3100, &typed),
                keys(3900, "<Enter>"),
                screen(20_000, done),
                keys(24_000, "****"),
                keys(24_500, "<Enter>"),
                screen(40_000, LOGIN),
            ],
            &[
                r"`UNEXPECTED\s+INCONSISTENCY;\s+RUN\s+fsck\s+MANUALLY\.` on the screen",
                "press `<secret typed-1><Enter>`",
                r"wait for `FILE\s+SYSTEM\s+WAS\s+MODIFIED` on the screen, at most 1m",
                "press `<secret typed-2><Enter>`",
                r"`^\S+\s+login:` on the screen, within 45s",
            ],
        );
    }

    #[test]
    fn nothing_that_was_hidden_stands_in_a_draft() {
        let mut count = 0;
        assert_eq!(
            with_placeholders("**<Enter><secret>x<secret bios>", &mut count).0,
            "<secret typed-1><Enter><secret typed-2>x<secret bios>"
        );
    }

    #[test]
    fn what_shows_nothing_is_refused() {
        let refused = |events: &[RecordedEvent]| draft(events, "rack7-12").unwrap_err();
        assert_eq!(refused(&[screen(0, F1)]), Lacks::Keys);
        assert_eq!(refused(&[keys(0, "<F1>"), screen(9, LOGIN)]), Lacks::Screen);
        assert_eq!(refused(&[screen(0, F1), keys(10, "<F1>")]), Lacks::Words);
    }
}
