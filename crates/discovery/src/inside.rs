//! What a controller tells of how it is kept to somebody whom it lets in.

use serde::Serialize;

/// What a controller told of how it is kept. What it did not tell is absent, and no fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inside {
    /// The credential that it accepted, by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// The account of that credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Accounts that it lets in with the password of the factory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub factory_accounts: Vec<String>,
    /// The accounts that are enabled and may do everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub administrators: Vec<String>,
    /// After how many wrong passwords an account is locked; 0 is never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lockout_after: Option<u64>,
    /// How its network port is shared with the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_port: Option<NetworkPort>,
    /// Services that it has enabled, of those that are read: `Telnet`, `SNMP v1`, `SNMP v2c`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weak_services: Vec<String>,
    /// Interfaces over which the machine's own operating system reaches the controller, as it names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host_interfaces: Vec<String>,
    /// Those of them that ask for no password.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open_host_interfaces: Vec<String>,
}

/// Which network port a controller uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkPort {
    /// One of its own.
    Dedicated,
    /// One that the machine uses too.
    Shared,
    /// One of its own, and one that the machine uses too where its own has no link.
    Failover,
}

impl NetworkPort {
    /// By the word of a vendor; `None` where it is not one that is known.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        match word.as_str() {
            "dedicated" | "dedicate" => Some(Self::Dedicated),
            "failover" => Some(Self::Failover),
            "shared" | "share" | "sharelan" => Some(Self::Shared),
            // LOM1 to LOM4 are ports of the machine.
            _ if word.starts_with("lom") => Some(Self::Shared),
            _ => None,
        }
    }

    /// By the number in the answer to Supermicro's command for its LAN mode.
    pub(crate) const fn of_supermicro(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Dedicated),
            1 => Some(Self::Shared),
            2 => Some(Self::Failover),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_words_for_a_network_port_are_understood() {
        let check = |word: &str, expected: Option<NetworkPort>| {
            assert_eq!(NetworkPort::of_word(word), expected, "{word}");
        };
        check("Dedicated", Some(NetworkPort::Dedicated));
        check("Dedicate", Some(NetworkPort::Dedicated));
        check("LOM1", Some(NetworkPort::Shared));
        check("LOM4", Some(NetworkPort::Shared));
        check("Share", Some(NetworkPort::Shared));
        check("Failover", Some(NetworkPort::Failover));
        check("", None);
        check("bond0", None);
        assert_eq!(NetworkPort::of_supermicro(2), Some(NetworkPort::Failover));
        assert_eq!(NetworkPort::of_supermicro(9), None);
    }
}
