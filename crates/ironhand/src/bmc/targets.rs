//! RANGE: which BMCs a command works on.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::exit::Failure;
use crate::select::expand;

/// The shortest prefix of a network that can be named: 65,534 addresses.
const SHORTEST_PREFIX: u32 = 16;

/// A BMC as it was named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// What people call it: the address or name, with the port if one was written.
    pub name: String,
    /// Address or host name.
    pub host: String,
    /// UDP or TCP port.
    pub port: u16,
}

impl Target {
    /// Where it is, written out: two names of one place are the same here.
    pub fn place(&self) -> String {
        match self.host.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]:{}", self.port),
            Err(_) => format!("{}:{}", self.host, self.port),
        }
    }

    /// Its address; a host name is looked up.
    pub async fn address(&self) -> std::io::Result<SocketAddr> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(SocketAddr::new(address, self.port));
        }
        let mut found = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
        found
            .next()
            .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address"))
    }
}

/// The BMCs that `words` stand for, in order. One that is named twice is meant once.
pub fn targets(words: &[String], port: u16) -> Result<Vec<Target>, Failure> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for word in words.iter().flat_map(|word| split_list(word)) {
        for target in range(word, port)? {
            if seen.insert((target.host.clone(), target.port)) {
                found.push(target);
            }
        }
    }
    if found.is_empty() {
        return Err(Failure::Usage {
            message: "no BMC is named".to_owned(),
            hint: Some("name addresses or ranges with -H, like -H 10.0.[0-3].[1-250]".to_owned()),
        });
    }
    Ok(found)
}

/// Splits at commas that stand outside of brackets.
fn split_list(word: &str) -> Vec<&str> {
    let mut depth = 0usize;
    word.split(|character| {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
    .collect()
}

fn range(word: &str, port: u16) -> Result<Vec<Target>, Failure> {
    if let Some(address) = ipv6(word) {
        return Ok(vec![match address {
            (address, None) => target(address.to_string(), address.to_string(), port),
            (address, Some(port)) => target(word.to_owned(), address.to_string(), port),
        }]);
    }
    let wrong = |message: String| Failure::Usage {
        message,
        hint: Some(
            "write 10.0.0.7, 10.0.[0-3].[1-250], 10.0.0.0/24, bmc7.example or [2001:db8::7]:623".to_owned(),
        ),
    };
    let (hosts, written) = match word.rsplit_once(':') {
        Some((hosts, port)) => {
            let number = port.parse::<u16>().ok().filter(|port| *port != 0);
            (hosts, Some(number.ok_or_else(|| wrong(format!("`{word}`: `{port}` is not a port")))?))
        }
        None => (word, None),
    };
    let names = match hosts.split_once('/') {
        Some((network, prefix)) => {
            network_addresses(network, prefix).map_err(|reason| wrong(format!("`{word}`: {reason}")))?
        }
        None => expand(hosts)?,
    };
    names
        .into_iter()
        .map(|host| {
            check_host(&host).map_err(|reason| wrong(format!("`{host}` {reason}")))?;
            let name = written.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
            Ok(target(name, host, written.unwrap_or(port)))
        })
        .collect()
}

fn target(name: String, host: String, port: u16) -> Target {
    Target { name, host, port }
}

/// An IPv6 address, bare or in brackets with or without a port.
fn ipv6(word: &str) -> Option<(Ipv6Addr, Option<u16>)> {
    if let Ok(address) = word.parse() {
        return Some((address, None));
    }
    let (address, rest) = word.strip_prefix('[')?.split_once(']')?;
    let address = address.parse().ok()?;
    match rest.strip_prefix(':') {
        Some(port) => Some((address, Some(port.parse().ok()?))),
        None => rest.is_empty().then_some((address, None)),
    }
}

/// The addresses of an IPv4 network that hosts may have.
fn network_addresses(network: &str, prefix: &str) -> Result<Vec<String>, &'static str> {
    let network: Ipv4Addr = network.parse().map_err(|_| "the network is not an IPv4 address")?;
    let prefix: u32 = prefix.parse().map_err(|_| "the prefix is not a number")?;
    if prefix > 32 {
        return Err("a prefix has at most 32 bits");
    }
    if prefix < SHORTEST_PREFIX {
        return Err("the network is too large: at least 16 bits of prefix");
    }
    let size = 1u32 << (32 - prefix);
    let first = network.to_bits() & !(size - 1);
    // The first and the last address stand for the network and for all its hosts, except in the two smallest.
    let inside = if size > 2 { 1..size - 1 } else { 0..size };
    Ok(inside.map(|offset| Ipv4Addr::from_bits(first + offset).to_string()).collect())
}

/// Whether something can be an address or a host name; what looks like a mistyped address is no name.
fn check_host(host: &str) -> Result<(), &'static str> {
    if host.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let fits = |character: char| character.is_ascii_alphanumeric() || "-._".contains(character);
    if host.is_empty() || host.len() > 253 || host.starts_with('-') || !host.chars().all(fits) {
        return Err("is neither an address nor a host name");
    }
    if host.chars().all(|character| character.is_ascii_digit() || character == '.') {
        return Err("is not an IPv4 address");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &[&str]) -> Result<Vec<String>, String> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        targets(&words, 623)
            .map(|found| found.iter().map(|target| format!("{} {}", target.name, target.port)).collect())
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn ranges_name_bmcs() {
        let check = |words: &[&str], expected: &[&str]| {
            assert_eq!(names(words).unwrap(), expected, "{words:?}");
        };
        check(&["10.0.0.7"], &["10.0.0.7 623"]);
        check(&["10.0.[0-1].[9-10]"], &["10.0.0.9 623", "10.0.0.10 623", "10.0.1.9 623", "10.0.1.10 623"]);
        check(&["127.0.0.1:6230"], &["127.0.0.1:6230 6230"]);
        check(&["127.0.0.[1,3]:99"], &["127.0.0.1:99 99", "127.0.0.3:99 99"]);
        check(&["a,b-[01-02].example"], &["a 623", "b-01.example 623", "b-02.example 623"]);
        check(&["192.0.2.4/30"], &["192.0.2.5 623", "192.0.2.6 623"]);
        check(&["192.0.2.5/32:1"], &["192.0.2.5:1 1"]);
        check(
            &["2001:db8::7", "[2001:db8::8]", "[::1]:99"],
            &["2001:db8::7 623", "2001:db8::8 623", "[::1]:99 99"],
        );
        check(&["10.0.0.1", "10.0.0.[1-2]", "10.0.0.1:623"], &["10.0.0.1 623", "10.0.0.2 623"]);
    }

    #[test]
    fn wrong_ranges_say_why() {
        let check = |word: &str, reason: &str| {
            let message = names(&[word]).unwrap_err();
            assert!(message.contains(reason), "{word}: {message}");
        };
        check("", "no BMC is named");
        check(" , ", "no BMC is named");
        check("10.0.0.256", "is not an IPv4 address");
        check("10.0.0", "is not an IPv4 address");
        check("10.0.0.1:0", "`0` is not a port");
        check("10.0.0.1:70000", "`70000` is not a port");
        check("10.0.0.[1-", "not closed");
        check("10.0.0.0/8", "too large");
        check("10.0.0.0/33", "at most 32");
        check("bmc 7", "neither an address nor a host name");
        check("-x", "neither an address nor a host name");
        check("10.[0-255].[0-255].[0-255]", "too large");
    }
}
