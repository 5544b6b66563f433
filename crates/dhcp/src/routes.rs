//! Values that have a form of their own: classless routes and search lists.

use std::net::Ipv4Addr;

/// A route for clients (RFC 3442).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClasslessRoute {
    /// Any address of the network.
    pub network: Ipv4Addr,
    /// How many of its bits count, 0 to 32; none is the default route, which clients take from here alone where they are
    /// given option 121.
    pub prefix: u8,
    /// The router; unspecified for a network on the client's own link.
    pub router: Ipv4Addr,
}

impl ClasslessRoute {
    /// The value of option 121 for `routes`: of each network only the bytes that count.
    pub fn encode(routes: &[Self]) -> Vec<u8> {
        let mut value = Vec::with_capacity(routes.len() * 9);
        for route in routes {
            let prefix = route.prefix.min(32);
            let network = route.network & crate::subnet::mask(prefix);
            value.push(prefix);
            value.extend_from_slice(&network.octets()[..usize::from(prefix.div_ceil(8))]);
            value.extend_from_slice(&route.router.octets());
        }
        value
    }

    /// Reads the value of option 121; `None` where it ends within a route or a prefix is longer than an address.
    pub fn decode(value: &[u8]) -> Option<Vec<Self>> {
        let mut routes = Vec::new();
        let mut rest = value;
        while let Some((&prefix, after)) = rest.split_first() {
            let length = usize::from(prefix.div_ceil(8));
            let (bytes, after) = after.split_at_checked(length).filter(|_| prefix <= 32)?;
            let (router, after) = after.split_first_chunk::<4>()?;
            let mut network = [0; 4];
            network[..length].copy_from_slice(bytes);
            routes.push(Self { network: Ipv4Addr::from(network), prefix, router: Ipv4Addr::from(*router) });
            rest = after;
        }
        Some(routes)
    }
}

/// Why a name is none of the domain name system.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no domain name: its parts have 1 to 63 characters, and 253 together")]
pub struct DomainError(String);

/// The value of option 119 for a search list (RFC 3397), which needs no compression to be understood.
pub fn domain_search(domains: &[&str]) -> Result<Vec<u8>, DomainError> {
    let mut value = Vec::new();
    for domain in domains {
        let name = domain.strip_suffix('.').unwrap_or(domain);
        let wrong = || DomainError((*domain).to_owned());
        if name.len() > 253 {
            return Err(wrong());
        }
        for label in name.split('.') {
            let length = u8::try_from(label.len()).ok().filter(|length| matches!(length, 1..=63));
            value.push(length.ok_or_else(wrong)?);
            value.extend_from_slice(label.as_bytes());
        }
        value.push(0);
    }
    Ok(value)
}
