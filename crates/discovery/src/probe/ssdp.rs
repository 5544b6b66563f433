//! Asks Redfish services by SSDP where they are.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::asked;
use crate::ssdp::{GROUP, PATIENCE, PORT, read, search};
use crate::{Announced, Asked};

/// How long one address has to answer: it need not wait, as a whole network must.
const ONE: Duration = Duration::from_secs(1);

/// How long a network has to answer: services choose a moment within [`PATIENCE`].
const ALL: Duration = Duration::from_secs(PATIENCE as u64 + 2);

/// Searches that are sent: datagrams are lost (UPnP Device Architecture 1.1 section 1.3.2).
const SEARCHES: u32 = 3;

/// The longest answer that is read, in bytes.
const DATAGRAM: usize = 2048;

/// Services of one network that are taken.
const MOST_FOUND: usize = 65_536;

/// Asks one address.
pub(super) async fn ask(address: IpAddr) -> (Option<Announced>, Asked) {
    let since = Instant::now();
    let result = answer_of(address, since + ONE).await;
    let answer = match &result {
        Ok(Some(Announced { root: Some(root), .. })) => format!("Redfish at {root}"),
        Ok(Some(_)) => "Redfish".to_owned(),
        Ok(None) => "nothing".to_owned(),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "refused: nothing listens there".to_owned()
        }
        Err(error) => format!("not sent: {error}"),
    };
    (result.ok().flatten(), asked(format!("search for Redfish by SSDP, UDP port {PORT}"), answer, since))
}

async fn answer_of(address: IpAddr, until: Instant) -> io::Result<Option<Announced>> {
    let any: SocketAddr = match address {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect((address, PORT)).await?;
    socket.send(&search()).await?;
    let mut bytes = [0; DATAGRAM];
    while let Ok(received) = timeout_at(until, socket.recv(&mut bytes)).await {
        if let Some(announced) = read(&bytes[..received?]) {
            return Ok(Some(announced));
        }
    }
    Ok(None)
}

/// Asks the whole network that `from`, an address of this machine, is in. Tells who answered as a Redfish service.
///
/// It takes four seconds. Switches carry the question no further than the network itself.
///
/// # Errors
///
/// Where this machine does not have the address, or cannot send from it.
pub async fn search_network(from: Ipv4Addr) -> io::Result<Vec<IpAddr>> {
    let socket = UdpSocket::bind((from, 0)).await?;
    rustix::net::sockopt::set_ip_multicast_if(&socket, &from)?;
    let mut found = BTreeSet::new();
    let mut bytes = [0; DATAGRAM];
    let begun = Instant::now();
    for turn in 1..=SEARCHES {
        socket.send_to(&search(), GROUP).await?;
        let until = begun + ALL * turn / SEARCHES;
        while let Ok(received) = timeout_at(until, socket.recv_from(&mut bytes)).await {
            let (length, from) = received?;
            if read(&bytes[..length]).is_some() && found.len() < MOST_FOUND {
                found.insert(from.ip());
            }
        }
    }
    Ok(found.into_iter().collect())
}
