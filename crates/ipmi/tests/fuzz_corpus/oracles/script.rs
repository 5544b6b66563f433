//! Inputs as steps.

/// Takes operands off an input; what is missing is zero.
pub struct Script<'a>(pub &'a [u8]);

impl<'a> Script<'a> {
    pub fn step(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub fn byte(&mut self) -> u8 {
        self.step().unwrap_or_default()
    }

    /// A length of one byte, then as many bytes as there are.
    pub fn chunk(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte());
        let (chunk, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        chunk
    }

    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}
