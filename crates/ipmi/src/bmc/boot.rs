//! The BMC's boot options (IPMI 2.0 section 28.14).

use std::time::{Duration, Instant};

use crate::command::{BootFlags, parameter};
use crate::completion::CompletionCode;

/// Without Chassis Control within this time the boot flags' valid bit is cleared (parameter 3, bit 3).
const VALID_FOR: Duration = Duration::from_secs(60);

/// Data length in bytes of parameters 0 to 6.
const LENGTHS: [usize; 7] = [1, 1, 1, 1, 2, 5, 9];

/// Parameter revision 1, in which all of these are (section 28.13).
const PARAMETER_VERSION: u8 = 0x01;

/// Parameter 3: do not clear the valid bit when no Chassis Control comes in time.
const KEEP_WITHOUT_CONTROL: u8 = 0x08;

/// Boot flags data 1: the flags are valid.
const VALID: u8 = 0x80;

/// The boot options with the times at which they lapse.
#[derive(Debug, Default)]
pub(super) struct BootOptions {
    values: [[u8; 9]; LENGTHS.len()],
    /// Bit n: a console marked parameter n invalid or locked.
    invalid: u8,
    lapse: Option<Instant>,
}

impl BootOptions {
    /// Set System Boot Options; returns the flags if they were written.
    pub(super) fn set(&mut self, now: Instant, data: &[u8]) -> Result<Option<BootFlags>, CompletionCode> {
        let (&selector, written) = data.split_first().ok_or(CompletionCode::REQUEST_LENGTH_INVALID)?;
        let parameter = selector & 0x7F;
        let (length, value) = self.parameter(parameter)?;
        if !written.is_empty() {
            if written.len() != length {
                return Err(CompletionCode::REQUEST_LENGTH_INVALID);
            }
            match (parameter, written) {
                (parameter::SET_IN_PROGRESS, [0x01]) if value[0] == 0x01 => {
                    return Err(CompletionCode::SET_IN_PROGRESS);
                }
                (parameter::SET_IN_PROGRESS, [0x00 | 0x01]) => value[0] = written[0],
                // "Commit write": nothing was held back, so it is the same as "set complete".
                (parameter::SET_IN_PROGRESS, [0x02]) => value[0] = 0x00,
                (parameter::SET_IN_PROGRESS, _) => return Err(CompletionCode::INVALID_FIELD),
                // The first byte says which bits of the second are written; it reads as zero.
                (parameter::BOOT_INFO_ACKNOWLEDGE, [mask, bits]) => value[1] = value[1] & !mask | bits & mask,
                _ => value[..length].copy_from_slice(written),
            }
        }
        self.invalid = self.invalid & !(1 << parameter) | (selector >> 7) << parameter;
        if parameter != parameter::BOOT_FLAGS || written.is_empty() {
            return Ok(None);
        }
        let flags = self.flags();
        self.lapse = (flags.valid && !self.keeps_without_control()).then(|| now + VALID_FOR);
        Ok(Some(flags))
    }

    /// Get System Boot Options.
    pub(super) fn get(&mut self, data: &[u8]) -> Result<Vec<u8>, CompletionCode> {
        let &[selector, _set, _block] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
        let parameter = selector & 0x7F;
        let marked = self.invalid >> parameter.min(7) & 1;
        let (length, value) = self.parameter(parameter)?;
        let mut reply = vec![PARAMETER_VERSION, marked << 7 | parameter];
        reply.extend_from_slice(&value[..length]);
        Ok(reply)
    }

    fn parameter(&mut self, parameter: u8) -> Result<(usize, &mut [u8; 9]), CompletionCode> {
        let index = usize::from(parameter);
        LENGTHS
            .get(index)
            .copied()
            .zip(self.values.get_mut(index))
            .ok_or(CompletionCode::PARAMETER_UNSUPPORTED)
    }

    pub(super) fn flags(&self) -> BootFlags {
        let [b0, b1, b2, b3, b4, ..] = self.values[usize::from(parameter::BOOT_FLAGS)];
        BootFlags::from_bytes([b0, b1, b2, b3, b4])
    }

    fn keeps_without_control(&self) -> bool {
        self.values[usize::from(parameter::VALID_BIT_CLEARING)][0] & KEEP_WITHOUT_CONTROL != 0
    }

    pub(super) fn clear_valid(&mut self) {
        self.values[usize::from(parameter::BOOT_FLAGS)][0] &= !VALID;
        self.lapse = None;
    }

    /// Chassis Control came: the flags now wait for the boot that it leads to.
    pub(super) fn chassis_controlled(&mut self) {
        self.lapse = None;
    }

    pub(super) fn wake(&mut self, now: Instant) {
        if self.lapse.is_some_and(|lapse| lapse <= now) {
            self.clear_valid();
        }
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.lapse
    }
}
