//! Boot media: which file lies where in an image of ISO 9660 (ECMA-119, with Joliet and Rock Ridge names) or UDF (ECMA-167 and
//! OSTA UDF), so that it can be served without unpacking anything; what kind of medium it is; and what loaders are.
//!
//! The crate opens no file: whoever calls it hands over a [`Source`], which reads bytes at an offset.
//!
//! # Hostile images
//!
//! Whatever an image says, indexing it ends, and takes memory for [`ENTRY_LIMIT`] entries and [`NAME_LIMIT`] bytes of names
//! at most, twice that while it is read under both ISO 9660 and UDF. A directory that contains itself is empty the second
//! time. Directories that are larger than [`DIRECTORY_LIMIT`], lie outside the image or have records that do not fit make it
//! an [`Error`], which says where the image is wrong. Every extent that is given lies within the image.

pub mod archive;
mod directories;
mod image;
mod iso;
mod kind;
mod limits;
mod program;
mod source;
mod text;
mod tree;
mod udf;
mod wire;

pub use image::{Image, Names};
pub use iso::{BootImage, BootPlatform};
pub use kind::{Family, Files, Medium, recognise};
pub use limits::{DIRECTORY_LIMIT, ENTRY_LIMIT, NAME_LIMIT};
pub use program::{Machine, Program};
pub use source::{Error, Source, SourceError};
pub use tree::{Entry, Extent, LINK_LIMIT, Node, Tree, Walk};
