//! Media: images and files below the data folder, found by path in an index that is in memory.
//!
//! Each medium is a folder below `media`, named as it is, with `medium.json` and the bytes. A folder is put together under
//! a name that begins with a dot and then renamed, so that a crash leaves either a whole medium or what the next start
//! removes.

mod download;
mod intake;
mod library;
mod shelved;

pub(crate) use intake::MediaError;
pub(crate) use library::{Form, Library};
