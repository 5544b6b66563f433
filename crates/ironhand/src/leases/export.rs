//! Leases as other servers keep them, so that one of those can take over.

use std::collections::BTreeMap;
use std::fmt::Write;

use ironhand_api::{DhcpLease, LeaseState, Name, Timestamp};

use crate::args::LeaseForm;

/// Leases in another form.
pub(super) struct Exported {
    /// The file.
    pub(super) text: String,
    /// What the one who uses it must know.
    pub(super) notes: Vec<String>,
}

/// Writes leases in a form.
pub(super) fn export(form: LeaseForm, leases: &[DhcpLease]) -> Exported {
    if form == LeaseForm::Csv {
        return csv(leases);
    }
    // Both keep those of IPv6 in other files, of another form.
    let (v4, v6): (Vec<DhcpLease>, Vec<DhcpLease>) =
        leases.iter().cloned().partition(|lease| lease.address.is_ipv4());
    let mut exported = if form == LeaseForm::Kea { kea(&v4) } else { isc(&v4) };
    if !v6.is_empty() {
        let left_out =
            "leases of IPv6 are left out, as this file is for those of IPv4: --export csv has them";
        exported.notes.push(format!("{} {left_out}", v6.len()));
    }
    exported
}

/// The lease file of Kea (its Administrator Reference Manual, "Memfile - Basic Storage for Leases").
fn kea(leases: &[DhcpLease]) -> Exported {
    let mut text = String::from(
        "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n",
    );
    let mut subnets: BTreeMap<&Name, usize> = BTreeMap::new();
    for lease in leases {
        let next = subnets.len() + 1;
        let subnet = *subnets.entry(&lease.network).or_insert(next);
        let state = match lease.state {
            LeaseState::Bound => 0,
            LeaseState::Declined => 1,
            // Reclaimed: what Kea itself makes of either.
            LeaseState::Expired | LeaseState::Released => 2,
        };
        let DhcpLease { address, hardware_address, client_id, host_name, .. } = lease;
        let (begins, ends) = (seconds(lease.began), seconds(lease.ends));
        // Writing to a string never fails.
        let _ = writeln!(
            text,
            "{address},{hardware_address},{},{},{ends},{subnet},0,0,{},{state},",
            client_id.as_deref().unwrap_or_default(),
            ends.saturating_sub(begins).max(0),
            host_name.as_deref().map(kea_text).unwrap_or_default(),
        );
    }
    let mut notes: Vec<String> = subnets
        .iter()
        .map(|(network, subnet)| {
            format!("the subnet of Network {network} must have the id {subnet} in Kea's configuration")
        })
        .collect();
    notes.push("stop Kea before its lease file is replaced".to_owned());
    Exported { text, notes }
}

/// Commas would be taken for the ends of fields, and are written as Kea writes them.
fn kea_text(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect::<String>().replace(',', "&#x2c")
}

/// The lease file of ISC dhcpd (dhcpd.leases(5)).
fn isc(leases: &[DhcpLease]) -> Exported {
    let mut text = String::from("authoring-byte-order little-endian;\n");
    for lease in leases {
        let state = match lease.state {
            LeaseState::Bound => "active",
            LeaseState::Declined => "abandoned",
            LeaseState::Expired | LeaseState::Released => "free",
        };
        let _ = writeln!(text, "lease {} {{", lease.address);
        let _ = writeln!(text, "  starts {};", isc_time(lease.began));
        let _ = writeln!(text, "  ends {};", isc_time(lease.ends));
        let _ = writeln!(text, "  cltt {};", isc_time(lease.began));
        let _ = writeln!(text, "  binding state {state};");
        if lease.state == LeaseState::Bound {
            text.push_str("  next binding state free;\n");
        }
        if lease.hardware_address.len() == 17 {
            let _ = writeln!(text, "  hardware ethernet {};", lease.hardware_address);
        }
        if let Some(identifier) = &lease.client_id {
            let bytes = identifier.split(':').filter_map(|pair| u8::from_str_radix(pair, 16).ok());
            let _ = writeln!(text, "  uid \"{}\";", bytes.map(isc_byte).collect::<String>());
        }
        if let Some(name) = &lease.host_name {
            let _ =
                writeln!(text, "  client-hostname \"{}\";", name.bytes().map(isc_byte).collect::<String>());
        }
        text.push_str("}\n");
    }
    Exported { text, notes: vec!["stop dhcpd before its lease file is replaced".to_owned()] }
}

