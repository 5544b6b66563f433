//! DHCP as machines that boot from the network need it: RFC 2131 and 2132 with the options of PXE (RFC 4578), HTTP boot
//! (UEFI 2.10, section 24.7) and iPXE.
//!
//! The crate knows bytes and time, and nothing of sockets: see ARCHITECTURE.md, "The four verbs".
