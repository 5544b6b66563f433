//! Between a person at a console and the shell of the controller that gives it.

/// The longest line that may be a prompt.
const LONGEST_PROMPT: usize = 64;

/// Takes the key sequence that leaves a console out of what is sent to the machine: behind it is the controller's own shell.
#[derive(Debug)]
pub(super) struct EscapeFilter {
    sequence: &'static [u8],
    /// How many of its bytes the controller has seen.
    seen: usize,
}

impl EscapeFilter {
    /// Takes out the sequence, of which the controller has seen the first `seen` bytes already. An empty one is never met.
    pub(super) const fn new(sequence: &'static [u8], seen: usize) -> Self {
        Self { sequence, seen }
    }

    /// What may be sent of these bytes. The last byte of the sequence is left out, so that its first ones, which are keys
    /// of their own, get to the machine.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        bytes.iter().copied().filter(|byte| self.passes(*byte)).collect()
    }

    fn passes(&mut self, byte: u8) -> bool {
        match self.sequence.get(self.seen) {
            Some(next) if *next == byte => {
                let is_last = self.seen + 1 == self.sequence.len();
                // The controller goes on waiting for it, so a second one is left out as well.
                if !is_last {
                    self.seen += 1;
                }
                !is_last
            }
            _ => {
                self.seen = usize::from(self.sequence.len() > 1 && self.sequence.first() == Some(&byte));
                true
            }
        }
    }
}

/// Finds out that a controller has ended a console by itself: it shows its own prompt then, and what is typed goes there.
#[derive(Debug)]
pub(super) struct PromptWatch {
    prompts: &'static [&'static str],
    line: Vec<u8>,
}

impl PromptWatch {
    pub(super) const fn new(prompts: &'static [&'static str]) -> Self {
        Self { prompts, line: Vec::new() }
    }

    /// Takes what was received; says whether it ends with a prompt and nothing else in its line.
    pub(super) fn take(&mut self, bytes: &[u8]) -> bool {
        for &byte in bytes {
            match byte {
                b'\r' | b'\n' => self.line.clear(),
                _ if self.line.len() <= LONGEST_PROMPT => self.line.push(byte),
                _ => {}
            }
        }
        is_prompt(self.prompts, &self.line)
    }
}

/// Whether a line is one of these prompts and nothing else.
pub(super) fn is_prompt(prompts: &[&str], line: &[u8]) -> bool {
    let line = line.trim_ascii();
    prompts.iter().any(|prompt| prompt.as_bytes() == line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_way_out_is_left_out() {
        let check = |sequence: &'static [u8], seen: usize, pieces: &[&[u8]], wanted: &[u8]| {
            let mut filter = EscapeFilter::new(sequence, seen);
            let sent: Vec<u8> = pieces.iter().flat_map(|piece| filter.take(piece)).collect();
            assert_eq!(sent.escape_ascii().to_string(), wanted.escape_ascii().to_string());
        };
        check(b"\x1c", 0, &[b"a\x1cb\x1c"], b"ab");
        check(b"\x1b(", 0, &[b"(x)\x1b[A"], b"(x)\x1b[A");
        check(b"\x1b(", 0, &[b"\x1b(((x("], b"\x1bx(");
        check(b"\x1b(", 0, &[b"\x1b", b"(", b"q"], b"\x1bq");
        check(b"\x1b(", 0, &[b"\x1b\x1b("], b"\x1b\x1b");
        check(b"\r~.", 1, &[b"~.ls\r~~\r~.\r"], b"~ls\r~~\r~\r");
        check(b"", 0, &[b"any\x1c\x1b("], b"any\x1c\x1b(");
    }

    proptest! {
        #[test]
        fn no_input_leaves(
            bytes in prop::collection::vec(prop::sample::select(&b"\x1b(\x1cx\r~."[..]), 0..40),
            cut in any::<prop::sample::Index>(),
        ) {
            for sequence in [&b"\x1c"[..], b"\x1b(", b"\r~."] {
                let mut filter = EscapeFilter::new(sequence, 0);
                let (left, right) = bytes.split_at(cut.index(bytes.len() + 1));
                let sent = [filter.take(left), filter.take(right)].concat();
                prop_assert!(!sent.windows(sequence.len()).any(|window| window == sequence));
            }
        }
    }

    #[test]
    fn a_prompt_of_the_controller_is_seen() {
        let check = |pieces: &[&str], wanted: bool| {
            let mut watch = PromptWatch::new(&["system>", "</>hpiLO->"]);
            let seen: Vec<bool> = pieces.iter().map(|piece| watch.take(piece.as_bytes())).collect();
            assert_eq!(seen.last(), Some(&wanted), "{pieces:?}");
        };
        check(&["booting\r\nsystem> "], true);
        check(&["\r\n</>hpi", "LO-> "], true);
        check(&["the system> "], false);
        check(&["system> help\r\n"], false);
        check(&["\r\n", &"x".repeat(1000), "system>"], false);
    }
}
