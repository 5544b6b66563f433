//! The HTTP/1.1 listener of boot clients: firmware, iPXE, GRUB, kernels and installers.
//!
//! [`HttpListener`] answers GET and HEAD from a [`Shelf`](crate::Shelf), and nothing else. It is made for clients that are
//! hard to mend: every answer has a `Content-Length`, none is chunked, compressed or redirected, `//x` is `/x`, and a
//! range is always honoured under the validators that came before (RFC 9110, sections 13 and 14). There are no listings.
//!
//! # Threads
//!
//! Each thread has its own event loop and its own connections, so that no request passes from one to another. One of them
//! accepts, and shares the connections out. Files go out by `sendfile`, without passing through this process, and in full segments (TCP_CORK);
//! only over TLS are they read in pieces.
//!
//! # What a client may take
//!
//! A request head of [`HEAD_LIMIT`] bytes, [`HttpConfig::connections_of_client`] connections, [`HttpConfig::head_timeout`]
//! to send a head and [`HttpConfig::idle_timeout`] between two. Who takes less than [`SLOWEST_RATE`] over
//! [`HttpConfig::stall_timeout`] is left. A connection holds up to [`HEAD_LIMIT`] bytes received and
//! [`PIECE`] bytes to be sent, whatever is asked for.

mod accept;
mod answer;
mod authority;
mod census;
mod condition;
mod connection;
mod counters;
mod listener;
mod media_type;
mod path;
mod range;
mod request;
mod wire;

pub use authority::{AuthorityError, BootAuthority};
pub use condition::Conditions;
pub use connection::{PIECE, SLOWEST_RATE};
pub use counters::HttpCounts;
pub use listener::{HttpConfig, HttpListener};
pub use media_type::media_type;
pub use path::{PathFault, clean_path};
pub use range::{Range, Ranged};
pub use request::{Fault, HEAD_LIMIT, Method, Request, TARGET_LIMIT, head_end, parse};
