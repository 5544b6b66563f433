//! What can be wrong with models.

/// Why models cannot be used. Each is the fault of whoever chose them; trying again does not help.
#[derive(Debug, thiserror::Error)]
pub enum RecogniserError {
    /// The bytes are no model, or one with parts that this runtime does not know.
    #[error("the {role} model cannot be loaded: {source}")]
    Unloadable {
        /// `detection` or `recognition`.
        role: &'static str,
        /// What the runtime says.
        source: rten::LoadError,
    },
    /// A model failed on a picture.
    #[error("the {role} model fails on the picture: {source}")]
    Failed {
        /// `detection` or `recognition`.
        role: &'static str,
        /// What the runtime says.
        source: rten::RunError,
    },
    /// A model answers with something else than one of its role does.
    #[error("the {role} model does not answer as one of PP-OCR: {what}")]
    Foreign {
        /// `detection` or `recognition`.
        role: &'static str,
        /// What is unexpected.
        what: String,
    },
    /// Neither handed over nor inside the recognition model.
    #[error("no list of characters came with the recognition model, nor is there one inside it")]
    NoDictionary,
    /// A line of the list of characters is not one character.
    #[error("line {line} of the list of characters is not one character")]
    NotACharacter {
        /// From 1.
        line: usize,
    },
}