/// A byte of a text: what could end it, and what is no letter, in octal digits.
fn isc_byte(byte: u8) -> String {
    match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    }
}

/// A time as dhcpd writes it, in UTC with the day of the week first: `4 2026/11/26 09:30:00`.
fn isc_time(time: Timestamp) -> String {
    // The first of January 1970 was a Thursday.
    let weekday = (seconds(time).div_euclid(86_400) + 4).rem_euclid(7);
    let text = time.to_string();
    let (date, rest) = text.split_once('T').unwrap_or((&text, "00:00:00"));
    format!("{weekday} {} {}", date.replace('-', "/"), rest.get(..8).unwrap_or(rest))
}

fn csv(leases: &[DhcpLease]) -> Exported {
    let mut text =
        String::from("address,network,hardware_address,client_id,host,host_name,state,began,ends\n");
    for lease in leases {
        let DhcpLease { address, network, hardware_address, client_id, state, began, ends, .. } = lease;
        let host = lease.host.as_ref().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(
            text,
            "{address},{network},{hardware_address},{},{host},{},{state},{began},{ends}",
            client_id.as_deref().unwrap_or_default(),
            quoted(lease.host_name.as_deref().unwrap_or_default()),
        );
    }
    Exported { text, notes: Vec::new() }
}

/// A field of a table with commas (RFC 4180). Programs take what begins with certain characters for a formula, which a
/// client may choose as its name.
fn quoted(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let formula = text.starts_with(['=', '+', '-', '@']);
    match (formula, text.contains([',', '"'])) {
        (false, false) => text,
        (formula, _) => format!("\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\"")),
    }
}

fn seconds(time: Timestamp) -> i64 {
    time.as_millis().div_euclid(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(last: u8, state: LeaseState) -> DhcpLease {
        DhcpLease {
            address: [10, 0, 7, last].into(),
            network: "rack".parse().unwrap(),
            hardware_address: "52:54:00:00:00:07".to_owned(),
            client_id: Some("01:52:54:00:00:00:07:22".to_owned()),
            host_name: Some("=a,\"b".to_owned()),
            host: Some("rack7-12".parse().unwrap()),
            state,
            began: Timestamp::from_millis(1_800_000_000_000),
            ends: Timestamp::from_millis(1_800_000_600_000),
        }
    }

    #[test]
    fn other_servers_read_what_is_written() {
        let leases =
            [lease(20, LeaseState::Bound), lease(21, LeaseState::Declined), lease(22, LeaseState::Released)];
        let kea = export(LeaseForm::Kea, &leases);
        let row = "10.0.7.20,52:54:00:00:00:07,01:52:54:00:00:00:07:22,600,1800000600,1,0,0,=a&#x2c\"b,0,";
        assert_eq!(kea.text.lines().nth(1), Some(row));
        assert!(
            kea.text.contains("10.0.7.21,") && kea.text.lines().nth(2).unwrap().ends_with(",1,"),
            "{}",
            kea.text
        );
        assert!(kea.notes[0].contains("Network rack must have the id 1"), "{:?}", kea.notes);
        let isc = export(LeaseForm::Isc, &leases).text;
        let wanted = "lease 10.0.7.20 {\n  starts 5 2027/01/15 08:00:00;\n  ends 5 2027/01/15 08:10:00;\n  cltt 5 2027/01/15 08:00:00;\n  \
            binding state active;\n  next binding state free;\n  hardware ethernet 52:54:00:00:00:07;\n  \
            uid \"\\001RT\\000\\000\\000\\007\\\"\";\n  client-hostname \"=a,\\\"b\";\n}\n";
        assert!(isc.contains(wanted), "{isc}");
        assert!(isc.contains("binding state abandoned;\n") && isc.contains("binding state free;\n"), "{isc}");
        let csv = export(LeaseForm::Csv, &leases).text;
        assert!(csv.contains(",rack7-12,\"'=a,\"\"b\",bound,2027-01-15T08:00:00"), "{csv}");
    }
}
