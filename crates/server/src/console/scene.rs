//! What a serial console shows: the screen of a terminal, made of what the machine wrote since the console was opened.

use std::collections::VecDeque;
use std::fmt::Write as _;

use hyper::body::Bytes;
use ironhand_connectors::Error;
use ironhand_console::{Reading, Terminal};

/// Characters in a row and rows of the terminal: those that firmware writes for.
const SIZE: (u16, u16) = (80, 25);

/// How much of what the machine wrote last is kept for those who join later: some screens of text.
const RECENT: usize = 16 << 10;

/// The screen of a serial console.
pub(crate) struct Scene {
    /// None until somebody wants to see it: most consoles of a fleet are only logged.
    terminal: Option<Terminal>,
    /// Characters in a row, and rows.
    size: (u16, u16),
    recent: VecDeque<u8>,
    /// Bytes that the machine wrote since the console was opened.
    written: u64,
    /// How much of that was written to what no longer shows.
    gone: u64,
    /// Why the console cannot be heard at the moment.
    lapse: Option<Error>,
    /// Rises with each change.
    version: u64,
}

/// What is known of the screen of a serial console.
pub(crate) enum Glance {
    /// The same as at the version that was asked about.
    Same,
    /// Another one.
    Shown { version: u64, reading: Reading },
    /// It is not known what would show.
    Unknown(Error),
}

/// A moment in what a machine writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(u64);

impl Scene {
    pub(super) fn new() -> Self {
        Self {
            terminal: None,
            size: SIZE,
            recent: VecDeque::new(),
            written: 0,
            gone: 0,
            lapse: None,
            version: 0,
        }
    }

    /// The machine wrote this.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if let Some(terminal) = &mut self.terminal {
            terminal.receive(bytes);
        }
        self.recent.extend(bytes);
        let beyond = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..beyond);
        self.written += bytes.len() as u64;
        self.version += 1;
    }

    /// The console was lost, and `why` it still is: what is written meanwhile is missed, so what it showed is not known
    /// to show any more.
    pub(super) fn lapse(&mut self, why: Option<Error>) {
        self.forget(self.mark());
        self.lapse = why;
    }

    /// What was written until now.
    pub(crate) const fn mark(&self) -> Mark {
        Mark(self.written)
    }

    /// The machine lost its power, or began anew: what it wrote before then shows no longer, as on any other screen.
    pub(crate) fn forget(&mut self, Mark(until): Mark) {
        self.terminal = None;
        self.gone = until;
        self.version += 1;
    }

    /// The machine was told that it is looked at in a window of this size, and draws for it from now on.
    pub(super) fn resize(&mut self, columns: u16, rows: u16) {
        self.size = (columns, rows);
        if let Some(terminal) = &mut self.terminal {
            terminal.resize(columns.into(), rows.into());
        }
        self.version += 1;
    }

    /// Characters in a row, and rows.
    pub(super) const fn size(&self) -> (u16, u16) {
        self.size
    }

    /// The terminal as it is now.
    fn terminal(&mut self) -> &Terminal {
        let Self { terminal, size, recent, written, gone, .. } = self;
        terminal.get_or_insert_with(|| {
            let mut terminal = Terminal::new(size.0.into(), size.1.into());
            // More may have been written than is kept; the screen holds hardly more than that.
            let since = usize::try_from(*written - *gone).unwrap_or(usize::MAX).min(recent.len());
            let before = recent.len() - since;
            terminal.receive(&recent.make_contiguous()[before..]);
            terminal
        })
    }

    /// What it shows, unless that is the same as at `before`.
    pub(crate) fn glance(&mut self, before: Option<u64>) -> Glance {
        if let Some(why) = &self.lapse {
            let reason = format!("the serial console is lost for now: {why}");
            return Glance::Unknown(Error::NoPicture { reason });
        }
        if self.written == self.gone {
            let reason = "the machine has written nothing since its serial console is followed; most write a prompt when Enter is pressed";
            return Glance::Unknown(Error::NoPicture { reason: reason.to_owned() });
        }
        match before {
            Some(version) if version == self.version => Glance::Same,
            _ => Glance::Shown { version: self.version, reading: self.terminal().reading() },
        }
    }

    /// What brings the terminal of somebody who joins to the same state: what was written last, or, where that moves
    /// about on the screen, the screen as it is.
    pub(crate) fn backlog(&mut self) -> Bytes {
        let (front, back) = self.recent.as_slices();
        let recent = [front, back].concat();
        if !moves_about(&recent) {
            // What was torn at the front is left out.
            let torn = recent.len() == RECENT;
            let begin = recent.iter().position(|byte| *byte == b'\n').filter(|_| torn).map_or(0, |at| at + 1);
            return Bytes::copy_from_slice(&recent[begin..]);
        }
        let reading = self.terminal().reading();
        let mut text = "\x1b[m\x1b[2J\x1b[H".to_owned();
        text.push_str(&reading.rows().collect::<Vec<_>>().join("\r\n"));
        if let Some(place) = reading.cursor {
            // Writing to a string never fails.
            let _ = write!(text, "\x1b[{};{}H", place.row + 1, place.column + 1);
        }
        text.into()
    }
}

