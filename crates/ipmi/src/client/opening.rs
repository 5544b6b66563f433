//! Setting up a session, in the protocol that the configuration says.

mod ipmi15;
mod probe;
mod rmcp_plus;
mod run;

use std::time::Instant;

use crate::client::config::SessionProtocol;
use crate::client::error::Error;
use crate::client::link::Link;
use crate::client::session::Session;
use crate::fault::IgnoreReason;
use crate::packet::Datagram;
use crate::privilege::PrivilegeLevel;
use ipmi15::Ipmi15;
use rmcp_plus::RmcpPlus;

/// What became of a set-up.
#[derive(Debug)]
pub(super) enum Progress {
    /// It goes on.
    Pending,
    /// The session is open.
    Opened(Box<Session>),
    /// It cannot succeed.
    Failed(Error),
    /// All attempts went unanswered.
    Silent,
}

/// A set-up under way.
#[derive(Debug)]
pub(super) enum Opening {
    RmcpPlus(RmcpPlus),
    Ipmi15(Ipmi15),
}

impl Opening {
    /// Begins a set-up for a session of level `wanted`, or a lower one down to `needed`, and sends its first message.
    pub(super) fn start(
        link: &mut Link,
        now: Instant,
        needed: PrivilegeLevel,
        wanted: PrivilegeLevel,
    ) -> Result<Self, Error> {
        if needed > link.config.privilege {
            return Err(Error::PrivilegeCapped { needed });
        }
        match link.config.protocol {
            SessionProtocol::RmcpPlus => RmcpPlus::start(link, now, needed, wanted).map(Self::RmcpPlus),
            SessionProtocol::Ipmi15(authentication) => {
                Ipmi15::start(link, now, authentication, needed, wanted).map(Self::Ipmi15)
            }
        }
    }

    /// Whether the BMC may have a session by now that only its last answer tells of.
    pub(super) fn may_be_open(&self) -> bool {
        match self {
            Self::RmcpPlus(opening) => opening.may_be_open(),
            Self::Ipmi15(opening) => opening.may_be_open(),
        }
    }

    pub(super) fn next_wake(&self) -> Instant {
        match self {
            Self::RmcpPlus(opening) => opening.next_wake(),
            Self::Ipmi15(opening) => opening.next_wake(),
        }
    }

    /// Acts on a deadline that passed.
    pub(super) fn wake(&mut self, link: &mut Link, now: Instant) -> Progress {
        match self {
            Self::RmcpPlus(opening) => opening.wake(link, now),
            Self::Ipmi15(opening) => opening.wake(link, now),
        }
    }

    pub(super) fn receive(
        &mut self,
        link: &mut Link,
        now: Instant,
        datagram: &Datagram<'_>,
    ) -> Result<Progress, IgnoreReason> {
        match self {
            Self::RmcpPlus(opening) => opening.receive(link, now, datagram),
            Self::Ipmi15(opening) => opening.receive(link, now, datagram),
        }
    }
}
