//! Answers as bytes.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::asking::encapsulated;
use crate::message::{FIXED, finish};
use crate::options::{field_length, write_field};
use crate::{Boot, BootStyle, Client, ClientKind, Message, MessageType, Op, OptionSet, Terms, code};

/// Datagrams of this length pass everywhere (RFC 2131, section 2: 576 bytes with the headers of IP and UDP).
const SMALLEST_LIMIT: usize = 576 - HEADERS;
/// Room for the type of the message, the server, the times and the mask, which stands also beside an option 82 that leaves none.
const LEAST_LIMIT: usize = FIXED + 36;
/// What fits into one frame of Ethernet.
const LARGEST_LIMIT: usize = 1500 - HEADERS;
/// IPv4 and UDP.
const HEADERS: usize = 28;

/// Option 43 for PXE: discovery control (sub-option 6) with bit 3, "take the file that is named" (PXE 2.1, table 2-3).
const NO_DISCOVERY: [u8; 4] = [6, 1, 8, 255];
/// The sub-option by which a client names the item that it chose.
const BOOT_ITEM: u8 = 71;
/// Option 43 as the boot loader of a Raspberry Pi looks for it: discovery control, a menu prompt and a menu with one entry.
const RASPBERRY_PI: &[u8] = b"\x06\x01\x08\x0a\x04\x00PXE\x09\x14\x00\x00\x11Raspberry Pi Boot\xff";
/// iPXE's no-pxedhcp, which saves it three seconds of waiting for a proxy (rule P8).
const NO_PXEDHCP: [u8; 3] = [0xb0, 1, 1];

/// What an answer is made from.
pub(super) struct Reply<'a> {
    pub request: &'a Message,
    pub kind: MessageType,
    pub client: &'a Client<'a>,
    pub server: Ipv4Addr,
    pub address: Ipv4Addr,
    pub mask: Ipv4Addr,
    /// The time of the lease, where an address is given.
    pub lease: Option<Duration>,
    pub terms: Option<&'a Terms>,
    /// What is to be booted, in a form that is settled.
    pub boot: Option<(&'a Boot, BootStyle)>,
}

