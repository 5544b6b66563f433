//! The keys that are down on a keyboard that is told as a whole.

use std::collections::BTreeSet;

use ironhand_console::keys::Stroke;

use crate::Error;

/// Keys beside modifiers that a keyboard's report has room for (USB HID 1.11, appendix B).
const MOST_KEYS: usize = 6;

/// The usages of modifiers, which are bits of a report.
const MODIFIERS: std::ops::RangeInclusive<u8> = 0xe0..=0xe7;

/// The keys that are down, by their usages on the keyboard page of USB.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeldKeys(BTreeSet<u8>);

impl HeldKeys {
    /// The keys that are down after a stroke.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where the key has no position, or a report has no room for it.
    pub(crate) fn after(&self, stroke: Stroke) -> Result<Self, Error> {
        let unsupported = |what: String| Error::Unsupported { what };
        let usage = stroke.usage.ok_or_else(|| unsupported("press a key without a position".to_owned()))?;
        let mut held = self.0.clone();
        if stroke.down {
            held.insert(usage)
        } else {
            held.remove(&usage)
        };
        if held.iter().filter(|usage| !MODIFIERS.contains(usage)).count() > MOST_KEYS {
            return Err(unsupported(format!("hold more than {MOST_KEYS} keys at once")));
        }
        Ok(Self(held))
    }

    /// The state of the keyboard, as USB has it: a byte of modifiers, a reserved one, six keys.
    pub(crate) fn report(&self) -> [u8; 8] {
        let mut report = [0; 8];
        let (modifiers, keys): (Vec<u8>, Vec<u8>) =
            self.0.iter().partition(|usage| MODIFIERS.contains(usage));
        report[0] = modifiers.iter().fold(0, |bits, usage| bits | 1 << (usage - MODIFIERS.start()));
        for (place, usage) in report[2..].iter_mut().zip(keys) {
            *place = usage;
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_hold_modifiers_as_bits_and_keys_as_usages() {
        let check = |held: &[u8], wanted: [u8; 8]| {
            assert_eq!(HeldKeys(held.iter().copied().collect()).report(), wanted, "{held:?}");
        };
        check(&[], [0; 8]);
        check(&[0x04], [0, 0, 4, 0, 0, 0, 0, 0]);
        check(&[0x4c, 0xe0, 0xe2], [0b101, 0, 0x4c, 0, 0, 0, 0, 0]);
        check(&[0xe6, 4, 5, 6, 7, 8, 9], [0b100_0000, 0, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn keys_go_down_and_up_as_far_as_there_is_room() {
        let stroke = |usage, down| Stroke { keysym: 0, usage, down };
        let mut held = HeldKeys::default();
        for usage in [0xe1, 4, 5, 6, 7, 8, 9] {
            held = held.after(stroke(Some(usage), true)).expect("there is room");
        }
        assert!(held.after(stroke(Some(10), true)).is_err_and(|error| error.is_unsupported()));
        assert!(held.after(stroke(None, true)).is_err_and(|error| error.is_unsupported()));
        let held = held.after(stroke(Some(4), false)).expect("it is down");
        assert_eq!(held.report(), [2, 0, 5, 6, 7, 8, 9, 0]);
    }
}
