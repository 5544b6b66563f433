//! Whether a server accepts versions of TLS below 1.2, which our own TLS does not speak: a ClientHello (RFC 4346 section
//! 7.4.1.2) is sent and the version read from the ServerHello. Nothing more of a session comes about.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one try may take.
const TRY: Duration = Duration::from_secs(8);

/// The versions that are tried, by their second number on the wire.
const VERSIONS: [(u8, &str); 2] = [(1, "TLS 1.0"), (2, "TLS 1.1")];

/// Suites that servers of that age know: AES and 3DES with RSA, ECDHE with either kind of key.
const SUITES: [u16; 8] = [0xC014, 0xC013, 0xC00A, 0xC009, 0x0035, 0x002F, 0x000A, 0x0005];

/// From the start of a record to the version in its ServerHello: record header, message type, length, version.
const HEAD: usize = 11;

/// The old versions that a server accepts.
pub(super) async fn accepted(address: IpAddr, port: u16) -> Vec<&'static str> {
    let mut accepted = Vec::new();
    for (minor, name) in VERSIONS {
        let chosen = timeout(TRY, offer(address, port, minor)).await;
        if matches!(chosen, Ok(Some(chosen)) if chosen == minor) {
            accepted.push(name);
        }
    }
    accepted
}

async fn offer(address: IpAddr, port: u16, minor: u8) -> Option<u8> {
    let mut stream = TcpStream::connect((address, port)).await.ok()?;
    let mut random = [0; 32];
    getrandom::fill(&mut random).ok()?;
    stream.write_all(&client_hello(minor, random)).await.ok()?;
    let mut head = [0; HEAD];
    stream.read_exact(&mut head).await.ok()?;
    chosen(&head)
}

/// A record with a ClientHello for version 3.`minor` alone.
fn client_hello(minor: u8, random: [u8; 32]) -> Vec<u8> {
    let mut hello = vec![3, minor];
    hello.extend(random);
    // No session to resume.
    hello.push(0);
    hello.extend((2 * SUITES.len() as u16).to_be_bytes());
    hello.extend(SUITES.iter().flat_map(|suite| suite.to_be_bytes()));
    // No compression.
    hello.extend([1, 0]);
    // Supported groups (RFC 4492 section 5.1.1): P-256, P-384, P-521; uncompressed points.
    let extensions = [0, 10, 0, 8, 0, 6, 0, 23, 0, 24, 0, 25, 0, 11, 0, 2, 1, 0];
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let length = hello.len() as u16;
    let [high, low] = length.to_be_bytes();
    let [record_high, record_low] = (length + 4).to_be_bytes();
    let mut record = vec![22, 3, 1, record_high, record_low, 1, 0, high, low];
    record.extend(hello);
    record
}

/// The second number of the version in a ServerHello; `None` where it is something else.
fn chosen(head: &[u8; HEAD]) -> Option<u8> {
    match head {
        [22, 3, _, _, _, 2, _, _, _, 3, minor] => Some(*minor),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_hello_names_the_version() {
        let check = |head: [u8; HEAD], expected: Option<u8>| assert_eq!(chosen(&head), expected, "{head:?}");
        check([22, 3, 1, 0, 80, 2, 0, 0, 76, 3, 1], Some(1));
        check([22, 3, 3, 0, 80, 2, 0, 0, 76, 3, 3], Some(3));
        // An alert: the version is refused.
        check([21, 3, 1, 0, 2, 2, 70, 0, 0, 0, 0], None);
        check(*b"HTTP/1.1 40", None);
    }

    #[test]
    fn the_lengths_of_a_client_hello_are_those_of_its_parts() {
        let record = client_hello(1, [7; 32]);
        assert_eq!(usize::from(u16::from_be_bytes([record[3], record[4]])), record.len() - 5);
        assert_eq!(usize::from(u16::from_be_bytes([record[7], record[8]])), record.len() - 9);
    }
}
