//! TFTP (RFC 1350) with option negotiation (RFC 2347), block size (RFC 2348), timeout and transfer size (RFC 2349) and
//! windows (RFC 7440).
//!
//! The crate knows bytes and time, and nothing of sockets: see ARCHITECTURE.md, "The four verbs".
