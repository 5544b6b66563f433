//! From a sensor's raw byte to a value and back (IPMI 2.0 section 36.3):
//! `y = L[(M·x + B·10^K1) · 10^K2]`.

/// How a raw byte holds a number ("analog data format" of sensor units 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnalogFormat {
    /// 0 to 255.
    Unsigned,
    /// -127 to 127, with two zeros.
    OnesComplement,
    /// -128 to 127.
    TwosComplement,
}

impl AnalogFormat {
    /// From the two upper bits of sensor units 1; `None` where the sensor has no analogue reading.
    pub(crate) fn from_units(byte: u8) -> Option<Self> {
        match byte >> 6 {
            0 => Some(Self::Unsigned),
            1 => Some(Self::OnesComplement),
            2 => Some(Self::TwosComplement),
            _ => None,
        }
    }

    /// The two upper bits of sensor units 1.
    pub(crate) fn to_units(format: Option<Self>) -> u8 {
        match format {
            Some(Self::Unsigned) => 0x00,
            Some(Self::OnesComplement) => 0x40,
            Some(Self::TwosComplement) => 0x80,
            None => 0xC0,
        }
    }

    /// The number in a raw byte.
    pub fn number(self, raw: u8) -> i16 {
        match self {
            Self::Unsigned => i16::from(raw),
            Self::OnesComplement if raw & 0x80 != 0 => -i16::from(!raw),
            Self::OnesComplement => i16::from(raw),
            Self::TwosComplement => i16::from(raw as i8),
        }
    }
}

/// The function that the last step of a conversion applies (table 43-1, byte 24).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Linearization {
    /// None.
    Linear,
    /// Natural logarithm.
    Ln,
    /// Logarithm to base 10.
    Log10,
    /// Logarithm to base 2.
    Log2,
    /// e to the power of x.
    Exp,
    /// 10 to the power of x.
    Exp10,
    /// 2 to the power of x.
    Exp2,
    /// 1/x.
    Inverse,
    /// Square.
    Square,
    /// Cube.
    Cube,
    /// Square root.
    SquareRoot,
    /// Cube root.
    CubeRoot,
    /// 70h to 7Fh: the factors differ from raw value to raw value and must be asked for with
    /// [`GetSensorReadingFactors`](crate::sensor::commands::GetSensorReadingFactors). No function is applied.
    NonLinear(u8),
}

const LINEARIZATIONS: [Linearization; 12] = [
    Linearization::Linear,
    Linearization::Ln,
    Linearization::Log10,
    Linearization::Log2,
    Linearization::Exp,
    Linearization::Exp10,
    Linearization::Exp2,
    Linearization::Inverse,
    Linearization::Square,
    Linearization::Cube,
    Linearization::SquareRoot,
    Linearization::CubeRoot,
];

impl Linearization {
    /// From its number, 0 to 11 or 70h to 7Fh; bit 7 is reserved.
    pub(crate) fn from_number(byte: u8) -> Option<Self> {
        match byte & 0x7F {
            number @ 0x70..=0x7F => Some(Self::NonLinear(number)),
            number => LINEARIZATIONS.get(usize::from(number)).copied(),
        }
    }

    /// Its number in a full sensor record.
    pub fn number(self) -> u8 {
        match self {
            Self::NonLinear(number) => number,
            _ => (0..).zip(LINEARIZATIONS).find(|(_, known)| *known == self).map_or(0, |(number, _)| number),
        }
    }

    fn apply(self, x: f64) -> f64 {
        match self {
            Self::Linear | Self::NonLinear(_) => x,
            Self::Ln => x.ln(),
            Self::Log10 => x.log10(),
            Self::Log2 => x.log2(),
            Self::Exp => x.exp(),
            Self::Exp10 => 10f64.powf(x),
            Self::Exp2 => x.exp2(),
            Self::Inverse => x.recip(),
            Self::Square => x * x,
            Self::Cube => x * x * x,
            Self::SquareRoot => x.sqrt(),
            Self::CubeRoot => x.cbrt(),
        }
    }
}

/// The numbers of a conversion, from a full sensor record or from Get Sensor Reading Factors (section 35.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ReadingFactors {
    /// M: -512 to 511.
    pub m: i16,
    /// B: -512 to 511.
    pub b: i16,
    /// K1, the exponent of B: -8 to 7.
    pub b_exponent: i8,
    /// K2, the exponent of the result: -8 to 7.
    pub r_exponent: i8,
    /// Tolerance in half raw counts: 0 to 63.
    pub tolerance: u8,
    /// Accuracy in hundredths of a percent before its exponent: 0 to 1023.
    pub accuracy: u16,
    /// Exponent of the accuracy: 0 to 3.
    pub accuracy_exponent: u8,
}

