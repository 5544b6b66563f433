//! The listeners that machines read from, opened and closed.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ironhand_boot_port::http::{AuthorityError, BootAuthority, HttpConfig, HttpListener};
use ironhand_boot_port::{Shelf, TftpConfig, TftpError, TftpPort};

use super::folder::Folder;
use super::known::KnownHosts;
use super::seats::Seats;
use super::surroundings::{SurroundingsError, own_addresses};
use super::watch::BootWatch;
use crate::settings::BootListeners;

/// The folder of the data directory whose files are served.
const FOLDER: &str = "boot";

/// Why machines that boot cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BootListenError {
    /// HTTP cannot be served.
    #[error("machines that boot cannot be served over HTTP at {address}{}", hint(.source))]
    Http {
        /// Where.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// TFTP cannot be served.
    #[error(transparent)]
    Tftp(#[from] TftpError),
    /// There is no certificate to show.
    #[error("machines that boot cannot be served over TLS")]
    Authority(#[from] AuthorityError),
    /// The names for the certificate are not known.
    #[error(transparent)]
    Addresses(#[from] SurroundingsError),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => ": another program listens there; stop it, or choose another --boot-http",
        io::ErrorKind::PermissionDenied => ": ports below 1024 need the capability CAP_NET_BIND_SERVICE",
        io::ErrorKind::AddrNotAvailable => ": no interface of this machine has that address",
        _ => "",
    }
}

/// What machines that boot are served by.
pub(crate) struct BootPorts {
    http: Option<HttpListener>,
    https: Option<HttpListener>,
    tftp: Option<TftpPort>,
}

impl BootPorts {
    /// Opens what is asked for, or nothing.
    ///
    /// # Errors
    ///
    /// Says which listener failed and what to do.
    pub(crate) fn open(
        asked: &BootListeners,
        data: &Path,
        watch: BootWatch,
        known: Arc<KnownHosts>,
        seats: Arc<Seats>,
    ) -> Result<Self, BootListenError> {
        let shelf: Arc<dyn Shelf> = Arc::new(Folder::new(data.join(FOLDER), watch, known, seats));
        let open = |address, config| {
            let opened = HttpListener::open(address, config, Arc::clone(&shelf));
            opened.map_err(|source| BootListenError::Http { address, source })
        };
        let http = asked.http.map(|address| open(address, HttpConfig::default())).transpose()?;
        let https = match asked.https {
            Some(address) => {
                let own: Vec<_> = own_addresses()?.into_iter().map(|own| own.address.into()).collect();
                let tls = BootAuthority::open(data)?.server_config(&own, &[])?;
                Some(open(address, HttpConfig { tls: Some(tls), ..HttpConfig::default() })?)
            }
            None => None,
        };
        let tftp = match asked.tftp {
            Some(address) => {
                let config = TftpConfig { listen: vec![address], ..TftpConfig::default() };
                Some(TftpPort::open(&config, Arc::clone(&shelf))?)
            }
            None => None,
        };
        Ok(Self { http, https, tftp })
    }

    /// Where HTTP and TFTP are served.
    pub(crate) fn addresses(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        let tftp = self.tftp.as_ref().and_then(|tftp| tftp.addresses().first().copied());
        (self.http.as_ref().map(HttpListener::address), tftp)
    }

    /// Lets what is being served come to its end.
    pub(crate) async fn close(self) {
        for listener in [self.http, self.https].into_iter().flatten() {
            listener.close().await;
        }
        // Its threads are waited for where it is dropped.
        let tftp = self.tftp;
        if tokio::task::spawn_blocking(move || drop(tftp)).await.is_err() {
            tracing::error!("the TFTP listener could not be waited for");
        }
    }
}
