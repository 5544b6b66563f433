//! The Simple Service Discovery Protocol, as Redfish services answer it (DSP0266 section 10, UPnP Device Architecture 1.1
//! section 1.3).

use std::net::{Ipv4Addr, SocketAddrV4};

use serde::Serialize;

use crate::descriptor::text;

/// Where searches are sent, so that every service of the network hears them.
pub(crate) const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), PORT);

/// The UDP port of SSDP.
pub(crate) const PORT: u16 = 1900;

/// What is searched for.
const REDFISH: &str = "urn:dmtf-org:service:redfish-rest:";

/// Within how many seconds services answer, at a moment of their choice.
pub(crate) const PATIENCE: u8 = 2;

/// What a Redfish service answers to a search.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Announced {
    /// The address of its service root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The identifier of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
}

/// A search for Redfish services of any version.
pub(crate) fn search() -> Vec<u8> {
    format!("M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}\r\nMAN: \"ssdp:discover\"\r\nMX: {PATIENCE}\r\nST: {REDFISH}1\r\n\r\n")
        .into_bytes()
}

/// Reads an answer; `None` where it is none of a Redfish service.
pub(crate) fn read(datagram: &[u8]) -> Option<Announced> {
    let answer = String::from_utf8_lossy(datagram);
    let mut lines = answer.lines();
    let mut status = lines.next()?.split_ascii_whitespace();
    if !status.next()?.starts_with("HTTP/1.") || status.next()? != "200" {
        return None;
    }
    let (mut announced, mut is_redfish) = (Announced::default(), false);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match name.trim().to_ascii_uppercase().as_str() {
            "ST" => is_redfish = value.starts_with(REDFISH),
            "USN" => {
                announced.uuid =
                    value.strip_prefix("uuid:").and_then(|rest| rest.split(':').next()).and_then(text)
            }
            "AL" => announced.root = text(value.trim_matches(['<', '>'])),
            _ => {}
        }
    }
    is_redfish.then_some(announced)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANSWER: &str = "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nST: urn:dmtf-org:service:redfish-rest:1:6\r\n\
        USN: uuid:92384634-2938-2342-8820-489239905423::urn:dmtf-org:service:redfish-rest:1:6\r\n\
        AL: https://10.0.0.7/redfish/v1/\r\nEXT:\r\n\r\n";

    #[test]
    fn a_redfish_service_tells_its_root_and_identifier() {
        let announced = read(ANSWER.as_bytes()).expect("a Redfish service");
        assert_eq!(announced.root.as_deref(), Some("https://10.0.0.7/redfish/v1/"));
        assert_eq!(announced.uuid.as_deref(), Some("92384634-2938-2342-8820-489239905423"));
    }

    #[test]
    fn what_is_no_redfish_service_is_passed_over() {
        let check = |datagram: &str| assert_eq!(read(datagram.as_bytes()), None, "{datagram}");
        check("");
        check("HTTP/1.1 200 OK\r\n\r\n");
        check(&ANSWER.replace("redfish-rest", "other"));
        check(&ANSWER.replace("200 OK", "404 Not Found"));
        check("NOTIFY * HTTP/1.1\r\nNT: urn:dmtf-org:service:redfish-rest:1\r\n\r\n");
        assert_eq!(
            read(b"HTTP/1.1 200\r\nst:urn:dmtf-org:service:redfish-rest:1\n"),
            Some(Announced::default())
        );
    }

    proptest! {
        #[test]
        fn any_answer_is_read(datagram in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = read(&datagram);
        }
    }
}
