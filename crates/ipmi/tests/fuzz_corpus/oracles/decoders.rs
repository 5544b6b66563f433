//! Decoders of what a BMC keeps: records of its sensors and events, and the inventory.

use ironhand_ipmi::fru::{FruFlaw, FruReading};
use ironhand_ipmi::sdr::Record;
use ironhand_ipmi::sel::Entry;
use ironhand_ipmi::sensor::event_text::{sensor_type_name, state_text};

/// A record of the event log is read and written back without loss.
pub fn sel(data: &[u8]) {
    for bytes in data.as_chunks::<16>().0 {
        let entry = Entry::decode(bytes);
        assert_eq!(entry.encode(), *bytes, "{entry:?}");
        sensor_type_name(bytes[10]);
        state_text(bytes[12] & 0x7F, bytes[10], bytes[13] & 0x0F);
    }
}

/// A sensor data record that is understood can be written, and stays the same from then on. Its sensor's readings are
/// numbers.
pub fn sdr(data: &[u8]) {
    let Some((id, bytes)) = data.split_first_chunk() else { return };
    let Ok(record) = Record::decode(u16::from_le_bytes(*id), bytes) else { return };
    let _ = (record.name(), format!("{record:?}"));
    // Names may hold what no coding has a byte for; written once, they no longer do.
    let written = record.encode();
    let again = Record::decode(record.id, &written).expect("what was written can be read");
    assert_eq!(again.encode(), written, "{record:?}");
    if let ironhand_ipmi::sdr::RecordBody::Full(sensor) = &record.body
        && let Some(conversion) = sensor.conversion()
    {
        for raw in 0..=u8::MAX {
            let value = conversion.value(raw);
            assert!(value.is_none_or(f64::is_finite), "{raw} is {value:?}");
            let _ = conversion.difference(raw);
            let back = value.and_then(|value| conversion.nearest_raw(value));
            assert_eq!(back.and_then(|back| conversion.value(back)), value, "{raw}");
        }
        let _ = conversion.tolerance();
    }
}

/// An inventory is read however damaged it is; what was read can be written, and is then read without a flaw.
pub fn fru(data: &[u8]) {
    let reading = FruReading::decode(data);
    let _ = format!("{reading:?}");
    for flaw in &reading.flaws {
        let _ = flaw.to_string();
    }
    if let Ok(bytes) = reading.inventory.encode() {
        let again = FruReading::decode(&bytes);
        // A record that is too short for its type is kept and written as it is.
        let kept = |flaw: &FruFlaw| matches!(flaw, FruFlaw::RecordTooShort { .. });
        assert!(again.flaws.iter().all(kept), "{:?} in what was written", again.flaws);
    }
}