impl Reply<'_> {
    /// Writes the answer in place of what `out` holds.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.write_header(out);
        let information = self.request.options.get(code::RELAY_AGENT_INFORMATION);
        // Option 82 and the end are certain of their room, and so is what makes the message one, whatever a relay adds.
        let reserve = 1 + information.map_or(0, field_length);
        let limit = self.limit().saturating_sub(reserve).max(LEAST_LIMIT);
        let mut fields = Fields { limit, written: OptionSet::default(), out };
        fields.add(code::MESSAGE_TYPE, &[self.kind as u8]);
        fields.add(code::SERVER_IDENTIFIER, &self.server.octets());
        self.write_lease(&mut fields);
        if let Some(identifier) = self.request.options.get(code::CLIENT_IDENTIFIER) {
            // RFC 6842, section 3: before what may fill the message.
            fields.add(code::CLIENT_IDENTIFIER, identifier);
        }
        if self.kind != MessageType::Nak {
            self.write_terms(&mut fields);
        }
        if let Some(information) = information {
            write_field(code::RELAY_AGENT_INFORMATION, information, out);
        }
        finish(out);
    }

    /// How long the answer may be: option 57 counts the headers of IP and UDP, and is not trusted beyond one frame.
    fn limit(&self) -> usize {
        let asked = self.request.options.u16(code::MAX_MESSAGE_SIZE).unwrap_or_default();
        usize::from(asked).saturating_sub(HEADERS).clamp(SMALLEST_LIMIT, LARGEST_LIMIT)
    }

    fn write_header(&self, out: &mut Vec<u8>) {
        let request = self.request;
        let mut header = Message {
            op: Op::Reply,
            hops: 0,
            xid: request.xid,
            secs: 0,
            flags: request.flags,
            ciaddr: if self.kind == MessageType::Ack { request.ciaddr } else { Ipv4Addr::UNSPECIFIED },
            yiaddr: self.address,
            giaddr: request.giaddr,
            chaddr: request.chaddr,
            ..Message::default()
        };
        if self.kind == MessageType::Nak && !request.giaddr.is_unspecified() {
            // So that the relay broadcasts it: the client believes in another address (RFC 2131, section 4.3.2).
            header.flags |= crate::BROADCAST;
        }
        if let Some((boot, style)) = self.boot {
            header.siaddr = boot.next_server;
            if self.tells_file(style) {
                header.set_file_name(boot.file.as_bytes());
                if let Some(name) = &boot.server_name {
                    header.set_server_name(name.as_bytes());
                }
            }
        }
        header.encode_header(out);
        debug_assert_eq!(out.len(), FIXED);
    }

    fn write_lease(&self, fields: &mut Fields<'_>) {
        if let Some(lease) = self.lease {
            let seconds = seconds(lease);
            fields.add(code::LEASE_TIME, &seconds.to_be_bytes());
            fields.add(code::RENEWAL_TIME, &(seconds / 2).to_be_bytes());
            fields.add(code::REBINDING_TIME, &(seconds - seconds / 8).to_be_bytes());
        }
        if self.is_addressed()
            && self.terms.is_some_and(|terms| terms.options.get(code::SUBNET_MASK).is_none())
        {
            fields.add(code::SUBNET_MASK, &self.mask.octets());
        }
    }

    /// Whether the client has an address, or is given one.
    fn is_addressed(&self) -> bool {
        self.lease.is_some() || self.kind == MessageType::Ack && !self.boot_only()
    }

    fn write_terms(&self, fields: &mut Fields<'_>) {
        let Some(terms) = self.terms else { return };
        self.write_boot(fields);
        // What firmware and iPXE cannot do without stands before what a person may have written any amount of.
        if let Some(uuid) = self.request.options.get(code::CLIENT_MACHINE_IDENTIFIER)
            && self.client.kind != ClientKind::Other
        {
            fields.add(code::CLIENT_MACHINE_IDENTIFIER, uuid);
        }
        if self.is_addressed() {
            self.write_no_pxedhcp(terms, fields);
            self.write_options(terms, fields);
        }
    }

    /// Whether nothing but boot options is given.
    fn boot_only(&self) -> bool {
        self.address.is_unspecified() && self.request.ciaddr.is_unspecified() || self.client.boot_service
    }

    fn write_boot(&self, fields: &mut Fields<'_>) {
        let Some((boot, style)) = self.boot else { return };
        match style {
            BootStyle::HttpClient => fields.add(code::VENDOR_CLASS, b"HTTPClient"),
            BootStyle::NoDiscovery | BootStyle::BootService | BootStyle::RaspberryPi => {
                fields.add(code::VENDOR_CLASS, b"PXEClient");
            }
            BootStyle::File | BootStyle::ByClient => {}
        }
        match style {
            BootStyle::NoDiscovery => self.write_no_discovery(fields),
            BootStyle::RaspberryPi => fields.add(code::VENDOR_SPECIFIC, RASPBERRY_PI),
            _ => {}
        }
        if !self.tells_file(style) {
            return;
        }
        match &boot.server_name {
            Some(name) => fields.add(code::TFTP_SERVER_NAME, name.as_bytes()),
            None => fields.add(code::TFTP_SERVER_NAME, dotted(boot.next_server, &mut [0; 15])),
        }
        fields.add(code::BOOTFILE_NAME, boot.file.as_bytes());
    }

    /// Whether the boot file stands in the answer: in that of port 4011 it does, whatever the offer had.
    fn tells_file(&self, style: BootStyle) -> bool {
        style != BootStyle::BootService || self.kind == MessageType::Ack && self.boot_only()
    }

    /// Option 43 for a file that is to be taken at once, with the boot item that the client chose (PXE 2.1, table 2-3,
    /// PXE_BOOT_ITEM).
    fn write_no_discovery(&self, fields: &mut Fields<'_>) {
        let chosen = self.request.options.get(code::VENDOR_SPECIFIC).unwrap_or_default();
        match encapsulated(chosen).find(|(code, value)| *code == BOOT_ITEM && value.len() == 4) {
            Some((_, &[a, b, c, d])) => {
                fields.add(code::VENDOR_SPECIFIC, &[6, 1, 8, BOOT_ITEM, 4, a, b, c, d, code::END]);
            }
            _ => fields.add(code::VENDOR_SPECIFIC, &NO_DISCOVERY),
        }
    }

    fn write_options(&self, terms: &Terms, fields: &mut Fields<'_>) {
        // In the order in which the client asks (RFC 2132, section 9.8), which decides where there is not room for all.
        let asked = self.client.parameters;
        for code in asked.iter().copied().filter(|code| !is_ours(*code)) {
            let alike = match code {
                code::MICROSOFT_CLASSLESS_ROUTE => code::CLASSLESS_STATIC_ROUTE,
                other => other,
            };
            if let Some(value) = terms.options.get(code).or_else(|| terms.options.get(alike)) {
                fields.add(code, value);
            }
        }
        for (code, value) in terms.options.iter().filter(|(code, _)| !is_ours(*code)) {
            // Nobody is told of IPv6 alone who does not ask (RFC 8925).
            let unasked = asked.is_empty() && code != code::IPV6_ONLY_PREFERRED;
            if unasked || terms.always.contains(code) {
                fields.add(code, value);
            }
        }
    }

    /// Tells iPXE that no proxy will come, beside what else the terms have for it.
    fn write_no_pxedhcp(&self, terms: &Terms, fields: &mut Fields<'_>) {
        let client = self.client;
        if matches!(client.kind, ClientKind::Ipxe(_)) || client.parameters.contains(&code::ETHERBOOT) {
            match terms.options.get(code::ETHERBOOT) {
                Some(value) => fields.add(code::ETHERBOOT, &[&NO_PXEDHCP, value].concat()),
                None => fields.add(code::ETHERBOOT, &NO_PXEDHCP),
            }
        }
    }
}

