//! How bad the states of sensors are.

use crate::sensor::event_text::{SENSOR_SPECIFIC, THRESHOLD};

/// How bad a state is.
///
/// The specification grades few of them; the others are graded by what they mean for the machine: what it may stop for
/// is critical, what wants a look is a warning. States that only tell, and those that manufacturers define, are neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateSeverity {
    /// It only tells.
    Info,
    /// It wants a look.
    Warning,
    /// The machine fails, or may soon.
    Critical,
}

use StateSeverity::{Critical, Info, Warning};

/// How bad it is that the state or event at `offset` (0 to 14) was entered, for a sensor with this event/reading type and
/// sensor type. For [`THRESHOLD`] the offsets are those of events.
pub fn state_severity(event_type: u8, sensor_type: u8, offset: u8) -> StateSeverity {
    match (event_type, offset) {
        // Lower limits going low, and upper limits going high; the others are the way back.
        (THRESHOLD, 0 | 7) => Warning,
        (THRESHOLD, 2 | 4 | 9 | 11) => Critical,
        // Predictive failure, limit, performance.
        (0x04..=0x06, 1) => Warning,
        (0x07, 1 | 4) => Warning,
        (0x07, 2 | 3 | 5 | 6) => Critical,
        // Degraded, install error.
        (0x0A, 6 | 8) => Warning,
        (0x0B, 5) => Critical,
        (0x0B, 1..=4 | 6 | 7) => Warning,
        (SENSOR_SPECIFIC, _) => specific(sensor_type, offset),
        _ => Info,
    }
}

/// The states of table 42-3.
fn specific(sensor_type: u8, offset: u8) -> StateSeverity {
    match (sensor_type, offset) {
        // Physical and platform security.
        (0x05 | 0x06, 0..=6) => Warning,
        // Processor.
        (0x07, 0..=6 | 11) => Critical,
        (0x07, 10 | 12) => Warning,
        // Power supply.
        (0x08, 1 | 3 | 4) => Critical,
        (0x08, 2 | 5 | 6) => Warning,
        // Power unit.
        (0x09, 2 | 4..=6) => Critical,
        (0x09, 3 | 7) => Warning,
        // Memory.
        (0x0C, 1 | 2 | 7 | 10) => Critical,
        (0x0C, 0 | 3 | 5 | 9) => Warning,
        // Drive slot.
        (0x0D, 1 | 5 | 6) => Critical,
        (0x0D, 2 | 8) => Warning,
        // System firmware: error, hang.
        (0x0F, 0 | 1) => Critical,
        // Event logging disabled, log full or nearly.
        (0x10, 0 | 1 | 3..=6) => Warning,
        // Watchdogs.
        (0x11, 0..=5) | (0x23, 1..=3) => Critical,
        (0x11, 6 | 7) | (0x23, 0 | 8) => Warning,
        // Undetermined system hardware failure.
        (0x12, 2) => Critical,
        // Critical interrupt; correctable and degraded buses are no more than a warning.
        (0x13, 0 | 3 | 7 | 11) => Warning,
        (0x13, 1 | 2 | 4..=6 | 8..=10) => Critical,
        // Chip set.
        (0x19, 0 | 1) => Critical,
        // A cable in the wrong place.
        (0x1B, 1) => Warning,
        // Boot error.
        (0x1E, 0..=4) => Warning,
        // An installation that was aborted or failed.
        (0x1F, 9 | 10) => Warning,
        // OS stop.
        (0x20, 0 | 1) => Critical,
        (0x20, 5) => Warning,
        // Slot.
        (0x21, 0) => Critical,
        // LAN heartbeat lost.
        (0x27, 0) => Warning,
        // Management subsystem.
        (0x28, 0..=5) => Warning,
        // Battery.
        (0x29, 1) => Critical,
        (0x29, 0) => Warning,
        // Session audit: wrong passwords.
        (0x2A, 2 | 3) => Warning,
        // Version change: what does not fit.
        (0x2B, 2..=5) => Warning,
        _ => Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::event_text::state_text;

    #[test]
    fn what_a_machine_may_stop_for_is_critical() {
        let check = |event_type, sensor_type, offset, severity, text: &str| {
            assert_eq!(state_text(event_type, sensor_type, offset), Some(text));
            assert_eq!(state_severity(event_type, sensor_type, offset), severity, "{text}");
        };
        check(0x01, 0x01, 0, Warning, "Lower non-critical, going low");
        check(0x01, 0x01, 1, Info, "Lower non-critical, going high");
        check(0x01, 0x01, 8, Info, "Upper critical, going low");
        check(0x01, 0x01, 9, Critical, "Upper critical, going high");
        check(0x01, 0x01, 11, Critical, "Upper non-recoverable, going high");
        check(0x04, 0x0D, 1, Warning, "Predictive failure asserted");
        check(0x07, 0x08, 3, Critical, "Transition to non-recoverable from less severe");
        check(0x0B, 0x08, 0, Info, "Fully redundant");
        check(0x0B, 0x08, 5, Critical, "Non-redundant, insufficient resources");
        check(0x6F, 0x05, 0, Warning, "Chassis intrusion");
        check(0x6F, 0x08, 0, Info, "Presence detected");
        check(0x6F, 0x08, 3, Critical, "Power supply input lost");
        check(0x6F, 0x0C, 0, Warning, "Correctable ECC");
        check(0x6F, 0x0C, 1, Critical, "Uncorrectable ECC");
        check(0x6F, 0x0F, 2, Info, "System firmware progress");
        check(0x6F, 0x10, 2, Info, "Log area cleared");
        check(0x6F, 0x10, 4, Warning, "SEL full");
        check(0x6F, 0x1E, 0, Warning, "No bootable media");
        check(0x6F, 0x20, 1, Critical, "Run-time critical stop");
        check(0x6F, 0x20, 3, Info, "OS graceful shutdown");
        check(0x6F, 0x23, 1, Critical, "Hard reset");
        check(0x6F, 0x29, 0, Warning, "Battery low");
    }

    #[test]
    fn what_has_no_text_is_no_alarm() {
        for (event_type, sensor_type) in
            [(0x01, 0x01), (0x0B, 0x08), (0x6F, 0x07), (0x6F, 0x2C), (0x70, 0xC0)]
        {
            for offset in 0..=u8::MAX {
                if state_text(event_type, sensor_type, offset).is_none() {
                    let severity = state_severity(event_type, sensor_type, offset);
                    assert_eq!(severity, Info, "{event_type:#x} {sensor_type:#x} {offset}");
                }
            }
        }
    }
}