impl ReadingFactors {
    /// Reads the six bytes from "M" to "R exponent, B exponent".
    pub(crate) fn from_bytes([m, m_tolerance, b, b_accuracy, accuracy, exponents]: [u8; 6]) -> Self {
        let ten_bits = |low: u8, high: u8| {
            let unsigned = i16::from(high >> 6) << 8 | i16::from(low);
            if unsigned >= 0x200 { unsigned - 0x400 } else { unsigned }
        };
        let four_bits = |bits: u8| ((bits << 4) as i8) >> 4;
        Self {
            m: ten_bits(m, m_tolerance),
            b: ten_bits(b, b_accuracy),
            b_exponent: four_bits(exponents & 0x0F),
            r_exponent: four_bits(exponents >> 4),
            tolerance: m_tolerance & 0x3F,
            accuracy: u16::from(accuracy >> 4) << 6 | u16::from(b_accuracy & 0x3F),
            accuracy_exponent: accuracy >> 2 & 3,
        }
    }

    /// The six bytes, with the sensor direction's bits clear. What exceeds a field is cut off.
    pub(crate) fn to_bytes(self) -> [u8; 6] {
        let [m_low, m_high] = self.m.to_le_bytes();
        let [b_low, b_high] = self.b.to_le_bytes();
        [
            m_low,
            m_high << 6 | self.tolerance & 0x3F,
            b_low,
            b_high << 6 | (self.accuracy & 0x3F) as u8,
            ((self.accuracy >> 6 & 0x0F) as u8) << 4 | (self.accuracy_exponent & 3) << 2,
            (self.r_exponent as u8) << 4 | self.b_exponent as u8 & 0x0F,
        ]
    }

    /// Accuracy in percent of the value: 0 to 10230.
    pub fn accuracy_percent(self) -> f64 {
        f64::from(self.accuracy) * 10f64.powi(i32::from(self.accuracy_exponent)) / 100.0
    }
}

/// All that turns a sensor's raw byte into a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Conversion {
    /// How the byte holds a number.
    pub format: AnalogFormat,
    /// The last step.
    pub linearization: Linearization,
    /// The numbers.
    pub factors: ReadingFactors,
}

impl Conversion {
    /// The value of a raw byte; `None` where it has none, as the logarithm of zero.
    pub fn value(&self, raw: u8) -> Option<f64> {
        self.scaled(f64::from(self.format.number(raw)), f64::from(self.factors.b))
    }

    /// What a number of raw counts, such as a hysteresis, amounts to in the sensor's unit.
    ///
    /// `None` where the steps between raw values are not all the same.
    pub fn difference(&self, counts: u8) -> Option<f64> {
        self.steady().then(|| self.scaled(f64::from(counts), 0.0).map(f64::abs))?
    }

    /// Half the width of the range that a reading stands for, in the sensor's unit; `None` as for
    /// [`Conversion::difference`].
    pub fn tolerance(&self) -> Option<f64> {
        self.steady().then(|| self.scaled(f64::from(self.factors.tolerance) / 2.0, 0.0).map(f64::abs))?
    }

    /// The raw byte whose value is nearest to `value`; `None` outside the range of the sensor.
    pub fn nearest_raw(&self, value: f64) -> Option<u8> {
        let values = || (0..=u8::MAX).filter_map(|raw| Some((raw, self.value(raw)?)));
        let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, value)| {
            (low.min(value), high.max(value))
        });
        if !(low..=high).contains(&value) {
            return None;
        }
        let distance = |found: f64| (found - value).abs();
        values().min_by(|(_, a), (_, b)| distance(*a).total_cmp(&distance(*b))).map(|(raw, _)| raw)
    }

    /// Whether the factors must be asked for, reading by reading.
    pub fn is_non_linear(&self) -> bool {
        matches!(self.linearization, Linearization::NonLinear(_))
    }

    fn steady(&self) -> bool {
        self.linearization == Linearization::Linear
    }

    fn scaled(&self, x: f64, b: f64) -> Option<f64> {
        let ReadingFactors { m, b_exponent, r_exponent, .. } = self.factors;
        let linear = f64::from(m) * x + scale(b, b_exponent);
        Some(self.linearization.apply(scale(linear, r_exponent))).filter(|value| value.is_finite())
    }
}

/// `x·10^exponent`. Divides for negative exponents: `118 / 10` is nearer to 11.8 than `118 · 0.1`.
fn scale(x: f64, exponent: i8) -> f64 {
    let power = 10f64.powi(i32::from(exponent.unsigned_abs()));
    if exponent < 0 { x / power } else { x * power }
}

#[cfg(test)]
mod tests;
