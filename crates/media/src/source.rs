//! What an image is read from, and why it cannot be.

/// Bytes that can be read anywhere: an open file, or a slice in a test.
pub trait Source {
    /// How many bytes there are.
    fn length(&self) -> u64;

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// Where not all of them can be read; they lie within [`Source::length`].
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError>;
}

impl Source for &[u8] {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        let bytes = usize::try_from(offset)
            .ok()
            .and_then(|at| self.get(at..)?.get(..buffer.len()))
            .ok_or_else(|| SourceError("there are no such bytes".to_owned()))?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}

/// Bytes that could not be read, in the words of whoever tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// Why an image cannot be indexed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It could not be read.
    #[error("the image cannot be read at byte {offset}: {source}")]
    Read {
        /// Where.
        offset: u64,
        /// What happened.
        source: SourceError,
    },
    /// There is no volume descriptor where ISO 9660 and UDF have it.
    #[error("this is no image of ISO 9660 or UDF: there is no volume descriptor at byte 32768")]
    NoVolume,
    /// Its files are recorded in a form of UDF that is not read here.
    #[error(
        "the files of this image are recorded in a form of UDF that is not read here: {0}; write its files to a new image, and add that"
    )]
    Udf(&'static str),
    /// Something lies behind its end.
    #[error(
        "the image is not whole: {what} ends at byte {end}, but the image has {length} bytes; fetch it again and compare its digest"
    )]
    Cut {
        /// What does.
        what: String,
        /// Where that ends.
        end: u64,
        /// Where the image ends.
        length: u64,
    },
    /// Its structure is wrong.
    #[error("the image is damaged at byte {offset}: {what}")]
    Damaged {
        /// Where.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// It is larger than any image that was made for use.
    #[error("the image has more than {limit} {what}, which is more than is accepted")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
}

/// Reads `length` bytes at `offset` of what is called `what`, if they lie within the image.
pub(crate) fn read(source: &dyn Source, what: &str, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
    within(source, what, offset, length as u64)?;
    let mut bytes = vec![0; length];
    source.read(offset, &mut bytes).map_err(|source| Error::Read { offset, source })?;
    Ok(bytes)
}

/// Checks that something lies within the image.
pub(crate) fn within(source: &dyn Source, what: &str, offset: u64, length: u64) -> Result<(), Error> {
    let end = offset.saturating_add(length);
    if end > source.length() {
        return Err(Error::Cut { what: what.to_owned(), end, length: source.length() });
    }
    Ok(())
}
