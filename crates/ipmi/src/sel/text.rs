//! Events in words.

use crate::sdr::SensorKey;
use crate::sel::SystemEvent;
use crate::sel::event_data::{manufacturer_bytes, previous_state, sensor_specific, severity};
use crate::sensor::event_text::{SENSOR_SPECIFIC, THRESHOLD, sensor_type_name, state_text};

/// The event type whose states are severities (table 42-2).
const SEVERITY: u8 = 0x07;

impl SystemEvent {
    /// What the sensor watches (table 42-3).
    pub fn sensor_type_name(&self) -> &'static str {
        sensor_type_name(self.sensor_type)
    }

    /// Where the sensor is, as sensor data records say it.
    pub fn sensor_key(&self) -> SensorKey {
        SensorKey {
            owner: self.generator.address(),
            channel: self.generator.channel(),
            lun: self.generator.lun(),
            number: self.sensor_number,
        }
    }

    /// Which state was entered or left, in the words of tables 42-2 and 42-3, or by numbers where there are none.
    pub fn state_text(&self) -> String {
        let offset = self.data.offset();
        match state_text(self.event_type, self.sensor_type, offset) {
            Some(text) => text.to_owned(),
            None => format!("Event type {:02X}h, offset {offset}", self.event_type),
        }
    }

    /// Whether it came from comparing a reading with thresholds.
    pub fn is_threshold(&self) -> bool {
        self.event_type == THRESHOLD
    }

    /// The raw reading that triggered a threshold event, where the event says.
    pub fn trigger_reading(&self) -> Option<u8> {
        (self.is_threshold() && self.data.second_form() == 1).then_some(self.data.0[1])
    }

    /// The raw threshold that a reading passed, where the event says.
    pub fn threshold(&self) -> Option<u8> {
        (self.is_threshold() && self.data.third_form() == 1).then_some(self.data.0[2])
    }

    /// What bytes 2 and 3 of the event data add, piece by piece. `reading` turns raw values of the event's sensor into
    /// text with a unit; where it cannot, they are shown raw.
    pub fn details(&self, reading: impl Fn(u8) -> Option<String>) -> Vec<String> {
        let value = |raw: u8| reading(raw).unwrap_or_else(|| format!("{raw:02X}h raw"));
        let mut details = Vec::new();
        if self.is_threshold() {
            details.extend(self.trigger_reading().map(|raw| format!("reading {}", value(raw))));
            details.extend(self.threshold().map(|raw| format!("threshold {}", value(raw))));
        } else {
            let previous = previous_state(self.data);
            let previous = previous.and_then(|offset| state_text(self.event_type, self.sensor_type, offset));
            details.extend(previous.map(|state| format!("was: {state}")));
            let severity = severity(self.data);
            let severity = severity.and_then(|offset| state_text(SEVERITY, self.sensor_type, offset));
            details.extend(severity.map(|state| format!("severity: {state}")));
        }
        if self.event_type == SENSOR_SPECIFIC {
            details.extend(sensor_specific(self.sensor_type, self.data));
        }
        details.extend(manufacturer_bytes(self.sensor_type, self.data));
        details
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::sel::{EventData, SystemEvent};

    fn check(event: [u8; 5], state: &str, details: &[&str]) {
        let [sensor_type, event_type, data @ ..] = event;
        let event = SystemEvent::of_bmc(sensor_type, 1, event_type, data);
        assert_eq!(event.state_text(), state, "{event:02x?}");
        assert_eq!(event.details(|_| None), details, "{event:02x?}");
    }

    #[test]
    fn thresholds_show_what_passed_them() {
        let high = "Upper non-critical, going high";
        check([0x01, 0x01, 0x57, 0x2B, 0x2A], high, &["reading 2Bh raw", "threshold 2Ah raw"]);
        check([0x01, 0x01, 0x47, 0x2B, 0x2A], high, &["reading 2Bh raw"]);
        check([0x01, 0x01, 0x07, 0xFF, 0xFF], high, &[]);
        let event = SystemEvent::of_bmc(0x01, 1, 0x01, [0x57, 0x2B, 0x2A]);
        let degrees = |raw| Some(format!("{raw} °C"));
        assert_eq!(event.details(degrees), ["reading 43 °C", "threshold 42 °C"]);
    }

    #[test]
    fn discrete_states_show_what_was_before() {
        check([0x08, 0x0B, 0x41, 0xF0, 0xFF], "Redundancy lost", &["was: Fully redundant"]);
        check([0x08, 0x0B, 0x41, 0xFF, 0xFF], "Redundancy lost", &[]);
        check(
            [0x08, 0x0B, 0x41, 0x20, 0xFF],
            "Redundancy lost",
            &["was: Fully redundant", "severity: Transition to critical from less severe"],
        );
        check([0x08, 0x7A, 0x03, 0xFF, 0xFF], "Event type 7Ah, offset 3", &[]);
        check([0xC1, 0x6F, 0xF3, 0x12, 0x34], "Event type 6Fh, offset 3", &["data 2: 12h", "data 3: 34h"]);
        check(
            [0x01, 0x07, 0xA1, 0x12, 0x34],
            "Transition to non-critical from OK",
            &["data 2: 12h", "data 3: 34h"],
        );
    }

    #[test]
    fn bytes_2_and_3_mean_what_the_sensor_type_says() {
        let check = |sensor_type, data: [u8; 3], details: &[&str]| {
            let event = SystemEvent::of_bmc(sensor_type, 1, 0x6F, data);
            assert_eq!(event.details(|_| None), details, "{sensor_type:#x} {data:02x?}");
        };
        check(0x05, [0xC4, 0x02, 0xFF], &["network controller 2"]);
        check(0x08, [0x36, 0xFF, 0x03], &["power rating mismatch"]);
        check(0x0C, [0x30, 0xFF, 0x03], &["memory module 3"]);
        check(0x0C, [0x31, 0xFF, 0xFF], &[]);
        check(0x0F, [0xC0, 0x01, 0xFF], &["no memory is installed"]);
        check(0x0F, [0xC2, 0x13, 0xFF], &["starting operating system boot process"]);
        check(0x0F, [0xC1, 0x07, 0xFF], &["PCI resource configuration"]);
        check(0x0F, [0xC2, 0x15, 0xFF], &[]);
        check(0x0F, [0xC2, 0xF0, 0xFF], &[]);
        check(0x0F, [0x02, 0x13, 0xFF], &[]);
        check(0x10, [0x35, 0xFF, 90], &["percent full: 90"]);
        check(0x12, [0xC3, 0x31, 0xFF], &["log cleared", "OEM log 1"]);
        check(0x12, [0xC4, 0x05, 0xFF], &["alert", "reset"]);
        check(0x12, [0xC5, 0x80, 0xFF], &["second of a pair", "SEL clock"]);
        check(0x19, [0xF0, 0x05, 0x00], &["asked for S5", "was in S0"]);
        check(0x1D, [0xF7, 0x04, 0x01], &["watchdog expired", "channel 1"]);
        check(0x21, [0xF0, 0x09, 0x03], &["PCI Express", "number 3"]);
        check(0x23, [0xC1, 0x24, 0xFF], &["NMI", "SMS/OS"]);
        check(0x28, [0xF5, 0x8A, 0x07], &["bus 2", "LUN 1", "logical device", "FRU device 7"]);
        check(0x28, [0xC0, 0x31, 0xFF], &["sensor 49"]);
        check(0x28, [0xC4, 0x31, 0xFF], &["sensor 49"]);
        check(0x2A, [0xF1, 0x00, 0x21], &["channel 1", "by timeout"]);
        check(0x2A, [0xF1, 0x02, 0x21], &["user 2", "channel 1", "by timeout"]);
        check(0x2B, [0xC7, 0x09, 0xFF], &["system firmware"]);
        check(0x2C, [0xC4, 0x23, 0xFF], &["by handle latch", "had activation in progress"]);
    }

    proptest! {
        #[test]
        fn every_event_has_a_text(sensor_type: u8, event_type: u8, data: [u8; 3]) {
            let event = SystemEvent { data: EventData(data), ..SystemEvent::of_bmc(sensor_type, 0, event_type, data) };
            prop_assert!(!event.state_text().is_empty());
            prop_assert!(event.details(|_| None).iter().all(|detail| !detail.is_empty()));
        }
    }
}
