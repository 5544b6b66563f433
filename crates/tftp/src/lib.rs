//! TFTP (RFC 1350) with option negotiation (RFC 2347), block size (RFC 2348), timeout and transfer size (RFC 2349) and
//! windows (RFC 7440).
//!
//! The crate knows bytes and time, and nothing of sockets: see ARCHITECTURE.md, "The four verbs". [`Server`] holds all
//! transfers of a listener; [`Client`] reads one file.
//!
//! | | server | client |
//! | --- | --- | --- |
//! | requests | reads; writes are refused with ERROR 2 | reads |
//! | modes | octet; netascii, translated by [`netascii`]; mail is refused | octet, netascii |
//! | options | `blksize`, `tsize`, `timeout`, `windowsize`; others are left unanswered | the same |
//! | length | any: block numbers wrap to 0 after 65,535 | any |
//!
//! The machines never hold the file. [`Server`] says which blocks are due, and who drives it reads them and sends them in
//! whatever way costs least; [`Client::receive`] hands back the part of a datagram that the file grows by.
//!
//! ```
//! use std::time::Instant;
//! use ironhand_tftp::{Arrival, Client, ClientEvent, ClientOutput, Download, Limits, Offer, Output, Road, Server};
//!
//! let file = vec![7; 100_000];
//! let now = Instant::now();
//! let (here, there) = ("192.0.2.1:69".parse()?, "192.0.2.9:2070".parse()?);
//! let mut server = Server::new(Limits::default());
//! let mut client = Client::new(now, here, Download::octet("boot/loader.efi"));
//!
//! // In place of the two sockets and the disk: what one side sends, the other receives.
//! let (mut got, mut done) = (Vec::new(), false);
//! while !done {
//!     while let Some(output) = client.next_output() {
//!         match output {
//!             ClientOutput::Send { bytes, .. } => {
//!                 server.receive(now, Arrival { client: there, local: here, road: Road::Listener }, &bytes);
//!             }
//!             ClientOutput::Event(ClientEvent::Done { .. }) => done = true,
//!             ClientOutput::Event(_) => {}
//!         }
//!     }
//!     while let Some(output) = server.next_output() {
//!         match output {
//!             Output::Find(asked) => {
//!                 let offer = Offer { length: file.len() as u64, mtu: 1_500, road: Road::Listener };
//!                 server.found(now, asked.transfer, Ok(offer));
//!             }
//!             Output::Send(departure) => drop(client.receive(now, here, &departure.bytes)),
//!             Output::Blocks(blocks) => {
//!                 for (header, range) in blocks.iter() {
//!                     let datagram = [&header[..], &file[range.start as usize..range.end as usize]].concat();
//!                     got.extend_from_slice(client.receive(now, here, &datagram));
//!                 }
//!             }
//!             Output::Ended(_) | Output::Ignored { .. } => {}
//!         }
//!     }
//! }
//! assert_eq!(got, file);
//! # Ok::<(), std::net::AddrParseError>(())
//! ```

mod client;
pub mod netascii;
mod options;
mod packet;
mod path;
mod server;

pub use client::{Client, ClientEvent, ClientFailure, ClientOutput, Download};
pub use options::{BLKSIZE_DEFAULT, BLKSIZE_RANGE, Options};
pub use packet::{DATA_HEADER, DecodeError, ErrorCode, MAX_REQUEST, Mode, Packet, Request, data_header};
pub use path::{MAX_PATH, PathFault, normalise};
pub use server::{
    Arrival, Asked, Blocks, Departure, End, Ended, Ignored, Limits, Offer, Output, Refusal, Road, Server,
    TransferId, WINDOW_OCTETS,
};