/// Whether a text holds sequences other than for colours and the rest of a line.
fn moves_about(bytes: &[u8]) -> bool {
    let after_introducer = |at: usize| bytes[at + 2..].iter().find(|byte| (0x40..0x7f).contains(*byte));
    let introducers = bytes.windows(2).enumerate().filter(|(_, pair)| *pair == b"\x1b[");
    introducers.filter_map(|(at, _)| after_introducer(at)).any(|end| !matches!(end, b'm' | b'K'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(scene: &mut Scene) -> Option<String> {
        match scene.glance(None) {
            Glance::Shown { reading, .. } => Some(reading.text()),
            Glance::Same | Glance::Unknown(_) => None,
        }
    }

    #[test]
    fn what_was_written_before_the_power_went_shows_no_longer() {
        let mut scene = Scene::new();
        assert_eq!(shown(&mut scene), None, "nothing is known yet");
        scene.write(b"Kernel panic\r\n");
        let mark = scene.mark();
        scene.write(b"Booting\r\n");
        assert_eq!(shown(&mut scene).as_deref(), Some("Kernel panic\nBooting"));
        scene.forget(mark);
        assert_eq!(shown(&mut scene).as_deref(), Some("Booting"));
        scene.forget(scene.mark());
        assert_eq!(shown(&mut scene), None);
        scene.write(b"login:");
        assert_eq!(shown(&mut scene).as_deref(), Some("login:"));
    }

    #[test]
    fn a_console_that_is_not_heard_shows_nothing() {
        let mut scene = Scene::new();
        scene.write(b"login:");
        scene.lapse(Some(Error::Busy { reason: "restarting".to_owned() }));
        assert_eq!(shown(&mut scene), None);
        scene.lapse(None);
        assert_eq!(shown(&mut scene), None, "what was written meanwhile is not known");
        scene.write(b"\r\nlogin:");
        assert_eq!(shown(&mut scene).as_deref(), Some("\nlogin:"));
    }

    #[test]
    fn an_unchanged_screen_is_not_read_again() {
        let mut scene = Scene::new();
        scene.write(b"login:");
        let Glance::Shown { version, .. } = scene.glance(None) else { panic!("it shows") };
        assert!(matches!(scene.glance(Some(version)), Glance::Same));
        scene.write(b" ");
        assert!(matches!(scene.glance(Some(version)), Glance::Shown { .. }));
    }

    #[test]
    fn who_joins_is_brought_up_to_date() {
        let check = |written: &[u8], text: &str| {
            let mut scene = Scene::new();
            scene.write(written);
            let mut joined = Terminal::new(SIZE.0.into(), SIZE.1.into());
            joined.receive(&scene.backlog());
            assert_eq!(joined.reading().text(), text);
            assert_eq!(joined.reading().cursor, scene.terminal().reading().cursor);
        };
        check(b"", "");
        check(b"[ \x1b[32mOK\x1b[m ] Started.\r\nnode7 login: ", "[ OK ] Started.\nnode7 login:");
        check(b"gone\x1b[2J\x1b[3;5HSetup\x1b[1;1H", "\n\n    Setup");
        let long = "x".repeat(100) + "\r\n";
        let mut scene = Scene::new();
        scene.write(long.repeat(300).as_bytes());
        let backlog = scene.backlog();
        assert!(backlog.len() > RECENT / 2 && backlog.starts_with(long.as_bytes()));
    }
}
