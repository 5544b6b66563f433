//! What a client finds out about its BMC.

use crate::privilege::PrivilegeLevel;
use crate::suite::CipherSuite;

/// What a client has found out about its BMC and need not find out again: a value to keep with the BMC's address.
///
/// [`Client::learned`](crate::Client::learned) gives it and [`ClientConfig::learned`](crate::ClientConfig::learned)
/// takes it, so that the first session of the next process costs no trials. It only chooses what is tried first: a BMC
/// that has changed meanwhile is learned anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Learned {
    /// The cipher suite that opened the last session.
    pub suite: Option<CipherSuite>,
    /// The highest privilege level that the user is known to have: the highest of any session so far, or the one below
    /// a level that the BMC refused.
    pub privilege: Option<PrivilegeLevel>,
    /// Whether the BMC has a key Kg of its own, as far as a session or its failure proved it.
    pub kg_is_set: Option<bool>,
}

impl Learned {
    /// A session of this level was opened.
    pub(super) fn opened(&mut self, suite: Option<CipherSuite>, level: PrivilegeLevel, with_kg: bool) {
        self.privilege = self.privilege.max(Some(level));
        if suite.is_some() {
            self.suite = suite;
            self.kg_is_set = Some(with_kg);
        }
    }

    /// The BMC refused this level to the user.
    pub(super) fn refused(&mut self, level: PrivilegeLevel) {
        self.privilege = level.lower();
    }
}
