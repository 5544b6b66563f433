//! The sockets of network boot: DHCP, TFTP and HTTP listeners that serve views of live records.
//!
//! Each listener drives a pure machine (`ironhand-dhcp`, `ironhand-tftp`) or speaks HTTP, and asks a [`Shelf`] for
//! everything that a client wants to read. A shelf answers at once, from memory: no listener waits for the database.

mod content;
pub mod dhcp;
pub mod dhcp6;
pub mod http;
pub mod interface;
pub mod journal;
mod link;
mod orders;
mod tftp;

pub use content::{Body, Content, Part, Question, Refusal, Service, Shelf, Transfer, TransferEnd};
pub use tftp::{TftpConfig, TftpError, TftpLimits, TftpPort, TftpStatistics};