/// Whether an option is the server's own matter, whatever the terms hold.
fn is_ours(code: u8) -> bool {
    matches!(
        code,
        code::REQUESTED_ADDRESS
            | code::LEASE_TIME
            | code::OVERLOAD
            | code::MESSAGE_TYPE
            | code::SERVER_IDENTIFIER
            | code::PARAMETER_REQUEST_LIST
            | code::RENEWAL_TIME
            | code::REBINDING_TIME
            | code::CLIENT_IDENTIFIER
            | code::RELAY_AGENT_INFORMATION
            | code::CLIENT_MACHINE_IDENTIFIER
            | code::ETHERBOOT
    )
}

/// A time as options hold it; all ones would mean "for ever" (RFC 2131, section 3.3).
fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX).clamp(1, u32::MAX - 1)
}

/// Writes an address as text, without room on the heap.
fn dotted(address: Ipv4Addr, text: &mut [u8; 15]) -> &[u8] {
    let mut length = 0;
    let mut push = |byte| {
        text[length] = byte;
        length += 1;
    };
    for (at, octet) in address.octets().into_iter().enumerate() {
        if at > 0 {
            push(b'.');
        }
        if octet >= 100 {
            push(b'0' + octet / 100);
        }
        if octet >= 10 {
            push(b'0' + octet / 10 % 10);
        }
        push(b'0' + octet % 10);
    }
    &text[..length]
}

/// Writes options as long as they fit.
struct Fields<'a> {
    limit: usize,
    written: OptionSet,
    out: &'a mut Vec<u8>,
}

impl Fields<'_> {
    /// Writes an option that is not there yet, unless the answer would become too long for the client.
    fn add(&mut self, code: u8, value: &[u8]) {
        if self.out.len() + field_length(value) <= self.limit && self.written.insert(code) {
            write_field(code, value, self.out);
        }
    }
}
