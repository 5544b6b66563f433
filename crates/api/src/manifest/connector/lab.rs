//! Virtual machines of laboratories.

use crate::LibvirtOptions;
use crate::manifest::fault::Faults;
use crate::manifest::fields::Fields;

pub(super) fn libvirt(fields: &Fields<'_>, faults: &mut Faults) -> Option<LibvirtOptions> {
    let domain = fields.require("domain", faults).and_then(|node| node.owned("domain", faults));
    let uri = fields.optional("uri", faults, |node, faults| node.owned("uri", faults));
    Some(LibvirtOptions { domain: domain?, uri: uri? })
}
