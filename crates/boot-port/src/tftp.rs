//! The sockets of TFTP.
//!
//! One thread, or a few, each with its own listening sockets, its own [`ironhand_tftp::Server`] and one `epoll` for all its
//! transfers. A transfer has a socket of its own, connected to its client: the system keeps strangers away from it, finds
//! the way once, and says when the client's port is closed. A window leaves by one system call, cut into datagrams as late as
//! the system can (UDP_SEGMENT).

mod channel;
mod content;
mod disk;
mod listener;
mod statistics;
#[cfg(test)]
mod tests;
mod worker;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::thread::JoinHandle;

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::Shelf;
use crate::interface::{is_of_both_families, open_at};
use listener::{Claim, Listener};
use statistics::Counters;
use worker::Worker;

pub use ironhand_tftp::Limits as TftpLimits;
pub use statistics::TftpStatistics;

/// How often a port is looked for that is free in both families.
const TRIES: usize = 16;

/// How TFTP is served.
#[derive(Clone, Debug)]
pub struct TftpConfig {
    /// Addresses and ports to listen on. Answers come from the address that a request was sent to. Port 0 takes a free one.
    ///
    /// The address of IPv6 without a host (`[::]`) takes clients of both families, or those of IPv4 where the machine has no
    /// IPv6. Clients of IPv4 have a socket of theirs, and are seen at their addresses of IPv4.
    pub listen: Vec<SocketAddr>,
    /// Serves only what comes by this network interface.
    pub interface: Option<String>,
    /// Answers from the port of the requests in place of a new one for each transfer. Some address translators and
    /// firewalls between the clients and the server need that; it costs speed.
    pub single_port: bool,
    /// The ports of transfers, where a firewall lets only some through. Else the system chooses.
    pub ports: Option<RangeInclusive<u16>>,
    /// Threads that serve, at least 1. The system spreads the clients over them by address and port, and each has the limits
    /// for itself.
    pub threads: usize,
    /// What clients may have.
    pub limits: TftpLimits,
}

impl Default for TftpConfig {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, 69))],
            interface: None,
            single_port: false,
            ports: None,
            threads: 1,
            limits: TftpLimits::default(),
        }
    }
}

/// Why TFTP cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TftpError {
    /// An address cannot be listened on.
    #[error("TFTP cannot listen on {address}{}", hint(.source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no thread or no file descriptor.
    #[error("TFTP cannot start: {0}; free memory or raise the limits of the process, then try again")]
    System(#[from] io::Error),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need the capability CAP_NET_BIND_SERVICE, and a named interface CAP_NET_RAW"
        }
        io::ErrorKind::AddrInUse => "; another TFTP server runs here: stop it, or choose another port",
        io::ErrorKind::AddrNotAvailable => "; no interface of this machine has that address",
        _ => "",
    }
}

/// TFTP listeners at work, until they are dropped.
#[derive(Debug)]
pub struct TftpPort {
    addresses: Vec<SocketAddr>,
    counters: Arc<Counters>,
    stop: Arc<EventFd>,
    threads: Vec<JoinHandle<()>>,
}

impl TftpPort {
    /// Listens, and serves what `shelf` holds.
    pub fn open(config: &TftpConfig, shelf: Arc<dyn Shelf>) -> Result<Self, TftpError> {
        raise_descriptor_limit(config);
        let counters = Arc::new(Counters::default());
        // Not a semaphore and never read: once written it stays readable, and stops all threads.
        let stop = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC).map_err(io::Error::from)?);
        let mut addresses = config.listen.clone();
        let mut workers = Vec::new();
        for number in 0..config.threads.max(1) {
            let claim = if number == 0 { Claim::First } else { Claim::Further };
            let mut listeners = Vec::new();
            for address in &mut addresses {
                // Where the system chose the port, the other threads share it.
                let of_address = listen(address, config, claim);
                listeners
                    .extend(of_address.map_err(|source| TftpError::Listen { address: *address, source })?);
            }
            let (counters, stop) = (Arc::clone(&counters), Arc::clone(&stop));
            workers.push(Worker::new(config, listeners, Arc::clone(&shelf), counters, stop)?);
        }
        let mut port = Self { addresses, counters, stop, threads: Vec::new() };
        for worker in workers {
            let thread = std::thread::Builder::new().name("tftp".to_owned()).spawn(move || worker.run())?;
            port.threads.push(thread);
        }
        Ok(port)
    }

    /// The addresses that are listened on, with the ports that the system chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What was done so far.
    pub fn statistics(&self) -> TftpStatistics {
        self.counters.read()
    }
}

impl Drop for TftpPort {
    /// Tells the clients of all transfers that the server stops, and waits for the threads.
    fn drop(&mut self) {
        if let Err(error) = self.stop.write(1) {
            tracing::error!(%error, "TFTP cannot be stopped");
            return;
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a TFTP thread had ended before");
            }
        }
    }
}

/// The sockets for an address, two for one of both families; the address becomes what is listened at.
fn listen(address: &mut SocketAddr, config: &TftpConfig, claim: Claim) -> io::Result<Vec<Listener>> {
    let bind = |address| Listener::bind(address, config, claim);
    let mut tries = 0;
    loop {
        let first = open_at(*address, bind)?;
        let listens_at = first.address();
        let of_ipv4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, listens_at.port()));
        let second = is_of_both_families(&listens_at).then(|| bind(of_ipv4)).transpose();
        tries += 1;
        match second {
            // The system chose a port that is free in one family only.
            Err(error)
                if address.port() == 0 && tries < TRIES && error.kind() == io::ErrorKind::AddrInUse => {}
            second => {
                let second = second?;
                *address = listens_at;
                return Ok(std::iter::once(first).chain(second).collect());
            }
        }
    }
}

/// Asks for as many file descriptors as the transfers may need: a socket each, and a file each. Many systems give a process
/// 1,024 unless it asks.
fn raise_descriptor_limit(config: &TftpConfig) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let wanted = (config.limits.transfers * config.threads.max(1) * 2 + 1_024) as u64;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_some_and(|current| current < wanted) {
        let current = Some(maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current, maximum }) {
            tracing::warn!(%error, "the limit of file descriptors stays as it is");
        }
    }
}
