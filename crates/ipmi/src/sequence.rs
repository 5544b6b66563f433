//! Session sequence numbers (IPMI 2.0 section 6.12).

use crate::fault::IgnoreReason;

/// Counts packets going out: 1, 2, 3 ... and never 0, which stands for "outside a session".
#[derive(Debug, Default)]
pub(crate) struct OutboundSequence(u32);

impl OutboundSequence {
    /// Counts from `first` on, as the two sides of an IPMI 1.5 session tell each other.
    pub(crate) fn starting_at(first: u32) -> Self {
        Self(before(first))
    }

    pub(crate) fn advance(&mut self) -> u32 {
        self.0 = self.0.checked_add(1).unwrap_or(1);
        self.0
    }
}

/// Numbers below the highest seen that are still accepted once.
const BEHIND: u32 = 16;

/// The same, and how far above the highest, for a BMC's IPMI 1.5 sessions (section 6.12.13).
const WINDOW_15: u32 = 8;

/// The number before `number`, which may be the one that is skipped.
const fn before(number: u32) -> u32 {
    number.wrapping_sub(1)
}

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
    behind: u32,
}

impl InboundWindow {
    pub(crate) fn new(ahead: u32) -> Self {
        // Nothing comes before the first number, so all behind it count as seen.
        Self { highest: 0, seen: u32::MAX, ahead, behind: BEHIND }
    }

    /// A BMC's window for an IPMI 1.5 session whose first number is `first`.
    pub(crate) fn ipmi_15(first: u32) -> Self {
        Self { highest: before(first), behind: WINDOW_15, ..Self::new(WINDOW_15) }
    }

    /// A console's window for an IPMI 1.5 session whose first number is `first`.
    pub(crate) fn console_15(first: u32) -> Self {
        Self { highest: before(first), behind: WINDOW_15, ..Self::new(CONSOLE_AHEAD) }
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
        if behind > self.behind || self.seen & (1 << behind) != 0 {
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
    fn a_window_of_ipmi_15_begins_where_the_sides_agreed() {
        let check = |mut window: InboundWindow, numbers: &[(u32, bool)]| {
            for (number, accepted) in numbers {
                assert_eq!(window.accept(*number).is_ok(), *accepted, "{number}");
            }
        };
        let bmc: &[_] = &[(99, false), (108, false), (100, true), (100, false), (108, true), (101, true)];
        check(InboundWindow::ipmi_15(100), bmc);
        check(
            InboundWindow::ipmi_15(100),
            &[(107, true), (116, false), (115, true), (107, false), (106, false)],
        );
        check(InboundWindow::ipmi_15(1), &[(1, true), (2, true), (1, false)]);
        check(InboundWindow::ipmi_15(u32::MAX), &[(u32::MAX, true), (1, true), (0, false)]);
        check(InboundWindow::console_15(100), &[(99, false), (5000, true), (4992, true), (4991, false)]);
        let mut outbound = OutboundSequence::starting_at(u32::MAX);
        assert_eq!([outbound.advance(), outbound.advance()], [u32::MAX, 1]);
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
