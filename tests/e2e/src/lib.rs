//! Peers
