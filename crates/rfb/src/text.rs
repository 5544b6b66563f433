//! Texts with a length in front: reasons, desktop names, cut text (RFC 6143 sections 7.1.3, 7.3.2, 7.5.6, 7.6.4).

use crate::inbox::Inbox;

/// The most that is kept of one text, in bytes; the rest is read and dropped. A desktop name or a reason is one
/// line; cut text of a console is at most a few screens.
pub(crate) const MAX_TEXT: usize = 64 * 1024;

/// A text that is arriving. What is beyond [`MAX_TEXT`] is consumed and forgotten.
pub(crate) struct Text {
    missing: u32,
    kept: Vec<u8>,
}

impl Text {
    pub(crate) fn new(length: u32) -> Self {
        Self { missing: length, kept: Vec::new() }
    }

    /// Takes what is there; the text once it is complete.
    pub(crate) fn receive(&mut self, inbox: &mut Inbox) -> Option<Vec<u8>> {
        let missing = usize::try_from(self.missing).unwrap_or(usize::MAX);
        let arrived = inbox.pending();
        let arrived = arrived.get(..missing).unwrap_or(arrived);
        let wanted = MAX_TEXT - self.kept.len();
        self.kept.extend_from_slice(arrived.get(..wanted).unwrap_or(arrived));
        let count = arrived.len();
        self.missing = self.missing.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
        inbox.consume(count);
        (self.missing == 0).then(|| core::mem::take(&mut self.kept))
    }
}

/// A line for people: UTF-8 where it is that, else Latin-1. Control characters become spaces, since a hostile server
/// must not reach the terminal of whoever reads its name or its reason.
pub(crate) fn line(bytes: &[u8]) -> String {
    let text = core::str::from_utf8(bytes).map_or_else(|_| latin1(bytes), str::to_owned);
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.trim().to_owned()
}

/// Text in ISO 8859-1, in which cut text is sent (RFC 6143 section 7.5.6).
pub(crate) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_safe_to_print() {
        assert_eq!(line(b"no\x1b[2Jentry\r\n"), "no [2Jentry");
        assert_eq!(line(b"Z\xfcrich"), "Zürich");
        assert_eq!(line("Zürich".as_bytes()), "Zürich");
    }

    #[test]
    fn an_overlong_text_is_consumed_but_not_kept() {
        let mut inbox = Inbox::default();
        let length = MAX_TEXT + 10;
        let mut text = Text::new(u32::try_from(length).expect("fits"));
        inbox.push(&vec![b'x'; length - 1]);
        assert_eq!(text.receive(&mut inbox), None);
        inbox.push(b"x!");
        assert_eq!(text.receive(&mut inbox), Some(vec![b'x'; MAX_TEXT]));
        assert_eq!(inbox.pending(), b"!");
    }
}
