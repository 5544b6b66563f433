//! Boot media: which file lies where in an ISO 9660 image (ECMA-119, with Joliet and Rock Ridge names), so that it can be
//! served without unpacking anything.
//!
//! The crate opens no file: whoever calls it hands over what reads bytes at an offset.
