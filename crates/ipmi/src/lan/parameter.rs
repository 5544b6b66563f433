//! The numbers of the LAN configuration parameters (table 23-4).

/// A parameter's number and what is fixed about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Parameter(pub(crate) u8);

/// Declares the parameters with their numbers.
macro_rules! parameters {
    ($($name:ident = $number:literal,)*) => {
        impl Parameter {
            $(pub(crate) const $name: Self = Self($number);)*
        }
    };
}

parameters! {
    SET_IN_PROGRESS = 0,
    AUTHENTICATION_SUPPORT = 1,
    AUTHENTICATION_ENABLES = 2,
    ADDRESS = 3,
    ADDRESS_SOURCE = 4,
    MAC = 5,
    MASK = 6,
    IPV4_HEADER = 7,
    PRIMARY_PORT = 8,
    SECONDARY_PORT = 9,
    ARP_CONTROL = 10,
    ARP_INTERVAL = 11,
    GATEWAY = 12,
    GATEWAY_MAC = 13,
    BACKUP_GATEWAY = 14,
    BACKUP_GATEWAY_MAC = 15,
    COMMUNITY = 16,
    DESTINATION_COUNT = 17,
    DESTINATION_TYPE = 18,
    DESTINATION_ADDRESS = 19,
    VLAN = 20,
    VLAN_PRIORITY = 21,
    SUITE_COUNT = 22,
    SUITES = 23,
    SUITE_PRIVILEGES = 24,
    DESTINATION_VLAN = 25,
    BAD_PASSWORD_THRESHOLD = 26,
    IPV6_SUPPORT = 50,
    IPV6_ENABLES = 51,
    IPV6_TRAFFIC_CLASS = 52,
    IPV6_HOP_LIMIT = 53,
    IPV6_FLOW_LABEL = 54,
    IPV6_STATUS = 55,
    IPV6_STATIC_ADDRESS = 56,
    IPV6_DHCP_DUID_LENGTH = 57,
    IPV6_DHCP_DUID = 58,
    IPV6_DYNAMIC_ADDRESS = 59,
    IPV6_ROUTER_CONTROL = 64,
    IPV6_ROUTER_1 = 65,
    IPV6_ROUTER_1_MAC = 66,
    IPV6_ROUTER_1_PREFIX_LENGTH = 67,
    IPV6_ROUTER_1_PREFIX = 68,
    IPV6_DYNAMIC_ROUTER_COUNT = 73,
    IPV6_NEIGHBOUR_CONTROL = 80,
}

impl Parameter {
    /// Those that exist once and are worth showing, in the order of their numbers.
    pub(crate) const SHOWN: [Self; 30] = [
        Self::SET_IN_PROGRESS,
        Self::AUTHENTICATION_SUPPORT,
        Self::AUTHENTICATION_ENABLES,
        Self::ADDRESS,
        Self::ADDRESS_SOURCE,
        Self::MAC,
        Self::MASK,
        Self::IPV4_HEADER,
        Self::PRIMARY_PORT,
        Self::SECONDARY_PORT,
        Self::ARP_CONTROL,
        Self::ARP_INTERVAL,
        Self::GATEWAY,
        Self::GATEWAY_MAC,
        Self::BACKUP_GATEWAY,
        Self::BACKUP_GATEWAY_MAC,
        Self::COMMUNITY,
        Self::DESTINATION_COUNT,
        Self::VLAN,
        Self::VLAN_PRIORITY,
        Self::SUITE_COUNT,
        Self::SUITES,
        Self::SUITE_PRIVILEGES,
        Self::BAD_PASSWORD_THRESHOLD,
        Self::IPV6_SUPPORT,
        Self::IPV6_ENABLES,
        Self::IPV6_HOP_LIMIT,
        Self::IPV6_STATUS,
        Self::IPV6_ROUTER_CONTROL,
        Self::IPV6_ROUTER_1,
    ];

    /// How many bytes its data has, and whether the first of them is a set selector; `None` for a parameter that the
    /// BMC side does not have.
    pub(crate) const fn layout(self) -> Option<(usize, bool)> {
        Some(match self {
            Self::DESTINATION_TYPE | Self::DESTINATION_VLAN => (4, true),
            Self::DESTINATION_ADDRESS => (13, true),
            Self::IPV6_STATIC_ADDRESS | Self::IPV6_DYNAMIC_ADDRESS => (20, true),
            Self::IPV6_DHCP_DUID => (18, true),
            Self::AUTHENTICATION_ENABLES => (5, false),
            Self::ADDRESS | Self::MASK | Self::GATEWAY | Self::BACKUP_GATEWAY => (4, false),
            Self::MAC | Self::GATEWAY_MAC | Self::BACKUP_GATEWAY_MAC | Self::IPV6_ROUTER_1_MAC => (6, false),
            Self::IPV4_HEADER | Self::IPV6_FLOW_LABEL | Self::IPV6_STATUS => (3, false),
            Self::PRIMARY_PORT | Self::SECONDARY_PORT | Self::VLAN => (2, false),
            Self::COMMUNITY => (18, false),
            Self::SUITES => (17, false),
            Self::SUITE_PRIVILEGES => (9, false),
            Self::BAD_PASSWORD_THRESHOLD => (6, false),
            Self::IPV6_ROUTER_1 | Self::IPV6_ROUTER_1_PREFIX => (16, false),
            Self::SET_IN_PROGRESS
            | Self::AUTHENTICATION_SUPPORT
            | Self::ADDRESS_SOURCE
            | Self::ARP_CONTROL
            | Self::ARP_INTERVAL
            | Self::DESTINATION_COUNT
            | Self::VLAN_PRIORITY
            | Self::SUITE_COUNT
            | Self::IPV6_SUPPORT
            | Self::IPV6_ENABLES
            | Self::IPV6_TRAFFIC_CLASS
            | Self::IPV6_HOP_LIMIT
            | Self::IPV6_DHCP_DUID_LENGTH
            | Self::IPV6_ROUTER_CONTROL
            | Self::IPV6_ROUTER_1_PREFIX_LENGTH
            | Self::IPV6_DYNAMIC_ROUTER_COUNT
            | Self::IPV6_NEIGHBOUR_CONTROL => (1, false),
            _ => return None,
        })
    }

    /// Whether consoles can only read it.
    pub(crate) const fn is_read_only(self) -> bool {
        matches!(
            self,
            Self::AUTHENTICATION_SUPPORT
                | Self::DESTINATION_COUNT
                | Self::SUITE_COUNT
                | Self::SUITES
                | Self::IPV6_SUPPORT
                | Self::IPV6_STATUS
                | Self::IPV6_DHCP_DUID_LENGTH
                | Self::IPV6_DYNAMIC_ADDRESS
                | Self::IPV6_DYNAMIC_ROUTER_COUNT
        )
    }
}
