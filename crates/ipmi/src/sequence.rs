//! Session sequence numbers (IPMI 2.0 section 6.12).

use crate::fault::IgnoreReason;

/// Counts packets going out: 1, 2, 3 ... and never 0, which stands for "outside a session".
#[derive(Debug, Default)]
pub(crate) struct OutboundSequence(u32);

impl OutboundSequence {
    pub(crate) fn advance(&mut self) -> u32 {
        self.0 = self.0.checked_add(1).unwrap_or(1);
        self.0
    }
}

/// Numbers below the highest seen that are still accepted once.
const BEHIND: u32 = 16;

/// How far above the highest number seen a BMC accepts one (section 6.12: eight or more for 1.5, 16 for RMCP+).
pub(crate) const BMC_AHEAD: u32 = 15;

/// Any distance ahead. A console takes this: whatever passes the integrity check is the BMC's own, a replay can only lie
/// behind, and boards with a shared network port count 1, 3, 5 ... or jump.
pub(crate) const CONSOLE_AHEAD: u32 = u32::MAX;

/// Accepts each number once and none that is too old.
#[derive(Debug)]
pub(crate) struct InboundWindow {
    highest: u32,
    /// Bit n: number `highest - n` was seen.
    seen: u32,
    ahead: u32,
}

impl InboundWindow {
    pub(crate) fn new(ahead: u32) -> Self {
        // Nothing comes before the first number, so all behind it count as seen.
        Self { highest: 0, seen: u32::MAX, ahead }
    }

    /// Takes a number whose packet passed the integrity check.
    pub(crate) fn accept(&mut self, sequence: u32) -> Result<(), IgnoreReason> {
        let refused = Err(IgnoreReason::OutsideWindow(sequence));
        if sequence == 0 {
            return refused;
        }
        let forward = sequence.wrapping_sub(self.highest);
        if forward != 0 && forward <= u32::MAX / 2 {
            if forward > self.ahead {
                return refused;
            }
            self.seen = self.seen.checked_shl(forward).unwrap_or(0) | 1;
            self.highest = sequence;
            return Ok(());
        }
        let behind = self.highest.wrapping_sub(sequence);
        if behind > BEHIND || self.seen & (1 << behind) != 0 {
            return refused;
        }
        self.seen |= 1 << behind;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ahead: u32, numbers: &[(u32, bool)]) {
        let mut window = InboundWindow::new(ahead);
        for (at, (number, accepted)) in numbers.iter().enumerate() {
            assert_eq!(window.accept(*number).is_ok(), *accepted, "step {at}: {number}");
        }
    }

    #[test]
    fn a_window_takes_each_number_once() {
        check(BMC_AHEAD, &[(1, true), (1, false), (2, true), (3, true), (2, false)]);
    }

    #[test]
    fn a_window_takes_numbers_out_of_order() {
        check(BMC_AHEAD, &[(5, true), (3, true), (4, true), (1, true), (3, false), (5, false)]);
    }

    #[test]
    fn a_window_has_two_ends() {
        check(
            BMC_AHEAD,
            &[(16, false), (15, true), (30, true), (14, true), (13, false), (46, false), (45, true)],
        );
    }

    #[test]
    fn zero_is_never_a_session_sequence_number() {
        check(CONSOLE_AHEAD, &[(0, false), (1, true), (0, false)]);
    }

    #[test]
    fn a_console_takes_any_jump_ahead_and_no_replay() {
        check(
            CONSOLE_AHEAD,
            &[(1, true), (3, true), (5, true), (1_000_000, true), (5, false), (1_000_000, false)],
        );
    }

    #[test]
    fn numbers_go_on_behind_the_largest() {
        check(
            CONSOLE_AHEAD,
            &[(0x7FFF_FFFF, true), (0xFFFF_FFFE, true), (u32::MAX, true), (1, true), (u32::MAX, false)],
        );
        let mut outbound = OutboundSequence(u32::MAX - 1);
        assert_eq!([outbound.advance(), outbound.advance(), outbound.advance()], [u32::MAX, 1, 2]);
    }
}
