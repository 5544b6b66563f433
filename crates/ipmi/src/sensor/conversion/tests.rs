use proptest::prelude::*;

use super::*;

fn conversion(
    format: AnalogFormat,
    linearization: u8,
    m: i16,
    b: i16,
    b_exponent: i8,
    r_exponent: i8,
) -> Conversion {
    Conversion {
        format,
        linearization: Linearization::from_number(linearization).unwrap(),
        factors: ReadingFactors { m, b, b_exponent, r_exponent, ..Default::default() },
    }
}

#[test]
fn raw_bytes_become_values() {
    let check = |format, linearization, (m, b, b_exponent, r_exponent), raw, expected: Option<f64>| {
        let value = conversion(format, linearization, m, b, b_exponent, r_exponent).value(raw);
        let near = match (value, expected) {
            (Some(value), Some(expected)) => (value - expected).abs() <= expected.abs() * 1e-12,
            (value, expected) => value == expected,
        };
        assert!(near, "{format:?} L{linearization} {raw}: {value:?}, not {expected:?}");
    };
    use AnalogFormat::{OnesComplement, TwosComplement, Unsigned};
    check(Unsigned, 0, (1, 0, 0, 0), 42, Some(42.0));
    check(Unsigned, 0, (59, 0, 0, -3), 203, Some(11.977));
    check(Unsigned, 0, (75, 0, 0, 0), 100, Some(7500.0));
    check(Unsigned, 0, (1, -5, 1, 0), 70, Some(20.0));
    check(Unsigned, 0, (-2, 300, 0, -1), 100, Some(10.0));
    check(TwosComplement, 0, (1, 0, 0, 0), 0xF6, Some(-10.0));
    check(TwosComplement, 0, (1, 0, 0, 0), 0x80, Some(-128.0));
    check(OnesComplement, 0, (1, 0, 0, 0), 0xF6, Some(-9.0));
    check(OnesComplement, 0, (1, 0, 0, 0), 0xFF, Some(0.0));
    check(OnesComplement, 0, (1, 0, 0, 0), 0x80, Some(-127.0));
    check(Unsigned, 1, (1, 0, 0, 0), 10, Some(10f64.ln()));
    check(Unsigned, 2, (1, 0, 0, 0), 100, Some(2.0));
    check(Unsigned, 3, (1, 0, 0, 0), 8, Some(3.0));
    check(Unsigned, 4, (1, 0, 0, -1), 10, Some(1f64.exp()));
    check(Unsigned, 5, (1, 0, 0, 0), 3, Some(1000.0));
    check(Unsigned, 6, (1, 0, 0, 0), 10, Some(1024.0));
    check(Unsigned, 7, (1, 0, 0, 0), 4, Some(0.25));
    check(Unsigned, 8, (1, 0, 0, 0), 12, Some(144.0));
    check(Unsigned, 9, (1, 0, 0, 0), 3, Some(27.0));
    check(Unsigned, 10, (1, 0, 0, 0), 49, Some(7.0));
    check(Unsigned, 11, (1, 0, 0, 0), 27, Some(3.0));
    check(Unsigned, 0x70, (2, 1, 0, 0), 3, Some(7.0));
    // No number at all, and none that fits.
    check(Unsigned, 1, (1, 0, 0, 0), 0, None);
    check(Unsigned, 2, (1, -1, 0, 0), 0, None);
    check(Unsigned, 7, (1, 0, 0, 0), 0, None);
    check(TwosComplement, 10, (1, 0, 0, 0), 0xFF, None);
    check(Unsigned, 5, (511, 0, 0, 7), 255, None);
}

#[test]
fn counts_become_differences_where_steps_are_even() {
    let linear = conversion(AnalogFormat::Unsigned, 0, -5, 300, 0, -1);
    assert_eq!(linear.difference(2), Some(1.0));
    assert_eq!(conversion(AnalogFormat::Unsigned, 8, 1, 0, 0, 0).difference(2), None);
    let tolerant = Conversion {
        factors: ReadingFactors { tolerance: 1, accuracy: 250, accuracy_exponent: 1, ..linear.factors },
        ..linear
    };
    assert_eq!(tolerant.tolerance(), Some(0.25));
    assert_eq!(tolerant.factors.accuracy_percent(), 25.0);
}

#[test]
fn values_become_the_nearest_raw_byte() {
    let check = |conversion: Conversion, value, expected| assert_eq!(conversion.nearest_raw(value), expected);
    let fan = conversion(AnalogFormat::Unsigned, 0, 75, 0, 0, 0);
    check(fan, 5000.0, Some(67));
    check(fan, 0.0, Some(0));
    check(fan, -1.0, None);
    check(fan, 20_000.0, None);
    check(fan, f64::NAN, None);
    check(conversion(AnalogFormat::TwosComplement, 0, 1, 0, 0, 0), -10.2, Some(0xF6));
    check(conversion(AnalogFormat::Unsigned, 7, 1, 0, 0, 0), 0.5, Some(2));
    check(conversion(AnalogFormat::Unsigned, 1, 0, 0, 0, 0), 1.0, None);
}

#[test]
fn reserved_linearizations_have_no_meaning() {
    for number in 0..=0x7F {
        let known = Linearization::from_number(number);
        assert_eq!(known.is_some(), number <= 11 || number >= 0x70, "{number:#x}");
        assert!(known.is_none_or(|known| known.number() == number));
    }
}

proptest! {
    #[test]
    fn factors_come_back_as_the_same_bytes(mut bytes: [u8; 6]) {
        bytes[4] &= 0xFC;
        prop_assert_eq!(ReadingFactors::from_bytes(bytes).to_bytes(), bytes);
    }

    #[test]
    fn no_value_is_infinite_or_no_number(bytes: [u8; 6], number in 0u8..12, format in 0u8..3, raw: u8) {
        let conversion = Conversion {
            format: AnalogFormat::from_units(format << 6).unwrap(),
            linearization: Linearization::from_number(number).unwrap(),
            factors: ReadingFactors::from_bytes(bytes),
        };
        for value in [conversion.value(raw), conversion.difference(raw), conversion.tolerance()] {
            prop_assert!(value.is_none_or(f64::is_finite));
        }
        if let Some(value) = conversion.value(raw) {
            let back = conversion.nearest_raw(value).and_then(|raw| conversion.value(raw));
            prop_assert_eq!(back, Some(value));
        }
    }
}
