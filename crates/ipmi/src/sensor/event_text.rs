//! What sensor types, states and events are called (IPMI 2.0 tables 42-1, 42-2 and 42-3).
//!
//! A sensor's states and the events in a SEL are numbered alike: an event/reading type says which list, a sensor type
//! says which of the sensor-specific lists, an offset says which line.

/// Event/reading type of sensors that compare a reading with thresholds.
pub const THRESHOLD: u8 = 0x01;

/// Event/reading type of sensors whose states depend on the sensor type.
pub const SENSOR_SPECIFIC: u8 = 0x6F;

/// The name of a sensor type (table 42-3, first column).
pub fn sensor_type_name(sensor_type: u8) -> &'static str {
    match sensor_type {
        0x00 => "Reserved",
        0x01..=0x2C => SENSOR_TYPES[usize::from(sensor_type) - 1].0,
        0xC0..=0xFF => "OEM",
        _ => "Unknown",
    }
}

/// The sensor type with this name, whatever its case; [`sensor_type_name`] the other way round.
pub fn sensor_type_number(name: &str) -> Option<u8> {
    (1..).zip(SENSOR_TYPES).find(|(_, (known, _))| known.eq_ignore_ascii_case(name)).map(|(number, _)| number)
}

/// What the state or event at `offset` (0 to 14) means for a sensor with this event/reading type and sensor type.
///
/// `None` for offsets that the specification leaves open and for the types that manufacturers define (70h to 7Fh).
/// For [`THRESHOLD`] the offsets are those of events; the six comparison bits of a reading are something else.
pub fn state_text(event_type: u8, sensor_type: u8, offset: u8) -> Option<&'static str> {
    let texts = match event_type {
        THRESHOLD..=0x0C => GENERIC[usize::from(event_type) - 1],
        SENSOR_SPECIFIC => {
            let index = usize::from(sensor_type).checked_sub(1)?;
            SENSOR_TYPES.get(index)?.1
        }
        _ => return None,
    };
    texts.get(usize::from(offset)).copied().filter(|text| !text.is_empty())
}

/// Table 42-2, by event/reading type from 01h.
const GENERIC: [&[&str]; 12] = [
    &[
        "Lower non-critical, going low",
        "Lower non-critical, going high",
        "Lower critical, going low",
        "Lower critical, going high",
        "Lower non-recoverable, going low",
        "Lower non-recoverable, going high",
        "Upper non-critical, going low",
        "Upper non-critical, going high",
        "Upper critical, going low",
        "Upper critical, going high",
        "Upper non-recoverable, going low",
        "Upper non-recoverable, going high",
    ],
    &["Transition to idle", "Transition to active", "Transition to busy"],
    &["State deasserted", "State asserted"],
    &["Predictive failure deasserted", "Predictive failure asserted"],
    &["Limit not exceeded", "Limit exceeded"],
    &["Performance met", "Performance lags"],
    &[
        "Transition to OK",
        "Transition to non-critical from OK",
        "Transition to critical from less severe",
        "Transition to non-recoverable from less severe",
        "Transition to non-critical from more severe",
        "Transition to critical from non-recoverable",
        "Transition to non-recoverable",
        "Monitor",
        "Informational",
    ],
    &["Device absent", "Device present"],
    &["Device disabled", "Device enabled"],
    &[
        "Transition to running",
        "Transition to in test",
        "Transition to power off",
        "Transition to on line",
        "Transition to off line",
        "Transition to off duty",
        "Transition to degraded",
        "Transition to power save",
        "Install error",
    ],
    &[
        "Fully redundant",
        "Redundancy lost",
        "Redundancy degraded",
        "Non-redundant, sufficient resources, from redundant",
        "Non-redundant, sufficient resources, from insufficient",
        "Non-redundant, insufficient resources",
        "Redundancy degraded from fully redundant",
        "Redundancy degraded from non-redundant",
    ],
    &["D0 power state", "D1 power state", "D2 power state", "D3 power state"],
];

