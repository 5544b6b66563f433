//! Whether a heartbeat that is signed is a new one.

use std::collections::VecDeque;
use std::time::Duration;

use ironhand_api::Timestamp;

/// How old, or how far ahead, the time in a heartbeat may be. It is the server's own, told just before.
pub const HEARTBEAT_WINDOW: Duration = Duration::from_secs(60);

/// Heartbeats of one host that are remembered: two a second, for twice the window.
const MOST_REMEMBERED: usize = 240;

/// The random part of a heartbeat.
pub type Nonce = [u8; 16];

/// Why a heartbeat that is signed does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeartbeatRefusal {
    /// Its time is not about now, or before the server began to remember.
    #[error("its time is not the server's of now: ask for that just before, and sign it")]
    NotNow,
    /// It came before.
    #[error("it came before")]
    Repeated,
    /// Too many came.
    #[error("more than {MOST_REMEMBERED} came within {} s", HEARTBEAT_WINDOW.as_secs() * 2)]
    TooMany,
}

/// The heartbeats of one host that came of late.
#[derive(Clone, Debug, Default)]
pub struct HeartbeatWindow {
    /// When each came, and its random part.
    seen: VecDeque<(Timestamp, Nonce)>,
}

impl HeartbeatWindow {
    /// Takes a heartbeat that says it was made `at`. The server remembers since `started`; what was made before may
    /// have come before.
    ///
    /// # Errors
    ///
    /// [`HeartbeatRefusal`] where it does not count; nothing changes then.
    pub fn take(
        &mut self,
        now: Timestamp,
        started: Timestamp,
        at: Timestamp,
        nonce: Nonce,
    ) -> Result<(), HeartbeatRefusal> {
        if at < started || now.since(at) > HEARTBEAT_WINDOW || at.since(now) > HEARTBEAT_WINDOW {
            return Err(HeartbeatRefusal::NotNow);
        }
        // Twice, as one that was ahead of its time may come again until then.
        self.seen.retain(|(came, _)| now.since(*came) <= HEARTBEAT_WINDOW * 2);
        if self.seen.iter().any(|(_, other)| *other == nonce) {
            return Err(HeartbeatRefusal::Repeated);
        }
        if self.seen.len() >= MOST_REMEMBERED {
            return Err(HeartbeatRefusal::TooMany);
        }
        self.seen.push_back((now, nonce));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_772_331_247_120);

    fn at(secs: u64) -> Timestamp {
        START.after(Duration::from_secs(secs))
    }

    #[test]
    fn a_heartbeat_counts_once_and_now() {
        let mut window = HeartbeatWindow::default();
        let mut check = |now: u64, made: u64, nonce: u8, expected| {
            assert_eq!(window.take(at(now), at(50), at(made), [nonce; 16]), expected, "{now} {made} {nonce}");
        };
        check(100, 100, 1, Ok(()));
        check(101, 100, 1, Err(HeartbeatRefusal::Repeated));
        check(160, 100, 1, Err(HeartbeatRefusal::Repeated));
        check(161, 100, 1, Err(HeartbeatRefusal::NotNow));
        check(161, 221, 2, Ok(()));
        check(281, 221, 2, Err(HeartbeatRefusal::Repeated));
        check(282, 221, 2, Err(HeartbeatRefusal::NotNow));
        check(100, 161, 3, Err(HeartbeatRefusal::NotNow));
        // Before the server was started it may have come, too.
        check(60, 49, 4, Err(HeartbeatRefusal::NotNow));
        check(60, 50, 4, Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut window = HeartbeatWindow::default();
        for number in 0..=u8::MAX {
            let taken = window.take(at(10), START, at(10), [number; 16]);
            let expected =
                if usize::from(number) < MOST_REMEMBERED { Ok(()) } else { Err(HeartbeatRefusal::TooMany) };
            assert_eq!(taken, expected);
        }
        assert_eq!(window.take(at(131), START, at(131), [0; 16]), Ok(()));
    }
}
