//! Units that sit between a machine and its buttons, screen and keyboard.

use super::path::tls;
use crate::IpKvmOptions;
use crate::manifest::fault::Faults;
use crate::manifest::fields::Fields;

pub(super) fn ip_kvm(fields: &Fields<'_>, faults: &mut Faults) -> Option<IpKvmOptions> {
    let tls = fields.optional("tls", faults, tls);
    Some(IpKvmOptions { tls: tls? })
}
