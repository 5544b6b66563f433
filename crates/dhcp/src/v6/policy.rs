//! What clients are to be given, as the owner of the records says it.

use std::borrow::Cow;
use std::net::Ipv6Addr;
use std::time::Duration;

use super::{Client, Options};

/// Says what a client is given, from memory and at once. What it gives holds for that packet alone.
pub trait Policy {
    /// What `client` is given, or why nothing.
    fn answer(&self, client: &Client<'_>) -> Answer;

    /// Whether an address is kept for somebody, so that whoever is not told of it by [`Terms::kept`] is never given it.
    fn is_kept(&self, address: Ipv6Addr) -> bool;
}

/// What a policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing, and why.
    Silent(Cow<'static, str>),
    /// These terms.
    Serve(Terms),
}

/// What a client is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The subnet (of 64 bits) that its addresses are of; `None` for parameters alone.
    pub subnet: Option<Ipv6Addr>,
    /// The address of the subnet that is kept for the client's machine. Its programs (firmware, loader, system), which have an
    /// identifier each, are given it one after the other; another interface of the machine that asks meanwhile, and everybody
    /// while the address is somebody else's from before, is given another one.
    pub kept: Option<Ipv6Addr>,
    /// Whether the owner of the records knows the client, so that it is given an address where strangers are not any more.
    pub is_known: bool,
    /// For how long, in whole seconds from 1 on.
    pub lifetime: Duration,
    /// What else it is told, as far as it asks for it (option 6).
    pub options: Options,
    /// What it boots.
    pub boot: Option<Boot>,
}

/// What a client boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// The URL (option 59), with an address in place of a name: `tftp://[2001:db8::1]/x.efi`.
    pub url: String,
    /// Parameters for it (option 60).
    pub parameters: Vec<String>,
}
