//! Management controllers.

use super::path::tls;
use crate::manifest::fault::Faults;
use crate::manifest::fields::Fields;
use crate::manifest::tree::Node;
use crate::{AmtOptions, IpmiOptions, RedfishOptions};

/// The cipher suites that this version speaks, in the order in which they are tried.
const CIPHER_SUITES: [u8; 2] = [17, 3];

pub(super) fn ipmi(fields: &Fields<'_>, faults: &mut Faults) -> Option<IpmiOptions> {
    let cipher_suites = fields.optional("cipherSuites", faults, |node, faults| {
        let suites = node.some_list("cipherSuites", CIPHER_SUITES.len(), faults, cipher_suite)?;
        if suites.len() > 1 && suites[1..].contains(&suites[0]) {
            faults.add(node.place, "`cipherSuites` names a suite twice", None);
            return None;
        }
        Some(suites)
    });
    Some(IpmiOptions { cipher_suites: cipher_suites? })
}

fn cipher_suite(node: &Node, faults: &mut Faults) -> Option<u8> {
    let suite: u8 = node.whole("cipherSuites", 0..=255, faults)?;
    if !CIPHER_SUITES.contains(&suite) {
        let message = format!("cipher suite {suite} is not available in this version");
        faults.add(node.place, message, Some("available: 17, 3".to_owned()));
        return None;
    }
    Some(suite)
}

pub(super) fn redfish(fields: &Fields<'_>, faults: &mut Faults) -> Option<RedfishOptions> {
    let tls = fields.optional("tls", faults, tls);
    let system = fields.optional("system", faults, |node, faults| node.owned("system", faults));
    Some(RedfishOptions { tls: tls?.unwrap_or_default(), system: system? })
}

pub(super) fn amt(fields: &Fields<'_>, faults: &mut Faults) -> Option<AmtOptions> {
    let tls = fields.optional("tls", faults, tls);
    Some(AmtOptions { tls: tls?.unwrap_or_default() })
}
