//! The Remote Framebuffer protocol, RFB (RFC 6143), as machines without sockets or clocks.
//!
//! [`Client`] sees a server's screen and types on its keyboard; [`Server`] shows a screen to a viewer. Each serves one
//! connection: give it what arrives, ask it what to send. TLS is the caller's: the machine says where it begins, and that
//! there is none without a certificate to judge. Beyond the RFC the community's protocol document
//! (<https://github.com/rfbproto/rfbproto>) is followed where it is named.
//!
//! | | client | server |
//! | --- | --- | --- |
//! | versions | 3.3, 3.7, 3.8 | 3.3, 3.7, 3.8 |
//! | security | None, VNC Authentication, VeNCrypt (X509None, X509Vnc, X509Plain; Plain within TLS) | the same |
//! | encodings | Raw, CopyRect, RRE, Hextile, Zlib, Tight, TRLE, ZRLE | Raw, Hextile, Zlib, Tight, TRLE, ZRLE |
//! | pseudo-encodings | Cursor, DesktopSize, ExtendedDesktopSize, LastRect, levels of JPEG, QEMU Extended Key Event | DesktopSize, levels of JPEG |
//! | pixels | true colour of 8, 16, 32 bits, either byte order; a colour map of 256 entries | the same |
//!
//! ```
//! use std::time::Instant;
//! use ironhand_rfb::{Client, ClientConfig, Event, Framebuffer, Output, Server, ServerConfig};
//!
//! let now = Instant::now();
//! let screen = Framebuffer::from_pixels(2, 1, vec![0x00FF_0000, 0x0000_00FF])?;
//! let config = ServerConfig { password: Some("calvin".into()), ..ServerConfig::default() };
//! // Sixteen bytes that nobody can foresee; these are for the example only.
//! let mut server = Server::new(now, config, screen.clone(), [0x5A; 16]);
//! let config = ClientConfig { password: Some("calvin".into()), ..ClientConfig::default() };
//! let mut client = Client::new(now, config);
//!
//! // In place of the two sockets: what one side sends, the other receives.
//! let mut seen = false;
//! while !seen {
//!     while let Some(output) = server.next_output() {
//!         if let Output::Send(bytes) = output {
//!             client.receive(now, &bytes);
//!         }
//!     }
//!     while let Some(output) = client.next_output() {
//!         match output {
//!             Output::Send(bytes) => server.receive(now, &bytes),
//!             Output::Event(Event::Connected { .. }) => client.request_update(now, false),
//!             Output::Event(Event::Updated) => seen = true,
//!             Output::Event(event) => panic!("unexpected {event:?}"),
//!         }
//!     }
//! }
//! assert_eq!(client.framebuffer(), Some(&screen));
//! # Ok::<(), ironhand_rfb::SizeError>(())
//! ```

mod client;
mod encoding;
mod error;
mod framebuffer;
mod inbox;
mod output;
mod packed;
mod pixel_format;
mod security;
mod server;
mod text;
mod version;

pub use client::{Client, ClientConfig, Event, Protection};
pub use encoding::Encoding;
pub use error::{Condition, Error, Phase, ProtocolError};
pub use framebuffer::{Framebuffer, SizeError};
pub use output::Output;
pub use pixel_format::PixelFormat;
pub use security::SecurityType;
pub use security::vencrypt::VencryptSubtype;
pub use server::{Server, ServerConfig, ServerError, ServerEvent};
pub use version::ProtocolVersion;