/// A sensor type's name and its own states; `""` where an offset has no meaning.
type SensorType = (&'static str, &'static [&'static str]);

/// Table 42-3, by sensor type from 01h.
const SENSOR_TYPES: [SensorType; 0x2C] = [
    ("Temperature", &[]),
    ("Voltage", &[]),
    ("Current", &[]),
    ("Fan", &[]),
    (
        "Physical Security",
        &[
            "Chassis intrusion",
            "Drive bay intrusion",
            "I/O card area intrusion",
            "Processor area intrusion",
            "LAN leash lost",
            "Unauthorized dock",
            "Fan area intrusion",
        ],
    ),
    (
        "Platform Security",
        &[
            "Secure mode violation attempt",
            "Wrong pre-boot user password",
            "Wrong pre-boot setup password",
            "Wrong pre-boot network boot password",
            "Other pre-boot password violation",
            "Out-of-band access password violation",
        ],
    ),
    (
        "Processor",
        &[
            "IERR",
            "Thermal trip",
            "FRB1/BIST failure",
            "FRB2/hang in POST",
            "FRB3/startup or initialization failure",
            "Configuration error",
            "SM BIOS uncorrectable CPU-complex error",
            "Processor presence detected",
            "Processor disabled",
            "Terminator presence detected",
            "Processor automatically throttled",
            "Machine check exception (uncorrectable)",
            "Correctable machine check error",
        ],
    ),
    (
        "Power Supply",
        &[
            "Presence detected",
            "Power supply failure detected",
            "Predictive failure",
            "Power supply input lost",
            "Power supply input lost or out of range",
            "Power supply input out of range, but present",
            "Configuration error",
            "Power supply inactive",
        ],
    ),
    (
        "Power Unit",
        &[
            "Power off",
            "Power cycle",
            "240 VA power down",
            "Interlock power down",
            "Power input lost",
            "Soft power control failure",
            "Power unit failure detected",
            "Predictive failure",
        ],
    ),
    ("Cooling Device", &[]),
    ("Other Units-based Sensor", &[]),
    (
        "Memory",
        &[
            "Correctable ECC",
            "Uncorrectable ECC",
            "Parity",
            "Memory scrub failed",
            "Memory device disabled",
            "Correctable ECC logging limit reached",
            "Presence detected",
            "Configuration error",
            "Spare",
            "Memory automatically throttled",
            "Critical overtemperature",
        ],
    ),
    (
        "Drive Slot",
        &[
            "Drive presence",
            "Drive fault",
            "Predictive failure",
            "Hot spare",
            "Consistency check in progress",
            "In critical array",
            "In failed array",
            "Rebuild in progress",
            "Rebuild aborted",
        ],
    ),
    ("POST Memory Resize", &[]),
    (
        "System Firmware Progress",
        &["System firmware error", "System firmware hang", "System firmware progress"],
    ),
    (
        "Event Logging Disabled",
        &[
            "Correctable memory error logging disabled",
            "Event type logging disabled",
            "Log area cleared",
            "All event logging disabled",
            "SEL full",
            "SEL almost full",
            "Correctable machine check error logging disabled",
        ],
    ),
    (
        "Watchdog 1",
        &[
            "BIOS watchdog reset",
            "OS watchdog reset",
            "OS watchdog shut down",
            "OS watchdog power down",
            "OS watchdog power cycle",
            "OS watchdog NMI",
            "OS watchdog expired, status only",
            "OS watchdog pre-timeout interrupt",
        ],
    ),
    (
        "System Event",
        &[
            "System reconfigured",
            "OEM system boot event",
            "Undetermined system hardware failure",
            "Entry added to auxiliary log",
            "PEF action",
            "Timestamp clock synch",
        ],
    ),
    (
        "Critical Interrupt",
        &[
            "Front panel NMI",
            "Bus timeout",
            "I/O channel check NMI",
            "Software NMI",
            "PCI PERR",
            "PCI SERR",
            "EISA fail safe timeout",
            "Bus correctable error",
            "Bus uncorrectable error",
            "Fatal NMI",
            "Bus fatal error",
            "Bus degraded",
        ],
    ),
    (
        "Button",
        &[
            "Power button pressed",
            "Sleep button pressed",
            "Reset button pressed",
            "FRU latch open",
            "FRU service request button pressed",
        ],
    ),
    ("Module/Board", &[]),
    ("Microcontroller", &[]),
    ("Add-in Card", &[]),
    ("Chassis", &[]),
    ("Chip Set", &["Soft power control failure", "Thermal trip"]),
    ("Other FRU", &[]),
    ("Cable/Interconnect", &["Connected", "Configuration error, incorrect cable"]),
    ("Terminator", &[]),
    (
        "System Boot Initiated",
        &[
            "Initiated by power up",
            "Initiated by hard reset",
            "Initiated by warm reset",
            "User requested PXE boot",
            "Automatic boot to diagnostic",
            "Software initiated hard reset",
            "Software initiated warm reset",
            "System restart",
        ],
    ),
    (
        "Boot Error",
        &[
            "No bootable media",
            "Non-bootable diskette in drive",
            "PXE server not found",
            "Invalid boot sector",
            "Timeout waiting for selection of boot source",
        ],
    ),
    (
        "OS Boot",
        &[
            "A: boot completed",
            "C: boot completed",
            "PXE boot completed",
            "Diagnostic boot completed",
            "CD-ROM boot completed",
            "ROM boot completed",
            "Boot completed, device not specified",
            "OS installation started",
            "OS installation completed",
            "OS installation aborted",
            "OS installation failed",
        ],
    ),
    (
        "OS Stop",
        &[
            "Critical stop during OS load",
            "Run-time critical stop",
            "OS graceful stop",
            "OS graceful shutdown",
            "Soft shutdown by PEF",
            "Agent not responding",
        ],
    ),
    (
        "Slot/Connector",
        &[
            "Fault status",
            "Identify status",
            "Device installed",
            "Ready for device installation",
            "Ready for device removal",
            "Slot power off",
            "Device removal request",
            "Interlock",
            "Slot disabled",
            "Slot holds spare device",
        ],
    ),
    (
        "System ACPI Power State",
        &[
            "S0/G0 working",
            "S1 sleeping, context maintained",
            "S2 sleeping, processor context lost",
            "S3 sleeping, memory retained",
            "S4 suspended to disk",
            "S5/G2 soft off",
            "S4/S5 soft off",
            "G3 mechanical off",
            "Sleeping in S1, S2 or S3",
            "G1 sleeping",
            "S5 entered by override",
            "Legacy on",
            "Legacy off",
            "",
            "Unknown",
        ],
    ),
    (
        "Watchdog 2",
        &[
            "Timer expired, status only",
            "Hard reset",
            "Power down",
            "Power cycle",
            "",
            "",
            "",
            "",
            "Timer interrupt",
        ],
    ),
    ("Platform Alert", &["Page sent", "LAN alert sent", "Platform event trap sent", "SNMP trap sent"]),
    ("Entity Presence", &["Entity present", "Entity absent", "Entity disabled"]),
    ("Monitor ASIC", &[]),
    ("LAN", &["LAN heartbeat lost", "LAN heartbeat"]),
    (
        "Management Subsystem Health",
        &[
            "Sensor access degraded or unavailable",
            "Controller access degraded or unavailable",
            "Management controller off line",
            "Management controller unavailable",
            "Sensor failure",
            "FRU failure",
        ],
    ),
    ("Battery", &["Battery low", "Battery failed", "Battery presence detected"]),
    (
        "Session Audit",
        &[
            "Session activated",
            "Session deactivated",
            "Invalid user name or password",
            "User disabled by invalid passwords",
        ],
    ),
    (
        "Version Change",
        &[
            "Hardware change detected",
            "Firmware or software change detected",
            "Hardware incompatibility detected",
            "Firmware or software incompatibility detected",
            "Unsupported hardware version",
            "Unsupported firmware or software version",
            "Hardware change successful",
            "Firmware or software change successful",
        ],
    ),
    (
        "FRU State",
        &[
            "FRU not installed",
            "FRU inactive",
            "FRU activation requested",
            "FRU activation in progress",
            "FRU active",
            "FRU deactivation requested",
            "FRU deactivation in progress",
            "FRU communication lost",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_the_texts_of_the_tables() {
        let check = |event_type, sensor_type, offset, expected| {
            assert_eq!(
                state_text(event_type, sensor_type, offset),
                expected,
                "{event_type:#x} {sensor_type:#x}"
            );
        };
        check(0x01, 0x01, 0, Some("Lower non-critical, going low"));
        check(0x01, 0x01, 11, Some("Upper non-recoverable, going high"));
        check(0x01, 0x01, 12, None);
        check(0x03, 0x07, 1, Some("State asserted"));
        check(0x07, 0x10, 8, Some("Informational"));
        check(0x08, 0x08, 0, Some("Device absent"));
        check(0x0B, 0x09, 0, Some("Fully redundant"));
        check(0x0C, 0x09, 3, Some("D3 power state"));
        check(0x6F, 0x05, 0, Some("Chassis intrusion"));
        check(0x6F, 0x07, 7, Some("Processor presence detected"));
        check(0x6F, 0x0C, 0, Some("Correctable ECC"));
        check(0x6F, 0x22, 13, None);
        check(0x6F, 0x22, 14, Some("Unknown"));
        check(0x6F, 0x23, 4, None);
        check(0x6F, 0x23, 8, Some("Timer interrupt"));
        check(0x6F, 0x2C, 7, Some("FRU communication lost"));
        check(0x00, 0x01, 0, None);
        check(0x0D, 0x01, 0, None);
        check(0x70, 0x07, 0, None);
        check(0x6F, 0x00, 0, None);
        check(0x6F, 0x2D, 0, None);
        check(0x6F, 0xFF, 0, None);
    }

    #[test]
    fn sensor_types_have_names_and_are_found_by_them() {
        for (number, name) in [
            (0x01, "Temperature"),
            (0x04, "Fan"),
            (0x08, "Power Supply"),
            (0x12, "System Event"),
            (0x1D, "System Boot Initiated"),
            (0x22, "System ACPI Power State"),
            (0x2C, "FRU State"),
        ] {
            assert_eq!(sensor_type_name(number), name);
            assert_eq!(sensor_type_number(&name.to_uppercase()), Some(number));
        }
        assert_eq!((sensor_type_name(0x2D), sensor_type_name(0xC0)), ("Unknown", "OEM"));
        assert_eq!(sensor_type_number("OEM"), None);
    }
}
