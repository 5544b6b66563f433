//! Codes of options, named as in the registry "BOOTP Vendor Extensions and DHCP Options" of IANA.

#![allow(missing_docs, reason = "the names are those of the registry")]

pub const PAD: u8 = 0;
pub const SUBNET_MASK: u8 = 1;
pub const ROUTER: u8 = 3;
pub const TIME_SERVER: u8 = 4;
pub const DOMAIN_NAME_SERVER: u8 = 6;
pub const LOG_SERVER: u8 = 7;
pub const HOST_NAME: u8 = 12;
pub const DOMAIN_NAME: u8 = 15;
pub const ROOT_PATH: u8 = 17;
pub const INTERFACE_MTU: u8 = 26;
pub const BROADCAST_ADDRESS: u8 = 28;
pub const NTP_SERVERS: u8 = 42;
pub const VENDOR_SPECIFIC: u8 = 43;
pub const REQUESTED_ADDRESS: u8 = 50;
pub const LEASE_TIME: u8 = 51;
pub const OVERLOAD: u8 = 52;
pub const MESSAGE_TYPE: u8 = 53;
pub const SERVER_IDENTIFIER: u8 = 54;
pub const PARAMETER_REQUEST_LIST: u8 = 55;
pub const MESSAGE: u8 = 56;
pub const MAX_MESSAGE_SIZE: u8 = 57;
pub const RENEWAL_TIME: u8 = 58;
pub const REBINDING_TIME: u8 = 59;
pub const VENDOR_CLASS: u8 = 60;
pub const CLIENT_IDENTIFIER: u8 = 61;
pub const TFTP_SERVER_NAME: u8 = 66;
pub const BOOTFILE_NAME: u8 = 67;
pub const USER_CLASS: u8 = 77;
pub const RAPID_COMMIT: u8 = 80;
pub const CLIENT_FQDN: u8 = 81;
pub const RELAY_AGENT_INFORMATION: u8 = 82;
pub const CLIENT_SYSTEM_ARCHITECTURE: u8 = 93;
pub const CLIENT_NETWORK_INTERFACE: u8 = 94;
pub const CLIENT_MACHINE_IDENTIFIER: u8 = 97;
pub const IPV6_ONLY_PREFERRED: u8 = 108;
pub const CAPTIVE_PORTAL: u8 = 114;
pub const SUBNET_SELECTION: u8 = 118;
pub const DOMAIN_SEARCH: u8 = 119;
pub const CLASSLESS_STATIC_ROUTE: u8 = 121;
pub const VENDOR_IDENTIFYING_CLASS: u8 = 124;
pub const VENDOR_IDENTIFYING_SPECIFIC: u8 = 125;
/// The options of iPXE and before it of Etherboot, encapsulated like option 43.
pub const ETHERBOOT: u8 = 175;
pub const ISCSI_INITIATOR: u8 = 203;
pub const PXELINUX_CONFIG_FILE: u8 = 209;
pub const PXELINUX_PATH_PREFIX: u8 = 210;
/// Classless routes as clients of Microsoft ask for them; the same content as 121.
pub const MICROSOFT_CLASSLESS_ROUTE: u8 = 249;
pub const END: u8 = 255;
