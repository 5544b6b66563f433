//! What clients are to be given, as the owner of the records says it.

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use crate::{Client, OptionSet, Options, SubnetId};

/// Says what a client is given.
///
/// It is asked once for each DISCOVER, REQUEST and INFORM that is for this server, and answers at once from memory. What it
/// gives holds for that packet alone: a change of the records is seen by the next one.
pub trait Policy {
    /// What `client` is given, or why nothing.
    fn answer(&self, client: &Client<'_>) -> Answer;
}

impl<P: Policy + ?Sized> Policy for Arc<P> {
    fn answer(&self, client: &Client<'_>) -> Answer {
        (**self).answer(client)
    }
}

impl<P: Policy + ?Sized> Policy for Box<P> {
    fn answer(&self, client: &Client<'_>) -> Answer {
        (**self).answer(client)
    }
}

/// What a policy says of a client.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The client is not answered, and the event says why.
    Silent(Cow<'static, str>),
    /// The client is served.
    Serve(Terms),
}

/// What a client is given.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The subnet whose addresses and mode apply: that of the client, or another one on the same link.
    pub subnet: SubnetId,
    /// Which address.
    pub address: Choice,
    /// For how long. Programs that never renew, as iPXE, need it as long as the slowest transfer (rule D8).
    pub lease: Duration,
    /// Options, of which the client gets those that it asked for, or all if it sent no list. The server itself adds what
    /// belongs to the protocol: subnet mask, times, identifiers, boot options.
    pub options: Arc<Options>,
    /// Codes among `options` that are sent whether or not the client asked for them.
    pub always: OptionSet,
    /// What it boots.
    pub boot: Option<Boot>,
}

/// Which address a client is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This one, and no other client ever.
    Reserved(Ipv4Addr),
    /// One of the subnet's pools: the one that it had before, if that is free.
    Pool,
    /// None: boot options alone, as a proxy gives them (PXE 2.1, section 2.4.3). The subnet need not be in proxy mode.
    None,
}

/// What a client boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// The server of the boot file (`siaddr`), which shim, too, takes its next file from.
    pub next_server: Ipv4Addr,
    /// The boot file: a path for TFTP, or an absolute URL with an address in place of a name (rule H1).
    pub file: Arc<str>,
    /// The text of `sname` and option 66; `next_server` as text if there is none.
    pub server_name: Option<Arc<str>>,
    /// In which form it is told.
    pub style: BootStyle,
}

/// In which form a client is told what it boots. Firmware understands some forms and ignores others (rules P1 to P13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BootStyle {
    /// The form that works for what the client is, and for whether it also gets its address from us.
    #[default]
    ByClient,
    /// File and server in header and options 66 and 67, no option 60, no option 43.
    File,
    /// The same with option 60 `PXEClient` and option 43 `06 01 08`, by which the client takes the file at once (rule P2).
    NoDiscovery,
    /// Option 60 `PXEClient` and no file: the client asks again at port 4011 and is given it there (rule P3).
    BootService,
    /// Option 60 `HTTPClient` and a URL (rule H1).
    HttpClient,
    /// The words that the boot loader of a Raspberry Pi looks for in option 43 (rule O1).
    RaspberryPi,
}
